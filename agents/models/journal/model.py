"""A chat model that asks nothing twice: every reply is in a journal before it is used.

Replies of an earlier run are replayed, whether that run finished or was killed; identical requests
in flight are asked once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from debateqd.agents.models.base import ChatModel, Reply, Request, capabilities_of
from debateqd.agents.models.journal.files import JournalError
from debateqd.agents.models.journal.keys import RequestKeys
from debateqd.agents.models.journal.store import Journal
from debateqd.agents.models.wrapped import WrappedModel


class JournalledModel(WrappedModel[bytes]):
    """A chat model that answers from a journal what it can, and records everything else.

    A reply that failed is not recorded: it may succeed another time. What the inner model spends
    (its ``delivery``) is recorded in the same transaction as its replies. Of a ticket it keeps the
    key, and counts what was ``replayed`` and ``shared``.

    Args:
        inner: Answers what is not in the journal.
        journal: Where replies are kept; several models may share it. Whoever made it closes it.
    """

    def __init__(self, inner: ChatModel, journal: Journal) -> None:
        super().__init__(inner)
        self._journal = journal
        self._noted = Counter(self._inner_delivery())
        self._keys = RequestKeys("")
        self._keys_for: tuple[str, bool] | None = None
        self._ready: list[tuple[int, Reply]] = []
        self._waiting: dict[bytes, list[int]] = {}  # key to all tickets that want its reply
        self._received: list[tuple[int, bytes, Reply]] = []  # not recorded yet

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Answer what is in the journal; hand the rest to the inner model, in the order given.

        Raises:
            JournalError: The journal cannot be read.
        """
        key_of = self._current_keys().key
        waiting = self._waiting
        keys = [key_of(request) for _, request in tickets]
        known = self._journal.find({key: None for key in keys if key not in waiting})
        batch = []
        for (ticket, request), key in zip(tickets, keys, strict=True):
            if (reply := known.get(key)) is not None:
                self._counted["replayed"] += 1
                self._ready.append((ticket, reply))
            elif key in waiting:
                self._counted["shared"] += 1
                waiting[key].append(ticket)
            else:
                waiting[key] = [ticket]
                batch.append((ticket, request, key))
        if not batch:
            return
        try:
            self._open.submit(batch)
        except BaseException:
            # Nobody knows which of them were accepted, so nobody else shall wait for their replies.
            for _, _, key in batch:
                waiting.pop(key, None)
            raise

    def close(self) -> None:
        """Record what has come, if that is still possible, and close the inner model."""
        try:
            if not self._journal.closed:
                # Whoever polled last has been told why the journal cannot be written.
                with suppress(JournalError):
                    self._record()
        finally:
            self._ready.clear()
            self._waiting.clear()
            self._received.clear()
            super().close()

    def _current_keys(self) -> RequestKeys:
        made_for = (self._inner.fingerprint, capabilities_of(self._inner).seeded_when_greedy)
        if made_for != self._keys_for:
            self._keys = RequestKeys(made_for[0], seeded_when_greedy=made_for[1])
            self._keys_for = made_for
        return self._keys

    def _take(self, seconds: float | None) -> list[tuple[int, Reply]]:
        """Return finished tickets.

        Raises:
            JournalError: Replies have come but cannot be recorded. They are kept, and the next
                call tries again.
        """
        done, self._ready = self._ready, []
        while self._waiting and not done:
            if not self._received:
                try:
                    self._received += self._open.poll(seconds)
                except BaseException:
                    # Nothing but counts is at stake, and what is being raised says more.
                    with suppress(JournalError):
                        self._record()
                    raise
                if not self._received:
                    break
            done = self._hand_out(self._record())
        return done

    def _record(self) -> dict[bytes, Reply]:
        """Record what has come and what was spent.

        Returns:
            The replies to use in place of those that came, because they were there before.
        """
        replies = [(k, reply) for _, k, reply in self._received if reply.finish_reason != "error"]
        spent = self._inner_delivery() - self._noted
        if not replies and not spent:
            return {}
        earlier = self._journal.record(replies, self.name, spent)
        self._noted += spent
        return earlier

    def _hand_out(self, earlier: dict[bytes, Reply]) -> list[tuple[int, Reply]]:
        replies = {key: reply for _, key, reply in self._received} | earlier
        done = [
            (ticket, reply)
            for key, reply in replies.items()
            for ticket in self._waiting.get(key, ())
        ]
        # Only now, so that Ctrl-C in between leaves nobody waiting for a reply that was taken.
        for key in replies:
            self._waiting.pop(key, None)
        self._received = []
        return done
