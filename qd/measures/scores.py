"""What debates count under an objective, by strategy and question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from debateqd.qd.debates.trials import KINDS, Trial, by_question, paired, right
from debateqd.qd.statistics import Estimate, difference_interval, mean_interval

Key = tuple[str, str]
"""A strategy and a question."""

Scores = Mapping[Key, tuple[float, str]]
"""Score, and passage of the question."""


def contest_scores(trials: Iterable[Trial], score: str) -> dict[Key, tuple[float, str]]:
    """Return the mean share that a strategy won of the debates against others on a question.

    Left out where one of the debates has no usable verdict: seats, and so sides, are then no longer
    balanced.

    Args:
        trials: Debates; those of a strategy with itself are skipped.
        score: ``"credence"`` or ``"win"``.
    """
    found: dict[Key, list[float]] = {}
    passages: dict[Key, str] = {}
    spoilt: set[Key] = set()
    for trial in trials:
        if trial.strategy == trial.opponent:
            continue
        key = (trial.strategy, trial.question)
        share = trial.share(score)
        if share is None:
            spoilt.add(key)
        else:
            found.setdefault(key, []).append(share)
            passages[key] = trial.passage
    return {
        key: (sum(shares) / len(shares), passages[key])
        for key, shares in found.items()
        if key not in spoilt
    }


def self_scores(trials: Iterable[Trial], score: str) -> dict[Key, tuple[float, str]]:
    """Return the mean score of a strategy's debates with itself on a question.

    Args:
        trials: Debates; those between different strategies are skipped.
        score: ``"credence"`` in the correct answer, or ``"win"`` for right and wrong.
    """
    found: dict[Key, list[float]] = {}
    passages: dict[Key, str] = {}
    for trial in trials:
        value = trial.reached(score)
        if trial.strategy == trial.opponent and value is not None:
            key = (trial.strategy, trial.question)
            found.setdefault(key, []).append(value)
            passages[key] = trial.passage
    return {key: (sum(values) / len(values), passages[key]) for key, values in found.items()}


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
    trials: Iterable[Trial], score: str, truth_weight: float
) -> dict[Key, tuple[float, str]]:
    """Return the score under an objective of the elites of an evaluation.

    Args:
        trials: Debates of one split, of any kinds.
        score: ``"credence"`` or ``"win"``.
        truth_weight: 0 for persuasion, 1 for truth, between them for the mix.
    """
    kept = list(trials)
    return weighed(
        contest_scores((t for t in kept if t.kind == "panel"), score),
        self_scores((t for t in kept if t.kind == "elites"), score),
        truth_weight,
    )


def split_gaps(
    trials: Mapping[str, list[Trial]],
    pairs: Iterable[tuple[str, str]],
    score: str,
    truth_weight: float,
) -> dict[str, dict[str, Estimate]]:
    """Measure the generalisation gaps of one run; intervals resample the passages of either split.

    Args:
        trials: Debates by split.
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
        if first not in trials or second not in trials:
            continue
        sides = (trials[first], trials[second])
        gaps: dict[str, Estimate] = {
            kind: _gap(*(accuracies(side, kind) for side in sides)) for kind in KINDS
        }
        gaps["over_seeds"] = _gap(*map(accuracy_over_seeds, sides))
        gaps["objective"] = _gap(
            *(list(objective_scores(side, score, truth_weight).values()) for side in sides)
        )
        found[f"{first}-{second}"] = gaps
    return found


def accuracies(trials: Iterable[Trial], kind: str = "elites") -> list[tuple[float, str]]:
    """Return whether the judge was right in debates of a kind, each with its passage."""
    return [(t.right, t.passage) for t in trials if t.kind == kind and t.right is not None]


def accuracy_over_seeds(trials: Iterable[Trial]) -> list[tuple[float, str]]:
    """Return the elites' accuracy minus the seeds' on every question, each with its passage."""
    kept = list(trials)
    sides = (by_question((t for t in kept if t.kind == kind), right) for kind in KINDS)
    return list(zip(*paired(*sides), strict=True))


def _gap(first: list[tuple[float, str]], second: list[tuple[float, str]]) -> Estimate:
    sides = [([v for v, _ in side], [p for _, p in side]) for side in (first, second)]
    return difference_interval(sides[0], sides[1])


def mean_of(scores: Iterable[tuple[float, str]], *, proportion: bool = False) -> Estimate:
    """Return the mean of scores with their passages as clusters."""
    kept = list(scores)
    return mean_interval([v for v, _ in kept], [p for _, p in kept], proportion=proportion)
