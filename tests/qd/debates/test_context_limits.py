"""Passages that a model has no room for are refused or cut, never in silence."""

from __future__ import annotations

import dataclasses

import pytest

from debate_env.errors import InputError
from debate_env.questions.question import Question, QuestionSet
from debateqd.agents.models.base import Capabilities, Message
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.context_limits import counter_of, fit_questions, prefix_room
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.questions import split_questions
from tests.agents.fakes import FakeModel


class Limited(FakeModel):
    """Has a context and counts a token per word."""

    def __init__(self, context, cache=None):
        super().__init__()
        self.capabilities = Capabilities(context_length=context, cache_tokens=cache)

    def count_tokens(self, messages):
        return sum(len(m.content.split()) for m in messages)


class Estimated(FakeModel):
    """Has a context, and cannot count."""

    capabilities = Capabilities(context_length=1000)


def made(*sizes, **questions):
    config = RunConfig.model_validate(
        {
            "debate": {"rounds": 1, "word_limit": 50},
            "models": {"max_tokens": 80},
            "evolution": {"mutation": {"max_words": 20}},
            "questions": {"train": 0.5, "selection": 0.0, "report": 0.0, "test": 0.5, **questions},
        }
    )
    items = QuestionSet(
        Question(f"q{n}", f"p{n}", f"Story {n}. " + "word " * size, "What?", ("a", "b"), 0)
        for n, size in enumerate(sizes)
    )
    return config, split_questions(items, config.questions)


def models(debater, judge=None):
    return Models(debater, judge or FakeModel(), FakeModel())


def passages(questions):
    return {**questions.train.passages, **questions.test.passages}


def test_passages_that_fit_are_left_alone():
    config, questions = made(100, 200, 300, 400)
    assert fit_questions(questions, config, models(Limited(10_000))) is questions
    assert fit_questions(questions, config, models(FakeModel())) is questions


def test_a_passage_that_is_too_long_is_named_with_its_excess():
    config, questions = made(100, 200, 3000, 4000)
    with pytest.raises(InputError) as caught:
        fit_questions(questions, config, models(Limited(1000)))
    message = str(caught.value)
    assert "\n" not in message
    assert "too short for 2 passages" in message
    assert "p3 by" in message
    assert message.index("p3 by") < message.index("p2 by")
    assert "--truncate-passage" in message


def test_the_excess_is_exactly_what_is_missing():
    config, questions = made(100, 3000)
    with pytest.raises(InputError) as caught:
        fit_questions(questions, config, models(Limited(1000)))
    excess = int(str(caught.value).split("p1 by ")[1].split(" ")[0].replace(",", ""))
    assert fit_questions(questions, config, models(Limited(1000 + excess))) is questions
    with pytest.raises(InputError, match="p1 by 1 "):
        fit_questions(questions, config, models(Limited(1000 + excess - 1)))


def test_cutting_is_the_users_choice_and_keeps_as_much_as_fits():
    config, questions = made(100, 3000, truncate_passages=True)
    model = Limited(1000)
    cut = fit_questions(questions, config, models(model))
    texts = passages(cut)
    assert texts["p0"] == passages(questions)["p0"]
    kept, whole = cut.truncated["p1"]
    assert texts["p1"] == passages(questions)["p1"][:kept]
    assert whole == len(passages(questions)["p1"])
    assert fit_questions(cut, config, models(model)) is cut, "what was cut fits"
    assert len(texts["p1"].split()) > 400, "and little more was cut than had to be"
    assert cut.record().truncated == cut.truncated
    assert cut.identity != questions.identity


def test_without_a_counter_lengths_are_estimated_from_above_and_the_error_says_so():
    config, questions = made(100, 200)
    assert fit_questions(questions, config, models(Estimated())) is questions
    config, questions = made(100, 3000)
    with pytest.raises(InputError, match="p1 by") as caught:
        fit_questions(questions, config, models(Estimated()))
    message = str(caught.value)
    assert "by an estimate from above" in message
    assert "models.openai.context_length" in message
    with pytest.raises(InputError) as caught:
        fit_questions(questions, config, models(Limited(1000)))
    assert "estimate" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("The keeper trimmed his lamp. " * 100, 2900 / 3.6, 2900 / 2.5),  # 3.6 at worst, measured
        ("\u0421\u043c\u043e\u0442\u0440\u0438\u0442\u0435\u043b\u044c. " * 100, 1200, 2400),
        ("\u5b88\u706f\u5854\u7684\u4eba\u3002" * 100, 600, 1900),
    ],
)
def test_estimates_hold_in_any_script(text, least, most):
    count = counter_of(Estimated())
    assert least < count([Message("user", text)]) < most


def test_what_a_probe_measured_is_used():
    class Measured(Estimated):
        capabilities = Capabilities(context_length=1000, tokens_per_character=0.2)

    text = [Message("user", "word " * 1000)]
    assert 1000 < counter_of(Measured())(text) < counter_of(Estimated())(text)


def test_the_error_names_the_setting_of_the_engine():
    class Named(Limited):
        def __init__(self, context):
            super().__init__(context)
            self.capabilities = dataclasses.replace(self.capabilities, longer_context="--it")

    config, questions = made(100, 3000)
    with pytest.raises(InputError, match=r"take a context of [\d,]+ \(--it\), shorter"):
        fit_questions(questions, config, models(Named(1000)))
    config, questions = made(100, 200)
    with pytest.raises(InputError, match=r"or a longer context \(--it\)"):
        fit_questions(questions, config, models(FakeModel(), Named(150)))


def test_a_judge_must_have_room_for_the_whole_debate():
    config, questions = made(100, 200)
    with pytest.raises(InputError, match="cannot hold a debate of 1 rounds"):
        fit_questions(questions, config, models(FakeModel(), Limited(150)))


def test_a_context_without_any_room_is_explained():
    config, questions = made(100, 200, truncate_passages=True)
    with pytest.raises(InputError, match="no room for any passage"):
        fit_questions(questions, config, models(Limited(150)))


def test_the_room_in_a_prefix_cache_follows_the_passages():
    config, questions = made(100, 200)
    assert prefix_room(config, FakeModel()) is None
    room = prefix_room(config, Limited(10_000, cache=5000))
    assert room is not None
    assert room.capacity == 5000
    first, second = (questions.train[0], questions.test[0])
    sizes = sorted((room.passage_tokens(first), room.passage_tokens(second)))
    assert sizes[1] - sizes[0] == 100
    longer = dataclasses.replace(config.debate, rounds=3)
    bigger = config.model_copy(update={"debate": longer})
    more = prefix_room(bigger, Limited(10_000, cache=5000))
    assert more is not None
    assert more.debate_tokens > room.debate_tokens


def test_questions_stay_what_they_were_but_for_the_passage():
    config, questions = made(100, 3000, truncate_passages=True)
    cut = fit_questions(questions, config, models(Limited(1000)))
    for name in ("train", "test"):
        for before, after in zip(questions.split(name), cut.split(name), strict=True):
            assert dataclasses.replace(after, passage=before.passage) == before
