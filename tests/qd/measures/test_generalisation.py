from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from debateqd.qd.measures.generalisation import (
    GroupLevels,
    RunScores,
    _end,
    _GroupLevel,
    compare_groups,
    gap,
    minus,
    relative_difference,
)
from debateqd.qd.statistics import difference_interval, mean_interval

SPLITS = ("train", "selection", "test")


def group(
    rng: np.random.Generator,
    name: str,
    levels: Sequence[float],
    passages: Sequence[Sequence[float]],
    seeds: int,
    *,
    seed_spread: float,
    both_spread: float,
    questions: int = 3,
) -> list[RunScores]:
    """Runs of one group; ``passages`` holds the effects of each split's passages."""
    runs = []
    for r in range(seeds):
        splits = {}
        for split, level, effects in zip(SPLITS, levels, passages, strict=False):
            own = level + rng.normal(0, seed_spread)
            splits[split] = [
                (float(np.clip(own + effect + luck + rng.normal(0, 0.2), 0, 1)), f"{split}{p}")
                for p, effect in enumerate(effects)
                for luck in (rng.normal(0, both_spread),)
                for _ in range(questions)
            ]
        runs.append(RunScores(f"{name}{r}", splits))
    return runs


def test_levels_and_gaps_are_means_over_runs() -> None:
    runs = [
        RunScores("a", {"train": [(0.8, "t0"), (0.6, "t1")], "test": [(0.5, "e0"), (0.3, "e1")]}),
        RunScores("b", {"train": [(0.9, "t0"), (0.9, "t1")], "test": [(0.5, "e0"), (0.7, "e1")]}),
    ]
    table = GroupLevels({"g": runs})
    assert table.contrast({("g", "train"): 1.0}).value == pytest.approx(0.8)
    found = table.contrast(gap("g", "train", "test"))
    assert found.value == pytest.approx(0.3)
    assert (found.n, found.clusters) == (8, 2)
    assert found.low < found.value < found.high


def test_one_run_has_the_interval_of_its_passages() -> None:
    rng = np.random.default_rng(0)
    passages = [rng.normal(0, 0.1, 40), rng.normal(0, 0.1, 5), rng.normal(0, 0.1, 30)]
    (run,) = group(rng, "g", (0.7, 0.6, 0.6), passages, 1, seed_spread=0, both_spread=0)
    table = GroupLevels({"g": [run]})
    sides = [list(zip(*run.splits[s], strict=True)) for s in ("train", "test")]
    known = difference_interval(*[(side[0], side[1]) for side in sides])  # type: ignore[arg-type]
    found = table.contrast(gap("g", "train", "test"))
    assert found.value == pytest.approx(known.value)
    assert found.high - found.low == pytest.approx(known.high - known.low, rel=0.1)
    level = table.contrast({("g", "train"): 1.0})
    plain = mean_interval(*sides[0])  # type: ignore[arg-type]
    assert level.high - level.low == pytest.approx(plain.high - plain.low, rel=0.1)


def test_what_is_hard_for_everybody_cancels_between_groups() -> None:
    rng = np.random.default_rng(1)
    passages = [rng.normal(0, 0.5, 20), rng.normal(0, 0.5, 20), rng.normal(0, 0.5, 20)]
    options = {"seed_spread": 0.0, "both_spread": 0.0}
    one = group(rng, "a", (0.7, 0.6, 0.6), passages, 3, **options)  # type: ignore[arg-type]
    two = group(rng, "b", (0.6, 0.6, 0.6), passages, 3, **options)  # type: ignore[arg-type]
    table = GroupLevels({"a": one, "b": two})
    alone = table.contrast(gap("a", "train", "test"))
    apart = table.contrast(minus(gap("a", "train", "test"), gap("b", "train", "test")))
    assert apart.value == pytest.approx(0.1, abs=0.08)
    assert (apart.high - apart.low) < 0.4 * (alone.high - alone.low)


@pytest.mark.long
@pytest.mark.parametrize(
    ("seeds", "count", "seed_spread", "both_spread"),
    [
        (3, 20, 0.0, 0.0),
        (3, 20, 0.03, 0.1),
        (3, 10, 0.1, 0.05),
        (5, 25, 0.05, 0.0),
        (1, 15, 0.0, 0.1),
    ],
)
def test_intervals_cover_over_seeds_and_passages(
    seeds: int, count: int, seed_spread: float, both_spread: float
) -> None:
    worlds = 300
    hits = {"level": 0, "gap": 0, "difference": 0}
    for world in range(worlds):
        rng = np.random.default_rng(world)
        passages = [rng.normal(0, 0.15, count) for _ in SPLITS]
        groups = {
            name: group(
                rng, name, levels, passages, seeds, seed_spread=seed_spread, both_spread=both_spread
            )
            for name, levels in (("a", (0.75, 0.7, 0.65)), ("b", (0.7, 0.7, 0.65)))
        }
        table = GroupLevels(groups)
        of_a, of_b = (gap(name, "train", "test") for name in "ab")
        hits["level"] += not table.contrast({("a", "train"): 1.0}).excludes(0.75)
        hits["gap"] += not table.contrast(of_a).excludes(0.1)
        hits["difference"] += not table.contrast(minus(of_a, of_b)).excludes(0.05)
    for name, count_of in hits.items():
        # 300 worlds at 95 %: three standard errors are 0.038.
        assert 0.912 <= count_of / worlds <= 0.995, (name, count_of / worlds)


def test_runs_on_other_passages_are_independent() -> None:
    rng = np.random.default_rng(3)
    values = [0.5, 0.52, 0.55]
    runs = [
        RunScores(str(k), {"test": [(v + rng.normal(0, 1e-6), f"{k}-{p}") for p in range(30)]})
        for k, v in enumerate(values)
    ]
    found = GroupLevels({"g": runs}).contrast({("g", "test"): 1.0})
    error = np.std(values, ddof=1) / math.sqrt(3)
    assert found.high - found.value == pytest.approx(4.303 * error, rel=0.1)


def test_relative_differences_and_their_limits() -> None:
    rng = np.random.default_rng(5)
    passages = [rng.normal(0, 0.02, 60) for _ in SPLITS]
    options = {"seed_spread": 0.005, "both_spread": 0.0, "questions": 20}
    one = group(rng, "a", (0.9, 0.7, 0.7), passages, 3, **options)  # type: ignore[arg-type]
    two = group(rng, "b", (0.9, 0.7, 0.6), passages, 3, **options)  # type: ignore[arg-type]
    table = GroupLevels({"a": one, "b": two})
    of_a, of_b = gap("a", "train", "test"), gap("b", "train", "test")
    found = relative_difference(table, of_a, of_b)
    known, divisor = (table.contrast(c).value for c in (of_a, of_b))
    assert found.value == pytest.approx(known / divisor - 1)
    assert found.low < -1 / 3 < found.high
    assert found.high - found.low < 0.4
    # The gap between selection and train of b's does not differ from 0 when noise is large.
    noisy = group(rng, "c", (0.7, 0.7, 0.7), passages, 3, seed_spread=0.2, both_spread=0.3)
    against = GroupLevels({"a": one, "c": noisy})
    open_ended = relative_difference(against, of_a, gap("c", "train", "test"))
    assert (open_ended.low, open_ended.high) == (-math.inf, math.inf)


@pytest.mark.long
def test_intervals_cover_the_ratio() -> None:
    hits, worlds = 0, 200
    for world in range(worlds):
        rng = np.random.default_rng(world)
        passages = [rng.normal(0, 0.05, 20) for _ in SPLITS]
        options = {"seed_spread": 0.02, "both_spread": 0.05}
        one = group(rng, "a", (0.8, 0.7, 0.66), passages, 3, **options)  # type: ignore[arg-type]
        two = group(rng, "b", (0.8, 0.7, 0.6), passages, 3, **options)  # type: ignore[arg-type]
        table = GroupLevels({"a": one, "b": two})
        ratio = relative_difference(table, gap("a", "train", "test"), gap("b", "train", "test"))
        hits += not ratio.excludes(0.14 / 0.2 - 1)
    assert hits / worlds >= 0.904


def test_the_report_names_every_level_gap_and_difference() -> None:
    rng = np.random.default_rng(7)
    passages = [rng.normal(0, 0.1, 12) for _ in SPLITS]
    groups = {
        name: group(rng, name, (0.7, 0.6, 0.5), passages, 2, seed_spread=0.02, both_spread=0.02)
        for name in ("persuasion", "truth")
    }
    report = compare_groups(groups)
    assert [g["name"] for g in report["groups"]] == ["persuasion", "truth"]
    assert report["groups"][0]["runs"] == ["persuasion0", "persuasion1"]
    assert list(report["groups"][0]["gaps"]) == ["train-selection", "train-test", "selection-test"]
    (comparison,) = report["comparisons"]
    assert comparison["levels"]["train"]["value"] == pytest.approx(
        report["groups"][0]["levels"]["train"]["value"]
        - report["groups"][1]["levels"]["train"]["value"]
    )
    assert comparison["gaps"]["train-test"]["low"] is not None
    assert "train-test" in comparison["relative_gaps"]


def test_a_split_that_a_run_lacks_is_left_out() -> None:
    runs = [
        RunScores("a", {"train": [(1.0, "p"), (0.5, "q")], "selection": []}),
        RunScores("b", {"train": [(1.0, "p"), (0.5, "q")]}),
    ]
    report = compare_groups({"g": runs})
    assert list(report["groups"][0]["levels"]) == ["train"]
    assert report["groups"][0]["gaps"] == {}
    assert report["comparisons"] == []
    assert math.isnan(GroupLevels({"g": runs}).contrast(gap("g", "train", "test")).value)


def test_one_passage_claims_nothing() -> None:
    found = GroupLevels({"g": [RunScores("a", {"test": [(1.0, "p"), (0.0, "p")]})]})
    estimate = found.contrast({("g", "test"): 1.0})
    assert (estimate.low, estimate.high) == (0.0, 1.0)


def test_variances_worked_by_hand() -> None:
    """Means 0.7 and 0.4; residual sums 0.1, -0.1 and 0.05, -0.05, halved as there are two runs."""
    runs = [[(0.9, "p0"), (0.5, "p1")], [(0.5, "p0"), (0.3, "p1")]]
    level = _GroupLevel("g", runs)
    assert level.mean == pytest.approx(0.55)
    # Seeds 2 (0.075^2 + 0.075^2), passages likewise, and both 2 x 2 (0.0125^2 + 0.0125^2).
    assert level.covariance(level) == pytest.approx(0.0225 + 0.0225 - 0.00125)
    assert level.df == pytest.approx(0.04375**2 / (0.0225**2 + 0.0225**2 + 0.00125**2 / 2))
    # Other passages: seeds alone, (0.15 0.2 + 0.15 0.2) / 2; another group: passages alone.
    other = _GroupLevel("g", [[(0.7, "q0"), (0.5, "q1")], [(0.2, "q0"), (0.2, "q1")]])
    assert level.covariance(other) == other.covariance(level) == pytest.approx(0.03)
    assert level.covariance(_GroupLevel("h", runs)) == pytest.approx(0.0225)
    # A run alone has no seeds, and one that lacks a passage nothing in common with it.
    assert _GroupLevel("g", runs[:1]).covariance(_GroupLevel("g", runs[:1])) == pytest.approx(0.04)
    assert _GroupLevel("g", runs[:1]).df == 1
    apart = _GroupLevel("g", [runs[0], [(0.5, "p0"), (0.3, "p2")]])
    # Passages 3/2 (0.075^2 + 0.05^2 + 0.025^2); both 2 (0.0125^2 + 0.0125^2) + 0.05^2 + 0.025^2.
    assert apart.covariance(apart) == pytest.approx(0.0225 + 0.013125 - 0.00375)
    assert apart.df == pytest.approx(0.031875**2 / (0.0225**2 + 0.013125**2 / 2 + 0.00375**2 / 3))


def test_without_any_variance_passages_are_counted() -> None:
    same = [(0.5, "a"), (0.5, "b"), (0.5, "c")]
    assert _GroupLevel("g", [same, same]).df == 2


@pytest.mark.parametrize("end", [0.3, 2.0, 7.5, 1000.0])
def test_limits_are_found_however_far_they_lie(end: float) -> None:
    for direction in (1, -1):
        found = _end(lambda x: abs(x) <= end, 0.0, direction)
        assert end - 1e-4 * (1 + end) <= direction * found <= end


def test_what_seeds_did_is_subtracted() -> None:
    run = RunScores(
        "r",
        {"train": [(0.9, "t0"), (0.7, "t1")], "test": [(0.6, "e0"), (0.4, "e1")]},
        {"train": [(0.5, "t0"), (0.5, "t1")], "test": [(0.3, "e0"), (0.5, "e1")]},
    )
    table = GroupLevels({"g": [run, run]})
    assert table.contrast({("g", "train"): 1.0}).value == pytest.approx(0.3)
    assert table.contrast(gap("g", "train", "test")).value == pytest.approx(0.2)
    assert table.contrast({("g", "train"): 2.0}).value == pytest.approx(0.6)


def test_contrasts_are_subtracted_cell_by_cell() -> None:
    assert minus(gap("a", "x", "y"), {("a", "x"): 0.25, ("b", "x"): 2.0}) == {
        ("a", "x"): 0.75,
        ("a", "y"): -1.0,
        ("b", "x"): -2.0,
    }


def test_only_groups_of_one_unit_are_compared() -> None:
    runs = [RunScores("r", {"train": [(0.5, "t0"), (0.7, "t1")]})]
    groups = {"a": runs, "b": runs, "c": runs}
    found = compare_groups(groups, {"a": "wins", "b": "wins", "c": "shares"})
    assert [(c["first"], c["second"]) for c in found["comparisons"]] == [("a", "b")]
    found = compare_groups(groups, {"c": "shares"})
    assert [(c["first"], c["second"]) for c in found["comparisons"]] == [("a", "b")]
    assert len(compare_groups(groups)["comparisons"]) == 3
