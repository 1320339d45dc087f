"""What is known of requests, of the prefixes they share, and of the servers that answer them."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Hashable, Sequence
from typing import Any

from debateqd.agents.models.base import Request
from debateqd.agents.models.openai.window import Flight, PassageLimit, Window

_LONG_PREFIX = 1500  # characters from which on a shared prefix is worth keeping together
_ROW = 16  # requests of which half must fail before a server is left out
_FIRST_REST, _LONGEST_REST = 0.25, 10.0  # seconds that it is left out, doubled every time
_FORGET = 0.998  # share of the slowest reply's time that is kept with every reply


def shared_prefix(request: Request) -> str:
    """The text at the start of a request that others share; empty where it is too short to matter.

    In this project that is the system message, which holds the passage.
    """
    first = request.messages[0].content if request.messages else ""
    return first if len(first) >= _LONG_PREFIX else ""


def rank(prefix: str, urls: Sequence[str]) -> tuple[int, ...]:
    """Order servers by rendezvous hashing: every prefix its own order, the same in every run."""
    if len(urls) == 1:
        return (0,)
    text = hashlib.blake2b(prefix.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    scores = [
        (hashlib.blake2b(text + url.encode("utf-8"), digest_size=8).digest(), index)
        for index, url in enumerate(urls)
    ]
    return tuple(index for _, index in sorted(scores))


class Job:
    """One request on its way to a reply.

    Attributes:
        prefix: The text that it shares with others; empty where that is not worth a thought.
        kind: Requests of one kind take about the same time.
        load: What the caller needs to send it.
        attempts: Times that it failed for a reason of its own or of the server's.
    """

    def __init__(self, order: int, prefix: str, kind: Hashable, load: Any, added: float) -> None:
        self.order = order
        self.prefix = prefix
        self.kind = kind
        self.load = load
        self.added = added
        self.attempts = 0
        self.timeouts = 0
        self.away_since: float | None = None
        self.avoid = -1
        self.group: Group | None = None


class Group:
    """The requests that share a prefix."""

    def __init__(self, prefix: str, ranking: tuple[int, ...]) -> None:
        self.prefix = prefix
        self.ranking = ranking  # the servers, best first; empty: any
        self.home = -1
        self.waiting: list[tuple[int, Job]] = []  # a heap
        self.in_flight: dict[int, int] = {}
        self.read: set[int] = set()  # servers that have read the prefix
        self.scout: dict[int, float] = {}  # until when the first request there is alone
        self.used: dict[int, tuple[int, float]] = {}  # number and time of the last request there

    @property
    def first(self) -> int:
        """Place of the waiting request that was submitted first."""
        return self.waiting[0][0]

    def last_used(self, index: int) -> int:
        """Number of the last request on a server; 0 before the first."""
        return self.used.get(index, (0, 0.0))[0]


class Replica:
    """One server, as far as deciding is concerned.

    Attributes:
        window: How many requests it may have in flight.
        away_since: Since when it fails; ``None`` while it does not.
    """

    def __init__(self, index: int, url: str, most: int) -> None:
        self.index = index
        self.url = url
        self.window = Window(most)
        self.passages = PassageLimit()
        self.away_since: float | None = None
        self.ready: list[tuple[int, int, Group]] = []  # a heap; entries may be out of date
        self.waiting = 0  # requests that wait for it
        self.paused_until = 0.0
        self.rests_until = 0.0
        self.rests = 0
        self.trial: Sent | None = None  # the one request that tries whether it is back
        self.failed: deque[int] = deque()  # numbers of the requests that failed lately
        self.sent = 0
        self.busy = 0  # passages in flight
        self.active: dict[Group, float] = {}  # passages in flight, and until when those just were
        self.scouts: deque[float] = deque()  # until when passages that begin have a lead
        self.times: dict[Hashable, tuple[int, float]] = {}

    def open(self, now: float) -> bool:
        """Whether a request may be sent to it now."""
        if now < self.paused_until:
            return False
        if self.away_since is not None:
            return now >= self.rests_until and self.trial is None
        return self.window.room > 0

    @property
    def load(self) -> float:
        """Requests in flight as a share of what it may have."""
        return self.window.in_flight / max(1, self.window.size)

    def pause(self, until: float) -> None:
        """Send nothing to it before then."""
        self.paused_until = max(self.paused_until, until)

    def rest(self, now: float) -> bool:
        """Leave it out for a while, the longer the more often in a row.

        Returns:
            Whether it was in use until now.
        """
        if now < self.rests_until:
            return False  # what was under way when it failed
        self.rests_until = now + min(_LONGEST_REST, _FIRST_REST * 2**self.rests)
        self.rests += 1
        self.failed.clear()
        if self.away_since is not None:
            return False
        self.away_since = now
        self.window.restart()
        return True

    def note_failure(self, number: int) -> bool:
        """Take note of a failure; the number is that of the flight.

        Failures come back sooner than replies, so they are counted in the order sent.

        Returns:
            Whether half of the last requests failed.
        """
        self.failed.append(number)
        while self.failed[0] <= number - _ROW:
            self.failed.popleft()
        return len(self.failed) >= _ROW / 2

    def note_time(self, kind: Hashable, seconds: float) -> None:
        """Remember how long a reply took; the slowest one fades as others come."""
        count, slowest = self.times.get(kind, (0, 0.0))
        self.times[kind] = (count + 1, max(_FORGET * slowest, seconds))


class Sent:
    """A request in flight."""

    def __init__(self, job: Job, replica: Replica, flight: Flight, group: Group) -> None:
        self.job = job
        self.replica = replica
        self.flight = flight
        self.group = group
        self.overdue = False
        # When the passage was last asked about there, if others were since, so that the cached
        # tokens of the reply tell whether it was forgotten.
        self.since: float | None = None
