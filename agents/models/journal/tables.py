"""The tables of a journal file, and what their rows mean."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from debate_env.errors import InputError
from debateqd.agents.models.base import Reply, Usage
from debateqd.agents.models.journal.files import Spent, other_file

FORMAT_VERSION = 2
"""Version of the file's format, in its ``user_version``."""

_APPLICATION = 0x4451_6A6C  # "DQjl", the file's application_id: tells it from other databases

# The replies have a rowid, so that new ones are written side by side at the end of the file; kept
# in the order of their keys, each would touch a page of its own, which takes three times as long.
_REPLIES = (
    "replies (key BLOB PRIMARY KEY NOT NULL, text NOT NULL, finish_reason TEXT NOT NULL, "
    "prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, "
    "thinking_tokens INTEGER NOT NULL, probabilities TEXT, missing_mass REAL, "
    "redraws INTEGER NOT NULL DEFAULT 0)"
)
_SPENDING = (
    "spending (run TEXT NOT NULL, model TEXT NOT NULL, counter TEXT NOT NULL, "
    "amount INTEGER NOT NULL, PRIMARY KEY (run, model, counter)) WITHOUT ROWID"
)
_FROM_FORMAT_1 = (
    "ALTER TABLE replies ADD COLUMN redraws INTEGER NOT NULL DEFAULT 0",
    "INSERT INTO spending SELECT run, '', 'seconds', seconds FROM durations",
    "DROP TABLE durations",
)
_CANONICAL = (
    "BEGIN",
    "DELETE FROM spending",
    "ALTER TABLE replies RENAME TO unordered",
    f"CREATE TABLE {_REPLIES}",
    "INSERT INTO replies SELECT * FROM unordered ORDER BY key",
    "DROP TABLE unordered",
    "COMMIT",
    "VACUUM",  # lays out the file by its contents alone
    "PRAGMA schema_version = 1",
)
# Bytes of the header by which readers see that a file has changed; the number of replies tells too.
_CHANGE_COUNTERS = (24, 92)
_ADD = "INSERT INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"
_SPEND = (
    "INSERT INTO spending VALUES (?, ?, ?, ?) "
    "ON CONFLICT (run, model, counter) DO UPDATE SET amount = amount + excluded.amount"
)
_AT_ONCE = 500  # keys that are looked for in one statement


def make_ready(connection: sqlite3.Connection, path: Path) -> None:
    """Make an empty file a journal, and one of an earlier format one of this; in a transaction.

    Raises:
        InputError: The file is no journal, or of a later format.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not (application or version or tables):
        for table in (_REPLIES, _SPENDING):
            connection.execute(f"CREATE TABLE {table}")
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    elif application != _APPLICATION:
        raise other_file(path)
    elif version == 1:
        for statement in _FROM_FORMAT_1:
            connection.execute(statement)
    elif version != FORMAT_VERSION:
        raise InputError(
            f"journal {path}: has format {version}, but this version of DebateQD reads format "
            f"{FORMAT_VERSION}; name another file"
        )
    # Fails here and now where the file cannot be written; beginning a transaction does not.
    connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")


def make_canonical(connection: sqlite3.Connection, file: BinaryIO) -> None:
    """Leave the replies alone in a file, in the order of their keys, and nothing of its history.

    Args:
        connection: Has the file for itself, without a write-ahead log.
        file: The file, unbuffered; to be closed after the connection, for that releases its locks.
    """
    for statement in _CANONICAL:
        connection.execute(statement)
    (number,) = connection.execute("SELECT count(*) FROM replies").fetchone()
    for place in _CHANGE_COUNTERS:
        file.seek(place)
        file.write(int(number).to_bytes(4, "big"))


def find_replies(connection: sqlite3.Connection, keys: Iterable[bytes]) -> dict[bytes, Reply]:
    """Return the replies with some keys, those that are there."""
    wanted, found = list(keys), {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        for key, *values in connection.execute(
            f"SELECT * FROM replies WHERE key IN ({marks})",  # noqa: S608
            some,
        ):
            found[key] = _reply(*values)
    return found


def add_replies(
    connection: sqlite3.Connection, replies: Sequence[tuple[bytes, Reply]]
) -> dict[bytes, Reply]:
    """Add replies, except where a key is there already.

    Returns:
        The replies that were there and differ.
    """
    cursor = connection.executemany(_ADD, [_row(key, reply) for key, reply in replies])
    if cursor.rowcount == len(replies):
        return {}
    own = dict(replies)
    return {key: reply for key, reply in find_replies(connection, own).items() if reply != own[key]}


def spending_of(connection: sqlite3.Connection) -> list[Spent]:
    """Return what runs have spent."""
    return connection.execute("SELECT * FROM spending").fetchall()


def add_spending(connection: sqlite3.Connection, rows: Iterable[Spent]) -> None:
    """Add to what runs have spent."""
    connection.executemany(_SPEND, rows)


def _row(key: bytes, reply: Reply) -> tuple[Any, ...]:
    text: str | bytes = reply.text
    try:
        reply.text.encode()
    except UnicodeEncodeError:  # lone surrogates, which SQLite's texts cannot hold
        text = reply.text.encode("utf-8", "surrogatepass")
    probabilities = reply.probabilities
    return (
        key,
        text,
        reply.finish_reason,
        *reply.usage,
        # Shortest decimal numbers, which give back the very same floats.
        None if probabilities is None else json.dumps([float(p) for p in probabilities]),
        reply.missing_mass,
        reply.redraws,
    )


def _reply(text: Any, finish: Any, *rest: Any) -> Reply:
    if type(text) is bytes:
        text = text.decode("utf-8", "surrogatepass")
    *usage, probabilities, missing, redraws = rest
    if probabilities is not None:
        probabilities = tuple(json.loads(probabilities))
    return Reply(text, finish, Usage(*usage), probabilities, missing_mass=missing, redraws=redraws)
