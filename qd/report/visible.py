r"""Untrusted text for a terminal: whatever could control it, or hide, becomes a visible escape."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from debate_env.errors import InputError

_KEPT = frozenset("\n ")


def visible(text: str) -> str:
    r"""Return a text in which every character can be seen.

    Escape sequences, control characters, directional and zero-width marks and lone surrogates are
    written as ``\x1b``, ``\u202e`` and so on; a tab becomes a space. Line breaks stay.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c in _KEPT or c.isprintable() else " " if c == "\t" else _escaped(c) for c in text
    )


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@contextmanager
def visible_errors() -> Iterator[None]:
    """Make what an error quotes from a file visible, and keep the error in one line."""
    try:
        yield
    except InputError as error:
        raise InputError(" ".join(visible(str(error)).split("\n"))) from None
