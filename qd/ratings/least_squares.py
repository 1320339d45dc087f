"""Elo from a table of win rates by least squares, as Khan et al. (2024) rate debaters.

"Debating with More Persuasive LLMs Leads to More Truthful Answers" (arXiv 2402.06782), section 2.4:
minimise over all pairings, unweighted, the sum of (1 / (1 + 10^((E_j - E_i) / 400)) - rate)^2. It
knows no uncertainty; rate games with :mod:`debateqd.qd.ratings.laplace` where there are games.
"""

from __future__ import annotations

import numpy as np

from debateqd.qd.statistics import ELO, Floats, Ints

FARTHEST = 3000.0
"""Elo points at which least squares stops: unbroken records have no finite optimum."""


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
