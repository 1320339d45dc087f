"""Finds out, with a few tiny requests, whether a server can be used and what it understands.

Servers are judged by what they do: many accept a field and silently ignore it. Whatever may pass
(a busy server, a broken connection, garbage) is tried again, so that it is never taken for a lack.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from debate_env.errors import InputError, nearest
from debateqd.agents.models.openai.client import Endpoint
from debateqd.agents.models.openai.errors import Answer, Trouble
from debateqd.agents.models.openai.wire import (
    Dialect,
    Seeds,
    choice_schema,
    encode,
    read_choice,
    read_probabilities,
    schema_format,
)
from debateqd.agents.models.options import OpenAIOptions
from debateqd.agents.models.thinking import strip_thinking
from debateqd.agents.replies import one_line

_TOKENS = 16  # of a reply to a probe
_FIRST_SECONDS = 120.0  # for the first reply: a server may have to load the model
_LEAST_SECONDS = 10.0  # for the later ones, or ten times what the first took
_TRIES = 5  # at a feature that some servers answer with an error of theirs, or not at all
_UNLIKELY = ("Q", "Z")  # what nobody says when asked to say hello
_LISTED = 12  # models named in an error


class UnreachableError(InputError):
    """Nobody answers at a base URL."""


class Found(NamedTuple):
    """What a probe found.

    Attributes:
        dialect: What the server understands.
        stranger: Names that it lists where the model's is not among them, though it answered.
    """

    dialect: Dialect
    stranger: tuple[str, ...]


async def probe(endpoint: Endpoint, name: str, options: OpenAIOptions, has_key: bool) -> Found:
    """Find out what a server understands.

    Raises:
        InputError: It cannot be used: nobody answers, the key is wrong, it does not know the
            model, or it is no chat server.
    """
    return await _Probe(endpoint, name, options, has_key).run()


class _Probe:
    def __init__(
        self, endpoint: Endpoint, name: str, options: OpenAIOptions, has_key: bool
    ) -> None:
        self.endpoint = endpoint
        self.name = name
        self.options = options
        self.has_key = has_key
        self.seconds = min(options.timeout, _FIRST_SECONDS)
        self.until = time.monotonic() + max(options.patience, 1.0)
        self.where = f"openai:{name} at {endpoint.url}"

    async def run(self) -> Found:
        listing = asyncio.ensure_future(self._list())
        try:
            begun = time.monotonic()
            dialect, reply = await self._basics(listing)
            took = time.monotonic() - begun
            self.seconds = min(self.options.timeout, max(_LEAST_SECONDS, 10 * took))
            entries = await listing
        finally:
            listing.cancel()
        dialect = replace(dialect, usage=isinstance(reply.get("usage"), dict))
        logprobs, (seeds, top_p), n, schema, tokenizes, sizes = await asyncio.gather(
            self._logprobs(dialect),
            self._seeds(dialect),
            self._several(dialect),
            self._schema(dialect),
            self._tokenizes(),
            self._sizes(entries),
        )
        dialect = replace(
            dialect,
            logprobs=logprobs,
            seeds=seeds,
            top_p=top_p,
            n=n,
            schema=schema,
            tokenizes=tokenizes,
            context_length=self.options.context_length or sizes[0],
            cache_tokens=sizes[1],
        )
        choice, masked = await self._choice(dialect)
        names = _names(entries)
        stranger = tuple(names) if names and self.name not in names else ()
        return Found(replace(dialect, choice=choice, masked=masked), stranger)

    # --- can it be used? --------------------------------------------------------------------------

    async def _basics(
        self, listing: asyncio.Future[list[Mapping[str, Any]]]
    ) -> tuple[Dialect, Mapping[str, Any]]:
        """Find the fields that a plain request may have, or fail with the reason."""
        both = ("max_tokens", "max_completion_tokens")
        untried = [(field, heat) for heat in (True, False) for field in both]
        wanted, first = untried[0], None
        while True:
            untried.remove(wanted)
            dialect = Dialect(max_tokens_field=wanted[0], temperature=wanted[1])
            reply = await self._ask(dialect, {}, first=True)
            if not isinstance(reply, Trouble):
                return dialect, reply
            first = first or reply
            if reply.status not in (400, 422) or not untried:
                raise await self._unusable(first, listing)
            other = both[wanted[0] == both[0]]
            hints = []
            if other in reply.message or wanted[0] in reply.message:
                hints.append((other, wanted[1]))
            if "temperature" in reply.message:
                hints.append((wanted[0], False))
            wanted = next((hint for hint in hints if hint in untried), untried[0])

    async def _unusable(
        self, trouble: Trouble, listing: asyncio.Future[list[Mapping[str, Any]]]
    ) -> InputError:
        said = trouble.message.removeprefix("the server answered ")
        variable = self.options.key_variable
        if trouble.fate == "unreachable":
            hint = "is the server running, and is this its address?"
            return UnreachableError(f"{self.where}: {trouble.message}; {hint}")
        if trouble.status in (401, 403):
            if self.has_key:
                hint = f"the server refused the key in {variable}"
            else:
                hint = f"the server wants a key: set {variable} in the environment or in .env"
            return InputError(one_line(f"{self.where}: {hint} ({said})"))
        names = _names(await listing)
        about_model = re.search(r"\bmodel\b", trouble.message, re.IGNORECASE) is not None
        if trouble.status in (400, 404, 422) and about_model and self.name not in names:
            if names:
                shown = nearest(self.name, names[:_LISTED] if len(names) > _LISTED else names)
                more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
                close = nearest(self.name, names).partition("? ")[0]
                lead = f"{close}? " if close.startswith("did you mean") and more else ""
                return InputError(
                    f"{self.where}: the server has no model '{self.name}'; {lead}{shown}{more}"
                )
            return InputError(one_line(f"{self.where}: the server has no such model ({said})"))
        if trouble.status == 404 or (trouble.fate == "garbage" and "web page" in trouble.message):
            hint = "no chat completions there; a base URL usually ends in /v1"
            return InputError(one_line(f"{self.where}: {hint} ({said})"))
        return InputError(one_line(f"{self.where}: {trouble.message}"))

    # --- what does it understand? -----------------------------------------------------------------

    async def _logprobs(self, dialect: Dialect) -> int:
        sizes = [20, 5]
        while sizes:
            size = sizes.pop(0)
            fields = {"logprobs": True, "top_logprobs": size}
            for _ in range(2):  # a feature that seems ignored is asked for twice
                reply = await self._ask(dialect, fields)
                if isinstance(reply, Trouble):
                    break
                most = max((len(e.get("top_logprobs") or ()) for e in _entries(reply)), default=0)
                if most > 1:
                    return size
            else:
                return 0
            allowed = {int(n) for n in re.findall(r"\b\d{1,2}\b", reply.message)}
            sizes = sorted({*sizes, *(n for n in allowed if 5 < n < size)}, reverse=True)
        return 0

    async def _seeds(self, dialect: Dialect) -> tuple[Seeds, bool]:
        """Whether seeds count, and whether a nucleus mass may be given."""
        first: Mapping[str, Any] | Trouble
        for seeded, top_p in ((True, True), (False, True), (True, False), (False, False)):
            if top_p and not dialect.temperature:
                continue  # models that take no temperature take no nucleus mass either
            first = await self._drawn(dialect, 1 if seeded else None, top_p)
            if not isinstance(first, Trouble):
                break
        else:
            return "refused", False
        if not seeded:
            return "refused", top_p
        said, rest = {_text(first)}, 2
        while rest:  # twice, since a busy server may round differently now and then
            rest -= 1
            again = await self._drawn(dialect, 1, top_p)
            text = "" if isinstance(again, Trouble) else _text(again)
            if text and text in said:
                return "honoured", top_p
            said.add(text)
        return "ignored", top_p

    async def _drawn(
        self, dialect: Dialect, seed: int | None, top_p: bool
    ) -> Mapping[str, Any] | Trouble:
        fields: dict[str, Any] = {"messages": _messages("Write twelve random words.")}
        fields |= {} if seed is None else {"seed": 1_234_567_890 + seed}
        fields |= {"top_p": 0.95} if top_p else {}
        return await self._ask(dialect, fields | _heat(dialect))

    async def _several(self, dialect: Dialect) -> bool:
        for _ in range(2):
            reply = await self._ask(dialect, {"n": 2} | _heat(dialect))
            if isinstance(reply, Trouble):
                return False
            if len(reply["choices"]) == 2:
                return True
        return False

    async def _schema(self, dialect: Dialect) -> bool:
        fields = {
            "response_format": schema_format("probe", choice_schema(_UNLIKELY)),
            dialect.max_tokens_field: 4 * _TOKENS,
        }
        for _ in range(2):
            reply = await self._ask(dialect, fields)
            if isinstance(reply, Trouble):
                return False
            if read_choice(self._bare(reply)) in _UNLIKELY:
                return True
        return False

    async def _choice(self, dialect: Dialect) -> tuple[bool, bool]:
        """Whether a reply can be restricted, and whether log-probabilities then show no other."""
        fields: dict[str, Any] = {"structured_outputs": {"choice": list(_UNLIKELY)}}
        more: dict[str, Any] = {}
        if dialect.logprobs:
            more = {"logprobs": True, "top_logprobs": dialect.logprobs}
        for _ in range(2):
            reply = await self._ask(dialect, fields | more)
            if isinstance(reply, Trouble):
                return False, False
            if self._bare(reply).strip() in _UNLIKELY:
                logprobs = reply["choices"][0].get("logprobs")
                _, missing = read_probabilities(logprobs, _UNLIKELY, self.options.thinking_tags)
                return True, missing is not None and missing < 0.02
        return False, False

    async def _tokenizes(self) -> bool:
        body = {"model": self.name, "messages": _messages("Say hello.")}
        reply = await self._once(self.endpoint.post_to_root("/tokenize", encode(body)))
        return isinstance(_json(reply).get("count"), int)

    async def _sizes(self, entries: list[Mapping[str, Any]]) -> tuple[int | None, int | None]:
        """Tokens of the context and of the prefix cache, where the server tells."""
        mine = [e for e in entries if e.get("id") == self.name] or entries[:1]
        entry = mine[0] if mine else {}
        owner, cache = entry.get("owned_by"), None
        names = ("max_model_len", "context_length", "context_window", "max_context_length")
        context = next((n for name in names if _is_size(n := entry.get(name))), None)
        if context is None and owner == "llamacpp":
            reply = await self._once(self.endpoint.get("/props", root=True))
            found = _json(reply).get("default_generation_settings")
            size = found.get("n_ctx") if isinstance(found, dict) else None
            context = size if _is_size(size) else None
        if owner == "vllm":
            reply = await self._once(self.endpoint.get("/metrics", root=True))
            if isinstance(reply, Answer):
                cache = _cache_tokens(reply.data.decode("utf-8", "replace"))
        return context, cache

    # --- asking -----------------------------------------------------------------------------------

    async def _list(self) -> list[Mapping[str, Any]]:
        """The server's models; empty where it does not list them."""
        for wait in (0.1, 0.3, 0.0):
            reply = await self._once(self.endpoint.get("/models"))
            if isinstance(reply, Answer) or reply.fate == "permanent":
                listed = _json(reply).get("data")
                entries = listed if isinstance(listed, list) else []
                return [e for e in entries if isinstance(e, dict)]
            await asyncio.sleep(wait)
        return []

    async def _once(self, sending: Coroutine[Any, Any, Answer | Trouble]) -> Answer | Trouble:
        try:
            async with asyncio.timeout(min(self.seconds, _LEAST_SECONDS)):
                return await sending
        except TimeoutError:
            return Trouble("timeout", "timeout", "no reply in time")

    async def _ask(
        self, dialect: Dialect, fields: Mapping[str, Any], *, first: bool = False
    ) -> Mapping[str, Any] | Trouble:
        """Ask until there is a reply, or a reason that stays."""
        body: dict[str, Any] = {
            "model": self.name,
            "messages": _messages("Say hello."),
            dialect.max_tokens_field: _TOKENS,
        }
        if dialect.temperature:
            body["temperature"] = 0.0
        data = encode(body | dict(fields) | self.options.extra_body)
        tries, pause = 0, 0.0
        while True:
            try:
                async with asyncio.timeout(self.seconds):
                    reply = await self.endpoint.chat(data)
            except TimeoutError:
                reply = Trouble("timeout", "timeout", f"no reply within {self.seconds:g} seconds")
            if isinstance(reply, Answer):
                found = _json(reply)
                if _usable(found):
                    return found
                what = "a web page" if b"<html" in reply.data[:500].lower() else "no chat reply"
                reply = Trouble("garbage", "bad_reply", f"what answers sends {what}")
            tries += reply.fate != "refused"
            if reply.fate == "permanent" or (reply.fate == "unreachable" and tries >= 3):
                return reply
            late = time.monotonic() > self.until
            if reply.fate == "refused":
                if late:
                    raise InputError(one_line(f"{self.where}: {reply.message}; try again later"))
            elif tries >= (max(_TRIES, self.options.attempts) if first else _TRIES) or late:
                return reply
            pause = min(5.0, max(2 * pause, 0.1))
            wait = pause if reply.wait is None else reply.wait
            left = max(0.0, self.until - time.monotonic())
            await asyncio.sleep(min(wait, left + 0.1) * random.uniform(1.0, 1.2))

    def _bare(self, reply: Mapping[str, Any]) -> str:
        return strip_thinking(_text(reply), self.options.thinking_tags).text


def _messages(text: str) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": text},
    ]


def _heat(dialect: Dialect) -> dict[str, Any]:
    return {"temperature": 1.0} if dialect.temperature else {}


def _json(reply: Answer | Trouble) -> Mapping[str, Any]:
    try:
        found = json.loads(reply.data) if isinstance(reply, Answer) else None
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _usable(reply: Mapping[str, Any]) -> bool:
    choices = reply.get("choices")
    return (
        isinstance(choices, list)
        and bool(choices)
        and all(isinstance(c, dict) and isinstance(c.get("message"), dict) for c in choices)
        and not reply.get("error")
    )


def _text(reply: Mapping[str, Any]) -> str:
    content = reply["choices"][0]["message"].get("content")
    return content if isinstance(content, str) else ""


def _entries(reply: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    logprobs = reply["choices"][0].get("logprobs")
    entries = logprobs.get("content") if isinstance(logprobs, dict) else None
    return [e for e in entries or () if isinstance(e, dict)] if isinstance(entries, list) else []


def _names(entries: list[Mapping[str, Any]]) -> list[str]:
    return [str(e["id"]) for e in entries if isinstance(e.get("id"), str)]


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _cache_tokens(metrics: str) -> int | None:
    """Read vLLM's description of its cache: blocks times tokens per block."""
    line = next((x for x in metrics.splitlines() if x.startswith("vllm:cache_config_info")), "")
    found = {name: int(n) for name, n in re.findall(r'(block_size|num_gpu_blocks)="(\d+)"', line)}
    tokens = found.get("block_size", 0) * found.get("num_gpu_blocks", 0)
    return tokens or None
