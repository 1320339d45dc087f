"""Reads prompts back, for models that are programs rather than language models.

The inverse of :mod:`debateqd.agents.prompts.debate`: every function takes the text of a message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from debateqd.agents.models.base import Message
from debateqd.agents.prompts.debate import (
    CREDENCE_REQUESTS,
    DEBATER_RULES,
    JUDGE_RULES,
    LABELLER_RULES,
    MUTATOR_RULES,
    OTHER_DEBATES,
    READER_RULES,
    WRITER_RULES,
    Task,
)

_TASKS: tuple[tuple[str | tuple[str, ...], Task], ...] = (
    (DEBATER_RULES, "debate"),
    (OTHER_DEBATES, "debate"),
    (JUDGE_RULES, "judge"),
    (READER_RULES, "read"),
    (MUTATOR_RULES, "mutate"),
    (WRITER_RULES, "write"),
    (LABELLER_RULES, "label"),
)
_SPEECH = re.compile(r"<speech round=(\d+) speaker=(\w+)>\n(.*?)\n</speech>", re.DOTALL)


class SpokenBlock(NamedTuple):
    """A speech as a prompt shows it."""

    round: int
    speaker: str
    text: str


def task_of(messages: Sequence[Message]) -> Task | None:
    """Tell what a prompt of this package asks for; ``None`` for any other prompt."""
    if len(messages) != 2 or messages[0].role != "system":
        return None
    head = messages[0].content
    return next((task for rules, task in _TASKS if head.startswith(rules)), None)


def section(text: str, name: str) -> str | None:
    """Read the first section called ``name``; ``None`` when there is none."""
    start = text.find(f"<{name}>\n")
    if start < 0:
        return None
    start += len(name) + 3
    # The closing tag stands on a line of its own, right after the content's last line break (an
    # empty transcript has no content and so no extra line break).
    end = text.find(f"\n</{name}>", start - 1)
    return None if end < 0 else text[start : max(start, end)]


def asks_credence(user: str) -> bool:
    """Tell whether a judge's or reader's prompt asks how likely each answer is."""
    return (section(user, "instruction") or "").startswith(CREDENCE_REQUESTS)


def listed_answers(text: str) -> list[str]:
    """Read the lettered answers of a judge's or reader's prompt, in the order shown."""
    block = section(text, "answers") or ""
    found = re.findall(r"<answer>\n\w: (.*?)\n</answer>", block, re.DOTALL)
    return [str(answer) for answer in found]


def contested_answers(text: str) -> list[tuple[str, str]]:
    """Read the answers of a debater's prompt, each after the names of its debaters, as X+Y."""
    block = section(text, "answers") or ""
    found = re.findall(r"<answer(?: speaker=([\w+]+))?>\n(.*?)\n</answer>", block, re.DOTALL)
    return [(str(side), str(answer)) for side, answer in found]


def side_of(text: str) -> str | None:
    """Read what the debater who is asked is called in its prompt."""
    found = re.match(r"You are debater (\w+)\.", section(text, "side") or "")
    return found.group(1) if found else None


def speeches(text: str) -> list[SpokenBlock]:
    """Read the speeches of a prompt's transcript, in the order shown."""
    return spoken_blocks(section(text, "transcript") or "")


def spoken_blocks(transcript: str) -> list[SpokenBlock]:
    """Read the speeches of a transcript, in the order shown."""
    return [SpokenBlock(int(r), who, body) for r, who, body in _SPEECH.findall(transcript)]
