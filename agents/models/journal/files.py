"""What the journal knows about files: file systems, what errors mean, spending kept beside it."""

from __future__ import annotations

import errno
import json
import os
import re
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from debate_env.errors import InputError
from debateqd.agents.models.base import StoppedError

if sys.platform != "win32":
    import fcntl

MOUNTS = Path("/proc/self/mountinfo")
"""Where Linux lists what is mounted."""

# File systems that several machines may share, which no memory shared between processes spans.
_NETWORK = re.compile(
    r"9p|acfs|afpfs|afs|beegfs|ceph|cifs|coda|davfs|fhgfs|gfs2?|glusterfs|gpfs|lustre|mmfs|ncpfs|"
    r"nfs\d?|ocfs2|orangefs|panfs|pvfs2|smb\d|smbfs|vboxsf|virtiofs|wekafs|"
    r"fuse\.(?!(exfat|fuse-overlayfs|lxcfs|ntfs-3g)$).*"
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


_PAUSE = 0.02  # seconds between two tries
_SPENDING = "journal_spending"  # event of a line of telemetry


class JournalError(StoppedError):
    """The journal cannot be written or read; everything recorded before is safe."""


def file_system(path: Path, mountinfo: str) -> str:
    """Name the type of the file system that holds a path without links, such as ``"ext4"``.

    Empty when nothing in ``mountinfo`` (``/proc/self/mountinfo``) holds it.
    """
    found, longest = "", -1
    for line in mountinfo.splitlines():
        mount, separator, source = line.partition(" - ")
        fields = mount.split(" ")
        if not separator or len(fields) < 5:
            continue
        point = PurePosixPath(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        # Of two mounts at one place the later one is on top.
        if len(point.parts) >= longest and PurePosixPath(path).is_relative_to(point):
            found, longest = source.split(" ")[0], len(point.parts)
    return found


def network_file_system(path: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the type of a path's file system if it is one that machines share, else ``None``.

    Args:
        path: The path.
        mounts: The list of mounts; where there is none, every file system is taken for local.
    """
    try:
        listed = mounts.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    kind = file_system(path.resolve(), listed)
    return kind if _NETWORK.fullmatch(kind) else None


_ANOTHER = "or name another file with --journal"
_AGAIN = "run the same command again: what was recorded is kept and not paid for twice"
_CAUSES = {
    sqlite3.SQLITE_FULL: f"the disk (or the quota) is full; free some space and {_AGAIN}",
    sqlite3.SQLITE_IOERR: (
        "reading or writing failed (a full quota, or a failing or vanished disk); see to "
        f"that and {_AGAIN}"
    ),
    sqlite3.SQLITE_READONLY: (
        f"the file or its folder cannot be written; make both writable, {_ANOTHER}"
    ),
    sqlite3.SQLITE_BUSY: f"another process holds it; wait until that one is done, {_ANOTHER}",
    sqlite3.SQLITE_CORRUPT: (
        f"the file is damaged; restore a copy of it, {_ANOTHER} (then its replies are paid for "
        "again)"
    ),
}
_ALIKE = {
    sqlite3.SQLITE_CANTOPEN: sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM: sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_AUTH: sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_LOCKED: sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_PROTOCOL: sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_NOTADB: sqlite3.SQLITE_CORRUPT,
}
_ERRNO = {
    errno.ENOSPC: sqlite3.SQLITE_FULL,
    errno.EDQUOT: sqlite3.SQLITE_FULL,
    errno.EACCES: sqlite3.SQLITE_READONLY,
    errno.EPERM: sqlite3.SQLITE_READONLY,
    errno.EROFS: sqlite3.SQLITE_READONLY,
    errno.EAGAIN: sqlite3.SQLITE_BUSY,
    errno.EIO: sqlite3.SQLITE_IOERR,
}


def primary_code(error: sqlite3.Error) -> int | None:
    """Return the primary result code of an SQLite error; ``None`` if SQLite did not raise it."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say of a journal into one line for the user.

    Raises:
        JournalError: Instead of errors of the file, the disk and the locks. Errors in the use of
            SQLite pass through.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = primary_code(error)
        cause = _CAUSES.get(_ALIKE.get(code, code)) if code is not None else None
        if cause is None:
            raise
        raise JournalError(f"journal {path}: {cause}") from None
    except OSError as error:
        code = _ERRNO.get(error.errno or 0)
        cause = _CAUSES[code] if code else f"{error.strerror or error}; see to that and {_AGAIN}"
        raise JournalError(f"journal {path}: {cause}") from None


@dataclass(frozen=True, slots=True)
class Spending:
    """What runs have spent: counts by run and model name, seconds by run."""

    counts: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.counts or self.seconds)


def spending_path(path: Path) -> Path:
    """Return where the spending of a finished journal is kept: ``telemetry.jsonl`` beside it."""
    return path.with_name("telemetry.jsonl")


def write_spending(path: Path, spending: Spending) -> None:
    """Keep spending beside the journal at ``path``, in a line of which the last one counts."""
    record = {
        "event": _SPENDING,
        "journal": path.name,
        "spent": spending.counts,
        "seconds": spending.seconds,
    }
    with spending_path(path).open("a+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.write(b"\n")  # a kill has torn the last line
        file.write(json.dumps(record, sort_keys=True).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_spending(path: Path) -> Spending:
    """Read the spending kept beside the journal at ``path``; nothing if there is none.

    Raises:
        InputError: What is kept is damaged.
    """
    target = spending_path(path)
    try:
        lines = target.read_bytes().splitlines()
    except FileNotFoundError:
        return Spending()
    marked = f'"{_SPENDING}"'.encode()
    try:
        for line in reversed(lines):
            if marked in line and (record := _record(line))["journal"] == path.name:
                return _spending(record)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{target}: what earlier runs have spent cannot be read; restore the file, or delete "
            "it to count from zero"
        ) from None
    return Spending()


def _record(line: bytes) -> dict[str, Any]:
    """Read a line of telemetry; one torn by a kill is of no journal."""
    try:
        record = json.loads(line)
    except ValueError:
        return {"journal": None}
    return record if record.get("event") == _SPENDING else {"journal": None}


def _spending(record: Mapping[str, Any]) -> Spending:
    counts = {
        str(run): {
            str(model): Counter({str(name): int(amount) for name, amount in counted.items()})
            for model, counted in models.items()
        }
        for run, models in record["spent"].items()
    }
    seconds = {str(run): float(value) for run, value in record["seconds"].items()}
    return Spending(counts, seconds)


@contextmanager
def folder_lock(folder: Path, patience: float) -> Iterator[None]:
    """Keep others from opening or replacing a journal in a folder, where the system can.

    SQLite's own locks lie on a file, so they cannot keep it from being replaced by another.

    Raises:
        BlockingIOError: Others took longer.
    """
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    deadline = time.monotonic() + patience
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)
            except OSError:
                break  # some network file systems cannot lock folders
        yield
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
