from __future__ import annotations

import math
from functools import partial

import pytest

from debateqd.agents.models.base import Message, Request, Sampling
from debateqd.agents.models.vllm.choices import choice_tokens
from debateqd.agents.models.vllm.stages import Abilities, Generated, Prompt, answering

OPEN, CLOSE, END = 90, 91, 92
TAGS = ("<think>", "</think>")


def by_character(text):
    return [ord(character) for character in text.strip()]


def abilities(**changes):
    options = {
        "context_length": 100,
        "choices": partial(choice_tokens, encode=by_character, token=lambda text: None),
        "tags": TAGS,
        "opening": OPEN,
        "closing": CLOSE,
        "closed": (1, CLOSE, 1),
        "budget": 20,
    }
    return Abilities(**{**options, **changes})


def request(*, choices=None, schema=None, max_tokens=10, temperature=0.7):
    messages = (Message("system", "Rules."), Message("user", "Why?"))
    return Request(messages, Sampling(max_tokens, temperature, 0.9), 5, choices, schema)


def verdict(choices=("A", "B")):
    return request(choices=choices, temperature=0.0)


def run(stages, *answers):
    """Drive stages with answers; return every question and the reply."""
    asked, given = [], None
    for answer in (*answers, None):
        try:
            ask = stages.send(given)
        except StopIteration as end:
            assert answer is None, "it ended early"
            return asked, end.value
        assert answer is not None, f"it asks for more: {ask}"
        asked.append(ask)
        given = answer
    raise AssertionError("unreachable")


def seen(**probabilities):
    """An answer with the probabilities of tokens; ``opening`` is the opening tag."""
    logs = {
        OPEN if name == "opening" else ord(name): math.log(value)
        for name, value in probabilities.items()
    }
    return Generated([0], "", "length", None, logs)


def test_a_text_is_generated_in_one_stage():
    asked, reply = run(
        answering(request(schema="{}"), Prompt([1, 2, 3]), abilities()),
        Generated([7, 8], "So it is.", "stop"),
    )
    (ask,) = asked
    assert (ask.ids, ask.max_tokens, ask.seed) == ([1, 2, 3], 10, 5)
    assert (ask.temperature, ask.top_p) == (0.7, 0.9)
    assert (ask.schema, ask.stop_ids, ask.watch) == ("{}", (), ())
    assert (reply.text, reply.finish_reason, reply.usage) == ("So it is.", "stop", (3, 2, 0))


@pytest.mark.parametrize(
    ("reason", "finish"), [("stop", "stop"), ("length", "length"), ("repetition", "length")]
)
def test_ends_of_a_text_are_translated(reason, finish):
    _, reply = run(answering(request(), Prompt([1]), abilities()), Generated([7], "x", reason))
    assert reply.finish_reason == finish


@pytest.mark.parametrize("reason", ["abort", "error", "something new"])
def test_a_text_that_the_engine_gave_up_is_an_error(reason):
    _, reply = run(answering(request(), Prompt([1]), abilities()), Generated([], "x", reason))
    assert (reply.finish_reason, reply.text) == ("error", "")
    assert reason in reply.error


def test_a_prompt_that_just_fits_is_answered():
    run(answering(request(), Prompt([0] * 90), abilities()), Generated([7], "x"))
    run(answering(verdict(), Prompt([0] * 99), abilities()), seen(A=0.5, B=0.5))


@pytest.mark.parametrize(
    ("asked", "tokens", "numbers"),
    [
        (request(), 95, "95 tokens, 5 more than the 90 that a context of 100 leaves"),
        (verdict(), 1234, "1,234 tokens, 1,135 more than the 99 that a context of 100 leaves"),
        (request(max_tokens=200), 3, "3 tokens, 3 more than the 0 that"),
    ],
)
def test_a_prompt_that_does_not_fit_is_told_with_the_numbers(asked, tokens, numbers):
    _, reply = run(answering(asked, Prompt([0] * tokens), abilities()))
    assert (reply.finish_reason, reply.error_kind) == ("error", "context_too_long")
    assert numbers in reply.error
    assert "\n" not in reply.error
    assert reply.usage.prompt_tokens == tokens


def test_a_verdict_needs_one_token():
    asked, reply = run(answering(verdict(), Prompt([1, 2]), abilities()), seen(A=0.1, B=0.3))
    (ask,) = asked
    assert (ask.ids, ask.max_tokens, ask.temperature) == ([1, 2], 1, 0.0)
    assert ask.watch == (ord("A"), ord("B"))
    assert (reply.text, reply.finish_reason, reply.usage) == ("B", "stop", (2, 1, 0))
    assert reply.probabilities == pytest.approx((0.25, 0.75))
    assert reply.missing_mass == pytest.approx(0.6)


def test_choices_that_cannot_be_told_apart_are_an_error():
    _, reply = run(answering(verdict(("A", "A")), Prompt([1]), abilities()))
    assert (reply.finish_reason, reply.error_kind) == ("error", "bad_reply")


def test_a_block_that_the_template_opened_is_finished_first():
    asked, reply = run(
        answering(request(schema="{}"), Prompt([1, OPEN], "open"), abilities()),
        Generated([5, 6, CLOSE], "let me see", "stop", CLOSE),
        Generated([7], "\n\nSo it is.", "stop"),
    )
    think, speak = asked
    assert (think.ids, think.max_tokens, think.stop_ids, think.schema) == (
        [1, OPEN],
        20,
        (CLOSE,),
        None,
    )
    assert (speak.ids, speak.max_tokens, speak.schema) == ([1, OPEN, 5, 6, CLOSE], 10, "{}")
    assert speak.seed != think.seed
    assert (reply.text, reply.usage) == ("So it is.", (2, 4, 3))


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (Generated([5, 6], "hm", "length"), [5, 6]),  # out of budget
        (Generated([5, END], "hm", "stop"), [5]),  # the model ended its turn
    ],
)
def test_thinking_that_does_not_end_is_closed(answer, kept):
    asked, reply = run(
        answering(request(), Prompt([1], "open"), abilities()), answer, Generated([7], "x")
    )
    assert asked[1].ids == [1, *kept, 1, CLOSE, 1]
    assert reply.usage == (1, 3, 2)


def test_thinking_leaves_room_for_the_reply():
    asked, _ = run(
        answering(request(), Prompt([0] * 80, "open"), abilities()),
        Generated([5], "", "length"),
        Generated([7], "x"),
    )
    assert asked[0].max_tokens == 100 - 80 - 10 - 3
    asked, _ = run(answering(request(), Prompt([0] * 87, "open"), abilities()), Generated([7], "x"))
    assert asked[0].ids[-3:] == [1, CLOSE, 1]  # none at all


def test_tags_of_several_tokens_are_looked_for_in_the_text():
    asked, _ = run(
        answering(request(), Prompt([1], "open"), abilities(opening=None, closing=None)),
        Generated([5, 6], "hm</think>", "stop", "</think>"),
        Generated([7], "x"),
    )
    assert (asked[0].stop_ids, asked[0].stop_text) == ((), "</think>")
    assert asked[1].ids == [1, 5, 6]


def test_a_text_that_opens_a_block_goes_on_after_it():
    asked, reply = run(
        answering(request(), Prompt([1], "maybe"), abilities()),
        Generated([OPEN], "", "stop", OPEN),
        Generated([5, CLOSE], "hm", "stop", CLOSE),
        Generated([7, 8], " Yes.", "length"),
    )
    assert asked[0].stop_ids == (OPEN,)
    assert asked[1].ids == [1, OPEN]
    assert (asked[2].ids, asked[2].stop_ids) == ([1, OPEN, 5, CLOSE], ())
    assert asked[2].max_tokens == 10
    assert (reply.text, reply.finish_reason, reply.usage) == ("Yes.", "length", (1, 5, 3))


@pytest.mark.parametrize(
    ("thinking", "opening", "answers"),
    [
        ("no", OPEN, [Generated([7], "x")]),
        ("open", OPEN, [Generated([5, CLOSE], "hm", "stop", CLOSE), Generated([7], "x")]),
        ("maybe", OPEN, [Generated([7], "x")]),
        ("maybe", None, [Generated([7], "x")]),
    ],
)
def test_stop_strings_end_a_text_and_never_thinking(thinking, opening, answers):
    stop = ("</side>", "<question>")
    asked, reply = run(
        answering(request()._replace(stop=stop), Prompt([1], thinking), abilities(opening=opening)),
        *answers,
    )
    assert reply.text == "x"
    told = [ask.stops for ask in asked]
    # Without a token of its own, an opening tag cannot be told from text before it is all there.
    assert told == [*[()] * (len(answers) - 1), stop if opening else ()]


def test_a_model_that_may_think_and_does_not_answers_in_one_stage():
    _, reply = run(
        answering(request(), Prompt([1], "maybe"), abilities()), Generated([7], " Yes. ", "stop")
    )
    assert (reply.text, reply.usage) == (" Yes. ", (1, 1, 0))
    asked, reply = run(
        answering(verdict(), Prompt([1], "maybe"), abilities()),
        seen(A=0.001, B=0.002, opening=0.49),
    )
    assert asked[0].watch == (ord("A"), ord("B"), OPEN)
    assert (reply.text, reply.usage.thinking_tokens) == ("B", 0)


def test_a_verdict_comes_after_thinking():
    asked, reply = run(
        answering(verdict(), Prompt([1], "maybe"), abilities()),
        seen(A=0.01, B=0.01, opening=0.9),
        Generated([5, CLOSE], "hm", "stop", CLOSE),
        seen(A=0.1, B=0.9),
    )
    assert asked[1].ids == [1, OPEN]
    assert asked[2].ids == [1, OPEN, 5, CLOSE]
    assert OPEN not in asked[2].watch
    assert reply.text == "B"
    assert reply.usage == (1, 4, 3)
    _, reply = run(
        answering(verdict(), Prompt([1], "open"), abilities()),
        Generated([5, CLOSE], "hm", "stop", CLOSE),
        seen(A=0.9, B=0.1),
    )
    assert (reply.text, reply.usage) == ("A", (1, 3, 2))


def test_a_schema_does_not_keep_a_model_from_thinking():
    asked, reply = run(
        answering(request(schema="{}"), Prompt([1], "maybe"), abilities()),
        seen(opening=0.9),
        Generated([5, CLOSE], "hm", "stop", CLOSE),
        Generated([7], "{}", "stop"),
    )
    assert [ask.schema for ask in asked] == [None, None, "{}"]
    assert (reply.text, reply.usage) == ("{}", (1, 4, 3))
    _, reply = run(
        answering(request(schema="{}"), Prompt([1], "maybe"), abilities()),
        seen(opening=0.2),
        Generated([7], "{}", "stop"),
    )
    assert (reply.text, reply.usage) == ("{}", (1, 1, 0))


def test_thinking_within_a_text_is_taken_out_and_counted_by_its_share():
    model = abilities(opening=None, closing=None)
    text = "<think>" + "x" * 12 + "</think>" + "y" * 9
    _, reply = run(answering(request(), Prompt([1]), model), Generated([7] * 8, text, "stop"))
    assert (reply.text, reply.usage) == ("y" * 9, (1, 8, 6))
