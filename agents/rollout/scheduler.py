"""The one scheduler: plays any number of debates between any agents, asking any chat models.

Two kinds of agents mix freely, also within a debate. A *thinking* agent is a generator of requests
(:class:`debateqd.agents.base.ThinkingAgent`); thousands are advanced together. A *plain* agent acts
on lists of observations (``act(observations) -> actions``); it is asked once for all debates that
wait for it. Every seat that may act is asked at once, so a debate of R simultaneous rounds is
R + 1 dependent waves of requests, and a finished debate never waits for a slow one.

Results depend on nothing but the jobs and the replies: the seed of a turn derives from (job seed,
seat, round), and a debate that fails does so in the same way whichever of its replies came first.
Batch size, order of jobs and order of replies change nothing of what is asked; an engine may round
differently in another batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from debate_env.agent import Agent, Observation, Place, ask
from debate_env.errors import InputError
from debate_env.questions.question import Question
from debateqd.agents.base import Decision, Thought, Turn, derive_seed
from debateqd.agents.models.base import Reply
from debateqd.agents.rollout.debates import DebateJob, DebateRecord, OpenDebate, agent_error
from debateqd.agents.rollout.thoughts import Call, Line, ThoughtRunner

_BY_INDEX = attrgetter("index")


@dataclass(frozen=True, slots=True)
class PrefixRoom:
    """How much the open debates may hold of an engine's prefix cache.

    More passages than the cache holds would push each other out, and each would be read again for
    every request.

    Attributes:
        capacity: Tokens that the cache holds.
        passage_tokens: Tokens of a question's passage; counted once for all its open debates.
        debate_tokens: Tokens of everything else that a debate adds.
    """

    capacity: int
    passage_tokens: Callable[[Question], int]
    debate_tokens: int


def play(
    jobs: Iterable[DebateJob],
    *,
    max_open: int = 512,
    room: PrefixRoom | None = None,
) -> Iterator[DebateRecord]:
    """Play debates; yield each as soon as it is finished.

    Args:
        jobs: The debates, consumed lazily: a job is taken when there is room for it, after the
            records before it were yielded. Order them by passage: requests keep that order, so
            that an engine with prefix caching reads each passage about once.
        max_open: Most debates that are open at once.
        room: Keeps fewer open where the prefix cache of an engine would overflow.

    Yields:
        One record per job. A failed debate is a record with ``failure``, never an exception: a
        model's unusable reply, an agent that raised, an action the debate refused.

    Raises:
        InputError: A job lacks the agent of a seat.
        KeyboardInterrupt: Passes through from anywhere.
    """
    for _, record in _Rollout(max_open, room).run(jobs):
        yield record


def play_all(
    jobs: Iterable[DebateJob],
    *,
    max_open: int = 512,
    room: PrefixRoom | None = None,
) -> list[DebateRecord]:
    """Play debates like :func:`play`; return the records in the order of the jobs."""
    records = dict(_Rollout(max_open, room).run(jobs))
    return [records[index] for index in range(len(records))]


class _OpenPassages:
    """The passages of open debates, and what they hold of a prefix cache."""

    def __init__(self, room: PrefixRoom) -> None:
        self._room = room
        self._debates: Counter[str] = Counter()
        self._sizes: dict[str, int] = {}
        self._held = 0

    def _size(self, question: Question) -> int:
        if question.passage_id not in self._sizes:
            self._sizes[question.passage_id] = self._room.passage_tokens(question)
        return self._sizes[question.passage_id]

    def fits(self, question: Question) -> bool:
        """Whether another debate on a question would still fit."""
        new = 0 if self._debates[question.passage_id] else self._size(question)
        return self._held + new + self._room.debate_tokens <= self._room.capacity

    def open(self, question: Question) -> None:
        """Take in a debate."""
        new = 0 if self._debates[question.passage_id] else self._size(question)
        self._held += self._room.debate_tokens + new
        self._debates[question.passage_id] += 1

    def close(self, question: Question) -> None:
        """Let a debate go."""
        self._debates[question.passage_id] -= 1
        self._held -= self._room.debate_tokens
        if not self._debates[question.passage_id]:
            self._held -= self._size(question)


class _SeatCall(Call):
    """The thought of one seat on one of its turns."""

    def __init__(
        self,
        thought: Thought[Decision],
        line: Line,
        debate: OpenDebate,
        seat: str,
        touched: list[OpenDebate],
    ) -> None:
        super().__init__(thought, line, debate.index)
        self.debate = debate
        self.seat = seat
        self.touched = touched
        self.tokens = debate.tokens.setdefault(seat, [0, 0, 0, 0])

    def received(self, replies: Sequence[Reply]) -> None:
        for reply in replies:
            for place, number in enumerate((1, *reply.usage)):
                self.tokens[place] += number

    def returned(self, value: Any) -> None:
        if self.debate.take(self.seat, value):
            self.touched.append(self.debate)

    def raised(self, error: Exception) -> None:
        self.returned(Decision(None, failure=agent_error(self.seat, error)))


class _Rollout:
    """The state of one call of :func:`play`."""

    def __init__(self, max_open: int, room: PrefixRoom | None) -> None:
        if max_open < 1:
            raise InputError(f"max_open must be at least 1, not {max_open}")
        self._max_open = max_open
        self._cache = None if room is None else _OpenPassages(room)
        self._runner = ThoughtRunner()
        self._open = 0
        self._touched: list[OpenDebate] = []
        self._plain: dict[int, tuple[Agent, list[tuple[OpenDebate, str, Observation]]]] = {}
        self._finished: list[tuple[int, DebateRecord]] = []

    def run(self, jobs: Iterable[DebateJob]) -> Iterator[tuple[int, DebateRecord]]:
        """Yield (position of the job, record) as debates finish."""
        source: Iterator[tuple[int, DebateJob]] | None = enumerate(jobs)
        runner, cache = self._runner, self._cache
        item: tuple[int, DebateJob] | None = None  # taken, but not begun
        while True:
            while source is not None and self._open < self._max_open:
                if item is None and (item := next(source, None)) is None:
                    source = None
                elif cache is not None and self._open and not cache.fits(item[1].question):
                    break
                else:
                    self._begin(*item)
                    item = None
                    self._ask()
            # Models get to work first: the reader of a record or a plain agent may take a while.
            runner.submit()
            if self._finished:
                finished, self._finished = self._finished, []
                self._open -= len(finished)
                for index, record in finished:
                    if cache is not None:
                        cache.close(record.job.question)
                    yield index, record
            elif self._open:
                self._work()
            else:
                return

    def _work(self) -> None:
        """Let plain agents act or take in what a model has."""
        calls = []
        if self._plain:
            self._ask_plain()
        else:
            calls = self._runner.collect()
        self._ask()
        # Every debate goes on while its data is at hand, before the next one is looked at.
        for call in calls:
            self._runner.advance(call)
            if self._touched:
                self._ask()

    def _begin(self, index: int, job: DebateJob) -> None:
        debate = OpenDebate(index, job)
        for seat in debate.episode.seats:
            if seat not in job.agents:
                raise InputError(
                    f"job '{job.job_id}': no agent for seat '{seat}'; needed: "
                    + ", ".join(debate.episode.seats)
                )
        self._open += 1
        if self._cache is not None:
            self._cache.open(job.question)
        self._touched.append(debate)

    def _ask(self) -> None:
        """Ask every seat that may act in the debates that were touched, until none is left."""
        touched = self._touched
        if len(touched) > 1:
            touched.sort(key=_BY_INDEX, reverse=True)  # the first is taken from the end
        while touched:
            debate = touched.pop()
            if debate.failure is not None or debate.episode.outcome is not None:
                self._finished.append((debate.index, debate.finish()))
                continue
            debate.wave, debate.number = debate.episode.acting, debate.episode.round
            if not debate.wave:
                protocol = debate.job.settings.protocol
                raise RuntimeError(f"protocol '{protocol}' lets nobody act and does not end")
            for seat in debate.wave:
                self._ask_seat(debate, seat)

    def _ask_seat(self, debate: OpenDebate, seat: str) -> None:
        job, number = debate.job, debate.number
        agent: Any = job.agents[seat]
        observation = debate.episode.observe(seat)
        if not hasattr(agent, "think"):
            _, waiting = self._plain.setdefault(id(agent), (agent, []))
            waiting.append((debate, seat, observation))
            return
        seed = derive_seed(job.seed, seat, number)
        turn = Turn(seat, number, job.settings, seed, job.job_id)
        try:
            thought = agent.think(observation, turn)
            line = self._runner.line(agent.model)
        except Exception as error:  # noqa: BLE001  (an agent's own code)
            if debate.take(seat, Decision(None, failure=agent_error(seat, error))):
                self._touched.append(debate)
            return
        self._runner.advance(_SeatCall(thought, line, debate, seat, self._touched))

    def _ask_plain(self) -> None:
        """Let every plain agent act on all observations that wait for it."""
        plain, self._plain = self._plain, {}
        for agent, waiting in plain.values():
            places = [Place(debate.job.job_id, seat) for debate, seat, _ in waiting]
            decisions = _act(agent, [observation for *_, observation in waiting], places)
            for (debate, seat, _), decision in zip(waiting, decisions, strict=True):
                if debate.take(seat, decision):
                    self._touched.append(debate)


def _act(
    agent: Agent, observations: Sequence[Observation], places: Sequence[Place]
) -> list[Decision]:
    """Ask a plain agent; the boundary to code that is not ours.

    A batch that raises is asked again one observation at a time, so that only the debate that the
    agent cannot handle fails.
    """
    try:
        actions = list(ask(agent, observations, places))
        if len(actions) != len(observations):
            raise ValueError(
                f"act() returned {len(actions)} actions for {len(observations)} observations"
            )
    except Exception as error:  # noqa: BLE001
        if len(observations) == 1:
            return [Decision(None, failure=agent_error(places[0].seat, error))]
        return [
            decision
            for observation, place in zip(observations, places, strict=True)
            for decision in _act(agent, [observation], [place])
        ]
    return [Decision(action) for action in actions]
