"""Games: debates as arrays, the only thing that the rating model reads.

A game gives the linear predictor of :mod:`debateqd.qd.ratings.design` its coefficients::

    z = a theta_first + b theta_second + c (beta + b_question) + s gamma

In a *duel* (persuasion) the strategies are opponents: a = 1, b = -1, c = +1 where ``first`` defends
the correct answer and -1 where ``second`` does. In a *team* (truth) they pull together against the
question: a = b = 1/2 and c = -1, so that beta + b_question is the question's difficulty; a strategy
that debates itself is a team of one with a + b = 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from debateqd.qd.statistics import Floats, Ints

if TYPE_CHECKING:
    from debate_env.core.protocols import Comparison
    from debateqd.qd.debates.matches import Match

GameForm = Literal["duel", "team"]
Score = Literal["credence", "win"]
RatedObjective = Literal["persuasion", "truth"]

COEFFICIENTS: dict[GameForm, tuple[float, float]] = {"duel": (1.0, -1.0), "team": (0.5, 0.5)}
"""What the first and the second strategy's strength count for in each form."""


@dataclass(frozen=True, eq=False)
class Games:
    """Debates as columns of equal length, N.

    Attributes:
        first: Number of the first strategy, (N,).
        second: Number of the second strategy, (N,); in a team it may be the first.
        question: Number of the question, or -1 where there is none, (N,).
        side: c of the model, +1, -1 or 0, (N,).
        position: s of the model, +1, -1 or 0, (N,).
        outcome: y in [0, 1], (N,): 1 where the first strategy (the team) won.
        form: ``"duel"`` or ``"team"``.
        weight: How many games each counts for, (N,); ``None``: one each.
        cluster: Number of the cluster of games that are not independent, (N,); ``None``: those on
            one question.
    """

    first: Ints
    second: Ints
    question: Ints
    side: Floats
    position: Floats
    outcome: Floats
    form: GameForm = "duel"
    weight: Floats | None = None
    cluster: Ints | None = None

    def __len__(self) -> int:
        return len(self.first)

    def at(self, rows: Ints) -> Games:
        """Return the games in these rows."""
        columns = ("first", "second", "question", "side", "position", "outcome")
        optional = [name for name in ("weight", "cluster") if getattr(self, name) is not None]
        chosen: dict[str, Any] = {name: getattr(self, name)[rows] for name in (*columns, *optional)}
        return replace(self, **chosen)

    @property
    def counts(self) -> Floats:
        """How many games each counts for, (N,)."""
        return np.ones(len(self)) if self.weight is None else self.weight

    @property
    def wins_only(self) -> bool:
        """Whether outcomes are wins, draws and losses only, rather than probabilities."""
        y = self.outcome
        return bool(np.all((y == 0) | (y == 1) | (y == 0.5)))


def _column(name: str, values: ArrayLike, size: int, kind: type) -> NDArray[Any]:
    column: NDArray[Any] = np.asarray(values, dtype=kind)
    if column.shape != (size,):
        raise ValueError(f"games.{name}: shape {column.shape}, but there are {size} games")
    return np.ascontiguousarray(column)


def make_games(
    first: ArrayLike,
    second: ArrayLike,
    outcome: ArrayLike,
    *,
    question: ArrayLike | None = None,
    side: ArrayLike | None = None,
    position: ArrayLike | None = None,
    form: GameForm = "duel",
) -> Games:
    """Make games from columns of numbers, and check them.

    Args:
        first: Numbers of the first strategies, (N,).
        second: Numbers of the second strategies, (N,).
        outcome: y in [0, 1], (N,).
        question: Numbers of the questions; -1, or no column, where there is none.
        side: c; without a column 0 in duels (no correct side) and -1 in teams.
        position: s; without a column 0.
        form: ``"duel"`` or ``"team"``.

    Raises:
        ValueError: A column has another length, or holds a number that cannot be.
    """
    size = len(np.asarray(first))
    blank = np.zeros(size)
    games = Games(
        first=_column("first", first, size, np.int64),
        second=_column("second", second, size, np.int64),
        question=_column(
            "question", np.full(size, -1) if question is None else question, size, np.int64
        ),
        side=_column("side", blank - (form == "team") if side is None else side, size, np.float64),
        position=_column("position", blank if position is None else position, size, np.float64),
        outcome=_column("outcome", outcome, size, np.float64),
        form=form,
    )
    if size:
        y = games.outcome
        if not (np.all(y >= 0) and np.all(y <= 1)):
            raise ValueError("games.outcome: must lie in [0, 1]")
        if min(int(games.first.min()), int(games.second.min())) < 0:
            raise ValueError("games.first and games.second: must not be negative")
        if int(games.question.min()) < -1:
            raise ValueError("games.question: must be -1 or a number")
        if form == "duel" and np.any(games.first == games.second):
            raise ValueError("games: in a duel nobody plays against himself")
    return games


class GameTable:
    """Turns comparisons in matches into games, each match once: what was read is not read again.

    Comparisons of players with each other are duels, those with the question are teams; those of
    one objective are all of one form.

    Args:
        objective: Whose comparisons count.
        score: ``"credence"``: the judge's probability is the outcome; ``"win"``: who was ahead.
    """

    def __init__(self, objective: RatedObjective, score: Score) -> None:
        self.form: GameForm = "duel" if objective == "persuasion" else "team"
        self.score: Score = score
        self._objective = objective
        self._players: dict[str, int] = {}
        self._questions: dict[str, int] = {}
        self._rows: list[tuple[float, ...]] = []
        self._source: object = None
        self._read = 0
        self._last: list[Match] = []

    def games(self, matches: list[Match], players: Sequence[str]) -> Games:
        """Return the usable matches as games.

        Args:
            matches: The log; when it is the list that was read before and has grown since, only
                what is new is read.
            players: Ids of all strategies in a fixed order that only grows at its end.
        """
        known = list(self._players)
        if (
            matches is not self._source
            or matches[max(self._read - 1, 0) : self._read] != self._last
            or known != list(players[: len(known)])
        ):
            self._players, self._questions, self._rows, self._read = {}, {}, [], 0
        for strategy_id in players[len(self._players) :]:
            self._players[strategy_id] = len(self._players)
        for match in matches[self._read :]:
            for comparison in match.comparisons:
                if comparison.objective == self._objective:
                    self._append(match, comparison)
        self._source, self._read, self._last = matches, len(matches), matches[-1:]
        rows = np.array(self._rows, dtype=np.float64).reshape(-1, 7)
        first, second, question = np.ascontiguousarray(rows[:, :3].T.astype(np.int64))
        side, position, outcome, weight = np.ascontiguousarray(rows[:, 3:].T)
        weights = None if np.all(weight == 1) else weight
        return Games(first, second, question, side, position, outcome, self.form, weights)

    @property
    def questions(self) -> tuple[str, ...]:
        """Ids of the questions, in the order of their numbers."""
        return tuple(self._questions)

    def _append(self, match: Match, comparison: Comparison) -> None:
        form: GameForm = "duel" if comparison.opponents else "team"
        if form != self.form and self._rows:
            raise ValueError(
                f"match {match.match_id}: players are compared with each other or with questions "
                f"under the objective {self._objective!r}, not both"
            )
        self.form = form
        if form == "duel":
            pairs = list(product(comparison.rated, comparison.opponents))
            side, position = comparison.correct, 1.0
        else:
            one = comparison.rated * 2 if len(comparison.rated) == 1 else comparison.rated
            pairs = list(combinations(one, 2))
            side, position = -1.0, comparison.correct
        outcome = comparison.win if self.score == "win" else comparison.score
        for pair in pairs:
            first, second = (self._players[match.seats[seat]] for seat in pair)
            if form == "team" or first != second:  # nobody can win against himself
                question = self._questions.setdefault(match.question, len(self._questions))
                weight = comparison.weight / len(pairs)
                self._rows.append((first, second, question, side, position, outcome, weight))
