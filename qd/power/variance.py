"""How verdicts vary: between passages, between questions, between debates on a question."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from debate_env.errors import InputError

Floats = NDArray[np.float64]
Groups = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Spread:
    """How verdicts vary, as variances of the single verdict.

    Attributes:
        mean: Share right, or won.
        passage: Variance between passages.
        question: Variance between questions on a passage.
        debate: Variance between debates on a question.
    """

    mean: float
    passage: float
    question: float
    debate: float

    @classmethod
    def of(cls, mean: float, icc: float = 0.0, repeat: float = 0.0) -> Spread:
        """Split the variance of a 0/1 verdict.

        Args:
            mean: Share right, or won.
            icc: Correlation of verdicts on two questions of one passage.
            repeat: Correlation of two debates on one question; not below ``icc``.
        """
        total = mean * (1 - mean)
        return cls(mean, icc * total, (repeat - icc) * total, (1 - repeat) * total)

    @property
    def total(self) -> float:
        """Variance of a single verdict."""
        return self.passage + self.question + self.debate

    @property
    def icc(self) -> float:
        """Correlation of verdicts on two questions of one passage."""
        return self.passage / self.total if self.total else 0.0

    @property
    def repeat(self) -> float:
        """Correlation of two debates on one question."""
        return (self.passage + self.question) / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What data say about the spread of verdicts, and their own size.

    Attributes:
        spread: Variances by part.
        verdicts: Verdicts behind it.
        questions: Questions behind it.
        passages: Passages behind it.
        per_passage: Questions on a passage; where passages differ, their mean weighted by
            questions, which is what a design effect depends on.
        repeats: Whether any question was debated twice, without which ``debate`` is assumed.
    """

    spread: Spread
    verdicts: int
    questions: int
    passages: int
    per_passage: float
    repeats: bool

    @property
    def per_question(self) -> float:
        """Debates on a question, on average."""
        return self.verdicts / self.questions


def measure_spread(
    values: Sequence[float],
    questions: Sequence[str],
    passages: Sequence[str],
    *,
    assumed_repeat: float = 0.5,
) -> Measured:
    """Estimate variance components by symmetric differences squared (Koch 1968).

    Half the mean squared difference of two verdicts estimates the sum of all parts that are not
    shared by them: on the same question, on the same passage, on different passages.

    Args:
        values: Verdicts in [0, 1].
        questions: Question of each.
        passages: Passage of each.
        assumed_repeat: Correlation of two debates on a question, where none was debated twice.

    Raises:
        InputError: There are fewer than two passages.
    """
    data = np.asarray(values, dtype=float)
    pairs = list(zip(passages, questions, strict=True))
    by_question = _numbers(pairs)
    by_passage = _numbers(passages)
    same, n_same = _pairs(data, by_question)
    near, n_near = _pairs(data, by_passage)
    every, n_every = _pairs(data, np.zeros_like(by_passage))
    if n_every == n_near:
        raise InputError("the spread between passages needs verdicts on at least two passages")
    total = (every - near) / (n_every - n_near) / 2
    if total <= 0:
        raise InputError(f"all {len(data)} verdicts are {data[0]:g}: there is no spread to measure")
    debate = min(same / n_same / 2, total) if n_same else (1 - assumed_repeat) * total
    question = 0.0
    if n_near > n_same:
        question = min(max((near - same) / (n_near - n_same) / 2 - debate, 0.0), total - debate)
    counts = Counter(passage for passage, _ in set(pairs))
    number = sum(counts.values())
    return Measured(
        Spread(float(data.mean()), total - debate - question, question, debate),
        verdicts=len(data),
        questions=number,
        passages=len(counts),
        per_passage=sum(n * n for n in counts.values()) / number,
        repeats=n_same > 0,
    )


def _numbers(labels: Sequence[Hashable]) -> Groups:
    index: dict[Hashable, int] = {}
    return np.array([index.setdefault(label, len(index)) for label in labels], dtype=np.intp)


def _pairs(values: Floats, groups: Groups) -> tuple[float, float]:
    """Sum of squared differences over all pairs within a group, and their number."""
    n = np.bincount(groups).astype(float)
    sums = np.bincount(groups, weights=values)
    squares = np.bincount(groups, weights=values**2)
    return float((n * squares - sums**2).sum()), float((n * (n - 1) / 2).sum())


def effect_correlation(
    first: Mapping[str, Sequence[float]], second: Mapping[str, Sequence[float]]
) -> float | None:
    """Correlation of two conditions' question effects, corrected for the noise of debates.

    Args:
        first: Verdicts by question.
        second: Verdicts of the other condition.

    Returns:
        From 0 to 1; ``None`` where it cannot be known: fewer than three common questions, no
        question debated twice, or no difference between questions beyond the noise.
    """
    common = sorted(first.keys() & second.keys())
    if len(common) < 3:
        return None
    means, own = [], []
    for side in (first, second):
        rows = [np.asarray(side[q], dtype=float) for q in common]
        if any(len(row) < 2 for row in rows):
            return None
        mean = np.array([row.mean() for row in rows])
        noise = float(np.mean([row.var(ddof=1) / len(row) for row in rows]))
        means.append(mean)
        own.append(float(mean.var(ddof=1)) - noise)
    if min(own) <= 0:
        return None
    covariance = float(np.cov(means[0], means[1])[0, 1])
    return min(max(covariance / math.sqrt(own[0] * own[1]), 0.0), 1.0)
