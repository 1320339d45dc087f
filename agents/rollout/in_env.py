"""Plays one debate through the PettingZoo environment with the agents of this package.

The debate is the same, word for word and request for request, as
:func:`debateqd.agents.rollout.scheduler.play` makes of the same question, sides, agents and seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from debate_env.agent import Agent, Place, ask, tell
from debate_env.core.outcome import Outcome
from debate_env.core.transcript import Speech
from debateqd.agents.base import Decision, ThinkingAgent, Turn, derive_seed
from debateqd.agents.rollout.debates import agent_error, as_decision, ending
from debateqd.agents.rollout.thoughts import run_thoughts


@dataclass(frozen=True, slots=True)
class EnvDebate:
    """A debate that was played in an environment.

    Attributes:
        details: Details of the decisions that had any, as (seat, round, details), in order.
    """

    outcome: Outcome
    speeches: tuple[Speech, ...]
    rewards: Mapping[str, float]
    details: tuple[tuple[str, int, Mapping[str, Any]], ...]


def play_in_env(
    env: Any,
    agents: Mapping[str, Agent | ThinkingAgent],
    seed: int,
    options: Mapping[str, Any] | None = None,
) -> EnvDebate:
    """Play one episode of ``debateqd/debate-v1``.

    All agents whose observation is fixed are asked before any of them steps. An agent that fails
    truncates the episode.

    Args:
        env: The environment, wrapped or raw.
        agents: Seat to agent, for every seat.
        seed: Seeds the environment's draws; turns derive theirs from it like those of a
            :class:`debateqd.agents.rollout.debates.DebateJob` with this seed.
        options: ``index``, ``swap`` and ``rival`` fix what would be drawn.
    """
    env.reset(seed=seed, options=options)
    core = env.unwrapped
    rewards = dict.fromkeys(core.agents, 0.0)
    details, name = [], f"{core.episode.question.question_id}#{seed}"
    while core.acting_agents:
        number = core.episode.round
        seats = core.acting_agents
        decisions = {
            seat: _decide(
                agents[seat],
                env.observe(seat),
                Turn(seat, number, core.settings, derive_seed(seed, seat, number), name),
            )
            for seat in seats
        }
        details += [(s, number, d.details) for s, d in decisions.items() if d.details]
        failure = next((d.failure for d in decisions.values() if d.failure is not None), None)
        for seat in seats if failure is None else ():
            action = decisions[seat].action
            if isinstance(action, str):
                action = core.episode.fit(seat, action)
            try:
                env.step(action)
            except Exception as error:  # noqa: BLE001  (an action is an agent's own object)
                failure = agent_error(seat, error)
                break
        if failure is not None:
            core.abort(*ending(failure))
    rewards.update(core.rewards)
    outcome, speeches = core.episode.outcome, core.episode.speeches
    if not core.episode.truncated:
        for seat in core.agents:
            tell(agents[seat], Place(name, seat), rewards[seat])
    while core.agents:
        env.step(None)
    return EnvDebate(outcome, speeches, rewards, tuple(details))


def _decide(agent: Any, observation: Mapping[str, Any], turn: Turn) -> Decision:
    """Ask one agent; the boundary to its code, as in :mod:`debateqd.agents.rollout.scheduler`."""
    try:
        if not hasattr(agent, "think"):
            (action,) = ask(agent, [observation], [Place(turn.episode_id, turn.seat)])
            return Decision(action)
        (value,) = run_thoughts(agent.model, [agent.think(observation, turn)])
    except Exception as error:  # noqa: BLE001
        return Decision(None, failure=agent_error(turn.seat, error))
    return as_decision(turn.seat, value)
