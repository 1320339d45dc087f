"""The invented places of the synthetic passages: names, people, and sentences that say nothing."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debate_env.draws import Draws

WORDS: Mapping[str, Any] = tomllib.loads(
    Path(__file__).with_name("synthetic_words.toml").read_text(encoding="utf-8")
)
"""Every word and template of the synthetic passages; the file says what they are."""

BANKS: Mapping[str, tuple[str, ...]] = {
    name: tuple(words.split("|")) for name, words in WORDS["banks"].items()
}
_NAMES: Mapping[str, tuple[str, ...]] = {
    name: tuple(parts.split()) for name, parts in WORDS["names"].items()
}
_SLOT = re.compile(r"\{(\w+?)(2?)\}")


def invented_name(draws: Draws) -> str:
    """Return a first name and a surname that hardly occur twice."""
    return f"{_first(draws)} {surname(draws)}"


def _first(draws: Draws) -> str:
    middle = draws.pick(_NAMES["middles"]) if draws.uniform() < 0.5 else ""
    return draws.pick(_NAMES["heads"]) + middle + draws.pick(_NAMES["tails"])


def surname(draws: Draws) -> str:
    """Return an invented surname or place name."""
    return draws.pick(_NAMES["surname_heads"]) + draws.pick(_NAMES["surname_tails"])


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a passage takes place.

    Attributes:
        far: Names of places elsewhere.
        people: Names of people who are never an answer.
    """

    town: str
    far: tuple[str, ...]
    people: tuple[str, ...]

    @classmethod
    def draw(cls, draws: Draws) -> Scene:
        """Invent a place; no two of its names are alike."""
        names: list[str] = []
        # Town, three other places, six people. A template may ask for a name that differs from
        # those before it, which must exist.
        for invent in (surname,) * 4 + (invented_name,) * 6:
            name = invent(draws)
            while name in names:
                name = invent(draws)
            names.append(name)
        return cls(names[0], tuple(names[1:4]), tuple(names[4:]))

    def opening(self, draws: Draws) -> str:
        """Return a first sentence."""
        return self.fill(draws.pick(WORDS["openings"]), draws)

    def fill(self, template: str, draws: Draws) -> str:
        """Fill the slots of a template; a slot and its double (``{p}``, ``{p2}``) differ."""
        chosen: dict[str, str] = {}

        def value(match: re.Match[str]) -> str:
            name = match.group(0)
            if name not in chosen:
                text = self._draw(match.group(1), draws)
                while text in chosen.values():
                    text = self._draw(match.group(1), draws)
                chosen[name] = text
            return chosen[name]

        # Twice, because a drawn phrase may hold a slot of its own.
        filled = _SLOT.sub(value, _SLOT.sub(value, template))
        return filled[:1].upper() + filled[1:]

    def _draw(self, name: str, draws: Draws) -> str:
        if name == "town":
            return self.town
        if name == "far":
            return draws.pick(self.far)
        if name == "p":
            return draws.pick(self.people)
        return draws.pick(BANKS[name])


def filler(draws: Draws, scene: Scene) -> str:
    """Return a sentence that bears on no question."""
    return scene.fill(draws.pick(WORDS["fillers"]), draws)
