"""Elo and least squares over a match table and over resamples of it, side by side.

Resamples draw clusters again: the games on a passage, where there are passages, else those on a
question, else single rows. Their multiplicities are Poisson(1) weights (Hanley and MacGibbon 2006,
"Creating non-parametric bootstrap samples using Poisson frequencies"), so that every row is visited
once for all resamples. In Elo a weight of 2 is a gain twice as large.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from debate_env.errors import InputError
from debateqd.qd.ratings.least_squares import fit_win_rates
from debateqd.qd.statistics import ELO, Floats, Ints
from debateqd.qd.tables.matches import MatchTable

_ROOM = 40_000_000
_FEWEST = 50
_MOST_REFITTED = 300


@dataclass(frozen=True, eq=False)
class Resamples:
    """How often every cluster is in the table itself (column 0, always once) and in each resample.

    Attributes:
        cluster: Cluster of each row, (N,).
        draws: Multiplicities, (clusters, 1 + resamples).
        games: Games that each row stands for, (N,).
    """

    cluster: Ints
    draws: NDArray[np.uint8]
    games: Floats

    def row(self, number: int) -> Floats:
        """Resamples of a row, (1 + resamples,)."""
        weights: Floats = self.draws[self.cluster[number]] * self.games[number]
        return weights

    def column(self, number: int) -> Floats:
        """Resamples of all rows in the table (0) or a resample, (N,)."""
        weights: Floats = self.draws[self.cluster, number] * self.games
        return weights


def draw_weights(table: MatchTable, resamples: int, seed: int) -> Resamples:
    """Draw the resamples of a table; of a very large one fewer than asked for."""
    count = int(np.clip(_ROOM // len(table), _FEWEST, max(resamples, _FEWEST)))
    questions, passages = len(table.questions), len(table.passages)
    own = np.where(
        table.question >= 0, table.question, questions + np.arange(len(table), dtype=np.int64)
    )
    _, cluster = np.unique(
        np.where(table.passage >= 0, table.passage, passages + own), return_inverse=True
    )
    rng = np.random.default_rng(seed)
    draws = np.ones((int(cluster.max()) + 1, 1 + count), dtype=np.uint8)
    draws[:, 1:] = rng.poisson(1.0, size=(len(draws), count))
    return Resamples(cluster.astype(np.int64), draws, table.games)


def relative(every: Floats, anchor: int | None, confidence: float) -> tuple[Floats, Floats, Floats]:
    """Bring ratings to an anchor, and make intervals of the resamples' quantiles.

    Args:
        every: Ratings, (n, 1 + resamples); NaN for who is not in a resample.
        anchor: Number of the player whose rating is 0; ``None``: the mean of all.
        confidence: Of the intervals.

    Returns:
        Ratings, lower and upper ends, (n,) each; ends are NaN without resamples.
    """
    every = every[:, ~np.isnan(every).all(axis=0)]  # a resample may have drawn nobody
    zero = np.nanmean(every, axis=0)
    if anchor is not None:
        # Where the anchor was not drawn, it is as far from the others' mean as in the table.
        own = every[anchor]
        zero = np.where(np.isnan(own), zero + (own[0] - zero[0]), own)
    shifted = every - zero
    value = shifted[:, 0]
    low, high = np.full(len(value), np.nan), np.full(len(value), np.nan)
    drawn = ~np.isnan(shifted[:, 1:]).all(axis=1)
    if drawn.any():
        tail = (1 - confidence) / 2
        ends = np.nanquantile(shifted[drawn, 1:], [tail, 1 - tail], axis=1)
        low[drawn], high[drawn] = ends
    return value, np.minimum(low, value), np.maximum(high, value)


def elo_ratings(table: MatchTable, weights: Resamples, k: float) -> Floats:
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
    ratings = np.zeros((len(table.players), weights.draws.shape[1]))
    asked = np.zeros((len(table.questions) + 1, weights.draws.shape[1]))
    rows = zip(table.first, table.second, table.question, table.outcome, strict=True)
    for number, (a, b, q, outcome) in enumerate(rows):
        gain = k * weights.row(number)
        if truth:
            gain *= outcome - _expected((ratings[a] + ratings[b]) / 2, asked[q])
            asked[q] -= gain
            ratings[a] += gain
            if a != b:
                ratings[b] += gain
        else:
            gain *= outcome - _expected(ratings[a], ratings[b])
            ratings[a] += gain
            ratings[b] -= gain
    return ratings


def _expected(own: Floats, other: Floats) -> Floats:
    expected: Floats = 1 / (1 + np.exp((other - own) / ELO))
    return expected


def least_squares_ratings(table: MatchTable, weights: Resamples) -> Floats:
    """Fit the table, then each resample from there.

    Args:
        table: The table, of opponents.
        weights: Its resamples; of more than 300 players only the table itself is fitted.

    Returns:
        Ratings, (n, 1 + resamples); NaN for who is not in a resample.

    Raises:
        InputError: The table is of teams.
    """
    if table.objective == "truth":
        raise InputError(
            "--model least_squares rates opponents; take another for --objective truth"
        )
    n = len(table.players)
    pairs, place = np.unique(np.stack([table.first, table.second]), axis=1, return_inverse=True)
    place = place.ravel()
    first, second = pairs[0], pairs[1]
    start = np.zeros(n)
    every: list[Floats] = []
    for column in range(weights.draws.shape[1] if n <= _MOST_REFITTED else 1):
        weight = weights.column(column)
        counts = np.bincount(place, weight, len(first)).astype(float)
        sums = np.bincount(place, weight * table.outcome, len(first))
        rates = sums / np.maximum(counts, 1e-300)
        ratings = fit_win_rates(first, second, rates, counts, start)
        start = start if every else ratings
        played = np.bincount(first, counts, n) + np.bincount(second, counts, n)
        every.append(np.where(played > 0, ratings, np.nan))
    return np.stack(every, axis=1)
