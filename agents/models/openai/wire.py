"""What a server understands, a request in its words, and its reply read strictly. Pure functions.

Whatever a server sends is untrusted.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from debateqd.agents.models.base import FinishReason, Message, Reply, Request, Usage
from debateqd.agents.models.openai.errors import code_in, error_message, message_in
from debateqd.agents.models.thinking import answer_start, strip_thinking

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

Seeds = Literal["refused", "ignored", "honoured"]
_SEEDS: tuple[Seeds, ...] = ("refused", "ignored", "honoured")

_SEED_BITS = 0x7FFFFFFF  # some servers keep 32 bits of a seed, signed; all accept 31
_ANSWER = "answer"
_JSON_TOKENS = 32
# What a vocabulary writes for white space, where a server does not write tokens as text.
_MARKERS = str.maketrans({"Ġ": " ", "▁": " ", "Ċ": "\n", "ĉ": "\t", "č": "\r"})
_BYTE = re.compile(r"<0x([0-7][0-9A-F])>")
_ENDS: Mapping[FinishReason, str] = {
    "stop": r"stop(_\w+)?|eos(_token)?|end(_?of_?\w+|_turn)?|completed?|done|word",
    "length": r"(\w+_)?length|max\w*tokens?|((token|error)_)?limit|\w*context\w*|not_finished",
    "refused": r"(content_)?filter(ed)?|content_(filter|policy)\w*|\w*safety|refus\w+|prohibited\w*"
    r"|blocklist|guardrail\w*|recitation|spii|sensitive|language|\w*(toxic|moderat)\w*",
    "error": r"error(_\w+)?|\w*abort\w*|\w*cancel\w*|\w*timeout|time_limit|network_\w+|insuff\w+",
}
"""What servers write for why a reply ended, in lower case with underscores. Others are unknown."""

_ENDED = re.compile(r"(?:[.!?…。！？｡।؟۔։။።]|</?\w+>|[}\]`])[\s\"'”’»)\]*_`]*$")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server was found to understand; plain data, so that a run can write it down.

    Attributes:
        server: ``"vllm"``, ``"llamacpp"`` or ``"ollama"``, where it shows.
        max_tokens_field: ``"max_tokens"`` or ``"max_completion_tokens"``.
        temperature, top_p: Whether they may be sent.
        neutral: Fields, of those that are taken, with which nothing else shapes what is drawn; a
            server may have other defaults.
        stop: How many stop strings are taken.
        logprobs: Likeliest tokens whose log-probabilities can be had; 0: none.
        seeds: Whether the same seed gives the same text.
        choice: Whether a reply can be restricted to given strings (``structured_outputs``).
        masked: Whether log-probabilities are then those after all else was ruled out, so that they
            do not show how likely the model was to say something else.
        schema: Whether a JSON schema is enforced (``response_format``).
        usage: Whether replies tell the tokens they used.
        context_length: Tokens of prompt and reply together; ``None`` if not known.
        cache_tokens: Tokens that the prefix cache holds; ``None`` if not known.
        counts: How it counts tokens: ``"messages"`` (``/tokenize`` takes a conversation),
            ``"template"`` (after ``/apply-template``), or ``""``: not at all.
        tokens_per_character: Of English prompts, as usage told; 0: not known.
    """

    server: str = ""
    max_tokens_field: str = "max_tokens"
    temperature: bool = True
    top_p: bool = True
    neutral: Mapping[str, int | float] = field(default_factory=dict, hash=False)
    stop: int = 0
    logprobs: int = 0
    seeds: Seeds = "ignored"
    choice: bool = False
    masked: bool = False
    schema: bool = False
    usage: bool = True
    context_length: int | None = None
    cache_tokens: int | None = None
    counts: str = ""
    tokens_per_character: float = 0.0


def weakest(dialects: Sequence[Dialect]) -> Dialect:
    """What all replicas understand, so that a reply does not depend on who gave it."""
    found: dict[str, Any] = {}
    for name in (f.name for f in fields(Dialect)):
        values = [getattr(d, name) for d in dialects]
        if name == "seeds":
            found[name] = min(values, key=_SEEDS.index)
        elif name == "neutral":
            found[name] = dict(sorted(set.intersection(*(set(v.items()) for v in values))))
        elif name in ("masked", "tokens_per_character"):
            found[name] = max(values)
        elif isinstance(values[0], str):  # where they differ, as if nothing were known
            found[name] = values[0] if len(set(values)) == 1 else getattr(Dialect(), name)
        else:
            found[name] = min((v for v in values if v is not None), default=None)
    return Dialect(**found)


def body_of(
    model: str,
    request: Request,
    dialect: Dialect,
    extra: Mapping[str, Any],
    *,
    forced: bool = False,
) -> dict[str, Any]:
    """Word a request in a dialect; ``extra`` are further fields, which go before ours.

    ``forced`` restricts the reply to the choices although log-probabilities are then masked; for a
    request whose first reply did not show any choice.
    """
    sampling = request.sampling
    messages = chat_messages(request.messages)
    body: CompletionCreateParamsNonStreaming = {"model": model, "messages": messages}
    if dialect.temperature:
        body["temperature"] = sampling.temperature
    if dialect.top_p and sampling.top_p != 1.0:  # the neutral fields say 1.0
        body["top_p"] = sampling.top_p
    # A deterministic reply needs no seed, and some servers are slower with one.
    if dialect.seeds != "refused" and (sampling.temperature or not dialect.temperature):
        body["seed"] = request.seed & _SEED_BITS
    if request.stop and dialect.stop:
        body["stop"] = list(request.stop[: dialect.stop])
    shape: dict[str, Any] = {}
    if request.choices is not None:
        shape = _choice_fields(request.choices, dialect, forced)
    elif request.schema is not None and dialect.schema:
        shape = {"response_format": schema_format("reply", json.loads(request.schema))}
    # A choice may come with some JSON around it.
    least = _JSON_TOKENS if request.choices is not None and "response_format" in shape else 1
    room = {dialect.max_tokens_field: max(least, sampling.max_tokens)}
    return {**room, **dialect.neutral, **body, **shape, **extra}


def _choice_fields(choices: Sequence[str], dialect: Dialect, forced: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if dialect.logprobs:
        found |= {"logprobs": True, "top_logprobs": dialect.logprobs}
    if dialect.choice and (forced or not (dialect.logprobs and dialect.masked)):
        found["structured_outputs"] = {"choice": list(choices)}
    elif dialect.schema and not dialect.logprobs:
        found["response_format"] = schema_format("verdict", choice_schema(choices))
    return found


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
    except (ValueError, RecursionError):
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


def chat_messages(messages: Sequence[Message]) -> list[ChatCompletionMessageParam]:
    """Messages as JSON."""
    return [
        cast("ChatCompletionMessageParam", {"role": m.role, "content": m.content}) for m in messages
    ]


# --- replies --------------------------------------------------------------------------------------


class Garbage(NamedTuple):
    """What came is no reply; ``why`` says so in one line.

    Attributes:
        code: HTTP status that the server put inside, or 0.
    """

    why: str
    code: int = 0


class Reading(NamedTuple):
    """What a reply holds.

    Attributes:
        reply: The reply, or why there is none.
        usage: Tokens that it took; zeros where the server does not tell.
        cached: Prompt tokens that came from a prefix cache.
        unknown_end: Whether it ended for a reason that nobody knows, or gave none.
        logprobs: The log-probabilities of its tokens, as they came.
    """

    reply: Reply | Garbage
    usage: Usage = Usage()
    cached: int = 0
    unknown_end: bool = False
    logprobs: Any = None


def read_reply(data: bytes, request: Request, tags: tuple[str, str]) -> Reading:
    """Read the body of a reply."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        said = error_message(data[:2000]) if data.lstrip()[:1] == b"<" else "not JSON"
        return Reading(Garbage(f"the reply is {said if data.strip() else 'empty'}"))
    usage, cached = _read_usage(body.get("usage") if isinstance(body, dict) else None)
    choices = body.get("choices") if isinstance(body, dict) else None
    if not isinstance(choices, list) or not choices:
        failed = isinstance(body, list) or (isinstance(body, dict) and body.get("error"))
        message, code = (message_in(body), code_in(body)) if failed else ("", 0)
        return Reading(Garbage(message or "the reply holds no choices", code), usage)
    choice = choices[0] if isinstance(choices[0], dict) else {}
    reply = _read(choice, request, tags, usage)
    unknown, logprobs = end_of(choice.get("finish_reason")) is None, choice.get("logprobs")
    if isinstance(reply, str):
        return Reading(Garbage(reply), usage, cached, unknown, logprobs)
    return Reading(reply, reply.usage, cached, unknown, logprobs)


def end_of(why: Any) -> FinishReason | None:
    """What a finish reason means; ``None`` where nobody knows."""
    word = re.sub(r"(?<=[a-z])(?=[A-Z])|[\s.-]+", "_", str(why or "").strip()).lower()
    word = word.removeprefix("finish_reason_")
    return next((end for end, words in _ENDS.items() if re.fullmatch(words, word)), None)


def _read(
    choice: Mapping[str, Any], request: Request, tags: tuple[str, str], usage: Usage
) -> Reply | str:
    message = choice.get("message")
    if not isinstance(message, dict):
        return "the reply holds no message"
    why = choice.get("finish_reason")
    end = end_of(why)
    refusal, content = message.get("refusal"), message.get("content")
    if isinstance(refusal, str) and refusal.strip() and not content:
        shown = "".join([c if c.isprintable() else " " for c in refusal])
        return Reply(" ".join(shown.split()), "refused", usage)
    if isinstance(content, list):  # parts, as some servers write them
        content = "".join(str(p.get("text", "")) for p in content if isinstance(p, dict))
    apart = message.get("reasoning_content") or message.get("reasoning")
    if content is None and not apart and end in ("stop", None):
        return f"the reply holds no content (finish reason {why!r})"
    if content is None:
        content = ""
    if not isinstance(content, str):
        return "the content of the reply is no text"
    if end == "error":
        return message_in({"error": choice.get("error")}) or f"the server broke off ({why!r})"
    stripped = strip_thinking(content, tags)
    text = stripped.text
    finish: FinishReason = end or "unknown"
    looks_cut = usage.completion_tokens >= request.sampling.max_tokens or not _ENDED.search(text)
    if stripped.unfinished or (end is None and text.strip() and looks_cut):
        finish = "refused" if finish == "refused" else "length"
    if finish == "length":
        text = text.rstrip("\ufffd")  # half of a character that the limit cut in two
    usage = _with_thinking(usage, message, content, stripped.removed)
    if request.choices is not None:
        probabilities, missing = read_probabilities(
            choice.get("logprobs"), request.choices, tags, text if apart else ""
        )
        named, whole = _as_choice(text, request.choices)
        if named is None and probabilities is not None:
            best = max(range(len(probabilities)), key=probabilities.__getitem__)
            named, whole = request.choices[best], True
        if named is not None:
            return Reply(
                named, "stop" if whole else finish, usage, probabilities, missing_mass=missing
            )
    return Reply(text, finish, usage)


def _as_choice(text: str, choices: Sequence[str]) -> tuple[str | None, bool]:
    """The choice that a text is, bare or as JSON, and whether it is whole for sure, as JSON is."""
    stated = read_choice(text)
    said = (text if stated is None else stated).strip()
    return next((c for c in choices if c.strip() == said), None), stated is not None


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
    entry = _first_token(logprobs, tags, answer.strip())
    mass = [0.0] * len(choices)
    wanted = {choice.strip(): index for index, choice in enumerate(choices)}
    for token, probability in _top(entry).items():
        index = wanted.get(_plain(token).strip())
        if index is not None:
            mass[index] += probability
    total = math.fsum(mass)
    if total <= 0.0:
        return None, None
    return tuple([m / total for m in mass]), max(0.0, 1.0 - total)


def _plain(token: str) -> str:
    """A token as text, where it is written as in its vocabulary."""
    return _BYTE.sub(lambda m: chr(int(m[1], 16)), token).translate(_MARKERS)


def _first_token(logprobs: Any, tags: tuple[str, str], answer: str) -> Mapping[str, Any]:
    """The first token of the answer, after thinking and white space; empty where there is none."""
    listed = logprobs.get("content") if isinstance(logprobs, dict) else None
    entries = [e if isinstance(e, dict) else {} for e in listed] if isinstance(listed, list) else []
    tokens = [e.get("token") for e in entries]
    texts = [_plain(token) for token in tokens if isinstance(token, str)]
    whole = "".join(texts)
    start = answer_start(whole, tags)
    if start is None or len(texts) < len(entries):
        return {}
    start = start or max(0, whole.rfind(answer) if answer else 0)
    position = 0
    for entry, text in zip(entries, texts, strict=True):
        if position >= start and text.strip():
            return entry
        position += len(text)
    return {}


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


def _read_usage(usage: Any) -> tuple[Usage, int]:
    """Read the tokens that were used, and those of them that a prefix cache held."""

    def number(name: str, part: str = "") -> int:
        within = usage.get(part) if part and isinstance(usage, dict) else usage
        value = within.get(name) if isinstance(within, dict) else None
        return value if isinstance(value, int) and 0 <= value < 2**53 else 0

    thinking = number("reasoning_tokens", "completion_tokens_details")
    found = Usage(number("prompt_tokens"), number("completion_tokens"), thinking)
    return found, number("cached_tokens", "prompt_tokens_details")


def _with_thinking(usage: Usage, message: Mapping[str, Any], content: str, removed: int) -> Usage:
    """Estimate the tokens of thinking from its share of the characters, where nobody tells."""
    apart = message.get("reasoning_content") or message.get("reasoning") or ""
    apart = apart if isinstance(apart, str) else ""
    thought = removed + len(apart)
    if usage.thinking_tokens or not thought:
        return usage
    share = thought / (len(content) + len(apart))
    return usage._replace(thinking_tokens=round(usage.completion_tokens * share))
