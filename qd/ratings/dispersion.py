"""Dispersion of outcomes: how much noisier, or less noisy, than coin tosses they are.

A judge's probabilities scatter less than wins do, and debates of a strategy on the same question
are not independent when strategies and questions suit each other more or less. Both change how much
a game teaches. What matters for a strategy's strength is the variance of the sum of its residuals,
and debates on one question are a cluster of that sum, whoever the opponent was (a swapped pair is
the smallest one). So with r = y - p, v = p (1 - p), k a strategy on a question, and e the
coefficient of the strategy in a game::

    phi = sum_k (sum_g e r)^2 / (sum_k sum_g e^2 v - loss),   loss = sum_k g_k' S g_k / phi,
    g_k = sum_g e v x_g

the quasi-likelihood estimate of McCullagh and Nelder (1989, section 9.2.2) over clusters; the loss
is what fitting has taken from the residuals (for single games it is the effective number of
parameters).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from debateqd.qd.ratings.design import Design
from debateqd.qd.ratings.mode import PosteriorMode
from debateqd.qd.statistics import Floats, Ints

LOWEST = 1e-4
_FIRM = 10.0
"""So many clusters' worth of weight has the dispersion of single games in that of clusters."""
_TRUST = 2.0
"""So many games' worth of weight has the value 1, which is that of wins."""


@dataclass(frozen=True)
class Clusters:
    """Debates of a strategy on a question.

    Attributes:
        game: Game numbers, (K,); a game of two strategies is in two clusters.
        cluster: Cluster of each, (K,).
        weight: Coefficient of the strategy in that game, (K,).
        count: Number of clusters.
    """

    game: Ints
    cluster: Ints
    weight: Floats
    count: int


def clusters_of(design: Design) -> Clusters:
    """Group the games by strategy and question, or other cluster; without one each stands alone."""
    games = design.games
    group = games.question if games.cluster is None else games.cluster
    size, wide = len(games), max(design.m, int(group.max(initial=-1)) + 1) + 1
    at = np.arange(size)
    alone = group < 0
    keys = []
    for strategy in (games.first, games.second):
        key = strategy * wide + group
        # Beyond all other keys, and different for the two strategies.
        key[alone] = design.n * wide + 2 * at[alone] + (strategy is games.second)
        keys.append(key)
    weights = [np.full(size, design.a), np.full(size, design.b)]
    same = games.first == games.second
    weights[0][same] += design.b
    weights[1][same] = 0.0
    _, cluster = np.unique(np.concatenate(keys), return_inverse=True)
    count = int(cluster.max()) + 1 if size else 0
    return Clusters(np.concatenate([at, at]), cluster, np.concatenate(weights), count)


def cluster_loss(design: Design, clusters: Clusters, variance: Floats, covariance: Floats) -> float:
    """sum_k g_k' S g_k: what fitting has taken from the clusters' residual sums, exactly."""
    games, n, m = design.games, design.n, design.m
    g, k = clusters.game, clusters.cluster
    weight = clusters.weight * variance[g]
    asked = games.question[g] >= 0
    side, position = games.side[g], games.position[g]
    columns = [games.first[g], games.second[g], np.full(len(g), design.beta)]
    values = [design.a * weight, design.b * weight, side * weight]
    columns += [np.full(len(g), design.gamma), np.where(asked, n + games.question[g], design.mu)]
    values += [position * weight, np.where(asked, side * weight, 0.0)]
    cells = (np.tile(k, 5), np.concatenate(columns))
    matrix = sparse.csr_array(
        sparse.coo_array((np.concatenate(values), cells), shape=(clusters.count, n + m + 3))
    )
    return float(matrix.multiply(matrix @ covariance).sum())


def dispersion_of(mode: PosteriorMode, clusters: Clusters, leverage: Floats) -> float:
    """Estimate the dispersion from a mode; ``leverage`` is the variance of every game's z, (N,).

    Returns:
        At least 1 for wins, which cannot scatter less than coin tosses do.
    """
    residual, variance = mode.outcomes.residual, mode.outcomes.variance
    if not len(residual):
        return 1.0
    games = mode.design.games
    size = float(games.counts.sum())
    parameters = float(leverage @ variance) / mode.scales.dispersion
    loss = cluster_loss(mode.design, clusters, variance, mode.covariance)
    free = max(size - parameters, 0.1 * size)
    single = float((residual**2 / np.maximum(variance, 1e-12)).sum()) / free
    sums = np.bincount(clusters.cluster, clusters.weight * residual[clusters.game], clusters.count)
    whole = float((clusters.weight**2 * variance[clusters.game]).sum())
    left = max(whole - loss / mode.scales.dispersion, 0.05 * whole)
    together = float(sums @ sums) / max(left, 1e-300)
    firm = clusters.count / 2 * left / whole if whole else 0.0
    found = (firm * together + _FIRM * single) / (firm + _FIRM)
    found = (free * found + _TRUST) / (free + _TRUST)
    return max(found, 1.0 if games.wins_only else LOWEST)
