"""Where the threads of caller and worker meet: requests in, replies out, by the batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from debateqd.agents.models.base import Reply, Request

Ticket = tuple[int, Request]


class Mailbox:
    """Two lists under one lock.

    A reply counts as under way until the caller comes back: only then has a journal recorded it,
    and a kill before that would have it paid for again.

    Args:
        owner: Who is meant, for messages.
        recorded: Called, on the caller's thread, when the caller has come back and the worker had
            asked to be told.
    """

    def __init__(self, owner: str, recorded: Callable[[], object]) -> None:
        self._owner = owner
        self._recorded = recorded
        self._handed = 0  # replies that were handed out, and may not be recorded yet
        self._tell = False
        self._lock = threading.Condition()
        self._inbox: list[Ticket] = []
        self._done: list[tuple[int, Reply]] = []
        self._owed = 0
        self._crash: BaseException | None = None
        self._closed = False

    # --- the caller's side ------------------------------------------------------------------------

    def hand_in(self, tickets: Sequence[Ticket]) -> bool:
        """Leave requests for the worker.

        Returns:
            Whether the worker must be told.

        Raises:
            RuntimeError: The mailbox is closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError(f"model '{self._owner}' is closed")
            self._back()
            first = not self._inbox
            self._inbox.extend(tickets)
            self._owed += len(tickets)
            return first and bool(tickets)

    def collect(self, seconds: float | None) -> list[tuple[int, Reply]]:
        """Take replies; wait for one while some are owed.

        Args:
            seconds: Wait no longer; ``None``: for ever. Ctrl-C gets through in any case.

        Raises:
            RuntimeError: The worker broke.
        """
        until = None if seconds is None else time.monotonic() + seconds
        with self._lock:
            self._back()
            while not self._done and self._owed and not self._closed:
                self.check()
                left = 0.5 if until is None else until - time.monotonic()
                if left <= 0:
                    break
                self._lock.wait(min(left, 0.5))
            done, self._done = self._done, []
            self._owed -= len(done)
            self._handed = len(done)
            return done

    def _back(self) -> None:
        self._handed = 0
        if self._tell and not self._closed:
            self._tell = False
            self._recorded()

    def check(self) -> None:
        """Raise a ``RuntimeError`` if the worker broke."""
        if self._crash is not None:
            raise RuntimeError(f"the client of {self._owner} broke") from self._crash

    def close(self) -> bool:
        """Wake whoever waits; nothing is handed in any more.

        Returns:
            Whether it was open.
        """
        with self._lock:
            was_open, self._closed = not self._closed, True
            self._lock.notify_all()
            return was_open

    # --- the worker's side ------------------------------------------------------------------------

    def take(self) -> list[Ticket]:
        """Take the requests that were left."""
        with self._lock:
            batch, self._inbox = self._inbox, []
            return batch

    def unrecorded(self, most: int) -> int:
        """Count the replies that the caller has not come back from.

        Args:
            most: From so many on, the worker wants to be told when it does.
        """
        with self._lock:
            found = len(self._done) + self._handed
            self._tell = found >= max(1, most)
            return found

    def deliver(self, replies: list[tuple[int, Reply]]) -> None:
        """Leave replies for the caller."""
        with self._lock:
            self._done += replies
            self._lock.notify()

    def crash(self, error: BaseException) -> None:
        """Tell whoever waits, now or later, that no more replies will come, and why."""
        with self._lock:
            self._crash = self._crash or error
            self._lock.notify_all()
