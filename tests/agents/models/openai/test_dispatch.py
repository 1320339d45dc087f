from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter, OrderedDict
from typing import Any

import pytest

from debateqd.agents.models.openai.dispatch import Dispatcher
from debateqd.agents.models.openai.errors import Trouble
from debateqd.agents.models.openai.replicas import Job, Sent, rank
from debateqd.agents.models.options import OpenAIOptions

BROKEN = Trouble("broken", "engine_error", "500")
REFUSED = Trouble("refused", "rate_limited", "429")
AWAY = Trouble("unreachable", "connection", "refused")
LATE = Trouble("timeout", "timeout", "late")
RESET = Trouble("reset", "connection", "reset")
BAD = Trouble("permanent", "engine_error", "400")


def dispatcher(replicas: int = 1, **options: Any) -> Dispatcher:
    urls = [f"http://host{i}/v1" for i in range(replicas)]
    return Dispatcher(urls, OpenAIOptions(**options), jitter=lambda: 1.0)


def fill(d: Dispatcher, now: float) -> list[Sent]:
    """Send whatever can be sent."""
    sent = []
    while (item := d.next(now)) is not None:
        sent.append(item)
    return sent


def add(d: Dispatcher, *prefixes: str, now: float = 0.0) -> None:
    for order, prefix in enumerate(prefixes):
        d.add(Job(order, prefix, "kind", None, now))


def finish(d: Dispatcher, sent: list[Sent], now: float, kept: bool | None = None) -> None:
    for item in sent:
        d.good(item, now, kept)


def test_requests_go_in_the_order_submitted() -> None:
    d = dispatcher()
    add(d, *[""] * 40)
    first = fill(d, 0.0)
    assert [s.job.order for s in first] == list(range(16))
    later = []
    for item in first:
        d.good(item, 1.0, None)
        later += fill(d, 1.0)
    assert [s.job.order for s in later] == list(range(16, 40))
    assert d.waiting == 0


def test_the_first_request_on_a_passage_goes_a_moment_ahead() -> None:
    d = dispatcher()
    add(d, "p", "p", "p", "q", "q", "", "p")
    sent = fill(d, 0.0)
    assert [(s.job.order, s.job.prefix) for s in sent] == [(0, "p"), (3, "q"), (5, "")]
    wake = d.wake(0.0)
    assert 0 < wake <= 0.05
    assert [s.job.order for s in fill(d, wake)] == [1, 2, 4, 6]


def test_few_passages_begin_at_once_unless_their_requests_are_single() -> None:
    d = dispatcher()
    add(d, *[f"p{i // 5}" for i in range(50)])
    assert [s.job.prefix for s in fill(d, 0.0)] == ["p0", "p1", "p2", "p3"]
    assert {s.job.prefix for s in fill(d, d.wake(0.0))} == {"p0", "p1", "p2"}
    d = dispatcher()
    add(d, *[f"p{i}" for i in range(50)])
    assert len(fill(d, 0.0)) == 16


def test_nothing_is_held_back_once_a_passage_was_read() -> None:
    d = dispatcher()
    add(d, "p", "p", "p")
    (scout,) = fill(d, 0.0)
    d.good(scout, 0.001, None)
    assert [s.job.order for s in fill(d, 0.001)] == [1, 2]
    d.add(Job(9, "p", "kind", None, 5.0))
    assert len(fill(d, 5.0)) == 1


def test_a_scout_that_fails_is_replaced() -> None:
    d = dispatcher()
    add(d, "p", "p")
    (scout,) = fill(d, 0.0)
    wait = d.trouble(scout, BROKEN, 0.001)
    assert wait == 0.25
    assert [s.job.order for s in fill(d, 0.001)] == [1]
    assert d.wake(0.001) == pytest.approx(0.251)
    assert [s.job.order for s in fill(d, 0.251)] == [0]


@pytest.mark.parametrize(
    ("trouble", "waits"),
    [
        (BROKEN, [0.25, 0.5, 1.0]),
        (REFUSED, [0.25, 0.5, 1.0]),
        (REFUSED._replace(wait=3.0), [3.0, 3.0, 3.0]),
        (LATE, [0.0, 0.0, 0.0]),
        (RESET, [0.0, 0.5, 1.0]),
        (Trouble("garbage", "bad_reply", "html"), [0.0, 0.5, 1.0]),
    ],
)
def test_how_long_a_failed_request_waits(trouble: Trouble, waits: list[float]) -> None:
    d = dispatcher(attempts=4)
    add(d, "")
    now = 0.0
    for wait in waits:
        (sent,) = fill(d, now)
        assert d.trouble(sent, trouble, now + 0.1) == pytest.approx(wait)
        if wait:
            assert fill(d, now + 0.1 + 0.9 * wait) == []
        now += 0.1 + wait + 1e-6
    (sent,) = fill(d, now)
    assert d.trouble(sent, trouble, now + 0.1) is None
    assert d.waiting == 0
    assert not d.in_flight


def test_a_permanent_failure_is_given_up_at_once() -> None:
    d = dispatcher()
    add(d, "")
    (sent,) = fill(d, 0.0)
    assert d.trouble(sent, BAD, 0.1) is None


def test_a_failed_request_keeps_its_place() -> None:
    d = dispatcher()
    add(d, *[""] * 17)
    sent = fill(d, 0.0)
    assert d.trouble(sent[3], RESET, 0.1) == 0.0
    assert [s.job.order for s in fill(d, 0.1)] == [3]


def test_headers_that_say_nothing_is_left_pause_the_server() -> None:
    d = dispatcher()
    add(d, "", "")
    first, _ = fill(d, 0.0)
    d.add(Job(7, "", "kind", None, 0.0))
    d.good(first, 1.0, None, pause=5.0)
    assert fill(d, 5.9) == []
    assert d.wake(1.0) == 6.0
    assert len(fill(d, 6.0)) == 1


# --- time-outs ------------------------------------------------------------------------------------


def test_the_time_out_follows_what_replies_take() -> None:
    d = dispatcher(timeout=100.0)
    add(d, *[""] * 40)
    now = 0.0
    while sent := fill(d, now):
        assert all(d.time_limit(s) == 100.0 for s in sent)
        finish(d, sent, now + 2.0)
        now += 2.0
    d.add(Job(50, "", "kind", None, now))
    d.add(Job(51, "", "another kind", None, now))
    known, other = fill(d, now)
    assert d.time_limit(known) == pytest.approx(10.0)
    assert d.time_limit(other) == 100.0
    assert list(d.overdue(now + 9)) == []
    assert list(d.overdue(now + 11)) == [known]
    limits = []
    for _ in range(6):
        limits.append(d.time_limit(known))
        assert d.trouble(known, LATE, now + 11) == 0.0
        (known,) = fill(d, now + 11)
    assert limits == pytest.approx([10, 10, 20, 40, 80, 100])


def test_quick_replies_do_not_make_it_impatient() -> None:
    d = dispatcher(timeout=100.0)
    add(d, *[""] * 64)
    now = 0.0
    while sent := fill(d, now):
        finish(d, sent, now + 0.01)
        now += 0.01
    d.add(Job(99, "", "kind", None, now))
    (sent_last,) = fill(d, now)
    assert d.time_limit(sent_last) == 5.0


# --- health ---------------------------------------------------------------------------------------


def test_a_server_that_is_away_is_tried_with_single_requests() -> None:
    d = dispatcher(patience=60.0)
    add(d, *[""] * 50)
    now, tries = 0.0, 0
    for sent in fill(d, now):
        assert d.trouble(sent, AWAY, 0.01) == 0.0
    while now < 30:
        now = d.wake(now)
        sent = fill(d, now)
        tries += len(sent)
        assert len(sent) == 1
        d.trouble(sent[0], AWAY, now + 0.01)
        now += 0.01
    assert tries <= 10
    (sent_last,) = fill(d, d.wake(now))
    d.good(sent_last, now + 20, None)
    assert len(fill(d, now + 20)) == 16


def test_what_waits_in_vain_is_given_up() -> None:
    d = dispatcher(patience=20.0)
    add(d, *["p", ""] * 20)
    for sent in fill(d, 0.0):
        d.trouble(sent, AWAY, 0.01)
    assert d.expire(10.0) == []
    d.add(Job(99, "", "kind", None, 24.9))
    gone = d.expire(25.0)
    assert len(gone) == 40
    assert d.waiting == 1
    assert [s.job.order for s in fill(d, 25.0)] == [99]


def test_chance_failures_leave_a_server_in_use() -> None:
    rng, d, now = random.Random(1), dispatcher(attempts=1000), 0.0
    add(d, *[""] * 2000)
    while sent := fill(d, now):
        now += 0.1
        for item in sent:
            if rng.random() < 0.1:
                d.trouble(item, BROKEN, now)
            else:
                d.good(item, now, None)
        assert d.replicas[0].away_since is None
        now = max(now, min(d.wake(now), now + 1)) if not d.replicas[0].window.room else now


def test_a_server_that_only_fails_is_left_out() -> None:
    d = dispatcher(attempts=1000)
    add(d, *[""] * 100)
    for sent in fill(d, 0.0):
        d.trouble(sent, BROKEN, 0.1)
    assert d.replicas[0].away_since is not None
    assert fill(d, 0.2) == []


# --- replicas -------------------------------------------------------------------------------------


def test_a_passage_has_the_same_home_in_every_run_and_homes_are_spread() -> None:
    urls = [f"http://host{i}/v1" for i in range(4)]
    homes = [rank(f"passage {i}", urls)[0] for i in range(400)]
    assert homes == [rank(f"passage {i}", urls)[0] for i in range(400)]
    assert min(Counter(homes).values()) > 60
    # Without one server only its own passages move.
    for i in range(400):
        order = rank(f"passage {i}", urls)
        rest = rank(f"passage {i}", urls[:3])
        assert rest == tuple(index for index in order if index != 3)


def test_passages_stay_where_they_are_and_short_prompts_go_to_the_least_busy() -> None:
    d = dispatcher(3)
    add(d, *[f"p{i % 30}" for i in range(30)], *[""] * 18)
    sent = fill(d, 0.0)
    assert len(sent) == 48
    loads = Counter(s.replica.index for s in sent)
    assert max(loads.values()) <= 17
    homes = {s.job.prefix: s.replica.index for s in sent if s.job.prefix}
    finish(d, sent, 1.0)
    for i in range(30):
        d.add(Job(100 + i, f"p{i}", "kind", None, 1.0))
    assert {s.job.prefix: s.replica.index for s in fill(d, 1.0)} == homes


def test_an_idle_server_takes_a_passage_from_one_that_has_too_much() -> None:
    d = dispatcher(2)
    urls = [r.url for r in d.replicas]
    crowded = [f"p{i}" for i in range(100) if rank(f"p{i}", urls)[0] == 0][:8]
    add(d, *[crowded[i // 20] for i in range(160)])
    sent = fill(d, 1.0) + fill(d, 1.1) + fill(d, 1.2)
    by_server = Counter(s.replica.index for s in sent)
    assert by_server[0] == 16
    assert by_server[1] >= 8
    # It takes what the other would have come to last.
    assert {s.job.prefix for s in sent if s.replica.index == 1}.isdisjoint(
        {s.job.prefix for s in sent if s.replica.index == 0}
    )


def test_the_passages_of_a_dead_server_move_and_return() -> None:
    d = dispatcher(2)
    add(d, *[f"p{i}" for i in range(12)])
    sent = fill(d, 0.0)
    dead = [s for s in sent if s.replica.index == 0]
    assert dead
    for item in dead:
        assert d.trouble(item, AWAY, 0.1) == 0.0
    moved = fill(d, 0.1)
    assert {s.replica.index for s in moved} == {1}
    assert {s.job.order for s in moved} == {s.job.order for s in dead}
    finish(d, [*moved, *(s for s in sent if s not in dead)], 0.2)
    d.add(Job(50, "p0", "kind", None, 10.0))
    d.add(Job(51, "p1", "kind", None, 10.0))
    trial = [s for s in fill(d, 10.0) if s.replica.index == 0]
    assert len(trial) == 1
    finish(d, trial, 10.1)
    for i in range(12):
        d.add(Job(60 + i, f"p{i}", "kind", None, 11.0))
    assert {s.replica.index for s in fill(d, 11.0)} == {0, 1}


def test_a_request_that_failed_here_goes_elsewhere() -> None:
    d = dispatcher(2)
    add(d, "p")
    (sent,) = fill(d, 0.0)
    d.trouble(sent, BROKEN, 0.1)
    (again,) = fill(d, 1.0)
    assert again.replica is not sent.replica


# --- a whole server, simulated --------------------------------------------------------------------


def simulate(
    passages: int, debates: int, capacity: int, waves: int = 4, limited: bool = True
) -> tuple[float, int]:
    """Play debates on one server with a prefix cache; return the time and the prefixes computed."""
    d = dispatcher()
    if not limited:
        d.replicas[0].passages.observe = lambda *_: None  # type: ignore[method-assign]
    cache: OrderedDict[str, None] = OrderedDict()
    events: list[tuple[float, int, Sent, bool]] = []
    ties = itertools.count()
    waves_left: dict[int, int] = {}
    computed, order, now, running, queue = 0, 0, 0.0, 0, []
    begun, open_debates = 0, 0

    def submit(debate: int) -> None:
        nonlocal order
        d.add(Job(order, f"p{debate // debates}", "kind", debate, now))
        order += 1

    def start() -> None:
        nonlocal running, computed
        while queue and running < 32:
            item = queue.pop(0)
            hit = item.job.prefix in cache
            cache[item.job.prefix] = None
            cache.move_to_end(item.job.prefix)
            while len(cache) > capacity:
                cache.popitem(last=False)
            computed += not hit
            running += 1
            heapq.heappush(events, (now + 1.0 + 0.5 * (not hit), next(ties), item, hit))

    while True:
        while open_debates < 300 and begun < passages * debates:
            waves_left[begun] = waves
            submit(begun)
            begun += 1
            open_debates += 1
        for item in fill(d, now):
            queue.append(item)
        start()
        if not events:
            if not d.waiting:
                return now, computed
            now = d.wake(now)
            continue
        now, _, item, hit = heapq.heappop(events)
        running -= 1
        d.good(item, now, hit)
        debate = item.job.load
        waves_left[debate] -= 1
        if waves_left[debate]:
            submit(debate)
        else:
            open_debates -= 1


def test_a_large_cache_needs_no_limit() -> None:
    _, computed = simulate(passages=40, debates=20, capacity=100)
    assert computed == 40


def test_a_small_cache_is_found_and_respected() -> None:
    seconds, computed = simulate(passages=60, debates=20, capacity=4)
    free_seconds, free_computed = simulate(passages=60, debates=20, capacity=4, limited=False)
    assert computed < 0.75 * free_computed
    assert seconds < 1.05 * free_seconds
