"""Tables from files: CSV in its dialects, JSON lines, JSON arrays, each also gzipped.

A row that does not fit its table is a row with a fault, never an exception: whoever reads a table
decides how many of them are too many. A file whose rows cannot be told apart is an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from debate_env.errors import InputError
from debate_env.questions.files import read_bytes, read_text
from debate_env.questions.tables import table_cells


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table.

    ``line`` is that of the file, in a JSON array the number of the entry, both from 1; ``cells``
    are values by column; ``fault`` says why the row cannot be read, and is empty if it can.
    """

    line: int
    cells: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True)
class Table:
    """A table: its file, the names of its columns, and its rows.

    Names of columns in nested JSON objects are joined by dots; ``unit`` is what a row's ``line``
    counts: ``"line"`` or ``"entry"``; ``notes`` say what was found out about the file.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    unit: str = "line"
    notes: tuple[str, ...] = ()


def read_table(path: Path) -> Table:
    """Read a table.

    Args:
        path: A CSV file whose first line names the columns, as :mod:`debate_env.questions.tables`
            reads it, JSON lines, or a JSON array of objects; gzipped or not. What it is shows in
            its content, not in its name.

    Raises:
        InputError: The file cannot be read or holds no table; CSV is read strictly.
    """
    start = read_bytes(path).lstrip()[:1].decode(errors="replace")
    if start not in ("[", "{"):
        return _csv(path)
    text = read_text(path)
    if start == "[":
        try:
            return _objects(path, enumerate(json.loads(text), 1), "entry")
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(f"{path}: is no JSON array: {error}") from None
    lines = enumerate(text.split("\n"), 1)
    return _objects(path, ((n, _parsed(line)) for n, line in lines if line.strip()), "line")


def _csv(path: Path) -> Table:
    (_, columns), rows, notes = table_cells(path)

    def row(line: int, cells: list[str]) -> TableRow:
        if len(cells) < len(columns) or any(map(str.strip, cells[len(columns) :])):
            fault = f"has {len(cells)} fields, but there are {len(columns)} columns"
            return TableRow(line, fault=fault)
        return TableRow(line, dict(zip(columns, map(str.strip, cells), strict=False)))

    found = tuple(row(place.line, cells) for place, cells in rows)
    return Table(path, tuple(filter(None, columns)), found, notes=tuple(notes))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _objects(path: Path, entries: Iterable[tuple[int, Any]], unit: str) -> Table:
    rows = tuple(
        TableRow(line, dict(_members(entry)))
        if isinstance(entry, dict)
        else TableRow(line, fault="is no JSON object")
        for line, entry in entries
    )
    columns = tuple(dict.fromkeys(name for row in rows for name in row.cells))
    if not columns:
        raise InputError(f"{path}: holds no JSON object")
    return Table(path, columns, rows, unit)


def _members(entry: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the members of an object, those of nested objects under dotted names."""
    for name, value in entry.items():
        if isinstance(value, dict):
            yield from _members(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
