"""Tables from files: CSV in its dialects, JSON lines, JSON arrays, each also gzipped.

A row that cannot be read is a row with a fault, never an exception: whoever reads a table decides
how many of them are too many.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from debate_env.errors import InputError

SAMPLE = 500
"""Rows by which the columns of a file are found."""

_DELIMITERS = ",\t;|"
_LONGEST_FIELD = 1 << 26
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table.

    Attributes:
        line: Line of the file, from 1; in a JSON array the entry, from 1.
        values: In the order of the columns; ``None`` where there is no value.
        fault: Why the row cannot be read; empty if it can.
    """

    line: int
    values: tuple[Any, ...] = ()
    fault: str = ""


@dataclass(frozen=True)
class Table:
    """A table that is read as it goes.

    Attributes:
        path: The file.
        columns: Names of the columns; those of nested JSON objects are joined by dots.
        sample: The first rows, which ``rows`` brings, too.
        rows: All rows, once.
        unit: What a row's ``line`` counts: ``"line"`` or ``"entry"``.
    """

    path: Path
    columns: tuple[str, ...]
    sample: tuple[TableRow, ...]
    rows: Iterator[TableRow]
    unit: str = "line"


def read_table(path: Path, *, header: bool = True) -> Table:
    """Open a table.

    Args:
        path: A CSV file (comma, semicolon, tab or bar), JSON lines, or a JSON array of objects;
            UTF-8; gzipped or not. What it is shows in its content, not in its name.
        header: Whether the first line of a CSV file names the columns; else they are "1", "2", ...

    Raises:
        InputError: The file cannot be read or holds no table.
    """
    lines = _lines(path)
    ahead = list(islice(lines, 1))
    while ahead and not ahead[-1].strip() and (more := next(lines, None)) is not None:
        ahead.append(more)
    if not ahead or not ahead[-1].strip():
        raise InputError(f"{path}: is empty")
    start = ahead[-1].lstrip()
    whole = chain(ahead, lines)
    if start.startswith("["):
        return _objects(path, _array(path, whole), "entry")
    if start.startswith("{"):
        return _objects(path, _json_lines(whole), "line")
    return _csv(path, whole, start, header=header)


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file; damage becomes an InputError where it is met."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
        with (
            gzip.open(path, "rb") if packed else path.open("rb") as raw,
            io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text,
        ):
            yield from text
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text ({error.reason}); save it as UTF-8") from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read: {reason}") from None


def _csv(path: Path, lines: Iterator[str], first: str, *, header: bool) -> Table:
    delimiter = max(_DELIMITERS, key=first.count)
    rows = _csv_rows(lines, delimiter)
    top = next(rows)
    if top.fault:
        raise InputError(f"{path}, line {top.line}: {top.fault}")
    if header:
        columns = tuple(str(name).strip() for name in top.values)
        double = sorted({name for name in columns if columns.count(name) > 1 and name})
        if double:
            raise InputError(f"{path}, line {top.line}: column '{double[0]}' is there twice")
    else:
        columns = tuple(str(n) for n in range(1, len(top.values) + 1))
        rows = chain([top], rows)
    checked = (_checked(row, len(columns)) for row in rows)
    sample = tuple(islice(checked, SAMPLE))
    return Table(path, columns, sample, chain(sample, checked))


def _csv_rows(lines: Iterator[str], delimiter: str) -> Iterator[TableRow]:
    # A whole conversation may be a field. The limit is the module's, so it is only ever raised.
    csv.field_size_limit(max(_LONGEST_FIELD, csv.field_size_limit()))
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        line = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield TableRow(line, fault=f"is not CSV: {error}")
            continue
        if any(value.strip() for value in values):
            yield TableRow(line, tuple(value.strip() or None for value in values))


def _checked(row: TableRow, width: int) -> TableRow:
    if row.fault or len(row.values) == width:
        return row
    return TableRow(row.line, fault=f"has {len(row.values)} fields, but there are {width} columns")


def _json_lines(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except ValueError:
            yield number, None


def _array(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    try:
        data = json.loads("".join(lines))
    except ValueError as error:
        raise InputError(f"{path}: is no JSON array: {error}") from None
    yield from enumerate(data, 1)


def _objects(path: Path, entries: Iterator[tuple[int, Any]], unit: str) -> Table:
    ahead = list(islice(entries, SAMPLE))
    flat = [(number, _flat(entry)) for number, entry in ahead]
    columns: dict[str, int] = {}
    for _, entry in flat:
        for name in entry or ():
            columns.setdefault(name, len(columns))
    if not columns:
        raise InputError(f"{path}: holds no JSON object")

    def row(number: int, entry: dict[str, Any] | None) -> TableRow:
        if entry is None:
            return TableRow(number, fault="is no JSON object")
        return TableRow(number, tuple(map(entry.get, columns)))

    sample = tuple(row(*pair) for pair in flat)
    rest = (row(number, _flat(entry)) for number, entry in entries)
    return Table(path, tuple(columns), sample, chain(sample, rest), unit)


def _flat(entry: Any, prefix: str = "") -> dict[str, Any] | None:
    """Return an object with the members of nested objects under dotted names."""
    if not isinstance(entry, dict):
        return None
    found: dict[str, Any] = {}
    for name, value in entry.items():
        inner = _flat(value, f"{prefix}{name}.")
        if inner is None:
            found[f"{prefix}{name}"] = value
        else:
            found.update(inner)
    return found


def column_values(rows: Sequence[TableRow], place: int) -> list[Any]:
    """Return a column of readable rows, without what is missing."""
    return [row.values[place] for row in rows if not row.fault and row.values[place] is not None]
