"""Nobody's files are touched where others' `agents` and `evaluate` are installed too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.distribution.rooms import OURS, THEIRS, Base, Room
from tests.repository import ROOT

pytestmark = pytest.mark.fresh

INTACT = """
import base64, hashlib, sys
from importlib.metadata import files

for name in sys.argv[1:]:
    for file in files(name):
        data = file.locate().read_bytes()
        if file.hash:
            digest = base64.urlsafe_b64encode(hashlib.new(file.hash.mode, data).digest())
            assert digest.decode().rstrip("=") == file.hash.value, f"{name}: {file} has changed"
"""
THEY_WORK = """
import agents, evaluate
agents.Agent(name="one", instructions="Speak.")
evaluate.EvaluationModule
print(agents.__file__, evaluate.__file__)
"""


def check_ours(room: Room, run_dir: str) -> None:
    assert room.run("debateqd", "--version").startswith("debateqd ")
    room.run("python", "-c", INTACT, OURS)
    said = room.run("debateqd", "train", "--config", "smoke", "--run-dir", run_dir)
    assert f"Evaluate: debateqd evaluate {run_dir}" in " ".join(said.split())


def check_theirs(room: Room) -> None:
    room.run("python", "-c", INTACT, *THEIRS)
    assert all(file.startswith(str(room.packages)) for file in room.python(THEY_WORK).split())


@pytest.mark.parametrize("first", ["ours", "theirs"])
@pytest.mark.parametrize("kind", ["wheel", "editable"])
def test_either_order_and_either_may_go(base: Base, tmp_path: Path, kind: str, first: str) -> None:
    room = Room(tmp_path / "venv", base)
    ours = [base.wheel] if kind == "wheel" else ["-e", ROOT]
    steps = [ours, base.theirs]
    for step in steps if first == "ours" else reversed(steps):
        room.install(*step)

    check_theirs(room)
    check_ours(room, "together")
    said = room.run("python", ROOT / "tests" / "distribution" / "sdk_debate.py")
    assert said == "3 debates, 12 speeches\n"

    room.pip("uninstall", "-q", "-y", *THEIRS)
    check_ours(room, "alone")
    room.python("import agents", fails=True)

    room.install(*base.theirs)
    room.pip("uninstall", "-q", "-y", OURS)
    check_theirs(room)
    room.python("import debateqd", fails=True)
