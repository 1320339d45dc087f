"""The prompt of static few-shot generation, and its reader: write a strategy from examples alone.

The writer sees a family and a few examples, and nothing of how anybody fared: what it writes
depends on no debate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from debateqd.agents.models.base import Message
from debateqd.agents.prompts.debate import WRITER_RULES, neutralise

_SYSTEM = Message("system", WRITER_RULES)
_EXAMPLE = re.compile(r"<strategy>\n(.*?)\n</strategy>", re.DOTALL)


def writing_messages(
    family: str, examples: Sequence[str], max_words: int = 200
) -> tuple[Message, ...]:
    """Messages that ask for a new strategy of a family."""
    shown = "".join(f"<strategy>\n{neutralise(text)}\n</strategy>\n" for text in examples)
    user = (
        f"<family>\n{neutralise(family)}\n</family>\n{shown}"
        "<instruction>\nAbove are strategies of one family. Write another strategy of that family, "
        "different in substance from each of them. "
        f"Use at most {max_words} words. Reply with the new strategy between <strategy> and "
        "</strategy>.\n</instruction>"
    )
    return (_SYSTEM, Message("user", user))


def examples_shown(user: str) -> list[str]:
    """Read the examples of a writer's prompt, in the order shown."""
    return [str(text) for text in _EXAMPLE.findall(user)]
