from __future__ import annotations

import pytest

from debate_env.core.protocols import Sequential, Simultaneous
from debate_env.questions.question import Question
from debate_env.questions.sources import load_questions
from debateqd.qd.debates.plans import (
    EvaluationPlanner,
    Plan,
    RunPlanner,
    presented_swapped,
    seatings,
)
from debateqd.qd.seeds import seed_strategies
from tests.qd.making import strategy

QUESTION = Question("q", "p", "text", "what?", ("a", "b"), 0)
RUN = RunPlanner(Simultaneous(), 0)
EVALUATION = EvaluationPlanner(Simultaneous(), 0)
SEEDS = seed_strategies()


def questions(n: int) -> list[Question]:
    return list(load_questions("builtin"))[:n]


def opponent(plan: Plan) -> str:
    (other,) = (s.strategy_id for s in plan.seats.values() if s.strategy_id != plan.subject)
    return other


class Three(Simultaneous):
    players = ("speaker_0", "speaker_1", "speaker_2")


def test_everybody_sits_everywhere_once():
    assert list(seatings(Simultaneous(), "ab")) == [
        {"debater_0": "a", "debater_1": "b"},
        {"debater_0": "b", "debater_1": "a"},
    ]
    seated = [tuple(s.values()) for s in seatings(Three(), "abc")]
    assert seated == [("a", "b", "c"), ("b", "c", "a"), ("c", "a", "b")]
    assert [tuple(s.values()) for s in seatings(Three(), "ab")] == [
        ("a", "b", "a"),
        ("b", "a", "b"),
    ]
    assert [tuple(s.values()) for s in seatings(Three(), "a")] == [("a", "a", "a")]


def test_a_team_is_one_strategy():
    class Teams(Simultaneous):
        players = ("a_0", "a_1", "b_0", "b_1")

        def defends(self, seat):
            return int(seat[0] == "b")

    seated = [tuple(s.values()) for s in seatings(Teams(), "xy")]
    assert seated == [("x", "x", "y", "y"), ("y", "y", "x", "x")]


def test_a_pair_changes_seats_and_nothing_else():
    a, b = strategy("a"), strategy("b")
    one, other = RUN.contest("train", 2, QUESTION, (a, b), 2, 1)
    assert list(one.seats.values()) == list(other.seats.values())[::-1] == [a, b]
    assert one.swap == other.swap
    assert one.seed != other.seed
    assert RUN.contest("train", 2, QUESTION, (a, b), 2, 1) == (one, other)
    assert RUN.contest("train", 2, QUESTION, (a, b), 2, 2)[0].seed != one.seed


def test_strategies_that_debate_themselves_share_chance():
    one = RUN.alone("selection", 1, QUESTION, strategy("a"), 1)
    other = RUN.alone("selection", 1, QUESTION, strategy("b"), 1)
    assert (one.seed, one.swap) == (other.seed, other.swap)


def test_the_coin_is_even():
    heads = sum(presented_swapped(7, "q", number) for number in range(2000))
    assert 900 < heads < 1100


def test_both_seats_are_played_on_the_same_question() -> None:
    plans = list(EVALUATION.against("panel", SEEDS[:2], SEEDS[2:5], questions(3)))
    assert len(plans) == 2 * 3 * 2
    for first, second in zip(plans[::2], plans[1::2], strict=True):
        assert list(first.seats.values()) == list(second.seats.values())[::-1]
        assert first.seats["debater_0"].strategy_id == first.subject == second.subject
        assert (first.question, first.swap) == (second.question, second.swap)
        assert first.seed != second.seed


def test_opponents_and_seeds_rotate_evenly() -> None:
    met = [*map(opponent, EVALUATION.against("panel", SEEDS[:4], SEEDS[4:10], questions(9)))]
    assert {met.count(name) for name in set(met)} == {12}
    alone = [p.subject for p in EVALUATION.self_play("seeds", SEEDS[:5], questions(10), 3)]
    assert {alone.count(name) for name in set(alone)} == {6}


def test_answers_change_places_where_one_speaks_after_the_other() -> None:
    planner = EvaluationPlanner(Sequential(), 0)
    one, other = planner.self_play("elites", SEEDS[:1], questions(1), 1)
    assert one.seats == other.seats
    assert one.swap != other.swap
    assert one.seed != other.seed


@pytest.mark.parametrize("elites", [1, 4, 5, 6, 10])
def test_each_strategy_meets_every_opponent(elites: int) -> None:
    panel = SEEDS[10:20]
    plans = list(EVALUATION.against("panel", SEEDS[:elites], panel, questions(100)))
    for one in SEEDS[:elites]:
        own = [opponent(p) for p in plans if p.subject == one.strategy_id]
        assert set(own) == {s.strategy_id for s in panel}
        assert max(map(own.count, own)) <= 2 * min(map(own.count, own))


def test_a_seed_does_not_meet_itself() -> None:
    plans = list(EVALUATION.against("panel", SEEDS[:8], SEEDS, questions(40)))
    assert all(len(set(p.seats.values())) == 2 for p in plans)


def test_a_round_robin_is_every_pair_in_both_seats() -> None:
    plans = list(EVALUATION.round_robin(SEEDS[:4], questions(3), 2))
    pairs = [frozenset(s.strategy_id for s in p.seats.values()) for p in plans]
    assert len(plans) == 6 * 2 * 2
    assert {pairs.count(pair) for pair in pairs} == {4}
    # No question twice.
    assert len(list(EVALUATION.round_robin(SEEDS[:3], questions(2), 9))) == 3 * 2 * 2


@pytest.mark.parametrize(
    ("truth_weight", "against", "alone"), [(0.0, 12, 0), (0.5, 12, 6), (1.0, 0, 6)]
)
def test_an_objective_is_measured_against_seeds_alone_or_in_both(truth_weight, against, alone):
    """Two strategies on three questions: both seats against a seed, or all seats."""
    plans = EVALUATION.objective("panel", SEEDS[:2], SEEDS[2:5], questions(3), truth_weight)
    players = [len({s.strategy_id for s in plan.seats.values()}) for plan in plans]
    assert players == [2] * against + [1] * alone


def test_what_names_a_debate_of_a_run() -> None:
    """Numbers on purpose: seeds that changed would play other debates in every run there is."""
    plan = RUN.alone("train", 3, QUESTION, SEEDS[0], 3, 0)
    assert (plan.seed, plan.swap) == (3758014660686165, True)
    first, second = RUN.contest("train", 3, QUESTION, (SEEDS[0], SEEDS[1]), 3, 0)
    assert [(p.seed, p.swap) for p in (first, second)] == [
        (6294555598744583, True),
        (7447718523365829, True),
    ]
    measured = EVALUATION.alone("elites", QUESTION, SEEDS[0])
    assert (measured.seed, measured.swap) == (2531491288933497, True)


def test_questions_rotate_over_pairs_and_the_coin_over_questions() -> None:
    asked = questions(5)
    plans = list(EVALUATION.round_robin(SEEDS[:4], asked, 2))
    places = [asked.index(plan.question) for plan in plans[::2]]
    assert places == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    swapped = [EVALUATION.alone("elites", q, SEEDS[0]).swap for q in questions(12)]
    assert swapped == [True] * 8 + [False] * 4


@pytest.mark.parametrize("plan", [RUN, EVALUATION, RUN.alone("train", 0, QUESTION, SEEDS[0])])
def test_what_is_planned_stays(plan) -> None:
    with pytest.raises(AttributeError, match="cannot assign to field 'seed'"):
        plan.seed = 1
