from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debateqd.agents.models.base import Message, Reply, Request, Sampling, Usage
from debateqd.agents.models.openai.wire import GarbageError, read_probabilities, read_reply

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


def one(data: bytes, request: Request = ASK) -> Reply | str:
    (reply,) = read_reply(data, request, TAGS).replies
    return reply


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


@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        ("stop", "stop"),
        (None, "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("content_filter", "refused"),
    ],
)
def test_finish_reasons(finish: str | None, expected: str) -> None:
    reply = one(body(finish=finish))
    assert isinstance(reply, Reply)
    assert (reply.text, reply.finish_reason) == ("Hello.", expected)


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
    with pytest.raises(GarbageError) as info:
        read_reply(data, ASK, TAGS)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    "data",
    [
        body(None),
        body(""),
        body("  \n"),
        body("<think>so</think>"),
        body("no\x00ise"),
        body("a\x1b[0m"),
        body("caf\ufffd"),
        body("half \ud83d"),
        body(17),
        body({"text": "x"}),
        body("x", "error"),
        b'{"choices": [{"message": "x"}]}',
        b'{"choices": [17]}',
        b'{"choices": [{}]}',
    ],
)
def test_what_holds_no_usable_text_is_garbage(data: bytes) -> None:
    assert isinstance(one(data), str)


def test_an_error_inside_a_good_status_keeps_its_code() -> None:
    with pytest.raises(GarbageError) as info:
        read_reply(b'{"error": {"message": "upstream is busy", "code": 429}}', ASK, TAGS)
    assert info.value.code == 429
    assert "upstream is busy" in str(info.value)


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
    assert (reading.cached, reading.known) == (64, True)
    reading = read_reply(body(), ASK, TAGS)
    assert (reading.usage, reading.cached, reading.known) == (Usage(), None, False)
    odd = {"prompt_tokens": -5, "completion_tokens": "many", "prompt_tokens_details": 3}
    assert read_reply(body(usage=odd), ASK, TAGS).usage == Usage()


def test_several_replies_share_one_prompt() -> None:
    choices = [{"message": {"content": c}, "finish_reason": "stop"} for c in ("a", "", "c")]
    usage = {"prompt_tokens": 90, "completion_tokens": 10}
    data = json.dumps({"choices": choices, "usage": usage}).encode()
    first, second, third = read_reply(data, ASK, TAGS, 3).replies
    assert first == Reply("a", usage=Usage(90, 4))
    assert isinstance(second, str)
    assert third == Reply("c", usage=Usage(0, 3))
    with pytest.raises(GarbageError, match="3 choices instead of 2"):
        read_reply(data, ASK, TAGS, 2)


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
    assert isinstance(one(body("A\ufffd!"), PICK), str)


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
        with contextlib.suppress(GarbageError):
            read_reply(json.dumps(data).encode(), PICK, TAGS)
