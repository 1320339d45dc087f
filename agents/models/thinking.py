"""The thinking of a reasoning model, taken out of its text. Pure functions."""

from __future__ import annotations

import re
from typing import NamedTuple

# Channels of gpt-oss (the harmony format), with their markers or, where an engine leaves special
# tokens out, without: "analysisThe user asks ...assistantfinalIt is so."
_CHANNEL = re.compile(r"<\|channel\|>|\A\s*analysis(?=[A-Z])")
_FINAL = re.compile(
    r"<\|channel\|>\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>|assistantfinal"
)
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start)\|>")


class Stripped(NamedTuple):
    """A text without its thinking.

    Attributes:
        text: What is left; untouched where nothing was removed, else without white space at its
            start and end.
        removed: Characters of thinking that were taken out, tags included.
        unfinished: Whether a block was never closed: the model ran out of tokens while it thought.
    """

    text: str
    removed: int
    unfinished: bool


def strip_thinking(text: str, tags: tuple[str, str]) -> Stripped:
    """Take every block of thinking out of a text, and of channels all but the final one.

    Many chat templates open the first block themselves, so a closing tag without an opening one
    ends thinking that began with the text. A block that is never closed reaches to the end.

    Args:
        text: What the model wrote.
        tags: What opens and what closes a block. An empty opening tag means that only the template
            opens blocks; an empty closing tag means that there is no thinking.
    """
    if _CHANNEL.search(text):
        start = answer_start(text, tags)
        if start is None:
            return Stripped("", len(text), True)
        said = strip_thinking(_CHANNEL_END.split(text[start:], maxsplit=1)[0], tags)
        return Stripped(said.text.strip(), start + said.removed, said.unfinished)
    opening, closing = tags
    if not closing or (closing not in text and (not opening or opening not in text)):
        return Stripped(text, 0, False)
    kept: list[str] = []
    position, unfinished = 0, False
    end = text.find(closing)
    start = text.find(opening) if opening else -1
    if end >= 0 and not 0 <= start < end:
        position = end + len(closing)
    while opening:
        start = text.find(opening, position)
        if start < 0:
            break
        kept.append(text[position:start])
        end = text.find(closing, start + len(opening))
        unfinished = end < 0
        position = len(text) if unfinished else end + len(closing)
    kept.append(text[position:])
    joined = "".join(kept)
    return Stripped(joined.strip(), len(text) - len(joined), unfinished)


def answer_start(text: str, tags: tuple[str, str]) -> int | None:
    """Find where a text goes on after its last thinking; ``None``: it never came to an answer."""
    if _CHANNEL.search(text):
        final = _FINAL.search(text)
        return None if final is None else final.end()
    opening, closing = tags
    end = text.rfind(closing) if closing else -1
    if end >= 0:
        return end + len(closing)
    return None if opening and text.lstrip().startswith(opening) else 0
