"""How the stand-in server words its replies, and what it refuses: the dialects of real servers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from debate_env.draws import Draws, digest
from tests.server_replies import Body, Replier, Spoken, choose, conform, count_tokens

Support = Literal["yes", "ignored", "refused"]


@dataclass(frozen=True)
class Dialect:
    """What the server understands; ``"ignored"``: accepted without effect, ``"refused"``: 400.

    Attributes:
        logprobs: Log-probabilities.
        top_logprobs: Most of them per token; more are refused.
        masked: Whether log-probabilities are those after a structured choice has ruled tokens out.
        seed: Seeds.
        n: Several choices per request.
        structured_choice: ``structured_outputs: {"choice": [...]}``.
        json_schema: ``response_format`` with a JSON schema.
        max_tokens: Whether ``max_tokens`` is accepted; else ``max_completion_tokens`` is needed.
        sampling: Whether ``temperature`` and ``top_p`` are accepted.
        models: Status of ``GET /v1/models``.
        usage: Whether replies tell their usage.
        cached_tokens: Whether usage tells how much of a prompt was cached.
        tokenize: How tokens can be counted: ``POST /tokenize`` of messages (vLLM), of a text that
            ``POST /apply-template`` has made (llama.cpp), or not at all.
        owner: Who owns its model, as its list of models says: ``"vllm"``, ``"llamacpp"``, ...
        stops: Most stop strings of a request; more are refused.
        fields: Fields that are refused, whatever their values.
        vague: Whether it does not say which field it refuses.
        thinking: Whether the model thinks first: in its text between tags, in a field of its own,
            or not at all.
    """

    logprobs: Support = "yes"
    top_logprobs: int = 20
    masked: bool = True
    seed: Support = "yes"
    n: Support = "yes"
    structured_choice: Support = "yes"
    json_schema: Support = "yes"
    max_tokens: bool = True
    sampling: bool = True
    models: int = 200
    usage: bool = True
    cached_tokens: bool = True
    tokenize: Literal["messages", "template", ""] = "messages"
    owner: str = ""
    stops: int = 16
    fields: tuple[str, ...] = ()
    vague: bool = False
    thinking: Literal["none", "text", "field"] = "none"


POOR = Dialect(
    logprobs="ignored",
    seed="ignored",
    n="ignored",
    structured_choice="ignored",
    json_schema="ignored",
    models=500,
    usage=False,
    cached_tokens=False,
    tokenize="",
)
"""A server that knows nothing but chat, and silently ignores the rest."""


def error_body(message: str) -> dict[str, Any]:
    """What a server says when it refuses."""
    return {"error": {"message": message, "type": "invalid_request_error", "code": None}}


def refusal(
    body: Body, dialect: Dialect, model: str, context: int
) -> tuple[int, Mapping[str, Any]] | None:
    """Say why a request is refused, with the status; ``None``: it is not.

    Args:
        body: The request.
        dialect: What the server understands.
        model: The only model it has.
        context: Tokens of its context.
    """
    if body.get("model") != model:
        return 404, error_body(f"The model `{body.get('model')}` does not exist.")
    used = {
        "logprobs": bool(body.get("logprobs")),
        "seed": "seed" in body,
        "n": body.get("n", 1) > 1,
        "structured_choice": "structured_outputs" in body,
        "json_schema": "response_format" in body,
    }
    for name, is_used in used.items():
        if is_used and getattr(dialect, name) == "refused":
            return 400, error_body(f"Unsupported parameter: '{name}' is not supported.")
    if used["logprobs"] and body.get("top_logprobs", 0) > dialect.top_logprobs:
        return 400, error_body(f"top_logprobs must be at most {dialect.top_logprobs}")
    if "max_tokens" in body and not dialect.max_tokens:
        return 400, error_body(
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead."
        )
    for name in ("temperature", "top_p"):
        if name in body and not dialect.sampling:
            return 400, error_body(f"Unsupported value: '{name}' does not support {body[name]}.")
    for name in [name for name in dialect.fields if name in body][:1]:
        said = "" if dialect.vague else f": {name}"
        return 400, error_body(f"Unrecognized request argument supplied{said}")
    if len(body.get("stop", ())) > dialect.stops:
        return 400, error_body(f"Invalid 'stop': expected at most {dialect.stops} strings")
    tokens = count_tokens(body["messages"])
    if tokens >= context:
        return 400, error_body(
            f"This model's maximum context length is {context} tokens. However, your prompt "
            f"contains {tokens} input tokens, which exceeds this limit even without any output "
            "tokens. Please reduce the length of the input prompt."
        )
    return None


def beside(
    dialect: Dialect, model: str, context: int, path: str, data: bytes
) -> dict[str, Any] | None:
    """Answer what is asked beside chat, below the root of the server; ``None``: not found."""
    if path == "/props" and dialect.owner == "llamacpp":
        return {"default_generation_settings": {"n_ctx": context}, "total_slots": 4}
    if path == "/api/ps" and dialect.owner == "library":
        return {"models": [{"name": f"{model}:latest", "context_length": context}]}
    if dialect.tokenize == "messages" and path == "/tokenize":
        return {"count": count_tokens(json.loads(data)["messages"]), "max_model_len": context}
    if dialect.tokenize == "template" and path == "/apply-template":
        parts = [f"<|{m['role']}|>{m['content']}" for m in json.loads(data)["messages"]]
        return {"prompt": "".join(parts)}
    if dialect.tokenize == "template" and path == "/tokenize":
        text = json.loads(data).get("content", "")
        parts = [p.split("|>", 1)[1] for p in text.split("<|")[1:]]
        count = count_tokens([{"content": part} for part in parts])
        return {"tokens": list(range(count))}
    return None


def answer(
    body: Body,
    dialect: Dialect,
    key_of_choice: Callable[[int], bytes],
    reply: Replier,
    cached: int,
) -> dict[str, Any]:
    """Write a whole reply.

    Args:
        body: The request.
        dialect: What the server understands.
        key_of_choice: What the draws of each choice derive from.
        reply: Makes the words.
        cached: Prompt tokens that were cached.
    """
    number = body.get("n", 1) if dialect.n == "yes" else 1
    choices, completion, thinking = [], 0, 0
    for index in range(number):
        draws = Draws(digest(key_of_choice(index).hex(), str(index)))
        choice, tokens, thought = _choice(body, dialect, reply, draws)
        choices.append({"index": index, **choice})
        completion += tokens
        thinking += thought
    written: dict[str, Any] = {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": choices,
    }
    if dialect.usage:
        prompt = count_tokens(body["messages"])
        usage: dict[str, Any] = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        if dialect.cached_tokens:
            usage["prompt_tokens_details"] = {"cached_tokens": cached}
        if dialect.thinking == "field":
            usage["completion_tokens_details"] = {"reasoning_tokens": thinking}
        written["usage"] = usage
    return written


def _choice(
    body: Body, dialect: Dialect, reply: Replier, draws: Draws
) -> tuple[dict[str, Any], int, int]:
    said = reply(body, draws)
    spoken = Spoken(said) if isinstance(said, str) else said
    if "structured_outputs" in body and dialect.structured_choice == "yes":
        chosen = choose(spoken, body["structured_outputs"]["choice"], draws)
        spoken = chosen if dialect.masked else chosen._replace(top=spoken.top)
    elif "response_format" in body and dialect.json_schema == "yes":
        spoken = Spoken(conform(body["response_format"]["json_schema"]["schema"], draws))
    words, finish = spoken.text.split(" "), spoken.finish
    thought = ["<think>", "hm", "hm", "</think>", "\n\n"] if dialect.thinking != "none" else []
    room = body.get("max_tokens", body.get("max_completion_tokens", 10**6))
    if len(thought) + len(words) > room:
        thought, words = thought[:room], words[: max(0, room - len(thought))]
        finish = "length"
    text = " ".join(words)
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if dialect.thinking == "text":
        message["content"] = "".join(thought) + text
    elif dialect.thinking == "field":
        message["reasoning_content"] = "hm hm"
    if spoken.refusal is not None:
        message |= {"content": None, "refusal": spoken.refusal}
    choice: dict[str, Any] = {"message": message, "finish_reason": finish}
    if body.get("logprobs") and dialect.logprobs == "yes":
        most = body.get("top_logprobs", 0)
        choice["logprobs"] = {"content": _logprobs(thought, words, spoken, most)}
    return choice, len(thought) + len(words), len(thought)


def _logprobs(
    thought: list[str], words: list[str], spoken: Spoken, most: int
) -> list[dict[str, Any]]:
    entries = []
    for number, token in enumerate([*thought, *words]):
        top: tuple[tuple[str, float], ...] = ((token, 0.9), ("the", 0.05), ("so", 0.05))
        if number == len(thought) and spoken.top is not None:
            top = spoken.top
        listed = [
            {"token": t, "logprob": math.log(p) if p > 0 else -9999.0, "bytes": None}
            for t, p in top[:most]
        ]
        entries.append({"token": token, "logprob": -0.1, "bytes": None, "top_logprobs": listed})
    return entries


def saying(reply: Mapping[str, Any], content: str | None) -> Mapping[str, Any]:
    """The same reply with another text, or none."""
    message = {"role": "assistant", "content": content}
    return {**reply, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def signs(draws: Draws) -> str:
    """Draw signs that are no language, some of them with characters that belong into no text."""
    drawn = "".join(draws.pick("&*~@#^%$+=|{}<>xq") for _ in range(60))
    return drawn if draws.below(2) else f"no\x00ise {drawn} \ufffd\ufffd"


def garbage(reply: Mapping[str, Any], draws: Draws) -> bytes | Mapping[str, Any]:
    """Spoil a reply: HTML, cut-off JSON, no choices, no content, or nothing at all."""
    text = json.dumps(reply)
    kinds: list[bytes | Mapping[str, Any]] = [
        b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
        text[: len(text) // 2].encode(),
        {"object": "chat.completion", "error": None},
        saying(reply, None),
        b"",
    ]
    return draws.pick(kinds)
