"""The tables of a journal file, and what their rows mean."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from debate_env.errors import InputError
from debateqd.agents.models.base import Reply, Usage
from debateqd.agents.models.journal.files import Spending, primary_code

FORMAT_VERSION = 1
"""Version of the file's format, in its ``user_version``."""

_APPLICATION = 0x4451_6A6C  # "DQjl", the file's application_id: tells it from other databases

# The replies have a rowid, so that new ones are written side by side at the end of the file; kept
# in the order of their keys, each would touch a page of its own, which takes three times as long.
_SCHEMA = (
    "CREATE TABLE replies (key BLOB PRIMARY KEY NOT NULL, text NOT NULL, "
    "finish_reason TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, "
    "completion_tokens INTEGER NOT NULL, thinking_tokens INTEGER NOT NULL, "
    "probabilities TEXT, missing_mass REAL)",
    "CREATE TABLE spending (run TEXT NOT NULL, model TEXT NOT NULL, counter TEXT NOT NULL, "
    "amount INTEGER NOT NULL, PRIMARY KEY (run, model, counter)) WITHOUT ROWID",
    "CREATE TABLE durations (run TEXT PRIMARY KEY NOT NULL, seconds REAL NOT NULL) WITHOUT ROWID",
)
_FIND = (
    "SELECT text, finish_reason, prompt_tokens, completion_tokens, thinking_tokens, "
    "probabilities, missing_mass FROM replies WHERE key = ?"
)
_ADD = "INSERT INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"
_SPEND = (
    "INSERT INTO spending VALUES (?, ?, ?, ?) "
    "ON CONFLICT (run, model, counter) DO UPDATE SET amount = amount + excluded.amount"
)
_LAST = (
    "INSERT INTO durations VALUES (?, ?) "
    "ON CONFLICT (run) DO UPDATE SET seconds = seconds + excluded.seconds"
)


def connect(name: str, patience: float) -> sqlite3.Connection:
    """Connect to a database file, by its absolute path or a ``file:`` address."""
    return sqlite3.connect(
        name,
        timeout=patience,
        isolation_level=None,  # transactions are written out where they are needed
        check_same_thread=False,  # the journal has its own lock
        uri=name.startswith("file:"),
    )


def check_format(connection: sqlite3.Connection, path: Path) -> bool:
    """Refuse what is no journal of this format.

    Returns:
        Whether the file is still empty.

    Raises:
        InputError: Names ``path`` and what is wrong with it.
    """
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        if primary_code(error) != sqlite3.SQLITE_NOTADB:
            raise
        application, version, tables = 0, 0, 1
    if application == _APPLICATION and version == FORMAT_VERSION:
        return False
    if application == _APPLICATION:
        raise InputError(
            f"journal {path}: has format {version}, but this version of DebateQD reads format "
            f"{FORMAT_VERSION}; name another file"
        )
    if application or version or tables:
        raise InputError(f"journal {path}: is some other file, no journal; name another file")
    return True


def create_tables(connection: sqlite3.Connection) -> None:
    """Make an empty file a journal; called within a transaction."""
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")


def count_replies(connection: sqlite3.Connection) -> int:
    """Return the number of replies."""
    (number,) = connection.execute("SELECT count(*) FROM replies").fetchone()
    return int(number)


def find_replies(connection: sqlite3.Connection, keys: Iterable[bytes]) -> dict[bytes, Reply]:
    """Return the replies with some keys, those that are there."""
    found = {}
    execute = connection.execute
    for key in keys:
        row = execute(_FIND, (key,)).fetchone()
        if row is not None:
            found[key] = _reply(row)
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


def copy_replies(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy all replies into another journal, in the order of their keys."""
    target.executemany(_ADD, source.execute("SELECT * FROM replies ORDER BY key"))


def get_spending(connection: sqlite3.Connection, run: str | None = None) -> Spending:
    """Return what one run has spent; ``None``: what all have."""
    spending = Spending()
    where, values = ("", ()) if run is None else (" WHERE run = ?", (run,))
    for name, model, counter, amount in connection.execute(
        f"SELECT run, model, counter, amount FROM spending{where}",  # noqa: S608
        values,
    ):
        spending.counts.setdefault(name, {}).setdefault(model, Counter())[counter] = amount
    spending.seconds.update(
        connection.execute(f"SELECT run, seconds FROM durations{where}", values)  # noqa: S608
    )
    return spending


def add_counts(
    connection: sqlite3.Connection, run: str, model: str, counts: Mapping[str, int]
) -> None:
    """Add to what a run has spent on a model."""
    rows = [(run, model, name, amount) for name, amount in counts.items() if amount]
    connection.executemany(_SPEND, rows)


def add_seconds(connection: sqlite3.Connection, run: str, seconds: float) -> None:
    """Add to the time that a run has taken."""
    connection.execute(_LAST, (run, seconds))


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
    )


def _reply(row: Any) -> Reply:
    text, finish, prompt, completion, thinking, probabilities, missing = row
    if type(text) is bytes:
        text = text.decode("utf-8", "surrogatepass")
    if probabilities is not None:
        probabilities = tuple(json.loads(probabilities))
    return Reply(
        text, finish, Usage(prompt, completion, thinking), probabilities, missing_mass=missing
    )
