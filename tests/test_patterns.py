"""Every regular expression takes time in proportion to its text, whatever that text is."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from types import ModuleType
from typing import Any

import pytest

import debate_env
import debateqd.agents
import debateqd.qd

TRUSTED = {"debate_env.core.protocols._SEAT"}  # names of seats, which a programmer gives
ANCHORED = {  # asked for at the beginning of a text alone
    "debateqd.agents.models.openai.errors._PAGE",
    "debateqd.agents.models.options._SECRET",
    "debateqd.agents.replies._LETTER",
    "debateqd.qd.tables.outcomes._SCORE",
}
UNITS = (
    *(" ", "\n", "<", "< ", "<\n", "a", "a ", "A ", "1", "1,", "1.", ".", "…", '"', "'", "-", "1-"),
    *("<quote>", "<quote", "</", "{", "[", "(", "\\", "x=", "*", "_", "a_", "a'", "http://", "%"),
    *("user:", "@", "answer ", "A: ", "**", "，", "the ", "bearer ", "exceed ", "[A", "&", "0x"),
    *("try again in 1 ", "<|", "<think>", "\u4e2d", "\u200d"),
)
STARTS = ("", "<", "a", "answer ")
ENDS = ("", "\x00")
SIZE, FACTOR = 1500, 4
QUADRATIC = re.compile(r"<\s*/?\s*quote")  # on "<" and many blanks


def modules() -> Iterator[ModuleType]:
    for package in (debate_env, debateqd.agents, debateqd.qd):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            try:
                yield importlib.import_module(found.name)
            except ModuleNotFoundError as error:  # of an extra that is not installed
                if str(error.name).startswith("debate"):
                    raise


def patterns() -> dict[str, re.Pattern[Any]]:
    found = {}
    for module in modules():
        for name, value in vars(module).items():
            several = value.values() if isinstance(value, Mapping) else [value]
            for number, pattern in enumerate(several):
                if isinstance(pattern, re.Pattern):
                    found[f"{module.__name__}.{name}{number or ''}"] = pattern
    return found


def seconds(search: Callable[[Any], object], text: str | bytes, times: int = 3) -> float:
    """Time the processor's work for this thread alone: others on the machine do not count."""
    best = float("inf")
    for _ in range(times):
        begun = time.thread_time()
        search(text)
        best = min(best, time.thread_time() - begun)
    return best


def text_of(pattern: re.Pattern[Any], start: str, unit: str, end: str, size: int) -> str | bytes:
    text = start + unit * (size // len(unit)) + end
    return text if isinstance(pattern.pattern, str) else text.encode()


def much_time() -> float:
    """Seconds on this machine, a tenth of what a quadratic pattern takes for a text of SIZE."""
    return seconds(QUADRATIC.match, "<" + " " * SIZE) / 10


def slow_text(pattern: re.Pattern[Any], much: float, *, anchored: bool = False) -> str | None:
    """Find a text that takes more than in proportion to its length."""

    def all_of(text: Any) -> int:
        return sum(1 for _ in pattern.finditer(text))

    for start, unit, end in product(STARTS, UNITS, ENDS):
        short = text_of(pattern, start, unit, end, SIZE)
        for search in (pattern.fullmatch, pattern.match if anchored else all_of):
            if seconds(search, short, 1) > much:
                long = text_of(pattern, start, unit, end, FACTOR * SIZE)
                if seconds(search, long) > 2 * FACTOR * max(much, seconds(search, short)):
                    return f"{start!r} + {unit!r} * n + {end!r}"
    return None


@pytest.mark.long
def test_no_text_takes_more_than_in_proportion_to_its_length() -> None:
    found = patterns()
    assert len(found) > 50
    assert found.keys() >= TRUSTED | ANCHORED
    much = much_time()
    slow = {
        name: slow_text(pattern, much, anchored=name in ANCHORED)
        for name, pattern in found.items()
        if name not in TRUSTED
    }
    assert not {name: text for name, text in slow.items() if text}


def test_a_pattern_that_tries_everything_is_noticed() -> None:
    assert slow_text(QUADRATIC, much_time())
