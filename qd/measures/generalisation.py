"""The generalisation gap over several runs: what holds for other seeds and other passages.

Runs that differ in nothing but their seed form a group, e.g. three persuasion runs and three truth
runs on the same questions. A group's level on a split is the mean over its runs, its gap the
difference of two levels, and groups are compared by the difference of their gaps.

Two things are samples: seeds, within a group, and passages, which all runs share that were
evaluated on the same questions. With levels m[r, s] of run r on split s and, for every passage p,
u[r, p] = (sum of (value - m[r, s]) over p) / (observations of r on s) / (runs of the group), a
contrast with coefficients c has the variance ::

    V = V_seeds + V_passages - V_both
    V_seeds    = sum over groups of S / (S - 1) sum over r (sum over s of c (m[r, s] - mean) / S)^2
    V_passages = P / (P - 1) sum over p (sum over r of c u[r, p])^2
    V_both     = sum over groups and p of k / (k - 1) sum over r (c (u[r, p] - mean over r))^2

where k is the number of the group's runs that have the passage. V_passages adds what runs have in
common before it squares, so that a passage that is hard for all runs cancels in a comparison (it
is paired). V_both is the part that the other two both hold: a seed's luck with a passage (two-way
clustering: Cameron, Gelbach and Miller 2011). Intervals are t intervals with Satterthwaite's (1946)
degrees of freedom. Resampling three seeds would know ten different means; this knows how they
scatter. A group of one run has no V_seeds: its interval speaks of that run alone, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from debateqd.qd.statistics import NOTHING, Estimate, as_json, t_quantile

GAPS: tuple[tuple[str, str], ...] = (
    ("train", "selection"),
    ("train", "test"),
    ("selection", "test"),
)
"""Gaps are the first minus the second; the three splits share no passage."""

GroupSplit = tuple[str, str]
"""A group and a split."""

Contrast = Mapping[GroupSplit, float]
"""Factor of each group's level on each split."""


@dataclass(frozen=True)
class RunScores:
    """What one run's elites did on every split.

    Values by split stand with the passage they are about. A passage has one name in all runs that
    were evaluated on it, and others than those have other names.
    """

    run: str
    splits: Mapping[str, Sequence[tuple[float, str]]]


@dataclass(frozen=True)
class _Level:
    """One run on one split: its mean, and what each passage adds to the mean's error."""

    mean: float
    n: int
    parts: Mapping[str, float]


def _level(values: Sequence[tuple[float, str]]) -> _Level:
    mean = math.fsum(v for v, _ in values) / len(values)
    parts: dict[str, float] = {}
    for value, passage in values:
        parts[passage] = parts.get(passage, 0.0) + (value - mean) / len(values)
    return _Level(mean, len(values), parts)


class GroupLevels:
    """Levels of groups of runs, and contrasts of them.

    Args:
        groups: Runs by the name of their group. A split counts for a group where every run of the
            group has values on it.
    """

    def __init__(self, groups: Mapping[str, Sequence[RunScores]]) -> None:
        self._levels: dict[GroupSplit, list[_Level]] = {}
        for name, runs in groups.items():
            for split in dict.fromkeys(s for run in runs for s in run.splits):
                if all(run.splits.get(split) for run in runs):
                    self._levels[name, split] = [_level(run.splits[split]) for run in runs]
        self.runs = {name: len(runs) for name, runs in groups.items()}

    def splits(self, group: str) -> tuple[str, ...]:
        """Return the splits on which all runs of a group have values."""
        return tuple(split for name, split in self._levels if name == group)

    def value(self, coefficients: Contrast) -> float:
        """Return a contrast of levels."""
        return math.fsum(
            c * math.fsum(level.mean for level in self._levels[cell]) / len(self._levels[cell])
            for cell, c in coefficients.items()
        )

    def contrast(self, coefficients: Contrast) -> Estimate:
        """Estimate a contrast of levels with its 95 % interval.

        Returns:
            The estimate, with NaN throughout where a level does not exist.
        """
        if not all(cell in self._levels for cell in coefficients):
            return NOTHING
        value = self.value(coefficients)
        levels = [level for cell in coefficients for level in self._levels[cell]]
        n = sum(level.n for level in levels)
        clusters = len({p for level in levels for p in level.parts})
        variance, df = self.variance(coefficients)
        if math.isinf(variance):
            return Estimate(value, -math.inf, math.inf, n, clusters)
        half = t_quantile(0.975, df) * math.sqrt(variance)
        return Estimate(value, value - half, value + half, n, clusters)

    def variance(self, coefficients: Contrast) -> tuple[float, float]:
        """Return the variance of a contrast and its degrees of freedom; see the module."""
        seeds, seeds_df = self._seeds(coefficients)
        passages, passages_df = self._passages(coefficients)
        both, both_df = self._both(coefficients)
        # A difference of estimates may fall below what the passages alone explain.
        total = max(seeds + passages - both, passages)
        if not total or math.isinf(total):
            return total, 1.0
        parts = ((seeds, seeds_df), (passages, passages_df), (both, both_df))
        spread = sum(v * v / df for v, df in parts if df)
        return total, max(1.0, total * total / spread) if spread else 1.0

    def _seeds(self, coefficients: Contrast) -> tuple[float, int]:
        variance, df = 0.0, 0
        for name in {group for group, _ in coefficients}:
            runs = self.runs[name]
            if runs < 2:
                continue
            offsets = [0.0] * runs
            for (group, split), c in coefficients.items():
                if group == name:
                    levels = self._levels[group, split]
                    mean = math.fsum(level.mean for level in levels) / runs
                    for r, level in enumerate(levels):
                        offsets[r] += c * (level.mean - mean) / runs
            variance += runs / (runs - 1) * math.fsum(o * o for o in offsets)
            df += runs - 1
        return variance, df

    def _passages(self, coefficients: Contrast) -> tuple[float, int]:
        by_split: dict[str, dict[str, float]] = {}
        for (group, split), c in coefficients.items():
            sums = by_split.setdefault(split, {})
            levels = self._levels[group, split]
            for level in levels:
                for passage, part in level.parts.items():
                    sums[passage] = sums.get(passage, 0.0) + c * part / len(levels)
        fewest = min(map(len, by_split.values()))
        if fewest < 2:
            return math.inf, 0
        variance = sum(
            len(sums) / (len(sums) - 1) * math.fsum(u * u for u in sums.values())
            for sums in by_split.values()
        )
        return variance, fewest - 1

    def _both(self, coefficients: Contrast) -> tuple[float, int]:
        variance, df = 0.0, 0
        for (group, split), c in coefficients.items():
            levels = self._levels[group, split]
            if len(levels) < 2:
                continue
            parts: dict[str, list[float]] = {}
            for level in levels:
                for passage, part in level.parts.items():
                    parts.setdefault(passage, []).append(c * part / len(levels))
            for found in parts.values():
                k = len(found)
                mean = math.fsum(found) / k if k > 1 else 0.0
                factor = k / (k - 1) if k > 1 else 1.0
                variance += factor * math.fsum((u - mean) ** 2 for u in found)
                df += max(1, k - 1)
        return variance, df


def gap(group: str, first: str, second: str) -> dict[GroupSplit, float]:
    """Return the coefficients of a group's gap between two splits."""
    return {(group, first): 1.0, (group, second): -1.0}


def minus(one: Contrast, other: Contrast) -> dict[GroupSplit, float]:
    """Return the coefficients of the difference of two contrasts."""
    found = dict(one)
    for cell, c in other.items():
        found[cell] = found.get(cell, 0.0) - c
    return found


def relative_difference(groups: GroupLevels, one: Contrast, other: Contrast) -> Estimate:
    """Estimate one contrast divided by another, minus 1, e.g. -0.14 for a gap that is 14 % smaller.

    The interval of 95 % is Fieller's (1954): all ratios rho for which one - rho * other does not
    differ from 0. Where the other contrast itself does not differ from 0, ratios of any size fit,
    and both ends are infinite; that is no flaw of the interval but of dividing by such a number.
    """
    difference = groups.contrast(minus(one, other))
    a, b = groups.value(one), groups.value(other)
    if not difference.n or not b:
        return NOTHING
    value = a / b - 1
    shown = Estimate(value, -math.inf, math.inf, difference.n, difference.clusters)
    v_a, df_a = groups.variance(one)
    v_b, df_b = groups.variance(other)
    v_d, df_d = groups.variance(minus(one, other))
    if math.isinf(v_a + v_b + v_d):
        return shown
    covariance = (v_a + v_b - v_d) / 2
    t = t_quantile(0.975, min(df_a, df_b, df_d))
    # (a - rho b)^2 <= t^2 (v_a - 2 rho covariance + rho^2 v_b)
    square, linear, constant = (
        b * b - t * t * v_b,
        -2 * (a * b - t * t * covariance),
        a * a - t * t * v_a,
    )
    inside = linear * linear - 4 * square * constant
    if square <= 0 or inside < 0:
        return shown
    ends = sorted((-linear + sign * math.sqrt(inside)) / (2 * square) - 1 for sign in (-1, 1))
    return Estimate(value, ends[0], ends[1], difference.n, difference.clusters)


def compare_groups(groups: Mapping[str, Sequence[RunScores]]) -> dict[str, Any]:
    """Report levels and gaps of groups of runs, and the differences between any two groups.

    Returns:
        A JSON-able mapping: ``groups`` (name, runs, ``levels`` by split, ``gaps`` by "train-test"
        and so on) and ``comparisons`` (first, second, ``levels``, ``gaps``: first minus second, and
        ``relative_gaps``: the first's gap relative to the second's).
    """
    table = GroupLevels(groups)
    shown, comparisons = [], []
    for name, runs in groups.items():
        splits = table.splits(name)
        levels = {s: table.contrast({(name, s): 1.0}) for s in splits}
        gaps = {f"{a}-{b}": table.contrast(gap(name, a, b)) for a, b in _gaps_of(splits)}
        shown.append(
            {"name": name, "runs": [run.run for run in runs], "levels": levels, "gaps": gaps}
        )
    for one, other in combinations(groups, 2):
        splits = tuple(s for s in table.splits(one) if s in table.splits(other))
        pairs = {f"{a}-{b}": (gap(one, a, b), gap(other, a, b)) for a, b in _gaps_of(splits)}
        levels = {s: table.contrast({(one, s): 1.0, (other, s): -1.0}) for s in splits}
        comparisons.append(
            {
                "first": one,
                "second": other,
                "levels": levels,
                "gaps": {k: table.contrast(minus(*pair)) for k, pair in pairs.items()},
                "relative_gaps": {
                    k: relative_difference(table, *pair) for k, pair in pairs.items()
                },
            }
        )
    found: dict[str, Any] = as_json({"groups": shown, "comparisons": comparisons})
    return found


def _gaps_of(splits: Iterable[str]) -> list[tuple[str, str]]:
    known = set(splits)
    return [pair for pair in GAPS if known.issuperset(pair)]
