"""Chat models behind OpenAI-compatible servers: OpenAI, vLLM, Ollama, llama.cpp, OpenRouter, ...

Servers differ; a probe finds out what this one understands
(:mod:`debateqd.agents.models.openai.probe`), and requests are worded accordingly. A verdict is
asked for, in this order of preference, with the log-probabilities of the choices, with a structured
choice, with a JSON schema, or in plain words. Where the log-probabilities of a structured choice
would hide how likely anything else was, the choice is left free, and restricted only when none of
the choices is among the likeliest tokens.

Requests are in flight together, as many as the server does not refuse
(:mod:`debateqd.agents.models.openai.window`); what fails in passing is sent again
(:mod:`debateqd.agents.models.openai.queue`). Several base URLs are replicas of one server.
"""

from __future__ import annotations

import asyncio
import json
import weakref
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Any

from pydantic import SecretStr, TypeAdapter, ValidationError

from debate_env.errors import InputError
from debateqd.agents.models.base import Capabilities, Message, Reply, Request, StoppedError
from debateqd.agents.models.openai.keys import OPENAI_URL, find_key, find_urls
from debateqd.agents.models.openai.probe import Found, UnreachableError, count_on_server, probe
from debateqd.agents.models.openai.wire import Dialect, weakest
from debateqd.agents.models.openai.worker import Worker
from debateqd.agents.models.options import OpenAIOptions, read_options
from debateqd.agents.replies import one_line

BEHAVIOUR_VERSION = 2
"""Raised whenever requests are worded, or replies read, in another way."""

_LONGER = {
    "": "models.openai.context_length, if the server has it",
    "vllm": "--max-model-len of the server",
    "llamacpp": "-c of llama-server, which its -np slots share",
    "ollama": "num_ctx of the model, or OLLAMA_CONTEXT_LENGTH of the server",
}
_COUNT_SECONDS = 30.0
_COUNT_TRIES = 4


def make_openai(
    name: str, *, found: Mapping[str, Any] | None = None, **options: Any
) -> OpenAIModel:
    """Make a model behind an OpenAI-compatible server; asks it a few tiny questions.

    Args:
        name: Name of the model on the server; may hold colons and slashes.
        found: What an earlier model was found to understand (:attr:`OpenAIModel.found`); nothing
            is asked then.
        **options: See :class:`debateqd.agents.models.options.OpenAIOptions`.

    Raises:
        InputError: An option or ``found`` is wrong, or the server cannot be used: nobody answers,
            the key is wrong, it does not know the model, or it is no chat server.
    """
    checked = read_options("openai", options, f"model 'openai:{name}'")
    if not isinstance(checked, OpenAIOptions):  # never: the engine names its options
        raise TypeError(type(checked).__name__)
    urls = find_urls(checked.base_urls)
    key = find_key(checked.key_variable)
    if not key and OPENAI_URL in urls:
        raise InputError(
            f"model 'openai:{name}': no key; set {checked.key_variable} in the environment or in a "
            "file .env, or name another server with --base-url"
        )
    worker = Worker(name, urls, key, checked)
    try:
        if found is None:
            probed = worker.call(_probe_all(worker, checked, key))
            worker.dialect = weakest([f.dialect for f in probed if f is not None])
            notes = _notes(name, urls, probed, worker.dialect)
            cost = sum((f.spent for f in probed if f is not None), Counter[str]())
        else:
            worker.dialect = _read_found(found, name, checked.context_length)
            notes = (f"openai:{name}: as found at the start: {describe(worker.dialect)}",)
            cost = Counter[str]()
        kind = CountingOpenAIModel if worker.dialect.counts else OpenAIModel
        return kind(worker, notes, cost)
    except BaseException:
        worker.close()
        raise


def _read_found(found: Mapping[str, Any], name: str, context: int | None) -> Dialect:
    try:
        dialect = TypeAdapter(Dialect).validate_python(dict(found))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"model 'openai:{name}': what was found of its server cannot have {where} "
            f"{first['input']!r}: {first['msg']}"
        ) from None
    return replace(dialect, context_length=context or dialect.context_length)


async def _probe_all(worker: Worker, options: OpenAIOptions, key: SecretStr) -> list[Found | None]:
    """Probe every replica; ``None`` for one that cannot be reached while another can."""

    async def one(index: int) -> Found | UnreachableError:
        try:
            return await probe(worker.endpoints[index], worker.model, options, key)
        except UnreachableError as error:
            return error

    found = await asyncio.gather(*(one(i) for i in range(len(worker.endpoints))))
    away = [f for f in found if isinstance(f, UnreachableError)]
    if len(away) == len(found):
        raise away[0]
    return [None if isinstance(f, UnreachableError) else f for f in found]


def _notes(
    name: str, urls: Sequence[str], found: Sequence[Found | None], common: Dialect
) -> tuple[str, ...]:
    lines = []
    for url, what in zip(urls, found, strict=True):
        if what is None:
            lines.append(f"openai:{name} at {url}: no connection; left out until it answers")
            continue
        lines.append(f"openai:{name} at {url}: {describe(what.dialect)}")
        if what.stranger:
            listed = ", ".join(what.stranger[:3]) + (", ..." if len(what.stranger) > 3 else "")
            lines.append(
                f"openai:{name} at {url}: the server lists {listed} and not '{name}', yet answers; "
                "check that it serves the model you mean"
            )
    if len({f.dialect for f in found if f is not None}) > 1:
        lines.append(f"openai:{name}: the replicas differ; used is what all do: {describe(common)}")
    return tuple(lines)


def describe(dialect: Dialect) -> str:
    """Say in one line what a server understands and where verdicts come from."""
    structured = "yes (vLLM)" if dialect.choice else "yes (JSON schema)" if dialect.schema else "no"
    seeds = {"honoured": "yes", "ignored": "ignored", "refused": "no"}[dialect.seeds]
    parts = [
        f"log-probabilities {f'yes ({dialect.logprobs})' if dialect.logprobs else 'no'}",
        f"seed {seeds}",
        f"structured choice {structured}",
        f"context {dialect.context_length or 'unknown'}",
    ]
    if not dialect.temperature:
        parts.append("temperature fixed")
    if not dialect.usage:
        parts.append("tokens used not told")
    source = "the letter in the reply"
    if dialect.choice or dialect.schema:
        source = "structured replies"
    if dialect.logprobs:
        source = "log-probabilities"
    return ", ".join(parts) + f"; verdicts come from {source}"


class OpenAIModel:
    """A chat model behind one or several OpenAI-compatible servers; made by :func:`make_openai`."""

    def __init__(self, worker: Worker, notes: tuple[str, ...], probe_cost: Counter[str]) -> None:
        self._worker = worker
        self.notes = notes
        self.probe_cost = probe_cost
        self._probed = Counter[str]()  # the same, once it is part of the delivery
        # Ends the thread also where nobody calls close(), at the latest when the program ends.
        self._finalizer = weakref.finalize(self, worker.close)

    @property
    def name(self) -> str:
        """The specification that makes this model, e.g. ``"openai:llama3:8b"``."""
        return f"openai:{self._worker.model}"

    @property
    def fingerprint(self) -> str:
        """Engine, name, revision, thinking tags and further fields of every request.

        The base URL is no part of it: replicas and restarted servers must match. Where one name
        stands for different weights on different servers, give each a ``revision``.
        """
        options = self._worker.options
        extra = json.dumps(options.extra_body, sort_keys=True, default=str)
        return (
            f"openai/{BEHAVIOUR_VERSION} {self._worker.model} revision={options.revision} "
            f"thinking={'|'.join(options.thinking_tags)} "
            f"extra={sha256(extra.encode()).hexdigest()[:16] if options.extra_body else ''}"
        )

    @property
    def capabilities(self) -> Capabilities:
        """What the probe found."""
        dialect = self._worker.dialect
        return Capabilities(
            probabilities=dialect.logprobs > 0,
            schema=dialect.schema,
            context_length=dialect.context_length,
            cache_tokens=dialect.cache_tokens,
            tokens_per_character=dialect.tokens_per_character or None,
            longer_context=_LONGER.get(dialect.server, _LONGER[""]),
        )

    @property
    def delivery(self) -> Counter[str]:
        """What was counted so far; see :class:`debateqd.agents.models.base.MeteredModel`."""
        counts = Counter(self._worker.counts)
        counts.update(self._probed)
        return counts

    @property
    def found(self) -> dict[str, Any]:
        """What the probe found, as plain data, so that it need not be asked again."""
        return asdict(self._worker.dialect)

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Accept requests."""
        if self.probe_cost:
            self._probed, self.probe_cost = self.probe_cost, Counter()
        self._worker.submit(tickets)

    def poll(self) -> list[tuple[int, Reply]]:
        """Return finished tickets; wait for one while any is outstanding."""
        return self._worker.collect(None)

    def poll_for(self, seconds: float) -> list[tuple[int, Reply]]:
        """Return finished tickets; wait at most ``seconds``."""
        return self._worker.collect(seconds)

    def close(self) -> None:
        """End the connections, and the requests that are in flight."""
        self._finalizer()

    def __repr__(self) -> str:
        return f"OpenAIModel({self.name!r})"


class CountingOpenAIModel(OpenAIModel):
    """One whose server counts tokens."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count the tokens of a prompt, its chat template included, by asking the server.

        Raises:
            StoppedError: The server did not answer.
        """
        return self._worker.call(self._count(messages))

    async def _count(self, messages: Sequence[Message]) -> int:
        worker = self._worker
        for attempt in range(_COUNT_TRIES):
            endpoint = worker.endpoints[attempt % len(worker.endpoints)]
            way, extra = worker.dialect.counts, worker.options.extra_body
            try:
                async with asyncio.timeout(_COUNT_SECONDS):
                    found = await count_on_server(endpoint, way, worker.model, messages, extra)
            except TimeoutError:
                found = "no reply in time"
            if isinstance(found, int):
                return found
            await asyncio.sleep(0.2 * 2**attempt)
        raise StoppedError(one_line(f"{self.name}: the server could not count tokens: {found}"))
