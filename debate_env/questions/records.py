"""From a record (a line of JSON, a row of a table) to a valid question."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from debate_env.errors import InputError
from debate_env.questions.files import Place, read_text
from debate_env.questions.question import Question, QuestionChecker, QuestionSet, brief

REQUIRED = ("question_id", "passage", "question", "answers", "label")
OPTIONAL = ("passage_id", "source", "metadata")
ANSWER_COLUMN = re.compile(r"answer_\d+")
_MEANT = frozenset({*REQUIRED, *OPTIONAL, "questions", "article", "article_id", "title"})
"""Field names that stand for themselves in one format or another."""
_TYPE_NAMES = {
    bool: "true/false",
    int: "an integer",
    float: "a number with a fraction",
    str: "a text",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


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

    def add(self, question: Question, place: Place, advice: str = "") -> None:
        """Keep a valid question; an invalid one is an error at ``place``."""
        problem = self._checker.problem(question)
        if problem is not None:
            raise place.error(f"{problem.message}{advice}", problem.field)
        self._questions.append(question)

    def __len__(self) -> int:
        return len(self._questions)

    def finish(self) -> QuestionSet:
        """The set of everything gathered; none at all is an error."""
        if not self._questions:
            raise Place(self._path).error("holds no question; at least one is needed")
        return QuestionSet(self._questions)


def json_lines(path: str | Path) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The JSON objects of a file, one per line; blank lines are skipped.

    Only a line feed ends a line: other line separators may occur inside JSON texts.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            place = Place(str(path), number)
            yield place, parse_object(line, place)


def parse_object(line: str, place: Place) -> dict[str, Any]:
    """Parse one line as a JSON object, without repeated keys and without NaN or Infinity."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                raise place.error("occurs twice in one record; keep one", key)
            found[key] = value
        return found

    def constant(name: str) -> None:
        raise place.error(f"{name} is not allowed; use a finite number or null")

    try:
        value = json.loads(line, object_pairs_hook=pairs, parse_constant=constant)
    except json.JSONDecodeError as error:
        raise place.error(
            f"malformed JSON at column {error.colno} ({error.msg}); every line must be one "
            "complete JSON object"
        ) from None
    except InputError:
        raise
    except ValueError as error:
        raise place.error(f"malformed JSON ({error})") from None
    except RecursionError:
        raise place.error("the JSON is nested too deeply") from None
    if not isinstance(value, dict):
        raise place.error(f"must be a JSON object in braces, got {described(value)}")
    return value


def described(value: object) -> str:
    """A value and its type in the words of a data file, e.g. ``5 (an integer)``."""
    return f"{brief(value)} ({_TYPE_NAMES.get(type(value), type(value).__name__)})"


def required(record: Mapping[str, Any], name: str, place: Place, note: str = "") -> Any:
    """The value of a field that must be there; a near miss among the others is pointed out.

    Fields that have a meaning of their own are no near miss: ``question`` is not a misspelt
    ``question_id``.
    """
    if name in record:
        return record[name]
    others = [n for n in record if n not in _MEANT and not ANSWER_COLUMN.fullmatch(n)]
    # "id" for "question_id" is a near miss too, though few of the letters agree.
    parts = [n for n in others if n.lower() in name.split("_")]
    close = difflib.get_close_matches(name, others, n=1) or parts
    found = f"did you mean {name!r} where it says {close[0]!r}?" if close else "add it"
    has = ", ".join(sorted(record)) or "nothing"
    raise place.error(f"is missing{note}; {found} (the record has: {has})", name)


def text_field(record: Mapping[str, Any], name: str, place: Place) -> str:
    """A required field that holds a text."""
    value = required(record, name, place)
    if not isinstance(value, str):
        raise place.error(f"must be a text, got {described(value)}", name)
    return value


def list_field(record: Mapping[str, Any], name: str, place: Place) -> list[Any]:
    """A required field that holds a list."""
    value = required(record, name, place)
    if not isinstance(value, list):
        raise place.error(f"must be a list, got {described(value)}", name)
    return value


def integer_field(
    record: Mapping[str, Any], name: str, place: Place, low: int, high: int, note: str = ""
) -> int:
    """A required field that holds an integer from ``low`` to ``high``."""
    value = required(record, name, place, note)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise place.error(f"must be an integer from {low} to {high}, got {described(value)}", name)
    return value


def texts_field(record: Mapping[str, Any], name: str, place: Place) -> tuple[str, ...]:
    """A required field that holds a list of texts."""
    values = list_field(record, name, place)
    for number, value in enumerate(values, start=1):
        if not isinstance(value, str):
            raise place.error(f"entry {number} must be a text, got {described(value)}", name)
    return tuple(values)


def question_from(
    record: Mapping[str, Any], place: Place, collector: QuestionCollector, source: str
) -> Question:
    """Build a question from a record in the project's own columns; see ``jsonl`` and ``tabular``.

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


def _answers(record: Mapping[str, Any], place: Place) -> tuple[tuple[str, ...], list[str]]:
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


def _label(record: Mapping[str, Any], count: int, place: Place) -> int:
    value = required(record, "label", place)
    if isinstance(value, bool) or not isinstance(value, int):
        raise place.error(
            f"must be an integer, 0 for the first of {count} answers, got {described(value)}",
            "label",
        )
    return value


def _refuse_misspelt(
    extra: Mapping[str, Any], record: Mapping[str, Any], answers: int, place: Place
) -> None:
    """Other columns become metadata, but not one that nearly is an optional column."""
    optional = [n for n in ("passage_id", f"answer_{answers + 1}") if n not in record]
    for name in extra:
        close = difflib.get_close_matches(name, optional, n=1, cutoff=0.85)
        if close:
            raise place.error(f"did you mean {close[0]!r}? rename the field", name)
