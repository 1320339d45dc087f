"""The journal file: replies by key and what runs have spent, in SQLite.

While a run writes, the file has a write-ahead log beside it, so other processes may read it. When
the run has finished, :meth:`Journal.compact` leaves one plain file that holds the replies alone and
whose bytes depend on nothing else; what was spent to get them moves to the telemetry beside it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from debate_env.errors import InputError
from debateqd.agents.models.base import Reply
from debateqd.agents.models.journal.files import (
    JournalError,
    explained,
    read_spending,
    result_name,
    write_spending,
)
from debateqd.agents.models.journal.tables import (
    add_replies,
    add_spending,
    find_replies,
    make_canonical,
    make_ready,
    spending_of,
)

_PAUSE = 0.02  # seconds between two tries to have a file alone
_ALONE = 2.0  # seconds to wait for readers to be done at the end


class Journal:
    """Replies by key, kept so that none is paid for twice.

    Whatever a method has recorded when it returns survives the death of the process at any moment.
    A power cut may cost the replies of the last moments, since the disk is not waited for, but
    never damages the file. Several processes of one machine may use one journal, each from one
    thread at a time.

    While the journal is open, do not open its file in the same process other than through SQLite:
    closing that would release the locks. A network file system may not keep what SQLite needs.

    Args:
        path: The file; made if missing, its folder must exist.
        run: Names the run whose spending is recorded.
        patience: Seconds to wait for another process that holds the file.

    Attributes:
        path: The file.

    Raises:
        InputError: The file is no journal or has another format, or its folder does not exist.
        JournalError: The file cannot be written, is damaged, or another process holds it.
    """

    def __init__(self, path: Path, run: str = "", *, patience: float = 10.0) -> None:
        self.path = path
        self._run = run
        self._patience = patience
        self._file = path.resolve()
        if self._file.is_dir():
            raise InputError(f"journal {path}: is a folder; give the name of a file")
        if not self._file.parent.is_dir():
            raise InputError(f"journal {path}: folder {path.parent} does not exist; make it first")
        with explained(path):
            if not self._file.exists():
                self._file.touch()
            self._opened = self._file.stat()
            self._connection: sqlite3.Connection | None = sqlite3.connect(
                self._file,
                timeout=patience,
                isolation_level=None,  # transactions are written out where they are needed
                check_same_thread=False,
            )
        try:
            with self._transaction() as connection:
                make_ready(connection, path)
                if not spending_of(connection):
                    add_spending(connection, read_spending(self._file))
            with explained(path):
                connection.execute("PRAGMA synchronous = NORMAL")
                self._write_as("wal", patience)
        except BaseException:
            self.close()
            raise

    @property
    def closed(self) -> bool:
        """Whether the journal was closed."""
        return self._connection is None

    def find(self, keys: Iterable[bytes]) -> dict[bytes, Reply]:
        """Return the replies that are known, by key of 16 bytes."""
        with explained(self.path):
            return find_replies(self._use(), keys)

    def record(
        self,
        replies: Sequence[tuple[bytes, Reply]],
        model: str = "",
        spent: Mapping[str, int] | None = None,
    ) -> dict[bytes, Reply]:
        """Record replies and what they cost, all or nothing.

        Returns:
            The replies that somebody had recorded for some of the keys before, where they differ.
            They stay, and should be used instead, so that a later replay gives what was used.

        Raises:
            JournalError: Nothing was recorded.
        """
        with self._transaction() as connection:
            earlier = add_replies(connection, replies)
            rows = [(self._run, model, n, a) for n, a in (spent or {}).items() if a]
            add_spending(connection, rows)
        return earlier

    def spent(self) -> dict[str, Counter[str]]:
        """Return what the run has spent by model name, in earlier processes too."""
        found: dict[str, Counter[str]] = {}
        for model, counter, amount in self._spending():
            if model:
                found.setdefault(model, Counter())[counter] = int(amount)
        return found

    def seconds(self) -> float:
        """Return the seconds that the run has taken, in earlier processes too."""
        return sum(amount for model, _, amount in self._spending() if not model)

    def note_seconds(self, seconds: float) -> None:
        """Record how long the run has taken in all."""
        new = seconds - self.seconds()
        with self._transaction() as connection:
            add_spending(connection, [(self._run, "", "seconds", new)])

    def _spending(self) -> list[tuple[str, str, float]]:
        with explained(self.path):
            return [row[1:] for row in spending_of(self._use()) if row[0] == self._run]

    def compact(self) -> bool:
        """Put the file in its canonical form, at the end of a run, and close the journal.

        The same replies give the same bytes (written by the same SQLite), whatever their order and
        whatever interrupted them; no log is left beside the file. What runs have spent is no part
        of that: it moves to ``telemetry.jsonl`` beside the file, from where the next
        :class:`Journal` takes it back. A kill at any moment loses nothing, and every amount counts
        once.

        Returns:
            Whether that was done. It is not while another process has the file open; the journal
            is then left as it is, complete and closed.

        Raises:
            JournalError: There is no room to do it; the journal is left as it is.
        """
        with explained(self.path):
            connection = self._use()
            try:
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # to the end, once it is had
                if not self._write_as("delete", min(self._patience, _ALONE)):
                    return False
                self._check_in_place()
                if spending := spending_of(connection):
                    write_spending(self._file, spending)
                with self._file.open("r+b", buffering=0) as file:
                    make_canonical(connection, file)
                    self.close()
                return True
            finally:
                self.close()

    def close(self) -> None:
        """Close the file; everything recorded is in it. Closing twice does no harm."""
        with explained(self.path):
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _use(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError(f"journal {self.path} was closed")
        return self._connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with explained(self.path), self._use() as connection:  # commits or rolls back
            connection.execute("BEGIN IMMEDIATE")
            self._check_in_place()
            yield connection

    def _check_in_place(self) -> None:
        if not os.path.samestat(self._file.stat(), self._opened):
            raise JournalError(
                f"journal {self.path}: the file was moved or replaced while in use; put it back if "
                "you can and run the same command again"
            )

    def _write_as(self, mode: str, patience: float) -> bool:
        """Choose how SQLite writes the file; needs it alone, for which SQLite does not wait."""
        deadline = time.monotonic() + patience
        while True:
            try:
                found = self._use().execute(f"PRAGMA journal_mode = {mode}").fetchone()
                return bool(found == (mode,))
            except sqlite3.OperationalError as error:
                if result_name(error) != "BUSY":
                    raise
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE)
