"""What an ideal client of the stand-in server would need: a list scheduler in virtual time."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence

from debate_env.draws import Draws, digest
from debateqd.agents.models.base import Reply, Request, Usage
from tests.server_replies import SEED_MASK, Replier, Spoken, count_tokens, request_key, speak
from tests.servers import Settings


class IdealModel:
    """Answers like the stand-in server, at the times at which an ideal client would hear it.

    Requests start in the order submitted as soon as one of the slots is free; nothing else takes
    any time. After a run, :attr:`now` is the shortest that a list scheduler can make of it.

    Args:
        settings: Those of the server; its slots and the times of its replies are used.
        reply: As for the server.

    Attributes:
        now: Seconds of virtual time.
        busy: Seconds of virtual time that slots were busy, summed over the slots.
    """

    def __init__(self, settings: Settings, reply: Replier = speak) -> None:
        self.now = 0.0
        self.busy = 0.0
        self._settings = settings
        self._reply = reply
        self._waiting: deque[tuple[int, Request]] = deque()
        self._running: list[tuple[float, int, Request]] = []

    @property
    def name(self) -> str:
        """What it stands for."""
        return "ideal"

    @property
    def fingerprint(self) -> str:
        """The same."""
        return "ideal"

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Put requests in line."""
        self._waiting.extend(tickets)
        self._start()

    def poll(self) -> list[tuple[int, Reply]]:
        """Let time pass until a request is finished."""
        if not self._running:
            return []
        self.now, ticket, request = heapq.heappop(self._running)
        self._start()
        return [(ticket, self._answer(request))]

    def close(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self._running.clear()

    def _start(self) -> None:
        while self._waiting and len(self._running) < self._settings.slots:
            ticket, request = self._waiting.popleft()
            seconds = self._settings.seconds_for(_key(request))
            self.busy += seconds
            heapq.heappush(self._running, (self.now + seconds, ticket, request))

    def _answer(self, request: Request) -> Reply:
        sampling = request.sampling
        body = {
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
        }
        said = self._reply(body, Draws(digest(_key(request).hex(), "0")))
        spoken = Spoken(said) if isinstance(said, str) else said
        words = spoken.text.split(" ")
        cut = len(words) > sampling.max_tokens
        text = " ".join(words[: sampling.max_tokens])
        usage = Usage(count_tokens(request.messages), min(len(words), sampling.max_tokens))
        if request.choices is None:
            return Reply(text, "length" if cut else "stop", usage)
        top = dict(spoken.top or ())
        mass = [sum(p for t, p in top.items() if t.strip() == c) for c in request.choices]
        total = sum(mass)
        return Reply(text, "stop", usage, tuple(m / total for m in mass), missing_mass=1 - total)


def _key(request: Request) -> bytes:
    seed = request.seed & SEED_MASK if request.sampling.temperature > 0 else None
    return request_key(request.messages, seed)
