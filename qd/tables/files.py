"""Tables from files: CSV in its dialects, JSON lines, JSON arrays, each also gzipped.

A row that does not fit its table is a row with a fault, never an exception: whoever reads a table
decides how many of them are too many. A file whose rows cannot be told apart is an error.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from debate_env.errors import InputError
from debate_env.questions.files import csv_rows, read_text

_SEPARATORS = ",\t;|"


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
    counts: ``"line"`` or ``"entry"``.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    unit: str = "line"


def read_table(path: Path) -> Table:
    """Read a table.

    Args:
        path: A CSV file (comma, semicolon, tab or bar) whose first line names the columns, JSON
            lines, or a JSON array of objects; UTF-8; gzipped or not. What it is shows in its
            content, not in its name.

    Raises:
        InputError: The file cannot be read or holds no table; CSV is read strictly.
    """
    text = read_text(path)
    start = text.lstrip()
    if start.startswith("["):
        try:
            return _objects(path, enumerate(json.loads(text), 1), "entry")
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(f"{path}: is no JSON array: {error}") from None
    if start.startswith("{"):
        lines = enumerate(text.split("\n"), 1)
        return _objects(path, ((n, _parsed(line)) for n, line in lines if line.strip()), "line")
    return _csv(path, text, start.partition("\n")[0])


def _csv(path: Path, text: str, first: str) -> Table:
    separator = max(_SEPARATORS, key=lambda mark: len(next(csv.reader([first], delimiter=mark))))
    (place, names), *rows = csv_rows(path, io.StringIO(text, newline=""), separator)
    columns = tuple(name.strip() for name in names)
    double = sorted({name for name in columns if columns.count(name) > 1 and name})
    if double:
        raise place.error(f"column '{double[0]}' is there twice")

    def row(line: int, cells: list[str]) -> TableRow:
        if len(cells) < len(columns) or any(map(str.strip, cells[len(columns) :])):
            fault = f"has {len(cells)} fields, but there are {len(columns)} columns"
            return TableRow(line, fault=fault)
        return TableRow(line, dict(zip(columns, map(str.strip, cells), strict=False)))

    found = tuple(row(place.line, cells) for place, cells in rows)
    return Table(path, tuple(filter(None, columns)), found)


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
