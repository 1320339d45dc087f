"""The words of the embedded model, from the data files beside this one.

``[a|b]`` in a sentence stands for either; every bank is expanded once into all its sentences.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_CHOICE = re.compile(r"\[([^\[\]]*)\]")


def load(name: str) -> Mapping[str, Any]:
    """Read a data file: ``debater``, ``mutator``, ``retrieval`` or ``style``."""
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))


def expand(template: str) -> tuple[str, ...]:
    """Return every sentence that a template stands for."""
    found = _CHOICE.search(template)
    if found is None:
        return (template,)
    head, tail = template[: found.start()], template[found.end() :]
    return tuple(
        sentence for part in found.group(1).split("|") for sentence in expand(head + part + tail)
    )


def bank(templates: Iterable[str]) -> tuple[str, ...]:
    """Return every sentence that the templates stand for, in order."""
    return tuple(sentence for template in templates for sentence in expand(template))


def banks(templates: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Expand banks by name."""
    return {name: bank(lines) for name, lines in templates.items()}
