from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from debateqd.qd.debates.counting import contest_scores, mean_of, measured, self_scores
from debateqd.qd.debates.matches import Match
from debateqd.qd.measures.scores import (
    above_seeds,
    accuracies,
    accuracy_over_seeds,
    objective_scores,
    split_gaps,
    weighed,
)
from tests.qd.making import match


def trial(
    phase: str = "panel",
    first: float | None = 0.7,
    *,
    seat: str = "debater_0",
    defends_correct: bool = True,
    strategy: str = "e1",
    opponent: str = "",
    passage: str = "p1",
    **changes: Any,
) -> Match:
    """A debate of ``e1`` whose judge gave its own answer the credence ``first``."""
    others = ("panel", "archive", "robin", "length", "duel")
    opponent = opponent or ("s1" if phase in others else strategy)
    place = int(seat == "debater_1")
    credence = first if first is None or not place else 1 - first
    names = (opponent, strategy) if place else (strategy, opponent)
    kind = "unusable" if first is None else "verdict"
    label = place if defends_correct else 1 - place
    played = match(*names, credence, label=label, phase=phase, kind=kind, subject=strategy)
    return replace(played, **{"passage": passage, **changes})


def test_a_contest_is_both_seats() -> None:
    seats = [trial(first=0.8), trial(first=0.6, seat="debater_1", defends_correct=False)]
    assert contest_scores(measured(seats), "credence") == {("e1", "q1"): (pytest.approx(0.7), "p1")}
    assert contest_scores(measured(seats), "win") == {("e1", "q1"): (1.0, "p1")}
    spoilt = [*seats[:1], trial(first=None, seat="debater_1")]
    assert contest_scores(measured(spoilt), "credence") == {}
    assert contest_scores(measured([trial("elites")]), "credence") == {}


def test_debates_with_oneself_are_averaged() -> None:
    alone = [trial("elites", 0.8), trial("elites", 0.4, seat="debater_1", defends_correct=False)]
    assert self_scores(measured(alone), "credence") == {("e1", "q1"): (pytest.approx(0.7), "p1")}
    assert self_scores(measured(alone), "win") == {("e1", "q1"): (1.0, "p1")}
    assert self_scores(measured([trial("elites", None), trial("panel")]), "credence") == {}


def test_a_mix_needs_both() -> None:
    contests = {("e1", "q1"): (0.6, "p1"), ("e1", "q2"): (0.6, "p1")}
    alone = {("e1", "q1"): (0.8, "p1")}
    assert weighed(contests, alone, 0.0) == contests
    assert weighed(contests, alone, 1.0) == alone
    assert weighed(contests, alone, 0.25) == {("e1", "q1"): (pytest.approx(0.65), "p1")}


def test_above_the_seeds_on_the_same_question() -> None:
    contests = {("e1", "q1"): (0.6, "p1")}
    alone = {("e1", "q1"): (0.8, "p1"), ("e1", "q2"): (0.8, "p1")}
    seeds = {("s1", "q1"): (0.5, "p1"), ("s2", "q1"): (0.7, "p1")}
    assert above_seeds(contests, alone, seeds, 0.0) == {("e1", "q1"): (pytest.approx(0.1), "p1")}
    # Nobody knows what seeds reach on q2.
    assert above_seeds({}, alone, seeds, 1.0) == {("e1", "q1"): (pytest.approx(0.2), "p1")}
    both = above_seeds(contests, alone, seeds, 0.5)
    assert both == {("e1", "q1"): (pytest.approx(0.15), "p1")}


def test_gaps_of_every_kind() -> None:
    def split(name: str, own: float, seeds: float) -> list[Match]:
        where = [{"question": f"{name}{k}", "passage": f"{name}{k}"} for k in range(4)]
        found = []
        for k, place in enumerate(where):
            found.append(trial("elites", 0.9 if k < 4 * own else 0.1, **place))
            found.append(trial("seeds", 0.9 if k < 4 * seeds else 0.1, **place))
            found.append(trial("panel", own, **place))
        return found

    trials = {"train": split("t", 1.0, 0.75), "test": split("e", 0.5, 0.5)}
    found = split_gaps(trials, (("train", "selection"), ("train", "test")), "credence", 0.0)
    assert list(found) == ["train-test"]
    gaps = found["train-test"]
    assert gaps["elites"].value == pytest.approx(0.5)
    assert gaps["seeds"].value == pytest.approx(0.25)
    assert gaps["over_seeds"].value == pytest.approx(0.25)
    assert gaps["objective"].value == pytest.approx(0.5)
    truth = split_gaps(trials, (("train", "test"),), "credence", 1.0)["train-test"]
    assert truth["objective"].value == pytest.approx(0.9 - 0.5)
    assert gaps["elites"].low <= 0.5 <= gaps["elites"].high


def test_values_come_with_their_passages() -> None:
    trials = [
        trial("elites", 0.9),
        trial("elites", None, question="q2"),
        trial("seeds", 0.1),
        trial("seeds", 0.1, question="q3"),
    ]
    assert accuracies(trials) == [(1.0, "p1")]
    assert accuracies(trials, "seeds") == [(0.0, "p1"), (0.0, "p1")]
    assert accuracy_over_seeds(trials) == [(1.0, "p1")]
    assert accuracy_over_seeds([]) == []
    assert objective_scores(trials, "credence", 1.0) == {("e1", "q1"): (0.9, "p1")}
    assert mean_of([(0.2, "p1"), (0.4, "p2")]).value == pytest.approx(0.3)
    assert mean_of([]).n == 0
