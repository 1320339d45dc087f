"""Who holds a cell, and who stays to challenge: the rule ``racing`` over arrays; pure functions.

The incumbent has no privilege but the threshold: whoever is now known to be better takes the cell,
a new child, a challenger of earlier generations, or a former incumbent whose successor later
contests showed to be worse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class ChoiceSettings:
    """When a cell changes hands; the defaults are those that ``docs/selection.md`` measures.

    Attributes:
        accept: A challenger takes the cell when it is better with more than this probability.
        reject: One that is better with at most this probability is given up.
        hold: How many may stay, the most promising first.
    """

    accept: float = 0.5
    reject: float = 0.3
    hold: int = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """What becomes of the members of a cell.

    Attributes:
        elite: Who holds the cell now.
        kept: Who stays to challenge, most promising first.
        given_up: Who leaves.
    """

    elite: int
    kept: tuple[int, ...]
    given_up: tuple[int, ...]


def better(mean: Floats, covariance: Floats, a: int, b: int) -> float:
    """Probability that player a is stronger than player b.

    Args:
        mean: Posterior means of the strengths, (n,).
        covariance: Their covariance, (n, n).
        a: One player.
        b: Another.
    """
    difference = float(mean[a] - mean[b])
    variance = float(covariance[a, a] + covariance[b, b] - 2 * covariance[a, b])
    if variance <= 1e-12:
        return 0.5 if difference == 0 else float(difference > 0)
    return _NORMAL.cdf(difference / math.sqrt(variance))


def choose(
    mean: Floats,
    covariance: Floats,
    members: Sequence[int],
    incumbent: int,
    settings: ChoiceSettings = ChoiceSettings(),
) -> Choice:
    """Decide who holds a cell and who stays.

    Args:
        mean: Posterior means of the strengths, (n,).
        covariance: Their covariance, (n, n).
        members: Everybody in the cell, the incumbent among them.
        incumbent: Who holds the cell.
        settings: The thresholds.
    """
    fit = [
        k
        for k in members
        if k != incumbent and better(mean, covariance, k, incumbent) > settings.accept
    ]
    elite = max(fit, key=lambda k: float(mean[k])) if fit else incumbent
    others = sorted(
        ((better(mean, covariance, k, elite), k) for k in members if k != elite),
        key=lambda item: (-item[0], item[1]),
    )
    kept = tuple(k for chance, k in others if chance > settings.reject)[: settings.hold]
    return Choice(elite, kept, tuple(k for _, k in others if k not in kept))
