from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from debateqd.qd.debates.counting import contest_scores, mean_of, measured, self_scores
from debateqd.qd.debates.matches import Match
from debateqd.qd.measures.scores import (
    ReportRow,
    Scale,
    above_seeds,
    accuracies,
    accuracies_beside_seeds,
    elo_of_share,
    gain_above_seeds,
    objective_scores,
    reported_progress,
    split_gaps,
    weighed,
)
from debateqd.qd.statistics import ELO
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


def logistic(points: np.ndarray) -> np.ndarray:
    return expit(points / ELO)


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
    assert accuracies(trials) == ([1.0], ["p1"])
    assert accuracies(trials, "seeds") == ([0.0, 0.0], ["p1", "p1"])
    assert accuracies_beside_seeds(trials) == (([1.0], ["p1"]), ([0.0], ["p1"]))
    assert accuracies_beside_seeds([]) == (([], []), ([], []))
    assert objective_scores(trials, "credence", 1.0) == {("e1", "q1"): (0.9, "p1")}
    assert mean_of([(0.2, "p1"), (0.4, "p2")]).value == pytest.approx(0.3)
    assert mean_of([]).n == 0


# --- what a rating claims -------------------------------------------------------------------------


def test_two_hundred_points_are_three_quarters() -> None:
    scale = Scale((0.0,))
    assert scale.score(200.0) == pytest.approx(1 / (1 + 10**-0.5) - 0.5)
    assert scale.score(0.0) == 0.0
    assert scale.score(-200.0) == pytest.approx(-scale.score(200.0))


def test_unequal_questions_leave_less_to_strength() -> None:
    plain, hard = Scale((0.0,)), Scale((0.0,), (-300.0, 300.0))
    assert 0 < hard.score(100.0) < 0.8 * plain.score(100.0)
    # Whoever defends the correct answer gains what the other loses.
    assert Scale((0.0,), (250.0,)).score(100.0) == pytest.approx(
        Scale((0.0,), (-250.0,)).score(100.0)
    )


def test_a_panel_is_met_one_by_one() -> None:
    score = Scale((-400.0, 400.0)).score(100.0)
    each = [1 / (1 + 10 ** (-(100 - s) / 400)) for s in (-400, 400)]
    assert score == pytest.approx(sum(each) / 2 - 0.5)


def test_truth_is_above_what_the_seeds_reach() -> None:
    scale = Scale((0.0,), (100.0, -100.0), truth_weight=1.0)
    assert scale.score(0.0) == pytest.approx(0.0)
    assert scale.score(150.0) > 0 > scale.score(-150.0)
    own = logistic(np.array([50.0, 250.0])).mean()
    assert scale.score(150.0) == pytest.approx(own - 0.5)


def test_a_mix_lies_between() -> None:
    parts = [Scale((0.0,), (80.0,), w).score(120.0) for w in (0.0, 0.3, 1.0)]
    assert parts[1] == pytest.approx(0.7 * parts[0] + 0.3 * parts[2])


def test_ratings_with_other_constants_translate_alike() -> None:
    assert Scale((0.0,), points_per_logit=100.0).score(100.0) == pytest.approx(
        Scale((0.0,)).score(ELO)
    )


def test_what_ratings_say_simulated_debates_show() -> None:
    rng = np.random.default_rng(0)
    panel, hard, rating = rng.normal(0, 100, 30), rng.normal(-80, 150, 200), 180.0
    z = rating - rng.choice(panel, 200_000)
    side = rng.choice([-1, 1], 200_000) * rng.choice(hard, 200_000)
    won = (rng.random(200_000) < logistic(z - side)).mean()
    promised = Scale(tuple(panel), tuple(hard)).score(rating)
    assert promised == pytest.approx(won - 0.5, abs=0.005)


def test_shares_and_points_are_each_other() -> None:
    shares = np.array([0.2, 0.5, 0.9])
    assert logistic(np.array([elo_of_share(share) for share in shares])) == pytest.approx(shares)
    assert [elo_of_share(share) for share in (0.0, 0.5, 1.0)] == [-math.inf, 0.0, math.inf]


class Known:
    ids = ("s0", "e1", "e2")
    covariance = np.diag([0.0, 100.0, 300.0])

    def index(self, name: str) -> int:
        return self.ids.index(name)


def test_reported_progress_is_relative_to_the_panel() -> None:
    ratings = {"s0": 990.0, "s1": 1010.0, "e1": 1050.0, "e2": 1150.0}
    found = reported_progress(ratings, ["e1", "e2"], ["s0", "s1", "s2"])
    assert found is not None
    assert (found.value, found.low, found.high) == (100.0, -math.inf, math.inf)
    known = reported_progress(ratings, ["e1", "e2"], ["s0", "s1"], Known())  # type: ignore[arg-type]
    assert known is not None
    assert known.high - known.value == pytest.approx(1.96 * 10.0)  # variance (100 + 300) / 4
    assert reported_progress({"e1": 1050.0}, ["e1"], ["s0"]) is None
    assert reported_progress({"s0": 1050.0}, [], ["s0"]) is None


def test_corrected_progress_of_persuasion_is_the_logit_of_the_share() -> None:
    rows = [ReportRow(f"p{i}", share=0.5 + 0.2 * (i % 2)) for i in range(10)]
    found = gain_above_seeds(rows, 0.0, elo=True)
    assert found is not None
    assert found.value == pytest.approx(400 * math.log10(0.6 / 0.4))
    assert found.low < found.value < found.high
    assert found.clusters == 10


def test_corrected_progress_of_truth_is_above_the_seeds() -> None:
    rows = [ReportRow("p1", None, 0.8, 0.6), ReportRow("p2", None, 0.7, 0.6)]
    found = gain_above_seeds(rows, 1.0, elo=True)
    assert found is not None
    assert found.value == pytest.approx(400 * (math.log10(3) - math.log10(1.5)))
    same = gain_above_seeds([ReportRow(f"p{i}", None, 0.6, 0.6) for i in range(9)], 1.0, elo=True)
    assert same is not None
    assert same.value == 0.0
    assert -math.inf < same.low < -30
    assert same.high == pytest.approx(-same.low)


def test_winning_everything_has_no_upper_end_but_a_value() -> None:
    found = gain_above_seeds([ReportRow(f"p{i}", share=1.0) for i in range(9)], 0.0, elo=True)
    assert found is not None
    assert 80 < found.low < found.value < found.high == math.inf
    points = gain_above_seeds([ReportRow(f"p{i}", share=1.0) for i in range(9)], 0.0)
    assert points is not None
    assert (points.value, points.high) == (0.5, 0.5)
    assert 0.1 < points.low < 0.2


def test_a_gain_never_leaves_what_the_objective_can_give() -> None:
    rows = [ReportRow("p1", 1.0, 1.0, 0.0), ReportRow("p2", 1.0, 0.9, 0.1)]
    for weight, most in ((0.0, 0.5), (1.0, 1.0), (0.5, 0.75)):
        found = gain_above_seeds(rows, weight)
        assert found is not None
        assert -most <= found.low <= found.value <= found.high <= most + 1e-12
        assert found.n == 2


def test_a_mixed_objective_weighs_both() -> None:
    rows = [ReportRow(f"p{i}", 0.6, 0.7, 0.6) for i in range(3)]
    share, truth, mix = (gain_above_seeds(rows, w, elo=True) for w in (0.0, 1.0, 0.25))
    assert share is not None
    assert truth is not None
    assert mix is not None
    assert mix.value == pytest.approx(0.75 * share.value + 0.25 * truth.value)


def test_rows_without_what_is_needed_are_left_out() -> None:
    rows = [ReportRow("p1", share=0.7), ReportRow("p2"), ReportRow("p3", None, 0.5, None)]
    found = gain_above_seeds(rows, 0.0, elo=True)
    assert found is not None
    assert found.n == 1
    assert gain_above_seeds(rows, 1.0, elo=True) is None


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_intervals_of_corrected_progress_cover(weight: float) -> None:
    hits, worlds = 0, 300
    for world in range(worlds):
        rng = np.random.default_rng(world)
        rows = []
        for passage in range(15):
            effect = rng.normal(0, 0.08)
            for _ in range(3):
                base = float(np.clip(0.55 + effect + rng.normal(0, 0.1), 0, 1))
                own = float(np.clip(0.65 + effect + rng.normal(0, 0.1), 0, 1))
                rows.append(ReportRow(f"p{passage}", own, own, base))
        found = gain_above_seeds(rows, weight, elo=True)
        assert found is not None
        truth = 400 * math.log10(0.65 / 0.35)
        hits += not found.excludes(truth - weight * 400 * math.log10(0.55 / 0.45))
    assert 0.91 <= hits / worlds <= 0.99
