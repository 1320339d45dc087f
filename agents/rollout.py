"""The one scheduler: plays any number of debates between any agents, asking any chat models.

Two kinds of agents mix freely, also within a debate. A *thinking* agent is a generator of requests
(:class:`agents.base.ThinkingAgent`); thousands of them are advanced together. A *plain* agent acts
on lists of observations (``act(observations) -> actions``); it is asked once for all debates that
wait for it. Every seat that may act is asked at once, so a debate of R simultaneous rounds is
R + 1 dependent waves of requests, and a finished debate never waits for a slow one.

Results depend on nothing but the jobs: the seed of a turn derives from (job seed, seat, round), and
a debate that fails does so in the same way whichever of its replies came first. Batch size, order
of jobs and order of replies change nothing but the time it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from agents.base import Decision, Failure, ThinkingAgent, Thought, Turn, derive_seed
from agents.exchange import Call, Exchange, Line, run_thoughts
from agents.models.base import Reply, Usage
from agents.replies import one_line
from debate_env.agent import Agent, Observation
from debate_env.episode import AbortKind, Episode, Outcome
from debate_env.errors import InputError
from debate_env.questions import Question
from debate_env.settings import DebateSettings
from debate_env.transcript import Speech

__all__ = [
    "DebateJob",
    "DebateRecord",
    "agent_error",
    "as_decision",
    "ending",
    "play",
    "play_all",
    "run_thoughts",
]

_BY_INDEX = attrgetter("index")
_NONE = (0, 0, 0)
_BACKEND = frozenset({"engine_error", "agent_error"})  # failures that say nothing of a reply


@dataclass(frozen=True, slots=True)
class DebateJob:
    """One debate to be played.

    Attributes:
        job_id: Names the debate for those who read the record.
        question: What is debated.
        agents: Seat to agent, one for every seat of the debate.
        seed: Everything random in this debate derives from it.
        settings: The rules.
        swap: Exchange the seats of the two contested answers.
        rival: Index of the wrong answer that is defended, where there are several.
    """

    job_id: str
    question: Question
    agents: Mapping[str, Agent | ThinkingAgent]
    seed: int
    settings: DebateSettings
    swap: bool = False
    rival: int | None = None


@dataclass(frozen=True, slots=True)
class DebateRecord:
    """One debate that was played, or that failed.

    Attributes:
        job: The job.
        outcome: Verdict and scores, or why there are none.
        speeches: What was said, as everybody saw it.
        details: Facts worth logging by seat, JSON-able. A judge's are those of its verdict
            (``orders``, ``bias``, ``method``); a debater's are by round, ``{"1": {...}}``. Seats
            without any are left out.
        usage: Tokens by seat; seats that asked no model are left out.
        calls: Requests to models.
        failure: Why the debate failed, ``None`` when it did not.
        seat_calls: Requests to models by seat; seats that asked no model are left out.
    """

    job: DebateJob
    outcome: Outcome
    speeches: tuple[Speech, ...]
    details: Mapping[str, Mapping[str, Any]]
    usage: Mapping[str, Usage]
    calls: int
    failure: Failure | None
    seat_calls: Mapping[str, int] = field(default_factory=dict)


def play(
    jobs: Iterable[DebateJob],
    *,
    max_open: int = 512,
    on_record: Callable[[DebateRecord], None] | None = None,
) -> Iterator[DebateRecord]:
    """Play debates; yield each as soon as it is finished.

    Args:
        jobs: The debates, consumed lazily: a job is taken when there is room for it, after the
            records before it were yielded. Order them by passage: requests keep that order, so
            that an engine with prefix caching reads each passage about once.
        max_open: Most debates that are open at once.
        on_record: Called with every record before it is yielded.

    Yields:
        One record per job. A failed debate is a record with ``failure``, never an exception: a
        model's unusable reply, an agent that raised, an action the debate refused.

    Raises:
        InputError: A job lacks the agent of a seat.
        KeyboardInterrupt: Passes through from anywhere.
    """
    for _, record in _Rollout(max_open, on_record).run(jobs):
        yield record


def play_all(
    jobs: Iterable[DebateJob],
    *,
    max_open: int = 512,
    on_record: Callable[[DebateRecord], None] | None = None,
) -> list[DebateRecord]:
    """Play debates like :func:`play`; return the records in the order of the jobs."""
    records = dict(_Rollout(max_open, on_record).run(jobs))
    return [records[index] for index in range(len(records))]


def agent_error(seat: str, error: Exception) -> Failure:
    """Describe what an agent raised, or why its action was refused, in one line."""
    return Failure("agent_error", one_line(f"{seat}: {type(error).__name__}: {error}"))


def as_decision(seat: str, value: Any) -> Decision:
    """Return what a thinking agent returned, or the failure that it is not a decision."""
    if not isinstance(value, Decision):
        error = TypeError(f"think() must return a Decision, not {type(value).__name__}")
        return Decision(None, failure=agent_error(seat, error))
    details: Any = value.details
    if type(details) is not dict and not isinstance(details, Mapping):  # the latter alone is slow
        error = TypeError(f"details must be a mapping, not {type(details).__name__}")
        return Decision(None, failure=agent_error(seat, error))
    return value


def ending(failure: Failure) -> tuple[AbortKind, str]:
    """Translate a failure into the arguments of ``abort``: what kind of end, and why."""
    kind: AbortKind = "error" if failure.kind in _BACKEND else "unusable"
    return kind, f"{failure.kind}: {failure.message}"


class _Debate:
    """An open debate."""

    __slots__ = (
        "decisions",
        "details",
        "episode",
        "failure",
        "index",
        "job",
        "number",
        "tokens",
        "wave",
    )

    def __init__(self, index: int, job: DebateJob) -> None:
        self.index = index
        self.job = job
        self.episode = Episode(job.question, job.settings, swap=job.swap, rival=job.rival)
        self.wave: tuple[str, ...] = ()  # seats that were asked together
        self.number = 0  # the round they were asked in
        self.decisions: dict[str, object] = {}  # what those of them decided that are back
        self.failure: Failure | None = None
        self.details: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, list[int]] = {}  # seat: calls, prompt and completion tokens

    def take(self, seat: str, decision: object) -> bool:
        """Take what a seat decided.

        Returns:
            Whether the debate goes on. It does when all seats of the wave are back: their actions
            are carried out together in the order of seats, so that nothing, not even a failure,
            depends on whose reply came first.
        """
        self.decisions[seat] = decision
        if len(self.decisions) < len(self.wave):
            return False
        number, decided = self.number, []
        for seat in self.wave:
            value: Any = self.decisions[seat]
            if type(value) is not Decision or type(value.details) is not dict:
                value = as_decision(seat, value)
            if value.details:
                self._note(seat, number, value.details)
            if value.failure is not None and self.failure is None:
                self.failure = value.failure
            decided.append((seat, value.action))
        self.decisions.clear()
        if self.failure is None:
            self._act(decided)
        return True

    def _act(self, decided: Sequence[tuple[str, Any]]) -> None:
        limit = self.job.settings.max_chars
        for seat, action in decided:
            try:
                if isinstance(action, str) and len(action) > limit:
                    action = self.episode.fit(seat, action)
                self.episode.act(seat, action)
            except Exception as error:  # noqa: BLE001  (an action is an agent's own object)
                self.failure = agent_error(seat, error)
                return

    def _note(self, seat: str, number: int, details: Mapping[str, Any]) -> None:
        """Record details: those of a verdict as they are, those of speeches by round."""
        noted = self.details.setdefault(seat, {})
        if number <= self.job.settings.rounds:
            noted = noted.setdefault(str(number), {})
        noted.update(details)

    def finish(self) -> DebateRecord:
        """Close the debate and return its record; feed back rewards to agents that learn."""
        episode, job, failure = self.episode, self.job, self.failure
        seats = episode.seats
        if failure is not None and episode.outcome is None:
            episode.abort(*ending(failure))
        outcome = episode.outcome
        assert outcome is not None, "only debates that are over or failed are finished"  # noqa: S101
        for seat in seats:
            feedback = getattr(job.agents[seat], "feedback", None)
            if feedback is not None and not episode.truncated:
                try:
                    feedback(job.job_id, episode.rewards[seat])
                except Exception as error:  # noqa: BLE001  (an agent's own code)
                    self.details.setdefault(seat, {})["feedback_error"] = one_line(repr(error))
        details, usage, seat_calls, calls = {}, {}, {}, 0
        for seat in seats:
            if seat in self.details:
                details[seat] = self.details[seat]
            number, prompt, completion = self.tokens.get(seat, _NONE)
            if number:
                seat_calls[seat] = number
                calls += number
                usage[seat] = Usage(prompt, completion)
        return DebateRecord(
            job, outcome, episode.speeches, details, usage, calls, failure, seat_calls
        )


class _SeatCall(Call):
    """The thought of one seat on one of its turns."""

    __slots__ = ("debate", "seat", "tokens", "touched")

    def __init__(
        self,
        thought: Thought[Decision],
        line: Line,
        debate: _Debate,
        seat: str,
        touched: list[_Debate],
    ) -> None:
        # The work of the base class, written out: this is done for every turn of every debate.
        self.thought = thought
        self.line = line
        self.rank = debate.index
        self.replies = None
        self.debate = debate
        self.seat = seat
        self.touched = touched
        tokens = debate.tokens
        if seat not in tokens:
            tokens[seat] = [0, 0, 0]
        self.tokens = tokens[seat]

    def received(self, replies: Sequence[Reply]) -> None:
        tokens = self.tokens
        for reply in replies:
            prompt, completion = reply.usage
            tokens[0] += 1
            tokens[1] += prompt
            tokens[2] += completion

    def returned(self, value: Any) -> None:
        if self.debate.take(self.seat, value):
            self.touched.append(self.debate)

    def raised(self, error: Exception) -> None:
        self.returned(Decision(None, failure=agent_error(self.seat, error)))


class _Rollout:
    """The state of one call of :func:`play`."""

    def __init__(self, max_open: int, on_record: Callable[[DebateRecord], None] | None) -> None:
        if max_open < 1:
            raise InputError(f"max_open must be at least 1, not {max_open}")
        self._max_open = max_open
        self._on_record = on_record
        self._exchange = Exchange()
        self._open = 0
        self._touched: list[_Debate] = []
        self._plain: dict[int, tuple[Agent, list[_Debate], list[str], list[Observation]]] = {}
        self._finished: list[tuple[int, DebateRecord]] = []

    def run(self, jobs: Iterable[DebateJob]) -> Iterator[tuple[int, DebateRecord]]:
        """Yield (position of the job, record) as debates finish."""
        source: Iterator[tuple[int, DebateJob]] | None = enumerate(jobs)
        exchange = self._exchange
        while True:
            while source is not None and self._open < self._max_open:
                item = next(source, None)
                if item is None:
                    source = None
                else:
                    self._begin(*item)
                    self._ask()
            # Models get to work first: the reader of a record or a plain agent may take a while.
            exchange.submit()
            if self._finished:
                finished, self._finished = self._finished, []
                self._open -= len(finished)
                for index, record in finished:
                    if self._on_record is not None:
                        self._on_record(record)
                    yield index, record
            elif self._plain:
                self._ask_plain()
                self._ask()
            elif not self._open:
                return
            else:
                # Every debate goes on while its data is at hand, before the next one is looked at.
                for call in exchange.collect():
                    exchange.advance(call)
                    if self._touched:
                        self._ask()

    def _begin(self, index: int, job: DebateJob) -> None:
        debate = _Debate(index, job)
        for seat in debate.episode.seats:
            if seat not in job.agents:
                raise InputError(
                    f"job '{job.job_id}': no agent for seat '{seat}'; needed: "
                    + ", ".join(debate.episode.seats)
                )
        self._open += 1
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
            for seat in debate.wave:
                self._ask_seat(debate, seat)

    def _ask_seat(self, debate: _Debate, seat: str) -> None:
        job, number = debate.job, debate.number
        agent: Any = job.agents[seat]
        observation = debate.episode.observe(seat)
        if not hasattr(agent, "think"):
            queue = self._plain.get(id(agent))
            if queue is None:
                queue = self._plain[id(agent)] = (agent, [], [], [])
            queue[1].append(debate)
            queue[2].append(seat)
            queue[3].append(observation)
            return
        turn = Turn(seat, number, job.settings, derive_seed(job.seed, seat, number))
        try:
            thought = agent.think(observation, turn)
            line = self._exchange.line(agent.model)
        except Exception as error:  # noqa: BLE001  (an agent's own code)
            if debate.take(seat, Decision(None, failure=agent_error(seat, error))):
                self._touched.append(debate)
            return
        self._exchange.advance(_SeatCall(thought, line, debate, seat, self._touched))

    def _ask_plain(self) -> None:
        """Let every plain agent act on all observations that wait for it."""
        plain, self._plain = self._plain, {}
        for agent, debates, seats, observations in plain.values():
            actions = _act(agent, observations, seats)
            for debate, seat, decision in zip(debates, seats, actions, strict=True):
                if debate.take(seat, decision):
                    self._touched.append(debate)


def _act(agent: Agent, observations: Sequence[Observation], seats: Sequence[str]) -> list[Decision]:
    """Ask a plain agent; the boundary to code that is not ours.

    A batch that raises is asked again one observation at a time, so that only the debate that the
    agent cannot handle fails.
    """
    try:
        actions = list(agent.act(observations))
        if len(actions) != len(observations):
            raise ValueError(
                f"act() returned {len(actions)} actions for {len(observations)} observations"
            )
    except Exception as error:  # noqa: BLE001
        if len(observations) == 1:
            return [Decision(None, failure=agent_error(seats[0], error))]
        return [
            decision
            for observation, seat in zip(observations, seats, strict=True)
            for decision in _act(agent, [observation], [seat])
        ]
    return [Decision(action) for action in actions]
