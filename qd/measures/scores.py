"""What debates count under an objective, and what a rating claims, in one unit.

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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from debateqd.qd.debates.counting import (
    Key,
    StrategyScores,
    by_question,
    contest_scores,
    measured,
    observed,
    paired,
    right,
    self_scores,
)
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.plans import Phase
from debateqd.qd.statistics import (
    ELO,
    NOTHING,
    Estimate,
    Floats,
    Level,
    Observed,
    contrast,
    difference_interval,
)

if TYPE_CHECKING:
    from debateqd.qd.ratings.posterior import Posterior


UNIT = "percentage points of score above the seeds"

SELF_PLAY: tuple[Phase, Phase] = ("elites", "seeds")
"""The two kinds of self-play that are compared with each other."""


# --- what debates count ----------------------------------------------------------------------


def weighed(
    contests: StrategyScores, alone: StrategyScores, truth_weight: float
) -> dict[Key, tuple[float, str]]:
    """Return the score under an objective, where there is what it needs."""
    if truth_weight == 0:
        return dict(contests)
    if truth_weight == 1:
        return dict(alone)
    return {
        key: ((1 - truth_weight) * contests[key][0] + truth_weight * value, passage)
        for key, (value, passage) in alone.items()
        if key in contests
    }


def values_by_question(scores: StrategyScores) -> dict[str, list[float]]:
    """Gather scores by question."""
    found: dict[str, list[float]] = {}
    for (_, question), (value, _) in scores.items():
        found.setdefault(question, []).append(value)
    return found


def above_seeds(
    contests: StrategyScores, alone: StrategyScores, seeds: StrategyScores, truth_weight: float
) -> dict[Key, tuple[float, str]]:
    """Return the score above the seeds; see the module.

    ``contests`` are scores of debates with the seed panel; ``alone`` and ``seeds`` those of
    strategies and seeds with themselves.
    """
    base = values_by_question(seeds)
    won = {key: (value - 0.5, passage) for key, (value, passage) in contests.items()}
    reached = {
        # Differences first: where all reach the same, the gain is 0 and no rounding error.
        key: (fmean(value - seed for seed in base[key[1]]), passage)
        for key, (value, passage) in alone.items()
        if key[1] in base
    }
    return weighed(won, reached, truth_weight)


def objective_scores(
    matches: Iterable[Match],
    score: str,
    truth_weight: float,
    contests: Phase = "panel",
    alone: Phase = "elites",
) -> dict[Key, tuple[float, str]]:
    """Return the score under an objective, from debates of one split and these phases."""
    kept = list(matches)
    return weighed(
        contest_scores(measured(m for m in kept if m.phase == contests), score),
        self_scores(measured(m for m in kept if m.phase == alone), score),
        truth_weight,
    )


def split_gaps(
    matches: Mapping[str, list[Match]],
    pairs: Iterable[tuple[str, str]],
    score: str,
    truth_weight: float,
) -> dict[str, dict[str, Estimate]]:
    """Measure the generalisation gaps of one run, with intervals over the passages of both splits.

    ``pairs`` name the gaps: the first split minus the second.

    Returns:
        For ``"train-test"`` and so on: the gap in judge accuracy of the ``elites``; that of the
        ``seeds``, who have learned nothing, so that theirs is but a difference of difficulty; the
        first minus the second, paired by question (``over_seeds``); and the gap in what the
        ``objective`` counts.
    """
    found: dict[str, dict[str, Estimate]] = {}
    for first, second in pairs:
        if first not in matches or second not in matches:
            continue
        sides = (matches[first], matches[second])
        gaps: dict[str, Estimate] = {
            kind: difference_interval(*(accuracies(side, kind) for side in sides))
            for kind in SELF_PLAY
        }
        gaps["over_seeds"] = _gap_over_seeds(*map(accuracies_beside_seeds, sides))
        gaps["objective"] = difference_interval(
            *(observed(objective_scores(side, score, truth_weight).values()) for side in sides)
        )
        found[f"{first}-{second}"] = gaps
    return found


def accuracies(matches: Iterable[Match], kind: str = "elites") -> Observed:
    """Return whether the judge was right in debates of a kind, each with its passage."""
    return observed(
        (m.right, m.passage) for m in matches if m.phase == kind and m.right is not None
    )


def accuracies_beside_seeds(matches: Iterable[Match]) -> tuple[Observed, Observed]:
    """Return the elites' and the seeds' accuracy on every question, each with its passage."""
    kept = list(matches)
    elites, seeds = (by_question((m for m in kept if m.phase == k), right) for k in SELF_PLAY)
    return paired(elites, seeds)


def _gap_over_seeds(*sides: tuple[Observed, Observed]) -> Estimate:
    if not all(len(elites[0]) for elites, _ in sides):
        return NOTHING
    factors = ((1, -1), (-1, 1))
    return contrast(
        [
            (factor, Level(values))
            for pair, signs in zip(sides, factors, strict=True)
            for factor, values in zip(signs, pair, strict=True)
        ]
    )


# --- what a rating claims -----------------------------------------------------------------------


def elo_of_share(share: float) -> float:
    """Strength in Elo points above an opponent from whom a share of the score was won."""
    if 0 < share < 1:
        return ELO * math.log(share / (1 - share))
    return math.inf if share else -math.inf


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
        expected: Floats = 1 / (1 + np.exp(-points / self.points_per_logit))
        return expected


def reported_progress(
    ratings: Mapping[str, float],
    chosen: Sequence[str],
    panel: Sequence[str],
    posterior: Posterior | None = None,
) -> Estimate | None:
    """Mean rating of strategies above the mean rating of the seeds: what a run says of itself.

    Ratings are in Elo points, of one view; those without any in it are left out. Without a
    posterior the ends of the interval are infinite.

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


class ReportRow(NamedTuple):
    """What a strategy did on one report question.

    ``share`` was won against the panel in both seats, ``truth`` is the score of its debate with
    itself, ``seed_truth`` the mean of the seeds'.
    """

    passage: str
    share: float | None = None
    truth: float | None = None
    seed_truth: float | None = None


def gain_above_seeds(
    rows: Sequence[ReportRow], truth_weight: float, *, elo: bool = False
) -> Estimate | None:
    """Score above the seeds that debates show which no choice depended on.

    Persuasion: mean share - 1/2. Truth: mean truth - mean seed_truth. Mix: their weighted mean.

    In Elo points (``elo``), ``400 / ln 10 * logit`` of each of these means stands for it. The
    logarithm of a mean over unequal questions lies nearer to 0 than the mean strength does: this
    errs on the side of caution. Where a mean may be 0 or 1, the interval has no end.

    There is a row per strategy and question.

    Returns:
        The estimate with a 95 % interval clustered by passage; ``None`` when no row has what the
        objective needs.
    """
    kept = [
        row
        for row in rows
        if (truth_weight == 1 or row.share is not None)
        and (truth_weight == 0 or None not in (row.truth, row.seed_truth))
    ]
    if not kept:
        return None
    passages = [row.passage for row in kept]
    factors = (1 - truth_weight, truth_weight, -truth_weight)
    terms = [
        (factor, Level((values, passages)))
        for factor, values in zip(factors, list(zip(*kept, strict=True))[1:], strict=True)
        if factor
    ]
    found = contrast(terms, elo_of_share if elo else None)
    even = 0 if elo else (1 - truth_weight) / 2
    low, high = found.low - even, found.high - even
    return replace(found, value=found.value - even, low=low, high=high, n=len(kept))
