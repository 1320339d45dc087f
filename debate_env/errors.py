"""The errors a user can cause, and the one sentence that explains each of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the user gave is wrong; the message is one complete line for the user.

    Command-line programs print the message without a traceback and exit with status 2.
    """


class FieldError(InputError):
    """A field of settings has a value that is not allowed; ``allowed`` says what is, in words."""

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field}={value!r}: {allowed}")
        self.field = field
        self.allowed = allowed


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Describe what is allowed in place of an unknown ``name``, the nearest match first.

    Returns:
        ``"did you mean 'x'? allowed: x, y, z"``, without the question where nothing is near.
    """
    names = sorted(allowed)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    listing = "allowed: " + (", ".join(names) if names else "nothing")
    return f"did you mean '{close[0]}'? {listing}" if close else listing


def brief(value: object, limit: int = 60) -> str:
    """A value as one short line for an error message."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
