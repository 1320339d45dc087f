"""Does a change of the code change what runs do? ``benchmarks/projections.py``.

Eight runs of ``train.py``, two of them with ``evaluate.py``, are played with the embedded model.
What they did is projected to canonical text (``projections_views.py``): players and outcomes of
matches, transcripts, strategies, archive, ratings, evaluation. Files may be laid out anew and
modules moved, but the SHA-256 of each projection must stay what ``projections.json`` says. One run
is killed with SIGKILL in the generation after the seeds', and resumed; it must equal one that was
not.

    python benchmarks/projections.py --check --jobs 2
    python benchmarks/projections.py --check --only smoke,resumed
    python benchmarks/projections.py --dump old                 # before a change
    python benchmarks/projections.py --against old              # after it: shows what differs
    python benchmarks/projections.py --record                   # behaviour changed on purpose

Debates of the embedded model are exact, but ratings and intervals come from linear algebra whose
last bits depend on the processor, and among equally informative pairings such bits decide which is
played: with other kernels all runs part but those of the preset paper. Runs are therefore played
with the plainest kernels of OpenBLAS and NumPy, which are the same on every x86-64 processor (with
FMA, which the C library uses), and numbers are rounded before they are hashed. So a change that
adds the same numbers in another order may alter hashes, too, and so may other versions of NumPy,
SciPy or the C library. What hashes were recorded with is recorded beside them; with anything else
``--check`` says what differs and does not fail. There compare two versions of the code on one
machine: ``--dump`` with the old one, ``--against`` with the new.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import scipy
from projections_views import is_committed, project

ROOT = Path(__file__).resolve().parent.parent
RECORD = Path(__file__).resolve().with_suffix(".json")

_LONGEST = 600.0  # seconds that a command may take
_SHOWN = 12  # lines of a difference that are shown
_KILLS = 5  # attempts to kill a run in generation 1

Hashes = dict[str, dict[str, str]]
"""SHA-256 by run and projection."""

Texts = Mapping[str, Mapping[str, str]]
"""Projections by run and name."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is projected.

    Attributes:
        name: What it is called.
        train: Options of ``train.py``.
        evaluate: Options of ``evaluate.py``; ``None``: it is not evaluated.
        killed: Whether it is killed in generation 1, and resumed.
        ci: Whether it is fast enough for every change.
    """

    name: str
    train: tuple[str, ...]
    evaluate: tuple[str, ...] | None = None
    killed: bool = False
    ci: bool = False


def _set(*assignments: str) -> tuple[str, ...]:
    return tuple(part for assignment in assignments for part in ("--set", assignment))


_SHORT = "synthetic:passages=130,words=120,questions=2,seed=11"

RUNS = (
    # Preset smoke: grid, builtin questions, all kinds of debates of an evaluation.
    Run(
        "smoke",
        ("--config", "smoke", "--objective", "persuasion", "--questions", "builtin"),
        (
            *("--elites", "3", "--archive-questions", "3"),
            *("--round-robin", "1", "--length-control"),
        ),
        ci=True,
    ),
    # Preset smoke: killed and resumed.
    Run(
        "resumed",
        (
            *("--config", "smoke", "--objective", "mix", "--generations", "3"),
            *("--questions", "synthetic:passages=40,words=200,seed=3"),
        ),
        killed=True,
        ci=True,
    ),
    # Preset default, as it is but for the number of generations.
    Run(
        "default-persuasion",
        (
            *("--config", "default", "--objective", "persuasion", "--generations", "2"),
            *("--questions", "builtin"),
        ),
    ),
    Run(
        "default-truth",
        (
            *("--config", "default", "--objective", "truth", "--generations", "2"),
            *("--questions", "builtin"),
        ),
    ),
    # Preset default: one after the other, votes, labels of a model, no waiting; evaluated.
    Run(
        "default-mix",
        (
            *("--config", "default", "--objective", "mix", "--generations", "2"),
            *("--questions", _SHORT),
            *_set(
                "debate.protocol=sequential",
                "models.verdict.method=votes",
                "evolution.archive.axes=[{name: labelled_family}, {name: length}]",
                "evolution.selection.reject=0.5",
            ),
        ),
        ("--split", "test", "--elites", "2", "--archive-questions", "1"),
    ),
    # Preset paper: slots, Swiss rounds, Elo; teams under truth.
    Run(
        "paper-persuasion",
        (
            *("--config", "paper", "--objective", "persuasion", "--generations", "2"),
            *("--questions", _SHORT, "--rounds", "2"),
        ),
    ),
    Run(
        "paper-truth",
        (
            *("--config", "paper", "--objective", "truth", "--generations", "2"),
            *("--questions", _SHORT, "--rounds", "2"),
        ),
    ),
    # A population: Swiss rounds, wins instead of credence, another check of quotes.
    Run(
        "population",
        (
            *("--config", "single-population", "--objective", "persuasion", "--generations", "2"),
            *("--questions", "builtin", "--rounds", "1"),
            *_set(
                "evolution.tournament.pairings={swiss: 0.8, anchors: 0.2}",
                "evolution.tournament.bradley_terry.score=win",
                "evolution.report.score=win",
                "debate.quotes=khan",
            ),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Played:
    """A run that was played.

    Attributes:
        name: Its name.
        texts: Its projections.
        undisturbed: Those of the same run that nobody killed; its own where nobody did.
        seconds: How long all of it took.
    """

    name: str
    texts: Mapping[str, str]
    undisturbed: Mapping[str, str]
    seconds: float

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of every projection."""
        return _hashes(self.texts)


def _hashes(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: digest(text) for name, text in texts.items()}


def digest(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


# --- playing -------------------------------------------------------------------------------------


def play(run: Run, scratch: Path) -> Played:
    """Play a run, and the same one undisturbed where it is killed.

    Args:
        run: The run.
        scratch: A folder for run directories.
    """
    begun = time.monotonic()
    folder = scratch / run.name
    if run.killed:
        start_and_kill(run, folder)
        finish(("train.py", "--resume", str(folder), "--wandb", "disabled"))
    else:
        finish(_train(run, folder))
    texts = undisturbed = _projected(run, folder)
    if run.killed:
        whole = scratch / f"{run.name}-undisturbed"
        finish(_train(run, whole))
        undisturbed = _projected(run, whole)
    return Played(run.name, texts, undisturbed, time.monotonic() - begun)


def _projected(run: Run, folder: Path) -> dict[str, str]:
    if run.evaluate is not None:
        finish(("evaluate.py", str(folder), *run.evaluate))
    return project(folder)


def start_and_kill(run: Run, folder: Path) -> None:
    """Begin a run, and kill it in generation 1.

    Args:
        run: The run.
        folder: Its directory.

    Raises:
        RuntimeError: It failed, or was faster than the kill every time.
    """
    for attempt in range(_KILLS):
        if folder.exists():
            folder.rename(folder.with_name(f"{folder.name}-too-late-{attempt}"))
        process = _start(_train(run, folder))
        deadline = time.monotonic() + _LONGEST
        while process.poll() is None and not is_committed(folder, 0):
            assert time.monotonic() < deadline, f"{run.name} takes too long"
            time.sleep(0.001)
        process.kill()
        _, said = process.communicate()
        if process.returncode == -signal.SIGKILL and not is_committed(folder, 1):
            return
        if process.returncode > 0:
            raise RuntimeError(f"{run.name}: {said.strip()}")
    raise RuntimeError(f"{run.name}: was {_KILLS} times faster than the kill")


def finish(command: Sequence[str]) -> None:
    """Run a command of the project to its end.

    Raises:
        RuntimeError: It failed.
    """
    process = _start(command)
    try:
        _, said = process.communicate(timeout=_LONGEST)
    finally:
        process.kill()  # does nothing where it has ended
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: status {process.returncode}: {said.strip()}")


def _train(run: Run, folder: Path) -> tuple[str, ...]:
    where = ("--name", "projected", "--run-dir", str(folder), "--wandb", "disabled")
    return "train.py", *run.train, *where


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  (this project's own command)
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **plain_arithmetic(), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def plain_arithmetic() -> dict[str, str]:
    """Return the environment of a process that computes alike on x86-64 processors."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])  # beyond the baseline
    already = os.environ.get("NPY_DISABLE_CPU_FEATURES", "").split()
    return {
        "OPENBLAS_NUM_THREADS": "1",
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": " ".join((*already, *found)),
    }


def made_with() -> dict[str, str]:
    """Return what hashes depend on beside the code."""
    return {
        "libc": " ".join(platform.libc_ver()),
        "machine": platform.machine(),
        "numpy": np.__version__,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "scipy": scipy.__version__,
    }


# --- comparing -----------------------------------------------------------------------------------


def different(found: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    """Return the projections that differ or that only one side has."""
    return sorted(n for n in found.keys() | expected.keys() if found.get(n) != expected.get(n))


def shown_difference(before: str, after: str) -> str:
    """Return the first facts that differ between two projections."""
    old, new = set(before.splitlines()), set(after.splitlines())
    # In the order of the facts, so that two values of one stand together.
    changed = sorted([(text, "-") for text in old - new] + [(text, "+") for text in new - old])
    shown = [f"    {sign} {text}" for text, sign in changed[:_SHOWN]]
    if len(changed) > _SHOWN:
        shown.append(f"    and {len(changed) - _SHOWN} more")
    return "\n".join(shown)


def complaints(played: Sequence[Played], recorded: Hashes, before: Texts) -> list[str]:
    """Name each run and projection that differs from what was recorded or dumped.

    Args:
        played: The runs.
        recorded: The hashes that they should have.
        before: Projections with these hashes, to show what differs; empty: they are not at hand.
    """
    found = []
    for run in played:
        for name in different(run.hashes(), recorded.get(run.name, {})):
            found.append(f"{run.name}: {name} differs from before")
            if run.name in before:
                texts = (before[run.name].get(name, ""), run.texts.get(name, ""))
                found.append(shown_difference(*texts))
    return found


def resumed_otherwise(played: Sequence[Played]) -> list[str]:
    """Name each projection of a killed run that differs from the run that nobody killed."""
    found = []
    for run in played:
        for name in different(run.texts, run.undisturbed):
            found.append(f"{run.name}: {name} differs from the run that was not killed")
            before, after = run.undisturbed.get(name, ""), run.texts.get(name, "")
            found.append(shown_difference(before, after))
    return found


# --- files ---------------------------------------------------------------------------------------


def read_record(path: Path) -> tuple[Hashes, dict[str, str]]:
    """Read recorded hashes and what they were made with; empty where nothing is recorded."""
    if not path.exists():
        return {}, {}
    recorded = json.loads(path.read_text(encoding="utf-8"))
    return recorded["runs"], recorded["made_with"]


def write_record(path: Path, played: Sequence[Played]) -> None:
    """Record hashes; those of other runs stay."""
    recorded = read_record(path)[0] | {run.name: run.hashes() for run in played}
    kept = {run.name: recorded[run.name] for run in RUNS if run.name in recorded}
    data = {"made_with": made_with(), "runs": kept}
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def dump(folder: Path, played: Sequence[Played]) -> None:
    """Write projections as text: ``FOLDER/RUN/PROJECTION.txt``."""
    for run in played:
        (folder / run.name).mkdir(parents=True, exist_ok=True)
        for name, text in run.texts.items():
            (folder / run.name / f"{name}.txt").write_text(text, encoding="utf-8")


def read_dump(folder: Path) -> dict[str, dict[str, str]]:
    """Read what :func:`dump` wrote."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*/*.txt")):
        found.setdefault(path.parent.name, {})[path.stem] = path.read_text(encoding="utf-8")
    return found


# --- command -------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Play and project; with ``--check`` return 1 when a hash differs from one of like libraries.

    Args:
        argv: The options; those of the process by default.
    """
    fast = ",".join(run.name for run in RUNS if run.ci)
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail when a hash is not as recorded")
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name}")
    parser.add_argument("--dump", type=Path, metavar="DIR", help="write the projections as text")
    parser.add_argument("--against", type=Path, metavar="DIR", help="compare with a dump, too")
    parser.add_argument("--only", metavar="NAME,NAME", help=f"some of the runs; fast: {fast}")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    options = parser.parse_args(argv)
    runs = {run.name: run for run in RUNS}
    names = options.only.split(",") if options.only else list(runs)
    for name in names:
        if name not in runs:
            parser.error(f"unknown run '{name}'; choose from {', '.join(runs)}")
    if options.jobs < 1:
        parser.error(f"--jobs must be at least 1, not {options.jobs}")
    if options.check and options.record:
        parser.error("--check compares with what is recorded, --record replaces it; give one")
    played = _play_all([runs[name] for name in names], options.jobs)
    if options.dump is not None:
        dump(options.dump, played)
    found = resumed_otherwise(played)
    if options.record and not found:
        write_record(RECORD, played)
    if options.check:
        recorded, then = read_record(RECORD)
        differing = complaints(played, recorded, {})
        if then == made_with():
            found += differing
        elif differing:  # other libraries, other digits: no fault of the code
            notes = [*differing, f"not comparable: recorded with {then}, this is {made_with()}"]
            print("\n".join(notes), file=sys.stderr)
    if options.against is not None:
        before = read_dump(options.against)
        hashes = {name: _hashes(texts) for name, texts in before.items()}
        found += complaints(played, hashes, before)
    if found:
        print("\n".join(found), file=sys.stderr)
        return 1
    return 0


def _play_all(runs: Sequence[Run], jobs: int) -> list[Played]:
    """Play runs, and print the hashes of each in the order given."""
    played = []
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(jobs) as pool:
        for run in pool.map(partial(play, scratch=Path(scratch)), runs):
            print(f"{run.name}  ({run.seconds:.0f} s)")
            for name, value in run.hashes().items():
                print(f"  {name:<12} {value}", flush=True)
            played.append(run)
    return played


if __name__ == "__main__":
    sys.exit(main())
