"""The embedded model as writer of strategies from examples; it knows nothing about the judge.

Like the mutator it sees nothing but the prompt and has no access to a world: neither this module
nor anything it imports takes one. It puts sentences of the examples beside instructions from the
bank of the mutator, in about the length of an example.
"""

from __future__ import annotations

import re

from debate_env.draws import Draws
from debateqd.agents import prompts
from debateqd.agents.models.embedded.mutator import INSTRUCTIONS
from debateqd.agents.prompts import examples_shown

_LIMIT = re.compile(r"at most\s+(\d+)\s+words")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_FAMILIES = tuple(f for f in INSTRUCTIONS if f not in ("any", "vague"))
_SOURCES = ("example", "own", "any", "stray", "vague")
_WEIGHTS = (0.35, 0.30, 0.15, 0.12, 0.08)


def write(user: str, draws: Draws) -> str | None:
    """Return a new strategy in its tags; ``None`` when the prompt lacks a section.

    Args:
        user: The user message of a writer's prompt.
        draws: Source of variety.
    """
    family = prompts.section(user, "family")
    instruction = prompts.section(user, "instruction")
    examples = [_SENTENCE.split(" ".join(text.split())) for text in examples_shown(user)]
    if family is None or instruction is None or not examples:
        return None
    found = _LIMIT.search(instruction)
    left = int(found.group(1)) if found else 200
    key = "_".join(family.lower().replace("-", " ").replace("_", " ").split())
    own = key if key in _FAMILIES else draws.pick(_FAMILIES)
    sentences: list[str] = []
    for _ in range(max(2, len(draws.pick(examples)) + draws.below(3))):
        sentence = _sentence(own, examples, draws)
        words = len(sentence.split())
        if sentence not in sentences and words <= left:
            sentences.append(sentence)
            left -= words
    text = " ".join(sentences) or " ".join(draws.pick(INSTRUCTIONS[own]).split()[:left])
    return f"<strategy>{text}</strategy>"


def _sentence(own: str, examples: list[list[str]], draws: Draws) -> str:
    source = _SOURCES[draws.weighted(_WEIGHTS)]
    if source == "example":
        return draws.pick(draws.pick(examples))
    bank = {"own": own, "stray": draws.pick(_FAMILIES)}.get(source, source)
    return draws.pick(INSTRUCTIONS[bank])
