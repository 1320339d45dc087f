"""Anyone's match table as games: who met whom, on what, and who won.

Reading needs numpy and nothing else of the suite. Rows that cannot be read are counted, the first
of them kept with line, field and reason; too many are an error. Rows that say nothing about two
players (no opponent, no outcome) are left out and counted by reason.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from debate_env.errors import InputError, nearest
from debateqd.qd.ratings.games import RatedObjective
from debateqd.qd.statistics import Floats, Ints
from debateqd.qd.tables.columns import FIRST_IS_FIRST, Columns, find_columns
from debateqd.qd.tables.files import Table, TableRow, column_values, read_table
from debateqd.qd.tables.values import SeatReader, name_of, number, shown

SHOWN = 5
"""Unreadable rows that are kept."""

MOST_GAMES = 10_000_000
"""Games that a table may stand for."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read.

    ``line`` counts what :attr:`debateqd.qd.tables.files.Table.unit` says; ``field`` is the column,
    empty where the row as a whole is damaged.
    """

    line: int
    field: str
    reason: str


@dataclass(frozen=True, eq=False)
class MatchTable:
    """Games of a table, as columns of equal length, N.

    Attributes:
        path: The file.
        columns: What was read as what.
        objective: ``"persuasion"``: players are opponents; ``"truth"``: they are a team.
        players: Names by number, in order of appearance.
        questions: Names by number.
        passages: Names by number.
        first: Number of the first player, (N,).
        second: Number of the second player, (N,); in a team perhaps the first.
        outcome: What the first player, or the team, won, from 0 to 1, (N,).
        question: Number of the question, -1 where there is none, (N,).
        passage: Number of the passage, -1 where there is none, (N,).
        side: 1 where the first player defended the correct answer, -1 where the second did, 0 where
            neither did or nobody knows, (N,).
        position: The same for who was presented first, (N,).
        games: How many games each row stands for, (N,).
        rows: Rows of the file that were looked at.
        left_out: Rows that say nothing about two players, by reason.
        bad: Rows that cannot be read.
        problems: The first of these.
        unit: What a problem's ``line`` counts.
        pools: Different pools of models and rules, where the table names them.
    """

    path: Path
    columns: Columns
    objective: RatedObjective
    players: tuple[str, ...]
    questions: tuple[str, ...]
    passages: tuple[str, ...]
    first: Ints
    second: Ints
    outcome: Floats
    question: Ints
    passage: Ints
    side: Floats
    position: Floats
    games: Floats
    rows: int
    left_out: Mapping[str, int]
    bad: int
    problems: tuple[BadRow, ...]
    unit: str
    pools: int

    def __len__(self) -> int:
        return len(self.first)


@dataclass
class _Names:
    """Names and the numbers they get."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, name: str) -> int:
        """Return a name's number, the next one for a new name."""
        return self.numbers.setdefault(name, len(self.numbers))


class _BadCellError(Exception):
    """A cell that cannot be read; carries its column and what is wrong."""


class _LeftOutError(Exception):
    """A row that says nothing about two players; carries the reason."""


def read_matches(
    path: Path,
    given: Columns = Columns(),  # noqa: B008  (frozen)
    *,
    objective: RatedObjective = "persuasion",
    wins: bool = False,
    where: Sequence[tuple[str, str]] = (),
    header: bool = True,
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
        header: Whether a CSV file begins with the names of the columns.
        most_bad: Share of unreadable rows that is still accepted.

    Raises:
        InputError: The file, or too many of its rows, cannot be read, or no row is left.
    """
    if path.is_dir():
        path = path / "matches.jsonl"
    table = read_table(path, header=header)
    columns = find_columns(table, given, truth=objective == "truth")
    reader = _Reader(table, columns, objective, wins=wins, where=where)
    return reader.read(most_bad)


class _Reader:
    """Reads the rows of a table whose columns are known."""

    def __init__(
        self,
        table: Table,
        columns: Columns,
        objective: RatedObjective,
        *,
        wins: bool,
        where: Sequence[tuple[str, str]],
    ) -> None:
        self._table = table
        self._columns = columns
        self._objective: RatedObjective = objective
        self._wins = wins
        self._places = {name: place for place, name in enumerate(table.columns)}
        for name, _ in where:
            if name not in self._places:
                raise InputError(
                    f"{table.path}: --where {name}: there is no such column; "
                    f"{nearest(name, table.columns)}"
                )
        self._where = where
        self._players, self._questions, self._passages = _Names(), _Names(), _Names()
        self._pools: set[str] = set()
        self._outcome = self._outcome_reader()
        self._side = self._seats(columns.side, yes_is_first=True)
        moving = columns.position not in ("", FIRST_IS_FIRST, "second", "none")
        self._position = self._seats(columns.position, yes_is_first=True) if moving else None
        self._fixed = {FIRST_IS_FIRST: 1.0, "second": -1.0}.get(columns.position, 0.0)

    def read(self, most_bad: float) -> MatchTable:
        whole, real = array("q"), array("d")
        left_out: Counter[str] = Counter()
        problems: list[BadRow] = []
        rows = bad = 0
        for row in self._table.rows:
            if not row.fault and not self._wanted(row):
                continue
            rows += 1
            try:
                numbers, values = self._game(row)
            except _LeftOutError as reason:
                left_out[str(reason)] += 1
            except _BadCellError as fault:
                bad += 1
                if len(problems) < SHOWN:
                    problems.append(BadRow(row.line, *fault.args))
            else:
                whole.extend(numbers)
                real.extend(values)
        self._check(rows, bad, left_out, problems, most_bad, len(whole))
        integers = np.array(whole, dtype=np.int64).reshape(-1, 4)
        floats = np.array(real, dtype=float).reshape(-1, 4)
        return MatchTable(
            path=self._table.path,
            columns=self._columns,
            objective=self._objective,
            players=tuple(self._players.numbers),
            questions=tuple(self._questions.numbers),
            passages=tuple(self._passages.numbers),
            first=integers[:, 0],
            second=integers[:, 1],
            question=integers[:, 2],
            passage=integers[:, 3],
            outcome=floats[:, 0],
            side=floats[:, 1],
            position=floats[:, 2],
            games=floats[:, 3],
            rows=rows,
            left_out=dict(sorted(left_out.items())),
            bad=bad,
            problems=tuple(problems),
            unit=self._table.unit,
            pools=len(self._pools),
        )

    def _check(
        self,
        rows: int,
        bad: int,
        left_out: Mapping[str, int],
        problems: Sequence[BadRow],
        most_bad: float,
        kept: int,
    ) -> None:
        path, unit = self._table.path, self._table.unit
        if bad > most_bad * rows:
            what = "; ".join(problem_text(p, unit) for p in problems[:3])
            raise InputError(
                f"{path}: {bad} of {rows} rows cannot be read: {what}; mend them, name the "
                f"columns, or accept more with --max-bad (now {most_bad:g}); read as: "
                f"{self._columns.explain()}"
            )
        if not kept:
            why = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
            raise InputError(
                f"{path}: holds no game that can be rated; "
                f"{f'left out: {why}' if why else f'{rows} rows'}; read as: "
                f"{self._columns.explain()}"
            )

    def _wanted(self, row: TableRow) -> bool:
        return all(name_of(row.values[self._places[name]]) == value for name, value in self._where)

    def _cell(self, row: TableRow, column: str) -> Any:
        return row.values[self._places[column]] if column else None

    def _game(
        self, row: TableRow
    ) -> tuple[tuple[int, int, int, int], tuple[float, float, float, float]]:
        if row.fault:
            raise _BadCellError("", row.fault)
        columns, truth = self._columns, self._objective == "truth"
        first, second = (name_of(self._cell(row, c)) for c in (columns.first, columns.second))
        if not first and not second:
            raise _BadCellError(columns.first, "names no player")
        if truth:
            first, second = first or second, second or first
        elif not first or not second:
            raise _LeftOutError("without an opponent")
        elif first == second:
            raise _LeftOutError("of a player with itself")
        outcome = self._outcome(row, first, second)
        side = self._seat(row, columns.side, self._side, first, second)
        position = self._fixed
        if self._position is not None:
            position = self._seat(row, columns.position, self._position, first, second)
        if truth:  # in a team, what may be presented first is the correct answer
            side, position = -1.0, side * position
        if self._wins:
            outcome = (1 + (outcome > 0.5) - (outcome < 0.5)) / 2
        games = self._games(row)
        question, passage = (
            name_of(self._cell(row, c)) for c in (columns.question, columns.passage)
        )
        if "pool" in self._places:
            self._pools.add(name_of(self._cell(row, "pool")))
        numbers = (
            self._players.number(first),
            self._players.number(second),
            self._questions.number(question) if question else -1,
            self._passages.number(passage) if passage else -1,
        )
        return numbers, (outcome, side, position, games)

    def _games(self, row: TableRow) -> float:
        column = self._columns.games
        if not column:
            return 1.0
        value = self._cell(row, column) if column in self._places else column
        count = number(value)
        if count is None or not 0 <= count <= MOST_GAMES:
            raise _BadCellError(column, f"{shown(value)} is no number of games")
        if count == 0:
            raise _LeftOutError("of no games")
        return count

    def _seats(self, column: str, *, yes_is_first: bool = False) -> SeatReader | None:
        if not column:
            return None
        sample = column_values(self._table.sample, self._places[column])
        players = (self._columns.first, self._columns.second)
        try:
            return SeatReader(column, players, sample, yes_is_first=yes_is_first)
        except ValueError as error:
            raise InputError(f"{self._table.path}: {error}") from None

    def _seat(
        self, row: TableRow, column: str, reader: SeatReader | None, first: str, second: str
    ) -> float:
        if reader is None:
            return 0.0
        value = self._cell(row, column)
        if value is None:
            return 0.0
        found = reader.read(value, first, second)
        if found is None:
            raise _BadCellError(column, f"{shown(value)} is neither player")
        return found

    def _outcome_reader(self) -> Callable[[TableRow, str, str], float]:
        columns = self._columns
        if self._objective == "truth":
            return lambda row, first, second: self._share(row, columns.right)
        if columns.outcome:
            if columns.against:
                return self._compared
            return lambda row, first, second: self._share(row, columns.outcome)
        if columns.winner == columns.first:
            return lambda row, first, second: 1.0
        seats = self._seats(columns.winner)

        def winner(row: TableRow, first: str, second: str) -> float:
            value = self._cell(row, columns.winner)
            if value is None or seats is None:
                raise _LeftOutError("without an outcome")
            found = seats.read(value, first, second)
            if found is None:
                raise _BadCellError(columns.winner, f"{shown(value)} is neither player nor a tie")
            return (1 + found) / 2

        return winner

    def _share(self, row: TableRow, column: str) -> float:
        value = self._cell(row, column)
        if value is None:
            raise _LeftOutError("without an outcome")
        if isinstance(value, list | tuple) and len(value) >= 2:
            return self._divided(column, value[0], value[1])
        found = number(value)
        if found is None or not 0 <= found <= 1:
            raise _BadCellError(column, f"{shown(value)} is no number from 0 to 1")
        return found

    def _compared(self, row: TableRow, first: str, second: str) -> float:
        columns = self._columns
        values = (self._cell(row, columns.outcome), self._cell(row, columns.against))
        if values[0] is None or values[1] is None:
            raise _LeftOutError("without an outcome")
        return self._divided(columns.outcome, *values)

    def _divided(self, column: str, own: Any, other: Any) -> float:
        """Share of the first of two results; of scores beyond 0 to 1 only who is ahead counts."""
        a, b = number(own), number(other)
        if a is None or b is None:
            raise _BadCellError(column, f"{shown(own)} or {shown(other)} is no number")
        if not (0 <= a <= 1 and 0 <= b <= 1):
            return (1 + (a > b) - (a < b)) / 2
        return a / (a + b) if a + b else 0.5


def problem_text(problem: BadRow, unit: str) -> str:
    """Say where a row is wrong, and how."""
    where = f"{unit} {problem.line}"
    return (
        f"{where}, {problem.field}: {problem.reason}"
        if problem.field
        else (f"{where} {problem.reason}")
    )
