"""Asks again where a reply is no language: the same request, then with another seed.

A broken line brings other garbage each time, or none, so the very same request comes first: a run
under faults stays what it is without them. Garbage that comes back word for word is what the model
has to say to this request; then the next seed, which derives from the last, draws another reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from debateqd.agents.base import request_seed
from debateqd.agents.garbage import is_garbage, is_noisy
from debateqd.agents.models.base import ChatModel, Reply, Request
from debateqd.agents.models.wrapped import WrappedModel

REDRAWS = 3
"""Other seeds that are tried."""

_ASKED = 6  # times that a request is sent whose replies are other garbage every time
_SHOWN = 60  # characters


class Attempt(NamedTuple):
    """What is asked now, after how many other seeds, and the garbage that it has brought so far."""

    request: Request
    redraws: int = 0
    heard: tuple[str, ...] = ()

    def after(self, text: str) -> Attempt | None:
        """What to ask when a reply is garbage; ``None``: nothing more."""
        request, heard = self.request, (*self.heard, text)
        if text not in self.heard:
            return self._replace(heard=heard) if len(heard) < _ASKED else None
        if request.sampling.temperature <= 0 or self.redraws == REDRAWS:
            return None
        return Attempt(request._replace(seed=request_seed(request.seed)), self.redraws + 1)


def is_unusable(request: Request, reply: Reply) -> bool:
    """Whether nobody can make anything of what a model wrote.

    JSON is judged by whoever reads it, unless it holds what belongs into no text. An empty reply is
    unusable where the model ended it by itself.
    """
    if reply.finish_reason in ("refused", "error") or reply.probabilities is not None:
        return False
    if not reply.text.strip():
        return reply.finish_reason != "length"
    return is_garbage(reply.text) if request.schema is None else is_noisy(reply.text)


class RedrawnModel(WrappedModel[Attempt]):
    """A chat model whose garbage is asked for again, and is a typed failure in the end.

    Replies thrown away count as ``rejected``; what they cost is counted by the inner model.
    """

    def __init__(self, inner: ChatModel) -> None:
        super().__init__(inner)
        self._again: list[tuple[int, Request, Attempt]] = []

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Hand on requests."""
        self._open.submit((ticket, request, Attempt(request)) for ticket, request in tickets)

    def _take(self, seconds: float | None) -> list[tuple[int, Reply]]:
        while True:
            again, self._again = self._again, []
            if again:
                self._open.submit(again)
            done = []
            for ticket, attempt, reply in self._open.poll(seconds):
                if is_unusable(attempt.request, reply):
                    self._counted["rejected"] += 1
                    if (next_one := attempt.after(reply.text)) is not None:
                        self._again.append((ticket, next_one.request, next_one))
                        continue
                    said = repr(reply.text[:_SHOWN]) if reply.text.strip() else "nothing"
                    error = f"the model wrote {said}, which is no language"
                    reply = Reply("", "error", reply.usage, error=error, error_kind="bad_reply")
                done.append((ticket, replace(reply, redraws=attempt.redraws)))
            # What is finished goes first: sending may fail, and it is paid for.
            if done or not self._again or seconds is not None:
                return done
