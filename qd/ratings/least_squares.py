"""Elo from a table of win rates by least squares, as Khan et al. (2024) rate debaters.

"Debating with More Persuasive LLMs Leads to More Truthful Answers" (arXiv 2402.06782), section 2.4:
minimise over all pairings, unweighted, the sum of (1 / (1 + 10^((E_j - E_i) / 400)) - rate)^2. It
knows no uncertainty; rate games with :mod:`debateqd.qd.ratings.laplace` where there are games.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import Bounds, minimize

from debateqd.qd.statistics import ELO, Floats, Ints

FARTHEST = 3000.0
"""Elo points at which least squares stops: unbroken records have no finite optimum."""


def fit_win_rates(
    first: Ints, second: Ints, rates: Floats, weights: Floats, start: Floats
) -> Floats:
    """Minimise the weighted mean of (expected score - win rate)^2.

    Args:
        first: Number of the player whose win rate it is, (P,).
        second: Number of the other, (P,).
        rates: Win rates, (P,).
        weights: Weights, (P,).
        start: Elo points to begin with, (n,).

    Returns:
        Elo points with mean 0, (n,); unbroken records end :data:`FARTHEST` points away, or before
        where they gain nothing more.
    """
    n, share = len(start), weights / weights.sum()

    def loss(theta: Floats) -> tuple[float, Floats]:
        expected = 1 / (1 + np.exp(theta[second] - theta[first]))
        error = expected - rates
        pull = 2 * share * error * expected * (1 - expected)
        lost, won = np.bincount(second, pull, n), np.bincount(first, pull, n)
        return float(share @ error**2), np.asarray(won - lost, dtype=np.float64)

    bounds = Bounds(-FARTHEST / ELO, FARTHEST / ELO)
    options = {"ftol": 0.0, "gtol": 1e-10, "maxiter": 2000}
    found = minimize(loss, start / ELO, jac=True, bounds=bounds, options=options)
    return np.asarray(ELO * (found.x - found.x.mean()))
