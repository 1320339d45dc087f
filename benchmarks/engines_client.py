"""What a request to a server costs the client: processor time of this process, all threads.

The server is instant and a process of its own; prompts are as long as debates have them. What is
left out is what the scheduler does around a request.
"""

from __future__ import annotations

import time
from typing import Any

from engines_table import Figure
from engines_workload import ScriptedModel, equal_work, make_questions

from debateqd.agents.rollout import play
from tests.servers import Settings, serve_process

REQUEST = 1.5  # milliseconds
_PER_DEBATE = 8
_PASSAGE_CHARS = 27_000
_WARM = 64  # requests before the clock starts: connections, first sizes of everything


def client(debates: int = 500) -> list[Figure]:
    """Return what the requests of so many debates cost."""
    from debateqd.agents.models.openai import make_openai

    asked = ScriptedModel()
    questions = make_questions(-(-debates // 8), 4, words=6_000, chars=_PASSAGE_CHARS)
    played = len(list(play(equal_work(questions, asked))))
    requests = [request for wave in asked.requests for request in wave]
    assert len(requests) == _PER_DEBATE * played, "every debate asks as often"
    settings = Settings(slots=256, keep_bodies=False)
    with serve_process(settings) as server:
        model: Any = make_openai(settings.model, base_urls=(server.url,))
        try:
            _ask(model, requests[:_WARM])
            used, begun = time.process_time(), time.perf_counter()
            failed = _ask(model, requests)
            used, took = time.process_time() - used, time.perf_counter() - begun
        finally:
            model.close()
    print(
        f"client: {len(requests)} requests with passages of {_PASSAGE_CHARS:,} characters to an "
        f"instant server; {len(requests) / took:.0f} requests/s on this machine, now"
    )
    return [
        Figure("requests that failed", failed, 0),
        Figure("processor time a request", 1e3 * used / len(requests), REQUEST, "ms", 2),
    ]


def _ask(model: Any, requests: list[Any]) -> int:
    """Send requests all at once, wait for all replies, and count those that failed."""
    model.submit(list(enumerate(requests)))
    replies: list[Any] = []
    while len(replies) < len(requests):
        replies += model.poll()
    return sum(reply.finish_reason == "error" for _, reply in replies)
