"""Which answer is right, as files say it: an index, a number, a letter, or the answer's text.

What a field means is decided by all of its values together, never by one alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from debate_env.errors import InputError, brief
from debate_env.questions.question import fold


class Labelled(NamedTuple):
    """What a record says about its right answer.

    Attributes:
        value: What the field of the label holds.
        answers: The answers to choose from.
        marks: What the record itself calls them, such as ``("A", "B")``; may be empty.
    """

    value: object
    answers: Sequence[str]
    marks: Sequence[str] = ()


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,9}\s*", value):
        return int(value)
    return value if isinstance(value, int) else None


def _index(row: Labelled) -> int | None:
    return _whole(row.value)


def _number(row: Labelled) -> int | None:
    value = _whole(row.value)
    return None if value is None else value - 1


def _letter(row: Labelled) -> int | None:
    said = str(row.value).strip().strip("().[]").casefold()
    if row.marks:
        marks = [mark.strip().casefold() for mark in row.marks]
        return marks.index(said) if said in marks else None
    return ord(said) - ord("a") if re.fullmatch("[a-z]", said) else None


def _text(row: Labelled) -> int | None:
    if isinstance(row.value, bool) or not isinstance(row.value, str | int | float):
        return None
    answers = [fold(answer) for answer in row.answers]
    said = fold(str(row.value))
    return answers.index(said) if said in answers else None


READERS: Mapping[str, Callable[[Labelled], int | None]] = {
    "index": _index,
    "letter": _letter,
    "text": _text,
    "number": _number,
}
"""Kind of label to what reads the place of the right answer, from 0."""


def label_kinds(rows: Sequence[Labelled], *, own: bool = False) -> dict[str, list[int | None]]:
    """Find out what a field of labels holds, from all records together.

    Args:
        rows: All records.
        own: Whether the field has this project's name for it, which counts from 0 if it counts.

    Returns:
        Kind to the place of each right answer, from 0. Several kinds where all records can be read
        in each of them, with different results; where none reads all, the one that reads most.
    """
    if any(row.marks for row in rows):
        kinds = ["letter", "text"]
    else:
        kinds = [kind for kind in READERS if not (own and kind == "number")]
    readings = {kind: places_of(rows, kind) for kind in kinds}
    full = [kind for kind, found in readings.items() if None not in found]
    if own and "index" in full:
        full = ["index"]
    if not full:
        full = [max(readings, key=lambda kind: len(rows) - readings[kind].count(None))]
    found: dict[str, list[int | None]] = {}
    for kind in full:
        if readings[kind] not in found.values():
            found[kind] = readings[kind]
    return found


def decide_kind(
    choices: Sequence[Labelled],
    values: Mapping[str, Sequence[object]],
    *,
    own: bool,
    label_is: str = "",
) -> tuple[str, tuple[str, ...]]:
    """Decide what the labels of a file are.

    Args:
        choices: All records, with what the first field of labels holds.
        values: What every field of labels holds, the first one first. Those that can be read must
            agree with it.
        own: As for :func:`label_kinds`.
        label_is: The kind, if the user has said it.

    Returns:
        The kind, and the fields that say something.

    Raises:
        InputError: Two fields name different answers, or several kinds fit.
    """
    first, *others = values
    kinds = label_kinds(choices, own=own)
    if label_is:
        kinds = {label_is: places_of(choices, label_is)}
    used = [first]
    for other in others:
        said = [c._replace(value=v) for c, v in zip(choices, values[other], strict=True)]
        readings = [places_of(said, kind) for kind in READERS]
        readable = [found for found in readings if _reads_all(found, values[other])]
        if not readable:
            continue
        kinds = {k: one for k, one in kinds.items() if any(_agree(one, two) for two in readable)}
        if not kinds:
            raise InputError(
                f"{first!r} and {other!r} name different answers; say which with --columns "
                f"label={first}"
            )
        used.append(other)
    if len(kinds) > 1:
        ways = " or ".join(f"label_is={kind}" for kind in kinds)
        counted = " (index counts from 0, number from 1)" if "number" in kinds else ""
        raise InputError(
            f"{first!r} can be read in several ways{counted}, and no record decides; say "
            f"--columns {ways}"
        )
    return next(iter(kinds)), tuple(used)


def _reads_all(places: Sequence[int | None], values: Sequence[object]) -> bool:
    """Whether every value but blank ones is read, and there is one."""
    read = [place for place, value in zip(places, values, strict=True) if value not in (None, "")]
    return bool(read) and None not in read


def _agree(one: Sequence[int | None], two: Sequence[int | None]) -> bool:
    return all(a == b or a is None or b is None for a, b in zip(one, two, strict=True))


def places_of(rows: Sequence[Labelled], kind: str) -> list[int | None]:
    """Read all labels in one way; ``None`` where that is no label of the record."""
    return [_place(row, kind) for row in rows]


def _place(row: Labelled, kind: str) -> int | None:
    place = READERS[kind](row)
    return place if place is not None and 0 <= place < len(row.answers) else None


def read_label(row: Labelled, kind: str) -> int:
    """Return the place of the right answer, from 0.

    Raises:
        ValueError: The value is no such label; says what is allowed.
    """
    place, count = _place(row, kind), len(row.answers)
    if place is not None:
        return place
    wanted = {
        "index": (
            f"0 to {count - 1} (0 is the first of {count} answers), or all labels letters or texts"
        ),
        "number": f"1 to {count} (1 is the first of {count} answers)",
        "letter": f"the letter of one of {count} answers",
        "text": f"the text of one of the {count} answers",
    }[kind]
    from_one = kind == "index" and _index(row) == count
    hint = "; if it counts from 1, say --columns label_is=number" if from_one else ""
    raise ValueError(f"must be {wanted}, got {brief(row.value)}{hint}")
