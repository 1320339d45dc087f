"""Writes a journal until it is killed; run as a process of its own by the tests."""

from __future__ import annotations

import hashlib
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from debateqd.agents.models.base import Reply, Usage
from debateqd.agents.models.journal import Journal

BATCH = 7


def entry(number: int) -> tuple[bytes, Reply]:
    """Return what is recorded as the reply of this number; it can be checked from its number."""
    key = hashlib.blake2b(b"%d" % number, digest_size=16).digest()
    return key, Reply(f"reply {number} " * (1 + number % 400), usage=Usage(number, 1))


def recorded(path: Path) -> int:
    """Count the replies in a journal as any process may, while another one writes it."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM replies").fetchone()[0])


def write(path: Path) -> None:
    """Record batches of replies, each counted in the same transaction."""
    journal = Journal(path, "run")
    number = recorded(path)
    while True:
        batch = [entry(n) for n in range(number, number + BATCH)]
        journal.record(batch, "model", {"requests": BATCH})
        number += BATCH
        print(number, flush=True)


def finish(path: Path) -> None:
    """Open the journal, record one reply and compact it, over and over."""
    while True:
        journal = Journal(path, "run")
        number = recorded(path)
        journal.record([entry(number)], "model", {"requests": 1})
        journal.note_seconds(journal.seconds() + 1.0)
        journal.compact()
        print(number + 1, flush=True)


def share(path: Path, first: int) -> None:
    """Like :func:`finish`, with numbers of its own, beside other processes."""
    while True:
        journal = Journal(path, str(first))
        journal.record([entry(first)], "model", {"requests": 1})
        journal.compact()
        first += 1
        print(first, flush=True)


if __name__ == "__main__":
    mode, file = sys.argv[1], Path(sys.argv[2])
    if mode == "share":
        share(file, int(sys.argv[3]))
    {"write": write, "finish": finish}[mode](file)
