"""The chat model that vLLM runs: tickets in, replies out, no barrier between them.

A request joins the engine's batch as soon as it is submitted and there is room, and leaves it as
soon as it is finished. The engine lets those that wait for room in by the rank of their passage,
the one first seen first, so that those which share a passage follow each other while it is in the
cache.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import IO, NamedTuple

from debateqd.agents.models.base import Capabilities, Message, Reply, Request, StoppedError
from debateqd.agents.models.vllm.choices import ChoiceTokens, choice_tokens
from debateqd.agents.models.vllm.prompts import PromptWriter
from debateqd.agents.models.vllm.runner import EngineFacts, Finished, RefusedError, Runner
from debateqd.agents.models.vllm.stages import Abilities, Generated, Stages, answering
from debateqd.agents.models.vllm.start import read, reason


class EngineStoppedError(StoppedError):
    """The engine cannot go on; everything finished is safe."""


class _Job(NamedTuple):
    """A ticket on its way through its stages."""

    ticket: int
    stages: Stages
    rank: int


class VllmModel:
    """A chat model that vLLM runs.

    Made by :func:`debateqd.agents.models.vllm.engine.make_vllm`.

    Attributes:
        name: The specification that makes this model.
        fingerprint: Everything but the request that determines a reply.
    """

    def __init__(
        self,
        spec: str,
        fingerprint: str,
        runner: Runner,
        writer: PromptWriter,
        tags: tuple[str, str],
        thinking_tokens: int,
        log: IO[bytes] | None = None,
    ) -> None:
        self.name = spec
        self.fingerprint = fingerprint
        self._runner = runner
        self._writer = writer
        facts = runner.facts
        self._abilities = Abilities(
            context_length=facts.context_length,
            choices=lru_cache(maxsize=4096)(self._choice_tokens),
            tags=tags,
            opening=writer.opening,
            closing=writer.closing,
            closed=writer.closed(),
            budget=thinking_tokens,
        )
        self._delivery: Counter[str] = Counter()
        self._ranks: dict[int, int] = {}  # of passages, by the hash of their message
        self._sent: dict[int, tuple[_Job, int]] = {}  # by key, with the tokens of the prompt
        self._key = 0
        self._done: list[tuple[int, Reply]] = []
        self._dead = ""
        self._log = log
        self.capabilities = Capabilities(
            probabilities=True,
            schema=True,
            context_length=facts.context_length,
            cache_tokens=facts.cache_tokens,
            longer_context="models.vllm.max_model_len",
        )
        self.notes = _notes(spec, facts, writer)

    @property
    def delivery(self) -> Counter[str]:
        """Counts of what the engine did; see :class:`debateqd.agents.models.base.MeteredModel`."""
        return Counter(self._delivery)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count the tokens of a prompt, its chat template included."""
        return len(self._writer.prompt(messages).ids)

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Accept requests, and hand them to the engine."""
        self._alive()
        for ticket, request in tickets:
            try:
                prompt = self._writer.prompt(request.messages)
            except Exception as error:  # noqa: BLE001  (a chat template may raise anything)
                line = " ".join(f"{type(error).__name__}: {error}".split())
                self._answer(
                    ticket, Reply("", "error", error=f"the chat template refuses this: {line}")
                )
                continue
            head = hash(request.messages[0].content) if request.messages else 0
            rank = self._ranks.setdefault(head, len(self._ranks))
            self._advance(_Job(ticket, answering(request, prompt, self._abilities), rank), None)

    def poll(self) -> list[tuple[int, Reply]]:
        """Return finished tickets; step the engine until there is one."""
        return self.poll_for(math.inf)

    def poll_for(self, seconds: float) -> list[tuple[int, Reply]]:
        """Return finished tickets; step the engine no longer than ``seconds`` for one.

        A step that has begun is finished: it takes as long as computing one token of every request
        in the batch, or a prompt.
        """
        deadline = time.monotonic() + seconds
        while not self._done and self._sent and time.monotonic() < deadline:
            self._step()
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Shut the engine down and free its memory, that of its GPUs too."""
        self._dead = self._dead or "it was closed"
        self._sent.clear()
        self._runner.close()
        if self._log is not None:
            self._log.close()

    def _alive(self) -> None:
        if self._dead:
            raise EngineStoppedError(f"model '{self.name}' cannot go on: {self._dead}")

    def _choice_tokens(self, choices: tuple[str, ...]) -> ChoiceTokens:
        return choice_tokens(choices, self._writer.encode, self._writer.token)

    def _answer(self, ticket: int, reply: Reply) -> None:
        self._delivery["thinking_tokens"] += reply.usage.thinking_tokens
        self._delivery["failed"] += reply.finish_reason == "error"
        self._done.append((ticket, reply))

    def _advance(self, job: _Job, answer: Generated | None) -> None:
        """Run a ticket's stages up to what is to be generated next, or to its reply."""
        try:
            ask = job.stages.send(answer)  # type: ignore[arg-type]
        except StopIteration as end:
            self._answer(job.ticket, end.value)
            return
        self._key += 1
        try:
            self._runner.send(self._key, ask, job.rank)
        except RefusedError as error:
            refused = f"vLLM refuses this request: {error}"
            self._answer(job.ticket, Reply("", "error", error=refused))
        except Exception as error:  # noqa: BLE001  (the engine's own)
            self._stop(error)
        else:
            self._delivery["requests"] += 1
            self._sent[self._key] = (job, len(ask.ids))

    def _step(self) -> None:
        self._alive()
        try:
            finished = self._runner.step()
        except Exception as error:  # noqa: BLE001  (the engine's own)
            self._stop(error)
        else:
            for one in finished:
                self._receive(one)

    def _stop(self, error: Exception) -> None:
        self._dead = reason(error, read(self._log))
        self._alive()

    def _receive(self, finished: Finished) -> None:
        job, prompt = self._sent.pop(finished.key)
        self._delivery["prompt_tokens"] += prompt
        self._delivery["cached_prompt_tokens"] += finished.cached
        self._delivery["completion_tokens"] += len(finished.answer.ids)
        self._advance(job, finished.answer)

    def __repr__(self) -> str:
        return f"VllmModel({self.name!r})"


def _notes(spec: str, facts: EngineFacts, writer: PromptWriter) -> tuple[str, ...]:
    cache = f", prefix cache {facts.cache_tokens:,} tokens" if facts.cache_tokens else ""
    weights = facts.dtype + (f" {facts.quantization}" if facts.quantization else "")
    lines = [
        f"{spec}: {facts.architecture}, {weights}, on {facts.device}, context "
        f"{facts.context_length:,} tokens{cache}, vLLM {facts.version}"
    ]
    if not writer.split:
        lines.append(f"{spec}: its tokenizer cannot remember passages, so prompts take longer")
    if writer.merged:
        lines.append(
            f"{spec}: its chat template refuses system messages; the rules go into the first user "
            "message"
        )
    return tuple(lines)
