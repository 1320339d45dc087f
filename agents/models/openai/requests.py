"""What a server understands, and a request in its words. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from debateqd.agents.models.base import Message, Request

Seeds = Literal["honoured", "ignored", "refused"]

_SEED_BITS = 0x7FFFFFFF  # some servers keep 32 bits of a seed, signed; all accept 31
_ANSWER = "answer"
_JSON_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server was found to understand.

    Attributes:
        max_tokens_field: ``"max_tokens"`` or ``"max_completion_tokens"``.
        logprobs: Likeliest tokens whose log-probabilities can be had; 0: none.
        seeds: Whether the same seed gives the same text.
        n: Whether one request can ask for several replies.
        choice: Whether a reply can be restricted to given strings (``structured_outputs``).
        masked: Whether log-probabilities are then those after all else was ruled out, so that they
            do not show how likely the model was to say something else.
        schema: Whether a JSON schema is enforced (``response_format``).
        usage: Whether replies tell the tokens they used.
        context_length: Tokens of prompt and reply together; ``None`` if not known.
        cache_tokens: Tokens that the prefix cache holds; ``None`` if not known.
        tokenizes: Whether the server counts the tokens of a conversation (``/tokenize``).
    """

    max_tokens_field: str = "max_tokens"
    temperature: bool = True
    top_p: bool = True
    logprobs: int = 0
    seeds: Seeds = "ignored"
    n: bool = False
    choice: bool = False
    masked: bool = False
    schema: bool = False
    usage: bool = True
    context_length: int | None = None
    cache_tokens: int | None = None
    tokenizes: bool = False


def weakest(dialects: Sequence[Dialect]) -> Dialect:
    """What all replicas understand, so that a reply does not depend on who gave it."""
    first = dialects[0]
    order: tuple[Seeds, ...] = ("refused", "ignored", "honoured")
    fields = {d.max_tokens_field for d in dialects}
    return Dialect(
        max_tokens_field=first.max_tokens_field if len(fields) == 1 else "max_tokens",
        temperature=all(d.temperature for d in dialects),
        top_p=all(d.top_p for d in dialects),
        logprobs=min(d.logprobs for d in dialects),
        seeds=min((d.seeds for d in dialects), key=order.index),
        n=all(d.n for d in dialects),
        choice=all(d.choice for d in dialects),
        masked=any(d.masked for d in dialects),
        schema=all(d.schema for d in dialects),
        usage=all(d.usage for d in dialects),
        context_length=min((d.context_length for d in dialects if d.context_length), default=None),
        cache_tokens=min((d.cache_tokens for d in dialects if d.cache_tokens), default=None),
        tokenizes=all(d.tokenizes for d in dialects),
    )


def body_of(
    model: str,
    request: Request,
    dialect: Dialect,
    extra: Mapping[str, Any],
    *,
    n: int = 1,
    forced: bool = False,
) -> dict[str, Any]:
    """Word a request.

    Args:
        model: Name of the model on the server.
        request: What is asked.
        dialect: What the server understands.
        extra: Further fields; they go before ours.
        n: Replies wanted to this one request.
        forced: Whether to restrict the reply to the choices although log-probabilities are then
            masked; for a request whose first reply did not show any choice.
    """
    sampling = request.sampling
    body: dict[str, Any] = {
        "model": model,
        "messages": chat_messages(request.messages),
        dialect.max_tokens_field: sampling.max_tokens,
    }
    if dialect.temperature:
        body["temperature"] = sampling.temperature
    if dialect.top_p and sampling.top_p != 1.0:
        body["top_p"] = sampling.top_p
    # A deterministic reply needs no seed, and some servers are slower with one.
    if dialect.seeds != "refused" and n == 1 and (sampling.temperature or not dialect.temperature):
        body["seed"] = request.seed & _SEED_BITS
    if n > 1:
        body["n"] = n
    if request.choices is not None:
        body.update(_choice_fields(request.choices, dialect, forced))
        if "response_format" in body:  # the choice comes with some JSON around it
            body[dialect.max_tokens_field] = max(_JSON_TOKENS, sampling.max_tokens)
    elif request.schema is not None and dialect.schema:
        body["response_format"] = schema_format("reply", json.loads(request.schema))
    body.update(extra)
    return body


def _choice_fields(choices: Sequence[str], dialect: Dialect, forced: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if dialect.logprobs:
        fields |= {"logprobs": True, "top_logprobs": dialect.logprobs}
    if dialect.choice and (forced or not (dialect.logprobs and dialect.masked)):
        fields["structured_outputs"] = {"choice": list(choices)}
    elif dialect.schema and not dialect.logprobs:
        fields["response_format"] = schema_format("verdict", choice_schema(choices))
    return fields


def choice_schema(choices: Sequence[str]) -> dict[str, Any]:
    """A JSON schema that allows one of some strings."""
    return {
        "type": "object",
        "properties": {_ANSWER: {"type": "string", "enum": list(choices)}},
        "required": [_ANSWER],
        "additionalProperties": False,
    }


def read_choice(text: str) -> str | None:
    """Read the string out of a reply of :func:`choice_schema`; ``None`` where it is none."""
    try:
        body = json.loads(text)
    except ValueError:
        return None
    found = body.get(_ANSWER) if isinstance(body, dict) else None
    return found if isinstance(found, str) else None


def schema_format(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Word a JSON schema as ``response_format``."""
    return {
        "type": "json_schema",
        "json_schema": {"name": name, "strict": True, "schema": dict(schema)},
    }


def encode(body: Mapping[str, Any]) -> bytes:
    """Write JSON; half of a surrogate pair, which no UTF-8 can hold, becomes a question mark."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def can_force(request: Request, dialect: Dialect) -> bool:
    """Tell whether a request that showed no choice can be sent again restricted to them."""
    return (
        request.choices is not None and dialect.choice and dialect.masked and dialect.logprobs > 0
    )


def joinable(request: Request, dialect: Dialect) -> bool:
    """Tell whether requests that differ in nothing but their seed may be sent as one.

    They may where the server ignores seeds anyway and the replies are drawn at random.
    """
    return (
        dialect.n
        and dialect.seeds != "honoured"
        and request.choices is None
        and (request.sampling.temperature > 0 or not dialect.temperature)
    )


def chat_messages(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Messages as JSON."""
    return [{"role": m.role, "content": m.content} for m in messages]
