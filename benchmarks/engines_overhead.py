"""What a debate costs outside the engine, budget included, what its journal adds, and a replay.

The model answers at once, and the time inside it is left out. Processor time is measured, that of
the operating system included, which writes the journal.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from engines_table import Figure
from engines_workload import equal_work, make_questions, scripted_reply

from debate_env.questions.question import Question
from debateqd.agents.debater import DEBATER_SAMPLING
from debateqd.agents.models.base import ChatModel, Message, Reply, Request
from debateqd.agents.models.budget import Budget, BudgetedModel
from debateqd.agents.models.journal import Journal, JournalledModel
from debateqd.agents.prompts.debate import DEBATER_RULES
from debateqd.agents.rollout import play

PASSAGE_CHARS = 27_000
SHARED_BY = 40  # debates on a passage
OVERHEAD = 300.0  # microseconds of processor time a debate
RECORDING = 50.0  # microseconds of processor time a call
REPLAY = 300.0  # microseconds of processor time a call


class TimedModel:
    """Answers at once, and keeps the processor time that this takes.

    Attributes:
        seconds: Time spent in here.
        requests: Requests answered.
    """

    name = "timed"
    fingerprint = "timed"

    def __init__(self) -> None:
        self.seconds = 0.0
        self.requests = 0
        self._done: list[tuple[int, Reply]] = []

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Answer requests."""
        begun = time.process_time()
        self._done += [(ticket, scripted_reply(request)) for ticket, request in tickets]
        self.requests += len(tickets)
        self.seconds += time.process_time() - begun

    def poll(self) -> list[tuple[int, Reply]]:
        """Return every reply not handed out yet."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Forget replies."""
        self._done.clear()


def long_questions(debates: int) -> list[Question]:
    """Make as many questions on passages of 27,000 characters as the debates need."""
    return make_questions(
        -(-debates // SHARED_BY), SHARED_BY // 2, words=6_000, chars=PASSAGE_CHARS
    )


def play_through(inner: TimedModel, questions: Sequence[Question], model: ChatModel) -> float:
    """Play two debates per question; return microseconds a debate outside the inner model."""
    jobs = list(equal_work(questions, model, rounds=3))
    gc.collect()
    gc.freeze()  # the prepared inputs are not the scheduler's to be swept again and again
    before = inner.seconds
    begun = time.process_time()
    played = sum(record.outcome.kind == "verdict" for record in play(jobs))
    seconds = time.process_time() - begun - (inner.seconds - before)
    gc.unfreeze()
    assert played == len(jobs), "every debate of the benchmark must reach its verdict"
    return 1e6 * seconds / len(jobs)


def overhead(debates: int = 2_000, repeats: int = 5) -> list[Figure]:
    """Return what debates cost when they are played, with and without a journal."""
    questions = long_questions(debates)
    costs: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * repeats):
        with tempfile.TemporaryDirectory() as folder:
            inner = TimedModel()
            limited: ChatModel = BudgetedModel(inner, Budget())
            with closing(Journal(Path(folder) / "journal.sqlite")) as journal:
                used = JournalledModel(limited, journal) if number % 2 else limited
                costs[bool(number % 2)].append(play_through(inner, questions, used))
    calls = inner.requests // len(questions) // 2
    print(
        f"overhead: {2 * len(questions)} debates of {calls} calls, passages of {PASSAGE_CHARS:,} "
        f"characters, {SHARED_BY} debates on each, least of {repeats}"
    )
    bare, recorded = min(costs[False]), min(costs[True])
    return [
        Figure("processor time a debate", bare, OVERHEAD, "us"),
        Figure("the same, every reply recorded", recorded, None, "us"),
        Figure("recording a call", (recorded - bare) / calls, RECORDING, "us", 1),
    ]


def replay(debates: int = 2_000, lone: int = 2_000) -> list[Figure]:
    """Return what a call costs when its reply is in the journal.

    Args:
        debates: Debates that are played a second time.
        lone: Requests with passages of their own that are asked a second time.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite"
        questions = long_questions(debates)
        asked = []
        for _ in range(2):
            inner = TimedModel()
            with closing(Journal(path)) as journal:
                cost = play_through(inner, questions, JournalledModel(inner, journal))
            asked.append(inner.requests)
        assert asked[1] == 0, "a second pass asks nothing"
        apart = _lone(Path(folder) / "lone.sqlite", lone)
    print(
        f"replay: {asked[0]} calls with prompts of more than {PASSAGE_CHARS:,} characters; and "
        f"{lone} calls that share no passage"
    )
    played = cost * 2 * len(questions) / asked[0]
    return [
        Figure("replayed call, debate played around it", played, REPLAY, "us", 1),
        Figure("replayed call, every passage new to it", apart, REPLAY, "us", 1),
    ]


def _lone(path: Path, number: int) -> float:
    text = make_questions(1, 1, words=6_000, chars=PASSAGE_CHARS)[0].passage
    requests = [
        Request(
            (Message("system", f"{DEBATER_RULES}{k} {text}"), Message("user", "?")),
            DEBATER_SAMPLING,
            k,
        )
        for k in range(number)
    ]
    for again in (False, True):
        inner = TimedModel()
        with closing(Journal(path)) as journal:
            model = JournalledModel(inner, journal)
            begun, done = time.process_time(), 0
            for start in range(0, number, 64):
                model.submit(list(enumerate(requests[start : start + 64], start)))
                while done < min(number, start + 64):
                    done += len(model.poll())
            seconds = time.process_time() - begun
        assert inner.requests == (0 if again else number), "a second pass asks nothing"
    return 1e6 * seconds / number
