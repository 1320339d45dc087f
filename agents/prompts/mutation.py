"""Prompts of the mutation operators, and their readers.

They are built from the same sections as all other prompts (:mod:`debateqd.agents.prompts.debate`),
so that texts from outside (strategies, speeches, questions) can neither open nor close one. The
readers at the end are the inverse, for mutators that are programs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from debateqd.agents.models.base import Message
from debateqd.agents.prompts.debate import MUTATOR_RULES, WRITER_RULES, neutralise
from debateqd.agents.prompts.readers import SpokenBlock, section, spoken_blocks

Operator = Literal["rewrite", "crossover", "reflection", "target"]

_CROSS = "Two strategies follow each other above. Combine them into one new strategy"
_REFLECT = "Above are debates of this strategy, shortened, with what the judge made of them"
_AIM = "Rewrite the strategy so that debaters who follow it behave differently"
_ANSWER = (
    "Use at most {words} words. Reply with the new strategy between <strategy> and </strategy>."
)
_MOVE = "move it to the family "
_OPEN, _CLOSE = "<strategy>", "</strategy>"


class DebateShown(NamedTuple):
    """A debate as a mutator reads of it; speeches are shortened already.

    Attributes:
        won: Whether it went well: the judge sided with the strategy or, for a team that is to reach
            the truth, with the correct answer.
        credence: Credence that the judge gave to the strategy's answer (for a team: the correct
            one), from 0 to 1.
        own: The strategy's answer; for a team the correct one.
        other: The opposing answer.
        speeches: Round, speaker and text; the speaker is ``own`` or ``other`` by whose answer of
            the two was argued for.
        team: Whether the strategy (or its team) spoke for both answers.
    """

    won: bool
    credence: float
    question: str
    own: str
    other: str
    speeches: tuple[SpokenBlock, ...]
    team: bool = False


class Aim(NamedTuple):
    """A change of behaviour that is wanted on one axis.

    Attributes:
        current: What the parent shows; ``None`` when nobody knows.
        low: Lower edge of the wanted bin.
        family: Wanted family; empty on an axis of numbers.
    """

    axis: str
    current: float | None
    low: float = 0.0
    high: float = 0.0
    family: str = ""


class _Words(NamedTuple):
    """How an axis is spoken of: both directions, and the range with its unit."""

    more: str
    less: str
    amount: str
    percent: bool = False


_AXES: dict[str, _Words] = {
    "verified_quote_share": _Words(
        "quote the passage word for word more",
        "quote the passage less and use their own words",
        "{low} to {high} % of their words inside verified quotes",
        percent=True,
    ),
    "rebuttal_share": _Words(
        "take up and refute more of what the opponent said",
        "spend less on the opponent and more on their own case",
        "{low} to {high} % of their sentences about what the opponent said",
        percent=True,
    ),
    "length": _Words(
        "make longer speeches", "make shorter speeches", "{low} to {high} words a speech"
    ),
    "readability": _Words(
        "use longer sentences and less common words",
        "use shorter sentences and simpler words",
        "a reading level of {low} to {high} school years",
    ),
    "certainty": _Words(
        "speak with more certainty and hedge less",
        "claim less and hedge more",
        "sentences that assert less those that hedge {low} to {high} % of all",
        percent=True,
    ),
}


def mutation_messages(
    parent: str, family: str, record: str = "", max_words: int = 200
) -> tuple[Message, ...]:
    """Messages that ask for a rewritten strategy of the same family.

    ``record`` says how the parent fared, in a sentence, and may be empty, as in all messages below.
    """
    instruction = (
        "Rewrite the strategy so that it differs in substance and might do better: "
        "change, add or remove an instruction. Keep to its family."
    )
    return _messages(_parent(parent, family, record), instruction, max_words)


def parse_mutation(text: str) -> str | None:
    """Read what stands between the last pair of tags of a mutator's reply; ``None`` without one."""
    begin = text.rfind(_OPEN, 0, max(0, text.rfind(_CLOSE)))
    if begin < 0:
        return None
    begin += len(_OPEN)
    return " ".join(text[begin : text.find(_CLOSE, begin)].split())


def own_words(max_words: int) -> list[str]:
    """Return all that prompts for a strategy of so many words say of themselves.

    A draft that holds a piece of it has repeated its prompt.
    """
    prompts = (
        mutation_messages("", "", "", max_words),
        crossover_messages("", "", "", "", "", max_words),
        reflection_messages("", "", (), "", max_words),
        target_messages("", "", (), "", max_words),
        writing_messages("", (), max_words),
    )
    return [message.content for prompt in prompts for message in prompt]


def crossover_messages(
    first: str,
    first_family: str,
    second: str,
    second_family: str,
    record: str = "",
    max_words: int = 200,
) -> tuple[Message, ...]:
    """Messages that ask for a strategy made of two, of the family of the first."""
    shown = (
        f"{_parent(first, first_family, record)}"
        f"<family number=2>\n{neutralise(second_family)}\n</family>\n"
        f"<strategy number=2>\n{neutralise(second)}\n</strategy>\n"
    )
    instruction = (
        f"{_CROSS}: take from each what seems to make it strong, drop what does not fit, "
        "and keep to the family of the first. The result must differ in substance from both."
    )
    return _messages(shown, instruction, max_words)


def reflection_messages(
    parent: str, family: str, debates: Sequence[DebateShown], record: str = "", max_words: int = 200
) -> tuple[Message, ...]:
    """Messages that ask for a strategy that has learnt from a few debates of its parent.

    The debates must never be on passages that a measure depends on.
    """
    shown = _parent(parent, family, record) + "".join(map(_debate, debates))
    instruction = (
        f"{_REFLECT}. {_roles(debates)}Work out what won and what lost them: what "
        "was said, quoted or left unanswered. Then rewrite the strategy so that it keeps what "
        "works and mends what does not, for any question about any passage: carry nothing over "
        "from these passages, questions or answers, and no quote. Keep to its family."
    )
    return _messages(shown, instruction, max_words)


def target_messages(
    parent: str, family: str, aims: Sequence[Aim], record: str = "", max_words: int = 200
) -> tuple[Message, ...]:
    """Messages that ask for a strategy whose debaters behave otherwise in at least one way."""
    wishes = "; ".join(map(wish, aims))
    keep = "" if any(aim.family for aim in aims) else " Keep to its family."
    instruction = f"{_AIM}: {wishes}. Leave what this does not concern as strong as it is.{keep}"
    return _messages(_parent(parent, family, record), instruction, max_words)


def writing_messages(
    family: str, examples: Sequence[str], max_words: int = 200
) -> tuple[Message, ...]:
    """Messages that ask for a new strategy of a family, from examples alone.

    Whoever writes it is told nothing of how anybody fared: it depends on no debate.
    """
    shown = "".join(f"<strategy>\n{neutralise(text)}\n</strategy>\n" for text in examples)
    instruction = (
        "Above are strategies of one family. Write another strategy of that family, different in "
        "substance from each of them."
    )
    shown = f"<family>\n{neutralise(family)}\n</family>\n{shown}"
    return _messages(shown, instruction, max_words, WRITER_RULES)


def wish(aim: Aim) -> str:
    """Say in words what an aim asks for, e.g. ``"make longer speeches: 80 to 120 words"``."""
    if aim.family:
        return f"{_MOVE}{neutralise(aim.family)}"
    up = None if aim.current is None else aim.current < (aim.low + aim.high) / 2
    words = _AXES.get(aim.axis)
    if words is None:
        name = neutralise(aim.axis)
        verb = "change" if up is None else "raise" if up else "lower"
        now = "" if aim.current is None else f" (now {aim.current:.3g})"
        return f"{verb} {name} to between {aim.low:g} and {aim.high:g}{now}"
    scale = 100.0 if words.percent else 1.0
    amount = words.amount.format(low=_number(aim.low * scale), high=_number(aim.high * scale))
    now = "" if aim.current is None else f" (now {_number(aim.current * scale)})"
    # With nothing known of the parent the middle of the scale decides what a move would be.
    direction = words.more if up or up is None else words.less
    return f"{direction}: {amount}{now}"


def _number(value: float) -> str:
    return f"{round(value, 0 if abs(value) >= 10 else 1):g}"


def _messages(
    shown: str, instruction: str, max_words: int, rules: str = MUTATOR_RULES
) -> tuple[Message, ...]:
    answer = _ANSWER.format(words=max_words)
    user = f"{shown}<instruction>\n{instruction} {answer}\n</instruction>"
    return (Message("system", rules), Message("user", user))


def _parent(text: str, family: str, record: str) -> str:
    return (
        f"<family>\n{neutralise(family)}\n</family>\n"
        f"<strategy>\n{neutralise(text)}\n</strategy>\n"
        f"<record>\n{neutralise(record)}\n</record>\n"
    )


def _roles(debates: Sequence[DebateShown]) -> str:
    if any(debate.team for debate in debates):
        return (
            "The strategy's team argued for both answers; 'own' is the speaker for the correct "
            "one. It succeeds when the judge finds the correct answer. "
        )
    return "'own' is the speaker who followed the strategy. "


def _debate(debate: DebateShown) -> str:
    spoken = "".join(
        f"<speech round={n} speaker={who}>\n{neutralise(text)}\n</speech>\n"
        for n, who, text in debate.speeches
    )
    result = "won" if debate.won else "lost"
    return (
        f"<transcript result={result} credence={debate.credence:.2f}>\n"
        f"<question>\n{neutralise(debate.question)}\n</question>\n"
        f"<answer speaker=own>\n{neutralise(debate.own)}\n</answer>\n"
        f"<answer speaker=other>\n{neutralise(debate.other)}\n</answer>\n"
        f"{spoken}</transcript>\n"
    )


# --- readers: the inverse, for mutators that are programs -----------------------------------------


class DebateExcerpt(NamedTuple):
    """A debate as a mutator's prompt shows it."""

    won: bool
    credence: float
    speeches: tuple[SpokenBlock, ...]


_SECOND = re.compile(r"<strategy number=2>\n(.*?)\n</strategy>", re.DOTALL)
_EXAMPLE = re.compile(r"<strategy>\n(.*?)\n</strategy>", re.DOTALL)
_DEBATE = re.compile(
    r"<transcript result=(won|lost) credence=(\d\.\d\d)>\n(.*?)</transcript>", re.DOTALL
)


def operator_of(user: str) -> Operator:
    """Tell which operator a mutator's user message belongs to; any unknown one is a rewrite."""
    instruction = section(user, "instruction") or ""
    starts: dict[str, Operator] = {_CROSS: "crossover", _REFLECT: "reflection", _AIM: "target"}
    found = (operator for start, operator in starts.items() if instruction.startswith(start))
    return next(found, "rewrite")


def second_strategy(user: str) -> str | None:
    """Read the second strategy of a crossover; ``None`` when there is none."""
    found = _SECOND.search(user)
    return found.group(1) if found else None


def examples_shown(user: str) -> list[str]:
    """Read the examples of a writer's prompt, in the order shown."""
    return _EXAMPLE.findall(user)


def debates_shown(user: str) -> list[DebateExcerpt]:
    """Read the debates of a reflection."""
    return [
        DebateExcerpt(result == "won", float(credence), tuple(spoken_blocks(body)))
        for result, credence, body in _DEBATE.findall(user)
    ]


def wishes_of(user: str) -> tuple[list[tuple[str, bool]], str]:
    """Read what a target mutation wants.

    Returns:
        Axes of the built-in descriptors, each with whether more of it is wanted; and the family to
        move to, empty when it stays.
    """
    wanted, family = [], ""
    instruction = section(user, "instruction") or ""
    for part in instruction.removeprefix(f"{_AIM}: ").split(". ")[0].split("; "):
        if part.startswith(_MOVE):
            family = part.removeprefix(_MOVE)
        wanted += [
            (axis, part.startswith(words.more))
            for axis, words in _AXES.items()
            if part.startswith((words.more + ":", words.less + ":"))
        ]
    return wanted, family
