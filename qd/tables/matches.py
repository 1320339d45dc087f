"""Anyone's match table as games: who met whom, on what, and who won.

Reading needs numpy and nothing else of the suite. Rows that cannot be read are counted, the first
of them kept with line, field and reason; too many are an error. Rows that say nothing about two
players (no opponent, no outcome) are left out and counted by reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from debate_env.errors import InputError, brief, nearest
from debateqd.qd.ratings.games import GameForm, Games, RatedObjective
from debateqd.qd.statistics import Ints
from debateqd.qd.tables.files import Table, TableRow, read_table
from debateqd.qd.tables.layouts import FIRST_IS_FIRST, Columns, TableLayout, find_layout
from debateqd.qd.tables.outcomes import (
    Reader,
    Rule,
    choose_rule,
    is_date,
    name_of,
    number,
    result_rules,
    seat_rules,
)

SHOWN = 5
"""Unreadable rows that are kept."""

_FIXED = {FIRST_IS_FIRST: 1.0, "second": -1.0, "none": 0.0}


@dataclass(frozen=True, eq=False)
class MatchTable:
    """A match table of N games.

    Attributes:
        path: The file.
        layout: What was read as what.
        rule: How results were read, in words.
        games: The games; their clusters are passages, else questions, else single rows.
        players: Names by number, in order of appearance.
        questions: Names by number.
        passages: Names by number.
        passage: Number of the passage, -1 where there is none, (N,).
        rows: Rows of the file that were looked at.
        ties: Rows that count as half a win for both, by how the table says it.
        left_out: Rows that say nothing about two players, by reason.
        bad: Rows that cannot be read.
        problems: The first of these: where, and why.
        pools: Different pools of models and rules, where the table names them.
        notes: What was found out about the file.
    """

    path: Path
    layout: TableLayout
    rule: str
    games: Games
    players: tuple[str, ...]
    questions: tuple[str, ...]
    passages: tuple[str, ...]
    passage: Ints
    rows: int
    ties: Mapping[str, int]
    left_out: Mapping[str, int]
    bad: int
    problems: tuple[str, ...]
    pools: int
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.games)

    @property
    def columns(self) -> Columns:
        """The columns that were read."""
        return self.layout.columns


class _BadCellError(Exception):
    """A row that cannot be read; carries what is wrong, after the line."""


class _LeftOutError(Exception):
    """A row that says nothing about two players; carries the reason."""


def read_matches(
    path: Path,
    given: Columns = Columns(),  # noqa: B008  (frozen)
    *,
    objective: RatedObjective = "persuasion",
    wins: bool = False,
    where: Sequence[tuple[str, str]] = (),
    most_bad: float = 0.1,
) -> MatchTable:
    """Read a match table.

    Args:
        path: CSV or JSON, see :func:`debateqd.qd.tables.files.read_table`; or a run directory, for
            its match log.
        given: Columns that are not to be searched for.
        objective: ``"truth"`` reads whether the judge was right instead of who won.
        wins: Count whoever is ahead as the winner, whatever the probabilities.
        where: Columns and the values that rows must have in them.
        most_bad: Share of unreadable rows that is still accepted.

    Raises:
        InputError: The file, or too many of its rows, cannot be read, or no row is left.
    """
    table = read_table(path / "matches.jsonl" if path.is_dir() else path)
    for name, _ in where:
        if name not in table.columns:
            raise InputError(
                f"{table.path}: --where {name}: there is no such column; "
                f"{nearest(name, table.columns)}"
            )
    layout = find_layout(table, given, truth=objective == "truth", wins=wins)
    rows = [
        row
        for row in table.rows
        if row.fault or all(name_of(row.cells.get(name)) == value for name, value in where)
    ]
    reader = _Reader(table, layout, rows, wins=wins)
    names: tuple[dict[str, int], ...] = ({}, {}, {})  # of players, questions and passages
    numbers: list[list[int]] = []
    values: list[tuple[float, ...]] = []
    left_out: Counter[str] = Counter()
    bad: list[str] = []
    for row in rows:
        try:
            who, what = reader.game(row)
        except _LeftOutError as reason:
            left_out[str(reason)] += 1
        except _BadCellError as fault:
            bad.append(f"{table.unit} {row.line}{fault}")
        else:
            places = zip((names[0], *names), who, strict=True)
            numbers.append([known.setdefault(n, len(known)) if n else -1 for known, n in places])
            values.append(what)
    read_as = f"read as {layout.name}: {layout.columns.explain()}; {reader.rule}"
    if len(bad) > most_bad * len(rows):
        raise InputError(
            f"{table.path}: {len(bad)} of {len(rows)} rows cannot be read: {'; '.join(bad[:3])}; "
            f"mend them, name the columns, or accept more with --max-bad (now {most_bad:g}); "
            f"{read_as}"
        )
    if not numbers:
        why = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise InputError(
            f"{table.path}: holds no game that can be rated; "
            f"{f'left out: {why}' if why else f'{len(rows)} rows'}; {read_as}"
        )
    first, second, question, passage = np.array(numbers, dtype=np.int64).T
    outcome, side, position, counts = np.array(values, dtype=float).T
    form: GameForm = "team" if objective == "truth" else "duel"
    own = np.where(question >= 0, question, len(names[1]) + np.arange(len(question)))
    groups = np.where(passage >= 0, passage, len(names[2]) + own)
    cluster = np.unique(groups, return_inverse=True)[1]
    weight = None if np.all(counts == 1) else counts
    return MatchTable(
        path=table.path,
        layout=layout,
        rule=reader.rule,
        games=Games(first, second, question, side, position, outcome, form, weight, cluster),
        players=tuple(names[0]),
        questions=tuple(names[1]),
        passages=tuple(names[2]),
        passage=passage,
        rows=len(rows),
        ties=dict(sorted(reader.ties.items())),
        left_out=dict(sorted(left_out.items())),
        bad=len(bad),
        problems=tuple(bad[:SHOWN]),
        pools=len({name_of(row.cells["pool"]) for row in rows if "pool" in row.cells}),
        notes=table.notes,
    )


class _Reader:
    """Reads the rows of a table whose columns are known.

    Attributes:
        rule: How results are read, in words.
        ties: Games that counted as half a win for both, by how the table says it.
    """

    def __init__(
        self, table: Table, layout: TableLayout, rows: Sequence[TableRow], *, wins: bool
    ) -> None:
        self._table, self._rows, self._wins = table, rows, wins
        self._columns = columns = layout.columns
        self._scores = layout.form == "scores"
        results = (columns.right or columns.winner or columns.outcome, columns.against)
        self._results = tuple(filter(None, results))
        result = self._choose(self._results, result_rules(layout))
        self.rule = result.says.format(" and ".join(self._results))
        self.ties: Counter[str] = Counter()
        self._result = cache(result.read)
        self._side = cache(self._choose((columns.side,), seat_rules(layout)).read)
        self._position = cache(self._choose((columns.position,), seat_rules(layout)).read)

    def _choose(self, columns: Sequence[str], rules: Sequence[Rule]) -> Rule:
        """Choose the one rule for a column (or two that belong together) by all its cells."""
        if len(rules) == 1 or not set(columns) <= set(self._table.columns):
            return rules[0]
        cells = Counter((_cell(row, columns), *self._names(row)) for row in self._rows)
        try:
            return choose_rule(rules, {key: n for key, n in cells.items() if key[0] is not None})
        except ValueError as cell:
            raise InputError(
                f"{self._table.path}: {cell} in column '{columns[0]}' may be the name of a player "
                "or of a column, and not of the same one; rename such players"
            ) from None

    def _names(self, row: TableRow) -> tuple[str, str]:
        cell, columns = row.cells.get, self._columns
        return name_of(cell(columns.first)), name_of(cell(columns.second))

    def game(self, row: TableRow) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """Read a row: players, question, passage; outcome, side, position, games."""
        if row.fault:
            raise _BadCellError(f" {row.fault}")
        columns, truth = self._columns, bool(self._columns.right)
        first, second = self._names(row)
        if not first and not second:
            raise _BadCellError(f", {columns.first}: names no player")
        if truth:
            first, second = first or second, second or first
        elif not first or not second:
            raise _LeftOutError("without an opponent")
        elif first == second:
            raise _LeftOutError("of a player with itself")
        result = _cell(row, self._results)
        if result is None:
            raise _LeftOutError("without an outcome")
        outcome = self._result(result, first, second)
        if outcome is None:
            raise self._unreadable(row, result)
        side = self._seat(row, columns.side, self._side, first, second)
        position = _FIXED.get(columns.position)
        if position is None:
            position = self._seat(row, columns.position, self._position, first, second)
        if truth:  # in a team, what may be presented first is the correct answer
            side, position = -1.0, side * position
        games = self._games(row)
        if self._wins:
            outcome = (1 + (outcome > 0.5) - (outcome < 0.5)) / 2
        if outcome == 0.5:
            self.ties["even" if number(result) is not None else str(result)] += 1
        question, passage = (name_of(row.cells.get(c)) for c in (columns.question, columns.passage))
        return (first, second, question, passage), (outcome, side, position, games)

    def _unreadable(self, row: TableRow, result: Any) -> Exception:
        field, what = self._results[0], brief(result)
        if is_date(result):
            return InputError(
                f"{self._table.path}, {self._table.unit} {row.line}, {field}: {what} is a date: a "
                "spreadsheet has turned scores into dates; save them again, the column as text"
            )
        if not self._columns.winner:
            wanted = "two numbers" if self._scores else "number from 0 to 1"
            return _BadCellError(f", {field}: {what} is no {wanted}")
        hint = f" (if it is what the first one won, name it with --outcome {field})"
        hint = "" if number(result) is None else hint
        return _BadCellError(f", {field}: {what} is neither player nor a tie{hint}")

    def _seat(self, row: TableRow, column: str, read: Reader, first: str, second: str) -> float:
        value = _cell(row, (column,))
        found = 0.5 if value is None else read(value, first, second)
        if found is None:
            raise _BadCellError(f", {column}: {brief(value)} is neither player")
        return 2 * found - 1

    def _games(self, row: TableRow) -> float:
        column = self._columns.games
        count = number(row.cells.get(column) if column in self._table.columns else column or 1)
        if count is None or count < 0:
            raise _BadCellError(f", {column}: holds no number of games")
        if count == 0:
            raise _LeftOutError("of no games")
        return count


def _cell(row: TableRow, columns: Sequence[str]) -> Any:
    """Return the value of a column, two of them as a tuple; ``None`` where one is missing."""
    values = [row.cells.get(column) for column in columns]
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0][:2]
    names = tuple(map(name_of, values))
    return None if "" in names or not names else names if len(names) > 1 else names[0]
