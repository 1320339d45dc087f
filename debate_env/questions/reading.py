"""Questions from files as people have them.

The fields of this project's own format, in JSON Lines, JSON, CSV or Parquet:

==============  ========  =================================================================
field           type      meaning
==============  ========  =================================================================
question_id     text      unique in the file; default: ``q1``, ``q2``, ...
passage         text      the full passage; repeated on every line of the same passage
question        text      the question
answers         list      two or more different texts; or fields answer_1, answer_2, ...
label           integer   which answer is right, **counted from 0**; or its letter or text
passage_id      text      optional; questions of one passage share it; default: from its text
source          text      optional; default: the file name
metadata        object    optional; never shown to an agent
anything else             becomes part of the metadata
==============  ========  =================================================================

Other names are known too (:mod:`debate_env.questions.columns`), so that RACE, BoolQ, ReClor, SQuAD,
MMLU, SciQ, ARC and the like load as they are, and QuALITY's nested files with the defaults of
:mod:`debate_env.questions.quality`. What was taken for what is said, and nothing is guessed at.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from debate_env.errors import InputError
from debate_env.questions.columns import Given, QuestionColumns, find_columns
from debate_env.questions.files import FilePlace, described
from debate_env.questions.formats import Row, is_nested_quality, literal, read_rows
from debate_env.questions.labels import Labelled, decide_kind, read_label
from debate_env.questions.quality import load_quality
from debate_env.questions.question import Question, QuestionSet, fold
from debate_env.questions.records import QuestionCollector, required, text_field

_KEPT = ("source", "metadata")
_YES_NO = {"true": 0, "yes": 0, "false": 1, "no": 1}


class QuestionPair(NamedTuple):
    """A question with its right answer and no other, as :class:`Question` has the rest."""

    question_id: str
    passage_id: str
    passage: str
    question: str
    answer: str
    source: str


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """What a file of questions holds.

    Attributes:
        path: The file.
        columns: What was taken for what; ``None`` where that cannot be told.
        questions: Those without a problem, in order.
        pairs: Questions with their right answers, where the file has no other answers.
        problems: Everything that is wrong, a line each with place and field; that a file of pairs
            is not enough for a debate stands first.
        notes: What was found out about the file, a line each.
    """

    path: str
    columns: QuestionColumns | None = None
    questions: tuple[Question, ...] = ()
    pairs: tuple[QuestionPair, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def question_set(self) -> QuestionSet:
        """Return the questions.

        Raises:
            InputError: There is a problem; names the first, and how many more there are.
        """
        if self.problems:
            more = len(self.problems) - 1
            rest = f" ({more} more; 'debateqd questions {self.path}' lists all)" if more else ""
            raise InputError(self.problems[0] + rest)
        return QuestionSet(self.questions, notes=self.notes)


def load_file(path: str | Path, columns: Given | None = None) -> QuestionSet:
    """Load the questions of a file.

    Args:
        path: The file; its ending says what it is, ``.gz`` may follow.
        columns: Which fields hold what (see :mod:`debate_env.questions.columns`), where their names
            do not say so.

    Raises:
        InputError: Anything is wrong; then nothing is loaded.
    """
    return read_questions(path, columns).question_set()


def read_questions(path: str | Path, columns: Given | None = None) -> QuestionFile:
    """Read a file of questions, and everything that is wrong with it.

    Args:
        path: As for :func:`load_file`.
        columns: As for :func:`load_file`.

    Raises:
        InputError: The file cannot be read at all.
    """
    name = str(path)
    if not columns and is_nested_quality(path):
        found = load_quality(path)
        said = "QuALITY: the gold and the best wrong answer (quality:PATH has other ways)"
        return QuestionFile(name, questions=tuple(found), notes=(said,))
    rows, notes = read_rows(path)
    if not rows:
        raise FilePlace(name).error("holds no question; at least one is needed")
    names = list(dict.fromkeys(key for row in rows for key in row.fields))
    known, problems = find_columns(names, columns or {})
    if known is not None:
        problems = _misspelt(known, names)
    if known is None or problems:
        lines = tuple(str(FilePlace(name).error(problem)) for problem in problems)
        return QuestionFile(name, known, problems=lines, notes=tuple(notes))
    return _read(name, rows, known, notes)


def _misspelt(columns: QuestionColumns, names: Sequence[str]) -> list[str]:
    """Other fields become metadata, but not one that nearly is an optional field of ours."""
    optional = [] if columns.passage_id else ["passage_id"]
    if columns.answers[:1] == ("answer_1",):
        optional.append(f"answer_{len(columns.answers) + 1}")
    used = columns.fields()
    near = [(n, difflib.get_close_matches(n, optional, 1, 0.85)) for n in names if n not in used]
    return [f"field {name!r}: did you mean {m[0]!r}? rename it" for name, m in near if m]


class _Draft(NamedTuple):
    """A record whose label is not read yet."""

    row: Row
    number: int
    passage: str
    question: str
    choice: Labelled


def _read(
    path: str, rows: Sequence[Row], columns: QuestionColumns, notes: list[str]
) -> QuestionFile:
    problems: list[tuple[int, str]] = []
    drafts = []
    label = columns.label[0]
    yes_no = not columns.answers + columns.wrong and _all_yes_no(rows, label)
    if yes_no and (problem := _not_yes_no(rows, columns)):
        return QuestionFile(path, columns, problems=(f"{path}: {problem}",), notes=tuple(notes))
    for number, row in enumerate(rows):
        try:
            drafts.append(_draft(row, number, columns, yes_no=yes_no))
        except InputError as error:
            problems.append((number, str(error)))
    if columns.described():
        notes.append(f"columns: {columns.described()}")
    ids, columns, said = _ids(drafts, columns)
    notes += said
    if not columns.passage:
        notes.append("no passages")
    made: dict[str, Any] = {}
    if yes_no:
        notes.append(f"{label!r} says true or false: the answers are yes and no")
    elif not columns.answers + columns.wrong:
        elsewhere = _answers_elsewhere(drafts, columns)
        if not elsewhere:
            made["pairs"] = _pairs(path, drafts, ids, columns, problems)
        problems.append((-1, f"{path}: {elsewhere or _no_answers(path, label)}"))
    if columns.answers or columns.wrong or yes_no:
        made["questions"] = _questions(path, drafts, ids, columns, problems)
    lines = tuple(message for _, message in sorted(problems))
    return QuestionFile(path, columns, problems=lines, notes=tuple(notes), **made)


Made = TypeVar("Made")


def _each(
    path: str,
    drafts: Sequence[_Draft],
    ids: Sequence[str],
    problems: list[tuple[int, str]],
    make: Callable[[_Draft, str, QuestionCollector], Made],
) -> tuple[Made, ...]:
    """Make something of every draft and its name, and note what is wrong with the others."""
    collector = QuestionCollector(path)
    found = []
    for draft, name in zip(drafts, ids, strict=True):
        try:
            with collector.at(draft.row.place):
                found.append(make(draft, name, collector))
        except InputError as error:
            problems.append((draft.number, str(error)))
    return tuple(found)


def _pairs(
    path: str,
    drafts: Sequence[_Draft],
    ids: Sequence[str],
    columns: QuestionColumns,
    problems: list[tuple[int, str]],
) -> tuple[QuestionPair, ...]:
    def pair(draft: _Draft, name: str, collector: QuestionCollector) -> QuestionPair:
        answer = str(draft.choice.value)
        made = QuestionPair(
            question_id=name,
            passage_id=_passage_id(draft, name, columns),
            passage=draft.passage,
            question=draft.question,
            answer=answer,
            source=Path(draft.row.place.path).name,
        )
        # Checked as the question that it is to become, before anybody pays for that.
        collector.add(Question(*made[:4], (answer, f"not {answer}"), 0, made.source))
        return made

    return _each(path, drafts, ids, problems, pair)


def _no_answers(path: str, label: str) -> str:
    return (
        f"no field holds wrong answers beside the right one in {label!r}; name one with "
        f"--columns answers=NAME, or have a model make them: debateqd questions {path} "
        "--distractors MODEL --to NEW.jsonl"
    )


def _all_yes_no(rows: Sequence[Row], label: str) -> bool:
    return all(_yes_no(row.fields.get(label)) is not None for row in rows)


def _not_yes_no(rows: Sequence[Row], columns: QuestionColumns) -> str:
    """Say why questions with true or false are not as they seem."""
    said = [{_yes_no(row.fields.get(label)) for label in columns.label} for row in rows]
    if any(len(found) > 1 for found in said):
        several = " and ".join(map(repr, columns.label))
        return f"{several} do not say the same; say which with --columns label=NAME"
    asked = Counter(
        (row.fields.get(columns.passage), row.fields.get(columns.question)) for row in rows
    )
    if max(asked.values()) > 1:
        return (
            f"{columns.label[0]!r} says true or false, and a question is there more than once: a "
            "row for each of its answers? Write one row per question, with all of its answers"
        )
    return ""


def _yes_no(value: object) -> int | None:
    """0 for yes and true, 1 for no and false, as the answers stand; ``None`` for all else."""
    return _YES_NO.get(str(value).strip().lower())


def _answers_elsewhere(drafts: Sequence[_Draft], columns: QuestionColumns) -> str:
    """Say why questions that seem to lack wrong answers may have them in another field."""
    used = columns.fields()
    lists = [
        name
        for name, value in (drafts[0].row.fields.items() if drafts else ())
        if name not in used and isinstance(value, list | dict) and name != "metadata"
    ]
    letters = all(re.fullmatch("[A-Ja-j]", str(d.choice.value).strip()) for d in drafts)
    if not lists and not letters:
        return ""
    where = f" (fields that hold lists: {', '.join(lists)})" if lists else ""
    return f"no field by a known name of the answers; say which with --columns answers=NAME{where}"


def _draft(row: Row, number: int, columns: QuestionColumns, *, yes_no: bool) -> _Draft:
    place, fields = row
    passage = text_field(fields, columns.passage, place) if columns.passage else ""
    if columns.passage and not passage.strip():
        raise place.error("is empty; it must hold some text", columns.passage)
    value = required(fields, columns.label[0], place)
    if yes_no:
        choice = Labelled(_yes_no(value), ("yes", "no"))
    elif columns.answers:
        choice = Labelled(value, *_answers(row, columns.answers))
    else:
        text = text_field(fields, columns.label[0], place)
        wrong = _answers(row, columns.wrong, alone=True)[0] if columns.wrong else ()
        choice = Labelled(text, (text, *wrong))
    if columns.question_id and required(fields, columns.question_id, place) is None:
        raise place.error("is null; every question needs a name, or none", columns.question_id)
    return _Draft(row, number, passage, text_field(fields, columns.question, place), choice)


def _answers(
    row: Row, names: Sequence[str], *, alone: bool = False
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the answers, and what the record calls them where it does.

    A text that is no list is one answer if it may be ``alone``.
    """
    place, fields = row
    if len(names) > 1:
        given = [name for name in names if fields.get(name) not in (None, "")]
        last = max(map(names.index, given), default=0)
        return tuple(text_field(fields, name, place) for name in names[: max(last + 1, 2)]), ()
    value = required(fields, names[0], place)
    if isinstance(value, str):
        value = literal(value) if value.strip()[:1] in ("[", "{") else value
        if isinstance(value, str) and alone:
            return (value,), ()
        if isinstance(value, str) or value is None:
            raise place.error(
                f'must be a JSON list such as ["yes", "no"], got {described(fields[names[0]])}',
                names[0],
            )
    marks: Sequence[Any] = ()
    if isinstance(value, dict) and isinstance(value.get("text"), list):
        value, marks = value["text"], value.get("label", ())
    elif isinstance(value, dict):
        value, marks = list(value.values()), list(value)
    elif isinstance(value, list) and value and all(_is_marked(entry) for entry in value):
        value, marks = [e["text"] for e in value], [e["label"] for e in value]
    if not isinstance(value, list):
        raise place.error(f"must be a list, got {described(value)}", names[0])
    for number, entry in enumerate(value, start=1):
        if not isinstance(entry, str):
            raise place.error(f"entry {number} must be a text, got {described(entry)}", names[0])
    return tuple(value), tuple(map(str, marks)) if len(marks) == len(value) else ()


def _is_marked(entry: object) -> bool:
    return isinstance(entry, dict) and {"text", "label"} <= entry.keys()


def _ids(
    drafts: Sequence[_Draft], columns: QuestionColumns
) -> tuple[list[str], QuestionColumns, list[str]]:
    """Return a name for each question, what holds names, and what is to be said about it."""
    field = columns.question_id
    if not field:
        return [f"q{draft.number + 1}" for draft in drafts], columns, []
    ids = [str(draft.row.fields[field]) for draft in drafts]
    texts: dict[str, set[str]] = {}
    for name, draft in zip(ids, drafts, strict=True):
        texts.setdefault(name, set()).add(fold(draft.passage))
    # As many names as passages, each with its own: names of questions do not do that by chance.
    passages = {text for found in texts.values() for text in found}
    one_to_one = len(texts) == len(passages) == sum(map(len, texts.values()))
    repeated = len(texts) < len(ids) and one_to_one and passages != {""}
    if field == "question_id" or columns.passage_id or not repeated:
        return ids, columns, []
    seen: Counter[str] = Counter()
    numbered = []
    for name in ids:
        seen[name] += 1
        numbered.append(f"{name}-{seen[name]}")
    said = [f"{field!r} names passages, since several questions on one passage share it"]
    return numbered, replace(columns, passage_id=field, question_id=""), said


def _questions(
    path: str,
    drafts: Sequence[_Draft],
    ids: Sequence[str],
    columns: QuestionColumns,
    problems: list[tuple[int, str]],
) -> tuple[Question, ...]:
    try:
        kind, columns = _label_kind(drafts, columns)
    except InputError as error:
        problems.append((-1, f"{path}: {error}"))
        return ()
    known = columns.fields() | {*_KEPT}

    def question(draft: _Draft, name: str, collector: QuestionCollector) -> Question:
        return _question(draft, name, columns, kind, known, collector)

    return _each(path, drafts, ids, problems, question)


def _label_kind(drafts: Sequence[_Draft], columns: QuestionColumns) -> tuple[str, QuestionColumns]:
    """Decide what the labels of a file are, and which fields of them say something."""
    if not columns.answers:
        return ("text" if columns.wrong else "index"), columns
    own = columns.label[0] == "label" and columns.answers[0] in ("answers", "answer_1")
    values = {name: [draft.row.fields.get(name) for draft in drafts] for name in columns.label}
    kind, used = decide_kind(
        [draft.choice for draft in drafts], values, own=own, label_is=columns.label_is
    )
    return kind, replace(columns, label=used)


def _question(
    draft: _Draft,
    name: str,
    columns: QuestionColumns,
    kind: str,
    known: Collection[str],
    collector: QuestionCollector,
) -> Question:
    place, fields = draft.row
    try:
        # Too few answers are worse than a label that fits none of them, and found below.
        label = read_label(draft.choice, kind) if len(draft.choice.answers) > 1 else 0
    except ValueError as error:
        raise place.error(str(error), columns.label[0]) from None
    metadata = fields.get("metadata") or {}
    if isinstance(metadata, str):  # a cell of a table
        metadata = {"metadata": metadata}
    if not isinstance(metadata, dict):
        raise place.error(f"must be an object, got {described(metadata)}", "metadata")
    extra = {key: value for key, value in fields.items() if key not in known}
    passage = collector.share(draft.passage)
    question = Question(
        question_id=name,
        passage_id=_passage_id(draft, name, columns),
        passage=passage,
        question=draft.question,
        answers=tuple(draft.choice.answers),
        label=label,
        source=text_field(fields, "source", place)
        if fields.get("source")
        else Path(place.path).name,
        metadata=metadata | extra,
    )
    collector.add(question)
    return question


def _passage_id(draft: _Draft, question_id: str, columns: QuestionColumns) -> str:
    """Name a passage, by its text if need be; without one, every question stands for itself."""
    given = draft.row.fields.get(columns.passage_id)
    if given not in (None, ""):
        return str(given)
    if not draft.passage:
        return f"question-{question_id}"
    digest = hashlib.sha256(draft.passage.encode(errors="replace")).hexdigest()
    return f"passage-{digest[:12]}"
