"""What a server understands, a request in its words, and its reply read strictly. Pure functions.

Whatever a server sends is untrusted.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from debateqd.agents.models.base import FinishReason, Message, Reply, Request, Usage
from debateqd.agents.models.openai.errors import message_in
from debateqd.agents.models.thinking import strip_thinking

Seeds = Literal["honoured", "ignored", "refused"]

_SEED_BITS = 0x7FFFFFFF  # some servers keep 32 bits of a seed, signed; all accept 31
_ANSWER = "answer"
_JSON_TOKENS = 32
# Control characters other than tab and line breaks, the replacement character, and halves of
# surrogate pairs: no language model means them, and no file should hold them.
_NOISE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd\ud800-\udfff]")
_FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "refused",
}


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


# --- replies --------------------------------------------------------------------------------------


class GarbageError(ValueError):
    """What came is no reply; the message says why, in one line.

    Attributes:
        code: HTTP status that the server put inside, or 0.
        usage: Tokens spent on it, where it says.
    """

    def __init__(self, message: str, code: int = 0, usage: Usage = Usage()) -> None:  # noqa: B008
        super().__init__(message)
        self.code = code
        self.usage = usage


class Reading(NamedTuple):
    """What a reply holds.

    Attributes:
        replies: One per choice; where a choice is garbage, the reason in its place.
        usage: Tokens of all choices together.
        cached: Prompt tokens that came from a prefix cache; ``None`` where it does not say.
        known: Whether the server told its usage.
    """

    replies: list[Reply | str]
    usage: Usage
    cached: int | None
    known: bool


def read_reply(data: bytes, request: Request, tags: tuple[str, str], n: int = 1) -> Reading:
    """Read the body of a reply.

    Raises:
        GarbageError: It is no reply at all.
    """
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise GarbageError(
            "the reply is not JSON" if data.strip() else "the reply is empty"
        ) from None
    if not isinstance(body, dict):
        raise GarbageError("the reply is JSON, but not an object")
    usage, cached, known = _read_usage(body.get("usage"))
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        message = message_in(body) if body.get("error") else ""
        code = _error_code(body.get("error"))
        raise GarbageError(message or "the reply holds no choices", code, usage)
    if len(choices) != n:
        raise GarbageError(f"the reply holds {len(choices)} choices instead of {n}", 0, usage)
    shares = _divide(usage, n)
    replies = [
        _read_choice(choice, request, tags, share)
        for choice, share in zip(choices, shares, strict=True)
    ]
    thinking = sum(r.usage.thinking_tokens for r in replies if isinstance(r, Reply))
    usage = usage._replace(thinking_tokens=max(usage.thinking_tokens, thinking))
    return Reading(replies, usage, cached, known)


def _read_choice(choice: Any, request: Request, tags: tuple[str, str], usage: Usage) -> Reply | str:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        return "the reply holds no message"
    why = choice.get("finish_reason")
    refusal, content = message.get("refusal"), message.get("content")
    if isinstance(refusal, str) and refusal.strip() and not content:
        return Reply(_clean(refusal), "refused", usage)
    if isinstance(content, list):  # parts, as some servers write them
        content = "".join(str(p.get("text", "")) for p in content if isinstance(p, dict))
    if content is None:
        content = ""
    if not isinstance(content, str):
        return "the content of the reply is no text"
    if why == "error":
        return message_in(choice) or "the server broke off"
    finish = _FINISH.get(str(why or "stop"), "stop")
    stripped = strip_thinking(content, tags)
    text = stripped.text
    if finish == "length" or stripped.unfinished:
        text = text.rstrip("\ufffd")  # half of a character that the limit cut in two
        finish = "refused" if finish == "refused" else "length"
    usage = _with_thinking(usage, message, content, stripped.removed)
    if request.choices is not None:
        apart = bool(message.get("reasoning_content") or message.get("reasoning"))
        probabilities, missing = read_probabilities(
            choice.get("logprobs"), request.choices, tags, text if apart else ""
        )
        named = _as_choice(text, request.choices)
        if named is None and probabilities is not None:
            best = max(range(len(probabilities)), key=probabilities.__getitem__)
            named, finish = request.choices[best], "stop"
        if named is not None:
            return Reply(named, finish, usage, probabilities, missing_mass=missing)
    if _NOISE.search(text):
        return "the reply holds control or replacement characters"
    if not text.strip() and finish == "stop":
        return "the reply holds no text"
    return Reply(text, finish, usage)


def _as_choice(text: str, choices: Sequence[str]) -> str | None:
    """The choice that a text is, bare or as JSON; ``None`` where it is none."""
    for said in (text, read_choice(text) or ""):
        for choice in choices:
            if said.strip() == choice.strip():
                return choice
    return None


def read_probabilities(
    logprobs: Any, choices: Sequence[str], tags: tuple[str, str], answer: str = ""
) -> tuple[tuple[float, ...] | None, float | None]:
    """Read the probability of each choice from the first token after thinking and white space.

    Args:
        logprobs: The field of that name of a choice, as the server sent it.
        choices: The choices; a token counts for one when it equals it but for white space around.
        tags: What opens and closes thinking.
        answer: The text, where the server sent the thinking apart from it: if no tag shows among
            the tokens where thinking ends, the last place where they spell this text does.

    Returns:
        One probability per choice, summing to 1, and the mass of everything else; ``(None, None)``
        where there are no log-probabilities, or none of them is a choice's.
    """
    entries = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(entries, list):
        return None, None
    entry = _first_token(entries, tags, answer.strip())
    if entry is None:
        return None, None
    mass = [0.0] * len(choices)
    wanted = {choice.strip(): index for index, choice in enumerate(choices)}
    for token, probability in _top(entry).items():
        index = wanted.get(token.strip())
        if index is not None:
            mass[index] += probability
    total = math.fsum(mass)
    if total <= 0.0:
        return None, None
    return tuple([m / total for m in mass]), max(0.0, 1.0 - total)


def _first_token(
    entries: Sequence[Any], tags: tuple[str, str], answer: str
) -> Mapping[str, Any] | None:
    """The first token of the answer: after the end of thinking, and not white space."""
    tokens = [e.get("token") if isinstance(e, dict) else None for e in entries]
    if not all(isinstance(token, str) for token in tokens):
        return None
    texts = [str(token) for token in tokens]
    whole = "".join(texts)
    closing = whole.rfind(tags[1]) if tags[1] else -1
    start = closing + len(tags[1]) if closing >= 0 else max(0, whole.rfind(answer) if answer else 0)
    if closing < 0 and tags[0] and whole.lstrip().startswith(tags[0]):
        return None  # it never came to an answer
    position = 0
    for entry, text in zip(entries, texts, strict=True):
        if position >= start and text.strip():
            found: Mapping[str, Any] = entry
            return found
        position += len(text)
    return None


def _top(entry: Mapping[str, Any]) -> dict[str, float]:
    """Token to probability; a token that is listed twice counts once."""
    listed = entry.get("top_logprobs")
    found: dict[str, float] = {}
    for item in [*(listed if isinstance(listed, list) else ()), entry]:
        if isinstance(item, dict):
            token, value = item.get("token"), item.get("logprob")
            if isinstance(token, str) and isinstance(value, int | float) and value <= 1e-6:
                found.setdefault(token, math.exp(min(0.0, value)))
    return found


def _read_usage(usage: Any) -> tuple[Usage, int | None, bool]:
    if not isinstance(usage, dict):
        return Usage(), None, False
    details = usage.get("completion_tokens_details")
    thinking = _count(details.get("reasoning_tokens")) if isinstance(details, dict) else 0
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    known = isinstance(usage.get("prompt_tokens"), int)
    return Usage(prompt, completion, thinking), None if cached is None else _count(cached), known


def _count(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**53 else 0


def _divide(usage: Usage, n: int) -> list[Usage]:
    """Share the tokens of one request among its choices: the prompt was read once."""
    prompt, completion, thinking = usage
    shares = [
        Usage(0, completion // n + (i < completion % n), thinking // n + (i < thinking % n))
        for i in range(n)
    ]
    shares[0] = shares[0]._replace(prompt_tokens=prompt)
    return shares


def _with_thinking(usage: Usage, message: Mapping[str, Any], content: str, removed: int) -> Usage:
    """Estimate the tokens of thinking from its share of the characters, where nobody tells."""
    if usage.thinking_tokens:
        return usage
    apart = message.get("reasoning_content") or message.get("reasoning") or ""
    thought = removed + (len(apart) if isinstance(apart, str) else 0)
    written = len(content) + (len(apart) if isinstance(apart, str) else 0)
    if not thought:
        return usage
    return usage._replace(thinking_tokens=round(usage.completion_tokens * thought / written))


def _clean(text: str) -> str:
    return " ".join(_NOISE.sub(" ", text).split())


def _error_code(error: Any) -> int:
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and code.isdigit():
        code = int(code)
    return code if isinstance(code, int) and 400 <= code < 600 else 0
