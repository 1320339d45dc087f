"""When a child takes an elite's place: one small rule per class.

A rule is asked twice. First, from training ratings alone, whether the child may challenge; a rule
that compares then gets the results of a direct comparison on selection questions, which no rating
has seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

from qd.archive_base import Entry
from qd.baselines import Coin
from qd.config import SelectionConfig
from qd.registry import Registry


@dataclass(frozen=True, slots=True)
class Comparison:
    """A child against the elite of its cell, question by question.

    Attributes:
        child: The child's id.
        incumbent: The elite's id.
        differences: For every selection question the child's score minus the elite's, in [-1, 1];
            see :mod:`qd.selection`.
        passages: The passage of each question; questions that share one are not independent.
    """

    child: str
    incumbent: str
    differences: tuple[float, ...]
    passages: tuple[str, ...]


class AcceptanceRule(Protocol):
    """Decides whether a child takes a place."""

    @property
    def compares(self) -> bool:
        """Whether challenges are decided by a direct comparison."""
        ...

    def may_challenge(self, child: Entry, incumbent: Entry) -> bool:
        """Whether the training ratings let the child challenge, or win where nothing compares."""
        ...

    def accept(self, comparison: Comparison) -> bool:
        """Whether the child has won the direct comparison."""
        ...


class ByRating:
    """The paper's rule: the higher training rating wins, ties keep the elite."""

    compares = False

    def may_challenge(self, child: Entry, incumbent: Entry) -> bool:
        """Whether the child is rated strictly higher."""
        return child.fitness > incumbent.fitness

    def accept(self, comparison: Comparison) -> bool:
        """Never asked; nothing is compared."""
        return False


def cluster_standard_error(values: Sequence[float], clusters: Sequence[str]) -> float:
    """Standard error of a mean whose observations come in clusters.

    With G clusters and residual sums ``r_g = sum over g of (x - mean)``, the linearised
    (ratio-estimator) formula ``sqrt(G / (G - 1) * sum r_g^2) / n``, e.g. Cochran (1977), eq. 11.30.

    Returns:
        The standard error; infinite with fewer than two clusters.
    """
    sums: dict[str, float] = {}
    mean = sum(values) / len(values)
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + value - mean
    count = len(sums)
    if count < 2:
        return math.inf
    return math.sqrt(count / (count - 1) * sum(r * r for r in sums.values())) / len(values)


class HeadToHead:
    """A child must not be rated lower, and must win a direct comparison.

    It wins when the mean difference is above 0 by as many standard errors as the confidence asks
    for; at confidence 0.5 when it is above 0. A comparison without a usable question is lost.

    Args:
        confidence: One-sided, from 0.5.
    """

    compares = True

    def __init__(self, confidence: float = 0.5) -> None:
        self._z = NormalDist().inv_cdf(confidence)

    def may_challenge(self, child: Entry, incumbent: Entry) -> bool:
        """Whether the child is not rated lower."""
        return child.fitness >= incumbent.fitness

    def accept(self, comparison: Comparison) -> bool:
        """Whether the mean difference is above 0 with the confidence asked for."""
        values = comparison.differences
        if not values:
            return False
        mean = sum(values) / len(values)
        if mean <= 0 or not self._z:
            return mean > 0
        return mean > self._z * cluster_standard_error(values, comparison.passages)


AcceptanceFactory = Callable[[SelectionConfig], AcceptanceRule]
"""Makes a rule from the ``selection`` section."""

ACCEPTANCE: Registry[AcceptanceFactory] = Registry("acceptance rule")
ACCEPTANCE.register("head_to_head", lambda config: HeadToHead(config.confidence))
ACCEPTANCE.register("rating", lambda config: ByRating())
ACCEPTANCE.register("coin", lambda config: Coin())


def make_rule(config: SelectionConfig) -> AcceptanceRule:
    """Make the rule of a configuration; without selection questions that is the rating alone.

    Raises:
        InputError: Unknown rule.
    """
    return ByRating() if config.questions == 0 else ACCEPTANCE.get(config.rule)(config)
