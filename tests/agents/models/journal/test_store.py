"""A journal gives back what it was given, in one form, and says clearly when it cannot."""

from __future__ import annotations

import math
import os
import random
import shutil
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debate_env.errors import InputError
from debateqd.agents.models.base import Reply, StoppedError, Usage
from debateqd.agents.models.journal import Journal, JournalError
from tests.agents.models.journal.writer import entry, recorded

TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
COUNT = st.integers(0, 2**63 - 1)
REPLIES = st.builds(
    Reply,
    text=TEXT,
    finish_reason=st.sampled_from(["stop", "length", "refused", "unknown"]),
    usage=st.builds(Usage, COUNT, COUNT, COUNT),
    probabilities=st.none() | st.lists(st.floats(0, 1), max_size=4).map(tuple),
    missing_mass=st.none() | st.floats(0, 1),
    redraws=st.integers(0, 5),
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


def entries(*numbers):
    return [entry(number) for number in numbers]


def filled(path, *numbers, run="run"):
    """Make a journal with some replies, and close it."""
    journal = Journal(path, run)
    journal.record(entries(*numbers), "model", {"requests": len(numbers)})
    journal.close()


def one_line(error, path):
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    return str(error.value)


# --- what it holds -------------------------------------------------------------------------------


@given(st.lists(REPLIES, max_size=5))
@settings(max_examples=30, deadline=None)  # each waits for the disk
def test_replies_come_back_exactly_as_they_were(tmp_path_factory, replies):
    path = tmp_path_factory.mktemp("replies") / "journal.sqlite"
    recorded = [(bytes([n]) * 16, reply) for n, reply in enumerate(replies)]
    journal = Journal(path)
    journal.record(recorded)
    assert journal.find(dict(recorded)) == dict(recorded)
    journal.compact()
    journal = Journal(path)
    found = journal.find(dict(recorded))
    assert [repr(found[key]) for key, _ in recorded] == [repr(reply) for _, reply in recorded]
    journal.close()


def test_numbers_keep_full_precision(path):
    numbers = (0.1 + 0.2, 1 / 3, math.nextafter(1, 0), 5e-324)
    reply = Reply("A", probabilities=numbers, missing_mass=1e-17 / 3)
    journal = Journal(path)
    journal.record([(b"k" * 16, reply)])
    found = journal.find([b"k" * 16])[b"k" * 16]
    assert found.probabilities == numbers
    assert found.missing_mass == reply.missing_mass


def test_the_first_reply_to_a_request_stays_and_is_told(path):
    """Two runs that share a journal must not replay other replies than they used."""
    one, other = Journal(path), Journal(path)
    key, reply = entry(1)
    assert one.record([(key, reply)]) == {}
    later = replace(reply, text="something else")
    assert other.record([(key, later), entry(2)]) == {key: reply}
    assert one.record([(key, reply)]) == {}
    assert one.find([key]) == {key: reply}
    assert recorded(path) == 2


def test_a_run_replays_what_another_process_recorded(path):
    journal = Journal(path)
    filled(path, 1, 2)
    assert journal.find([entry(2)[0]]) == dict(entries(2))
    assert journal.find([entry(3)[0]]) == {}


def test_no_prompt_no_name_and_no_time_is_in_a_finished_journal(path):
    journal = Journal(path, "a run of mine")
    journal.record(entries(1, 2), "a-model", {"requests": 2})
    journal.note_seconds(12.5)
    journal.compact()
    data = path.read_bytes()
    assert b"reply 1" in data
    assert b"a run of mine" not in data
    assert b"a-model" not in data


# --- what was spent ------------------------------------------------------------------------------


def test_spending_adds_up_over_processes_and_finished_runs(path):
    for number in (1, 2, 3):
        journal = Journal(path, "one")
        journal.record(entries(1), "m", {"requests": 2, "retries": 0})
        journal.record([], "n", {"requests": 1})
        journal.note_seconds(0.5 * number)
        journal.close()
    journal = Journal(path, "two")
    journal.record(entries(2), "m", {"requests": 5})
    assert journal.compact()
    for _ in range(2):  # the second time nothing is new
        journal = Journal(path, "one")
        assert journal.spent() == {"m": Counter(requests=6), "n": Counter(requests=3)}
        assert journal.seconds() == 1.5
        journal.close()
        journal = Journal(path, "two")
        assert journal.spent() == {"m": Counter(requests=5)}
        assert journal.seconds() == 0.0
        assert journal.compact()


def test_spending_is_recorded_with_its_replies_or_not_at_all(path):
    journal = Journal(path, "run")
    with pytest.raises(sqlite3.IntegrityError):
        journal.record(
            [entry(1), (entry(2)[0], Reply("x", usage=Usage(None)))], "m", {"requests": 2}
        )
    assert recorded(path) == 0
    assert journal.spent() == {}
    journal.record(entries(1), "m", {"requests": 1})
    assert recorded(path) == 1


# --- the canonical form --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_the_same_replies_give_the_same_bytes(tmp_path, seed):
    """Whatever their order, the batches, the runs, and how often the file was opened."""
    plain, path = tmp_path / "plain", tmp_path / "mixed"
    numbers = list(range(300))
    journal = Journal(plain, "plain")
    journal.record(entries(*numbers))
    assert journal.compact()
    rng = random.Random(seed)
    rng.shuffle(numbers)
    while numbers:
        journal = Journal(path, f"run {rng.random()}")
        for _ in range(rng.randint(1, 4)):
            batch = [numbers.pop() for _ in range(min(len(numbers), rng.randint(1, 60)))]
            journal.record(entries(*batch), "m", {"requests": rng.randint(1, 9)})
        assert journal.compact() if rng.random() < 0.5 else journal.close() is None
    journal = Journal(path)
    assert journal.compact()
    assert path.read_bytes() == plain.read_bytes()
    assert {file.name for file in tmp_path.iterdir()} == {"plain", "mixed", "telemetry.jsonl"}
    assert Journal(path).find(k for k, _ in entries(7, 299)) == dict(entries(7, 299))


def test_an_empty_journal_is_one_too(path):
    assert Journal(path).compact()
    first = path.read_bytes()
    assert Journal(path).compact()
    assert path.read_bytes() == first
    assert list(path.parent.iterdir()) == [path]


def test_a_finished_journal_can_be_read_where_nothing_can_be_written(path):
    filled(path, 1)
    Journal(path).compact()
    with unprivileged(path.parent, 0o555):
        assert recorded(path) == 1


def test_a_journal_in_use_elsewhere_is_not_rewritten(path):
    mine, other = Journal(path, patience=0.05), Journal(path)
    mine.record(entries(1))
    other.record(entries(2))
    assert not mine.compact()
    assert mine.closed
    other.record(entries(3))
    assert other.compact()
    assert recorded(path) == 3


def test_compacting_keeps_links_and_permissions(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    filled(real, 1)
    real.chmod(0o600)
    link.symlink_to(real)
    assert Journal(link).compact()
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert recorded(link) == 1


def test_a_closed_journal_says_so(path):
    journal = Journal(path)
    journal.close()
    journal.close()
    assert journal.closed
    with pytest.raises(RuntimeError, match="was closed"):
        journal.find([b""])


# --- reading while another writes ----------------------------------------------------------------


def test_a_reader_sees_every_committed_reply_and_hinders_nothing(path):
    journal = Journal(path, "run")
    assert recorded(path) == 0
    for number in range(3):
        journal.record(entries(number), "m", {"requests": 1})
        assert recorded(path) == number + 1
    assert journal.compact()
    assert recorded(path) == 3


# --- files that are no journals, and places that are none ----------------------------------------


def test_an_empty_file_becomes_a_journal(path):
    path.touch()
    filled(path, 1)
    assert recorded(path) == 1


@pytest.mark.parametrize("kind", ["text", "database", "other application", "newer"])
def test_another_file_is_refused_and_left_alone(path, kind):
    if kind == "text":
        path.write_text("This is a diary, no database.\n" * 50)
    else:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE t (x)")
        if kind == "other application":
            connection.execute("PRAGMA application_id = 7")
        connection.close()
    if kind == "newer":
        path.unlink()
        filled(path, 1)
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA user_version = 99")
        connection.close()
    before = path.read_bytes()
    with pytest.raises(InputError) as error:
        Journal(path)
    said = one_line(error, path)
    assert ("format 99" in said) if kind == "newer" else ("no journal" in said)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_and_a_missing_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        Journal(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        Journal(tmp_path / "no" / "journal")


def test_odd_names_are_just_names(tmp_path):
    for name in (":memory:", "file:x?mode=memory", "a b#c%20d", "é"):
        filled(tmp_path / name, 1)
        assert recorded(tmp_path / name) == 1


OLD = (
    "CREATE TABLE replies (key BLOB PRIMARY KEY NOT NULL, text NOT NULL, "
    "finish_reason TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, "
    "completion_tokens INTEGER NOT NULL, thinking_tokens INTEGER NOT NULL, "
    "probabilities TEXT, missing_mass REAL);"
    "CREATE TABLE spending (run TEXT NOT NULL, model TEXT NOT NULL, counter TEXT NOT NULL, "
    "amount INTEGER NOT NULL, PRIMARY KEY (run, model, counter)) WITHOUT ROWID;"
    "CREATE TABLE durations (run TEXT PRIMARY KEY NOT NULL, seconds REAL NOT NULL) WITHOUT ROWID;"
    "PRAGMA application_id = 1146186348; PRAGMA user_version = 1;"
)
"""What a journal of format 1 was made with."""


def test_a_journal_of_format_1_is_read_and_becomes_one_of_today(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(OLD)
        key, reply = entry(1)
        values = (key, reply.text, "stop", *reply.usage, "[0.25, 0.75]", 0.125)
        connection.execute("INSERT INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        connection.execute("INSERT INTO spending VALUES ('run', 'm', 'requests', 7)")
        connection.execute("INSERT INTO durations VALUES ('run', 2.5)")
        connection.commit()
    reply = replace(reply, probabilities=(0.25, 0.75), missing_mass=0.125)
    journal = Journal(old, "run")
    assert journal.find([key]) == {key: reply}
    assert journal.spent() == {"m": Counter(requests=7)}
    assert journal.seconds() == 2.5
    assert journal.compact()
    journal = Journal(new)
    journal.record([(key, reply)])
    assert journal.compact()
    assert old.read_bytes() == new.read_bytes()


# --- what can go wrong ---------------------------------------------------------------------------


def full_disk(journal):
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {pages + 3}")


def test_a_full_disk_is_one_clear_error_and_loses_nothing(path):
    journal = Journal(path, "run")
    journal.record(entries(1, 2), "m", {"requests": 2})
    full_disk(journal)
    with pytest.raises(JournalError, match="is full") as error:
        journal.record(entries(*range(3, 90)), "m", {"requests": 87})
    assert isinstance(error.value, StoppedError)
    one_line(error, path)
    assert journal.find(k for k, _ in entries(1, 2, 3)) == dict(entries(1, 2))
    assert journal.spent() == {"m": Counter(requests=2)}
    journal._connection.execute("PRAGMA max_page_count = 1000000")
    journal.record(entries(*range(3, 90)), "m", {"requests": 87})
    assert recorded(path) == 89


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    command = [mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if os.geteuid() or not mount or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full(small_disk):
    path, filler = small_disk / "journal.sqlite", small_disk / "filler"
    journal = Journal(path, "run")
    filler.write_bytes(b"x" * 1_000_000)

    def fill():
        while True:
            number = recorded(path)
            journal.record(entries(*range(number, number + 20)), "m", {"requests": 20})

    with pytest.raises(JournalError) as error:
        fill()
    one_line(error, path)
    number = recorded(path)
    assert number
    with pytest.raises(JournalError, match="full"):
        journal.compact()
    assert not list(small_disk.glob(".*")), "a copy that was not finished is left"
    filler.unlink()
    journal = Journal(path, "run")
    assert recorded(path) == number
    assert journal.spent() == {"m": Counter(requests=number)}
    journal.record(entries(number), "m", {"requests": 1})
    assert journal.compact()
    journal = Journal(path, "run")
    assert journal.spent() == {"m": Counter(requests=number + 1)}
    journal.close()


@contextmanager
def unprivileged(folder, mode):
    """Act as a user whom permissions bind, in a folder with these."""
    opened = [parent for parent in folder.parents if not parent.stat().st_mode & 0o10]
    modes = {place: place.stat().st_mode for place in (folder, *opened)}
    root = not os.geteuid()
    try:
        if root:
            for place in opened:
                place.chmod(modes[place] | 0o11)  # the group stays root's
        folder.chmod(mode)
        if root:
            os.seteuid(65534)
        yield
    finally:
        if root:
            os.seteuid(0)
        for place, before in modes.items():
            place.chmod(before)


@pytest.mark.parametrize("what", ["new", "file", "folder", "used"])
def test_what_cannot_be_written_is_one_clear_error_at_once(tmp_path, what):
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "journal.sqlite"
    if what != "new":
        filled(path, 1)
        path.chmod(0o444 if what == "file" else 0o666)
    if what == "folder":
        Journal(path).compact()
    with (
        unprivileged(folder, 0o777 if what == "file" else 0o555),
        pytest.raises(JournalError) as error,
    ):
        Journal(path)
    assert "cannot be written" in one_line(error, path), "not because of the folders above"
    if what != "new":
        assert recorded(path) == 1


def test_a_file_that_another_process_holds_is_one_clear_error(path):
    filled(path, 1)
    journal = Journal(path, patience=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for action in (lambda: journal.record(entries(2)), lambda: Journal(path, patience=0.05)):
        with pytest.raises(JournalError, match="another process holds it") as error:
            action()
        one_line(error, path)
    assert journal.find([entry(1)[0]]) == dict(entries(1)), "reading is not hindered"
    other.execute("ROLLBACK")
    assert journal.record(entries(2)) == {}
    assert recorded(path) == 2


@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_a_file_that_was_taken_away_is_noticed_before_anything_is_lost(path, how):
    journal = Journal(path)
    journal.record(entries(1))
    if how == "deleted":
        path.unlink()
    else:
        path.rename(path.with_name("moved"))
    if how == "replaced":
        path.touch()
    with pytest.raises(
        JournalError, match="moved or replaced" if how == "replaced" else "No such file"
    ) as error:
        journal.record(entries(2))
    one_line(error, path)


def test_a_damaged_file_is_one_clear_error(path):
    filled(path, *range(200))
    Journal(path).compact()
    data = bytearray(path.read_bytes())
    data[4096 : 4096 * 20] = b"\xff" * (4096 * 19)
    path.write_bytes(data)
    with pytest.raises(JournalError, match="damaged") as error:
        Journal(path).find([entry(n)[0] for n in range(200)])
    one_line(error, path)
