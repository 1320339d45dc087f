"""Helpers for tests that talk to the stand-in server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from debateqd.agents.models.base import Message, PatientModel, Reply, Request, Sampling
from debateqd.agents.models.openai import OpenAIModel, make_openai
from tests.servers import Settings, ThreadServer, serve

LONG = "The keeper of the house kept a lamp on the sill, and trimmed it every evening. " * 30


@contextmanager
def connected(
    settings: Settings | None = None, name: str = "tiny", **options: Any
) -> Iterator[tuple[OpenAIModel, ThreadServer]]:
    """A model on a stand-in server; what the probe asked is forgotten."""
    with serve(settings or Settings()) as server:
        model = make_openai(name, **{"base_urls": [server.url], **options})
        server.stand_in.log.clear()
        server.stand_in.counts.clear()
        model._worker.counts.update(dict.fromkeys(model._worker.counts, 0))
        model.probe_cost.clear()
        try:
            yield model, server
        finally:
            model.close()


def ask(
    text: str = "Say something.",
    seed: int = 1,
    *,
    system: str = "You are brief.",
    temperature: float = 0.7,
    max_tokens: int = 32,
    choices: tuple[str, ...] | None = None,
    schema: str | None = None,
) -> Request:
    """A request."""
    messages = (Message("system", system), Message("user", text))
    return Request(messages, Sampling(max_tokens, temperature), seed, choices, schema)


def answers(
    model: PatientModel, requests: Sequence[Request], seconds: float = 300.0
) -> list[Reply]:
    """Ask all at once; every ticket must come back exactly once."""
    model.submit(list(enumerate(requests)))
    found: dict[int, Reply] = {}
    until = time.monotonic() + seconds
    while len(found) < len(requests):
        assert time.monotonic() < until, f"{len(requests) - len(found)} replies are missing"
        for ticket, reply in model.poll_for(0.5):
            assert ticket not in found, "a ticket came back twice"
            found[ticket] = reply
    assert model.poll_for(0) == []
    return [found[i] for i in range(len(requests))]


def wait_for(condition: Callable[[], object], seconds: float = 300.0) -> None:
    """Wait until something holds that another thread brings about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.01)
