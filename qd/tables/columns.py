"""Which column of a match table holds what: found by names and values, or given.

A column is found only where there is one candidate; everything else is an error that lists what
there is. What was found is said in a line, so that a wrong guess is seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from debate_env.errors import InputError, nearest
from debateqd.qd.tables.files import Table, column_values

PAIRS = (
    ("a", "b"),
    ("1", "2"),
    ("0", "1"),
    ("first", "second"),
    ("left", "right"),
    ("white", "black"),
    ("home", "away"),
    ("x", "y"),
)
"""What tells two columns of one kind apart."""

_PLAYERS = (
    "model",
    "player",
    "debater",
    "strategy",
    "agent",
    "system",
    "bot",
    "engine",
    "team",
    "name",
    "candidate",
    "competitor",
    "contestant",
    "participant",
    "user",
    "",
)
_NAMED_PAIRS = (
    ("seats.debater_0", "seats.debater_1"),
    ("winner", "loser"),
    ("strategy", "opponent"),
    ("player", "opponent"),
    ("model", "opponent"),
)
_WINNERS = ("winner", "won_by", "winning_side", "preferred", "preference", "vote", "choice")
_OUTCOMES = (
    "outcome",
    "score",
    "result",
    "won",
    "win",
    "y",
    "win_prob",
    "probability",
    "prob",
    "share",
)
_RATES = ("winrate", "win_rate")
_TWIN_RESULTS = ("p", "prob", "win_prob", "won", "score", "points", "goals", "votes")
_RIGHT = ("right", "judge_correct", "judge_right", "correct", "is_correct", "accurate")
_QUESTIONS = (
    "question_id",
    "question",
    "prompt_id",
    "task_id",
    "item_id",
    "item",
    "prompt",
    "task",
    "topic",
    "problem",
)
_PASSAGES = ("passage_id", "passage", "article_id", "article", "story_id", "story", "document_id")
_SIDES = ("correct_side", "label", "defends_correct", "gold_side", "correct_debater")
_POSITIONS = ("position", "presented_first", "shown_first", "first_shown", "seat")
_COUNTS = ("games", "n_games", "num_games", "count", "matches", "n_matches")

FIRST_IS_FIRST = "first"
"""Value of ``position``: whoever is in the first column was presented first."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns; empty where there is none.

    Attributes:
        first: One player.
        second: The other.
        winner: Who won: a player, a seat, or a tie.
        outcome: What the first player won, from 0 to 1, or its score.
        against: The same of the second player, where that is another column.
        right: Whether the judge found the correct answer.
        question: What was played on; the passage where no column names a question.
        passage: What questions belong to, the cluster of every interval.
        side: Whose answer is the correct one.
        position: Who was presented first; ``"first"``: always the first player, ``"second"``:
            always the second, ``"none"``: nobody knows.
        games: How many games a row stands for; a number where it is the same for all.
    """

    first: str = ""
    second: str = ""
    winner: str = ""
    outcome: str = ""
    against: str = ""
    right: str = ""
    question: str = ""
    passage: str = ""
    side: str = ""
    position: str = ""
    games: str = ""

    @property
    def is_rate(self) -> bool:
        """Whether outcomes are win rates, each over an unknown number of games."""
        return plain(self.outcome).startswith(_RATES) and not self.games

    def explain(self) -> str:
        """Say in a line which column is what."""
        parts = [
            f"{f.name} = {getattr(self, f.name)}"
            for f in fields(self)
            if getattr(self, f.name) and f.name != "position"
        ]
        if self.passage and self.passage == self.question:
            parts.remove(f"question = {self.question}")
        if self.position in (FIRST_IS_FIRST, "second"):
            parts.append(f"presented first: always the {self.position} column")
        elif self.position not in ("", "none"):
            parts.append(f"presented first = {self.position}")
        return ", ".join(parts)


def plain(name: str) -> str:
    """Return a column's name in lower case, words joined by underscores."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9.]+", "_", spaced.lower()).strip("_")


def find_columns(table: Table, given: Columns, *, truth: bool = False) -> Columns:
    """Find the columns of a match table.

    Raises:
        InputError: A given column is not there, or none or several could be what is needed.
    """
    for f in fields(given):
        name = getattr(given, f.name)
        word = f.name == "position" and name in (FIRST_IS_FIRST, "second", "none")
        count = f.name == "games" and name.isdigit() and int(name) > 0
        if name and name not in table.columns and not (word or count):
            raise InputError(
                f"{table.path}: --{f.name} {name}: there is no such column; "
                f"{nearest(name, table.columns)}"
            )
    search = _ColumnSearch(table, given)
    first, second = search.players()
    found = replace(given, first=first, second=second)
    if truth:
        found = replace(found, right=given.right or search.named(_RIGHT) or "", winner="")
        if not found.right:
            raise search.missing("right", "whether the judge was right")
    elif not (given.winner or given.outcome):
        found = search.result(found)
    position = given.position or search.named(_POSITIONS)
    if not position:
        # Rates are over games in either order, and a winner's column says nothing about one.
        unknown = plain(first) in ("winner", "strategy", "player") or (
            plain(found.outcome).startswith(_RATES)
        )
        position = "none" if unknown else FIRST_IS_FIRST
    passage = given.passage or search.named(_PASSAGES) or ""
    return replace(
        found,
        question=given.question or search.named(_QUESTIONS) or passage,
        passage=passage,
        side=given.side or search.named(_SIDES) or "",
        position=position,
        games=given.games or search.named(_COUNTS) or "",
    )


class _ColumnSearch:
    """Looks for columns."""

    def __init__(self, table: Table, given: Columns) -> None:
        self._table = table
        self._given = given
        taken = {getattr(given, f.name) for f in fields(given)}
        self._free: dict[str, str] = {}
        for name in table.columns:
            if name not in taken:
                self._free.setdefault(plain(name), name)

    def named(self, names: Sequence[str]) -> str | None:
        """Return the first of these that there is and that holds anything."""
        for name in names:
            column = self._free.get(name)
            if column is not None and self.values(column):
                return column
        return None

    def values(self, column: str) -> list[Any]:
        """Return the sample of a column."""
        return column_values(self._table.sample, self._table.columns.index(column))

    def missing(self, option: str, what: str) -> InputError:
        """Say that a column was not found, and which there are."""
        columns = ", ".join(self._table.columns)
        return InputError(
            f"{self._table.path}: no column says {what}; name it with --{option} COLUMN; "
            f"there are: {columns}"
        )

    def players(self) -> tuple[str, str]:
        """Find the two columns of players."""
        given = self._given
        if given.first and given.second:
            return given.first, given.second
        if given.first or given.second:
            raise InputError(
                f"{self._table.path}: --first and --second go together; name both players' columns"
            )
        if own := self._own_log():
            return own
        for first, second in _NAMED_PAIRS:
            if first in self._free and second in self._free:
                return self._free[first], self._free[second]
        found = [pair for pair in self._twins() if self._are_players(*pair[1])]
        known = [pair for stem in _PLAYERS for name, pair in found if name == stem]
        if known or len(found) == 1:
            return (known or [found[0][1]])[0]
        if found:
            shown = "; ".join(" and ".join(pair) for _, pair in found)
            raise InputError(
                f"{self._table.path}: several pairs of columns could be the players: {shown}; "
                "name them with --first COLUMN --second COLUMN"
            )
        raise self.missing("first COLUMN --second", "who played")

    def _own_log(self) -> tuple[str, str] | None:
        """Return the two seats of a run's log, whose credences are in the order of seats."""
        seats = [name for name in self._free if name.startswith("seats.")]
        if not seats or not {"v", "comparisons"} <= self._free.keys():
            return None
        sides = [self._free.get(name.replace("seats.", "sides.", 1)) for name in seats]
        if [name and self.values(name)[:1] for name in sides] != [[0], [1]]:
            raise InputError(
                f"{self._table.path}: only debates of two players who defend an answer each can be "
                f"rated as a table, not those of {', '.join(seats)}; the ratings of the run are in "
                "its generations/NNNN.json"
            )
        return self._free[seats[0]], self._free[seats[1]]

    def _twins(self) -> list[tuple[str, tuple[str, str]]]:
        """List pairs of columns whose names differ by which of the two players they are about."""
        found = []
        for one, other in PAIRS:
            for name, column in self._free.items():
                twin = twin_of(name, one, other)
                if twin is not None and twin[1] in self._free:
                    found.append((twin[0], (column, self._free[twin[1]])))
        return found

    def _are_players(self, first: str, second: str) -> bool:
        """Whether two columns hold names: no fractions, and few beside the number of rows."""
        a, b = self.values(first), self.values(second)
        if not a or any(isinstance(v, list | dict | bool) for v in (*a, *b)):
            return False
        names = {*map(str, a), *map(str, b)}
        fractions = any("." in name and _is_number(name) for name in names)
        return not fractions and len(names) <= max(4, 0.9 * (len(a) + len(b)))

    def result(self, found: Columns) -> Columns:
        """Find the column of results."""
        if plain(found.first) == "winner":
            return replace(found, winner=found.first)
        if found.first.startswith("seats.") and "credence" in self._free:
            return replace(found, outcome=self._free["credence"])  # in the order of the seats
        winner = self.named(_WINNERS)
        if winner is not None:
            return replace(found, winner=winner)
        twins = self._twin_results(found)
        if twins is not None:
            return replace(found, outcome=twins[0], against=twins[1])
        outcome = self.named(_OUTCOMES)
        if outcome is not None:
            return replace(found, outcome=outcome)
        rates = [c for n, c in self._free.items() if n.startswith(_RATES)]
        if len(rates) == 1:
            return replace(found, outcome=rates[0])
        if rates:
            raise InputError(
                f"{self._table.path}: several columns could be the outcome: {', '.join(rates)}; "
                "choose one with --outcome COLUMN"
            )
        raise self.missing("winner COLUMN or --outcome", "who won")

    def _twin_results(self, found: Columns) -> tuple[str, str] | None:
        """Find a column of results for each player, e.g. ``p_a`` and ``p_b``."""
        first, second = plain(found.first), plain(found.second)
        marks = [(a, b) for a, b in PAIRS if (at := twin_of(first, a, b)) and at[1] == second]
        names = [(f"winner_{first}", f"winner_{second}")]
        for a, b in marks:
            for stem in _TWIN_RESULTS:
                names += [(f"{stem}_{a}", f"{stem}_{b}"), (f"{a}_{stem}", f"{b}_{stem}")]
        for one, other in names:
            if one in self._free and other in self._free:
                return self._free[one], self._free[other]
        return None


def twin_of(name: str, one: str, other: str) -> tuple[str, str] | None:
    """Return what two columns' names have in common, and the second one's name.

    Returns:
        E.g. ``("model", "model_b")``; ``None`` where the name has no such mark.
    """
    if name == one:
        return "", other
    for separator in ("_", "."):
        if name.endswith(separator + one):
            stem = name[: -len(separator + one)]
            return stem, stem + separator + other
        if name.startswith(one + separator):
            stem = name[len(one + separator) :]
            return stem, other + separator + stem
    if one.isdigit() and name.endswith(one):
        return name[:-1], name[:-1] + other
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
