"""Looks into a journal that another process may be writing."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from debate_env.errors import InputError
from debateqd.agents.models.base import Reply
from debateqd.agents.models.journal.files import Spending, explained, primary_code, read_spending
from debateqd.agents.models.journal.tables import (
    check_format,
    connect,
    count_replies,
    find_replies,
    get_spending,
)

T = TypeVar("T")

_UNSETTLED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
_TRANSIENT = 1.0  # seconds that a file may be unsettled while a run begins or ends
_PAUSE = 0.01  # seconds


class JournalReader:
    """Looks into a journal without disturbing the run that writes it.

    The file is opened for every question anew, so that a run may replace it in between.

    Args:
        path: The file.
        patience: Seconds to wait for another process that holds the file alone.

    Raises:
        InputError: There is no such file, it is no journal or has another format.
        JournalError: The file is damaged, or another process holds it alone.
    """

    def __init__(self, path: Path, *, patience: float = 10.0) -> None:
        self.path = path
        self._patience = patience
        if not path.is_file():
            raise InputError(f"journal {path}: there is no such file")
        self._ask(lambda _: None)

    @property
    def replies(self) -> int:
        """Number of replies so far."""
        return self._ask(count_replies)

    def find(self, key: bytes) -> Reply | None:
        """Return the reply with a key; ``None`` if there is none."""
        return self._ask(lambda connection: find_replies(connection, (key,))).get(key)

    def spent(self, run: str) -> dict[str, Counter[str]]:
        """Return what a run has spent so far, by model name."""
        return self._spending().counts.get(run, {})

    def seconds(self, run: str) -> float:
        """Return the seconds that a run has taken so far."""
        return self._spending().seconds.get(run, 0.0)

    def _spending(self) -> Spending:
        return self._ask(get_spending) or read_spending(self.path.resolve())

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        deadline = time.monotonic() + min(self._patience, _TRANSIENT)
        with explained(self.path):
            while True:
                try:
                    return self._ask_once(question)
                except sqlite3.OperationalError as error:
                    # Whoever only reads cannot put in order what a writer is just changing.
                    if primary_code(error) not in _UNSETTLED or time.monotonic() > deadline:
                        raise
                time.sleep(_PAUSE)

    def _ask_once(self, question: Callable[[sqlite3.Connection], T]) -> T:
        connection = connect(f"{self.path.resolve().as_uri()}?mode=ro", self._patience)
        try:
            if check_format(connection, self.path):
                raise InputError(f"journal {self.path}: nothing is in the file yet")
            return question(connection)
        finally:
            connection.close()
