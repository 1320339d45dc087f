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
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pydantic import SecretStr

from debate_env.errors import InputError, nearest
from debateqd.agents.models.base import Message, Reply, Request, Sampling
from debateqd.agents.models.openai.errors import Answer, Trouble, from_garbage
from debateqd.agents.models.openai.wire import (
    Dialect,
    Garbage,
    Reading,
    Seeds,
    chat_messages,
    choice_schema,
    encode,
    read_choice,
    read_probabilities,
    read_reply,
    schema_format,
)
from debateqd.agents.models.options import OpenAIOptions
from debateqd.agents.replies import one_line

if TYPE_CHECKING:
    from debateqd.agents.models.openai.client import Endpoint

T = TypeVar("T")

_TOKENS = 16  # of a reply to a probe
_FIRST_SECONDS = 120.0  # for the first reply: a server may have to load the model
_LEAST_SECONDS = 10.0  # for the later ones, or ten times what the first took
_TRIES = 6  # at what may pass, within about three seconds
_UNLIKELY = ("Q", "Z")  # what nobody says when asked to say hello
_HELLO = "Say hello."
_WORDS = (
    "Write twelve random words, as in this story: The keeper of the lighthouse trimmed the lamp "
    'every evening, though no ship had passed since 1911. "Somebody may still need it," she said.'
)
_STOPS = [f"</{letter}>" for letter in "abcdefghijklmnop"]
_SAMPLING: Mapping[str, Sequence[Any]] = {
    "temperature": (0.5,),  # some models take only 1
    "top_p": (0.99,),
    "top_k": (0, -1),
    "min_p": (0.0,),
    "repetition_penalty": (1.0,),
    "repeat_penalty": (1.0,),  # the same for servers on llama.cpp
    "presence_penalty": (0.0,),
    "frequency_penalty": (0.0,),
    "stop": (_STOPS, _STOPS[:4], _STOPS[:1]),
}
"""What shapes replies, with values to try, best first."""

_SHAPING = ("temperature", "top_p", "stop")  # the others are neutral: what they say is "nothing"


class UnreachableError(InputError):
    """Nobody answers at a base URL."""


class Found(NamedTuple):
    """What a probe found.

    Attributes:
        dialect: What the server understands.
        stranger: Names that it lists where the model's is not among them, though it answered.
        spent: Requests and tokens that this took.
    """

    dialect: Dialect
    stranger: tuple[str, ...]
    spent: Counter[str]


async def probe(endpoint: Endpoint, name: str, options: OpenAIOptions, key: SecretStr) -> Found:
    """Find out what a server understands.

    Raises:
        InputError: It cannot be used: nobody answers, the key is wrong, it does not know the
            model, it is no chat server, or it wants to be left alone for too long.
    """
    return await _Probe(endpoint, name, options, key).run()


async def count_on_server(
    endpoint: Endpoint, way: str, model: str, messages: Sequence[Message], extra: Mapping[str, Any]
) -> int | str:
    """Count the tokens of a prompt in one of the ways of ``Dialect.counts``; else say why not."""
    own = {name: value for name, value in extra.items() if name.startswith("chat_template")}
    asked = {"model": model, "messages": chat_messages(messages), **own}
    if way == "template":
        reply = await endpoint.post_to_root("/apply-template", encode(asked))
        if isinstance(reply, Trouble):
            return reply.message
        prompt = str(_json(reply).get("prompt", ""))
        asked = {"content": prompt, "add_special": True, "parse_special": True}
    reply = await endpoint.post_to_root("/tokenize", encode(asked))
    if isinstance(reply, Trouble):
        return reply.message
    found = _json(reply).get("tokens" if way == "template" else "count")
    return _size(len(found) if isinstance(found, list) else found) or "the reply holds no count"


class _Probe:
    def __init__(
        self, endpoint: Endpoint, name: str, options: OpenAIOptions, key: SecretStr
    ) -> None:
        self.endpoint = endpoint
        self.name = name
        self.options = options
        self.key = key
        self.seconds = min(options.timeout, _FIRST_SECONDS)
        self.until = time.monotonic() + max(options.patience, 1.0)
        self.where = f"openai:{name} at {endpoint.url}"
        self.spent: Counter[str] = Counter()
        self.room = "max_tokens"

    async def run(self) -> Found:
        begun = time.monotonic()
        hello = refused = await self._ask({})
        if isinstance(refused, Trouble) and refused.status in (400, 422):
            self.room = "max_completion_tokens"
            hello = await self._ask({})
        if isinstance(hello, Trouble):
            raise await self._unusable(refused if isinstance(refused, Trouble) else hello)
        took = time.monotonic() - begun
        self.seconds = min(self.options.timeout, max(_LEAST_SECONDS, 10 * took))
        entries, sampling, neutral, counts = await asyncio.gather(
            self._list(),
            self._accepted(_SAMPLING),
            self._accepted({"top_p": (1.0,)}),
            self._counts(),
        )
        heat = {"temperature": 1.0} if "temperature" in sampling else {}
        shape = schema_format("probe", choice_schema(_UNLIKELY))
        strict = {"response_format": shape, self.room: 4 * _TOKENS}
        (seeds, longer), logprobs, schema, facts = await asyncio.gather(
            self._seeds(heat),
            self._logprobs(),
            self._shows(strict, lambda r: read_choice(_text(r)) in _UNLIKELY),
            self._facts(entries),
        )
        if facts["server"] == "vllm":  # it knows its own fields, and logs every other
            sampling.pop("repeat_penalty", None)
        choice, masked = await self._choice(logprobs)
        more = max(0, longer - hello.usage.prompt_tokens)
        # Stop strings would also end a reply amid its thinking.
        thinks = hello.usage.thinking_tokens or not _text(hello)
        dialect = Dialect(
            max_tokens_field=self.room,
            temperature="temperature" in sampling,
            top_p="top_p" in sampling,
            neutral={k: v for k, v in sampling.items() if k not in _SHAPING} | neutral,
            stop=0 if thinks else len(sampling.get("stop", ())),
            logprobs=logprobs,
            seeds=seeds,
            choice=choice,
            masked=masked,
            schema=isinstance(schema, Reading),
            usage=hello.usage.prompt_tokens > 0,
            counts=counts,
            tokens_per_character=round(more / (len(_WORDS) - len(_HELLO)), 3),
            **facts,
        )
        names = _names(entries)
        stranger = tuple(names) if names and self.name not in names else ()
        return Found(dialect, stranger, self.spent)

    async def _unusable(self, trouble: Trouble) -> InputError:
        said, variable, hint = trouble.message, self.options.key_variable, ""
        if trouble.fate == "unreachable":
            said += "; is the server running, and is this its address?"
            return UnreachableError(one_line(f"{self.where}: {said}"))
        if trouble.status in (401, 403):
            hint = f"the server wants a key: set {variable} in the environment or in .env"
            hint = f"the server refused the key in {variable}" if self.key else hint
        elif trouble.status in (400, 404, 422) and re.search(r"\bmodel\b", said, re.IGNORECASE):
            names = _names(await self._list())
            if self.name not in names:
                listed = f"; {nearest(self.name, names)}" if names else ""
                hint = f"the server has no model '{self.name}'{listed}"
        elif trouble.status == 404 or "web page" in said:
            hint = "no chat completions there; a base URL usually ends in /v1"
        return InputError(one_line(f"{self.where}: {hint and hint + ': '}{said}"))

    # --- what does it understand? -----------------------------------------------------------------

    async def _accepted(self, ways: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
        """Which fields are taken, each with the first of its values that is.

        All are sent at once, then without what the server names; where it names none of them, half
        of them at a time. What the user sends in every request is not asked for.
        """
        ways = {n: w for n, w in ways.items() if w and n not in self.options.extra_body}
        fields = {name: values[0] for name, values in ways.items()}
        reply = await self._ask(fields) if fields else None
        if not isinstance(reply, Trouble) or reply.status not in (400, 422):
            return {} if isinstance(reply, Trouble) else fields
        names = list(ways)
        named = {n for n in names if re.search(rf"\b{n}\b", reply.message)}
        if named or len(names) == 1:
            named = named or set(names)
            return await self._accepted({n: w[n in named :] for n, w in ways.items()})
        middle = len(names) // 2
        found = [await self._accepted({n: ways[n] for n in names[:middle]})]
        return found[0] | await self._accepted({n: ways[n] for n in names[middle:]})

    async def _shows(
        self, fields: Mapping[str, Any], sign: Callable[[Reading], bool]
    ) -> Reading | Trouble | None:
        """Return the reply that shows a feature, or the refusal.

        What seems ignored is asked for twice: a reply may show nothing by chance.
        """
        for _ in range(2):
            reply = await self._ask(fields)
            if isinstance(reply, Trouble) or sign(reply):
                return reply
        return None

    async def _logprobs(self) -> int:
        def many(reply: Reading) -> bool:
            logprobs = reply.logprobs
            entries = logprobs.get("content") if isinstance(logprobs, dict) else None
            listed = [e.get("top_logprobs") for e in entries or () if isinstance(e, dict)]
            return max((len(top) for top in listed if isinstance(top, list)), default=0) > 1

        for size in (20, 8, 5):
            reply = await self._shows({"logprobs": True, "top_logprobs": size}, many)
            if not isinstance(reply, Trouble):
                return size if reply else 0
        return 0

    async def _seeds(self, heat: Mapping[str, Any]) -> tuple[Seeds, int]:
        """Whether seeds count; and the tokens of the longer prompt that this asks with."""
        fields = {"messages": _messages(_WORDS), "seed": 1_234_567_890, **heat}
        asked = [await self._ask(fields) for _ in range(3)]  # a busy server may round differently
        said = [reply for reply in asked if isinstance(reply, Reading)]
        if len(said) < len(asked):
            return "refused", 0
        texts = {_text(reply) for reply in said}
        honoured = len(texts) < len(said) and "" not in texts
        return ("honoured" if honoured else "ignored"), said[0].usage.prompt_tokens

    async def _choice(self, logprobs: int) -> tuple[bool, bool]:
        """Whether a reply can be restricted, and whether log-probabilities then show no other."""
        fields: dict[str, Any] = {"structured_outputs": {"choice": list(_UNLIKELY)}}
        if logprobs:
            fields |= {"logprobs": True, "top_logprobs": logprobs}
        reply = await self._shows(fields, lambda r: _text(r).strip() in _UNLIKELY)
        if not isinstance(reply, Reading):
            return False, False
        _, missing = read_probabilities(reply.logprobs, _UNLIKELY, self.options.thinking_tags)
        return True, missing is not None and missing < 0.02

    async def _counts(self) -> str:
        asked, extra = [Message("user", _HELLO)], self.options.extra_body
        for way in ("messages", "template"):
            work = count_on_server(self.endpoint, way, self.name, asked, extra)
            if isinstance(await self._within(work), int):
                return way
        return ""

    async def _facts(self, entries: list[Mapping[str, Any]]) -> dict[str, Any]:
        """Which server it is, and the tokens of its context and of its prefix cache."""
        entry = next((e for e in entries if e.get("id") == self.name), None) or (entries or [{}])[0]
        names = ("max_model_len", "context_length", "context_window", "max_context_length")
        size = next((n for name in names if (n := _size(entry.get(name)))), None)
        owner, server, cache = entry.get("owned_by"), "", None
        if owner == "vllm":
            server = owner
            cache = _cache_tokens(await self._get("/metrics", root=True))
        elif owner == "llamacpp":
            server = owner
            found = _json(await self._get("/props", root=True))
            slot = found.get("default_generation_settings")
            size = _size(slot.get("n_ctx")) if isinstance(slot, dict) else None
        elif size is None:  # Ollama tells what it has loaded
            models = _json(await self._get("/api/ps", root=True)).get("models")
            for model in models if isinstance(models, list) else ():
                if model.get("name") in (self.name, f"{self.name}:latest"):
                    server, size = "ollama", _size(model.get("context_length"))
        size = self.options.context_length or size
        return {"server": server, "context_length": size, "cache_tokens": cache}

    # --- asking -----------------------------------------------------------------------------------

    async def _list(self) -> list[Mapping[str, Any]]:
        """The server's models; empty where it does not list them."""
        found = _json(await self._get("/models")).get("data")
        return [e for e in found if isinstance(e, dict)] if isinstance(found, list) else []

    async def _get(self, path: str, *, root: bool = False) -> Answer | Trouble:
        for wait in (0.1, 0.3):
            reply = await self._within(self.endpoint.get(path, root=root))
            if isinstance(reply, Answer) or reply.fate == "permanent":
                break
            await asyncio.sleep(wait)
        return reply

    async def _within(self, work: Coroutine[Any, Any, T]) -> T | Trouble:
        try:
            async with asyncio.timeout(min(self.seconds, _LEAST_SECONDS)):
                return await work
        except TimeoutError:
            return Trouble("timeout", "timeout", "no reply in time")

    async def _ask(self, fields: Mapping[str, Any]) -> Reading | Trouble:
        """Ask until there is a usable reply, or a reason that stays.

        Raises:
            InputError: ``patience`` is over before it has one, or will be: what may pass is no
                lack, and is not written down as one.
        """
        body = {"model": self.name, "messages": _messages(_HELLO), self.room: _TOKENS, **fields}
        data, patience = encode(body | self.options.extra_body), self.options.patience
        pause, tries = 0.1, 0
        while True:
            reply = await self._once(data, 2**tries)
            if isinstance(reply, Reading):
                return reply
            tries += reply.fate != "refused"
            most = 3 if reply.fate == "unreachable" else _TRIES
            if reply.fate in ("permanent", "filtered") or tries >= most:
                return reply
            wait = (pause if reply.wait is None else reply.wait) * random.uniform(1.0, 1.2)
            if time.monotonic() + wait > self.until and reply.fate != "unreachable":
                asked = "" if reply.wait is None else f"; it asks to wait {reply.wait:.0f} seconds"
                left = f"models.openai.patience is {patience:g} seconds; try again later"
                raise InputError(one_line(f"{self.where}: {reply.message}{asked}, but {left}"))
            await asyncio.sleep(wait)
            pause = min(5.0, 2 * pause)

    async def _once(self, data: bytes, patient: int) -> Reading | Trouble:
        left = self.until - time.monotonic()
        seconds = max(1.0, min(patient * self.seconds, self.options.timeout, left))
        self.spent["requests"] += 1
        try:
            async with asyncio.timeout(seconds):
                answer = await self.endpoint.chat(data)
        except TimeoutError:
            return Trouble("timeout", "timeout", f"no reply within {seconds:.3g} seconds")
        if isinstance(answer, Trouble):
            return answer
        reading = read_reply(answer.data, _PLAIN, self.options.thinking_tags)
        self.spent.update(reading.usage._asdict())
        found = reading.reply
        if isinstance(found, Reply):
            if found.text.strip() or found.finish_reason not in ("stop", "unknown"):
                return reading
            found = Garbage("the reply holds no text")
        key = self.key.get_secret_value()
        return from_garbage(*found, answer.headers, time.time(), key)


_PLAIN = Request((), Sampling(_TOKENS), 0)


def _text(reading: Reading) -> str:
    return reading.reply.text if isinstance(reading.reply, Reply) else ""


def _messages(text: str) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": text},
    ]


def _json(reply: Answer | Trouble) -> Mapping[str, Any]:
    try:
        found = json.loads(reply.data) if isinstance(reply, Answer) else None
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _names(entries: list[Mapping[str, Any]]) -> list[str]:
    return [str(e["id"]) for e in entries if isinstance(e.get("id"), str)]


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _cache_tokens(metrics: Answer | Trouble) -> int | None:
    """Read vLLM's description of its cache: blocks times tokens per block."""
    data = metrics.data if isinstance(metrics, Answer) else b""
    lines = data.decode("utf-8", "replace").splitlines()
    line = next((x for x in lines if x.startswith("vllm:cache_config_info")), "")
    found = {name: int(n) for name, n in re.findall(r'(block_size|num_gpu_blocks)="(\d+)"', line)}
    return found.get("block_size", 0) * found.get("num_gpu_blocks", 0) or None
