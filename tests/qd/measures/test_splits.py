from __future__ import annotations

import pytest

from debate_env.core.settings import DebateSettings
from debate_env.questions.question import Question
from debate_env.questions.sources import load_questions
from debateqd.agents.models.base import Sampling
from debateqd.agents.models.registry import make_model
from debateqd.qd.measures.splits import (
    Players,
    Reading,
    Trial,
    accuracy_gap,
    against,
    by_question,
    paired,
    play_trials,
    read_alone,
    report_split,
    right,
    self_play,
)
from debateqd.qd.seeds import seed_strategies

SEEDS = seed_strategies()


def questions(n: int) -> list[Question]:
    return list(load_questions("builtin"))[:n]


def trial(kind: str = "elites", **changes: object) -> Trial:
    base = {
        "kind": kind,
        "strategy": "s0001",
        "opponent": "s0002",
        "question": "q1",
        "passage": "p1",
        "seat": "debater_0",
        "defends_correct": True,
        "verdict": "verdict",
        "message": "",
        "credence": (0.7, 0.3),
        "right": 1.0,
        "won": 1.0,
        "bias": 0.02,
    }
    return Trial(**{**base, **changes})  # type: ignore[arg-type]


def test_both_seats_are_played_on_the_same_question() -> None:
    pairings = list(against("panel", SEEDS[:2], SEEDS[2:5], questions(3)))
    assert len(pairings) == 2 * 3 * 2
    for first, second in zip(pairings[::2], pairings[1::2], strict=True):
        assert (first.seat, second.seat) == ("debater_0", "debater_1")
        assert first.question == second.question
        assert first.opponent == second.opponent


def test_opponents_and_seeds_rotate_evenly() -> None:
    met = [p.opponent.strategy_id for p in against("panel", SEEDS[:4], SEEDS[4:10], questions(9))]
    counts = {name: met.count(name) for name in set(met)}
    assert set(counts.values()) == {12}
    alone = [p.strategy.strategy_id for p in self_play("seeds", SEEDS[:5], questions(10), 3)]
    assert {alone.count(name) for name in set(alone)} == {6}


@pytest.mark.parametrize("elites", [1, 4, 5, 6, 10])
def test_each_strategy_meets_every_opponent(elites: int) -> None:
    panel = SEEDS[10:20]
    pairings = list(against("panel", SEEDS[:elites], panel, questions(100)))
    for strategy in SEEDS[:elites]:
        own = [p.opponent.strategy_id for p in pairings if p.strategy == strategy]
        assert set(own) == {s.strategy_id for s in panel}
        assert max(map(own.count, own)) <= 2 * min(map(own.count, own))


def test_a_seed_does_not_meet_itself() -> None:
    pairings = list(against("panel", SEEDS[:8], SEEDS, questions(40)))
    assert all(p.strategy.strategy_id != p.opponent.strategy_id for p in pairings)


def test_real_trials_are_consistent_and_repeatable() -> None:
    model = make_model("embedded")
    settings = DebateSettings(rounds=1)
    players = Players(model, model, settings, Sampling(max_tokens=300, temperature=0.7))
    pairings = [
        *self_play("elites", SEEDS[:2], questions(4), 2),
        *against("panel", SEEDS[:2], SEEDS[5:8], questions(4)),
    ]
    first = play_trials(pairings, players, seed=3)
    again = play_trials(list(reversed(pairings)), players, seed=3)
    assert first == list(reversed(again))
    assert first != play_trials(pairings, players, seed=4)
    for played in first:
        assert played.usable
        assert played.credence is not None
        place = int(played.seat[-1])
        sided = played.credence[place] > played.credence[1 - place]
        assert played.won == float(sided)
        assert played.right == float(sided == played.defends_correct)
    # Exchanging seats exchanges sides.
    for one, other in zip(first[8::2], first[9::2], strict=True):
        assert one.defends_correct != other.defends_correct


def test_baselines_are_read_with_and_without_the_passage() -> None:
    readings = read_alone(questions(6), make_model("embedded"), seed=1)
    assert [r.question for r in readings] == [q.question_id for q in questions(6)]
    assert all(r.no_debate in (0.0, 0.5, 1.0) and r.reading in (0.0, 0.5, 1.0) for r in readings)


def test_unusable_verdicts_are_counted_and_left_out() -> None:
    lost = {"credence": None, "right": None, "won": None, "bias": None}
    trials = [
        trial(question="q1", passage="p1"),
        trial(question="q2", passage="p2", right=0.0),
        trial(question="q2", passage="p2", verdict="unusable", message="no letter", **lost),
        trial("seeds", question="q1", passage="p1", right=0.0),
        trial("panel", question="q2", passage="p2", verdict="abstained", **lost),
        trial("panel", question="q1", passage="p1", won=0.5),
    ]
    readings = [Reading("q1", "p1", 1.0, 1.0), Reading("q2", "p2", None, 1.0)]
    report = report_split(questions(2), trials, readings)
    assert report.accuracy.value == 0.5
    assert (report.accuracy.n, report.accuracy.clusters) == (2, 2)
    assert report.win_rate.value == 0.5
    assert report.accuracy_gain.value == 1.0  # q1 alone has both
    assert report.unusable.value == pytest.approx(2 / 6)
    assert report.unusable_kinds == {"abstained": 1, "unusable": 1}
    assert report.no_debate.n == 1
    assert report.reading.value == 1.0


def test_differences_are_paired_by_question() -> None:
    first = [trial(question="q1"), trial(question="q1", right=0.0), trial(question="q3")]
    second = [trial(question="q1", right=0.0), trial(question="q2")]
    assert paired(by_question(first, right), by_question(second, right)) == ([0.5], ["p1"])


def test_gap_is_train_minus_test() -> None:
    train = [trial(passage=f"p{i}", right=1.0) for i in range(10)]
    test = [trial(passage=f"t{i}", right=float(i % 2)) for i in range(10)]
    gap = accuracy_gap(train, test)
    assert gap.value == 0.5
    assert 0.0 < gap.low < gap.value < gap.high
    assert accuracy_gap(train, []).n == 0
