"""Who beats whom: the payoff matrix over strategies, its cycles, and its Nash weights.

One number per strategy assumes that whoever beats the better one beats the worse one, too. Three
strategies that beat each other in a circle break that. But noise alone makes circles, too: so the
share of cyclic triples stands beside what a *transitive* world with as many debates would show.

A pair is *decided* when one of the two won more than half of the score between them, a triple when
all its pairs are; with A[i, j] = 1 where i beats j, the number of directed 3-cycles is
trace(A^3) / 3, and that of decided triples trace((A + A')^3) / 6 (Kendall and Babington Smith 1940
count circular triads of complete tournaments; this is the same for incomplete ones).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from debateqd.qd.debates.matches import Match
from debateqd.qd.measures.transitive import fit_transitive
from debateqd.qd.statistics import Estimate, spread_interval, wilson

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Meeting(NamedTuple):
    """One debate between two strategies.

    Attributes:
        first: Id of the one.
        second: Id of the other.
        share: Share of the score that the first won, in [0, 1].
        correct: 1 if the first defended the correct answer, -1 if the second did, else 0.
        passage: Passage id.
    """

    first: str
    second: str
    share: float
    correct: int
    passage: str


def meetings_of(matches: Iterable[Match], ids: Iterable[str], score: str) -> list[Meeting]:
    """Return the usable debates between two different ones of some strategies.

    Args:
        matches: The log.
        ids: The strategies.
        score: ``"credence"`` or ``"win"``.
    """
    known, found = set(ids), []
    for match in matches:
        for c in match.comparisons:
            for one, other in product(c.rated, c.opponents):
                first, second = match.seats[one], match.seats[other]
                if first == second or not known.issuperset((first, second)):
                    continue
                share, correct = c.win if score == "win" else c.score, int(c.correct)
                if second == match.subject:  # whoever is measured comes first
                    first, second, share, correct = second, first, 1 - share, -correct
                found.append(Meeting(first, second, share, correct, match.passage))
    return found


@dataclass(frozen=True)
class Payoffs:
    """A payoff matrix with counts.

    Attributes:
        ids: The strategies, in the order of rows and columns.
        won: Shape (n, n): score that the row won against the column.
        counts: Shape (n, n), symmetric: debates between the two.
    """

    ids: tuple[str, ...]
    won: Floats
    counts: Ints

    def shares(self) -> Floats:
        """Return the share that the row won against the column; NaN where they never met."""
        with np.errstate(invalid="ignore"):
            shares: Floats = np.where(self.counts > 0, self.won / self.counts, math.nan)
        return shares

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping; pairs that never met have share ``None``."""
        shares = [[None if math.isnan(v) else round(v, 6) for v in r] for r in self.shares()]
        return {"ids": list(self.ids), "shares": shares, "counts": self.counts.tolist()}


def payoffs(meetings: Iterable[Meeting], ids: Sequence[str]) -> Payoffs:
    """Add meetings up to a matrix over strategies."""
    place = {name: k for k, name in enumerate(ids)}
    won = np.zeros((len(place), len(place)))
    counts = np.zeros((len(place), len(place)), dtype=np.int64)
    for m in meetings:
        i, j = place[m.first], place[m.second]
        won[i, j] += m.share
        won[j, i] += 1 - m.share
        counts[i, j] += 1
        counts[j, i] += 1
    return Payoffs(tuple(ids), won, counts)


def beats(won: Floats) -> Floats:
    """Return 1 where the row won more than the column, 0 elsewhere; shape (..., n, n)."""
    # Two sums of the same shares may differ by rounding, which decides nothing.
    ahead: Floats = (won - np.swapaxes(won, -1, -2) > 1e-9).astype(float)
    return ahead


def count_triples(ahead: Floats) -> tuple[Floats, Floats]:
    """Count triples.

    Args:
        ahead: 1 where the row beats the column; shape (..., n, n).

    Returns:
        Cyclic and decided triples, of shape (...).
    """
    decided = ahead + np.swapaxes(ahead, -1, -2)
    cyclic = np.einsum("...ij,...ji->...", ahead @ ahead, ahead) / 3
    triples = np.einsum("...ij,...ji->...", decided @ decided, decided) / 6
    return np.rint(cyclic), np.rint(triples)


@dataclass(frozen=True, slots=True)
class Cycles:
    """How intransitive some strategies are.

    Attributes:
        strategies: Strategies that met anybody.
        debates: Debates between them.
        pairs: Pairs that met.
        decided: Decided triples.
        cyclic: Cyclic ones of them.
        share: Share of the cyclic among the decided triples, with a 95 % interval over passages.
        by_chance: Mean share, and range of 95 % of the shares, of transitive worlds in which as
            many debates were played; ``None`` without decided triples.
        surprise: Share of those worlds with at least the share of cycles that was seen; small
            means that noise does not explain them.
    """

    strategies: int
    debates: int
    pairs: int
    decided: int
    cyclic: int
    share: Estimate
    by_chance: Estimate | None
    surprise: float | None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping."""
        return {
            "strategies": self.strategies,
            "debates": self.debates,
            "pairs": self.pairs,
            "decided": self.decided,
            "cyclic": self.cyclic,
            "share": self.share.to_json(),
            "by_chance": None if self.by_chance is None else self.by_chance.to_json(),
            "surprise": self.surprise,
        }


def cycles(meetings: Sequence[Meeting], *, resamples: int = 400, seed: int = 0) -> Cycles:
    """Measure how often strategies beat each other in circles.

    The interval is the bootstrap's standard error times t, since resampling adds circles of its
    own; Wilson's over the triples where no resample changes any. What chance gives is a posterior
    predictive check: strengths are drawn from the fit of a transitive model
    (:mod:`debateqd.qd.measures.transitive`), and the same debates are played among them.

    Args:
        meetings: The debates.
        resamples: Bootstrap resamples, and transitive worlds.
        seed: Seed of both.
    """
    ids = sorted({name for m in meetings for name in (m.first, m.second)})
    n = len(ids)
    place = {name: k for k, name in enumerate(ids)}
    first = np.array([place[m.first] for m in meetings], dtype=np.int64)
    second = np.array([place[m.second] for m in meetings], dtype=np.int64)
    there, back = first * n + second, second * n + first
    share = np.array([m.share for m in meetings], dtype=float)
    labels: dict[str, int] = {}
    passage = np.array([labels.setdefault(m.passage, len(labels)) for m in meetings], dtype=int)
    g = len(labels)
    matrix = payoffs(meetings, ids)
    cyclic, decided = (int(c) for c in count_triples(beats(matrix.won)))
    pairs = int((matrix.counts > 0).sum()) // 2
    if not decided:
        none = Estimate(math.nan, math.nan, math.nan, 0, g)
        return Cycles(n, len(meetings), pairs, 0, 0, none, None, None)
    value = cyclic / decided
    rng = np.random.default_rng(seed)

    def shares(rows: Iterable[Floats], weights: Iterable[Floats]) -> list[float]:
        """Share of cycles when debates end like this and weigh so much."""
        found = []
        for outcome, weight in zip(rows, weights, strict=True):
            flat = np.bincount(there, weights=weight * outcome, minlength=n * n)
            flat += np.bincount(back, weights=weight * (1 - outcome), minlength=n * n)
            won: Floats = flat.reshape(n, n).astype(np.float64)
            circles, triples = count_triples(beats(won))
            if triples:
                found.append(float(circles / triples))
        return found

    draws: list[float] = []
    if g > 1:
        passages = rng.multinomial(g, np.full(g, 1 / g), size=resamples).astype(float)
        draws = shares([share] * resamples, passages[:, passage])
    interval = spread_interval(value, draws, decided, g)
    low, high = max(0.0, interval.low), min(1.0, interval.high)
    if low == high:  # no resample decided a triple otherwise, so that its spread is unknown
        low, high = wilson(cyclic, decided)
    interval = Estimate(value, low, high, decided, g)
    model = fit_transitive(first, second, [m.correct for m in meetings], share, n)
    worlds = shares(model.simulate(resamples, rng), [np.ones(len(share))] * resamples)
    low, high = np.quantile(worlds, [0.025, 0.975])
    chance = Estimate(float(np.mean(worlds)), float(low), float(high), len(worlds), len(worlds))
    # The world at hand counts as one of them, so that the share is never 0 (Davison and Hinkley
    # 1997, section 4.2.3).
    surprise = (1 + sum(w >= value - 1e-12 for w in worlds)) / (len(worlds) + 1)
    return Cycles(n, len(meetings), pairs, decided, cyclic, interval, chance, surprise)


def nash_weights(matrix: Payoffs) -> dict[str, float]:
    """Return weights of a mixture that nobody beats on average: a Nash equilibrium of the game.

    The linear programme of a symmetric zero-sum game with payoffs share - 1/2 (von Neumann 1928);
    pairs that never met count as even. Where equilibria are many, this is one of them.

    Args:
        matrix: The payoffs.

    Returns:
        Weight by id; weights are at least 0 and add up to 1. Empty for an empty matrix.
    """
    from scipy.optimize import linprog

    n = len(matrix.ids)
    if not n:
        return {}
    game = np.nan_to_num(matrix.shares() - 0.5)
    # Maximise v subject to game' w >= v, sum w = 1, w >= 0.
    result = linprog(
        c=np.append(np.zeros(n), -1.0),
        A_ub=np.hstack([-game.T, np.ones((n, 1))]),
        b_ub=np.zeros(n),
        A_eq=np.append(np.ones(n), 0.0)[None, :],
        b_eq=[1.0],
        bounds=[(0, None)] * n + [(None, None)],
        method="highs",
    )
    if not result.success:
        raise ArithmeticError(f"the linear programme of {n} strategies failed: {result.message}")
    weights = np.clip(result.x[:n], 0, None)
    weights /= weights.sum()
    return {name: float(w) for name, w in zip(matrix.ids, weights, strict=True)}
