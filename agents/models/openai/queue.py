"""What waits to be sent, which of it goes to which server next, and how healthy the servers are.

No I/O and no clock: everything is an event with an explicit time in seconds, so that it can be
tested and simulated.

**Order.** Requests that share a long prefix (a passage) go together, passages in the order in which
they were first asked about, so that an engine's prefix cache holds each while it is needed. What
has no such prefix (a judge's prompt) goes first: it ends debates.

**Replicas.** A passage has its home on the healthy server that rendezvous hashing gives it (Thaler
and Ravishankar 1998), so each server reads few of them. Short prompts, and what failed elsewhere,
go to whoever is least busy. A server without work takes a whole passage from one that is full.

**Failures.** What may pass (429, 5xx, a broken connection, a time-out, garbage) is sent again after
a wait that the server asked for or that doubles every time, ``attempts`` times in all. But where
several requests in a row fail and none is answered, the server is to blame, not they: it is left
out for a while, the longer the more often, and then tried with a single request, and no failure
counts. When every server has been like that for ``patience`` seconds, or wants to be left alone for
longer than that, there is no point in going on: :attr:`Queue.stopped` says why.
"""

from __future__ import annotations

import hashlib
import heapq
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from debateqd.agents.models.base import Usage
from debateqd.agents.models.openai.errors import Trouble
from debateqd.agents.models.openai.window import Window
from debateqd.agents.models.options import OpenAIOptions

_FIRST_WAIT, _LONGEST_WAIT = 0.25, 30.0  # seconds before a request is sent again, doubled
_FIRST_REST, _LONGEST_REST = 0.25, 10.0  # seconds that a server is left out, doubled
_BLAMED = 8  # failures in a row, of two requests at least, that are the server's


@dataclass(eq=False)
class Job:
    """One request on its way to a reply.

    Attributes:
        order: Its place among all requests.
        prefix: Digest of the long text that it shares with others; empty where it shares none.
        load: What the caller needs to send it.
        sends: Times that it was sent, as the caller counts.
        attempts: Times that it failed for a reason of its own.
        rank: Place of its passage.
        garbled: Whether a reply that showed no choice was garbage.
        showed_none: What the reply cost after which a choice is forced.
    """

    order: int
    prefix: str
    load: Any
    sends: int = 0
    attempts: int = 0
    rank: int = 0
    garbled: bool = False
    showed_none: Usage | None = None

    def __lt__(self, other: Job) -> bool:
        return (self.rank, self.order) < (other.rank, other.order)


@dataclass(eq=False)
class Replica:
    """One server, as far as deciding is concerned.

    Attributes:
        window: How many requests it may have in flight.
        said: What it said when it last failed.
        failing_since: When the first of the failures in a row came; infinite while there is none.
    """

    index: int
    url: str
    window: Window
    waiting: list[Job] = field(default_factory=list)  # a heap
    paused_until: float = 0.0
    said: str = ""
    failing_since: float = math.inf
    failures: int = 0
    blamers: set[int] = field(default_factory=set)  # orders of the requests that failed
    rests: int = 0
    rests_until: float = 0.0

    @property
    def away(self) -> bool:
        """Whether it is left out until it answers a single request."""
        return self.rests > 0

    def open(self, now: float) -> bool:
        """Whether a request may be sent to it now."""
        if now < self.paused_until:
            return False
        if self.away:
            return now >= self.rests_until and not self.window.in_flight
        return self.window.room > 0


@dataclass(eq=False)
class Sent:
    """A request in flight."""

    job: Job
    replica: Replica
    number: int


class Queue:
    """Requests that wait or are in flight, and the servers.

    Args:
        urls: Base URLs of the servers.
        options: ``max_concurrency``, ``timeout``, ``attempts`` and ``patience`` are used.
        jitter: Draws from ``[0, 1)``, so that waits differ.

    Attributes:
        stopped: Why nothing more is sent; empty while there is hope.
    """

    def __init__(
        self,
        urls: Sequence[str],
        options: OpenAIOptions,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.replicas = [
            Replica(i, url, Window(options.max_concurrency)) for i, url in enumerate(urls)
        ]
        self.stopped = ""
        self._options = options
        self._jitter = jitter
        self._common: list[Job] = []  # a heap: what any server may take
        self._delayed: list[tuple[float, Job]] = []  # a heap
        self._ranks: dict[str, int] = {"": 0}
        self._homes: dict[str, int] = {}  # passages that were taken over by another server

    @property
    def waiting(self) -> int:
        """Requests that wait to be sent."""
        return len(self._common) + len(self._delayed) + sum(len(r.waiting) for r in self.replicas)

    def add(self, job: Job, due: float | None = None) -> None:
        """Take in a request, new or to be sent again: at once, or when it is due."""
        job.rank = self._ranks.setdefault(job.prefix, len(self._ranks))
        if due is not None:
            heapq.heappush(self._delayed, (due, job))
        else:
            at_home = job.prefix and not job.attempts
            line = self.replicas[self.home(job.prefix)].waiting if at_home else self._common
            heapq.heappush(line, job)

    def home(self, prefix: str) -> int:
        """Return the index of the server that a passage belongs to."""
        ranking = rank(prefix, [r.url for r in self.replicas])
        healthy = [i for i in ranking if not self.replicas[i].away]
        home = self._homes.get(prefix, -1)
        return home if home in healthy else (healthy or ranking)[0]

    def next(self, now: float) -> Sent | None:
        """Choose the next request to send and count it as sent; ``None`` where none can be now."""
        while self._delayed and self._delayed[0][0] <= now:
            self.add(heapq.heappop(self._delayed)[1])
        if self.stopped:
            return None
        able = [replica for replica in self.replicas if replica.open(now)]
        for replica in sorted(able, key=lambda r: r.window.in_flight):
            lines = [line for line in (replica.waiting, self._common) if line]
            if not lines:
                lines = self._take_over(replica, now)
            if lines:
                job = heapq.heappop(min(lines, key=lambda line: line[0]))
                return Sent(job, replica, replica.window.send())
        return None

    def _take_over(self, replica: Replica, now: float) -> list[list[Job]]:
        """Find work for a server without any.

        One that is left out is tried with whatever waits. Any other takes over the last passage
        that waits for one that can take no more.
        """
        others = [r for r in self.replicas if r.waiting and (replica.away or not r.open(now))]
        other = max(others, key=lambda r: len(r.waiting), default=None)
        if other is None or replica.away:
            return [other.waiting] if other else []
        prefix = max(other.waiting).prefix
        self._homes[prefix] = replica.index
        replica.waiting = sorted(job for job in other.waiting if job.prefix == prefix)
        other.waiting = sorted(job for job in other.waiting if job.prefix != prefix)
        return [replica.waiting]

    def wake(self, now: float) -> float:
        """When :meth:`next` may have something although nothing has happened until then."""
        times = [self._delayed[0][0]] if self._delayed else []
        for replica in self.replicas:
            times += [t for t in (replica.paused_until, replica.rests_until) if t > now]
        return min(times, default=math.inf)

    # --- what becomes of it -----------------------------------------------------------------------

    def good(self, sent: Sent) -> None:
        """Take in a good reply."""
        sent.replica.window.good()
        self._answered(sent.replica)

    def _answered(self, replica: Replica) -> None:
        """Take note that a server does its work."""
        back = replica.away
        replica.failures = replica.rests = 0
        replica.rests_until = 0.0
        replica.failing_since = math.inf
        replica.blamers.clear()
        if back:
            self._rehome()

    def trouble(self, sent: Sent, trouble: Trouble, now: float) -> float | None:
        """Take in a failure.

        Returns:
            Seconds until the request waits to be sent again; ``None``: it is given up.
        """
        replica, job = sent.replica, sent.job
        if trouble.fate in ("permanent", "filtered"):
            replica.window.end()
            self._answered(replica)
            return None
        # Whether it is one of many that the server has no room for, and whether none is served.
        crowded = idle = False
        if trouble.fate == "refused":
            crowded = replica.window.refused(sent.number)
            idle = not replica.window.in_flight
        else:
            replica.window.end()
        alone = self._blame(replica, job, trouble, now)
        if not replica.away and (not crowded or (alone and idle)):
            job.attempts += 1
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** max(0, job.attempts - 1))
        wait *= 0.5 + 0.5 * self._jitter()
        by_chance = job.attempts <= 1 and trouble.fate in ("reset", "garbage")
        if by_chance or trouble.fate == "timeout":
            wait = 0.0
        if trouble.wait is not None and crowded:
            self._pause(replica, now, trouble.wait, trouble.message)
        elif trouble.wait is not None:
            wait = max(wait, min(trouble.wait, self._options.patience))
        if job.attempts >= self._options.attempts:
            if alone:
                self._answered(replica)  # the request was to blame
            return None
        self.add(job, now + wait if wait > 0 else None)
        return wait

    def _blame(self, replica: Replica, job: Job, trouble: Trouble, now: float) -> bool:
        """Decide whether it is the server that fails, and leave it out for a while then.

        Returns:
            Whether no other request has failed there since one was answered.
        """
        replica.said = trouble.message
        replica.failures += 1
        replica.blamers.add(job.order)
        replica.failing_since = min(now, replica.failing_since)
        alone = len(replica.blamers) == 1
        serves = trouble.fate == "refused" and replica.window.in_flight > 0
        by_itself = replica.failures >= _BLAMED and not alone and not serves
        if trouble.fate != "unreachable" and not by_itself and not replica.away:
            return alone
        if now >= replica.rests_until:  # else it was under way when the server began to fail
            replica.rests_until = now + min(_LONGEST_REST, _FIRST_REST * 2**replica.rests)
            replica.rests += 1
            self._rehome()
        patience = self._options.patience
        if all(r.away and r.failing_since + patience <= now for r in self.replicas):
            self.stopped = f"no reply for {patience:g} seconds"
        return alone

    def _pause(self, replica: Replica, now: float, seconds: float, said: str) -> None:
        """Send a server nothing for as long as it asks; stop where all ask for too long."""
        replica.said = said
        replica.paused_until = max(replica.paused_until, now + seconds)
        longest = min(r.paused_until for r in self.replicas) - now
        if longest > self._options.patience:
            self.stopped = (
                f"asked to wait for {longest:,.0f} seconds, longer than the patience of "
                f"{self._options.patience:g}"
            )

    def _rehome(self) -> None:
        """Give waiting passages new homes after a server failed or came back."""
        jobs = [job for replica in self.replicas for job in replica.waiting]
        for replica in self.replicas:
            replica.waiting.clear()
        for job in jobs:
            self.add(job)


def rank(prefix: str, urls: Sequence[str]) -> Sequence[int]:
    """Order servers by rendezvous hashing: every prefix its own order, the same in every run."""
    if len(urls) == 1:
        return (0,)

    def score(index: int) -> bytes:
        return hashlib.blake2b(f"{prefix} {urls[index]}".encode(), digest_size=8).digest()

    return sorted(range(len(urls)), key=score)
