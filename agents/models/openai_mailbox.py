"""Where the threads of caller and worker meet: requests in, replies out, by the batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from agents.models.base import Reply, Request

Ticket = tuple[int, Request]


class Mailbox:
    """Two lists under one lock.

    Args:
        owner: Who is meant, for messages.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
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
            while not self._done and self._owed and not self._closed:
                self.check()
                left = 0.5 if until is None else until - time.monotonic()
                if left <= 0:
                    break
                self._lock.wait(min(left, 0.5))
            done, self._done = self._done, []
            self._owed -= len(done)
            return done

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
