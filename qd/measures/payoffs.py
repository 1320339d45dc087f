"""Who beats whom: the payoff matrix over strategies, its cycles, and its Nash weights.

One number per strategy assumes that what beats the better one beats the worse one, too. Three
strategies that beat each other in a circle break that. But noise alone makes circles, too: so the
share of cyclic triples stands beside what a *transitive* world with as many debates would show.

A pair is *decided* when one of the two won more than half of the score between them, a triple when
all its pairs are; with A[i, j] = 1 where i beats j, the number of directed 3-cycles is
trace(A^3) / 3, and that of decided triples trace((A + A')^3) / 6 (Kendall and Babington Smith 1940
count circular triads of complete tournaments; this is the same for incomplete ones).

In the transitive world, with strengths theta, c = +1, -1 or 0 as the first, the second or neither
defends the correct answer, and the share y that the first won, ::

    mean of y = p = 1 / (1 + exp(-(theta_first - theta_second + beta c)))
    variance of y = dispersion * p (1 - p),        0 < dispersion <= 1

1 for verdicts and less for credences (quasi-likelihood: McCullagh and Nelder 1989, chapter 9). The
prior is theta ~ N(0, scale^2), with the scale estimated by expectation maximisation, so that noise
is not taken for differences of strength. The posterior is approximated by Laplace's method.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from debateqd.qd.debates.matches import Match
from debateqd.qd.statistics import Estimate, Floats, Ints, as_json, spread_interval
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.strategy import Strategy

_LEAST = 1e-3
"""Least scale of strengths (logits) and least dispersion: 0 would divide by itself."""


class Meeting(NamedTuple):
    """One debate between two strategies.

    The first won ``share`` of the score; ``correct`` is 1 if it defended the correct answer, -1 if
    the second did, else 0.
    """

    first: str
    second: str
    share: float
    correct: int
    passage: str


def meetings_of(matches: Iterable[Match], ids: Iterable[str], score: str) -> list[Meeting]:
    """Return the usable debates between two different ones of some strategies."""
    known, found = set(ids), []
    for match in matches:
        for c in match.comparisons:
            for one, other in product(c.rated, c.opponents):
                first, second = match.seats[one], match.seats[other]
                if first == second or not known.issuperset((first, second)):
                    continue
                share, correct = c.win if score == "win" else c.score, int(c.correct)
                if second == match.subject:  # the strategy measured comes first
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
    """Count cyclic and decided triples, each of shape (...).

    Args:
        ahead: 1 where the row beats the column; shape (..., n, n).
    """
    decided = ahead + np.swapaxes(ahead, -1, -2)
    cyclic = np.einsum("...ij,...ji->...", ahead @ ahead, ahead) / 3
    triples = np.einsum("...ij,...ji->...", decided @ decided, decided) / 6
    return np.rint(cyclic), np.rint(triples)


@dataclass(frozen=True, slots=True)
class Cycles:
    """How intransitive some strategies are.

    Attributes:
        strategies: Strategies that met another.
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


def cycles(meetings: Sequence[Meeting], *, resamples: int = 400, seed: int = 0) -> Cycles:
    """Measure how often strategies beat each other in circles.

    The interval is the bootstrap's standard error times t, since resampling adds circles of its
    own; Wilson's over the triples where no resample changes any. What chance gives is a posterior
    predictive check: strengths are drawn from the fit of a transitive model
    (:func:`fit_transitive`), and the same debates are played among them.

    ``resamples`` is the number of bootstrap resamples, and of transitive worlds.
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
    interval = spread_interval(value, draws, decided, g, proportion=True, trials=decided)
    model = fit_transitive(first, second, [m.correct for m in meetings], share, n)
    worlds = shares(model.simulate(resamples, rng), [np.ones(len(share))] * resamples)
    low, high = np.quantile(worlds, [0.025, 0.975])
    chance = Estimate(float(np.mean(worlds)), float(low), float(high), len(worlds), len(worlds))
    # The world at hand counts as one of them, so that the share is never 0 (Davison and Hinkley
    # 1997, section 4.2.3).
    surprise = (1 + sum(w >= value - 1e-12 for w in worlds)) / (len(worlds) + 1)
    return Cycles(n, len(meetings), pairs, decided, cyclic, interval, chance, surprise)


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


# --- the transitive world ----------------------------------------------------------------------


@dataclass(frozen=True)
class Transitive:
    """The fitted world.

    Attributes:
        first: Number of the first strategy of each debate.
        second: That of the second.
        correct: Who defended the correct answer; see the module.
        mean: Strengths and, last, the effect of the correct side, in logits; shape (n + 1,).
        covariance: Of their posterior; shape (n + 1, n + 1).
        scale: Standard deviation of strengths, in logits.
    """

    first: Ints
    second: Ints
    correct: Floats
    mean: Floats
    covariance: Floats
    scale: float
    dispersion: float

    def simulate(self, worlds: int, rng: np.random.Generator) -> Iterator[Floats]:
        """Play all debates anew, in worlds drawn from the posterior.

        A credence is drawn from the beta distribution of the right mean and variance, a verdict
        (dispersion 1) from a coin.

        Yields:
            The share that the first won, for each debate.
        """
        # eigh copes with the common mode, which only the prior determines.
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.clip(values, 0, None))
        for _ in range(worlds):
            drawn = self.mean + root @ rng.normal(size=len(self.mean))
            p = _expected(drawn, self.first, self.second, self.correct)
            if self.dispersion > 0.98:
                yield (rng.random(len(p)) < p).astype(float)
            else:
                size = 1 / self.dispersion - 1
                p = np.clip(p, 1e-6, 1 - 1e-6)
                yield rng.beta(p * size, (1 - p) * size)


def _expected(w: Floats, first: Ints, second: Ints, correct: Floats) -> Floats:
    z = w[first] - w[second] + w[-1] * correct
    p: Floats = 1 / (1 + np.exp(-np.clip(z, -30, 30)))
    return p


def fit_transitive(
    first: Ints, second: Ints, correct: Sequence[int], share: Floats, n: int
) -> Transitive:
    """Fit the transitive world.

    Args:
        first: Number of the first strategy of each debate, in 0 .. n - 1; at least one debate.
        second: That of the second.
        correct: 1, -1 or 0 for each debate; see the module.
        share: Share that the first won.
        n: Number of strategies.
    """
    side = np.asarray(correct, dtype=float)
    # Debates of the same two with the same sides differ in nothing that the model knows.
    kinds, kind = np.unique(np.stack([first, second, side], axis=1), axis=0, return_inverse=True)
    kind = kind.reshape(-1)
    times = np.bincount(kind).astype(float)
    mean = np.bincount(kind, weights=share) / times
    one, two = kinds[:, 0].astype(np.int64), kinds[:, 1].astype(np.int64)
    sides = kinds[:, 2]
    rows = np.arange(len(kinds))
    design = np.zeros((len(kinds), n + 1))
    design[rows, one] += 1
    design[rows, two] -= 1
    design[:, n] = sides
    spread = np.bincount(kind, weights=(share - mean[kind]) ** 2)
    w = np.zeros(n + 1)
    scale, dispersion = 0.5, 1.0
    covariance: Floats = np.eye(n + 1)
    for _ in range(60):
        # The quasi-likelihood divides the likelihood's information by the dispersion.
        prior = np.append(np.full(n, 1 / scale**2), 1 / 4.0)
        for _ in range(25):
            p = _expected(w, one, two, sides)
            gradient = design.T @ (times * (mean - p)) / dispersion - prior * w
            curvature = times * p * (1 - p) / dispersion
            information = (design.T * curvature) @ design + np.diag(prior)
            step = np.linalg.solve(information, gradient)
            w = w + step * min(1.0, 2.0 / max(1e-12, float(np.abs(step).max())))
            if np.abs(step).max() < 1e-8:
                break
        covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
        p = _expected(w, one, two, sides)
        variance = np.clip(p * (1 - p), 1e-6, None)
        pearson = float(((spread + times * (mean - p) ** 2) / variance).sum())
        curvature = times * p * (1 - p) / dispersion
        used = float(np.trace(covariance @ ((design.T * curvature) @ design)))
        new_dispersion = min(1.0, max(_LEAST, pearson / max(1.0, len(share) - used)))
        second_moment = float((w[:n] ** 2 + np.diag(covariance)[:n]).mean())
        new_scale = max(_LEAST, second_moment**0.5)
        done = abs(new_scale - scale) + abs(new_dispersion - dispersion) < 1e-5
        scale, dispersion = new_scale, new_dispersion
        if done:
            break
    return Transitive(first, second, side, w, covariance, scale, dispersion)
