"""The prompt that asks which way of arguing some speeches show, and its reader.

Like all prompts of :mod:`debateqd.agents.prompts.debate`: speeches are
untrusted text, and cannot open or close a section.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from debate_env.errors import InputError
from debateqd.agents.models.base import Message
from debateqd.agents.prompts.debate import LABELLER_RULES, LETTERS, neutralise
from debateqd.agents.prompts.readers import section

_SYSTEM = Message("system", LABELLER_RULES)
_WAY = re.compile(r"^([A-Z]): (\S+) - ", re.MULTILINE)
_SPEECH = re.compile(r"<speech>\n(.*?)\n</speech>", re.DOTALL)


def label_messages(speeches: Sequence[str], ways: Sequence[tuple[str, str]]) -> tuple[Message, ...]:
    """Messages that ask which way of arguing speeches show, by its letter.

    Ways are names (without white space) and descriptions; the first is shown as A.

    Raises:
        InputError: Fewer than two ways, or more than there are letters.
    """
    if not 2 <= len(ways) <= len(LETTERS):
        raise InputError(f"{len(ways)} ways of arguing: must be 2 to {len(LETTERS)}")
    blocks = "".join(f"<speech>\n{neutralise(speech)}\n</speech>\n" for speech in speeches)
    listed = "".join(
        f"{letter}: {name} - {description}\n"
        for letter, (name, description) in zip(LETTERS, ways, strict=False)
    )
    letters = LETTERS[: len(ways)]
    user = (
        f"<transcript>\n{blocks}</transcript>\n"
        f"<instruction>\nWays of arguing:\n{listed}"
        "Which of them do the speeches mostly show? Reply with its letter and nothing else: "
        f"{', '.join(letters[:-1])} or {letters[-1]}.\n</instruction>"
    )
    return (_SYSTEM, Message("user", user))


def listed_ways(user: str) -> list[str]:
    """Read the names of the ways of arguing that a prompt lists, in its order."""
    return [name for _, name in _WAY.findall(section(user, "instruction") or "")]


def shown_speeches(user: str) -> list[str]:
    """Read the speeches of such a prompt, in its order."""
    return _SPEECH.findall(section(user, "transcript") or "")
