"""Elo and least squares over a match table and over resamples of it, side by side.

Resamples weigh clusters anew: the games on a passage, where there are passages, else those on a
question, else single rows. The weights are exponential (Rubin 1981, "The Bayesian bootstrap"): no
game ever vanishes, so that whoever can be compared in the table can be in every resample, and every
row is visited once for all of them. In Elo a weight of 2 is a gain twice as large.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from debate_env.errors import InputError
from debateqd.qd.ratings.faults import FAR
from debateqd.qd.ratings.least_squares import fit_win_rates
from debateqd.qd.statistics import ELO, Floats, Ints, t_quantile
from debateqd.qd.tables.matches import MatchTable

_ROOM = 20_000_000
_FEWEST = 50
_MOST_REFITTED = 300


def clusters_of_rows(table: MatchTable) -> Ints:
    """Number of the cluster of every row: its passage, else its question, else itself, (N,)."""
    questions, passages = len(table.questions), len(table.passages)
    own = np.where(table.question >= 0, table.question, questions + np.arange(len(table)))
    _, cluster = np.unique(
        np.where(table.passage >= 0, table.passage, passages + own), return_inverse=True
    )
    return cluster.astype(np.int64)


def draw_weights(table: MatchTable, resamples: int, seed: int) -> Floats:
    """Weights of every cluster in the table itself (column 0: 1) and in its resamples.

    Returns:
        (clusters, 1 + resamples); of a very large table there are fewer resamples than asked for.
    """
    clusters = int(clusters_of_rows(table).max()) + 1
    count = int(np.clip(_ROOM // len(table), _FEWEST, max(resamples, _FEWEST)))
    draws = np.ones((clusters, 1 + count), dtype=np.float32)
    draws[:, 1:] = np.random.default_rng(seed).standard_exponential((clusters, count), np.float32)
    return draws  # type: ignore[return-value]


def relative(
    every: Floats, table: MatchTable, anchor: int | None, confidence: float
) -> tuple[Floats, Floats, Floats]:
    """Bring ratings to an anchor, and make intervals of the resamples' quantiles.

    These are stretched to those of a t interval for so many clusters, and for what fitting took
    from the rows, as a jackknife is (HC3 of MacKinnon and White 1985).

    Args:
        every: Ratings, (n, 1 + resamples).
        table: What they were fitted to.
        anchor: Number of the player whose rating is 0; ``None``: the mean of all.
        confidence: Of the intervals.

    Returns:
        Ratings, lower and upper ends, (n,) each; ends are NaN where the table cannot tell them.
    """
    shifted = every - (every.mean(axis=0) if anchor is None else every[anchor])
    value = shifted[:, 0]
    clusters, fitted = int(clusters_of_rows(table).max()) + 1, len(value) - 1
    rows = len(table)
    if clusters < 2 or rows <= fitted or every.shape[1] == 1:
        return value, np.full(len(value), np.nan), np.full(len(value), np.nan)
    widened = math.sqrt(clusters / (clusters - 1)) * rows / (rows - fitted)
    upper = 0.5 + confidence / 2
    widened *= t_quantile(upper, min(clusters - 1, rows - fitted)) / NormalDist().inv_cdf(upper)
    ends = np.quantile(shifted[:, 1:], [1 - upper, upper], axis=1)
    low, high = value + widened * (ends - value)
    return value, np.minimum(low, value), np.maximum(high, value)


def elo_ratings(table: MatchTable, draws: Floats, k: float) -> Floats:
    """Go through the table once, in its order: each row is one game that moves at most k.

    Returns:
        Ratings, (n, 1 + resamples).

    Raises:
        InputError: A row stands for several games, whose order nobody knows.
    """
    if np.any(table.games != 1):
        raise InputError(
            f"{table.path}: Elo needs games one by one, but rows stand for several; take another "
            "--model"
        )
    truth = table.objective == "truth"
    ratings = np.zeros((len(table.players), draws.shape[1]))
    asked = np.zeros((len(table.questions) + 1, draws.shape[1]))
    columns = (table.first, table.second, table.question, table.outcome, clusters_of_rows(table))
    for a, b, q, outcome, cluster in zip(*columns, strict=True):
        gain = k * draws[cluster]
        if truth:
            gain = gain * (outcome - _expected((ratings[a] + ratings[b]) / 2, asked[q]))
            asked[q] -= gain
            ratings[a] += gain
            if a != b:
                ratings[b] += gain
        else:
            gain = gain * (outcome - _expected(ratings[a], ratings[b]))
            ratings[a] += gain
            ratings[b] -= gain
    return ratings


def _expected(own: Floats, other: Floats) -> Floats:
    expected: Floats = 1 / (1 + np.exp((other - own) / ELO))
    return expected


def least_squares_ratings(table: MatchTable, draws: Floats) -> Floats:
    """Fit the table, then each resample from there.

    Args:
        table: The table, of opponents.
        draws: Its resamples; of more than 300 players only the table itself is fitted.

    Returns:
        Ratings, (n, 1 + resamples).

    Raises:
        InputError: The table is of teams.
    """
    if table.objective == "truth":
        raise InputError(
            "--model least_squares rates opponents; take another for --objective truth"
        )
    n = len(table.players)
    pairs, place = np.unique(np.stack([table.first, table.second]), axis=1, return_inverse=True)
    place, (first, second) = place.ravel(), pairs
    every: list[Floats] = []
    start = np.zeros(n)
    cluster = clusters_of_rows(table)
    for draw in draws.T if n <= _MOST_REFITTED else draws.T[:1]:
        weight = draw[cluster] * table.games
        counts = np.bincount(place, weight, len(first)).astype(float)
        rates = np.bincount(place, weight * table.outcome, len(first)) / counts
        every.append(fit_win_rates(first, second, rates, counts, start))
        start = every[0]
    return np.stack(every, axis=1)


def comparable(table: MatchTable, ratings: Floats) -> Ints:
    """Number of the group of every player, (n,); least squares knows distances within groups alone.

    Between groups nobody met, or one took all, or so nearly all that no finite distance fits best
    (Ford 1957, "Solution of a Ranking Problem from Binary Comparisons", says when it does).
    """
    near = np.abs(ratings[table.first] - ratings[table.second]) < FAR
    edges = sparse.coo_array(
        (np.ones(int(near.sum())), (table.first[near], table.second[near])),
        shape=(len(ratings), len(ratings)),
    )
    _, groups = connected_components(edges.tocsr(), directed=False)
    return np.asarray(groups, dtype=np.int64)
