"""The one interface of every chat model: submit requests, poll replies.

A chat model may answer at once (the embedded model), from an engine in the same process, or over
a network. The scheduler in :mod:`agents.rollout` neither knows nor cares: it submits whatever is
ready and takes back whatever has finished, in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

FinishReason = Literal["stop", "length", "refused", "error"]


class Message(NamedTuple):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


class Usage(NamedTuple):
    """Tokens that a request used, as its engine counts them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is drawn.

    Attributes:
        max_tokens: Upper bound on the tokens of the reply.
        temperature: 0 means deterministic.
        top_p: Nucleus mass.
    """

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0


class Request(NamedTuple):
    """Everything that determines one reply, given the model.

    Attributes:
        messages: The conversation so far; stable text comes first so that engines can cache it.
        sampling: How the reply is drawn.
        seed: Seed of this very call (never shared between candidates, votes or repairs).
        choices: When given, the reply must be one of these short strings, and
            :attr:`Reply.probabilities` holds the model's probability of each.
    """

    messages: tuple[Message, ...]
    sampling: Sampling
    seed: int
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request. A failure is a reply too: data, never an exception.

    Attributes:
        text: The reply; empty when ``finish_reason`` is ``"error"``.
        finish_reason: Why the reply ended.
        usage: Tokens used.
        probabilities: One per ``Request.choices``, summing to 1; ``None`` if the engine gave none.
        error: One line that says what failed, when ``finish_reason`` is ``"error"``.
    """

    text: str
    finish_reason: FinishReason = "stop"
    usage: Usage = NO_USAGE
    probabilities: tuple[float, ...] | None = None
    error: str = ""


@runtime_checkable
class ChatModel(Protocol):
    """A chat model: submit tickets with requests, poll tickets with replies.

    Every submitted ticket comes back exactly once. Replies may come in any order.
    """

    @property
    def name(self) -> str:
        """The specification that makes this model, e.g. ``"embedded"``."""
        ...

    @property
    def fingerprint(self) -> str:
        """Names everything but the request that determines a reply (weights, world, template)."""
        ...

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Accept requests; must not wait for their replies."""
        ...

    def poll(self) -> list[tuple[int, Reply]]:
        """Return finished tickets; wait only when some are outstanding and none has finished."""
        ...

    def close(self) -> None:
        """Release whatever the model holds."""
        ...


@runtime_checkable
class PatientModel(ChatModel, Protocol):
    """A chat model that can also be asked for its replies without waiting long.

    Optional, and needed only where several models that take their time serve the same debates
    (say, debaters and judge on two servers): waiting for one of them must not keep a reply of
    another from being used.
    """

    def poll_for(self, seconds: float) -> list[tuple[int, Reply]]:
        """Return finished tickets; wait at most ``seconds``, 0 meaning not at all."""
        ...
