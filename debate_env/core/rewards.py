"""Who earns what: pure functions of the judge's credence.

A credence is a sequence of n probabilities, one per answer in the presented order; answers 0 and 1
are the two that are defended. Three forms of each score:

============  ==============================  ===============================================
form          persuasion (debater 0)          truth (both debaters)
============  ==============================  ===============================================
``credence``  ``p0 - p1``                     ``p[label]``
``win``       ``sign(p0 - p1)``               1 if the label is the argmax, 1/k if k answers tie
``log_odds``  ``log(p0 / p1)``                ``log(p[label] / (1 - p[label]))``
============  ==============================  ===============================================

Persuasion is zero-sum; with two answers its credence form is ``2 p0 - 1``. Probabilities inside a
logarithm are floored at :data:`FLOOR`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Literal

Objective = Literal["persuasion", "truth", "mix"]
RewardForm = Literal["credence", "win", "log_odds"]

FLOOR = 1e-6
"""Lowest probability that enters a logarithm; bounds every score by about 13.8 in size."""


def persuasion(credence: Sequence[float], form: RewardForm = "credence") -> tuple[float, float]:
    """Score both debaters by which of their answers the judge believes; sums to zero."""
    p0, p1 = credence[0], credence[1]
    if form == "credence":
        score = p0 - p1
    elif form == "win":
        score = float(p0 > p1) - float(p0 < p1)
    else:
        score = log(max(p0, FLOOR)) - log(max(p1, FLOOR))
    return score, -score if score else 0.0


def correctness(credence: Sequence[float], label: int) -> float:
    """Return 1 if the label is the judge's first choice, 1/k if k answers tie for it, else 0."""
    best = max(credence)
    return 1.0 / sum(p == best for p in credence) if credence[label] == best else 0.0


def truth(credence: Sequence[float], label: int, form: RewardForm = "credence") -> float:
    """Score both debaters alike by how much the judge believes the correct answer."""
    p = credence[label]
    if form == "credence":
        return p
    if form == "win":
        return correctness(credence, label)
    return log(max(p, FLOOR)) - log(max(1.0 - p, FLOOR))


def judge_log_score(credence: Sequence[float], label: int) -> float:
    """Score the judge by ``log p[label] + log n``: a proper rule, 0 for the uniform credence."""
    return log(max(credence[label], FLOOR) * len(credence))


def reward(
    persuasion_score: float, truth_score: float, objective: Objective, mix_weight: float = 0.5
) -> float:
    """Return what a player is paid of its two scores under an objective."""
    if objective != "mix":
        return persuasion_score if objective == "persuasion" else truth_score
    return mix_weight * truth_score + (1.0 - mix_weight) * persuasion_score
