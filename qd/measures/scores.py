"""What debates count under an objective, by strategy and question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from debateqd.qd.debates.counting import (
    Key,
    Scores,
    by_question,
    contest_scores,
    measured,
    paired,
    right,
    self_scores,
)
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.plans import Phase
from debateqd.qd.statistics import Estimate, difference_interval

SELF_PLAY: tuple[Phase, Phase] = ("elites", "seeds")
"""The two kinds of self-play that are compared with each other."""


def weighed(contests: Scores, alone: Scores, truth_weight: float) -> dict[Key, tuple[float, str]]:
    """Return the score under an objective, where there is what it needs.

    Args:
        contests: From :func:`contest_scores`.
        alone: From :func:`self_scores`.
        truth_weight: 0 for persuasion, 1 for truth, between them for the mix.
    """
    if truth_weight == 0:
        return dict(contests)
    if truth_weight == 1:
        return dict(alone)
    return {
        key: ((1 - truth_weight) * contests[key][0] + truth_weight * value, passage)
        for key, (value, passage) in alone.items()
        if key in contests
    }


def above_seeds(
    contests: Scores, alone: Scores, seeds: Scores, truth_weight: float
) -> dict[Key, tuple[float, str]]:
    """Return the score above the seeds, as :mod:`debateqd.qd.measures.score_units` defines it.

    Args:
        contests: Of debates with the seed panel, from :func:`contest_scores`.
        alone: From :func:`self_scores`.
        seeds: The same for the seeds' debates with themselves.
        truth_weight: 0 for persuasion, 1 for truth, between them for the mix.
    """
    base: dict[str, list[float]] = {}
    for (_, question), (value, _) in seeds.items():
        base.setdefault(question, []).append(value)
    won = {key: (value - 0.5, passage) for key, (value, passage) in contests.items()}
    reached = {
        key: (sum(value - seed for seed in base[key[1]]) / len(base[key[1]]), passage)
        for key, (value, passage) in alone.items()
        if key[1] in base
    }
    return weighed(won, reached, truth_weight)


def objective_scores(
    matches: Iterable[Match], score: str, truth_weight: float
) -> dict[Key, tuple[float, str]]:
    """Return the score under an objective of the elites of an evaluation.

    Args:
        matches: Debates of one split, of any kinds.
        score: ``"credence"`` or ``"win"``.
        truth_weight: 0 for persuasion, 1 for truth, between them for the mix.
    """
    kept = list(matches)
    return weighed(
        contest_scores(measured(m for m in kept if m.phase == "panel"), score),
        self_scores(measured(m for m in kept if m.phase == "elites"), score),
        truth_weight,
    )


def split_gaps(
    matches: Mapping[str, list[Match]],
    pairs: Iterable[tuple[str, str]],
    score: str,
    truth_weight: float,
) -> dict[str, dict[str, Estimate]]:
    """Measure the generalisation gaps of one run; intervals resample the passages of either split.

    Args:
        matches: Debates by split.
        pairs: Which gaps: the first split minus the second.
        score: ``"credence"`` or ``"win"``, for the objective.
        truth_weight: 0 for persuasion, 1 for truth, between them for the mix.

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
            kind: _gap(*(accuracies(side, kind) for side in sides)) for kind in SELF_PLAY
        }
        gaps["over_seeds"] = _gap(*map(accuracy_over_seeds, sides))
        gaps["objective"] = _gap(
            *(list(objective_scores(side, score, truth_weight).values()) for side in sides)
        )
        found[f"{first}-{second}"] = gaps
    return found


def accuracies(matches: Iterable[Match], kind: str = "elites") -> list[tuple[float, str]]:
    """Return whether the judge was right in debates of a kind, each with its passage."""
    return [(m.right, m.passage) for m in matches if m.phase == kind and m.right is not None]


def accuracy_over_seeds(matches: Iterable[Match]) -> list[tuple[float, str]]:
    """Return the elites' accuracy minus the seeds' on every question, each with its passage."""
    kept = list(matches)
    sides = (by_question((m for m in kept if m.phase == kind), right) for kind in SELF_PLAY)
    return list(zip(*paired(*sides), strict=True))


def _gap(first: list[tuple[float, str]], second: list[tuple[float, str]]) -> Estimate:
    sides = [([v for v, _ in side], [p for _, p in side]) for side in (first, second)]
    return difference_interval(sides[0], sides[1])
