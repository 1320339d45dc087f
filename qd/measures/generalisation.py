"""The generalisation gap over several runs: what holds for other seeds and other passages.

Runs that differ in nothing but their seed form a group, e.g. three persuasion runs and three truth
runs on the same questions. A group's level on a split is the mean over its runs, its gap the
difference of two levels, and groups are compared by the difference of their gaps.

Two things are samples: seeds, within a group, and passages, which all runs share that were
evaluated on the same questions. With means m[r] of S runs r of a group on a split and, for every
passage p, u[r, p] = (sum of (value - m[r]) over p) / (observations of r) / S, the level has the
variance ::

    V = V_seeds + V_passages - V_both
    V_seeds    = S / (S - 1) sum over r ((m[r] - mean) / S)^2
    V_passages = P / (P - 1) sum over p (sum over r of u[r, p])^2
    V_both     = sum over p of k / (k - 1) sum over r (u[r, p] - mean over r)^2

where k is the number of runs that have the passage. V_both is the part that the other two both
hold: a seed's luck with a passage (two-way clustering: Cameron, Gelbach and Miller 2011). Products
in place of squares give the covariance of two levels. Those of two groups have V_passages alone in
common: a passage that is hard for all runs cancels in a comparison (it is paired). Degrees of
freedom are Satterthwaite's (1946). Limits and contrasts are those of
:mod:`debateqd.qd.statistics`. Resampling three seeds would know ten different means; this knows
how they scatter. A group of one run has no V_seeds: its interval speaks of that run alone, and says
so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from debateqd.qd.debates.counting import observed
from debateqd.qd.statistics import NOTHING, Estimate, Level, as_json, contrast

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


SplitScores = Mapping[str, Sequence[tuple[float, str]]]
"""Values in [0, 1] by split, each with the passage that it is about."""


@dataclass(frozen=True)
class RunScores:
    """What one run's elites did on every split.

    ``base``, where there is one, is subtracted: what seeds did on the same questions. A passage has
    one name in all runs that were evaluated on it, and others than those have other names.
    """

    run: str
    splits: SplitScores
    base: SplitScores = field(default_factory=dict)


class _GroupLevel(Level):
    """Level of a group of runs on a split; see the module."""

    def __init__(self, group: str, runs: Sequence[Sequence[tuple[float, str]]]) -> None:
        super().__init__(*map(observed, runs))
        self._group = group

    def covariance(self, other: Level) -> float:
        """Covariance with another level, over seeds too where both are of one group."""
        passages = super().covariance(other)
        if not isinstance(other, _GroupLevel) or self._group != other._group:
            return passages
        total = passages + self._seeds(other) - self._both(other)[0]
        # A difference of estimates may fall below what the passages alone explain.
        return max(total, passages) if self is other else total

    @property
    def df(self) -> float:
        """Degrees of freedom of the variance, by Satterthwaite."""
        (both, both_df), seeds_df = self._both(self), len(self.means) - 1
        parts = (
            (self._seeds(self), seeds_df),
            (super().covariance(self), self.clusters - 1),
            (both, both_df),
        )
        spread = math.fsum(v * v / df for v, df in parts if df)
        return max(1.0, self.covariance(self) ** 2 / spread) if spread else self.clusters - 1

    def _seeds(self, other: _GroupLevel) -> float:
        runs = len(self.means)
        if runs < 2:
            return 0.0
        products = (
            (a - self.mean) * (b - other.mean) for a, b in zip(self.means, other.means, strict=True)
        )
        return math.fsum(products) / runs / (runs - 1)

    def _both(self, other: _GroupLevel) -> tuple[float, int]:
        runs = len(self.means)
        if runs < 2:
            return 0.0, 0
        found: dict[Any, list[tuple[float, float]]] = {}
        for one, two in zip(self.errors, other.errors, strict=True):
            for passage in one.keys() & two.keys():
                found.setdefault(passage, []).append((one[passage] / runs, two[passage] / runs))
        total, df = [], 0
        for pairs in found.values():
            k = len(pairs)
            a, b = (math.fsum(side) / k if k > 1 else 0.0 for side in zip(*pairs, strict=True))
            factor = k / (k - 1) if k > 1 else 1.0
            total.append(factor * math.fsum((x - a) * (y - b) for x, y in pairs))
            df += max(1, k - 1)
        return math.fsum(total), df


class GroupLevels:
    """Levels of groups of runs, and contrasts of them.

    Args:
        groups: Runs by the name of their group. A split counts for a group where every run of the
            group has values on it.
    """

    def __init__(self, groups: Mapping[str, Sequence[RunScores]]) -> None:
        self._levels: dict[GroupSplit, list[tuple[int, Level]]] = {}
        for name, runs in groups.items():
            for split in dict.fromkeys(s for run in runs for s in run.splits):
                if all(run.splits.get(split) for run in runs):
                    terms: list[tuple[int, Level]] = [
                        (1, _GroupLevel(name, [run.splits[split] for run in runs]))
                    ]
                    if runs[0].base:
                        terms.append((-1, _GroupLevel(name, [run.base[split] for run in runs])))
                    self._levels[name, split] = terms

    def splits(self, group: str) -> tuple[str, ...]:
        """Return the splits on which all runs of a group have values."""
        return tuple(split for name, split in self._levels if name == group)

    def contrast(self, coefficients: Contrast) -> Estimate:
        """Estimate a contrast of levels with its 95 % interval.

        Returns:
            The estimate, with NaN throughout where a level does not exist.
        """
        if not all(cell in self._levels for cell in coefficients):
            return NOTHING
        return contrast(
            [
                (c * sign, level)
                for cell, c in coefficients.items()
                for sign, level in self._levels[cell]
            ]
        )


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

    The interval holds all ratios rho for which the interval of one - rho * other holds 0, as
    Fieller's (1954) does.

    Returns:
        The estimate; with infinite ends where the other contrast may be 0: ratios of any size fit
        then.
    """
    divisor, difference = groups.contrast(other), groups.contrast(minus(one, other))
    if not difference.n or not divisor.value:
        return NOTHING
    ratio = groups.contrast(one).value / divisor.value
    n, clusters = difference.n, difference.clusters
    if not divisor.excludes(0):
        return Estimate(ratio - 1, -math.inf, math.inf, n, clusters)

    def fits(rho: float) -> bool:
        scaled = {cell: rho * c for cell, c in other.items()}
        return not groups.contrast(minus(one, scaled)).excludes(0)

    low, high = (_end(fits, ratio, direction) - 1 for direction in (-1, 1))
    return Estimate(ratio - 1, low, high, n, clusters)


def _end(fits: Callable[[float], bool], start: float, direction: int) -> float:
    """Find where numbers cease to fit, in a direction from one that does."""
    inside, outside = start, start + direction
    while fits(outside):
        inside, outside = outside, outside + 2 * (outside - start)
    while abs(outside - inside) > 1e-4 * (1 + abs(inside)):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if fits(middle) else (inside, middle)
    return inside


def compare_groups(
    groups: Mapping[str, Sequence[RunScores]], units: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Report levels and gaps of groups of runs, and the differences between any two groups.

    ``units`` names what the numbers of a group count; groups of two units are not compared.

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
    known = units or {}
    for one, other in combinations(groups, 2):
        if known.get(one) != known.get(other):
            continue
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
