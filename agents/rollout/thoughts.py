"""Carries requests from many thoughts to their models, and replies back, in any order.

This is the core of the scheduler in :mod:`debateqd.agents.rollout.scheduler`; it knows nothing of
debates. There are no barriers: a thought goes on as soon as all replies of its own last batch are
there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, TypeVar

from debate_env.errors import InputError
from debateqd.agents.base import Thought
from debateqd.agents.models.base import ChatModel, Reply, Request
from debateqd.agents.models.wrapped import OpenTickets

T = TypeVar("T")

_SEQUENCES = (list, tuple)
# Requests are handed over by the batch, so that a model gets to work while further prompts are
# being written; none of them is kept here once it is submitted.
_BATCH = 64
_PATIENCE = 0.02  # seconds spent on one of several waiting models before the next one is asked


class Call:
    """One thought in flight. Subclasses say what becomes of its replies and of its end."""

    def __init__(self, thought: Thought[Any], line: Line, rank: int = 0) -> None:
        self.thought = thought
        self.line = line
        self.rank = rank  # requests are submitted in ascending order of it
        self.replies: list[Any] | None = None  # to the last batch; ``None`` before the first
        self.missing = 0  # how many of them have not come
        self.end = 0  # the ticket after the batch's last one

    def received(self, replies: Sequence[Reply]) -> None:
        """See the replies to a batch before the thought does."""

    def returned(self, value: Any) -> None:
        """Take the value that the thought returned."""
        raise NotImplementedError

    def raised(self, error: Exception) -> None:
        """Take the exception that the thought raised."""
        raise NotImplementedError


class Line(OpenTickets[Call]):
    """One model, what it owes, and what is to be sent to it."""

    def __init__(self, model: ChatModel) -> None:
        super().__init__(model)
        self.outbox: list[tuple[int, Request, Call]] = []

    def send(self) -> None:
        """Send what is in the outbox, in the order of ranks."""
        if self.outbox:
            batch, self.outbox = self.outbox, []
            batch.sort(key=lambda entry: entry[2].rank)
            self.submit(batch)


class ThoughtRunner:
    """Advances thoughts on any number of models.

    Tickets start at a number that no other runner uses, so that the late replies of one that
    was abandoned (Ctrl-C in a notebook) are told apart.
    """

    def __init__(self) -> None:
        self._ticket = (time.monotonic_ns() % 2**52) << 10
        self._lines: dict[int, Line] = {}
        self._next_line = 0

    @property
    def idle(self) -> bool:
        """Whether no reply is outstanding."""
        return not any(line.outbox or len(line) for line in self._lines.values())

    def line(self, model: ChatModel) -> Line:
        """Return the line of ``model``."""
        line = self._lines.get(id(model))
        if line is None:
            line = self._lines[id(model)] = Line(model)
        return line

    def advance(self, call: Call) -> None:
        """Run a thought, new or collected, up to its next batch of requests, or to its end."""
        replies = call.replies
        if replies is not None:
            call.received(replies)
        # The boundary to code that is not ours: whatever a thought raises ends that thought alone.
        # KeyboardInterrupt and SystemExit are no ``Exception`` and pass through.
        try:
            requests = call.thought.send(replies)  # type: ignore[arg-type]
            while not requests:
                requests = call.thought.send(())
            if type(requests) not in _SEQUENCES:
                raise TypeError(f"a thought must yield a list of requests, not {requests!r:.99}")
            for request in requests:
                if type(request) is not Request:
                    raise TypeError(f"a thought must yield requests, not {request!r:.99}")
        except StopIteration as end:
            call.returned(end.value)
            return
        except Exception as error:  # noqa: BLE001
            call.raised(error)
            return
        call.missing = len(requests)
        call.replies = [None] * call.missing
        for ticket, request in enumerate(requests, self._ticket):
            call.line.outbox.append((ticket, request, call))
        self._ticket = call.end = self._ticket + call.missing
        if len(call.line.outbox) >= _BATCH:
            call.line.send()

    def submit(self) -> None:
        """Hand every model what is still to be sent to it."""
        for line in self._lines.values():
            line.send()

    def collect(self) -> list[Call]:
        """Take replies from a model that has some, waiting if need be.

        Models take turns, so that none starves. With several models at work, those that can be
        asked without waiting are; one that cannot is waited for when its turn comes.

        Returns:
            The calls that have all replies of their last batch; :meth:`advance` each of them.
        """
        busy = [line for line in self._lines.values() if len(line)]
        if len(busy) == 1:
            return _delivered(busy[0].poll())
        self._next_line += 1
        start = self._next_line % len(busy)
        patience = 0.0
        while True:
            for line in busy[start:] + busy[:start]:
                if found := line.poll(patience):
                    return _delivered(found)
            patience = _PATIENCE


def _delivered(found: list[tuple[int, Call, Reply]]) -> list[Call]:
    """Give calls their replies; return those that have all."""
    complete = []
    for ticket, call, reply in found:
        call.replies[ticket - call.end] = reply  # type: ignore[index]
        call.missing -= 1
        if not call.missing:
            complete.append(call)
    return complete


class _Asking(Call):
    def __init__(
        self, thought: Thought[Any], line: Line, results: dict[int, Any], slot: int
    ) -> None:
        super().__init__(thought, line, slot)
        self.results = results

    def returned(self, value: Any) -> None:
        self.results[self.rank] = value

    def raised(self, error: Exception) -> None:
        raise error


def run_thoughts(
    model: ChatModel, thoughts: Sequence[Thought[T]], *, max_open: int = 512
) -> list[T]:
    """Run thoughts outside a debate (mutators, labellers, baselines) on one model.

    Returns what each returned, in the order given; whatever one raises passes through.
    """
    if max_open < 1:
        raise InputError(f"max_open must be at least 1, not {max_open}")
    runner = ThoughtRunner()
    line = runner.line(model)
    results: dict[int, Any] = {}
    begun = 0
    while len(results) < len(thoughts):
        while begun < len(thoughts) and begun - len(results) < max_open:
            runner.advance(_Asking(thoughts[begun], line, results, begun))
            begun += 1
        runner.submit()
        if not runner.idle:
            for call in runner.collect():
                runner.advance(call)
    return [results[slot] for slot in range(len(thoughts))]
