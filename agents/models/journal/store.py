"""The journal file: replies by key and what runs have spent, in SQLite.

While a run writes, the file has a write-ahead log beside it, so another process may read it. When
the run has finished, :meth:`Journal.compact` leaves one plain file that holds the replies alone and
whose bytes depend on nothing else; what was spent to get them moves to a small file beside it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from debate_env.errors import InputError
from debateqd.agents.models.base import Reply
from debateqd.agents.models.journal.files import (
    MOUNTS,
    JournalError,
    explained,
    folder_lock,
    network_file_system,
    primary_code,
    read_spending,
    sync_folder,
    write_spending,
)
from debateqd.agents.models.journal.tables import (
    FORMAT_VERSION,
    add_counts,
    add_replies,
    add_seconds,
    check_format,
    connect,
    copy_replies,
    count_replies,
    create_tables,
    find_replies,
    get_spending,
)

_PAUSE = 0.02  # seconds between two tries to have a file alone
_ALONE = 2.0  # seconds to wait for readers to be done before a file is rewritten


class Journal:
    """Replies by key, kept so that none is paid for twice.

    Whatever a method has recorded when it returns survives the death of the process at any moment.
    A power cut may cost the replies of the last moments, since the disk is not waited for, but
    never damages the file. Several threads and several processes may use one journal, except on a
    network file system, where it belongs to one process at a time (see :attr:`notes`).

    While the journal is open, do not open its file in the same process other than through SQLite:
    closing that would release the locks.

    Args:
        path: The file; made if missing, its folder must exist.
        run: Names the run whose spending is recorded.
        patience: Seconds to wait for another process that holds the file.
        mounts: The list of mounted file systems; replaced in tests.

    Attributes:
        path: The file.
        run: The run.
        notes: What a user should know about the place of the file, a line each.

    Raises:
        InputError: The file is no journal or has another format, or its folder does not exist.
        JournalError: The file cannot be written, is damaged, or another process holds it.
    """

    def __init__(
        self, path: Path, run: str = "", *, patience: float = 10.0, mounts: Path = MOUNTS
    ) -> None:
        self.path = path
        self.run = run
        self._patience = patience
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        with explained(path):
            self._file = path.resolve()
            _check_place(path, self._file)
            network = network_file_system(self._file, mounts)
            self.notes = (_network_note(path, network),) if network else ()
            self._connection = self._open()

    @property
    def closed(self) -> bool:
        """Whether the journal was closed."""
        return self._connection is None

    @property
    def replies(self) -> int:
        """Number of replies recorded so far."""
        with self._lock, explained(self.path):
            return count_replies(self._use())

    def find(self, keys: Iterable[bytes]) -> dict[bytes, Reply]:
        """Return the replies that are known, by key of 16 bytes."""
        with self._lock, explained(self.path):
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
            earlier = add_replies(connection, replies) if replies else {}
            if spent:
                add_counts(connection, self.run, model, spent)
        return earlier

    def spent(self, run: str | None = None) -> dict[str, Counter[str]]:
        """Return what a run has spent by model name, in earlier processes too."""
        run = self.run if run is None else run
        with self._lock, explained(self.path):
            return get_spending(self._use(), run).counts.get(run, {})

    def add_seconds(self, run: str, seconds: float) -> None:
        """Add to the time that a run has taken."""
        with self._transaction() as connection:
            add_seconds(connection, run, seconds)

    def seconds(self, run: str | None = None) -> float:
        """Return the seconds that a run has taken, in earlier processes too."""
        run = self.run if run is None else run
        with self._lock, explained(self.path):
            return get_spending(self._use(), run).seconds.get(run, 0.0)

    def compact(self) -> bool:
        """Rewrite the file in its canonical form, at the end of a run, and close the journal.

        The same replies give the same bytes (written by the same SQLite), whatever their order and
        whatever interrupted them; no log is left beside the file. What runs have spent is no part
        of that: it moves to ``telemetry.jsonl`` beside the file, from where the next
        :class:`Journal` takes it back. A kill at any moment leaves the old file or the new one,
        and every amount counts once.

        Returns:
            Whether that was done. It is not while another process has the file open; the journal
            is then left as it is, complete and closed.

        Raises:
            JournalError: There is no room for the copy; the journal is left as it is.
        """
        deadline = time.monotonic() + min(self._patience, _ALONE)
        with self._lock, explained(self.path):
            connection = self._use()
            try:
                while True:
                    with folder_lock(self._file.parent, self._patience):
                        if self._seize(connection):
                            self._rewrite(connection)
                            self.close()
                            return True
                    if time.monotonic() > deadline:
                        return False
                    time.sleep(_PAUSE)
            finally:
                self.close()

    def close(self) -> None:
        """Close the file; everything recorded is in it. Closing twice does no harm."""
        with self._lock, explained(self.path):
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _use(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError(f"journal {self.path} was closed")
        return self._connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, explained(self.path):
            connection = self._use()
            try:
                connection.execute("BEGIN IMMEDIATE")
                # With the lock held nobody replaces the file; before, another run may have.
                self._check_in_place()
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise

    def _check_in_place(self) -> None:
        if _identity(self._file) != self._opened:
            raise JournalError(
                f"journal {self.path}: the file was deleted, moved or replaced while in use; put "
                "it back if you can and run the same command again"
            )

    def _open(self) -> sqlite3.Connection:
        with folder_lock(self._file.parent, self._patience):
            while True:
                before = _identity(self._file)
                connection = connect(str(self._file), self._patience)
                try:
                    self._prepare(connection)
                    self._opened = _identity(self._file)
                    if before in (None, self._opened):
                        return connection
                    connection.close()
                except BaseException as error:
                    connection.close()
                    replaced = before not in (None, _identity(self._file))
                    if not (replaced and isinstance(error, sqlite3.OperationalError)):
                        raise
                # Without a lock on the folder, another run could put the canonical form in the
                # place of what was just being opened. Open that one.

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make an open file ready for writing, if it is a journal or to become one."""
        execute = connection.execute
        if self.notes:
            # Machines share no memory, and a write-ahead log without any needs this.
            execute("PRAGMA locking_mode = EXCLUSIVE")
        if check_format(connection, self.path):
            execute("PRAGMA page_size = 4096")
        execute("PRAGMA synchronous = NORMAL")
        _patiently(lambda: execute("PRAGMA journal_mode = WAL").fetchone(), self._patience)
        try:
            execute("BEGIN IMMEDIATE")
            if check_format(connection, self.path):
                create_tables(connection)
            # Fails here and now where the file cannot be written; beginning alone does not.
            execute(f"PRAGMA user_version = {FORMAT_VERSION}")
            if not get_spending(connection):
                kept = read_spending(self._file)
                for run, models in kept.counts.items():
                    for model, counts in models.items():
                        add_counts(connection, run, model, counts)
                for run, seconds in kept.seconds.items():
                    add_seconds(connection, run, seconds)
            execute("COMMIT")
        except BaseException:
            _roll_back(connection)
            raise

    def _seize(self, connection: sqlite3.Connection) -> bool:
        """Lock everybody out, with the whole journal in one file; ``False`` if others have it."""
        execute = connection.execute
        try:
            execute("PRAGMA journal_mode = DELETE").fetchone()
            execute("PRAGMA locking_mode = NORMAL")
            execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY:
                raise
            return False
        if execute("PRAGMA journal_mode").fetchone() != ("delete",):
            _roll_back(connection)  # somebody slipped in before the lock was had
            return False
        self._check_in_place()
        return True

    def _rewrite(self, connection: sqlite3.Connection) -> None:
        target = self._file.with_name(f".{self._file.name}.tmp")
        target.unlink(missing_ok=True)
        try:
            copy = connect(str(target), self._patience)
            try:
                # A copy that is not finished is thrown away, so nothing need protect it.
                for pragma in ("page_size = 4096", "journal_mode = OFF", "synchronous = OFF"):
                    copy.execute(f"PRAGMA {pragma}")
                copy.execute("BEGIN EXCLUSIVE")
                create_tables(copy)
                copy_replies(connection, copy)
                copy.execute("COMMIT")
            finally:
                copy.close()
            with target.open("rb+") as file:
                os.fsync(file.fileno())
            shutil.copymode(self._file, target)
            spending = get_spending(connection)
            if spending:
                write_spending(self._file, spending)
            target.replace(self._file)
            sync_folder(self._file.parent)
        finally:
            target.unlink(missing_ok=True)


def _patiently(action: Callable[[], object], patience: float) -> None:
    """Do what needs a file alone, and for which SQLite does not wait by itself."""
    deadline = time.monotonic() + patience
    while True:
        try:
            action()
            return
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        # Whatever hinders this undoes the transaction too, at the latest when the file is reopened.
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _check_place(path: Path, file: Path) -> None:
    if file.is_dir():
        raise InputError(f"journal {path}: is a folder; give the name of a file")
    if not file.parent.is_dir():
        raise InputError(f"journal {path}: folder {path.parent} does not exist; make it first")


def _network_note(path: Path, kind: str) -> str:
    return (
        f"journal {path}: on a network file system ({kind}), so it is locked for this process alone"
        " until the run ends, by that system's locks; on a local disk it can be read meanwhile"
    )
