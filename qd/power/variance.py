"""How verdicts vary: between passages, between questions, between debates on a question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from debate_env.errors import InputError
from debateqd.qd.statistics import Floats

_Groups = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Variances:
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
    def of(cls, mean: float, icc: float = 0.0, repeat: float = 0.0) -> Variances:
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
class Study:
    """The size of a study.

    Attributes:
        questions: Questions per set.
        per_passage: Questions on a passage; for unequal passages the mean weighted by questions,
            which is what a design effect depends on.
        debates: Debates on a question, per seed.
        seeds: Runs with different seeds, on the same questions.
        seed_deviation: Standard deviation between seeds of what is measured.
        paired: Correlation of the passage and question effects of two objectives, 0 to 1.
    """

    questions: int
    per_passage: float = 1.0
    debates: float = 1.0
    seeds: int = 1
    seed_deviation: float = 0.0
    paired: float = 0.0

    @property
    def passages(self) -> float:
        """Passages per set."""
        return self.questions / self.per_passage


@dataclass
class Verdicts:
    """Verdicts of one kind: 1 right or won, 0 not, between them for a tie."""

    values: list[float] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    passages: list[str] = field(default_factory=list)

    def add(self, value: float | None, question: str, passage: str) -> None:
        """Take in a verdict, if there is one."""
        if value is not None:
            self.values.append(value)
            self.questions.append(question)
            self.passages.append(passage)


@dataclass(frozen=True, slots=True)
class MeasuredVariances:
    """What data say about the spread of verdicts.

    Attributes:
        study: Their size.
        repeats: Whether any question was debated twice, without which ``debate`` is assumed.
    """

    variances: Variances
    study: Study
    repeats: bool


def estimate_variances(verdicts: Verdicts, assumed_repeat: float = 0.5) -> MeasuredVariances:
    """Estimate variance components by symmetric differences squared (Koch 1968).

    Half the mean squared difference of two verdicts estimates the sum of all parts that are not
    shared by them: on the same question, on the same passage, on different passages. Where no
    question was debated twice, the correlation of two debates on one is ``assumed_repeat``.

    Raises:
        InputError: There are fewer than two passages.
    """
    data = np.asarray(verdicts.values, dtype=float)
    pairs = list(zip(verdicts.passages, verdicts.questions, strict=True))
    by_passage = _numbers(verdicts.passages)
    same, n_same = _pairs(data, _numbers(pairs))
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
    return MeasuredVariances(
        Variances(float(data.mean()), total - debate - question, question, debate),
        Study(number, sum(n * n for n in counts.values()) / number, len(data) / number),
        repeats=n_same > 0,
    )


def _numbers(labels: Sequence[Hashable]) -> _Groups:
    index: dict[Hashable, int] = {}
    return np.array([index.setdefault(label, len(index)) for label in labels], dtype=np.intp)


def _pairs(values: Floats, groups: _Groups) -> tuple[float, float]:
    """Sum of squared differences over all pairs within a group, and their number."""
    n = np.bincount(groups).astype(float)
    sums = np.bincount(groups, weights=values)
    squares = np.bincount(groups, weights=values**2)
    return float((n * squares - sums**2).sum()), float((n * (n - 1) / 2).sum())
