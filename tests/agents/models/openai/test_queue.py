from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from debateqd.agents.models.openai.errors import Trouble
from debateqd.agents.models.openai.queue import Job, Queue, Sent, rank
from debateqd.agents.models.options import OpenAIOptions

BUSY = Trouble("refused", "rate_limited", "too many")
BROKEN = Trouble("broken", "engine_error", "500")
GONE = Trouble("unreachable", "connection", "no connection")
RESET = Trouble("reset", "connection", "broke")
LATE = Trouble("timeout", "timeout", "late")


def make(servers: int = 1, **options: Any) -> Queue:
    urls = [f"http://{i}/v1" for i in range(servers)]
    return Queue(urls, OpenAIOptions(**options), jitter=lambda: 1.0)


def job(order: int, prefix: str = "") -> Job:
    return Job(order, prefix, None)


def in_flight(queue: Queue) -> int:
    return sum(replica.window.in_flight for replica in queue.replicas)


def drain(queue: Queue, now: float = 0.0) -> list[Sent]:
    found = []
    while (sent := queue.next(now)) is not None:
        found.append(sent)
    return found


def orders(sent: list[Sent]) -> list[int]:
    return [s.job.order for s in sent]


# --- order ----------------------------------------------------------------------------------------


def test_passages_go_one_after_another_and_what_has_none_goes_first() -> None:
    queue = make()
    for order, prefix in enumerate(["x", "y", "x", "", "y", "x"]):
        queue.add(job(order, prefix))
    assert queue.waiting == 6
    assert orders(drain(queue)) == [3, 0, 2, 5, 1, 4]
    assert queue.waiting == 0


def test_nothing_is_held_back_below_the_limit() -> None:
    queue = make(max_concurrency=100)
    for order in range(120):
        queue.add(job(order, f"passage {order % 12}"))
    sent = drain(queue)
    assert len(sent) == 100
    queue.good(sent[0])
    assert len(drain(queue, 1.0)) == 1


def test_a_failed_request_keeps_its_place() -> None:
    queue = make(max_concurrency=1)
    for order in range(3):
        queue.add(job(order, "x"))
    (first,) = drain(queue)
    assert queue.trouble(first, RESET, 0.0) == 0.0
    assert orders(drain(queue)) == [0]


# --- failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "waits"),
    [
        (BROKEN, [0.25, 0.5, 1.0, None]),
        (RESET, [0.0, 0.5, 1.0, None]),
        (LATE, [0.0, 0.0, 0.0, None]),
        (BROKEN._replace(wait=7.0), [7.0, 7.0, 7.0, None]),
        (Trouble("permanent", "engine_error", "no"), [None]),
    ],
)
def test_how_long_a_failed_request_waits(trouble: Trouble, waits: list[float | None]) -> None:
    queue, now = make(attempts=4), 0.0
    queue.add(job(0))
    for wait in waits:
        (sent,) = drain(queue, now)
        assert queue.trouble(sent, trouble, now) == wait
        now += wait or 0.0
    assert queue.waiting == 0
    assert not in_flight(queue)
    assert not queue.stopped


def test_a_request_that_fails_alone_is_given_up_and_the_server_stays_in_use() -> None:
    queue, now = make(attempts=8), 0.0
    queue.add(job(0))
    while queue.waiting:
        now = queue.wake(now) if queue.wake(now) < 1e9 else now
        (sent,) = drain(queue, now)
        queue.trouble(sent, BROKEN, now)
    assert not queue.replicas[0].away
    queue.add(job(1))
    assert len(drain(queue, now)) == 1


def test_a_server_that_fails_everybody_is_tried_with_single_requests_and_nothing_is_given_up() -> (
    None
):
    queue, now = make(attempts=3, patience=300.0), 0.0
    for order in range(20):
        queue.add(job(order))
    for sent in drain(queue):
        assert queue.trouble(sent, BROKEN, now) is not None
    tried = 0
    while now < 100.0:
        now = queue.wake(now)
        batch = drain(queue, now)
        assert len(batch) <= 1
        for sent in batch:
            tried += 1
            assert queue.trouble(sent, BROKEN, now) is not None
    assert 8 <= tried <= 30  # the rests grow
    (sent,) = drain(queue, now := now + 60)
    assert queue.replicas[0].away
    queue.good(sent)
    assert not queue.replicas[0].away
    assert len(drain(queue, now + 60)) == 19


@pytest.mark.parametrize("trouble", [GONE, BROKEN, BUSY, RESET])
def test_when_no_server_answers_for_so_long_there_is_no_point_in_going_on(trouble: Trouble) -> None:
    queue, now = make(2, patience=30.0), 0.0
    for order in range(40):
        queue.add(job(order, f"passage {order}"))
    while not queue.stopped:
        for sent in drain(queue, now):
            queue.trouble(sent, trouble, now)
        assert now < 60.0
        now = min(queue.wake(now), now + 10.0)
    assert now >= 30.0
    assert "30 seconds" in queue.stopped
    assert queue.next(now + 1000.0) is None


def test_a_wait_beyond_patience_ends_it_at_once_and_a_shorter_one_is_kept() -> None:
    queue = make(patience=300.0)
    queue.add(job(0))
    (sent,) = drain(queue)
    queue.trouble(sent, BUSY._replace(wait=120.0), 0.0)
    assert not queue.stopped
    assert queue.next(119.0) is None
    (sent,) = drain(queue, 120.5)
    queue.trouble(sent, BUSY._replace(wait=86_400.0), 120.5)
    assert "86,400 seconds" in queue.stopped


def test_one_server_that_wants_to_be_left_alone_leaves_its_work_to_the_other() -> None:
    queue = make(2, patience=300.0)
    for order in range(40):
        queue.add(job(order, f"passage {order}"))
    for sent in drain(queue):
        if sent.replica.index == 0:
            queue.trouble(sent, BUSY._replace(wait=86_400.0), 0.0)
        else:
            queue.good(sent)
    assert not queue.stopped
    done: list[Sent] = []
    for now in (1.0, 301.0, 302.0):
        batch = drain(queue, now)
        for sent in batch:
            queue.good(sent)
        done += batch
    assert {sent.replica.index for sent in done} == {1}
    assert queue.waiting == 0


def test_a_crowd_that_is_refused_is_not_given_up() -> None:
    queue, now, ended = make(max_concurrency=256), 0.0, 0
    for order in range(400):
        queue.add(job(order))
    for _ in range(200):  # the server holds two, and takes a second for each
        held = []
        for sent in drain(queue, now):
            if in_flight(queue) > 2:
                assert queue.trouble(sent, BUSY, now) is not None
            else:
                held.append(sent)
        now += 1.0
        for sent in held:
            queue.good(sent)
            ended += 1
    assert ended >= 200
    assert not queue.stopped


# --- replicas -------------------------------------------------------------------------------------


def test_a_passage_has_the_same_home_in_every_run_and_homes_are_spread() -> None:
    urls = [f"http://{i}/v1" for i in range(4)]
    homes = Counter(rank(f"passage {n}", urls)[0] for n in range(400))
    assert min(homes.values()) > 60
    assert [rank(f"passage {n}", urls)[0] for n in range(3)] == [
        make(4).home(f"passage {n}") for n in range(3)
    ]
    # A server that is taken away moves nobody else's passages.
    for n in range(100):
        ranking = rank(f"passage {n}", urls)
        fewer = rank(f"passage {n}", urls[:3])
        assert [i for i in ranking if i != 3] == list(fewer)


def test_passages_stay_where_they_are_and_short_prompts_go_to_the_least_busy() -> None:
    queue = make(2)
    for order in range(60):
        queue.add(job(order, f"passage {order % 6}"))
    places: dict[str, set[int]] = {}
    for sent in drain(queue):
        places.setdefault(sent.job.prefix, set()).add(sent.replica.index)
    assert all(len(found) == 1 for found in places.values())
    assert len(set.union(*places.values())) == 2
    load = [r.window.in_flight for r in queue.replicas]
    for order in range(100, 100 + abs(load[0] - load[1])):
        queue.add(job(order))
    drain(queue)
    assert queue.replicas[0].window.in_flight == queue.replicas[1].window.in_flight


def test_an_idle_server_takes_a_whole_passage_from_one_that_is_full() -> None:
    queue = make(2, max_concurrency=4)
    mine = [p for n in range(40) if queue.home(p := f"passage {n}") == 0][:3]
    for order in range(12):
        queue.add(job(order, mine[order // 4]))
    sent = drain(queue)
    assert [(s.job.prefix, s.replica.index) for s in sent] == [
        *[(mine[0], 0)] * 4,
        *[(mine[2], 1)] * 4,
    ] or sorted((s.job.prefix, s.replica.index) for s in sent) == sorted(
        [*[(mine[0], 0)] * 4, *[(mine[2], 1)] * 4]
    )
    assert queue.home(mine[2]) == 1
    assert queue.home(mine[1]) == 0


def test_the_passages_of_a_dead_server_move_and_return() -> None:
    queue = make(2)
    prefix = next(p for n in range(40) if queue.home(p := f"passage {n}") == 0)
    for order in range(6):
        queue.add(job(order, prefix))
    now = 0.0
    for sent in drain(queue, now):
        queue.trouble(sent, GONE, now)
    moved = drain(queue, now + 1)
    assert {s.replica.index for s in moved[1:]} == {1}
    tried = [s for s in moved if s.replica.index == 0]
    assert len(tried) == 1  # it is tried with one
    queue.good(tried[0])
    queue.add(job(10, prefix))
    assert [s.replica.index for s in drain(queue, now + 2)] == [0]
