from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionMessage

from debateqd.agents.models.base import Message, Reply, Request, Sampling, Usage
from debateqd.agents.models.openai.wire import Garbage, read_probabilities, read_reply

TAGS = ("<think>", "</think>")
ASK = Request((Message("user", "?"),), Sampling(), 1)
PICK = ASK._replace(choices=("A", "B"))


def body(
    content: Any = "Hello.",
    finish: Any = "stop",
    logprobs: Any = None,
    usage: Any = None,
    **message: Any,
) -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, **message},
        "finish_reason": finish,
        "logprobs": logprobs,
    }
    reply: dict[str, Any] = {"id": "x", "choices": [choice]}
    if usage is not None:
        reply["usage"] = usage
    return json.dumps(reply).encode()


def one(data: bytes, request: Request = ASK) -> Reply | Garbage:
    return read_reply(data, request, TAGS).reply


def tokens(*entries: tuple[str, dict[str, float]]) -> dict[str, Any]:
    return {
        "content": [
            {
                "token": token,
                "logprob": math.log(top.get(token, 0.5)),
                "top_logprobs": [
                    {"token": t, "logprob": math.log(p), "bytes": None} for t, p in top.items()
                ],
            }
            for token, top in entries
        ]
    }


WORDS = {
    "stop": "stop STOP eos eos_token end_turn endoftext END_OF_TEXT stop_sequence STOP_SEQUENCE "
    "COMPLETE completed FINISH_REASON_STOP",
    "length": "length LENGTH max_tokens MAX_TOKENS max_output_tokens model_length token_limit "
    "max_new_tokens MAX-TOKENS ERROR_LIMIT model_context_window_exceeded not_finished limit",
    "refused": "content_filter content_filtered ContentFilter SAFETY IMAGE_SAFETY refusal "
    "RECITATION BLOCKLIST PROHIBITED_CONTENT SPII guardrail_intervened ERROR_TOXIC sensitive",
    "unknown": "something_new OTHER tool_calls 17 unstoppable lengthy",
}


@pytest.mark.parametrize(
    ("word", "expected"), [(word, end) for end, words in WORDS.items() for word in words.split()]
)
def test_finish_reasons(word: str, expected: str) -> None:
    reading = read_reply(body(finish=word), ASK, TAGS)
    reply = reading.reply
    assert isinstance(reply, Reply)
    assert (reply.text, reply.finish_reason) == ("Hello.", expected)
    assert reading.unknown_end == (expected == "unknown")


@pytest.mark.parametrize("word", ["error", "abort", "CANCELLED", "insufficient_system_resource"])
def test_a_reply_that_its_server_broke_off_is_none(word: str) -> None:
    assert one(body(finish=word)) == Garbage(f"the server broke off ({word!r})")


@pytest.mark.parametrize("word", [None, "", "newest_word", 3])
@pytest.mark.parametrize(
    ("text", "used", "expected"),
    [
        ("It is so.", 9, "unknown"),
        ("\u6240\u4ee5\u662f\u3002", 9, "unknown"),
        ('He said "so."', 9, "unknown"),
        ("And <quote>that</quote>", 9, "unknown"),
        ('{"a": 1}', 9, "unknown"),
        ("It is so.", 512, "length"),
        ("It is so because the", 9, "length"),
        ("A", 1, "length"),
    ],
)
def test_an_unknown_end_is_never_a_good_one(
    word: object, text: str, used: int, expected: str
) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": used}
    reading = read_reply(body(text, word, usage=usage), ASK, TAGS)
    reply = reading.reply
    assert isinstance(reply, Reply)
    assert (reply.text, reply.finish_reason, reading.unknown_end) == (text, expected, 1)
    for request in (ASK, PICK):
        assert "reason" in str(one(body("", "newest_word"), request))


def test_a_letter_with_an_unknown_end_is_no_vote() -> None:
    for finish in ("MAX_TOKENS", "newest_word", None):
        reply = one(body("A", finish), PICK)
        assert isinstance(reply, Reply)
        assert (reply.text, reply.finish_reason) == ("A", "length")
    for text, known in (('{"answer": "A"}', None), ("A", tokens(("A", {"A": 0.9, "B": 0.1})))):
        reply = one(body(text, "newest_word", logprobs=known), PICK)
        assert isinstance(reply, Reply)
        assert (reply.text, reply.probabilities is None) == ("A", known is None)
        assert reply.finish_reason == ("stop" if known is None else "length")


def test_a_refusal_is_one_also_where_it_has_a_field_of_its_own() -> None:
    assert one(body(None, refusal="I will\nnot.")) == Reply("I will not.", "refused")
    assert one(body("", "content_filter")) == Reply("", "refused")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  \n",
        b"<html></html>",
        body()[:40],
        b"[]",
        b"null",
        b'"text"',
        b'{"choices": []}',
        b'{"choices": null}',
        b'{"object": "chat.completion"}',
        b'{"choices": "none"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_reply_is_garbage(data: bytes) -> None:
    garbage = read_reply(data, ASK, TAGS).reply
    assert isinstance(garbage, Garbage)
    assert garbage.why
    assert "\n" not in garbage.why


@pytest.mark.parametrize(
    "data",
    [
        body(None),
        body(17),
        body({"text": "x"}),
        body("x", "error"),
        b'{"choices": [{"message": "x"}]}',
        b'{"choices": [17]}',
        b'{"choices": [{}]}',
    ],
)
def test_what_holds_no_text_is_garbage(data: bytes) -> None:
    assert isinstance(one(data), Garbage)


@pytest.mark.parametrize("text", ["", "  \n", "no\x00ise", "a\x1b[0m", "caf\ufffd"])
def test_what_a_text_is_worth_is_for_others_to_say(text: str) -> None:
    assert one(body(text)) == Reply(text)


def test_an_error_inside_a_good_status_keeps_its_code() -> None:
    data = b'{"error": {"message": "upstream is busy", "code": 429}}'
    assert read_reply(data, ASK, TAGS).reply == Garbage("upstream is busy", 429)


def test_a_web_page_says_which() -> None:
    page = b"<!doctype html><head><title>Sign in</title>" + b" " * 5000
    assert read_reply(page, ASK, TAGS).reply == Garbage(
        "the reply is a web page instead of JSON (Sign in)"
    )


def test_text_keeps_its_tabs_and_lines_and_other_scripts() -> None:
    text = "One.\n\tTwo \u2014 \u00e9\u4e2d\U0001f600."
    assert one(body(text)) == Reply(text)


def test_half_a_character_at_the_limit_is_cut_off() -> None:
    assert one(body("So it is \ufffd", "length")) == Reply("So it is ", "length")


def test_content_in_parts() -> None:
    parts = [{"type": "text", "text": "One "}, {"type": "text", "text": "two."}]
    assert one(body(parts)) == Reply("One two.")


def test_thinking_is_stripped_and_counted() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 40}
    reply = one(body("<think>12345678901234567</think>So it is then, is it.", usage=usage))
    assert isinstance(reply, Reply)
    assert reply.text == "So it is then, is it."
    assert 20 <= reply.usage.thinking_tokens <= 30
    told = {**usage, "completion_tokens_details": {"reasoning_tokens": 31}}
    reply = one(body("<think>1</think>So.", usage=told))
    assert isinstance(reply, Reply)
    assert reply.usage == Usage(5, 40, 31)


def test_thinking_in_a_field_of_its_own_is_no_text() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 40}
    for field in ("reasoning_content", "reasoning"):
        reply = one(body("12345", usage=usage, **{field: "123456789012345"}))
        assert isinstance(reply, Reply)
        assert reply.text == "12345"
        assert reply.usage.thinking_tokens == 30


@pytest.mark.parametrize("finish", ["length", "stop"])
def test_thinking_without_end_leaves_nothing(finish: str) -> None:
    reply = one(body("<think>on and on", finish))
    assert isinstance(reply, Reply)
    assert (reply.text, reply.finish_reason) == ("", "length")


def test_usage_is_read_or_zero() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 64},
    }
    reading = read_reply(body(usage=usage), ASK, TAGS)
    assert reading.usage == Usage(100, 7)
    assert reading.cached == 64
    reading = read_reply(body(), ASK, TAGS)
    assert (reading.usage, reading.cached) == (Usage(), 0)
    odd = {"prompt_tokens": -5, "completion_tokens": "many", "prompt_tokens_details": 3}
    assert read_reply(body(usage=odd), ASK, TAGS).usage == Usage()


def test_replies_are_read_as_the_package_reads_them() -> None:
    """In any of its versions: what it makes of a reply says the same as what we read."""
    top = {"A": 0.6, "B": 0.3}
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 7,
        "total_tokens": 107,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    data = json.loads(body("A", "stop", tokens(("A", top)), usage))
    data |= {"object": "chat.completion", "created": 1, "model": "m"}
    theirs = ChatCompletion.model_validate(data)
    ours = read_reply(theirs.model_dump_json().encode(), PICK, TAGS)
    again = read_reply(json.dumps(data).encode(), PICK, TAGS)
    assert ours == again._replace(logprobs=ours.logprobs)
    reply = ours.reply
    (choice,) = theirs.choices
    assert isinstance(reply, Reply)
    assert theirs.usage is not None
    assert theirs.usage.prompt_tokens_details is not None
    assert choice.logprobs is not None
    assert choice.logprobs.content is not None
    assert (reply.text, reply.finish_reason) == (choice.message.content, choice.finish_reason)
    assert reply.usage[:2] == (theirs.usage.prompt_tokens, theirs.usage.completion_tokens)
    assert ours.cached == theirs.usage.prompt_tokens_details.cached_tokens
    shown = {t.token: math.exp(t.logprob) for t in choice.logprobs.content[0].top_logprobs}
    assert reply.probabilities == pytest.approx([shown[x] / sum(shown.values()) for x in "AB"])
    refusal = ChatCompletionMessage(role="assistant", refusal="No.")
    assert one(body(**refusal.model_dump(exclude={"role"}))) == Reply("No.", "refused")


# --- verdicts -------------------------------------------------------------------------------------


def test_probabilities_are_scaled_and_the_rest_reported() -> None:
    found = tokens(("A", {"A": 0.4, " A": 0.1, "B": 0.25, "The": 0.2, "a": 0.05}))
    reply = one(body("A", logprobs=found), PICK)
    assert isinstance(reply, Reply)
    assert reply.probabilities == pytest.approx((2 / 3, 1 / 3))
    assert reply.missing_mass == pytest.approx(0.25)
    assert reply.text == "A"


def test_the_case_of_a_letter_counts() -> None:
    found = tokens(("a", {"a": 0.9, "B": 0.1}))
    assert read_probabilities(found, ("A", "B"), TAGS)[0] == (0.0, 1.0)


@pytest.mark.parametrize(
    ("space", "letters"),
    [
        ("\u0120", ("\u0120A", "\u0120B")),
        ("\u2581", ("\u2581A", "\u2581B")),
        ("\u010a", ("A", "B")),
        ("<0x0A>", ("A", "B")),
    ],
)
def test_tokens_as_their_vocabulary_writes_them(space: str, letters: tuple[str, str]) -> None:
    first, second = letters
    found = tokens((space, {space: 1.0}), (first, {first: 0.6, "B": 0.1, second: 0.2}))
    other = 0.2 if second == "B" else 0.3  # "B" with and without its space are two tokens
    probabilities, missing = read_probabilities(found, ("A", "B"), TAGS)
    assert probabilities == pytest.approx((0.6 / (0.6 + other), other / (0.6 + other)))
    assert missing == pytest.approx(0.4 - other)


HEAD_OF_FINAL = ("<|channel|>", "final", "<|message|>")


@pytest.mark.parametrize(
    "before",
    [
        ("<|channel|>", "analysis", "<|message|>", "A", "<|end|>", *HEAD_OF_FINAL),
        ("analysis", "We", " say", " A", "assistant", "final"),
    ],
)
def test_the_letter_is_read_in_the_final_channel(before: tuple[str, ...]) -> None:
    noise = {"A": 0.9, "B": 0.1}
    found = tokens(*((token, noise) for token in before), ("B", {"B": 0.6, "A": 0.4}))
    assert read_probabilities(found, ("A", "B"), TAGS)[0] == pytest.approx((0.4, 0.6))
    unfinished = tokens(*((token, noise) for token in before[:4]))
    assert read_probabilities(unfinished, ("A", "B"), TAGS) == (None, None)
    text = "".join((*before, "B"))
    reply = one(body(text, logprobs=found), PICK)
    assert isinstance(reply, Reply)
    assert (reply.text, reply.finish_reason) == ("B", "stop")


def test_white_space_and_thinking_before_the_letter_are_passed_over() -> None:
    verdict = ("B", {"B": 0.6, "A": 0.4})
    noise = {"A": 0.9, "B": 0.1}
    for before in (
        [("\n", noise)],
        [("<think>", noise), ("A", noise), ("</think>", noise), ("\n\n", noise)],
        [("A", noise), ("</th", noise), ("ink>", noise), (" ", noise)],
    ):
        found = read_probabilities(tokens(*before, verdict), ("A", "B"), TAGS)[0]
        assert found == pytest.approx((0.4, 0.6))


def test_thinking_sent_apart_does_not_count_as_the_answer() -> None:
    noise = {"A": 0.9, "B": 0.1}
    found = tokens(("A", noise), (" or", noise), ("B", {"B": 0.6, "A": 0.4}))
    reply = one(body("B", logprobs=found, reasoning="A or"), PICK)
    assert isinstance(reply, Reply)
    assert reply.probabilities == pytest.approx((0.4, 0.6))


def test_no_choice_among_the_likeliest_means_no_probabilities() -> None:
    found = tokens(("Well", {"Well": 0.7, "So": 0.3}))
    assert read_probabilities(found, ("A", "B"), TAGS) == (None, None)
    reply = one(body("Well, A", logprobs=found), PICK)
    assert isinstance(reply, Reply)
    assert (reply.text, reply.probabilities, reply.missing_mass) == ("Well, A", None, None)


def test_the_likelier_choice_stands_for_a_text_that_is_none() -> None:
    found = tokens(("The", {"The": 0.7, "B": 0.2, "A": 0.1}))
    reply = one(body("The answer", "length", logprobs=found), PICK)
    assert isinstance(reply, Reply)
    assert (reply.text, reply.finish_reason) == ("B", "stop")
    assert reply.missing_mass == pytest.approx(0.7)


def test_noise_after_a_letter_does_not_matter_where_its_probability_is_known() -> None:
    found = tokens(("A", {"A": 0.7, "B": 0.2, "The": 0.1}), ("\ufffd", {"\ufffd": 1.0}))
    reply = one(body("A\ufffd!", logprobs=found), PICK)
    assert isinstance(reply, Reply)
    assert (reply.text, reply.finish_reason) == ("A", "stop")
    unread = one(body("A\ufffd!"), PICK)
    assert isinstance(unread, Reply)
    assert unread.probabilities is None


def test_a_verdict_as_json_or_with_space_is_the_choice() -> None:
    for text in ('{"answer": "B"}', " B\n", "B"):
        reply = one(body(text), PICK)
        assert isinstance(reply, Reply)
        assert reply.text == "B"
    reply = one(body("B is right"), PICK)
    assert isinstance(reply, Reply)
    assert reply.text == "B is right"


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        [],
        {},
        {"content": None},
        {"content": [None]},
        {"content": [{}]},
        {"content": [{"token": 5}]},
        {"content": [{"token": "A", "logprob": "x", "top_logprobs": "y"}]},
        {"content": [{"token": "A", "logprob": 3.0, "top_logprobs": [{"token": "A"}]}]},
        {"content": [{"token": "A", "logprob": float("nan"), "top_logprobs": [7]}]},
        {"content": [{"token": "<think>", "logprob": 0.0}]},
        {"content": [{"token": "A", "logprob": -9999.0, "top_logprobs": []}]},
    ],
)
def test_odd_log_probabilities_are_none(logprobs: Any) -> None:
    assert read_probabilities(logprobs, ("A", "B"), TAGS) == (None, None)


@given(st.dictionaries(st.sampled_from(["A", " A", "B", "\nB", "C", "x"]), st.floats(1e-6, 1)))
def test_probabilities_always_are_a_distribution(weights: dict[str, float]) -> None:
    total = sum(weights.values()) * 1.01
    found = tokens(("x", {t: w / total for t, w in weights.items()}))
    probabilities, missing = read_probabilities(found, ("A", "B"), TAGS)
    if probabilities is not None:
        assert sum(probabilities) == pytest.approx(1)
        assert min(probabilities) >= 0
        assert missing is not None
        assert 0 <= missing <= 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "choices",
                        "message",
                        "content",
                        "usage",
                        "error",
                        "finish_reason",
                        "logprobs",
                        "token",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_no_json_at_all_makes_it_raise_anything_else(value: Any) -> None:
    for data in (
        value,
        {"choices": value},
        {"choices": [value]},
        {"choices": [{"message": value}]},
    ):
        assert read_reply(json.dumps(data).encode(), PICK, TAGS).reply
