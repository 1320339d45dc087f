"""Agents that think with a chat model are generators of requests.

A thinking agent yields a batch of requests as often as it needs and finally returns its decision::

    def think(self, observation, turn):
        (reply,) = yield [Request(...)]
        return Decision(reply.text)

One scheduler (:mod:`debateqd.agents.rollout.scheduler`) advances any number of them together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from debate_env.core.settings import DebateSettings
from debateqd.agents.models.base import ChatModel, Reply, Request

T = TypeVar("T")

_MASK = 0xFFFFFFFFFFFFFFFF

ONLY_VERDICTS = (
    "this judge only gives verdicts; where the protocol lets it speak, seat an agent that does"
)

Thought = Generator[Sequence[Request], Sequence[Reply], T]
"""A computation that asks a chat model: yields requests, receives their replies, returns T."""


def derive_seed(*parts: object) -> int:
    """Derive a seed from names, never from arrival order or shared generators.

    The parts are those of the run: (run seed, purpose, job, agent, round, sample, attempt), as many
    as apply. A 64-bit digest replaces ``numpy.random.SeedSequence`` here because one is needed for
    every request and this costs a microsecond.

    Returns:
        An integer in ``[0, 2**53)``, exact in JSON and accepted by every engine.
    """
    text = "\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 11


def request_seed(turn_seed: int, sample: int = 0, attempt: int = 0) -> int:
    """Derive the seed of one request, in ``[0, 2**53)``; every vote and repair has its own.

    A turn's seed is a digest already, so mixing two small numbers into it is enough and costs a
    third of :func:`derive_seed`; the mixer is that of SplitMix64 (Steele, Lea and Flood 2014).
    """
    x = (turn_seed + 0x9E3779B97F4A7C15 * (1 + sample + (attempt << 32))) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return (x ^ (x >> 31)) >> 11


class Turn(NamedTuple):
    """What an agent may know beside its observation.

    Attributes:
        seat: The agent's name in the environment, e.g. ``"debater_0"``.
        round: The round being played, from 1.
        settings: The rules of this debate (rounds, word limit).
        seed: Derived from the run seed and the job, agent and round; see :meth:`request_seed`.
        episode_id: Names the episode, in all its turns and in ``feedback``.
    """

    seat: str
    round: int
    settings: DebateSettings
    seed: int
    episode_id: str = ""

    def request_seed(self, sample: int = 0, attempt: int = 0) -> int:
        """Seed of one request of this turn; see the function of the same name."""
        return request_seed(self.seed, sample, attempt)


@dataclass(frozen=True, slots=True)
class Failure:
    """A reply that could not be used.

    Attributes:
        kind: ``"refused"``, ``"truncated"`` or ``"unparsable_verdict"``; ``"agent_error"``; or a
            failure of the engine, one of :data:`debateqd.agents.replies.ERROR_KINDS`.
        message: One line that says what happened.
    """

    kind: str
    message: str


TROUBLES = ("redraws", "cut", "token_limit_reached", "unusable")
"""What a debater's details count of a speech that is not as it should be: other seeds tried because
the model wrote no language, and whether the rest was cut since it went on as the prompt, the token
limit ended it, or nothing could be used."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Decision(NamedTuple):
    """What a thinking agent decided.

    Attributes:
        action: The action for the environment; ``None`` exactly when ``failure`` is given.
        details: Facts worth logging, JSON-able; a judge records ``orders`` here (its credences in
            both answer orders, each in the presented order of answers).
        failure: Why there is no action.
    """

    action: Any
    details: Mapping[str, Any] = _NOTHING
    failure: Failure | None = None


@runtime_checkable
class ThinkingAgent(Protocol):
    """An agent that asks a chat model."""

    @property
    def model(self) -> ChatModel:
        """The model that answers this agent's requests."""

    def think(self, observation: Mapping[str, Any], turn: Turn) -> Thought[Decision]:
        """Turn one observation into one decision."""
