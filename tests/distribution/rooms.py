"""Fresh virtual environments, quickly: the dependencies are installed once, for all of them."""

from __future__ import annotations

import os
import subprocess
import venv
from pathlib import Path

from tests.repository import ROOT

OURS = "debateqd"
THEIRS = {"openai-agents": "openai-agents>=0.24,<0.25", "evaluate": "evaluate>=0.4,<0.5"}
"""Distributions whose packages have the names of folders and scripts here: agents, evaluate."""


def run(command: list[object], cwd: Path, *, fails: bool = False) -> str:
    """Run a command as a user would, knowing nothing of this checkout; return what it printed."""
    environment = {**os.environ, "WANDB_MODE": "offline", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, f"{command}\n{said[-3000:]}"
    return said if fails else done.stdout


class Room:
    """A virtual environment.

    Args:
        folder: Where it is made; does not exist yet.
        base: An environment whose packages it sees, but may neither change nor remove.
    """

    def __init__(self, folder: Path, base: Room | None = None) -> None:
        self.folder = folder
        self.bin = folder / ("Scripts" if os.name == "nt" else "bin")
        venv.create(folder, with_pip=base is None)
        self.packages = Path(self.python("import sysconfig; print(sysconfig.get_path('purelib'))"))
        if base is not None:
            (self.packages / "base.pth").write_text(f"{base.packages}\n")

    def run(self, command: str, *options: object, fails: bool = False) -> str:
        """Run one of its commands in its own folder; return what it printed."""
        return run([self.bin / command, *options], self.folder, fails=fails)

    def python(self, code: str, *, fails: bool = False) -> str:
        """Run code; return what it printed."""
        return self.run("python", "-c", code, fails=fails).strip()

    def pip(self, *options: object) -> None:
        """Run its pip."""
        self.run("python", "-m", "pip", *options)

    def install(self, *what: object) -> None:
        """Install just this, without asking anybody for anything else."""
        self.pip("install", "-q", "--no-deps", "--no-index", "--no-build-isolation", *what)


class Base(Room):
    """An environment with all that we and they require, and beside it all of these as wheels.

    Attributes:
        wheel: Our wheel.
        theirs: Their wheels.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        wheels = folder / "wheels"
        names = [OURS, *THEIRS]
        self.pip("wheel", "-q", "--no-deps", "-w", wheels, ROOT, *THEIRS.values())
        self.pip("install", "-q", "hatchling", "editables", *wheels.glob("*.whl"))
        self.pip("uninstall", "-q", "-y", *names)
        (self.wheel,) = wheels.glob("debateqd-*.whl")
        self.theirs = sorted(set(wheels.glob("*.whl")) - {self.wheel})
