"""Debates as jobs, as records, and while they are open; no scheduling here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from debate_env.agent import Agent, Place, tell
from debate_env.core.episode import Episode
from debate_env.core.outcome import AbortKind, Outcome
from debate_env.core.protocols import Comparison
from debate_env.core.settings import DebateSettings
from debate_env.core.transcript import Speech
from debate_env.questions.question import Question
from debateqd.agents.base import Decision, Failure, ThinkingAgent
from debateqd.agents.models.base import Usage
from debateqd.agents.replies import BACKEND_KINDS, one_line

_BACKEND = BACKEND_KINDS | {"agent_error"}  # failures that say nothing of a reply


@dataclass(frozen=True, slots=True)
class DebateJob:
    """One debate to be played.

    Attributes:
        job_id: Names the debate for those who read the record.
        agents: Seat to agent, one for every seat of the debate.
        seed: Everything random in this debate derives from it.
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


class DebateRecord(NamedTuple):
    """One debate that was played, or that failed.

    Attributes:
        outcome: Verdict and scores, or why there are none.
        speeches: What was said, as everybody saw it.
        details: Facts worth logging by seat, JSON-able. A judge's are those of its verdict
            (``orders``, ``bias``, ``method``); a debater's are by round, ``{"1": {...}}``. Seats
            without any are left out.
        usage: Tokens by seat; seats that asked no model are left out.
        failure: Why the debate failed, ``None`` when it did not.
        comparisons: What the debate says of its players' strength, as its protocol counts it.
    """

    job: DebateJob
    outcome: Outcome
    speeches: tuple[Speech, ...]
    details: Mapping[str, Mapping[str, Any]]
    usage: Mapping[str, Usage]
    calls: int
    failure: Failure | None
    comparisons: tuple[Comparison, ...] = ()


def agent_error(seat: str, error: Exception) -> Failure:
    """Describe what an agent raised, or why its action was refused, in one line."""
    return Failure("agent_error", one_line(f"{seat}: {type(error).__name__}: {error}"))


def as_decision(seat: str, value: Any) -> Decision:
    """Return what a thinking agent returned, or the failure that it is not a decision."""
    if not isinstance(value, Decision):
        error = TypeError(f"think() must return a Decision, not {type(value).__name__}")
        return Decision(None, failure=agent_error(seat, error))
    details: Any = value.details
    if not isinstance(details, Mapping):
        error = TypeError(f"details must be a mapping, not {type(details).__name__}")
        return Decision(None, failure=agent_error(seat, error))
    return value


def ending(failure: Failure) -> tuple[AbortKind, str]:
    """Translate a failure into the arguments of ``abort``: what kind of end, and why."""
    kind: AbortKind = "error" if failure.kind in _BACKEND else "unusable"
    return kind, f"{failure.kind}: {failure.message}"


class OpenDebate:
    """An open debate."""

    def __init__(self, index: int, job: DebateJob) -> None:
        self.index = index
        self.job = job
        self.episode = Episode(job.question, job.settings, swap=job.swap, rival=job.rival)
        self.wave: tuple[str, ...] = ()  # seats that were asked together
        self.number = 0  # the round they were asked in
        self.decisions: dict[str, object] = {}  # what those of them decided that are back
        self.failure: Failure | None = None
        self.details: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, list[int]] = {}  # seat: calls, then the numbers of a Usage

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
        decided = []
        for seat in self.wave:
            value = as_decision(seat, self.decisions[seat])
            if value.details:
                self._note(seat, value.details)
            self.failure = self.failure or value.failure
            decided.append((seat, value.action))
        self.decisions.clear()
        if self.failure is None:
            self._act(decided)
        return True

    def _act(self, decided: Sequence[tuple[str, Any]]) -> None:
        for seat, action in decided:
            try:
                if isinstance(action, str):
                    action = self.episode.fit(seat, action)
                self.episode.act(seat, action)
            except Exception as error:  # noqa: BLE001  (an action is an agent's own object)
                self.failure = agent_error(seat, error)
                return

    def _note(self, seat: str, details: Mapping[str, Any]) -> None:
        """Record details: those of a verdict as they are, those of speeches by round."""
        noted = self.details.setdefault(seat, {})
        if self.number <= self.job.settings.rounds:
            noted = noted.setdefault(str(self.number), {})
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
            if not episode.truncated:
                try:
                    tell(job.agents[seat], Place(job.job_id, seat), episode.rewards[seat])
                except Exception as error:  # noqa: BLE001  (an agent's own code)
                    self.details.setdefault(seat, {})["feedback_error"] = one_line(repr(error))
        tokens = {seat: self.tokens[seat] for seat in seats if any(self.tokens.get(seat, ()))}
        return DebateRecord(
            job,
            outcome,
            episode.speeches,
            {seat: self.details[seat] for seat in seats if seat in self.details},
            {seat: Usage(*used) for seat, (_, *used) in tokens.items()},
            sum(number for number, *_ in tokens.values()),
            failure,
            episode.comparisons,
        )
