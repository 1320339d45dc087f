"""Many debates in flight against a server where one request in ten goes wrong.

What is said must come out word for word as without any fault, since the server's replies are a
function of the request; so a debate that was lost, a reply that was counted for another, and
garbage taken for a speech all show. Where the server would answer a request with the same garbage
twice, a client may draw the speech anew; what is said from there on need only be speeches.
"""

from __future__ import annotations

import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, takewhile

from engines_server import Foreseen, foresee, wrong_speeches
from engines_table import Figure
from engines_workload import equal_work, make_questions

from debateqd.agents.models.base import delivery_of
from debateqd.agents.models.redraw import RedrawnModel
from debateqd.agents.rollout import DebateJob, DebateRecord, play
from tests.servers import Faults, Settings, serve_process

FAULTS = Faults(too_many=0.05, error=0.02, reset=0.01, garbage=0.01, hang=0.01)
SLOTS = 256
SECONDS = 0.2
TIMEOUT = 5.0  # seconds after which the client gives a request up
MEMORY = 1024  # MiB
_PASSAGES = 40


_SPEECH = re.compile(r"I hold that [\w ]+\. <([uv])_quote>[^<>]+</\1_quote> So [\w ]+\.")


def drawn_anew(waves: Sequence[Sequence[bytes]], faults: Faults) -> bool:
    """Whether the server answers one of a debate's requests for speeches with garbage twice.

    Args:
        waves: The server's names of the requests, by wave; those of the last one are for verdicts.
        faults: What goes wrong.
    """
    for key in (key for wave in waves[:-1] for key in wave):
        seen = takewhile(bool, (faults.draw(key, time) for time in count(1)))
        if sum(fault == "garbage" for fault in seen) > 1:
            return True
    return False


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


def load(debates: int = 2_000) -> list[Figure]:
    """Return what became of debates that were all in flight at once."""
    from debateqd.agents.models.openai import make_openai

    settings = Settings(slots=SLOTS, seconds=SECONDS, faults=FAULTS, keep_bodies=False)
    passages = max(1, min(_PASSAGES, debates // 2))
    questions = make_questions(passages, -(-debates // (2 * passages)), words=6_000, chars=27_000)
    before = Foreseen()
    foreseen = foresee(equal_work(questions, before), before)
    asked = sum(len(wave) for _, waves in foreseen for wave in waves)
    distinct = len({key for _, waves in foreseen for wave in waves for key in wave})
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
            finished = list(
                play(in_flight.begin(jobs), max_open=len(jobs), on_record=in_flight.end)
            )
            wall = time.perf_counter() - begun
            counts, delivery = server.counts() - probing, delivery_of(model) - sent
        finally:
            model.close()
    by_name = Counter(record.job.job_id for record in finished)
    verdicts = {r.job.job_id: r for r in finished if r.outcome.kind == "verdict"}
    expected = {job.job_id: speeches for job, (speeches, _) in zip(jobs, foreseen, strict=True)}
    anew = {job.job_id for job, (_, w) in zip(jobs, foreseen, strict=True) if drawn_anew(w, FAULTS)}
    word_for_word = [name for name in verdicts if name not in anew]
    wrong = wrong_speeches(
        [verdicts[name] for name in word_for_word], [expected[name] for name in word_for_word]
    )
    calls = sum(record.calls for record in finished)
    print(
        f"load: {len(jobs)} debates, {asked} calls ({distinct} of them different), {SLOTS} slots, "
        f"replies of {SECONDS} s, time-out after {TIMEOUT:g} s; {wall:.1f} s, "
        f"{asked / wall:.0f} calls/s\n  server: {_told(counts)}\n  client: {_told(delivery)}"
    )
    return [
        Figure("debates in flight, fewer than all", len(jobs) - in_flight.most, 0),
        Figure("debates lost", len(jobs) - len(by_name), 0),
        Figure("debates without a verdict", len(jobs) - len(verdicts), 0),
        Figure("debates counted twice", sum(by_name.values()) - len(by_name), 0),
        Figure("calls counted, other than made", abs(calls - asked), 0),
        Figure("good replies not used", counts["ok"] - asked),
        Figure("debates with the same garbage twice", len(anew)),
        Figure("speeches of the others that differ from what was said", wrong, 0),
        Figure("garbage kept as a speech", no_speeches(finished), 0),
        Figure("peak memory", peak_memory(), MEMORY, "MiB"),
    ]


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {amount:,}" for name, amount in sorted(counts.items()))
