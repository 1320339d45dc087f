from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.repository import ROOT


def test_every_part_is_timed():
    command = [sys.executable, "benchmarks/bookkeeping.py", "--living", "60", "--debates", "120"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert lines[0].startswith("60 living strategies, 120 matches")
    parts = {line[:24].strip(): float(line.split()[-4]) for line in lines[1:]}
    assert parts.keys() >= {"refits between waves", "choice of contests", "choice of elites"}
    assert all(value > 0 for value in parts.values())
    assert parts["all"] == pytest.approx(sum(parts.values()) - parts["all"], abs=0.01)
