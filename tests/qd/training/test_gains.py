from __future__ import annotations

from dataclasses import replace

import pytest

from debateqd.qd.archive.base import Entry
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.matches import Match, Plan
from debateqd.qd.seeds import FAMILIES, seed_strategies
from debateqd.qd.strategy import Strategy
from debateqd.qd.training.gains import Gains, Reporter, champions
from tests.qd.making import ids, match
from tests.qd.stand_ins import question_set

QUESTIONS = list(question_set())
CHAMPION = Strategy("s0099", FAMILIES[0], "new", ("s0000",), 3, "rewrite")
STRATEGIES = {s.strategy_id: s for s in (*seed_strategies(), CHAMPION)}


def config(objective: str, **report: int) -> RunConfig:
    return RunConfig.model_validate(
        {"objective": objective, "evolution": {"generations": 5, "report": report}}
    )


def judge(plans: list[Plan]) -> list[Match]:
    """The champion wins 0.7 against anybody; alone it reaches 0.9 where seeds reach 0.6."""
    found = []
    for plan in plans:
        a, b = ids(plan)
        if a == b:
            first = 0.9 if a == "s0099" else 0.6
        else:
            first = {True: 0.7, False: 0.5}[a == "s0099"]
            first = 0.3 if b == "s0099" else first
        found.append(match(a, b, first, question=plan.question.question_id, phase="report"))
    return found


@pytest.mark.parametrize(
    ("objective", "gains", "values"),
    [
        ("persuasion", {"persuasion": 0.2}, {"persuasion": 0.7}),
        ("truth", {"truth": 0.3}, {"truth": 0.9}),
        (
            "mix",
            {"persuasion": 0.2, "truth": 0.3, "mix": 0.25},
            {"persuasion": 0.7, "truth": 0.9, "mix": 0.8},
        ),
    ],
)
def test_gains(objective, gains, values):
    reporter = Reporter(config(objective, questions=6), QUESTIONS, seed_strategies())
    found = reporter.measure(("s0099",), STRATEGIES, 1, judge)
    assert {k: v.value for k, v in found.gain.items()} == pytest.approx(gains)
    assert dict(found.objective) == pytest.approx(values)
    assert all(v.n == 6 for v in found.gain.values())
    # It wins every debate, by however little, whatever the objective.
    assert found.win_rate is not None
    assert (found.win_rate.value, found.win_rate.n) == (1.0, 6)


def test_seeds_gain_nothing_over_themselves():
    reporter = Reporter(config("mix", questions=6), QUESTIONS, seed_strategies())
    found = reporter.measure(("s0000", "s0010"), STRATEGIES, 0, judge)
    assert all(v.value == pytest.approx(0) for v in found.gain.values())
    assert found.win_rate is not None
    assert found.win_rate.value == 0.5


def test_without_usable_debates_there_is_no_win_rate():
    def fail(plans: list[Plan]) -> list[Match]:
        return [replace(m, kind="error", credence=None, comparisons=()) for m in judge(plans)]

    reporter = Reporter(config("truth", questions=6), QUESTIONS, seed_strategies())
    assert reporter.measure(("s0099",), STRATEGIES, 1, fail) == Gains({}, {}, None)


@pytest.mark.parametrize("objective", ["persuasion", "truth", "mix"])
def test_the_bound_of_a_report_holds(objective):
    played: set[tuple[str, ...]] = set()

    def note(plans: list[Plan]) -> list[Match]:
        played.update((*ids(p), p.question.question_id) for p in plans)
        return judge(plans)

    reporter = Reporter(config(objective, questions=6), QUESTIONS, seed_strategies())
    # Seven champions who are no seeds meet the bound exactly.
    made = {
        f"c{n}": Strategy(f"c{n}", family, f"new {n}", ("s0000",), 3, "rewrite")
        for n, family in enumerate(FAMILIES)
    }
    reporter.measure(tuple(made), {**STRATEGIES, **made}, 1, note)
    assert len(played) == sum(reporter.debates())


def test_nobody_meets_himself_and_seeds_rotate():
    played: list[Plan] = []

    def note(plans: list[Plan]) -> list[Match]:
        played.extend(plans)
        return judge(plans)

    reporter = Reporter(config("persuasion", questions=35), QUESTIONS, seed_strategies())
    reporter.measure(("s0003",), STRATEGIES, 0, note)
    assert all(len(set(ids(p))) == 2 for p in played)
    met = {ids(p)[1] for p in played if ids(p)[0] == "s0003"}
    assert len(met) == 34


def test_when_a_report_is_due():
    def due(**report: int) -> list[int]:
        reporter = Reporter(config("persuasion", **report), QUESTIONS, seed_strategies())
        return [g for g in range(6) if reporter.due(g)]

    assert due(every=1) == [0, 1, 2, 3, 4, 5]
    assert due(every=2) == [0, 2, 4, 5]
    assert due(every=0) == [5]
    assert due(questions=0) == []


def test_champions_are_the_best_of_their_families():
    entries = [Entry("s0000", 1.0), Entry("s0099", 2.0), Entry("s0005", 0.5), Entry("s0006", 0.5)]
    assert champions(entries, STRATEGIES) == ("s0099", "s0005")
