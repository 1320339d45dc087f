"""What models have in common that put something around another one, and all who ask one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from debate_env.plug_ins import wrong_result
from debateqd.agents.models.base import (
    Capabilities,
    ChatModel,
    MeteredModel,
    PatientModel,
    Reply,
    Request,
    TokenCounter,
    capabilities_of,
    notes_of,
)

T = TypeVar("T")


class OpenTickets(Generic[T]):
    """Tickets that a model owes replies to, each with what its sender keeps until the reply comes.

    Replies to anybody else's tickets (those of a scheduler that was abandoned by Ctrl-C in a
    notebook) are dropped.

    Attributes:
        model: The model.
    """

    def __init__(self, model: ChatModel) -> None:
        self.model = model
        self._patient = model if isinstance(model, PatientModel) else None
        self._kept: dict[int, T] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def submit(self, entries: Iterable[tuple[int, Request, T]]) -> None:
        """Send requests; keep the third part of each entry until its reply comes."""
        batch = []
        for ticket, request, kept in entries:
            self._kept[ticket] = kept
            batch.append((ticket, request))
        self.model.submit(batch)

    def poll(self, seconds: float | None = None) -> list[tuple[int, T, Reply]]:
        """Take what has come: tickets with what was kept of them and their replies.

        Waits for the first, or at most ``seconds`` if they are given and the model allows that.

        Raises:
            RuntimeError: The model waits for nothing though it owes replies.
        """
        kept = self._kept
        patient = None if seconds is None else self._patient
        while kept:
            replies = patient.poll_for(seconds or 0.0) if patient else self.model.poll()
            if not isinstance(replies, list) or not all(map(_is_reply, replies)):
                raise wrong_result(self.model, "poll", replies, "a list of pairs (ticket, Reply)")
            found = [
                (ticket, kept.pop(ticket), reply) for ticket, reply in replies if ticket in kept
            ]
            if found or patient:
                return found
            if not replies:
                raise RuntimeError(
                    f"model '{self.model.name}' returned nothing while {len(kept)} requests are "
                    "outstanding: poll() must wait for one, and a model serves one scheduler at a "
                    "time"
                )
        return []

    def clear(self) -> list[T]:
        """Wait for none of them any more; return what was kept of them."""
        kept, self._kept = self._kept, {}
        return list(kept.values())


def _is_reply(pair: object) -> bool:
    return isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[1], Reply)


class WrappedModel(Generic[T]):
    """A chat model around another one, of which it says what that one says.

    A subclass writes :meth:`submit`, which hands what it sends on to ``self._open``, and
    :meth:`_take`, which gets the replies from there. ``self._counted`` is added to what the inner
    model counts.
    """

    def __init__(self, inner: ChatModel) -> None:
        self._inner = inner
        self._open = OpenTickets[T](inner)
        self._metered = inner if isinstance(inner, MeteredModel) else None
        self._counted: Counter[str] = Counter()
        if isinstance(inner, TokenCounter):
            self.count_tokens = inner.count_tokens

    @property
    def name(self) -> str:
        """Name of the inner model."""
        return self._inner.name

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the inner model."""
        return self._inner.fingerprint

    @property
    def capabilities(self) -> Capabilities:
        """What the inner model can do."""
        return capabilities_of(self._inner)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the inner model has to say."""
        return notes_of(self._inner)

    @property
    def delivery(self) -> Counter[str]:
        """What was counted, by the inner model too; as in a :class:`MeteredModel`."""
        return self._inner_delivery() + self._counted

    def _inner_delivery(self) -> Counter[str]:
        return self._metered.delivery if self._metered is not None else Counter()

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Accept requests."""
        raise NotImplementedError

    def poll(self) -> list[tuple[int, Reply]]:
        """Return finished tickets; wait only when some are outstanding and none has finished."""
        return self._take(None)

    def poll_for(self, seconds: float) -> list[tuple[int, Reply]]:
        """Return finished tickets; wait at most ``seconds`` where the inner model allows that."""
        return self._take(seconds)

    def _take(self, seconds: float | None) -> list[tuple[int, Reply]]:
        """Poll ``self._open``; return what is finished, something unless there are ``seconds``."""
        raise NotImplementedError

    def close(self) -> None:
        """Release whatever the inner model holds."""
        self._open.clear()
        self._inner.close()
