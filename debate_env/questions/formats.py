"""Files of records: JSON Lines, JSON, tables and Parquet, each plain or gzip."""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from debate_env.errors import InputError
from debate_env.questions.files import (
    FilePlace,
    described,
    objects_of,
    parse_json,
    read_bytes,
    read_text,
)
from debate_env.questions.nested import flat
from debate_env.questions.tables import table_records

SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".parquet")


class Row(NamedTuple):
    """A record, and where it stands."""

    place: FilePlace
    fields: dict[str, Any]


def suffix_of(path: str | Path) -> str:
    """The ending of a file's name, in small letters, without ``.gz``."""
    return Path(str(path).lower().removesuffix(".gz")).suffix


def read_rows(path: str | Path) -> tuple[list[Row], list[str]]:
    """Read every record of a file.

    Returns:
        The records, one question each (see :func:`~debate_env.questions.nested.flat`), and what was
        found out about the file, a line each.

    Raises:
        InputError: The file cannot be read as what its name says.
    """
    kind = suffix_of(path)
    if kind in (".csv", ".tsv"):
        table, notes = table_records(path)
        return [Row(place, dict(record)) for place, record in table], notes
    found = _parquet(path) if kind == ".parquet" else _json(path)
    rows: list[Row] = []
    for place, record in found:
        try:
            inner = list(flat(record))
        except InputError as error:
            raise place.error(str(error)) from None
        for number, fields in enumerate(inner, start=1):
            spot = place if len(inner) == 1 else replace(place, item=str(number))
            rows.append(Row(spot, fields))
    return rows, []


def _json(path: str | Path) -> Iterator[tuple[FilePlace, dict[str, Any]]]:
    """JSON Lines, or one list or object over many lines, whichever the file holds."""
    text = read_text(path)
    head = text.lstrip()[:1]
    if head != "[" and (head != "{" or _is_lines(text)):
        yield from objects_of(text, path)
        return
    value = parse_json(text, FilePlace(str(path)))
    for number, record in enumerate(value if isinstance(value, list) else [value], start=1):
        place = FilePlace(str(path), item=str(number))
        if not isinstance(record, dict):
            raise place.error(f"must be a JSON object in braces, got {described(record)}")
        yield place, record


def is_nested_quality(path: str | Path) -> bool:
    """Whether a file holds QuALITY's articles with their questions, one article per line."""
    if suffix_of(path) != ".jsonl":
        return False
    try:
        record = json.loads(read_text(path).lstrip().split("\n", 1)[0])
    except (ValueError, RecursionError):
        return False
    questions = record.get("questions") if isinstance(record, dict) else None
    return (
        isinstance(questions, list)
        and bool(questions)
        and isinstance(questions[0], dict)
        and {"question_unique_id", "gold_label"} <= questions[0].keys()
    )


def _is_lines(text: str) -> bool:
    """Whether a text that begins with a brace is one object per line."""
    first = text.lstrip().split("\n", 1)[0]
    try:
        json.loads(first)
    except ValueError:
        # Broken in the first line, or an object that goes on: then more than one line is needed.
        return text.lstrip().count("\n{") > 0 or "\n" not in text.strip()
    except RecursionError:
        pass
    return True


def _parquet(path: str | Path) -> Iterator[tuple[FilePlace, dict[str, Any]]]:
    place = FilePlace(str(path))
    try:
        from pyarrow import ArrowException, parquet
    except ModuleNotFoundError:
        raise place.error(
            'Parquet files need an extra: pip install "debateqd[parquet]"; or save it as JSON Lines'
        ) from None
    try:
        table = parquet.read_table(io.BytesIO(read_bytes(path)))
    except (ArrowException, OSError) as error:
        raise place.error(f"cannot be read as Parquet ({str(error).splitlines()[0]})") from None
    for number, record in enumerate(table.to_pylist(), start=1):
        yield FilePlace(str(path), item=str(number)), record


def literal(text: str) -> Any:
    """Read a list in a cell of a table: JSON, or as Python prints it; ``None`` if it is neither."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None
