"""What is known of strategies' strengths: means, covariance, and what follows from them.

Everything is in Elo points, strengths relative to the mean of the seed panel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Literal

import numpy as np

from debateqd.qd.ratings.design import GROUPS, Scales
from debateqd.qd.ratings.games import GameForm
from debateqd.qd.ratings.laplace import Fit
from debateqd.qd.statistics import Floats

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Effect:
    """A number with its posterior standard deviation, in Elo points."""

    mean: float
    deviation: float


@dataclass(frozen=True, eq=False)
class Posterior:
    """Joint normal posterior of the living strategies' strengths, and of the effects.

    Attributes:
        ids: Living strategies.
        mean: Their strengths, (n,).
        covariance: Of these, (n, n).
        questions: For duels how much more the correct side is worth on a question than on the
            average one; for teams how much more difficult the question is.
        side: What defending the correct answer is worth; for teams the mean difficulty.
        position: What being presented first is worth (teams: to the correct answer).
        mutation: Mean effect of a mutation.
        scales: Scales of the priors and the dispersion of outcomes.
        form: ``"duel"`` or ``"team"``; ``"mix"`` for a weighted mean of the two, whose effects are
            those of the duels.
        warnings: What should make one careful.
    """

    ids: tuple[str, ...]
    mean: Floats
    covariance: Floats
    questions: Mapping[str, Effect]
    side: Effect
    position: Effect
    mutation: Effect
    scales: Scales
    form: GameForm | Literal["mix"] = "duel"
    warnings: tuple[str, ...] = ()

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.ids)}

    def index(self, strategy_id: str) -> int:
        """Place of a strategy in ``mean`` and ``covariance``.

        Raises:
            KeyError: It is not among the living.
        """
        return self._places[strategy_id]

    def __contains__(self, strategy_id: object) -> bool:
        return strategy_id in self._places

    def deviation_of(self, strategy_id: str) -> float:
        """Posterior standard deviation of a strategy's strength."""
        k = self.index(strategy_id)
        return math.sqrt(max(float(self.covariance[k, k]), 0.0))

    def difference(self, a: str, b: str) -> tuple[float, float]:
        """Mean and standard deviation of strength a minus strength b."""
        i, j = self.index(a), self.index(b)
        c = self.covariance
        variance = float(c[i, i] + c[j, j] - 2 * c[i, j])
        return float(self.mean[i] - self.mean[j]), math.sqrt(max(variance, 0.0))

    def better(self, a: str, b: str) -> float:
        """Probability that strategy a is better than strategy b; 1/2 where both are the same."""
        mean, deviation = self.difference(a, b)
        if deviation == 0:
            return 0.5 if mean == 0 else float(mean > 0)
        return _NORMAL.cdf(mean / deviation)

    @property
    def dispersion(self) -> float:
        """Variance of outcomes over p (1 - p)."""
        return self.scales.dispersion

    def effects(self) -> dict[str, float]:
        """The effects and scales as plain numbers, for logs."""
        found = {
            "side": self.side.mean,
            "position": self.position.mean,
            "mutation_mean": self.mutation.mean,
            **{f"{group}_scale": float(getattr(self.scales, group)) for group in GROUPS},
            "dispersion": self.dispersion,
        }
        return {name: round(value, 6) for name, value in found.items()}


def posterior_of(
    fit: Fit,
    ids: Sequence[str],
    questions: Sequence[str],
    form: GameForm = "duel",
    warnings: tuple[str, ...] = (),
) -> Posterior:
    """Give a fit its names: ids of strategies and of questions by their numbers."""
    return Posterior(
        ids=tuple(ids[k] for k in fit.living),
        mean=fit.strengths[fit.living],
        covariance=fit.covariance,
        questions={
            name: Effect(float(mean), float(deviation))
            for name, mean, deviation in zip(
                questions, fit.questions, fit.question_deviations, strict=False
            )
        },
        side=Effect(*fit.side),
        position=Effect(*fit.position),
        mutation=Effect(*fit.mean),
        scales=fit.scales,
        form=form,
        warnings=warnings,
    )


def combine(persuasion: Posterior, truth: Posterior, weight: float) -> Posterior:
    """Weighted mean of two posteriors over the same strategies, as if they were independent.

    They come from the same debates; but what a debate says for the side that defends the correct
    answer it says against it once sides are exchanged, so that the two errors hardly correlate.

    Raises:
        ValueError: They are about different strategies.
    """
    if persuasion.ids != truth.ids:
        raise ValueError("the posteriors are about different strategies")
    own = 1 - weight
    return Posterior(
        ids=persuasion.ids,
        mean=own * persuasion.mean + weight * truth.mean,
        covariance=own**2 * persuasion.covariance + weight**2 * truth.covariance,
        questions=persuasion.questions,
        side=persuasion.side,
        position=persuasion.position,
        mutation=Effect(
            own * persuasion.mutation.mean + weight * truth.mutation.mean,
            float(np.hypot(own * persuasion.mutation.deviation, weight * truth.mutation.deviation)),
        ),
        scales=persuasion.scales,
        form="mix",
        warnings=tuple(dict.fromkeys(persuasion.warnings + truth.warnings)),
    )
