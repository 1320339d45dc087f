"""Questions from a CSV file with a header row, plain or gzip.

The columns are those of :mod:`debate_env.questions.jsonl`: ``question_id``, ``passage``,
``question``, ``label`` (**counted from 0**), optionally ``passage_id`` and ``source``; the answers
stand in columns ``answer_1``, ``answer_2``, ... (the last of them may be empty in rows with fewer
answers) or as a JSON list in one column ``answers``. Any other column becomes metadata, as text.

Cells are separated by commas; a cell that holds a comma, a quotation mark or a line break is
enclosed in double quotation marks, and such marks inside are doubled (RFC 4180).
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from debate_env.questions.files import Place, read_text
from debate_env.questions.question import QuestionSet, brief
from debate_env.questions.records import ANSWER_COLUMN, QuestionCollector, question_from

MAX_CELL = 2**31 - 1


def load_csv(path: str | Path) -> QuestionSet:
    """Load a CSV file in the columns that this module's documentation lists.

    Raises:
        InputError: Anything in the file is wrong; then nothing is loaded.
    """
    collector = QuestionCollector(path)
    rows = _rows(path)
    header_place, header = next(rows)
    _check_header(header, header_place)
    for place, cells in rows:
        if len(cells) != len(header):
            raise place.error(
                f"the row has {len(cells)} cells, the header {len(header)}; enclose a cell that "
                "holds a comma in double quotation marks"
            )
        record = _typed(dict(zip(header, cells, strict=True)), place)
        collector.add(question_from(record, place, collector, Path(path).name), place)
    return collector.finish()


def _rows(path: str | Path) -> Iterator[tuple[Place, list[str]]]:
    """The rows that are not blank, each with the line it begins on."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    with _long_cells():
        while True:
            place = Place(str(path), reader.line_num + 1)
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise place.error(
                    f"malformed CSV ({error}); enclose cells in double quotation marks and double "
                    "those inside"
                ) from None
            if cells is None:
                return
            if cells:
                yield place, cells


@contextlib.contextmanager
def _long_cells() -> Iterator[None]:
    """Passages may be longer than the csv module's limit of 131,072 characters a cell."""
    before = csv.field_size_limit(MAX_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _check_header(header: list[str], place: Place) -> None:
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            raise place.error(f"the header is separated by {name}; separate columns by commas")
    seen: set[str] = set()
    for name in header:
        if not name.strip() or name != name.strip():
            raise place.error(
                f"column name {brief(name)}: must be a name without outer spaces", "header"
            )
        if name in seen:
            raise place.error("occurs twice in the header; every column needs its own name", name)
        seen.add(name)


def _typed(row: dict[str, str], place: Place) -> dict[str, Any]:
    """Give the cells of a row the types of a JSON record."""
    record: dict[str, Any] = dict(row)
    if not record.get("source"):
        record.pop("source", None)
    if not record.get("passage_id"):
        record.pop("passage_id", None)
    if "metadata" in record:
        record["metadata"] = {"metadata": record["metadata"]}
    if "label" in record:
        if not re.fullmatch(r"[+-]?[0-9]{1,9}", record["label"].strip()):
            raise place.error(
                f"must be an integer, 0 for the first answer, got {brief(row['label'])}", "label"
            )
        record["label"] = int(record["label"])
    if "answers" in record:
        try:
            record["answers"] = json.loads(record["answers"])
        except (ValueError, RecursionError):
            raise place.error(
                f'must be a JSON list such as ["yes", "no"], got {brief(row["answers"])}', "answers"
            ) from None
    _drop_empty_answers(record)
    return record


def _drop_empty_answers(record: dict[str, Any]) -> None:
    """Remove empty answer cells from the end, keeping two, so that rows may differ in number."""
    numbers = [
        int(name.removeprefix("answer_")) for name in record if ANSWER_COLUMN.fullmatch(name)
    ]
    for number in sorted(numbers, reverse=True):
        if number <= 2 or record.get(f"answer_{number}", "").strip():
            return
        del record[f"answer_{number}"]
