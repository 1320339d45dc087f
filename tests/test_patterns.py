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
SUSPECT, SLOW = 0.004, 0.03  # seconds for a text of SIZE, and for one FACTOR times as long


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
    best = float("inf")
    for _ in range(times):
        begun = time.perf_counter()
        search(text)
        best = min(best, time.perf_counter() - begun)
    return best


def text_of(pattern: re.Pattern[Any], start: str, unit: str, end: str, size: int) -> str | bytes:
    text = start + unit * (size // len(unit)) + end
    return text if isinstance(pattern.pattern, str) else text.encode()


def slow_text(pattern: re.Pattern[Any], *, anchored: bool = False) -> str | None:
    """Find a text that takes more than in proportion to its length."""

    def all_of(text: Any) -> int:
        return sum(1 for _ in pattern.finditer(text))

    for start, unit, end in product(STARTS, UNITS, ENDS):
        short = text_of(pattern, start, unit, end, SIZE)
        for search in (pattern.fullmatch, pattern.match if anchored else all_of):
            if seconds(search, short, 1) > SUSPECT:
                long = text_of(pattern, start, unit, end, FACTOR * SIZE)
                taken = seconds(search, long)
                if taken > SLOW and taken > 2 * FACTOR * seconds(search, short):
                    return f"{start!r} + {unit!r} * n + {end!r}"
    return None


def test_no_text_takes_more_than_in_proportion_to_its_length() -> None:
    found = patterns()
    assert len(found) > 50
    assert found.keys() >= TRUSTED | ANCHORED
    slow = {
        name: slow_text(pattern, anchored=name in ANCHORED)
        for name, pattern in found.items()
        if name not in TRUSTED
    }
    assert not {name: text for name, text in slow.items() if text}


def test_a_pattern_that_tries_everything_is_noticed() -> None:
    assert slow_text(re.compile(r"<\s*/?\s*quote"))
