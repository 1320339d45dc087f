"""Options in the specification of a source or a model, e.g. ``passages=200,seed=1``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from debate_env.errors import InputError, nearest

T = TypeVar("T")
Converter = Callable[[str], Any]


def parse_options(
    text: str, allowed: Mapping[str, Converter], *, owner: str, separator: str = ","
) -> dict[str, Any]:
    """Parse ``name=value`` pairs.

    Args:
        text: The pairs; empty means none.
        allowed: For each option, what turns its text into a value; raises ``ValueError`` with
            what is allowed, e.g. ``ValueError("an integer of 1 or more")``.
        owner: Whose options they are, for messages, e.g. ``"source 'synthetic'"``.
        separator: What stands between pairs.

    Raises:
        InputError: An option is unknown, given twice, without a value, or of a wrong value.
    """
    found: dict[str, Any] = {}
    for pair in text.split(separator) if text.strip() else []:
        name, equals, value = (part.strip() for part in pair.partition("="))
        if name not in allowed:
            raise InputError(f"{owner}: unknown option {name!r}; {nearest(name, allowed)}")
        if not equals or not value:
            raise InputError(f"{owner}: option '{name}' needs a value, as in {name}=...")
        if name in found:
            raise InputError(f"{owner}: option '{name}' is given twice")
        try:
            found[name] = allowed[name](value)
        except InputError:
            raise
        except ValueError as error:
            raise InputError(f"{owner}: option '{name}' must be {error}, got {value!r}") from None
    return found


def whole(low: int) -> Converter:
    """A converter to an integer of ``low`` or more."""
    return _checked(int, lambda value: value >= low, f"an integer of {low} or more")


def number(low: float, high: float) -> Converter:
    """A converter to a number from ``low`` to ``high``."""
    return _checked(float, lambda value: low <= value <= high, f"a number from {low:g} to {high:g}")


def _checked(read: Callable[[str], T], fine: Callable[[T], bool], wanted: str) -> Converter:
    def convert(text: str) -> T:
        with suppress(ValueError):
            value = read(text)
            if fine(value):
                return value
        raise ValueError(wanted)

    return convert


def choice(*names: str) -> Converter:
    """A converter that accepts these names alone."""

    def convert(text: str) -> str:
        if text not in names:
            raise ValueError(f"one of {', '.join(names)} ({nearest(text, names)})")
        return text

    return convert
