"""Kill training runs again and again, and see whether anything is lost: ``benchmarks/kills.py``.

A run of ``train.py`` is killed with SIGKILL at random moments, also while it is writing, and
continued with ``--resume`` until it ends. Its directory must then be equal, byte for byte, to that
of a run that nobody disturbed (``telemetry.jsonl`` and ``events.log`` aside), and no more calls may
have been paid for twice than were in flight at the kills. This is done with the embedded model and
with a local server, whose log says what was asked.

    python benchmarks/kills.py --check
    python benchmarks/kills.py --kills 20 --models server
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines_table import Figure, table

from debateqd.agents.models.base import Message
from debateqd.agents.prompts import task_of
from tests.servers import Seen, Settings, ThreadServer, serve

ROOT = Path(__file__).resolve().parent.parent
MODELS = ("embedded", "server")
IN_FLIGHT = 8  # most requests in flight
ASIDE = frozenset({"telemetry.jsonl", "events.log"})
"""Files that depend on the machine, the clock and the kills."""

_LOOK = 0.0002  # seconds between two looks at a run's files
_LONGEST = 120.0  # seconds that a run may take


@dataclass(frozen=True)
class Undisturbed:
    """A run that nobody disturbed.

    Attributes:
        files: What it left, by path in its directory.
        seconds: How long it took.
        starting: How much of that went by before it wrote anything.
        writes: Changes of its files that were seen.
        calls: Requests of debates, judges and mutators that it sent; 0 where nobody counts them.
    """

    files: Mapping[str, bytes]
    seconds: float
    starting: float
    writes: int
    calls: int


@dataclass
class Findings:
    """What came of all killed runs with one model.

    Attributes:
        runs: Runs that were ended.
        kills: Kills of processes that had not finished.
        early: Kills before the run directory was one.
        torn: Kills that left a temporary file or an unfinished line.
        different: Names of files that differ from those of the undisturbed run.
        again: Calls that were paid for twice, by kill.
        twice: Calls that were paid for twice though nothing was killed in between.
        errors: What processes said that ended otherwise than by a kill or in success.
    """

    runs: int = 0
    kills: int = 0
    early: int = 0
    torn: int = 0
    different: list[str] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    twice: int = 0
    errors: list[str] = field(default_factory=list)


def files_of(run: Path) -> dict[str, bytes]:
    """Read what a run left, by path in its directory, :data:`ASIDE` left out."""
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in ASIDE
    }


def differences(ours: Mapping[str, bytes], theirs: Mapping[str, bytes]) -> list[str]:
    """Return the names of files that differ or that only one side has."""
    return sorted(n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n))


def is_torn(run: Path) -> bool:
    """Whether a write was under way when the run was killed."""
    if next(run.rglob(".*.tmp"), None) is not None:
        return True
    logs = (run / name for name in ("matches.jsonl", "strategies.jsonl"))
    found = [log.read_bytes() for log in logs if log.exists()]
    return any(data and not data.endswith(b"\n") for data in found)


def paid_twice(log: Sequence[Seen], kills: Sequence[float]) -> tuple[list[int], int]:
    """Find calls that were sent again after a good reply, or after a kill took their reply.

    Args:
        log: What a server saw, faults left out.
        kills: When the client was killed, on the server's clock, ascending.

    Returns:
        How many such calls each kill explains; and how many no kill does.
    """
    times: defaultdict[bytes, list[float]] = defaultdict(list)
    for seen in log:
        times[seen.key].append(seen.at)
    explained, twice = [0] * len(kills), 0
    for asked in times.values():
        asked.sort()
        for before, again in pairwise(asked):
            kill = bisect(kills, before)
            if kill < len(kills) and kills[kill] <= again:
                explained[kill] += 1
            else:
                twice += 1
    return explained, twice


class Bench:
    """Runs, kills and continues training with one model.

    Args:
        scratch: A folder for run directories.
        options: Options of ``train.py`` that name the model.
        server: The server, if the model is one.
    """

    def __init__(
        self, scratch: Path, options: Sequence[str], server: ThreadServer | None = None
    ) -> None:
        self._scratch = scratch
        self._options = list(options)
        self._server = server
        self._folder = scratch / "run"

    def undisturbed(self) -> Undisturbed:
        """Run to the end."""
        self._clear()
        begun = time.monotonic()
        process = self._start()
        moments = [time.monotonic() - begun for _ in self._writes(process)]
        assert process.wait() == 0, self._said()
        seconds = time.monotonic() - begun
        files, calls = files_of(self._folder), len(self._calls())
        return Undisturbed(files, seconds, moments[0], len(moments), calls)

    def killed(self, reference: Undisturbed, draw: random.Random, findings: Findings) -> None:
        """Run to the end through some kills, and compare.

        Args:
            reference: The undisturbed run.
            draw: Chooses the moments.
            findings: What is found is added here.
        """
        self._clear()
        kills: list[float] = []
        while True:
            begun = (self._folder / "config.yaml").exists()
            if not begun:
                self._clear(log=False)
            process = self._start()
            self._wait(process, reference, draw)
            if process.poll() is None:
                process.kill()
            status = process.wait()
            if status == 0:
                break
            if status > 0:
                findings.errors.append(f"status {status}: {self._said()}")
                return
            kills.append(time.monotonic())
            findings.kills += 1
            findings.early += not (self._folder / "config.yaml").exists()
            findings.torn += self._folder.exists() and is_torn(self._folder)
        findings.runs += 1
        findings.different += differences(files_of(self._folder), reference.files)
        explained, twice = paid_twice(self._calls(), kills)
        findings.again += explained
        findings.twice += twice

    def _start(self) -> subprocess.Popen[bytes]:
        run = str(self._folder)
        if (self._folder / "config.yaml").exists():
            options = ["--resume", run]
        else:
            options = ["--config", "smoke", "--run-dir", run, "--name", "killed", *self._options]
        command = [sys.executable, str(ROOT / "train.py"), *options, "--wandb", "disabled"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "none"}
        with (self._scratch / "said").open("wb") as said:
            return subprocess.Popen(  # noqa: S603  (this project's own command)
                command,
                cwd=self._scratch,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )

    def _wait(
        self, process: subprocess.Popen[bytes], reference: Undisturbed, draw: random.Random
    ) -> None:
        """Wait for a random moment: of all, of those after the first write, or at some write."""
        kind, wanted = draw.choice(("any", "later", "write", "write")), 1
        if kind == "any":
            with suppress(subprocess.TimeoutExpired):
                process.wait(draw.uniform(0.0, reference.seconds))
            return
        if kind == "write":
            wanted += draw.randrange(max(1, reference.writes // 2))
        for number, _ in enumerate(self._writes(process), 1):
            if number == wanted:
                break
        if kind == "later":
            with suppress(subprocess.TimeoutExpired):
                process.wait(draw.uniform(0.0, reference.seconds - reference.starting))
        else:
            time.sleep(draw.choice((0.0, 0.0005, 0.002)) * draw.random())

    def _writes(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Yield whenever a file of the run has changed, until the process ends."""
        before: dict[str, tuple[int, int]] = {}
        deadline = time.monotonic() + _LONGEST
        while process.poll() is None:
            assert time.monotonic() < deadline, "a run of the benchmark takes too long"
            now = _sizes(self._folder)
            if now != before:
                before = now
                yield
            time.sleep(_LOOK)

    def _said(self) -> str:
        text = (self._scratch / "said").read_text(encoding="utf-8", errors="replace")
        return text.strip().rpartition("\n")[2]

    def _calls(self) -> list[Seen]:
        """Requests that cost something; what a client asks to get to know a server is no part."""
        if self._server is None:
            return []
        return [
            seen
            for seen in self._server.stand_in.log
            if seen.outcome in ("ok", "gone")
            and task_of([Message(m["role"], m["content"]) for m in seen.body["messages"]])
        ]

    def _clear(self, *, log: bool = True) -> None:
        if self._folder.exists():
            for path in sorted(self._folder.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            self._folder.rmdir()
        if log and self._server is not None:
            self._server.stand_in.log.clear()


def _sizes(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path in (folder, folder / "generations", folder / "transcripts"):
        try:
            for entry in os.scandir(path):
                status = entry.stat()
                found[entry.path] = (status.st_size, status.st_mtime_ns)
        except FileNotFoundError:
            continue  # not there yet, or replaced at this very moment
    return found


@contextmanager
def bench(model: str, scratch: Path) -> Iterator[Bench]:
    """Make ready for runs with the embedded model or a local server."""
    if model == "embedded":
        yield Bench(scratch, ())
        return
    with serve(Settings(seconds=0.01)) as server:
        options = ("--model", "openai:tiny", "--base-url", server.url)
        limit = ("--set", f"models.openai.max_concurrency={IN_FLIGHT}")
        yield Bench(scratch, (*options, *limit), server)


def kill_runs(model: str, kills: int, seed: int) -> tuple[Undisturbed, Findings]:
    """Kill runs with a model at least so many times.

    Args:
        model: One of :data:`MODELS`.
        kills: The number of kills; the last run is continued to its end.
        seed: Of the moments.
    """
    draw, findings = random.Random(f"{seed} {model}"), Findings()
    with tempfile.TemporaryDirectory() as scratch, bench(model, Path(scratch)) as runs:
        reference = runs.undisturbed()
        while findings.kills < kills and not findings.errors:
            runs.killed(reference, draw, findings)
    return reference, findings


def figures(model: str, reference: Undisturbed, findings: Findings) -> list[Figure]:
    """Return what was found, with bounds."""
    found = [
        Figure(f"{model}: kills", findings.kills),
        Figure(f"{model}: of them before the run had begun", findings.early),
        Figure(f"{model}: of them in the middle of a write", findings.torn),
        Figure(f"{model}: runs ended", findings.runs),
        Figure(f"{model}: runs that could not be continued", len(findings.errors), 0),
        Figure(f"{model}: files that differ", len(findings.different), 0),
    ]
    if model == "server":
        found += [
            Figure(f"{model}: calls of an undisturbed run", reference.calls),
            Figure(f"{model}: calls paid twice, all kills", sum(findings.again)),
            Figure(f"{model}: calls paid twice, worst kill", max(findings.again), IN_FLIGHT),
            Figure(f"{model}: calls paid twice without a kill", findings.twice, 0),
        ]
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Kill, continue, compare; with ``--check`` return 1 when anything was lost.

    Args:
        argv: The options; those of the process by default.
    """
    parser = argparse.ArgumentParser(description=str(__doc__).split(":", 1)[0])
    parser.add_argument("--kills", type=int, default=200, help="in all")
    parser.add_argument("--models", default=",".join(MODELS), help=f"of {', '.join(MODELS)}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--check", action="store_true", help="fail when anything was lost")
    options = parser.parse_args(argv)
    models = options.models.split(",")
    for model in models:
        if model not in MODELS:
            parser.error(f"unknown model '{model}'; choose from {', '.join(MODELS)}")
    if options.kills < 1:
        parser.error(f"--kills must be at least 1, not {options.kills}")
    failed = []
    for model in models:
        reference, findings = kill_runs(model, -(-options.kills // len(models)), options.seed)
        print(
            f"{model}: an undisturbed run takes {reference.seconds:.1f} s and leaves "
            f"{len(reference.files)} files"
        )
        for line in findings.errors:
            print(f"  {line}")
        for name, number in Counter(findings.different).most_common():
            print(f"  differs in {number} runs: {name}")
        found = figures(model, reference, findings)
        print(table(found), flush=True)
        failed += [figure.what for figure in found if not figure.holds]
    if options.check and failed:
        print("bounds that do not hold: " + "; ".join(failed), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
