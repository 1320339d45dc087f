"""What a rating claims and what debates show, in one unit.

A rating is a claim about debates to come. To hold it against fresh debates both are expressed as
*score above the seeds*:

- persuasion: the share won against the frozen seed panel, both seats, minus 1/2;
- truth: the score that a strategy reaches when it debates itself, minus what the seeds reach on the
  same questions;
- mix: the weighted mean of the two.

The score is the judge's credence or the verdict, whatever the run selects by. Fresh debates give it
by counting. A rating gives it by its own model: with strength ``r``, panel strengths ``s`` and
question difficulties ``d`` in Elo points, and ``L(x) = 1 / (1 + exp(-x / points))``, ::

    persuasion: mean over s, d of (L(r - s - d) + L(r - s + d)) / 2 - 1/2
    truth:      mean over d of L(r - d)  -  mean over s, d of L(s - d)

The average over difficulties matters: a debate whose outcome mostly hangs on who defends the
correct answer leaves less to strength, and ``L(r - s)`` alone would promise too much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from debateqd.qd.statistics import ELO, Estimate, function_interval

if TYPE_CHECKING:
    from debateqd.qd.ratings.posterior import Posterior

Floats = NDArray[np.float64]

UNIT = "percentage points of score above the seeds"


def logistic(points: Floats, points_per_logit: float = ELO) -> Floats:
    """Expected score of somebody who is stronger by so many points."""
    expected: Floats = 1 / (1 + np.exp(-points / points_per_logit))
    return expected


def elo_of_share(share: Floats, observations: int) -> Floats:
    """Strength in Elo points above an opponent from whom a share of the score was won.

    Args:
        share: Mean shares in [0, 1].
        observations: How many observations are behind each. A share of 0 or 1 has no finite
            strength; it counts as half an observation less extreme (Haldane 1956, Anscombe 1956).
    """
    edge = 0.5 / (observations + 1)
    kept = np.clip(share, edge, 1 - edge)
    points: Floats = ELO * np.log(kept / (1 - kept))
    return points


@dataclass(frozen=True)
class Scale:
    """Translates ratings into score above the seeds; see the module.

    Attributes:
        panel: Ratings of the seeds; at least one.
        difficulties: Ratings of the questions, where the view has them.
        truth_weight: 0 for persuasion, 1 for truth, between them for the mix. A mixed rating
            stands for both strengths, so that its translation is an approximation.
        points_per_logit: Points of the rating per unit of the logistic scale.
    """

    panel: tuple[float, ...]
    difficulties: tuple[float, ...] = ()
    truth_weight: float = 0.0
    points_per_logit: float = ELO

    def score(self, rating: float) -> float:
        """Return the score above the seeds that a rating promises."""
        panel = np.asarray(self.panel, dtype=float)[:, None]
        hard = np.asarray(self.difficulties or (0.0,), dtype=float)[None, :]
        found = 0.0
        if self.truth_weight < 1:
            ahead = rating - panel
            both = (self._expected(ahead - hard) + self._expected(ahead + hard)) / 2
            found += (1 - self.truth_weight) * (float(both.mean()) - 0.5)
        if self.truth_weight > 0:
            own, seeds = self._expected(rating - hard), self._expected(panel - hard)
            found += self.truth_weight * float(own.mean() - seeds.mean())
        return found

    def _expected(self, points: Floats) -> Floats:
        return logistic(points, self.points_per_logit)


def reported_progress(
    ratings: Mapping[str, float],
    chosen: Sequence[str],
    panel: Sequence[str],
    posterior: Posterior | None = None,
) -> Estimate | None:
    """Mean rating of strategies above the mean rating of the seeds: what a run says of itself.

    Args:
        ratings: Ratings in Elo points, of one view.
        chosen: The strategies.
        panel: The seeds; those without a rating in this view are left out.
        posterior: Gives the interval, where the view has one; otherwise its ends are infinite.

    Returns:
        ``None`` when no strategy or no seed has a rating: ratings alone say nothing then.
    """
    own = [ratings[s] for s in chosen if s in ratings]
    seeds = [ratings[s] for s in panel if s in ratings]
    if not own or not seeds:
        return None
    value = math.fsum(own) / len(own) - math.fsum(seeds) / len(seeds)
    low, high = -math.inf, math.inf
    if posterior is not None and set(chosen) <= set(posterior.ids):
        # The posterior is relative to the panel's mean already.
        places = [posterior.index(s) for s in chosen]
        error = math.sqrt(max(0.0, float(posterior.covariance[np.ix_(places, places)].mean())))
        low, high = value - 1.96 * error, value + 1.96 * error
    return Estimate(value, low, high, len(own), len(own))


@dataclass(frozen=True, slots=True)
class ReportRow:
    """What a strategy did on one report question.

    Attributes:
        passage: The question's passage.
        share: Mean share won against the panel, both seats; ``None`` where not played.
        truth: Score of its debate with itself.
        seed_truth: Mean score of the seeds' debates with themselves on this question.
    """

    passage: str
    share: float | None = None
    truth: float | None = None
    seed_truth: float | None = None


def corrected_progress(rows: Sequence[ReportRow], truth_weight: float) -> Estimate | None:
    """Progress that debates show which no choice depended on, in Elo points above the seeds.

    Persuasion: ``400 / ln 10 * logit(mean share)``. Truth: ``400 / ln 10 * (logit(mean truth) -
    logit(mean seed_truth))``. Mix: their weighted mean. The logarithm of a mean over unequal
    questions lies nearer to 0 than the mean strength does: this errs on the side of caution.

    Args:
        rows: One per strategy and question.
        truth_weight: 0 for persuasion, 1 for truth, between them for the mix.

    Returns:
        The estimate with a 95 % interval clustered by passage; ``None`` when no row has what the
        objective needs.
    """
    weight = truth_weight
    table: list[tuple[float, float, float]] = []
    passages: list[str] = []
    for row in rows:
        if weight < 1 and row.share is None:
            continue
        if weight > 0 and (row.truth is None or row.seed_truth is None):
            continue
        table.append(
            (
                0.5 if row.share is None else row.share,
                0.5 if row.truth is None else row.truth,
                0.5 if row.seed_truth is None else row.seed_truth,
            )
        )
        passages.append(row.passage)
    if not table:
        return None

    def points(means: Floats) -> Floats:
        share, truth, base = (elo_of_share(means[:, k], len(table)) for k in range(3))
        mixed: Floats = (1 - weight) * share + weight * (truth - base)
        return mixed

    return function_interval(table, passages, points)
