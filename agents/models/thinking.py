"""The thinking of a reasoning model, taken out of its text. Pure functions."""

from __future__ import annotations

from typing import NamedTuple


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
    """Take every block of thinking out of a text.

    Many chat templates open the first block themselves, so a closing tag without an opening one
    ends thinking that began with the text. A block that is never closed reaches to the end.

    Args:
        text: What the model wrote.
        tags: What opens and what closes a block. An empty opening tag means that only the template
            opens blocks; an empty closing tag means that there is no thinking.
    """
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
