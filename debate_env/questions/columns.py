"""Which fields of a file hold what: known by their names, or as the user says.

``passage=article,answers=option_a+option_b,label=key`` names fields of the file. What is not named
is found by names that data sets use, whatever their case, spaces and underscores.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal, get_args

from debate_env.errors import InputError, nearest

LabelKind = Literal["index", "number", "letter", "text"]
"""What says which answer is right: counted from 0, from 1, a letter, or the answer itself."""

_NAMES: Mapping[str, str] = {
    "question_id": "questionid id exampleid qid idstring questionuniqueid uid guid idx",
    "passage_id": "passageid articleid documentid docid contextid storyid",
    "passage": "passage article context text story document paragraph background support",
    "question": "question query questiontext stem",
    "answers": (
        "answers options choices endings candidates alternatives answerchoices answeroptions "
        "choice option"
    ),
    "wrong": (
        "wronganswers incorrectanswers distractors wronganswer incorrectanswer distractor wrong "
        "incorrect"
    ),
    "label": (
        "label answer correct correctanswer rightanswer bestanswer correctoption correctchoice "
        "gold goldlabel goldanswer answerkey answeridx answerindex answerletter target solution"
    ),
}
_ITEM = re.compile(
    r"(answer|option|choice|ending|candidate|alternative|opt|ans|(?=[a-j]$))(\d\d?|[a-j])"
)
_WRONG_ITEM = re.compile(r"(wronganswer|incorrectanswer|wrong|incorrect|distractor)(\d\d?|[a-j])")
_SAY = "say which with --columns"
_SEVERAL = ("answers", "wrong", "label")
"""Roles that several fields may have together."""

OURS = ("question_id", "passage", "question", "label")
"""Where all of these and the answers are there, other fields are metadata whatever their names."""


@dataclass(frozen=True, slots=True)
class QuestionColumns:
    """Names of the fields that hold what a question needs; empty where none does.

    Attributes:
        question: The question.
        label: Which answer is right; several that must agree.
        answers: One field with all answers, or one for each.
        wrong: The answers but the right one, in one field or one for each.
        passage: The passage.
        question_id: Names the question.
        passage_id: Names the passage.
        label_is: A :data:`LabelKind`; empty: found out from the content.
    """

    question: str
    label: tuple[str, ...]
    answers: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    passage: str = ""
    question_id: str = ""
    passage_id: str = ""
    label_is: str = ""

    def used(self) -> dict[str, tuple[str, ...]]:
        """What is known: its name, and the fields that hold it."""
        found = {}
        for role in ROLES:
            value = getattr(self, role)
            if value:
                found[role] = (value,) if isinstance(value, str) else tuple(value)
        return found

    def fields(self) -> frozenset[str]:
        """Every field of the file that holds something known."""
        found = (names for role, names in self.used().items() if role != "label_is")
        return frozenset(name for names in found for name in names)

    def described(self) -> str:
        """Say what was taken for what where the names differ, as a user can give it back."""
        return ", ".join(
            f"{role}={'+'.join(names)}"
            for role, names in self.used().items()
            if names != (role,) and names[0] != "answer_1"
        )


ROLES = tuple(field.name for field in fields(QuestionColumns))
Given = Mapping[str, str | Sequence[str]]
"""Role to the name of a field, or to several names."""


def parse_columns(text: str) -> dict[str, str]:
    """Read ``passage=article,answers=a+b``.

    Raises:
        InputError: A pair has no name or value, or is given twice.
    """
    found: dict[str, str] = {}
    for pair in text.split(","):
        role, equals, name = (part.strip() for part in pair.partition("="))
        if not equals or not name or role in found:
            raise InputError(
                f"columns {pair.strip()!r}: write each once, as in passage=article,label=answer"
            )
        found[role] = name
    return found


def find_columns(names: Sequence[str], given: Given) -> tuple[QuestionColumns | None, list[str]]:
    """Find what holds what.

    Args:
        names: Every field that any record has.
        given: What the user says.

    Returns:
        The columns, and what is missing or can be read in several ways, a line each. Answers to
        choose from may be missing: then a label holds the right answer itself, or true and false.
    """
    problems: list[str] = []
    roles = {role: _given(role, value, names, problems) for role, value in given.items()}
    named = [name for role, found in roles.items() if role != "label_is" for name in found]
    taken = {*named}
    problems += [f"--columns: {n!r} is given two roles" for n in taken if named.count(n) > 1]
    free = [name for name in names if name not in taken]
    ours = {*OURS} <= {*names} and ("answers" in names or "answer_1" in names)
    for role in _NAMES:
        if role not in roles:
            other = {"answers": "wrong", "wrong": "answers"}.get(role)
            roles[role] = () if other in given else _known(role, free, problems, ours=ours)
    answers, wrong = roles["answers"], roles["wrong"]
    if answers and wrong:
        problems.append(f"both {answers[0]!r} and {wrong[0]!r} hold answers; {_SAY} answers=NAME")
    if wrong and len(roles["label"]) > 1:
        several = " or ".join(map(repr, roles["label"]))
        problems.append(f"the right answer may stand in {several}; {_SAY} label=NAME")
    for role in ("question", "label"):
        if not roles[role]:
            problems.append(_missing(role, names))
    if problems:
        return None, problems
    one = {role: (*roles[role], "")[0] for role in ("question", "passage", "question_id")}
    passage_id = (*roles["passage_id"], "")[0]
    kind = (*roles.get("label_is", ()), "")[0]
    found = QuestionColumns(
        label=roles["label"],
        answers=answers,
        wrong=wrong,
        passage_id=passage_id,
        label_is=kind,
        **one,
    )
    return found, []


def _given(
    role: str, value: str | Sequence[str], names: Sequence[str], problems: list[str]
) -> tuple[str, ...]:
    wanted = tuple(value.split("+")) if isinstance(value, str) else tuple(value)
    if isinstance(value, str) and value in names:
        wanted = (value,)
    if role in ROLES and len(wanted) > 1 and (role not in _SEVERAL or len({*wanted}) < len(wanted)):
        problems.append(f"--columns {role}={'+'.join(wanted)}: must name one field, once")
    if role not in ROLES:
        problems.append(f"--columns {role}=...: {nearest(role, ROLES)}")
    elif role == "label_is":
        if wanted[0] not in get_args(LabelKind):
            allowed = nearest(wanted[0], get_args(LabelKind))
            problems.append(f"--columns label_is={wanted[0]}: {allowed}")
    else:
        problems += [
            f"--columns {role}={name}: there is no such field; {nearest(name, names)}"
            for name in wanted
            if name not in names
        ]
    return wanted


def _known(role: str, names: Sequence[str], problems: list[str], *, ours: bool) -> tuple[str, ...]:
    """Find fields by the names that data sets use."""
    found = [name for wanted in _NAMES[role].split() for name in names if _key(name) == wanted]
    if role in found and (ours or role.endswith("_id")):
        found = [role]
    items = {"answers": _ITEM, "wrong": _WRONG_ITEM}.get(role)
    if role == "wrong" and ours:
        return ()
    numbered = _numbered(items, names, problems) if items else ()
    if ours and (numbered[:1] == ("answer_1",) or found):
        return numbered if numbered[:1] == ("answer_1",) else tuple(found)
    if found and numbered:
        problems.append(
            f"field {found[0]!r}: stands beside {numbered[0]!r}; {_SAY} answers={found[0]}"
        )
    if len(found) > 1 and role in ("passage", "question", "answers"):
        several = " and ".join(map(repr, found))
        problems.append(f"{several} could be the {role}; {_SAY} {role}={found[0]}")
    return numbered or tuple(found if role == "label" else found[:1])


def _numbered(
    pattern: re.Pattern[str], names: Sequence[str], problems: list[str]
) -> tuple[str, ...]:
    """Find fields such as ``answer_1``, ``Option A`` or ``ending0``, in their order."""
    groups: dict[tuple[str, bool], dict[int, str]] = {}
    for name in names:
        match = pattern.fullmatch(_key(name))
        if match:
            digits = match[2].isdigit()
            place = int(match[2]) if digits else ord(match[2]) - ord("a")
            groups.setdefault((match[1], digits), {}).setdefault(place, name)
    valid = []
    for (_, digits), group in groups.items():
        places = sorted(group)
        if places[0] > digits or (len(places) == 1 and pattern is _ITEM):
            continue
        found = tuple(group[place] for place in places)
        if places != list(range(places[0], places[0] + len(places))):
            problems.append(f"fields {', '.join(found)}: must follow each other without a gap")
        valid.append(found)
    if len(valid) > 1:
        groups_found = " or ".join("+".join(found) for found in valid)
        problems.append(f"the answers may stand in {groups_found}; {_SAY} answers=NAME+NAME")
    return valid[0] if valid else ()


def _missing(role: str, names: Iterable[str]) -> str:
    said = "of the right answer" if role == "label" else f"of the {role}"
    return f"no field by a known name {said}; {_SAY} {role}=NAME (fields: {', '.join(names)})"


def has_passage(names: Iterable[str]) -> bool:
    """Whether any of these fields holds a passage, by its name."""
    return any(_key(name) in _NAMES["passage"].split() for name in names)


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())
