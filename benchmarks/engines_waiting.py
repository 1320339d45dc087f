"""How long debates wait for slow replies, against an ideal list scheduler.

A local server in a process of its own has 32 slots, and one reply in twenty takes ten times as
long as the others; how long each takes depends on the request alone. The ideal is a list scheduler
that knows no overhead: whenever a slot is free it starts the first request that is ready.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Sequence
from typing import Any

from engines_server import Foreseen, foresee, wrong_speeches
from engines_table import Figure
from engines_workload import equal_work, make_questions

from debateqd.agents.rollout import play_all
from tests.servers import Settings, serve_process

Chain = Sequence[Sequence[float]]
"""Seconds of the requests of a debate, by wave; a wave waits for all of the one before."""

SLOTS = 32
SECONDS = 0.3
SLOW_SHARE = 0.05
SLOW_FACTOR = 10.0
RATIO = 1.05
PASSAGE_WORDS = 600  # the time of the machine, which is not what is measured, grows with them


def list_schedule(chains: Sequence[Chain], slots: int, *, oldest_first: bool = True) -> float:
    """Return how long an ideal list scheduler takes.

    Args:
        chains: The debates.
        slots: Requests worked on at once.
        oldest_first: Of the requests that are ready start those that became so first; otherwise
            those of the first debate.
    """
    ready: list[tuple[float, int, float]] = []  # rank, debate, seconds
    running: list[tuple[float, int]] = []  # end, debate
    missing = [0] * len(chains)
    at_wave = [0] * len(chains)

    def begin(debate: int, now: float) -> None:
        wave = chains[debate][at_wave[debate]]
        missing[debate] = len(wave)
        for seconds in wave:
            heapq.heappush(ready, (now if oldest_first else 0.0, debate, seconds))

    for debate in range(len(chains)):
        begin(debate, 0.0)
    now = 0.0
    while ready or running:
        while ready and len(running) < slots:
            _, debate, seconds = heapq.heappop(ready)
            heapq.heappush(running, (now + seconds, debate))
        now, debate = heapq.heappop(running)
        missing[debate] -= 1
        if not missing[debate]:
            at_wave[debate] += 1
            if at_wave[debate] < len(chains[debate]):
                begin(debate, now)
    return now


def least_time(chains: Sequence[Chain], slots: int) -> float:
    """Return what no scheduler can beat: all work shared out evenly, or the longest debate."""
    work = sum(seconds for chain in chains for wave in chain for seconds in wave)
    longest = max(sum(max(wave) for wave in chain) for chain in chains)
    return max(work / slots, longest)


def waiting(debates: int = 256) -> list[Figure]:
    """Return the time that debates take, against the ideal on the same reply times."""
    from debateqd.agents.models.openai import make_openai

    settings = Settings(
        slots=SLOTS,
        seconds=SECONDS,
        slow_share=SLOW_SHARE,
        slow_factor=SLOW_FACTOR,
        keep_bodies=False,
    )
    questions = make_questions(-(-debates // 8), 4, words=PASSAGE_WORDS)
    before = Foreseen()
    foreseen = foresee(equal_work(questions, before), before)
    chains = [
        [[settings.seconds_for(key) for key in wave] for wave in waves] for _, waves in foreseen
    ]
    with serve_process(settings) as server:
        model: Any = make_openai(settings.model, base_urls=(server.url,))
        try:
            jobs, probing = list(equal_work(questions, model)), server.counts()
            begun, used = time.perf_counter(), time.process_time()
            records = play_all(jobs)
            wall = time.perf_counter() - begun
            cpu = time.process_time() - used
            counts = server.counts() - probing
        finally:
            model.close()
    ideal = list_schedule(chains, SLOTS)
    wrong = wrong_speeches(records, [speeches for speeches, _ in foreseen])
    print(
        f"waiting: {len(jobs)} debates, {counts['requests']} requests, {SLOTS} slots, replies of "
        f"{SECONDS} s, {SLOW_SHARE:.0%} of them {SLOW_FACTOR:g} times slower; "
        f"{cpu / wall:.0%} of one processor used by the client"
    )
    return [
        Figure("wall time", wall, None, "s", 2),
        Figure("ideal list scheduler", ideal, None, "s", 2),
        Figure(
            "ideal, first debates first",
            list_schedule(chains, SLOTS, oldest_first=False),
            None,
            "s",
            2,
        ),
        Figure("no scheduler can beat", least_time(chains, SLOTS), None, "s", 2),
        Figure("wall time against the ideal", wall / ideal, RATIO, "", 3),
        Figure("speeches that differ from what was said", wrong, 0),
    ]
