"""What a journal says when its file cannot be used, and what it keeps beside it in the end."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from debate_env.errors import InputError
from debateqd.agents.models.base import StoppedError

_AGAIN = "run the same command again: what was recorded is kept and not paid for twice"
_ANOTHER = "or name another file with --journal"
_FULL = f"the disk (or the quota) is full; free some space and {_AGAIN}"
# The first word of SQLite's names of results: what to tell the user.
_CAUSES = {
    ("FULL",): _FULL,
    ("IOERR",): (
        "reading or writing failed (a full quota, a failing or vanished disk, or a network file "
        f"system that cannot do it); see to that and {_AGAIN}, {_ANOTHER} on a local disk"
    ),
    ("READONLY", "CANTOPEN", "PERM", "AUTH"): (
        f"the file or its folder cannot be written; make both writable, {_ANOTHER}"
    ),
    ("BUSY", "LOCKED", "PROTOCOL"): (
        f"another process holds it; wait until that one is done, {_ANOTHER}"
    ),
    ("CORRUPT",): (
        f"the file is damaged; restore a copy of it, {_ANOTHER} (then its replies are paid for "
        "again)"
    ),
}
_EVENT = "journal_spending"  # of a line of telemetry

Spent = tuple[str, str, str, float]
"""Run, model (empty for what is no model's), what is counted, and how much."""


class JournalError(StoppedError):
    """The journal cannot be written or read; everything recorded before is safe."""


def result_name(error: sqlite3.Error) -> str:
    """Return the first word of SQLite's name of a result, such as ``"BUSY"``; empty without one."""
    name: str = getattr(error, "sqlite_errorname", "")
    return name.removeprefix("SQLITE_").partition("_")[0]


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say of a journal into one line for the user.

    Raises:
        InputError: The file is no database.
        JournalError: Instead of errors of the file, the disk and the locks. Errors in the use of
            SQLite pass through.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = result_name(error)
        if name == "NOTADB":
            raise other_file(path) from None
        cause = next((cause for names, cause in _CAUSES.items() if name in names), None)
        if cause is None:
            raise
        raise JournalError(f"journal {path}: {cause}") from None
    except OSError as error:
        cause = f"it cannot be written ({error.strerror or error}); see to that, {_ANOTHER}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            cause = _FULL
        raise JournalError(f"journal {path}: {cause}") from None


def other_file(path: Path) -> InputError:
    """Say that a file is no journal."""
    return InputError(f"journal {path}: is some other file, no journal; name another file")


def spending_path(path: Path) -> Path:
    """Return where the spending of a finished journal is kept: ``telemetry.jsonl`` beside it."""
    return path.with_name("telemetry.jsonl")


def write_spending(path: Path, rows: Iterable[Spent]) -> None:
    """Keep spending beside the journal at ``path``, in a line of which the last one counts."""
    runs: dict[str, dict[str, dict[str, float]]] = {}
    for run, model, counter, amount in rows:
        runs.setdefault(run, {}).setdefault(model, {})[counter] = amount
    record = {"event": _EVENT, "journal": path.name, "spent": runs}
    with spending_path(path).open("a+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.write(b"\n")  # a kill has torn the last line
        file.write(json.dumps(record, sort_keys=True).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_spending(path: Path) -> list[Spent]:
    """Read the spending kept beside the journal at ``path``; nothing if there is none."""
    try:
        lines = spending_path(path).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    for line in reversed(lines):
        try:
            record = json.loads(line)
            if record["event"] == _EVENT and record["journal"] == path.name:
                return [
                    (run, model, counter, amount)
                    for run, models in record["spent"].items()
                    for model, counts in models.items()
                    for counter, amount in counts.items()
                ]
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # another event, or torn by a kill
    return []
