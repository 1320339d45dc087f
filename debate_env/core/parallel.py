"""A debate with PettingZoo's parallel interface."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from gymnasium import spaces
from pettingzoo import ParallelEnv

from debate_env.core.aec import AECDebate
from debate_env.core.outcome import AbortKind
from debate_env.errors import InputError

_ByAgent = dict[str, Any]
Step = tuple[_ByAgent, dict[str, float], dict[str, bool], dict[str, bool], _ByAgent]
"""Observations, rewards, terminations, truncations and infos of all live agents."""


class ParallelDebate(ParallelEnv):  # type: ignore[misc]
    """The same debate with PettingZoo's parallel interface.

    A step plays one wave: it takes the actions of all :attr:`acting_agents` and ignores the others,
    so a simultaneous debate of R rounds is R + 1 steps. The debate that it drives must not be
    stepped by anybody else.
    """

    def __init__(self, aec_env: AECDebate) -> None:
        self.aec_env = aec_env
        self.metadata = {**aec_env.metadata, "is_parallelizable": True}
        self.possible_agents = aec_env.possible_agents
        self.render_mode = aec_env.render_mode
        self.agents: list[str] = []

    def observation_space(self, agent: str) -> spaces.Dict:
        """Return the space of observations."""
        return self.aec_env.observation_space(agent)

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Return the action space of ``agent``."""
        return self.aec_env.action_space(agent)

    @property
    def state_space(self) -> spaces.Dict:
        """The space of :meth:`state`."""
        return self.aec_env.state_space

    @property
    def acting_agents(self) -> tuple[str, ...]:
        """Agents whose actions the next step takes."""
        return self.aec_env.acting_agents if self.agents else ()

    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
        """Begin a debate, as on :class:`AECDebate`; returns observations and infos."""
        aec = self.aec_env
        aec.reset(seed, options)
        self.agents = aec.agents[:]
        return {a: aec.observe(a) for a in self.agents}, dict(aec.infos)

    def step(self, actions: Mapping[str, Any]) -> Step:
        """Play one wave: an action for each of :attr:`acting_agents`; others are ignored."""
        aec = self.aec_env
        acting = self.acting_agents
        if not acting:
            return {}, {}, {}, {}, {}
        for agent in acting:
            if agent not in actions:
                raise InputError(f"no action for {agent}; the next step takes {', '.join(acting)}")
        before = copy(aec.episode) if len(acting) > 1 else None
        try:
            for agent in acting:
                aec.step(actions[agent])
        except InputError:
            if before is not None:  # a bad action of one agent must not leave another's pending
                aec._episode = before
                aec.agent_selection = before.acting[0]
            raise
        return self._result()

    def _result(self) -> Step:
        aec = self.aec_env
        agents = self.agents
        result = (
            {a: aec.observe(a) for a in agents},
            dict(aec.rewards),
            dict(aec.terminations),
            dict(aec.truncations),
            dict(aec.infos),
        )
        if aec.episode.over:
            self.agents = []
        return result

    def abort(self, kind: AbortKind, message: str) -> Step:
        """End the debate without a verdict, as on :class:`AECDebate`; returns what a step does."""
        self.aec_env.abort(kind, message)
        return self._result()

    def state(self) -> dict[str, Any]:
        """Return what an omniscient spectator sees."""
        return self.aec_env.state()

    def render(self) -> str | None:
        """Show the debate; see :meth:`debate_env.core.aec.AECDebate.render`."""
        return self.aec_env.render()
