"""Records within records, as data sets write them: made flat, one question each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from debate_env.errors import InputError
from debate_env.questions.columns import has_passage

_CHILDREN = ("data", "rows", "paragraphs", "qas", "questions", "examples")
"""Fields that hold a list of records; those around it belong to each of them."""


def flat(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the questions of a record.

    SQuAD's paragraphs and their questions, articles with a list of questions, the rows of a data
    set's server, RACE's parallel lists, ``{"question": {"stem": ...}}``; anything else is one
    question already. The ``id`` of a record that holds the passage becomes ``passage_id``.

    Raises:
        InputError: A server has cut what the record holds.
    """
    for name in _CHILDREN if not isinstance(record.get("question"), str) else ():
        children = record.get(name)
        if isinstance(children, list) and children and all(isinstance(c, dict) for c in children):
            outer = {key: value for key, value in record.items() if key != name}
            named = outer.pop("id", None)
            if named is not None and has_passage(outer):
                outer["passage_id"] = named
            for child in children:
                yield from flat({**outer, **child})
            return
    row, stem = record.get("row"), record.get("question")
    if isinstance(row, dict):
        if record.get("truncated_cells"):
            cut = ", ".join(map(str, record["truncated_cells"]))
            raise InputError(f"the server that wrote this has cut {cut}; download the data set")
        yield from flat(row)
    elif isinstance(stem, dict) and isinstance(stem.get("stem"), str):
        rest = {name: value for name, value in stem.items() if name != "stem"}
        yield from flat({**record, **rest, "question": stem["stem"]})
    else:
        parallel = [record.get(name) for name in ("questions", "options", "answers")]
        lists = [value for value in parallel if isinstance(value, list)]
        if len(lists) == len(parallel) and len({len(value) for value in lists}) == 1:
            rest = {k: v for k, v in record.items() if k not in ("questions", "options", "answers")}
            if "id" in rest:
                rest.setdefault("passage_id", rest.pop("id"))
            for question, options, answer in zip(*lists, strict=True):
                yield {**rest, "question": question, "options": options, "answer": answer}
        else:
            yield _spans_apart(dict(record))


def _spans_apart(record: dict[str, Any]) -> dict[str, Any]:
    """Make the right answers of SQuAD, which say where the passage holds them, one ``answer``."""
    found = record.get("answers")
    if isinstance(found, dict) and "answer_start" in found:
        texts = found.get("text")
    elif (
        isinstance(found, list)
        and all(_is_span(entry) for entry in found)
        and (found or "is_impossible" in record)
    ):
        texts = [entry.get("text") for entry in found]
    else:
        return record
    rest = {name: value for name, value in record.items() if name != "answers"}
    return {**rest, "answer": texts[0] if isinstance(texts, list) and texts else None}


def _is_span(entry: object) -> bool:
    return isinstance(entry, dict) and "answer_start" in entry
