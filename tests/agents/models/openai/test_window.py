from __future__ import annotations

import heapq
import random
from collections.abc import Callable

import pytest

from debateqd.agents.models.openai.window import Flight, PassageLimit, Window


class Server:
    """A server in virtual time: slots, a limit beyond which it refuses, faults by chance."""

    def __init__(
        self,
        window: Window,
        *,
        slots: int = 32,
        limit: int | None = None,
        seconds: Callable[[random.Random], float] = lambda r: 1.0,
        refuses: float = 0.0,
        hangs: float = 0.0,
        slope: float = 0.0,
        wait: float = 0.05,
    ) -> None:
        self.window, self.slots, self.limit = window, slots, limit
        self.seconds, self.refuses, self.hangs = seconds, refuses, hangs
        self.slope, self.wait = slope, wait
        self.random = random.Random(1)
        self.now = 0.0
        self.events: list[tuple[float, int, str, Flight | None]] = []
        self.count = self.running = 0
        self.queue: list[Flight] = []
        self.done = self.refusals = self.timeouts = 0
        self.sizes: list[tuple[float, int]] = []
        self.busy_area = 0.0
        self.paused = 0.0

    def run(self, seconds: float, demand: int = 10**9) -> None:
        """Keep the window full for a while."""
        end = self.now + seconds
        self.fill(demand)
        while self.events and self.events[0][0] <= end:
            at, _, what, flight = heapq.heappop(self.events)
            self.busy_area += self.running * (at - self.now)
            self.now = at
            if what == "refused":
                assert flight is not None
                self.refusals += 1
                if self.window.refused(flight, at):
                    self.paused = at + self.wait
                    self.push(self.wait, "wake", None)
            elif what == "timeout":
                assert flight is not None
                self.timeouts += 1
                self.window.timed_out(flight, at)
            elif what == "done":
                assert flight is not None
                self.running -= 1
                self.done += 1
                self.window.good(flight, at)
                self.start()
            self.sizes.append((at, self.window.size))
            self.fill(demand)
        self.now = end

    def push(self, after: float, what: str, flight: Flight | None) -> None:
        self.count += 1
        heapq.heappush(self.events, (self.now + after, self.count, what, flight))

    def fill(self, demand: int) -> None:
        while self.window.room > 0 and self.window.in_flight < demand and self.now >= self.paused:
            flight = self.window.sent(self.now)
            full = self.limit is not None and self.running + len(self.queue) >= self.limit
            if full or self.random.random() < self.refuses:
                self.push(0.002, "refused", flight)
            elif self.random.random() < self.hangs:
                self.push(20.0, "timeout", flight)
            else:
                self.queue.append(flight)
                self.start()

    def start(self) -> None:
        while self.queue and self.running < self.slots:
            flight = self.queue.pop(0)
            self.running += 1
            length = self.seconds(self.random) * (1 + self.slope * self.running)
            self.push(length, "done", flight)


def one_in_twenty_is_slow(r: random.Random) -> float:
    return 10.0 if r.random() < 0.05 else 1.0


def uneven(r: random.Random) -> float:
    return r.lognormvariate(0.0, 0.7)


def test_thirty_two_are_in_flight_after_one_round_trip() -> None:
    window = Window(256)
    server = Server(window)
    server.run(1.01)
    assert window.in_flight >= 32


@pytest.mark.parametrize("seconds", [lambda r: 1.0, one_in_twenty_is_slow, uneven])
def test_a_server_that_queues_silently_is_kept_full_and_not_flooded(
    seconds: Callable[[random.Random], float],
) -> None:
    window = Window(256)
    server = Server(window, slots=32, seconds=seconds)
    server.run(6)
    server.busy_area, begun = 0.0, server.now
    server.run(100)
    assert server.busy_area >= 0.999 * 32 * (server.now - begun)
    assert window.size <= 128


@pytest.mark.parametrize("slots", [1, 2, 4, 8, 64, 200])
def test_the_window_follows_the_slots(slots: int) -> None:
    window = Window(256)
    server = Server(window, slots=slots)
    server.run(10 + 400 / slots)
    server.busy_area, begun = 0.0, server.now
    server.run(60)
    assert server.busy_area >= 0.99 * slots * (server.now - begun)
    assert window.size <= max(64, 4 * slots)


def test_a_batching_server_is_used_until_more_brings_nothing() -> None:
    # The time of a reply grows with the batch, as on a GPU: throughput is n / (1 + n / 20).
    window = Window(256)
    server = Server(window, slots=1000, slope=1 / 20)
    server.run(200)
    assert 40 <= window.size <= 256


@pytest.mark.parametrize("limit", [1, 3, 10, 32, 100])
def test_it_settles_near_a_limit_and_is_rarely_refused(limit: int) -> None:
    window = Window(256)
    server = Server(window, slots=1000, limit=limit, seconds=lambda r: r.uniform(0.8, 1.2))
    server.run(40)
    assert 0.85 * limit - 1 <= window.size <= 1.2 * limit + 1
    done, refusals, server.busy_area, begun = server.done, server.refusals, 0.0, server.now
    server.run(200)
    assert server.busy_area >= 0.9 * limit * (server.now - begun)
    assert server.refusals - refusals <= 20 + 0.05 * (server.done - done)


def test_chance_refusals_do_not_close_the_window() -> None:
    window = Window(256)
    server = Server(window, slots=1000, refuses=0.05)
    server.run(100)
    assert min(size for at, size in server.sizes if at > 10) >= 100


def test_chance_time_outs_do_not_close_the_window() -> None:
    window = Window(256)
    server = Server(window, slots=1000, hangs=0.01)
    server.run(100)
    assert server.timeouts > 10
    assert window.size == 256


def test_a_limit_that_is_lifted_is_noticed() -> None:
    window = Window(256)
    server = Server(window, slots=1000, limit=10)
    server.run(30)
    assert window.size <= 12
    server.limit = None
    server.run(60)
    assert window.size >= 64


def test_a_limit_that_falls_is_followed_within_a_few_round_trips() -> None:
    window = Window(256)
    server = Server(window, slots=1000, limit=64)
    server.run(30)
    server.limit = 8
    server.run(8)
    assert window.size <= 12


def test_one_cut_per_round_trip() -> None:
    window = Window(256)
    flights = [window.sent(0.0) for _ in range(16)]
    for flight in flights:
        window.refused(flight, 0.1)
    assert window.size >= 8
    assert window.in_flight == 0


def test_nothing_grows_without_demand() -> None:
    window = Window(256)
    server = Server(window)
    server.run(50, demand=5)
    assert window.size == 16


def test_a_lone_refusal_says_whether_anybody_else_is_served() -> None:
    window = Window(256)
    first = window.sent(0.0)
    assert window.refused(first, 0.1)  # nobody else
    flights = [window.sent(0.2) for _ in range(10)]
    assert not window.refused(flights[0], 0.3)
    assert window.size == 16


def test_restart_begins_modestly() -> None:
    window = Window(256)
    server = Server(window)
    server.run(10)
    window.restart()
    assert window.size == 16


def test_time_outs_are_a_limit_where_nothing_sent_later_is_answered() -> None:
    window = Window(256)
    server = Server(window, slots=1000)
    server.run(5)
    assert window.size == 256
    now = server.now
    flights = [window.sent(now) for _ in range(100)]
    for flight in flights:
        window.timed_out(flight, now + 20)
    assert 128 <= window.size < 256


def test_a_request_that_others_overtook_was_lost_on_its_own() -> None:
    window = Window(256)
    server = Server(window, slots=1000, hangs=0.7)
    server.run(200)
    assert server.timeouts > 1000
    assert window.size == 256


# --- passages -------------------------------------------------------------------------------------


def cycle(limit: PassageLimit, capacity: int, passages: int, steps: int) -> list[float]:
    """Read passages in turn, as many at once as the limit allows; return the limits in force."""
    now, limits = 0.0, []
    for _ in range(steps):
        now += 1.0
        active = int(min(passages, limit.limit))
        limit.observe(active <= capacity, active, now - 0.5, now)
        limits.append(limit.limit)
    return limits


def test_no_limit_while_everything_is_remembered() -> None:
    assert cycle(PassageLimit(), 50, 40, 500)[-1] == float("inf")


@pytest.mark.parametrize("capacity", [2, 5, 20])
def test_the_limit_settles_near_what_the_cache_holds(capacity: int) -> None:
    limits = cycle(PassageLimit(), capacity, 40, 4000)
    tail = limits[2000:]
    assert 0.6 * capacity <= sum(tail) / len(tail) <= 1.3 * capacity + 1
    assert max(tail) <= 1.5 * capacity + 2


def test_where_a_limit_does_not_help_there_is_none() -> None:
    limit = PassageLimit()
    limits = cycle(limit, 0, 40, 200)
    assert 1 in limits
    assert limits[-80:] == [float("inf")] * 80


def test_chance_losses_are_no_reason() -> None:
    rng, limit = random.Random(3), PassageLimit()
    for step in range(2000):
        limit.observe(rng.random() > 0.05, 30, float(step), step + 0.5)
    assert limit.limit == float("inf")
