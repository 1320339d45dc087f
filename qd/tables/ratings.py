"""Ratings of a match table: Bradley-Terry, Elo or least squares, with intervals.

All are in Elo points (400 points: odds of ten to one) relative to the mean of all players, or to an
anchor. *Bradley-Terry* is the batch model of :mod:`debateqd.qd.ratings.laplace`, its intervals the
posterior's. *Elo* goes through the table in its order, as :mod:`debateqd.qd.ratings.elo` does.
*Least squares* minimises the squared differences between expected and observed scores, as Khan et
al. (2024, "Debating with More Persuasive LLMs Leads to More Truthful Answers") do for tables of win
rates. The intervals of these two are from :mod:`debateqd.qd.ratings.resampling`.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import NormalDist
from typing import Literal

import numpy as np

from debate_env.errors import InputError, nearest
from debateqd.qd.ratings.faults import components
from debateqd.qd.ratings.games import Games
from debateqd.qd.ratings.identified import tellable
from debateqd.qd.ratings.resampling import (
    comparable,
    draw_weights,
    elo_ratings,
    least_squares_ratings,
    relative,
)
from debateqd.qd.statistics import Floats
from debateqd.qd.tables.matches import MatchTable

Model = Literal["bradley_terry", "elo", "least_squares"]

FEWEST_PASSAGES = 6
"""With fewer passages, there is a warning about intervals."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to rate.

    The rating of ``anchor`` is 0, or the mean of all if it is empty. ``k`` is the largest change of
    a rating by one game in Elo; ``resamples`` and ``seed`` are of the bootstrap.
    """

    model: Model = "bradley_terry"
    anchor: str = ""
    confidence: float = 0.95
    k: float = 32.0
    resamples: int = 400
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Rated:
    """A player's rating in Elo points, with the ends of its interval where one was made.

    ``score`` is the share of its games that it won, or its team was right in; a tie counts as half.
    """

    player: str
    rating: float
    low: float | None
    high: float | None
    games: float
    score: float


@dataclass(frozen=True, slots=True)
class TableEffect:
    """Something that is not a player's: Elo points, or a dispersion; ends as in :class:`Rated`."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class TableRatings:
    """What :func:`rate_table` returns.

    Players are best first, equals by name; effects are those of position, side and questions, as
    far as the table tells them; warnings say what should make one careful.
    """

    settings: Settings
    players: tuple[Rated, ...]
    effects: tuple[TableEffect, ...]
    warnings: tuple[str, ...]


def default_model(table: MatchTable) -> Model:
    """Return least squares for win rates over unknown numbers of games, else Bradley-Terry."""
    return "least_squares" if table.columns.is_rate else "bradley_terry"


def rate_table(table: MatchTable, settings: Settings = Settings()) -> TableRatings:
    """Rate the players of a table.

    Raises:
        InputError: The anchor is no player, or the model cannot use such a table.
    """
    if settings.anchor and settings.anchor not in table.players:
        close = difflib.get_close_matches(settings.anchor, table.players, n=10, cutoff=0)
        raise InputError(
            f"--anchor {settings.anchor}: no such player; {nearest(settings.anchor, close)}"
        )
    rate = _bradley_terry if settings.model == "bradley_terry" else _resampled
    ratings, low, high, effects, warnings = rate(table, settings)
    games, scores = _scores(table.games, len(table.players))
    ends = [[None if np.isnan(x) else float(x) for x in ends] for ends in (low, high)]
    columns = (ratings.tolist(), *ends, games.tolist(), scores.tolist())
    rows = [Rated(*row) for row in zip(table.players, *columns, strict=True)]
    rows.sort(key=lambda row: (-row.rating, row.player))
    if table.pools > 1:
        pools = f"{table.pools} pools of models and rules are mixed; choose one with --where pool="
        warnings.append(pools)
    if 0 < len(table.passages) < FEWEST_PASSAGES:
        few = f"intervals over only {len(table.passages)} passages may be much too narrow"
        warnings.append(few)
    names = sorted(table.players, key=str.casefold)
    alike = [f"{a} and {b}" for a, b in pairwise(names) if a.casefold() == b.casefold()]
    if alike:
        warnings.append(f"players that differ in case alone are two: {'; '.join(alike[:3])}")
    return TableRatings(settings, tuple(rows), tuple(effects), tuple(warnings))


def _scores(games: Games, n: int) -> tuple[Floats, Floats]:
    """Games of every player and the share of them that it won."""
    own = games.outcome if games.form == "team" else 1 - games.outcome
    second = games.counts * (games.first != games.second)
    played = np.bincount(games.first, games.counts, n) + np.bincount(games.second, second, n)
    won = np.bincount(games.first, games.counts * games.outcome, n)
    won = won + np.bincount(games.second, second * own, n)
    return played.astype(float), won / np.maximum(played, 1e-300)


# --- Elo and least squares -----------------------------------------------------------------------

_Ratings = tuple[Floats, Floats, Floats, list[TableEffect], list[str]]


def _resampled(table: MatchTable, settings: Settings) -> _Ratings:
    anchor = table.players.index(settings.anchor) if settings.anchor else None
    games, n, elo = table.games, len(table.players), settings.model == "elo"
    draws = draw_weights(games, settings.resamples, settings.seed)
    every = (
        elo_ratings(games, n, draws, settings.k) if elo else least_squares_ratings(games, n, draws)
    )
    groups = components(games, n) if elo else comparable(games, every[:, 0])
    warnings = []
    if groups.any():
        apart, remedy = "that never met, even indirectly", "differences between them mean nothing"
        if not elo:
            # Relative to the mean nobody's rating is known; relative to an anchor its own group's.
            every[slice(None) if anchor is None else groups != groups[anchor], 1:] = np.nan
            apart += ", or of which one took every point of another"
            remedy = "least squares gives no interval, --model bradley_terry does"
        warnings.append(f"the players fall into {groups.max() + 1} groups {apart}: {remedy}")
    ratings, low, high = relative(every, games, anchor, settings.confidence)
    if np.isnan(low).all() and not groups.any():
        warnings.append("too few games, or passages, beside the players to tell an interval")
    return ratings, low, high, [], warnings


# --- Bradley-Terry ------------------------------------------------------------------------------


def _bradley_terry(table: MatchTable, settings: Settings) -> _Ratings:
    from debateqd.qd.ratings.faults import warnings_of
    from debateqd.qd.ratings.laplace import Priors, fit_games

    truth, n = table.games.form == "team", len(table.players)
    games, warnings = tellable(_counted(table.games))
    sided = bool(np.any(games.side))
    if not sided:  # a question says nothing about who wins, but may be a cluster
        games = replace(games, question=np.full(len(games), -1))
    clustered = len(np.unique(games.cluster)) < len(table)  # type: ignore[arg-type]
    fit = fit_games(
        games,
        n,
        # Independent wins scatter as the model says; nothing is there to be estimated.
        priors=Priors(dispersion=1.0 if games.wins_only and not clustered else None),
        panel=[table.players.index(settings.anchor)] if settings.anchor else None,
    )
    z = NormalDist().inv_cdf(0.5 + settings.confidence / 2)
    half, effects = z * fit.deviations, []

    def effect(name: str, value: float, deviation: float) -> None:
        effects.append(TableEffect(name, value, value - z * deviation, value + z * deviation))

    if np.any(games.position):
        what = "correct answer presented first" if truth else "being presented first"
        effect(what, *fit.position)
    if sided:
        what = "difficulty of the average question" if truth else "defending the correct answer"
        effect(what, *fit.side)
    if sided and len(table.questions) > 1:
        scale, spread = fit.scales.question, math.exp(z * fit.log_deviations["question"])
        effects.append(
            TableEffect("spread (SD) of question difficulty", scale, scale / spread, scale * spread)
        )
    if not games.wins_only:
        effects.append(TableEffect("dispersion of the outcomes", fit.scales.dispersion))
    warnings += warnings_of(fit, games, table.players)
    return fit.strengths, fit.strengths - half, fit.strengths + half, effects, warnings


def _counted(games: Games) -> Games:
    """Let rows count as the games they stand for: so many won and so many lost."""
    many = np.flatnonzero(games.counts != 1)
    games, size = games.at(np.concatenate([np.arange(len(games)), many])), len(games)
    outcome, weight = games.outcome.copy(), games.counts.copy()
    weight[many] *= outcome[many]
    weight[size:] *= 1 - outcome[size:]
    outcome[many], outcome[size:] = 1.0, 0.0
    return replace(games, outcome=outcome, weight=weight) if len(many) else games
