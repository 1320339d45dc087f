"""The embedded model as mutator: rewrites strategies, and knows nothing about the judge.

This module sees what the prompt holds (a strategy, its family and record; for some operators a
second strategy, debates or a wish) and has no access to a world: neither it nor anything it imports
takes one. Most of its rewrites change little, some harm, some help.
"""

from __future__ import annotations

import re

from debate_env.draws import Draws
from debateqd.agents import prompts
from debateqd.agents.models.embedded.changes import (
    INSTRUCTIONS,
    change,
    family_of,
    fit,
    sentences_of,
)
from debateqd.agents.models.embedded.operators import aim, cross, reflect

__all__ = ["INSTRUCTIONS", "rewrite"]

_LIMIT = re.compile(r"at most\s+(\d+)\s+words")


def rewrite(user: str, draws: Draws) -> str | None:
    """Return a new strategy in its tags; ``None`` when the prompt lacks a section.

    Args:
        user: The user message of a mutator's prompt, of any operator.
        draws: Source of variety.
    """
    parent = prompts.section(user, "strategy")
    family = prompts.section(user, "family")
    instruction = prompts.section(user, "instruction")
    if parent is None or family is None or instruction is None:
        return None
    found = _LIMIT.search(instruction)
    limit = int(found.group(1)) if found else 200
    own = family_of(family)
    sentences = sentences_of(parent)
    operator = prompts.operator_of(user)
    if operator == "rewrite":
        for _ in range(1 + draws.below(3)):
            sentences = change(sentences, own, draws)
    elif operator == "crossover":
        second = prompts.second_strategy(user)
        if second is None:
            return None
        sentences = cross(sentences, sentences_of(second), own, draws)
    elif operator == "reflection":
        debates = prompts.debates_shown(user)
        if not debates:
            return None
        sentences = reflect(sentences, debates, own, draws)
    else:
        wanted, move = prompts.wishes_of(user)
        sentences = aim(sentences, wanted, family_of(move), own, draws)
    child = fit(sentences, limit, draws)
    return f"<strategy>{child}</strategy>"
