"""How many requests to keep in flight on one server, found by watching it. No I/O, no clock.

Servers differ: some answer 429 beyond a limit, most queue silently, all have a point beyond which
more requests only wait longer. A :class:`Window` starts modestly and doubles once per round trip

- until refusals become frequent (more than a quarter of the last requests sent): it falls to what
  the server was seen to hold, and tries for more from there, the more rarely the more often that
  failed;
- or until twice the concurrency no longer brings noticeably more throughput.

A lone refusal or time-out among many good replies is chance, not a limit, and changes nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from math import log2
from statistics import median

FIRST = 16
"""Requests in flight before anything is known of a server."""

_RECENT = 32  # requests, in the order sent, over which refusals are counted
_FREQUENT = 0.25  # share of refusals beyond which they mean a limit
_FEW = 4  # so many are needed at least
_BACK = 0.7  # of the requests in flight are kept after many were given up
_NEAR = 0.15  # limits this close to each other are the same one
_RAREST = 64  # round trips between two attempts to pass a limit that keeps refusing

_SAMPLES = 48  # latencies kept per kind of request and level of concurrency
_ENOUGH = 12  # of them make a median
_DOUBLE = 1.9  # how far apart two levels must be to be compared
_GAIN = 1.2  # throughput that twice the concurrency must bring to be worth it
_KINDS = 16


class Flight:
    """One request in flight."""

    def __init__(self, at: float, held: int, number: int) -> None:
        self.at = at
        self.held = held  # requests in flight when it was sent, itself included
        self.number = number


class Window:
    """The adaptive number of requests in flight on one server.

    Times are seconds on any clock that does not run backwards.

    Args:
        most: Never more than this.
        first: How many to begin with.

    Attributes:
        in_flight: Requests in flight now.
        round_trip: Smoothed time of good replies; 0 before the first.
    """

    def __init__(self, most: int, first: int = FIRST) -> None:
        self._most = most
        self._first = min(first, most)
        self.in_flight = 0
        self.round_trip = 0.0
        self._sent = 0
        self._answered = 0  # number of the last request that was answered well
        self._curve = Curve()
        self._restart()

    def _restart(self) -> None:
        self._size = float(self._first)
        self._tried = 0.0  # most requests in flight, lately, when one was sent that came back well
        self._enough = float("inf")  # beyond this, throughput does not grow
        self._judged = 0  # good replies since the curve was last looked at
        self._ceiling = float("inf")  # what the server held when it last refused more
        self._rarity = 1
        self._cut = -1  # number of the last request sent before the last cut
        self._floor = 1.0  # the cut in progress goes no lower
        self._refused: deque[int] = deque()
        self._late: deque[bool] = deque(maxlen=_RECENT)

    @property
    def size(self) -> int:
        """How many requests may be in flight."""
        return int(self._size)

    @property
    def room(self) -> int:
        """How many more may be sent now."""
        return int(self._size) - self.in_flight

    def restart(self) -> None:
        """Begin anew, after the server was away; requests in flight stay counted."""
        self._restart()
        self._cut = self._sent

    def sent(self, now: float) -> Flight:
        """Count a request that is being sent; hand the result back when it has ended."""
        self.in_flight += 1
        self._sent += 1
        return Flight(now, self.in_flight, self._sent)

    def lost(self) -> None:
        """Take note of an end that tells nothing about how many requests the server can bear."""
        self.in_flight -= 1

    def good(self, flight: Flight, now: float, kind: Hashable = None) -> float:
        """Take note of a good reply; return its latency in seconds."""
        full = self.in_flight >= int(self._size)
        self.lost()
        latency = now - flight.at
        self.round_trip += (latency - self.round_trip) * (0.1 if self.round_trip else 1.0)
        self._late.append(False)
        self._answered = max(self._answered, flight.number)
        if latency > 0:
            self._curve.add(kind, flight.held, latency)
        self._tried = max(float(flight.held), 0.99 * self._tried)
        self._judged += 1
        if self._judged >= max(8, self.in_flight / 4):
            self._judged = 0
            self._judge()
        if full:
            self._grow()
        return latency

    def refused(self, flight: Flight, now: float) -> bool:
        """Take note that the server refused a request because it has too many.

        Returns:
            Whether the server is better left alone for a while: refusals are frequent, or nothing
            else is in flight that shows that it serves others.
        """
        self.lost()
        held = float(max(1, self.in_flight))
        if flight.number <= self._cut:
            # One of many that were on their way already. What is left in flight shows, as they
            # come in, what the server holds; there is but one cut per round trip.
            self._ceiling = min(self._ceiling, held)
            self._size = max(self._floor, min(self._size, self._ceiling))
            return True
        self._refused.append(flight.number)
        while self._refused[0] <= flight.number - _RECENT:
            self._refused.popleft()
        number = len(self._refused)
        if number < _FEW or number <= _FREQUENT * min(_RECENT, flight.number):
            return self.in_flight == 0
        again = abs(held - self._ceiling) <= max(1.0, _NEAR * held)
        self._rarity = min(_RAREST, 2 * self._rarity) if again else 1
        self._cut_to(held, held)
        return True

    def timed_out(self, flight: Flight, now: float) -> None:
        """Take note that a request was given up; frequent ones are a limit like refusals.

        One that others overtook was lost on its own and says nothing of the server.
        """
        held = float(self.in_flight)
        self.lost()
        if self.overtaken(flight):
            return
        self._late.append(True)
        many = sum(self._late)
        frequent = many >= _FEW and many > _FREQUENT * len(self._late)
        if flight.number > self._cut and frequent:
            self._cut_to(_BACK * held, held)

    def overtaken(self, flight: Flight) -> bool:
        """Whether a request that was sent later has been answered well."""
        return flight.number < self._answered

    def _cut_to(self, size: float, held: float) -> None:
        self._ceiling = held
        self._floor = max(1.0, self._size / 2)
        self._size = max(self._floor, min(self._size, size))
        self._cut = self._sent
        self._refused.clear()
        self._late.clear()

    def _grow(self) -> None:
        # No further than twice what replies have come back from: the next doubling waits for them.
        most = min(float(self._most), self._enough, 2 * max(float(self._first), self._tried))
        if self._size >= most:
            return
        if self._ceiling == float("inf"):
            step = 1.0  # doubles in one round trip
        elif self._size < self._ceiling:
            # Back to a level that was held, a quarter of the way with every round trip.
            step = max(4.0, (self._ceiling - self._size) / 4) / self._size
        else:
            step = 1.0 / (self._size * self._rarity)
            if self._size > (1 + _NEAR) * self._ceiling + 1:
                self._ceiling = float("inf")  # it was no limit, or is none any more
        self._size = min(most, self._size + step)

    def _judge(self) -> None:
        knee = self._curve.knee()
        self._enough = float("inf") if knee is None else max(float(self._first), 2 * knee)
        if self._size > self._enough:  # a step at a time: the next look may see it otherwise
            self._size = max(self._enough, 0.9 * self._size)


class Curve:
    """Throughput as a function of the requests in flight.

    By Little's law the throughput at a concurrency is the concurrency over the latency there. The
    concurrency is the one that a request met when it was sent, the median stands for the latency,
    so that a few stragglers count for nothing, and requests of different kinds are never compared.
    """

    def __init__(self) -> None:
        self._kinds: dict[Hashable, dict[int, deque[tuple[float, float]]]] = {}

    def add(self, kind: Hashable, concurrency: float, latency: float) -> None:
        """Take in one reply; ``concurrency`` is what it met when it was sent, itself included."""
        levels = self._kinds.get(kind)
        if levels is None:
            if len(self._kinds) >= _KINDS:
                del self._kinds[next(iter(self._kinds))]
            levels = self._kinds[kind] = {}
        level = round(2 * log2(max(1.0, concurrency)))
        samples = levels.get(level)
        if samples is None:
            samples = levels[level] = deque(maxlen=_SAMPLES)
        samples.append((concurrency, latency))

    def knee(self) -> float | None:
        """Return the concurrency beyond which throughput was seen not to grow.

        Returns:
            The largest over the kinds of requests; ``None`` while it still grew, or not enough is
            known.
        """
        knees = [knee for levels in self._kinds.values() if (knee := _knee(levels)) is not None]
        return max(knees, default=None)


def _knee(levels: dict[int, deque[tuple[float, float]]]) -> float | None:
    points = []
    for level in sorted(levels):
        samples = levels[level]
        if len(samples) >= _ENOUGH:
            concurrency = sum(c for c, _ in samples) / len(samples)
            points.append((concurrency, concurrency / median(t for _, t in samples)))
    for concurrency, throughput in points:
        doubled = [x for c, x in points if c >= _DOUBLE * concurrency]
        if doubled and max(doubled) < _GAIN * throughput:
            return concurrency
    return None


class PassageLimit:
    """How many passages to keep in flight on one server, so that its prefix cache holds them all.

    A request on a passage that the server has read before tells, by the tokens that were cached,
    whether it still remembered. While it does, there is no limit. When it often does not, the
    limit falls below the number of passages in flight, and rises again slowly. Where even a single
    passage at a time is forgotten, the number in flight is not the cause: the limit is lifted, and
    tried again only much later.
    """

    _TELLING = 12  # observations before the limit falls, twice as many before it rises
    _FORGOTTEN = 0.25  # share of forgotten passages beyond which it falls
    _LEARN_AGAIN = 120.0  # seconds, doubled whenever limiting turned out useless

    def __init__(self) -> None:
        self._limit = float("inf")
        self._changed = -float("inf")
        self._seen = 0
        self._missed = 0
        self._useless_until = -float("inf")
        self._useless = 0

    @property
    def limit(self) -> float:
        """Most passages in flight; infinite while there is no reason for a limit."""
        return self._limit

    def observe(self, remembered: bool, active: int, since: float, now: float) -> None:
        """Take in whether a passage was still cached.

        Args:
            remembered: Whether it was.
            active: Passages in flight.
            since: When it was last asked about; what was forgotten before the last change of the
                limit tells nothing of it.
            now: The time.
        """
        if since <= self._changed or now < self._useless_until:
            return
        self._seen += 1
        self._missed += not remembered
        share = self._missed / self._seen
        if self._seen >= self._TELLING and share > self._FORGOTTEN:
            if self._limit <= 1:
                self._useless_until = now + self._LEARN_AGAIN * 2**self._useless
                self._useless += 1
                self._change(float("inf"), now)
            else:
                self._change(max(1, int(0.7 * min(self._limit, active))), now)
        elif self._seen >= 2 * self._TELLING:
            if share < self._FORGOTTEN / 5 and active >= self._limit:
                self._change(self._limit + 1, now)
            else:
                self._seen = self._missed = 0

    def _change(self, limit: float, now: float) -> None:
        self._limit, self._changed = limit, now
        self._seen = self._missed = 0
