"""The readers of fields that every format of questions shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from debate_env.questions.files import FilePlace, described
from debate_env.questions.question import Question, QuestionChecker, QuestionError, QuestionSet


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
