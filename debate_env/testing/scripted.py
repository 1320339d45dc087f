# ruff: noqa: S101 - asserting is what these functions are for
"""Small questions, scripted actions and one way to play, shared by all checks."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Space
from gymnasium.utils.env_checker import data_equivalence

from debate_env.core.parallel import ParallelDebate
from debate_env.core.protocols import get_protocol
from debate_env.core.spaces import UnicodeText
from debate_env.debate_v1 import env, parallel_env, raw_env
from debate_env.questions.question import Question

CANARY = "zyzzogeton-7731"
"""A string that no speech of these checks contains."""


_QUOTABLE = "broke the ice with a bronze bell that her aunt had brought from the coast"


def sample_questions(answers: int = 2) -> list[Question]:
    """Make three small questions about two invented passages, each with so many answers."""
    mill = (
        "The mill at Orrin Bend ran on two wheels. When the river froze, the miller's daughter "
        "broke the ice with a bronze bell that her aunt had brought from the coast."
    )
    ferry = (
        "Tolls on the ferry were paid in salt. Nobody weighed it twice, because the ferryman's "
        "brother sat on the council and kept the only honest scale in the valley."
    )
    made = [
        ("mill-1", "mill", mill, "What broke the ice?", ["a bronze bell", "an iron axe"], 0),
        ("mill-2", "mill", mill, "How many wheels were there?", ["three", "two"], 1),
        ("ferry-1", "ferry", ferry, "How were tolls paid?", ["in coin", "in salt"], 1),
    ]
    return [
        Question(
            name,
            passage,
            text,
            question,
            (*pair, *(f"something else, number {i}" for i in range(answers - 2))),
            label,
            "checks",
        )
        for name, passage, text, question, pair, label in made
    ]


@dataclass(frozen=True)
class Configuration:
    """What is being checked: makes the views of one and the same configuration.

    Attributes:
        settings: Keyword arguments of :class:`debate_env.debate_v1.raw_env`.
    """

    questions: Sequence[Question]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def aec(self, **more: Any) -> Any:
        """Make the wrapped AEC view."""
        return env(self.questions, **{**self.settings, **more})

    def raw(self, questions: Sequence[Question] | None = None) -> raw_env:
        """Make the AEC view without wrappers, on request with other questions."""
        return raw_env(questions or self.questions, **self.settings)

    def parallel(self) -> ParallelDebate:
        """Make the parallel view."""
        return parallel_env(self.questions, **self.settings)

    @property
    def hidden_from(self) -> list[str]:
        """Seats that do not see the passage."""
        protocol = get_protocol(self.settings.get("protocol", "simultaneous"))
        seats = (*protocol.players, *protocol.judges)
        return [seat for seat in seats if not protocol.reads_passage(seat)]


def scripted_action(aec: Any, agent: str, salt: int = 0) -> Any:
    """Return a legal action that depends on nothing but agent, round and ``salt``.

    Speeches quote eight words of the invented passages; verdicts are uneven.
    """
    return scripted(aec.action_space(agent), agent, aec.observe(agent)["round"], salt)


def scripted(space: Space[Any], agent: str, number: int, salt: int = 0) -> Any:
    """Return the scripted action of ``agent`` in round ``number``, legal in ``space``."""
    if isinstance(space, Box):
        weights = np.arange(1, space.shape[0] + 1, dtype=np.float32) + salt % 3
        return weights / weights.sum()
    words = _QUOTABLE.split(" ")[number - 1 :][:8]
    text = f"{agent}, round {number}, point {salt}: <quote>{' '.join(words)}</quote>"
    assert isinstance(space, UnicodeText)
    return text[: space.max_length]


def play(aec: Any, salt: int = 0) -> list[tuple[Any, ...]]:
    """Play an episode with scripted actions; return the agent and ``last()`` of every step."""
    trace = []
    for agent in aec.agent_iter():
        trace.append((agent, *copy.deepcopy(aec.last())))
        done = trace[-1][3] or trace[-1][4]
        aec.step(None if done else scripted_action(aec, agent, salt))
    return trace


def same(first: Any, second: Any, what: str) -> None:
    """Assert that two nested structures hold equal data."""
    equal = data_equivalence(first, second)
    assert equal, f"{what}: the two differ"
