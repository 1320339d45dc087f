"""Lets an agent that thinks with a model act where nobody runs its thoughts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from debate_env.agent import Observation, Place
from debate_env.core.settings import DebateSettings
from debateqd.agents.base import Turn, derive_seed
from debateqd.agents.rollout.thoughts import run_thoughts


@dataclass(frozen=True, slots=True)
class SeatedThinker:
    """An agent with ``think`` in a seat of debates with known rules.

    Attributes:
        agent: A :class:`debateqd.agents.base.ThinkingAgent`.
    """

    agent: Any
    settings: DebateSettings

    def act_as(self, observations: Sequence[Observation], places: Sequence[Place]) -> list[Any]:
        """Return one action per observation, all thought about together.

        Raises:
            RuntimeError: A reply could not be used; says why.
        """
        thoughts = []
        for seen, (name, seat) in zip(observations, places, strict=True):
            number = seen["round"]
            turn = Turn(seat, number, self.settings, derive_seed(0, name, seat, number), name)
            thoughts.append(self.agent.think(seen, turn))
        decisions = run_thoughts(self.agent.model, thoughts)
        for decision in decisions:
            if decision.failure is not None:
                raise RuntimeError(f"{decision.failure.kind}: {decision.failure.message}")
        return [decision.action for decision in decisions]

    def feedback(self, episode_id: str, reward: float, seat: str) -> None:
        """Hand a reward on to an agent that learns."""
        if hasattr(self.agent, "feedback"):
            self.agent.feedback(episode_id, reward, seat)


class Seatable:
    """Base of an agent with ``think``, so that it takes seats where nobody runs thoughts.

    The scheduler asks ``think`` itself, of many debates at once.
    """

    __slots__ = ()

    def seated(self, settings: DebateSettings) -> SeatedThinker:
        """Return an agent that acts under these rules."""
        return SeatedThinker(self, settings)
