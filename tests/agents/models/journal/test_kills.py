"""A process that writes a journal may die at any moment: nothing recorded is lost or torn."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter

from debateqd.agents.models.journal import Journal
from tests.agents.models.journal.writer import BATCH, entry, recorded
from tests.repository import ROOT

KILLS = 5


def write_and_kill(mode, path, more):
    """Let a process of its own write, and kill it after its first words and so many more.

    Returns:
        How many replies it last said were recorded.
    """
    command = [sys.executable, "-m", "tests.agents.models.journal.writer", mode, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        told = [process.stdout.readline() for _ in range(1 + more)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return int([line for line in told if line.endswith("\n")][-1])


def check(path, told):
    """Check that a journal is sound and whole; return how many replies it holds."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    number = recorded(path)
    assert number >= told, "what was recorded is gone"
    journal = Journal(path, "run")
    expected = dict(map(entry, range(number)))
    assert journal.find(expected) == expected
    assert journal.spent() == {"model": Counter(requests=number)}
    journal.close()
    return number


def test_killed_while_writing(tmp_path):
    rng = random.Random(1)
    path, plain = tmp_path / "journal.sqlite", tmp_path / "plain.sqlite"
    told = 0
    for _ in range(KILLS):
        told = write_and_kill("write", path, rng.randrange(20))
        number = check(path, told)
        assert number % BATCH == 0, "half a batch"
    journal = Journal(plain)
    journal.record(list(map(entry, range(number))))
    assert journal.compact()
    assert Journal(path).compact()
    assert path.read_bytes() == plain.read_bytes()


def test_killed_while_compacting(tmp_path):
    rng = random.Random(2)
    path, plain = tmp_path / "journal.sqlite", tmp_path / "plain.sqlite"
    for _ in range(KILLS):
        told = write_and_kill("finish", path, rng.randrange(8))
        number = check(path, told)
        journal = Journal(path, "run")
        assert number - 1 <= journal.seconds() <= number
        # The time of the last reply may not have been added before the kill.
        journal.note_seconds(number)
        journal.close()
    assert Journal(path).compact()
    journal = Journal(plain)
    journal.record(list(map(entry, range(number))))
    assert journal.compact()
    assert path.read_bytes() == plain.read_bytes()
    assert {file.name for file in tmp_path.iterdir()} == {
        "journal.sqlite",
        "telemetry.jsonl",
        "plain.sqlite",
    }


def test_read_while_another_process_writes(tmp_path):
    path = tmp_path / "journal.sqlite"
    command = [sys.executable, "-m", "tests.agents.models.journal.writer", "write", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            process.stdout.readline()
            seen = [0]
            for _ in range(20):
                told = int(process.stdout.readline())
                seen.append(recorded(path))
                assert seen[-1] >= told
                assert seen[-1] % BATCH == 0
            assert seen == sorted(seen)
        finally:
            process.kill()


def test_processes_that_share_a_file_and_finish_it_lose_nothing(tmp_path):
    path, firsts = tmp_path / "journal.sqlite", (1000, 2000)
    command = [sys.executable, "-m", "tests.agents.models.journal.writer", "share", str(path)]
    processes = [
        subprocess.Popen([*command, str(first)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for first in firsts
    ]
    for process in processes * 2:  # in turn, so that all of them are at it
        process.stdout.readline()
    numbers = []
    for first, process in zip(firsts, processes, strict=True):
        process.kill()
        told = process.communicate()[0].rpartition("\n")[0].split()  # without a torn line
        numbers += range(first, int(told[-1]) if told else first + 1)
    assert [process.returncode for process in processes] == [-signal.SIGKILL] * 2
    expected = dict(map(entry, numbers))
    journal = Journal(path)
    assert journal.find(expected) == expected
    journal.close()
    for number in numbers:
        journal = Journal(path, str(number))
        assert journal.spent() == {"model": Counter(requests=1)}
        journal.close()
