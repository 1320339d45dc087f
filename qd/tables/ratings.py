"""Ratings of a match table: Bradley-Terry, Elo or least squares, with intervals.

All are in Elo points (400 points: odds of ten to one) relative to the mean of all players, or to an
anchor. *Bradley-Terry* is the batch model of :mod:`debateqd.qd.ratings.laplace`, its intervals the
posterior's. *Elo* goes through the table in its order, as :mod:`debateqd.qd.ratings.elo` does.
*Least squares* minimises the squared differences between expected and observed scores, as Khan et
al. (2024, "Debating with More Persuasive LLMs Leads to More Truthful Answers") do for tables of win
rates. The intervals of these two are those of a bootstrap, see :mod:`debateqd.qd.tables.bootstrap`.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from debate_env.errors import InputError
from debateqd.qd.statistics import Floats, Ints
from debateqd.qd.tables.bootstrap import draw_weights, elo_ratings, least_squares_ratings, relative
from debateqd.qd.tables.matches import MOST_GAMES, MatchTable

Model = Literal["bradley_terry", "elo", "least_squares"]

LISTED = 10
"""Players that an error names."""

MOST_CLUSTERS = 2000
"""Questions whose games are clusters where nobody defends a correct answer."""

MOST_INTERVALS = 1000
"""Bradley-Terry covariances are made for so many players, those with the most games."""


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

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        return asdict(self)


def default_model(table: MatchTable) -> Model:
    """Return least squares for win rates over unknown numbers of games, else Bradley-Terry."""
    return "least_squares" if table.columns.is_rate else "bradley_terry"


def rate_table(table: MatchTable, settings: Settings = Settings()) -> TableRatings:
    """Rate the players of a table.

    Raises:
        InputError: The anchor is no player, or the model cannot use such a table.
    """
    if settings.anchor and settings.anchor not in table.players:
        raise InputError(f"--anchor {settings.anchor}: {_no_such(settings.anchor, table.players)}")
    if settings.model == "bradley_terry":
        ratings, low, high, effects, warnings = _bradley_terry(table, settings)
    else:
        anchor = table.players.index(settings.anchor) if settings.anchor else None
        draws = draw_weights(table, settings.resamples, settings.seed)
        every = (
            elo_ratings(table, draws, settings.k)
            if settings.model == "elo"
            else least_squares_ratings(table, draws)
        )
        ratings, low, high = relative(every, anchor, settings.confidence)
        effects, warnings = (), _disconnected(table)
    games, scores = _scores(table)
    rows = [
        Rated(
            name,
            float(ratings[k]),
            None if np.isnan(low[k]) else float(low[k]),
            None if np.isnan(high[k]) else float(high[k]),
            float(games[k]),
            float(scores[k]),
        )
        for k, name in enumerate(table.players)
    ]
    rows.sort(key=lambda row: (-row.rating, row.player))
    if table.pools > 1:
        pools = f"{table.pools} pools of models and rules are mixed; choose one with --where pool="
        warnings = (*warnings, pools)
    return TableRatings(settings, tuple(rows), tuple(effects), tuple(warnings))


def _no_such(name: str, players: Sequence[str]) -> str:
    """Say which players there are; a table may have thousands, so only a few are listed."""
    close = difflib.get_close_matches(name, players, n=1)
    question = f"did you mean '{close[0]}'? " if close else ""
    listed = ", ".join(sorted(players)[:LISTED])
    more = f" and {len(players) - LISTED} more" if len(players) > LISTED else ""
    return f"no such player; {question}there are {listed}{more}"


def _scores(table: MatchTable) -> tuple[Floats, Floats]:
    """Games of every player and the share of them that it won."""
    n = len(table.players)
    own = table.outcome if table.objective == "truth" else 1 - table.outcome
    twice = table.first != table.second
    games = np.bincount(table.first, table.games, n).astype(float)
    games += np.bincount(table.second, table.games * twice, n)
    won = np.bincount(table.first, table.games * table.outcome, n).astype(float)
    won += np.bincount(table.second, table.games * own * twice, n)
    return games, won / np.maximum(games, 1e-300)


# --- Bradley-Terry ------------------------------------------------------------------------------


def _bradley_terry(
    table: MatchTable, settings: Settings
) -> tuple[Floats, Floats, Floats, Sequence[TableEffect], tuple[str, ...]]:
    from debateqd.qd.ratings.faults import warnings_of
    from debateqd.qd.ratings.games import make_games
    from debateqd.qd.ratings.laplace import Priors, fit_games

    rows, outcome = _expanded(table)
    truth = table.objective == "truth"
    sided = truth or bool(np.any(table.side))
    clustered = sided or _repeats(table)
    n = len(table.players)
    games = make_games(
        table.first[rows],
        table.second[rows],
        outcome,
        question=table.question[rows] if clustered else None,
        side=table.side[rows],
        position=table.position[rows],
        form="team" if truth else "duel",
    )
    counts = np.bincount(table.first, table.games, n) + np.bincount(table.second, table.games, n)
    anchor = None if not settings.anchor else [table.players.index(settings.anchor)]
    living = np.sort(np.argsort(-counts, kind="stable")[:MOST_INTERVALS])
    priors = Priors(
        # Without a side a question says nothing about who wins; its games are a cluster still.
        question=None if sided else 1.0,
        # Independent wins scatter as the model says; nothing is there to be estimated.
        dispersion=1.0 if games.wins_only and not clustered else None,
    )
    fit = fit_games(
        games, n, priors=priors, panel=anchor, living=None if n <= MOST_INTERVALS else living
    )
    z = NormalDist().inv_cdf(0.5 + settings.confidence / 2)
    half = np.full(n, np.nan)
    half[fit.living] = z * fit.deviations
    effects = []

    def effect(name: str, value: tuple[float, float]) -> None:
        effects.append(
            TableEffect(name, value[0], value[0] - z * value[1], value[0] + z * value[1])
        )

    if np.any(games.position):
        what = "correct answer presented first" if truth else "being presented first"
        effect(what, fit.position)
    if sided:
        what = "difficulty of the average question" if truth else "defending the correct answer"
        effect(what, fit.side)
    if sided and len(table.questions) > 1:
        scale, deviation = fit.scales.question, fit.log_deviations.get("question")
        spread = None if deviation is None else np.exp(z * deviation)
        effects.append(
            TableEffect(
                "spread (SD) of question difficulty",
                scale,
                None if spread is None else scale / float(spread),
                None if spread is None else scale * float(spread),
            )
        )
    if not games.wins_only:
        effects.append(TableEffect("dispersion of the outcomes", fit.scales.dispersion))
    warnings = warnings_of(fit, games, table.players)
    return fit.strengths, fit.strengths - half, fit.strengths + half, effects, warnings


def _repeats(table: MatchTable) -> bool:
    """Whether games are clustered by question, in a table that is not too large for it."""
    asked = table.question[table.question >= 0]
    return len(table.questions) <= MOST_CLUSTERS and len(asked) > len(table.questions)


def _expanded(table: MatchTable) -> tuple[Ints, Floats]:
    """Return rows as often as they are games, wins and losses apart; ties are halves of both."""
    if np.all(table.games == 1):
        return np.arange(len(table)), table.outcome
    games = np.rint(table.games).astype(np.int64)
    if int(games.sum()) > MOST_GAMES:
        raise InputError(
            f"{table.path}: {int(games.sum()):,} games are too many for this model (at most "
            f"{MOST_GAMES:,}); take --model least_squares"
        )
    won = np.rint(games * table.outcome).astype(np.int64)
    rows = np.repeat(np.arange(len(table)), games)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(games) - games, games)
    outcome = (within < np.repeat(won, games)).astype(float)
    alone = games[rows] == 1  # a single game may be a tie or a probability
    outcome[alone] = table.outcome[rows[alone]]
    return rows, outcome


def _disconnected(table: MatchTable) -> tuple[str, ...]:
    from debateqd.qd.ratings.faults import components
    from debateqd.qd.ratings.games import make_games

    games = make_games(
        table.first,
        table.second,
        table.outcome,
        question=table.question,
        form="team" if table.objective == "truth" else "duel",
    )
    groups = len(np.unique(components(games, len(table.players))))
    if groups == 1:
        return ()
    return (
        f"the players fall into {groups} groups that never met, even indirectly; differences "
        "between groups mean nothing",
    )
