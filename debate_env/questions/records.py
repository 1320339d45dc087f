"""Questions from JSON Lines and CSV files, and the readers of fields that every format shares.

==============  ========  =================================================================
field           type      meaning
==============  ========  =================================================================
question_id     text      unique in the file
passage         text      the full passage; repeated on every line of the same passage
question        text      the question
answers         list      two or more different texts; or fields answer_1, answer_2, ...
label           integer   which answer is right, **counted from 0**
passage_id      text      optional; questions of one passage share it; default: from its text
source          text      optional; default: the file name
metadata        object    optional; never shown to an agent
anything else             becomes part of the metadata
==============  ========  =================================================================

A CSV file has a header row. Its answers stand in ``answer_1``, ``answer_2``, ... (the last of them
may be empty in rows with fewer answers) or as a JSON list in one column ``answers``. Cells are
separated by commas; a cell that holds a comma, a quotation mark or a line break is enclosed in
double quotation marks, and such marks inside are doubled (RFC 4180).
"""

from __future__ import annotations

import difflib
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from debate_env.errors import brief
from debate_env.questions.files import FilePlace, csv_rows, described, json_lines, read_text
from debate_env.questions.question import Question, QuestionChecker, QuestionError, QuestionSet

REQUIRED = ("question_id", "passage", "question", "answers", "label")
OPTIONAL = ("passage_id", "source", "metadata")
ANSWER_COLUMN = re.compile(r"answer_\d+")


class QuestionCollector:
    """Gathers questions with the line each came from; all or nothing."""

    def __init__(self, path: str | Path) -> None:
        self._path = str(path)
        self._checker = QuestionChecker()
        self._questions: list[Question] = []
        self._texts: dict[str, str] = {}

    def share(self, passage: str) -> str:
        """One object for equal passages, so that many questions hold the text once."""
        return self._texts.setdefault(passage, passage)

    def add(self, question: Question) -> None:
        """Keep a question; see :meth:`at`."""
        self._checker.check(question)
        self._questions.append(question)

    @contextmanager
    def at(self, place: FilePlace, advice: str = "") -> Iterator[None]:
        """Say where it is if a question that is made or added in here cannot be."""
        try:
            yield
        except QuestionError as error:
            flaw = error.flaw
            raise place.error(f"{flaw.message}{advice}", flaw.field) from None

    def __len__(self) -> int:
        return len(self._questions)

    def finish(self) -> QuestionSet:
        """The set of everything gathered; none at all is an error."""
        if not self._questions:
            raise FilePlace(self._path).error("holds no question; at least one is needed")
        return QuestionSet(self._questions)


def required(record: Mapping[str, Any], name: str, place: FilePlace, note: str = "") -> Any:
    """The value of a field that must be there."""
    if name in record:
        return record[name]
    has = ", ".join(sorted(record)) or "nothing"
    raise place.error(f"is missing{note}; add it, or rename one (the record has: {has})", name)


def text_field(record: Mapping[str, Any], name: str, place: FilePlace) -> str:
    """A required field that holds a text."""
    value = required(record, name, place)
    if not isinstance(value, str):
        raise place.error(f"must be a text, got {described(value)}", name)
    return value


def list_field(record: Mapping[str, Any], name: str, place: FilePlace) -> list[Any]:
    """A required field that holds a list."""
    value = required(record, name, place)
    if not isinstance(value, list):
        raise place.error(f"must be a list, got {described(value)}", name)
    return value


def integer_field(
    record: Mapping[str, Any], name: str, place: FilePlace, low: int, high: int, note: str = ""
) -> int:
    """A required field that holds an integer from ``low`` to ``high``."""
    value = required(record, name, place, note)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise place.error(f"must be an integer from {low} to {high}, got {described(value)}", name)
    return value


def texts_field(record: Mapping[str, Any], name: str, place: FilePlace) -> tuple[str, ...]:
    """A required field that holds a list of texts."""
    values = list_field(record, name, place)
    for number, value in enumerate(values, start=1):
        if not isinstance(value, str):
            raise place.error(f"entry {number} must be a text, got {described(value)}", name)
    return tuple(values)


def question_from(
    record: Mapping[str, Any], place: FilePlace, collector: QuestionCollector, source: str
) -> Question:
    """Build a question from a record in the columns that this module documents.

    The collector validates the content afterwards; this checks names and types.
    """
    answers, answer_names = _answers(record, place)
    known = {*REQUIRED, *OPTIONAL, *answer_names}
    extra = {name: value for name, value in record.items() if name not in known}
    _refuse_misspelt(extra, record, len(answers), place)
    metadata = record.get("metadata", {})
    if not isinstance(metadata, dict):
        raise place.error(f"must be an object, got {described(metadata)}", "metadata")
    passage = collector.share(text_field(record, "passage", place))
    return Question(
        question_id=text_field(record, "question_id", place),
        passage_id=text_field(record, "passage_id", place)
        if "passage_id" in record
        else "passage-" + hashlib.sha256(passage.encode(errors="replace")).hexdigest()[:12],
        passage=passage,
        question=text_field(record, "question", place),
        answers=answers,
        label=_label(record, len(answers), place),
        source=text_field(record, "source", place) if "source" in record else source,
        metadata=metadata | extra,
    )


def _answers(record: Mapping[str, Any], place: FilePlace) -> tuple[tuple[str, ...], list[str]]:
    """The answers, from ``answers`` or from ``answer_1``, ``answer_2``, ...; and those columns."""
    columns = [name for name in record if ANSWER_COLUMN.fullmatch(name)]
    if not columns:
        return texts_field(record, "answers", place), []
    if "answers" in record:
        raise place.error(f"stands beside {columns[0]!r}; give one or the other", "answers")
    wanted = [f"answer_{number}" for number in range(1, len(columns) + 1)]
    for name in columns:
        if name not in wanted:
            raise place.error(
                f"answer columns must be numbered from 1 without a gap: {', '.join(wanted)}", name
            )
    return tuple(text_field(record, name, place) for name in wanted), wanted


def _label(record: Mapping[str, Any], count: int, place: FilePlace) -> int:
    value = required(record, "label", place)
    if isinstance(value, bool) or not isinstance(value, int):
        raise place.error(
            f"must be an integer, 0 for the first of {count} answers, got {described(value)}",
            "label",
        )
    return value


def _refuse_misspelt(
    extra: Mapping[str, Any], record: Mapping[str, Any], answers: int, place: FilePlace
) -> None:
    """Other columns become metadata, but not one that nearly is an optional column."""
    optional = [n for n in ("passage_id", f"answer_{answers + 1}") if n not in record]
    for name in extra:
        close = difflib.get_close_matches(name, optional, n=1, cutoff=0.85)
        if close:
            raise place.error(f"did you mean {close[0]!r}? rename the field", name)


def load_jsonl(path: str | Path) -> QuestionSet:
    """Load a file of one JSON object per line, plain or gzip."""
    collector = QuestionCollector(path)
    for place, record in json_lines(path):
        with collector.at(place):
            collector.add(question_from(record, place, collector, Path(path).name))
    return collector.finish()


def load_csv(path: str | Path) -> QuestionSet:
    """Load a CSV file, plain or gzip."""
    collector = QuestionCollector(path)
    rows = csv_rows(path, io.StringIO(read_text(path), newline=""))
    header_place, header = next(rows, (FilePlace(str(path)), []))
    _check_header(header, header_place)
    for place, cells in rows:
        if len(cells) != len(header):
            raise place.error(
                f"the row has {len(cells)} cells, the header {len(header)}; enclose a cell that "
                "holds a comma in double quotation marks"
            )
        record = _typed(dict(zip(header, cells, strict=True)), place)
        with collector.at(place):
            collector.add(question_from(record, place, collector, Path(path).name))
    return collector.finish()


def _check_header(header: list[str], place: FilePlace) -> None:
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


def _typed(row: dict[str, str], place: FilePlace) -> dict[str, Any]:
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
