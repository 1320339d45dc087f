"""The one interface of every chat model: submit requests, poll replies.

A chat model may answer at once (the embedded model), from an engine in the same process, or over
a network. The scheduler in :mod:`debateqd.agents.rollout.scheduler` neither knows nor cares: it
submits whatever is ready and takes back whatever has finished, in any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

FinishReason = Literal["stop", "length", "refused", "unknown", "error"]


class Message(NamedTuple):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


class Usage(NamedTuple):
    """Tokens that a request used, as its engine counts them.

    Attributes:
        prompt_tokens: Tokens of the prompt, whether computed or taken from a prefix cache.
        completion_tokens: Tokens generated, thinking included.
        thinking_tokens: Those of them that a reasoning model spent before its answer.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    thinking_tokens: int = 0


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is drawn.

    Attributes:
        max_tokens: Upper bound on the tokens of the reply.
        temperature: 0 takes the likeliest token every time: nothing is drawn.
        top_p: Nucleus mass.
    """

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0


class Request(NamedTuple):
    """Everything that determines one reply, given the model.

    Attributes:
        messages: The conversation so far; stable text comes first so that engines can cache it.
        seed: Seed of this very call (never shared between candidates, votes or repairs).
        choices: When given, the reply must be one of these short strings, and
            :attr:`Reply.probabilities` holds the model's probability of each, if it can tell.
        schema: When given, the reply is to be JSON of this schema (a JSON schema as canonical JSON
            text). Models that cannot enforce one ignore it, so whoever asks still checks the reply.
        stop: Strings that end the reply where it would go on with them; they are no part of it.
            Models that cannot do this ignore them, so whoever asks still checks the reply.
    """

    messages: tuple[Message, ...]
    sampling: Sampling
    seed: int
    choices: tuple[str, ...] | None = None
    schema: str | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request. A failure is a reply too: data, never an exception.

    Attributes:
        text: The reply without any thinking; empty when ``finish_reason`` is ``"error"``.
        finish_reason: Why the reply ended; ``"unknown"``: the engine gave a reason that nobody
            knows, and the text does not look cut.
        probabilities: One per ``Request.choices``, summing to 1; ``None`` if the engine gave none.
        error: One line that says what failed, when ``finish_reason`` is ``"error"``.
        error_kind: What sort of failure that is: ``"engine_error"``, ``"context_too_long"``,
            ``"timeout"``, ``"rate_limited"``, ``"connection"`` or ``"bad_reply"``.
        missing_mass: With ``probabilities``: the probability that the model's next word is none of
            the choices, before the rest was scaled up to 1; ``None`` where it is not known.
        redraws: Times that the reply was drawn anew, with another seed, because what the model had
            written was no language.
    """

    text: str
    finish_reason: FinishReason = "stop"
    usage: Usage = NO_USAGE
    probabilities: tuple[float, ...] | None = None
    error: str = ""
    error_kind: str = "engine_error"
    missing_mass: float | None = None
    redraws: int = 0


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can do beyond writing text.

    A model without a ``capabilities`` attribute is taken to have the defaults.

    Attributes:
        probabilities: Whether replies to requests with ``choices`` carry probabilities.
        schema: Whether ``Request.schema`` is enforced.
        context_length: Most tokens of a prompt and its reply together; ``None`` if not known.
        cache_tokens: Tokens that the prefix cache holds; ``None`` if not known.
        tokens_per_character: Of English prompts, as measured; ``None`` if not known.
        longer_context: What to change for a longer context, in the words of the engine.
        seeded_when_greedy: Whether the seed changes a reply at temperature 0 (it does in a
            simulation, never in a language model).
    """

    probabilities: bool = True
    schema: bool = False
    context_length: int | None = None
    cache_tokens: int | None = None
    tokens_per_character: float | None = None
    longer_context: str = ""
    seeded_when_greedy: bool = False


_DEFAULT_CAPABILITIES = Capabilities()


@runtime_checkable
class ChatModel(Protocol):
    """A chat model: submit tickets with requests, poll tickets with replies.

    Every submitted ticket comes back exactly once. Replies may come in any order. The same request
    gets the same reply up to what an engine's rounding changes from batch to batch; a
    :class:`agents.models.journal.JournalledModel` repeats the very same one.
    """

    @property
    def name(self) -> str:
        """The specification that makes this model, e.g. ``"embedded"``."""

    @property
    def fingerprint(self) -> str:
        """Names everything but the request that determines a reply (weights, world, template)."""

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Accept requests; must not wait for their replies."""

    def poll(self) -> list[tuple[int, Reply]]:
        """Return finished tickets; wait only when some are outstanding and none has finished."""

    def close(self) -> None:
        """Release whatever the model holds."""


@runtime_checkable
class PatientModel(ChatModel, Protocol):
    """A chat model that can also be asked for its replies without waiting long.

    Optional, and needed only where several models that take their time serve the same debates
    (say, debaters and judge on two servers): waiting for one of them must not keep a reply of
    another from being used.
    """

    def poll_for(self, seconds: float) -> list[tuple[int, Reply]]:
        """Return finished tickets; wait at most ``seconds``, 0 meaning not at all."""


@runtime_checkable
class TokenCounter(Protocol):
    """A chat model that can say beforehand how long a prompt is."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count the tokens of a prompt, its chat template included."""


@runtime_checkable
class MeteredModel(Protocol):
    """A chat model that counts what delivery really takes.

    These counts depend on the network and the machine, so they go to telemetry and never into
    results. Keys, all optional: ``requests`` (sent to the engine, repetitions included),
    ``retries``, ``rejected`` (replies thrown away because they were garbage), ``failed`` (requests
    given up), ``unknown_ends`` (replies that ended for no reason that is known),
    ``prompt_tokens``, ``cached_prompt_tokens`` (of those, read from a prefix cache),
    ``completion_tokens`` and ``thinking_tokens`` (all of them of rejected replies too, where the
    engine told), ``replayed`` (answered from a journal), ``shared`` (answered by an identical
    request in flight).
    """

    @property
    def delivery(self) -> Counter[str]:
        """What was counted so far; grows only."""


def capabilities_of(model: ChatModel) -> Capabilities:
    """Return what a model says it can do, or the defaults."""
    found = getattr(model, "capabilities", None)
    return found if isinstance(found, Capabilities) else _DEFAULT_CAPABILITIES


def delivery_of(model: ChatModel) -> Counter[str]:
    """Return a copy of what a model has counted; empty where it counts nothing."""
    return Counter(model.delivery) if isinstance(model, MeteredModel) else Counter()


def notes_of(model: ChatModel) -> tuple[str, ...]:
    """Return what a model has to say at the start of a run, a line each (its ``notes``)."""
    return tuple(getattr(model, "notes", ()))


def probe_cost_of(model: ChatModel) -> Counter[str]:
    """Return what finding out about its server has cost a model so far (its ``probe_cost``).

    It joins ``delivery`` with the first request, so that whoever counts from then on counts it.
    """
    return Counter(getattr(model, "probe_cost", None) or ())


class StoppedError(RuntimeError):
    """Work cannot go on; everything finished is safe. The message is one line for the user."""
