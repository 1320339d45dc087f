"""Elo and least squares of games and of resamples of them, side by side; no match log is needed.

Resamples weigh clusters anew. The weights are exponential (Rubin 1981, "The Bayesian bootstrap"):
no game ever vanishes, so that whoever can be compared can be in every resample, and every game is
visited once for all of them. In Elo a weight of 2 is a gain twice as large.
"""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np

from debate_env.errors import InputError
from debateqd.qd.ratings.faults import FAR, components
from debateqd.qd.ratings.games import Games
from debateqd.qd.ratings.least_squares import fit_win_rates
from debateqd.qd.statistics import ELO, Floats, Ints, t_quantile

_ROOM = 20_000_000
_FEWEST = 50
_MOST_REFITTED = 300


def draw_weights(games: Games, resamples: int, seed: int) -> Floats:
    """Weights of every game in the table itself (column 0: 1) and in its resamples.

    Returns:
        (clusters, 1 + resamples); of very many games there are fewer resamples than asked for.
    """
    clusters = int(_clusters(games).max()) + 1
    count = int(np.clip(_ROOM // len(games), _FEWEST, max(resamples, _FEWEST)))
    draws = np.ones((clusters, 1 + count), dtype=np.float32)
    draws[:, 1:] = np.random.default_rng(seed).standard_exponential((clusters, count), np.float32)
    return draws  # type: ignore[return-value]


def _clusters(games: Games) -> Ints:
    return np.arange(len(games)) if games.cluster is None else games.cluster


def relative(
    every: Floats, games: Games, anchor: int | None, confidence: float
) -> tuple[Floats, Floats, Floats]:
    """Bring ratings to an anchor, and make intervals of the resamples' quantiles.

    These are stretched to those of a t interval for so many clusters, and for what fitting took
    from the rows, as a jackknife is (HC3 of MacKinnon and White 1985).

    Args:
        every: Ratings, (n, 1 + resamples).
        games: What they were fitted to.
        anchor: Number of the player whose rating is 0; ``None``: the mean of all.
        confidence: Of the intervals.

    Returns:
        Ratings, lower and upper ends, (n,) each; ends are NaN where the games cannot tell them.
    """
    shifted = every - (every.mean(axis=0) if anchor is None else every[anchor])
    value = shifted[:, 0]
    clusters, rows, fitted = int(_clusters(games).max()) + 1, len(games), len(value) - 1
    if clusters < 2 or rows <= fitted or every.shape[1] == 1:
        return value, np.full(len(value), np.nan), np.full(len(value), np.nan)
    stretch = math.sqrt(clusters / (clusters - 1)) * rows / (rows - fitted)
    upper = 0.5 + confidence / 2
    stretch *= t_quantile(upper, min(clusters - 1, rows - fitted)) / NormalDist().inv_cdf(upper)
    low, high = value + stretch * (np.quantile(shifted[:, 1:], [1 - upper, upper], axis=1) - value)
    return value, np.minimum(low, value), np.maximum(high, value)


def elo_ratings(games: Games, n: int, draws: Floats, k: float) -> Floats:
    """Go through the games once, in their order: each moves a rating by k at most.

    Returns:
        Ratings of the n players, (n, 1 + resamples).

    Raises:
        InputError: A row stands for several games, whose order nobody knows.
    """
    if games.weight is not None:
        raise InputError(
            "Elo needs games one by one, but rows stand for several; take another --model"
        )
    ratings = np.zeros((n, draws.shape[1]))
    asked = np.zeros((int(games.question.max()) + 2, draws.shape[1]))
    columns = (games.first, games.second, games.question, games.outcome, _clusters(games))
    for a, b, q, outcome, cluster in zip(*columns, strict=True):
        gain = k * draws[cluster]
        if games.form == "team":
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


def least_squares_ratings(games: Games, n: int, draws: Floats) -> Floats:
    """Fit the games, then each resample from there; of more than 300 players the games alone.

    Returns:
        Ratings of the n players, (n, 1 + resamples).

    Raises:
        InputError: The players are teams.
    """
    if games.form == "team":
        raise InputError(
            "--model least_squares rates opponents; take another for --objective truth"
        )
    pairs, place = np.unique(np.stack([games.first, games.second]), axis=1, return_inverse=True)
    place, (first, second) = place.ravel(), pairs
    cluster = _clusters(games)
    every: list[Floats] = []
    start = np.zeros(n)
    for draw in draws.T if n <= _MOST_REFITTED else draws.T[:1]:
        weight = draw[cluster] * games.counts
        counts = np.bincount(place, weight, len(first)).astype(float)
        rates = np.bincount(place, weight * games.outcome, len(first)) / counts
        every.append(fit_win_rates(first, second, rates, counts, start))
        start = every[0]
    return np.stack(every, axis=1)


def comparable(games: Games, ratings: Floats) -> Ints:
    """Number of the group of every player, (n,); least squares knows distances within groups alone.

    Between groups nobody met, or one took all, or so nearly all that no finite distance fits best
    (Ford 1957, "Solution of a Ranking Problem from Binary Comparisons", says when it does).
    """
    near = np.abs(ratings[games.first] - ratings[games.second]) < FAR
    return components(
        replace(games, first=games.first[near], second=games.second[near]), len(ratings)
    )
