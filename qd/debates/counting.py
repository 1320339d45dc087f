"""What debates count: shares won, truths reached, points; by strategy, question and passage.

Training and evaluation count alike, and only here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter

from debateqd.qd.debates.matches import Match, weighted_mean
from debateqd.qd.statistics import Estimate, Observed, mean_interval


def share_won(matches: Iterable[Match], player: str, score: str) -> float | None:
    """Mean share that a strategy won of its usable matches; ``None`` without any."""
    return weighted_mean((s, 1.0) for m in matches if (s := m.share(player, score)) is not None)


def truth_reached(matches: Iterable[Match], score: str) -> float | None:
    """Mean truth score of usable matches; ``None`` without any."""
    return weighted_mean((t, 1.0) for m in matches if (t := m.truth(score)) is not None)


def points(matches: Iterable[Match], player: str, truth_weight: float) -> float | None:
    """Points of a strategy in a tournament round, in [0, 1]: won or right debates / usable ones."""
    kept = [match for match in matches if match.comparisons]
    if not kept:
        return None
    won = (share_won(kept, player, "win") or 0.0) if truth_weight < 1 else 0.0
    right = (truth_reached(kept, "win") or 0.0) if truth_weight > 0 else 0.0
    return (1 - truth_weight) * won + truth_weight * right


def speech_troubles(matches: Iterable[Match]) -> dict[str, dict[str, int]]:
    """Count by strategy what was wrong with speeches; strategies without any trouble are left out.

    Names are those of :data:`debateqd.agents.base.TROUBLES`, and ``speeches`` for all asked for.
    """
    found: dict[str, Counter[str]] = {}
    for match in matches:
        for seat, player in match.seats.items():
            troubles, counts = match.troubles.get(seat, {}), found.setdefault(player, Counter())
            counts.update(troubles)
            counts["speeches"] += match.speeches.get(seat, 0) + troubles.get("unusable", 0)
    troubled = {name: found[name] for name in sorted(found) if len(found[name]) > 1}
    return {name: dict(sorted(counts.items())) for name, counts in troubled.items()}


_NAMED = 5
_TROUBLES = {
    "redraws": "redrawn",
    "cut": "cut at a tag of the prompt",
    "token_limit_reached": "at the token limit",
    "unusable": "unusable",
}


def troubles_line(troubles: Mapping[str, Mapping[str, int]]) -> str:
    """Say what :func:`speech_troubles` counted, and whose speeches are mostly unusable."""
    total = sum(map(Counter, troubles.values()), Counter[str]())
    line = ", ".join(f"{total[name]} {said}" for name, said in _TROUBLES.items() if total[name])
    lost = [name for name, n in troubles.items() if 2 * n.get("unusable", 0) > n["speeches"]]
    named = ", ".join(lost[:_NAMED]) + " and others" * (len(lost) > _NAMED)
    return f"speeches: {line}" + f" (most of those of {named})" * bool(lost)


Measure = Callable[[Match], float | None]
"""What is counted of a debate; ``None`` where there is nothing to count."""

Key = tuple[str, str]
"""Ids of a strategy and a question."""

StrategyScores = Mapping[Key, tuple[float, str]]
"""Score, and passage of the question."""


def measured(matches: Iterable[Match]) -> Iterator[tuple[str, Match]]:
    """Pair the debates of an evaluation with the strategies that they measure."""
    return ((match.subject, match) for match in matches)


def contest_scores(
    measured: Iterable[tuple[str, Match]], score: str
) -> dict[Key, tuple[float, str]]:
    """Return the mean share that a strategy won of its contests with others on a question.

    Left out where one of the debates has no usable verdict: seats, and so sides, are then no longer
    balanced.
    """
    return _by_question((name, m, m.share(name, score)) for name, m in measured if m.contested)


def self_scores(measured: Iterable[tuple[str, Match]], score: str) -> dict[Key, tuple[float, str]]:
    """Return the mean truth score of a strategy's debates with itself on a question."""
    found = ((name, m, m.truth(score)) for name, m in measured if m.alone)
    return _by_question(row for row in found if row[2] is not None)


def _by_question(rows: Iterable[tuple[str, Match, float | None]]) -> dict[Key, tuple[float, str]]:
    values: dict[Key, list[float | None]] = {}
    passages: dict[Key, str] = {}
    for name, match, value in rows:
        values.setdefault((name, match.question), []).append(value)
        passages[name, match.question] = match.passage
    return {
        key: (sum(known) / len(known), passages[key])
        for key, found in values.items()
        if len(known := [value for value in found if value is not None]) == len(found)
    }


def observed(scores: Iterable[tuple[float, str]]) -> Observed:
    """Return scores, and their passages as clusters."""
    kept = list(scores)
    return [v for v, _ in kept], [p for _, p in kept]


def mean_of(scores: Iterable[tuple[float, str]]) -> Estimate:
    """Return the mean of scores in [0, 1] with their passages as clusters."""
    return mean_interval(*observed(scores))


def rate(matches: Iterable[Match], value: Measure) -> Estimate:
    """Mean of a value in [0, 1] over the debates that have it, clustered by passage."""
    return mean_of((v, m.passage) for m in matches if (v := value(m)) is not None)


def position_bias(matches: Iterable[Match]) -> Estimate:
    """Mean excess credence of the answer shown first, over its even share."""
    kept = [(m.bias, m) for m in matches if m.bias is not None and m.credence is not None]
    even = [1 / len(m.credence or ()) for _, m in kept] or [0.5]
    values, passages = [bias for bias, _ in kept], [m.passage for _, m in kept]
    return mean_interval(values, passages, (-max(even), 1 - min(even)))


def by_question(matches: Iterable[Match], value: Measure) -> dict[str, tuple[float, str]]:
    """Mean of a value over the debates of each question, with the question's passage."""
    found = _by_question(("", m, v) for m in matches if (v := value(m)) is not None)
    return {question: score for (_, question), score in found.items()}


def paired(
    first: Mapping[str, tuple[float, str]], second: Mapping[str, tuple[float, str]]
) -> tuple[Observed, Observed]:
    """Return either side's values on the questions that both have, with their passages."""
    common = [q for q in first if q in second]
    return observed(first[q] for q in common), observed(second[q] for q in common)


right: Measure = attrgetter("right")
"""Whether the judge was right."""

believed: Measure = attrgetter("believed")
"""The judge's credence in the correct answer."""


def won(match: Match) -> float | None:
    """Whether the measured strategy won."""
    return match.share(match.subject, "win")


def credence_won(match: Match) -> float | None:
    """Share of the credence that the measured strategy won."""
    return match.share(match.subject, "credence")
