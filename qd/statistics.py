"""Estimates with 95 % intervals, clustered by passage, that stay inside what they estimate.

Questions that share a passage are not independent: passages are clusters. Nothing here is drawn at
random, so equal data have equal intervals.

*Rates, and means of other values in [0, 1]*: Korn and Graubard (1998, "Confidence intervals for
proportions with small expected number of positive counts estimated from survey data", Survey
Methodology 24, 193-201), that is Clopper and Pearson's interval at an effective sample size of
p (1 - p) / V times (t of n - 1 / t of g - 1 degrees of freedom)^2. V is the variance of the mean
between the g clusters, but at least that of n independent values: n verdicts never count as more.
At 0 of N, N of N and wherever else V is 0, the g clusters are the effective sample.

*Values between 0 and 1*, such as credences: they scatter less than verdicts, and V says by how
much; no limit of n applies, and the normal quantile replaces t of n - 1. But a few credences near 1
may merely lack the rare one near 0. Numerator and denominator of the effective size then add
:data:`CAUTION` clusters of verdicts, in proportion to how near to 0 and 1 the values are.

*Differences and other contrasts*: MOVER (Zou and Donner 2008, "Construction of confidence limits
about effect measures", Statistics in Medicine 27, 1693-1702; for two rates Newcombe 1998, "Interval
estimation for the difference between independent proportions", Statistics in Medicine 17, 873-890):
the distances of those limits from their means, squared and added, with the correlation of means
that share clusters.

``benchmarks/intervals.py --check`` holds all of it to a coverage of 93 % or more, for rates of 0.5
to 0.98 and 6 to 40 clusters; ``docs/measures.md`` has the figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from itertools import product
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, stdtrit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_UPPER = 0.975  # probability below the upper end of an interval

CAUTION = 0.1
"""Clusters of verdicts that values between 0 and 1 are joined by; see the module."""

FEW = 6
"""With fewer clusters an interval deserves a warning: coverage is not measured there."""

ELO = 400 / math.log(10)
"""Elo points per logit (Elo 1978): a lead of 400 points means odds of ten to one."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its confidence interval.

    Attributes:
        value: The point estimate; NaN when there was nothing to estimate from.
        low: Lower end of the interval.
        high: Upper end of the interval.
        n: Observations behind it; of a difference, of both sides.
        clusters: Independent clusters (passages, or worlds) behind it; of a difference, behind the
            side that has the fewest.
    """

    value: float
    low: float
    high: float
    n: int
    clusters: int

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping; numbers that do not exist become ``None``."""
        return {
            key: None if isinstance(item, float) and not math.isfinite(item) else item
            for key, item in asdict(self).items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Estimate:
        """Read what :meth:`to_json` returned; ends that are ``None`` are taken to be infinite."""
        missing: dict[str, Any] = {"value": math.nan, "low": -math.inf, "high": math.inf}
        return cls(**{key: missing[key] if item is None else item for key, item in data.items()})

    def excludes(self, number: float) -> bool:
        """Whether ``number`` lies outside the interval."""
        return not self.low <= number <= self.high


def as_json(value: Any) -> Any:
    """Return a report, or a part of one, as JSON-able data."""
    if isinstance(value, Estimate):
        return value.to_json()
    if is_dataclass(value):
        return {f.name: as_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list | tuple) else value


NOTHING = Estimate(math.nan, math.nan, math.nan, 0, 0)


def t_quantile(p: float, df: float) -> float:
    """Quantile of Student's t: what ``scipy.stats.t.ppf`` calls, without its import."""
    return float(stdtrit(df, p))


Observed = tuple[Sequence[float], Sequence[Hashable]]
"""Values, and the cluster (passage) of each."""


class Level:
    """Mean of values in [0, 1], with what its error is made of.

    Of several runs, it is the mean of their means.

    Attributes:
        means: Mean of each run.
        mean: Their mean.
        n: Values.
        errors: By run and cluster, what the cluster adds to the error of the run's mean.

    Raises:
        ValueError: A run has no value, or not as many clusters as values.
    """

    def __init__(self, *runs: Observed) -> None:
        self.means: list[float] = []
        self.errors: list[dict[Hashable, float]] = []
        self._shares: dict[Hashable, float] = {}
        self._summed: dict[Hashable, float] = {}
        independent = 0.0
        for values, clusters in runs:
            n = len(values)
            mean = math.fsum(values) / n
            errors: dict[Hashable, float] = {}
            for value, cluster in zip(values, clusters, strict=True):
                errors[cluster] = errors.get(cluster, 0.0) + (value - mean) / n
                self._shares[cluster] = self._shares.get(cluster, 0.0) + 1 / n / len(runs)
            for cluster, error in errors.items():
                self._summed[cluster] = self._summed.get(cluster, 0.0) + error / len(runs)
            independent += math.fsum((value - mean) ** 2 for value in values) / n**2
            self.means.append(mean)
            self.errors.append(errors)
        every = [value for values, _ in runs for value in values]
        self.n = len(every)
        self.mean = math.fsum(self.means) / len(runs)
        self._independent = independent / len(runs) ** 2
        verdicts = set(every) <= {0, 1}
        self._known_df = self.n - 1 if verdicts else math.inf
        self._decided = 0.0 if verdicts else fmean((2 * v - 1) ** 2 for v in every)

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return len(self._shares)

    @property
    def df(self) -> float:
        """Degrees of freedom of the variance."""
        return self.clusters - 1

    def covariance(self, other: Level) -> float:
        """Covariance of two means, from the clusters that both have."""
        common = [c for c in self._summed if c in other._summed]
        g = len(common)
        if g < 2:
            return 0.0
        return g / (g - 1) * math.fsum(self._summed[c] * other._summed[c] for c in common)

    def limits(self) -> tuple[float, float]:
        """Return the interval; all of [0, 1] where there is but one cluster."""
        g, p = self.clusters, self.mean
        if g < 2:
            return 0.0, 1.0
        variance = max(self.covariance(self), self._independent)
        added = CAUTION * self._decided / g
        spread = variance + added * math.fsum(share * share for share in self._shares.values())
        size = (p * (1 - p) + added) / spread if variance > _NO_VARIANCE else float(g)
        size *= (t_quantile(_UPPER, self._known_df) / t_quantile(_UPPER, self.df)) ** 2
        return clopper_pearson(p, size)


_NO_VARIANCE = 1e-20  # what rounding may leave of none


def clopper_pearson(p: float, n: float) -> tuple[float, float]:
    """Return the exact interval of a rate p (Clopper and Pearson 1934), n being any number."""
    low = float(betaincinv(p * n, (1 - p) * n + 1, 1 - _UPPER)) if p > 0 else 0.0
    high = float(betaincinv(p * n + 1, (1 - p) * n, _UPPER)) if p < 1 else 1.0
    return low, high


def contrast(
    terms: Sequence[tuple[float, Level]], transform: Callable[[float], float] | None = None
) -> Estimate:
    """Estimate a weighted sum of levels, such as a difference; see the module.

    Args:
        terms: Factor of each level. Levels are paired where they have clusters in common.
        transform: Increasing function of a share whose values are added up instead, such as the
            logit. A mean of 0 or 1 counts as half a value less extreme in it (Haldane 1956).

    Returns:
        The estimate. Where a level has but one cluster, all that the sum can be.
    """
    factors = [factor for factor, _ in terms]
    levels = [level for _, level in terms]
    points = [level.mean for level in levels]
    ends = [level.limits() for level in levels]
    if transform is not None:
        edges = [0.5 / (level.n + 1) for level in levels]
        points = [transform(min(max(p, e), 1 - e)) for p, e in zip(points, edges, strict=True)]
        ends = [(transform(low), transform(high)) for low, high in ends]
    value = math.fsum(f * p for f, p in zip(factors, points, strict=True))
    table = list(zip(factors, points, ends, strict=True))
    below = [f * (p - e[0] if f > 0 else e[1] - p) for f, p, e in table]
    above = [f * (e[1] - p if f > 0 else p - e[0]) for f, p, e in table]
    low, high = value - _joined(below, levels), value + _joined(above, levels)
    n, clusters = sum(level.n for level in levels), min(level.clusters for level in levels)
    return Estimate(value, low, high, n, clusters)


def _joined(distances: Sequence[float], levels: Sequence[Level]) -> float:
    """Distance of a sum's limit from the sum, from those of its terms, with their signs."""
    if math.inf in map(abs, distances) or min(level.clusters for level in levels) < 2:
        return math.fsum(map(abs, distances))
    pairs = product(zip(distances, levels, strict=True), repeat=2)
    square = math.fsum(a * b * _correlation(one, other) for (a, one), (b, other) in pairs)
    return math.sqrt(max(0.0, square))


def _correlation(one: Level, other: Level) -> float:
    if one is other:
        return 1.0
    product = one.covariance(one) * other.covariance(other)
    if product <= _NO_VARIANCE**2:
        return 0.0
    g = min(one.clusters, other.clusters)
    found = one.covariance(other) / math.sqrt(product)
    # What agrees in all clusters of a sample need not in others: as if half a cluster disagreed.
    return min(1.0, max(-1.0, found)) * g / (g + 0.5)


def mean_interval(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    within: tuple[float, float] = (0.0, 1.0),
) -> Estimate:
    """Estimate a mean with its interval; see the module.

    Args:
        values: Observations.
        clusters: Cluster label (passage) of each observation.
        within: Least and greatest number that an observation can be.

    Returns:
        The estimate. Without observations every number is NaN; with one cluster the interval is all
        of ``within``.
    """
    if not len(values):
        return NOTHING
    least, span = within[0], within[1] - within[0]
    found = contrast([(span, Level(([(v - least) / span for v in values], clusters)))])
    return replace(
        found, value=math.fsum(values) / len(values), low=found.low + least, high=found.high + least
    )


def difference_interval(first: Observed, second: Observed) -> Estimate:
    """Estimate the difference of two means of values in [0, 1].

    Values about clusters of one name are paired; of questions that only one side has, pass none.

    Returns:
        The estimate; NaN throughout where a side has no values.
    """
    if not len(first[0]) or not len(second[0]):
        return NOTHING
    return contrast([(1, Level(first)), (-1, Level(second))])


def spread_interval(
    value: float,
    draws: Sequence[float] | Floats,
    n: int,
    clusters: int,
    within: tuple[float, float],
) -> Estimate:
    """Interval around a value from the spread of its resampled values: bootstrap error times t.

    For statistics that no formula above fits and that jump, such as the number of filled cells:
    there resampling adds a bias of its own, so that quantiles of the resampled values would miss
    even the value itself. Where no resample changes it, the clusters (at most n) count as so many
    independent values, each of them one of the two ends of the range.

    Args:
        value: The value.
        draws: Its resampled values.
        n: Observations.
        clusters: Clusters that were resampled; with one, the interval is the whole range.
        within: The range of the value.
    """
    low, high = within
    if clusters > 1 and np.ptp(draws) > 0:
        quantile = t_quantile(_UPPER, clusters - 1)
        half = quantile * math.sqrt(clusters / (clusters - 1)) * float(np.std(draws))
        low, high = max(low, value - half), min(high, value + half)
    elif clusters > 1:
        ends = clopper_pearson((value - low) / (high - low), min(n, clusters))
        low, high = (low + (high - low) * end for end in ends)
    return Estimate(value, low, high, n, clusters)
