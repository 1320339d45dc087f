from __future__ import annotations

import pytest

from qd.acceptance import ByRating, Comparison, HeadToHead
from qd.archive_base import Entry
from qd.archives import make_archive
from qd.axes import Bins, Labels
from qd.config import RunConfig
from qd.matches import Match, Plan
from qd.selection import Comparer, challenges, choose, debates_per_challenge
from tests.qd.making import match, strategy
from tests.qd.stand_ins import question_set


def entry(name: str, fitness: float, length: float) -> Entry:
    return Entry(name, fitness, {"family": "rationality", "length": length})


def archive(*entries: Entry):
    made = make_archive(
        axes=(Labels("family", ("rationality",)), Bins("length", (0.0, 10.0, 20.0, 30.0)))
    )
    made.place_all(entries)
    return made


def compare_with(**means: float):
    def compare(pairs):
        return [Comparison(c, e, (means[c],), ("p",)) for c, e in pairs]

    return compare


def test_only_the_best_rated_challenger_of_an_elite_is_compared():
    full = archive(entry("e", 5, 5), entry("f", 5, 15))
    children = [entry("a", 9, 5), entry("b", 7, 5), entry("c", 4, 15), entry("d", 1, 25)]
    before = full.to_dict()
    assert challenges(full, children, HeadToHead()) == [("a", "e")]
    assert full.to_dict() == before


def test_a_child_takes_a_cell_that_it_won_and_an_empty_one():
    full = archive(entry("e", 5, 5), entry("f", 5, 15))
    children = [entry("a", 9, 5), entry("b", 7, 15), entry("c", 1, 25), entry("d", 0, 25)]
    choice = choose(full, children, HeadToHead(), compare_with(a=0.2, b=-0.2))
    assert choice.won == (True, False)
    assert choice.accepted == ("a", "c")
    assert [e.strategy_id for e in full.elites()] == ["a", "f", "c"]


def test_by_rating_nothing_is_compared():
    full = archive(entry("e", 5, 5))

    def never(pairs):
        raise AssertionError("nothing to compare")

    choice = choose(full, [entry("a", 9, 5), entry("b", 5, 5)], ByRating(), never)
    assert choice.accepted == ("a",)
    assert [e.strategy_id for e in full.elites()] == ["a"]


class Judge:
    """Credence 0.8 for the child; in self-debates the child reaches the truth more."""

    def __init__(self, lost: str = "") -> None:
        self.lost = lost
        self.plans: list[Plan] = []

    def __call__(self, plans: list[Plan]) -> list[Match]:
        self.plans += plans
        return [self.verdict(p) for p in plans]

    def verdict(self, plan: Plan) -> Match:
        a, b = plan.first.strategy_id, plan.second.strategy_id
        question = plan.question.question_id
        if question == self.lost:
            return match(a, b, None, kind="unusable", question=question)
        if a == b:
            return match(a, b, 0.7 if a == "c" else 0.6, question=question)
        return match(a, b, 0.8 if a == "c" else 0.2, question=question)


@pytest.mark.parametrize(
    ("objective", "expected"), [("persuasion", 0.6), ("truth", 0.1), ("mix", 0.35)]
)
def test_differences(objective, expected):
    config = RunConfig.model_validate(
        {"objective": objective, "evolution": {"selection": {"questions": 4}}}
    )
    strategies = {"c": strategy("c"), "e": strategy("e")}
    judge = Judge()
    comparer = Comparer(config, list(question_set()))
    (found,) = comparer.compare([("c", "e")], strategies, 1, judge)
    assert found.differences == pytest.approx((expected,) * 4)
    assert len(judge.plans) == debates_per_challenge(config, 4)
    lost = judge.plans[0].question.question_id
    (less,) = comparer.compare([("c", "e")], strategies, 1, Judge(lost))
    assert len(less.differences) == len(less.passages) == 3
    later = Judge()
    comparer.compare([("c", "e")], strategies, 2, later)
    assert {p.question.question_id for p in later.plans} != {
        p.question.question_id for p in judge.plans
    }
