from __future__ import annotations

from typing import Any

import pytest

from debate_env.core.protocols import get_protocol
from debateqd.qd.debates.plans import EvaluationPlanner
from debateqd.qd.measures.controls import (
    cut_at_sentence,
    cut_strategies,
    length_control,
    length_plans,
    mean_words,
    position_control,
    words_per_speech,
)
from debateqd.qd.seeds import seed_strategies
from debateqd.qd.strategy import Strategy
from tests.qd.debates.test_plans import questions
from tests.qd.measures.test_scores import trial

SEEDS = seed_strategies()


def said(words: int, speeches: int) -> dict[str, Any]:
    """What the first seat said, and nobody else."""
    return {"words": {"debater_0": words}, "speeches": {"debater_0": speeches, "debater_1": 0}}


def ordered(kind: str, first: float, second: float, **changes: Any) -> Any:
    """A debate: credence in the strategy's own answer when it is shown first, and when second."""
    place = 0 if changes.get("seat", "debater_0") == "debater_0" else 1
    as_presented, turned = (first, second) if place == 0 else (second, first)
    orders: Any = tuple(
        (own, 1 - own) if place == 0 else (1 - own, own) for own in (as_presented, turned)
    )
    return trial(kind, (first + second) / 2, orders=orders, **changes)


@pytest.mark.parametrize("seat", ["debater_0", "debater_1"])
def test_a_judge_who_believes_what_comes_first_is_found_out(seat: str) -> None:
    places = [{"question": f"q{k}", "passage": f"p{k}", "seat": seat} for k in range(4)]
    trials = [ordered("panel", 0.9, 0.2, **place) for place in places]
    trials += [ordered("elites", 0.9, 0.2, **place) for place in places]
    found = position_control(trials)
    assert found["win_rate"]["first"]["value"] == 1.0
    assert found["win_rate"]["second"]["value"] == 0.0
    assert found["win_rate"]["difference"]["value"] == 1.0
    assert found["accuracy"]["first"]["value"] == 1.0
    assert found["accuracy"]["second"]["value"] == 0.0
    assert found["orders_agree"]["value"] == 0.0


def test_a_judge_without_bias_is_cleared() -> None:
    trials = [
        ordered("elites", 0.8, 0.8, question=f"q{k}", passage=f"p{k}", defends_correct=k % 2 == 0)
        for k in range(4)
    ]
    found = position_control(trials)
    assert found["accuracy"]["first"]["value"] == found["accuracy"]["second"]["value"] == 0.5
    assert found["accuracy"]["difference"]["value"] == 0.0
    assert found["orders_agree"]["value"] == 1.0


def test_seats_are_kept_apart() -> None:
    trials = [trial(first=0.9), trial(first=0.2, seat="debater_1", defends_correct=False)]
    found = position_control(trials)
    assert found["seat"]["first"]["value"] == 1.0
    assert found["seat"]["second"]["value"] == 0.0
    assert found["seat"]["difference"]["value"] == 1.0
    assert found["orders_agree"]["value"] is None  # this judge keeps no orders


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (100, "One two three. Four five! Six seven eight nine."),
        (9, "One two three. Four five! Six seven eight nine."),
        (8, "One two three. Four five!"),
        (5, "One two three. Four five!"),
        (4, "One two three."),
        (1, "One two three."),
    ],
)
def test_whole_sentences_are_kept_and_at_least_the_first(words: int, kept: str) -> None:
    assert cut_at_sentence("One two three. Four five! Six seven eight nine.", words) == kept


def test_what_is_short_enough_stays_byte_for_byte() -> None:
    text = "One  two\n\nthree."
    assert cut_at_sentence(text, 3) == text


def test_cuts_say_what_was_cut() -> None:
    long = Strategy("e1", "authority", "One two three. Four five.")
    short = Strategy("e2", "authority", "One two.")
    first, second = cut_strategies([long, short], 4)
    assert (first.before, first.after, first.shorter) == (5, 3, True)
    assert first.strategy.strategy_id == "e1"
    assert (second.before, second.after, second.shorter) == (2, 2, False)
    assert 30 < mean_words(SEEDS) < 70


def test_cut_strategies_meet_the_opponents_that_the_whole_ones_met() -> None:
    long = Strategy("e1", "authority", "One two three. Four five.")
    cuts = cut_strategies([SEEDS[0], long], 3)
    asked = questions(3)
    plan = EvaluationPlanner(get_protocol("simultaneous"), 0)
    found = length_plans(cuts, SEEDS[5:8], asked, 0.0, plan)
    assert {p.subject for p in found} == {"s0000", "e1"}
    only = cut_strategies([Strategy("e0", "authority", "One."), long], 3)
    pairs = length_plans(only, SEEDS[5:8], asked, 0.0, plan)
    assert [p.seats for p in pairs] == [p.seats for p in found if p.subject == "e1"]
    in_turn = EvaluationPlanner(get_protocol("sequential"), 0)
    alone = length_plans(only, SEEDS[5:8], asked, 1.0, in_turn)
    assert len(alone) == 2 * 3
    assert all(len(set(p.seats.values())) == 1 for p in alone)


def test_length_is_paired_by_strategy_and_question() -> None:
    long = Strategy("e1", "authority", "One two three. Four five.")
    short = Strategy("e2", "authority", "One two.")
    cuts = cut_strategies([long, short], 3)
    whole = [
        trial(first=0.9, **said(40, 2)),
        trial(first=0.7, strategy="e2", question="q2", passage="p2", **said(20, 2)),
    ]
    cut = [trial("length", 0.6, **said(10, 1))]
    found = length_control(whole, cut, cuts, 3, "credence", 0.0)
    assert found["whole"]["value"] == pytest.approx(0.8)
    assert found["cut"]["value"] == pytest.approx(0.65)
    assert found["difference"]["value"] == pytest.approx(0.15)
    assert found["strategies"][0] == {"id": "e1", "before": 5, "after": 3}
    assert found["said_whole"] == 15.0
    assert found["said_cut"] == 10.0
    assert words_per_speech([]) is None


def test_a_pair_without_a_verdict_is_left_out() -> None:
    long = Strategy("e1", "authority", "One two three. Four five.")
    cuts = cut_strategies([long], 3)
    found = length_control([trial()], [trial("length", None)], cuts, 3, "credence", 0.0)
    assert found["difference"]["n"] == 0
    assert found["difference"]["value"] is None
