"""Who beats whom: the payoff matrix over strategies, its cycles, and its Nash weights.

One number per strategy assumes that what beats the better one beats the worse one, too. Three
strategies that beat each other in a circle break that.

A pair is *decided* when one of the two won more than half of the score between them, a triple when
all its pairs are; with A[i, j] = 1 where i beats j, the number of directed 3-cycles is
trace(A^3) / 3, and that of decided triples trace((A + A')^3) / 6 (Kendall and Babington Smith 1940
count circular triads of complete tournaments; this is the same for incomplete ones).

Noise alone makes circles, too, but not without limit. Where every two of three strategies meet
equally often, and x and y are the chances that the first beats the second, and the second the
third, both at least 1/2, one strength each makes the first beat the third with a chance z of at
least the greater of the two. A circle has the chance x y (1 - z) + (1 - x) (1 - y) z, which falls
with z and is at most 1/4: more than a quarter of the triples is more than noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from debateqd.qd.debates.matches import Match
from debateqd.qd.statistics import NOTHING, Estimate, Floats, Ints, as_json, spread_interval
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.strategy import Strategy


class Meeting(NamedTuple):
    """One debate between two strategies, of which the first won ``share`` of the score."""

    first: str
    second: str
    share: float
    passage: str


def meetings_of(matches: Iterable[Match], ids: Iterable[str], score: str) -> list[Meeting]:
    """Return the usable debates between two different ones of some strategies."""
    known, found = set(ids), []
    for match in matches:
        for c in match.comparisons:
            for one, other in product(c.rated, c.opponents):
                first, second = match.seats[one], match.seats[other]
                if first != second and known.issuperset((first, second)):
                    share = c.win if score == "win" else c.score
                    found.append(Meeting(first, second, share, match.passage))
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
    """Return 1 where the row won more than the column, 0 elsewhere; shape (n, n)."""
    # Two sums of the same shares may differ by rounding, which decides nothing.
    ahead: Floats = (won - won.T > 1e-9).astype(float)
    return ahead


def count_triples(ahead: Floats) -> tuple[int, int]:
    """Count cyclic and decided triples; ``ahead`` is 1 where the row beats the column."""
    decided = ahead + ahead.T
    return (
        round(float((ahead @ ahead * ahead.T).sum()) / 3),
        round(float((decided @ decided * decided).sum()) / 6),
    )


@dataclass(frozen=True, slots=True)
class Cycles:
    """How intransitive some strategies are.

    Attributes:
        strategies: Strategies that met another.
        pairs: Pairs of them that met.
        decided: Decided triples.
        cyclic: Cyclic ones of them.
        share: Share of the cyclic among the decided triples, with a 95 % interval over passages.
    """

    strategies: int
    debates: int
    pairs: int
    decided: int
    cyclic: int
    share: Estimate


def cycles(meetings: Sequence[Meeting], *, resamples: int = 400, seed: int = 0) -> Cycles:
    """Measure how often strategies beat each other in circles.

    The interval is the bootstrap's standard error times t: triples share pairs, and resampling adds
    circles of its own; see :func:`debateqd.qd.statistics.spread_interval`.
    """
    ids = sorted({name for m in meetings for name in (m.first, m.second)})
    whole = payoffs(meetings, ids)
    cyclic, decided = count_triples(beats(whole.won))
    place = {name: k for k, name in enumerate(ids)}
    pairs = np.array([(place[m.first], place[m.second]) for m in meetings], dtype=int).reshape(
        -1, 2
    )
    _, passage = np.unique([m.passage for m in meetings], return_inverse=True)
    share, g = np.array([m.share for m in meetings]), len({m.passage for m in meetings})
    draws: list[float] = []
    if g > 1 and decided:
        rng = np.random.default_rng(seed)
        for times in rng.multinomial(g, np.full(g, 1 / g), size=resamples):
            won = np.zeros(whole.won.shape)
            np.add.at(won, (pairs[:, 0], pairs[:, 1]), times[passage] * share)
            np.add.at(won, (pairs[:, 1], pairs[:, 0]), times[passage] * (1 - share))
            circles, triples = count_triples(beats(won))
            draws += [circles / triples] if triples else []
    return Cycles(
        strategies=len(ids),
        debates=len(meetings),
        pairs=int((whole.counts > 0).sum()) // 2,
        decided=decided,
        cyclic=cyclic,
        share=spread_interval(cyclic / decided, draws, decided, g, (0, 1)) if decided else NOTHING,
    )


def nash_weights(matrix: Payoffs) -> dict[str, float]:
    """Return weights of a mixture that none beats on average: a Nash equilibrium of the game.

    The linear programme of a symmetric zero-sum game with payoffs share - 1/2 (von Neumann 1928);
    pairs that never met count as even. Where equilibria are many, this is one of them.

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


def measure_payoffs(
    run: RunDirectory, elites: Sequence[Strategy], matches: Sequence[Match], score: str, seed: int
) -> dict[str, Any]:
    """Report who beats whom among the elites, from the log and from fresh debates.

    Training and selection debates of the log count; ``matches`` are fresh ones, of phase ``robin``.

    Returns:
        A JSON-able mapping: ``matrix``, ``cycles``, ``nash`` weights, and the numbers of debates
        from the ``log`` and ``fresh`` ones.
    """
    ids = [s.strategy_id for s in elites]
    logged = meetings_of((m for m in run.matches() if m.phase != "report"), ids, score)
    fresh = meetings_of(matches, ids, score)
    meetings = [*logged, *fresh]
    met = {name for m in meetings for name in (m.first, m.second)}
    matrix = payoffs(meetings, [name for name in ids if name in met])
    return {
        "log": len(logged),
        "fresh": len(fresh),
        "matrix": matrix.to_json(),
        "cycles": as_json(cycles(meetings, seed=seed)),
        "nash": {k: round(w, 6) for k, w in nash_weights(matrix).items() if w > 1e-9},
    }
