"""Elo from a table of win rates by least squares, as Khan et al. (2024) rate debaters.

"Debating with More Persuasive LLMs Leads to More Truthful Answers" (arXiv 2402.06782), section 2.4:
minimise over all pairings, unweighted, the sum of (1 / (1 + 10^((E_j - E_i) / 400)) - rate)^2. It
knows no uncertainty; rate games with :mod:`debateqd.qd.ratings.laplace` where there are games.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from debate_env.errors import InputError, nearest
from debateqd.qd.ratings.games import Floats, Ints
from debateqd.qd.statistics import ELO

FARTHEST = 3000.0
"""Elo points at which least squares stops: unbroken records have no finite optimum."""


@dataclass(frozen=True)
class LeastSquares:
    """Ratings that fit a table of win rates.

    Attributes:
        ratings: Elo points by name, the anchor's being 0.
        squared_error: Sum of squared differences between rates and what the ratings expect.
    """

    ratings: dict[str, float]
    squared_error: float


def least_squares_elo(
    pairings: Sequence[tuple[str, str]], rates: Sequence[float], anchor: str | None = None
) -> LeastSquares:
    """Fit ratings to win rates.

    Args:
        pairings: Names of both sides of every pairing.
        rates: Share of debates that the first one won, in [0, 1].
        anchor: Whose rating is 0; by default the mean of all is.

    Raises:
        InputError: A rate is no share, the anchor never played, or some never met the others, even
            indirectly, so that nothing says where they stand.
    """
    names = sorted({name for pairing in pairings for name in pairing})
    numbers = {name: k for k, name in enumerate(names)}
    if anchor is not None and anchor not in numbers:
        raise InputError(f"unknown player {anchor!r} to set to 0; {nearest(anchor, names)}")
    if len(rates) != len(pairings):
        raise InputError(f"{len(pairings)} pairings, but {len(rates)} win rates")
    for (a, b), rate in zip(pairings, rates, strict=True):
        if not 0 <= rate <= 1:  # which NaN is not, either
            raise InputError(f"win rate of {a} against {b}: {rate} is not between 0 and 1")
    if not names:
        return LeastSquares({}, 0.0)
    apart = _apart(pairings, names)
    if apart:
        raise InputError(
            f"{apart[0]} and {apart[1]} never met, even indirectly: rate their groups apart"
        )
    first = np.array([numbers[a] for a, _ in pairings])
    second = np.array([numbers[b] for _, b in pairings])
    wanted = np.asarray(rates, dtype=float)
    found = fit_win_rates(first, second, wanted, np.ones(len(wanted)), np.zeros(len(names)))
    zero = 0.0 if anchor is None else float(found[numbers[anchor]])
    error, _ = _errors(found / ELO, first, second, wanted)
    points = (found - zero).tolist()
    return LeastSquares(dict(zip(names, points, strict=True)), float(error @ error))


def fit_win_rates(
    first: Ints, second: Ints, rates: Floats, weights: Floats, start: Floats
) -> Floats:
    """Minimise the weighted sum of (expected score - win rate)^2 by Levenberg and Marquardt.

    Args:
        first: Number of the player whose win rate it is, (P,).
        second: Number of the other, (P,).
        rates: Win rates, (P,).
        weights: Weights, (P,).
        start: Elo points to begin with, (n,).

    Returns:
        Elo points with mean 0, (n,); unbroken records end :data:`FARTHEST` points away.
    """
    n = len(start)
    theta = start / ELO
    error, slope = _errors(theta, first, second, rates)
    loss, damping = float(weights @ error**2), 1e-3
    exact = 1e-15 * float(weights.sum())
    for _ in range(200):
        pull = weights * slope * error
        gradient = np.bincount(first, pull, n) - np.bincount(second, pull, n)
        stiff = weights * slope**2
        normal = np.diag(np.bincount(first, stiff, n) + np.bincount(second, stiff, n))
        np.subtract.at(normal, (first, second), stiff)
        np.subtract.at(normal, (second, first), stiff)
        scale = damping * max(float(np.trace(normal)) / n, 1e-12)
        step = np.linalg.solve(normal + scale * np.eye(n), -gradient)
        moved = np.clip(theta + step, -FARTHEST / ELO, FARTHEST / ELO)
        new_error, new_slope = _errors(moved, first, second, rates)
        new_loss = float(weights @ new_error**2)
        settled = float(np.abs(moved - theta).max()) < 1e-9 or new_loss < exact
        settled = settled or abs(loss - new_loss) < 1e-13 * loss
        if new_loss > loss:
            damping *= 4
            if settled:
                break
            continue
        theta, error, slope, loss = moved, new_error, new_slope, new_loss
        damping = max(damping / 4, 1e-12)
        if settled:
            break
    centred: Floats = ELO * (theta - theta.mean())
    return centred


def _errors(theta: Floats, first: Ints, second: Ints, rates: Floats) -> tuple[Floats, Floats]:
    """Expected minus observed rates, and the slope of the former."""
    expected = 1 / (1 + np.exp(theta[second] - theta[first]))
    return expected - rates, expected * (1 - expected)


def _apart(pairings: Iterable[tuple[str, str]], names: Sequence[str]) -> tuple[str, str] | None:
    """Two names that no chain of pairings joins."""
    parent = {name: name for name in names}

    def top(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for a, b in pairings:
        parent[top(a)] = top(b)
    for name in names:
        if top(name) != top(names[0]):
            return names[0], name
    return None
