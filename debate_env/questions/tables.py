"""Tables as spreadsheets and data sets write them: CSV with its separators and encodings.

A cell that holds the separator, a quotation mark or a line break is enclosed in double quotation
marks, and such marks inside are doubled (RFC 4180); this is read strictly.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from debate_env.errors import brief
from debate_env.questions.files import FilePlace, csv_rows, read_table_text

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}

Cells = tuple[FilePlace, list[str]]
"""The cells of a row, and where it begins."""


def table_records(path: str | Path) -> tuple[list[tuple[FilePlace, dict[str, str]]], list[str]]:
    """Read a table with a header row; rows and columns without any content are left out.

    Returns:
        Column name to cell for each row, and what was found out about the file, a line each.

    Raises:
        InputError: Rows and header do not fit, or a column has no name or that of another one.
    """
    (_, header), rows, notes = table_cells(path)
    return list(_records(header, rows)), notes


def table_cells(path: str | Path) -> tuple[Cells, list[Cells], list[str]]:
    """Read a table without asking whether its rows fit its header.

    Returns:
        Names of the columns, without outer spaces; the rows that hold anything; and what was found
        out about the file, a line each.
    """
    text, encoding = read_table_text(path)
    if "\n" not in text:  # the line ends of old spreadsheets
        text = text.replace("\r", "\n")
    lines = io.StringIO(text, newline="")
    separator = _separator(text)
    skipped = text[:5].lower().lstrip('"').startswith("sep=")
    if skipped:
        lines.readline()
    rows = [
        (FilePlace(place.path, place.line + skipped), cells)
        for place, cells in csv_rows(path, lines, separator)
    ]
    notes = []
    if encoding != "utf-8":
        notes.append(f"read as {encoding}, since it is no UTF-8")
    if separator != ",":
        notes.append(f"cells are separated by {SEPARATORS.get(separator, repr(separator))}")
    (head, header), *body = rows or [(FilePlace(str(path)), [])]
    for name in header:
        if name.strip() and [other.strip() for other in header].count(name.strip()) > 1:
            raise head.error("occurs twice; every column needs its own name", name.strip())
    return (head, [name.strip() for name in header]), body, notes


def _separator(text: str) -> str:
    """The one that a first line ``sep=;`` names, or that parts the header into most columns."""
    first = text.split("\n", 1)[0].rstrip("\r")
    if first[:5].lower() == '"sep=' and first[6:] == '"':
        return first[5]
    if first[:4].lower() == "sep=" and len(first) == 5:
        return first[4]
    return max(SEPARATORS, key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))


def _records(header: list[str], rows: list[Cells]) -> Iterator[tuple[FilePlace, dict[str, str]]]:
    named = [k for k, name in enumerate(header) if name]
    width = named[-1] + 1 if named else 0
    for place, cells in rows:
        if len(cells) < width or any(cell.strip() for cell in cells[len(header) :]):
            raise place.error(
                f"the row has {len(cells)} cells, the header {width}; add those that are missing, "
                "and enclose a cell that holds the separator in double quotation marks"
            )
        for k, cell in enumerate(cells):
            if cell.strip() and k not in named:
                raise place.error(f"column {k + 1} holds {brief(cell)} but has no name", "header")
        yield place, {header[k]: cells[k] for k in named}
