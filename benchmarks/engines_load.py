"""Many debates in flight against a server where one request in ten goes wrong.

The server's replies are a function of the request, so what comes out must be, to the last bit, what
comes out without any fault: a debate that was lost, a reply that was counted for another, and
garbage taken for a speech or a verdict all show.
"""

from __future__ import annotations

import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from engines_table import Figure
from engines_workload import equal_work, make_questions

from debate_env.questions.question import Question
from debateqd.agents.models.base import delivery_of
from debateqd.agents.models.redraw import RedrawnModel
from debateqd.agents.rollout import DebateJob, DebateRecord, play
from tests.servers import Faults, Settings, serve_process

FAULTS = Faults(too_many=0.05, error=0.02, reset=0.01, garbage=0.005, signs=0.005, hang=0.01)
SLOTS = 256
SECONDS = 0.2
TIMEOUT = 5.0  # seconds after which the client gives a request up
MEMORY = 1024  # MiB
_PASSAGES = 40
_SPEECH = re.compile(r"I hold that [\w ]+\. <([uv])_quote>[^<>]+</\1_quote> So [\w ]+\.")


def no_speeches(records: Iterable[DebateRecord]) -> int:
    """Count what was taken for a speech and is none that the server makes."""
    return sum(
        _SPEECH.fullmatch(speech.text) is None for record in records for speech in record.speeches
    )


class InFlight:
    """Counts the debates that are open.

    Attributes:
        most: The most that were open at once.
    """

    def __init__(self) -> None:
        self.most = 0
        self._open = 0

    def begin(self, jobs: Iterable[DebateJob]) -> Iterator[DebateJob]:
        """Hand on jobs as they are taken."""
        for job in jobs:
            self._open += 1
            self.most = max(self.most, self._open)
            yield job

    def end(self, record: DebateRecord) -> None:
        """Take note of a debate that is over."""
        self._open -= 1


def peak_memory() -> float:
    """Return the most memory that this process has had, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


@dataclass(frozen=True)
class Loaded:
    """What became of debates that were begun all at once.

    Attributes:
        records: As they came; all but the job is what a debate left.
        most: The most debates that were open at once.
        server: What the server counted.
        client: What the client counted.
        seconds: How long it took.
    """

    records: list[DebateRecord]
    most: int
    server: Counter[str]
    client: Counter[str]
    seconds: float


def play_on(settings: Settings, questions: list[Question]) -> Loaded:
    """Play two debates per question on a server of some kind, all at once."""
    from debateqd.agents.models.openai import make_openai

    with serve_process(settings) as server:
        model = RedrawnModel(
            make_openai(
                settings.model, base_urls=(server.url,), timeout=TIMEOUT, max_concurrency=1024
            )
        )
        try:
            probing, sent = server.counts(), delivery_of(model)
            jobs = list(equal_work(questions, model))
            in_flight, begun = InFlight(), time.perf_counter()
            records = []
            for record in play(in_flight.begin(jobs), max_open=len(jobs)):
                in_flight.end(record)
                records.append(record)
            seconds = time.perf_counter() - begun
            counts, delivery = server.counts() - probing, delivery_of(model) - sent
        finally:
            model.close()
    return Loaded(records, in_flight.most, counts, delivery, seconds)


def load(debates: int = 2_000) -> list[Figure]:
    """Return what became of debates that were all in flight at once."""
    passages = max(1, min(_PASSAGES, debates // 2))
    questions = make_questions(passages, -(-debates // (2 * passages)), words=6_000, chars=27_000)
    calm = Settings(slots=SLOTS, keep_bodies=False)
    expected = {record.job.job_id: record for record in play_on(calm, questions).records}
    found = play_on(replace(calm, seconds=SECONDS, faults=FAULTS), questions)
    by_name = Counter(record.job.job_id for record in found.records)
    records = {record.job.job_id: record for record in found.records}
    calls = sum(record.calls for record in records.values())
    asked = sum(record.calls for record in expected.values())
    print(
        f"load: {len(expected)} debates, {asked} calls, {SLOTS} slots, replies of {SECONDS} s, "
        f"time-out after {TIMEOUT:g} s; {found.seconds:.1f} s, {asked / found.seconds:.0f} calls/s"
        f"\n  server: {_told(found.server)}\n  client: {_told(found.client)}"
    )
    kinds = [record.outcome.kind for record in records.values()]
    return [
        Figure("debates in flight, fewer than all", len(expected) - found.most, 0),
        Figure("debates lost", len(expected.keys() - records.keys()), 0),
        Figure("debates without a verdict", len(kinds) - kinds.count("verdict"), 0),
        Figure("debates counted twice", sum(by_name.values()) - len(by_name), 0),
        Figure("calls counted, other than made", abs(calls - asked), 0),
        Figure("good replies not used", found.server["ok"] - asked),
        Figure(
            "debates that differ from those without faults",
            sum(record[1:] != expected[name][1:] for name, record in records.items()),
            0,
        ),
        Figure("garbage kept as a speech", no_speeches(records.values()), 0),
        Figure("peak memory", peak_memory(), MEMORY, "MiB"),
    ]


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {amount:,}" for name, amount in sorted(counts.items()))
