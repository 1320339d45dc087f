"""Passages that a model has no room for are refused or cut, never in silence."""

from __future__ import annotations

import dataclasses

import pytest

from debate_env.errors import InputError
from debate_env.questions.question import Question, QuestionSet
from debateqd.agents.models.base import Capabilities
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.context_limits import fit_questions, prefix_room
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
    with pytest.raises(InputError):
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


def test_without_a_counter_only_what_cannot_fit_is_refused():
    config, questions = made(100, 500)
    assert fit_questions(questions, config, models(Estimated())) is questions
    config, questions = made(100, 3000)
    with pytest.raises(InputError, match="p1 by"):
        fit_questions(questions, config, models(Estimated()))


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
