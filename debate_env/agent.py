"""Everything that a stranger's agent needs: the interface, and an adapter for plain functions.

An agent maps observations to actions, many at a time, because many debates are played at once. A
debater's action is a string; a judge's is one credence per answer, in the order of
``observation["answers"]`` (any scale is *not* accepted: each lies in [0, 1]; they are normalised,
and all zeros abstain).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from debate_env.errors import InputError

if TYPE_CHECKING:
    from debate_env.core.settings import DebateSettings

Observation = Mapping[str, Any]
"""Keys: passage, question, answers, position, transcript, phase, round."""

Action = Any
"""A ``str`` from a debater, a sequence of n floats in [0, 1] from a judge."""


class Place(NamedTuple):
    """Where an observation comes from, which the observation itself does not tell.

    Attributes:
        episode_id: Names the episode; the same in all of its observations and in ``feedback``.
        seat: The agent's seat in it.
    """

    episode_id: str
    seat: str


@runtime_checkable
class Agent(Protocol):
    """A policy for one or more seats.

    Further methods are called where an agent has them: ``reset(seed: int)`` before a run;
    ``act_as(observations, places: Sequence[Place])`` instead of ``act``, for agents that must tell
    episodes and seats apart; and ``feedback(episode_id: str, reward: float, seat: str)`` after each
    of its episodes, once for every seat it had, for agents that learn.
    """

    def act(self, observations: Sequence[Observation]) -> Sequence[Action]:
        """Return one action per observation, in the same order."""


def ask(
    agent: Any, observations: Sequence[Observation], places: Sequence[Place]
) -> Sequence[Action]:
    """Let an agent act on observations that come from these places.

    Raises:
        TypeError: The agent is asynchronous.
    """
    act_as = getattr(agent, "act_as", None)
    found: Sequence[Action] = act_as(observations, places) if act_as else agent.act(observations)
    _refuse_awaitables(agent, found, *(found if isinstance(found, list) else ()))
    return found


def _refuse_awaitables(agent: Any, *found: Any) -> None:
    awaitable = [value for value in found if inspect.isawaitable(value)]
    for value in awaitable:
        if inspect.iscoroutine(value):
            value.close()  # or Python warns that nobody awaited it
    if awaitable:
        name = type(agent).__name__
        raise TypeError(f"{name} is asynchronous: seat it through debateqd.agents.from_async")


def seated(agent: Any, settings: DebateSettings, where: str) -> Any:
    """Return an agent for a seat: one that acts as it is, a bare function as an agent.

    Args:
        agent: The agent. One that must know the rules has a method ``seated(settings)``, which
            returns one that acts.
        settings: The rules of the debates.
        where: The argument that gave it, for the error.

    Raises:
        InputError: It is neither.
    """
    if isinstance(agent, type):
        raise InputError(f"{where}: {agent.__name__} is a class; give an agent, {agent.__name__}()")
    if callable(getattr(agent, "seated", None)):
        return agent.seated(settings)
    if callable(getattr(agent, "act_as", None)) or callable(getattr(agent, "act", None)):
        return agent
    if callable(agent):
        return from_callable(agent)
    raise InputError(
        f"{where}: a {type(agent).__name__} is no agent; allowed are agents, which have act() or "
        "act_as(), and functions of one observation"
    )


def tell(agent: Any, place: Place, reward: float) -> None:
    """Tell an agent that learns what it earned."""
    if hasattr(agent, "feedback"):
        _refuse_awaitables(agent, agent.feedback(place.episode_id, reward, place.seat))


class CallableAgent:
    """An agent made from a function of one observation; the function's own name by default."""

    def __init__(self, function: Callable[[Observation], Action], name: str = "") -> None:
        self._function = function
        self.name = name or getattr(function, "__name__", type(function).__name__)

    def act(self, observations: Sequence[Observation]) -> list[Action]:
        """Call the function on every observation."""
        return [self._function(observation) for observation in observations]

    def __repr__(self) -> str:
        return f"CallableAgent({self.name})"


def from_callable(function: Callable[[Observation], Action], name: str = "") -> CallableAgent:
    """Turn a function of one observation, which returns a speech or credences, into an agent.

    Example:
        >>> agent = from_callable(lambda observation: f"It is {observation['position']}.")
        >>> agent.act([{"position": "the cat"}])
        ['It is the cat.']
    """
    return CallableAgent(function, name)
