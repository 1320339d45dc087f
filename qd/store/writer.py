"""Writes a run directory, and continues one; :mod:`debateqd.qd.store.directory` lists its files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from debate_env.core.transcript import Speech
from debate_env.errors import InputError
from debateqd.agents.models.base import StoppedError
from debateqd.qd.config.loading import dump_config
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.matches import Match, transcript_line
from debateqd.qd.debates.questions import QuestionSplits
from debateqd.qd.store.directory import (
    LOGS,
    VERSION,
    RunDirectory,
    questions_json,
    strategy_line,
    transcript_path,
)
from debateqd.qd.store.logs import AppendLog, Committed, foreign_line, is_converted
from debateqd.qd.store.storage import RESTORE, gzip_lines, json_text, sync_folder, write_atomic
from debateqd.qd.strategy import Strategy


class RunWriter:
    """Writes a run directory; one process at a time.

    Use :meth:`create` or :meth:`resume`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._strategies = AppendLog(path / LOGS[0])
        try:
            self._lock = _lock(path)
        except InputError:
            self._strategies.close()
            raise
        self._matches = AppendLog(path / LOGS[1])
        self._said: list[dict[str, Any]] = []

    @classmethod
    def create(cls, path: Path, config: RunConfig, questions: QuestionSplits) -> RunWriter:
        """Make a run directory.

        Raises:
            InputError: There is something at ``path`` already, or it cannot be made.
        """
        try:
            if path.exists() and not _is_free(path):
                raise InputError(
                    f"{path} exists already; continue it with --resume {path}, or choose another "
                    "--name or --run-dir"
                )
            for folder in ("transcripts", "generations"):
                (path / folder).mkdir(parents=True, exist_ok=True)
            # The configuration comes last: it is what makes a folder a run directory.
            write_atomic(path / "questions.json", json_text(questions_json(questions)))
            write_atomic(path / "config.yaml", dump_config(config))
            return cls(path)
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from None

    @classmethod
    def resume(cls, path: Path) -> tuple[RunWriter, int | None]:
        """Continue a run: cut off whatever its last committed generation does not cover.

        Returns:
            The writer, and the number of the last committed generation, if there is one.

        Raises:
            InputError: A log does not begin as it was committed, or has lines of others after
                that; nothing is changed then. Or another process writes it, or it cannot be
                written.
        """
        if RunDirectory(path).generations():
            for name in LOGS:  # opening one would make it
                if not (path / name).is_file():
                    raise InputError(f"{path / name}: is missing; {RESTORE}")
        writer = None
        try:
            writer = cls(path)
            last = writer._cut()
        except (OSError, InputError) as error:
            if writer is not None:
                writer.close()
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path}: cannot be written: {error.strerror}") from None
        return writer, last

    def rewrite_config(self, config: RunConfig) -> None:
        """Replace ``config.yaml``: the judge was tried, or a run is continued for longer."""
        write_atomic(self.path / "config.yaml", dump_config(config))

    def add_strategies(self, strategies: Sequence[Strategy]) -> None:
        """Record new strategies."""
        with self._writing():
            for strategy in strategies:
                self._strategies.append(strategy_line(strategy))
            self._strategies.flush()

    def add_match(self, match: Match, speeches: tuple[Speech, ...]) -> None:
        """Record a debate; its transcript is written with the generation."""
        with self._writing():
            self._matches.append(match.to_json())
        self._said.append(transcript_line(match, speeches))

    def commit(self, generation: int, state: Mapping[str, Any], archive: Mapping[str, Any]) -> None:
        """Make a generation count; everything before it is durable first.

        ``state`` and ``archive`` are what ``generations/NNNN.json`` and ``archive.json`` hold
        beside version and logs.
        """
        with self._writing():
            write_atomic(transcript_path(self.path, generation), gzip_lines(self._said))
            self._said = []
            logs = {
                log.path.name: asdict(log.commit()) for log in (self._strategies, self._matches)
            }
            sync_folder(self.path)
            mark = {"version": VERSION, "generation": generation, "logs": logs, **state}
            write_atomic(self.path / "generations" / f"{generation:04d}.json", json_text(mark))
            write_atomic(self.path / "archive.json", json_text({"version": VERSION, **archive}))

    def roll_back(self) -> int | None:
        """Cut off what the open generation has left; return the last committed one's number."""
        with self._writing():
            self._strategies.flush()
            self._matches.flush()
            self._said = []
            return self._cut()

    def _cut(self) -> int | None:
        """Remove whatever is not covered by the last committed generation, and return that.

        All is checked before anything is removed.
        """
        commits = _commits(run := RunDirectory(self.path))
        logs = (self._strategies, self._matches)
        sizes = [_checked(run, log.path, [c[log.path.name] for c in commits]) for log in logs]
        for log, size in zip(logs, sizes, strict=True):
            log.cut(size)
        last = len(commits) - 1 if commits else None
        for file in (self.path / "transcripts").glob("*.jsonl.gz"):
            if last is None or int(file.name.split(".")[0]) > last:
                file.unlink()
        if last is None:
            (self.path / "archive.json").unlink(missing_ok=True)
        (self.path / "summary.json").unlink(missing_ok=True)
        for file in self.path.rglob(".*.tmp"):
            file.unlink()
        return last

    def finish(self, summary: Mapping[str, Any], archive: Mapping[str, Any]) -> None:
        """Write the outcome, and the archive again: a kill may have come right before it."""
        with self._writing():
            write_atomic(self.path / "archive.json", json_text({"version": VERSION, **archive}))
            write_atomic(self.path / "summary.json", json_text({"version": VERSION, **summary}))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn a file that cannot be written into one line; committed generations are safe."""
        try:
            yield
        except OSError as error:
            raise StoppedError(
                f"{error.filename or self.path}: cannot be written: {error.strerror}; every "
                "committed generation is safe: make room"
            ) from None

    def close(self) -> None:
        """Close the logs and let others write.

        What a full disk did not take belongs to a generation that is played again.
        """
        for log in (self._strategies, self._matches):
            with suppress(OSError):
                log.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _commits(run: RunDirectory) -> list[dict[str, Committed]]:
    """Return what each committed generation covers of the logs."""
    committed = run.generations()
    if committed != list(range(len(committed))):
        raise InputError(
            f"{run.path}/generations: a generation is missing among {committed}; restore its file, "
            "or delete those of all later ones, which --resume then plays again"
        )
    return [run.committed_logs(number) for number in committed]


def _checked(run: RunDirectory, path: Path, marks: Sequence[Committed]) -> int:
    """Return the committed size of a log, which ``marks`` of each generation tell.

    Raises:
        InputError: It is not what the last generation left, and an open one went on with.
    """
    content, mark = path.read_bytes(), (marks or [Committed()])[-1]
    if mark.begins(content):
        if number := foreign_line(content, mark, len(marks) - 1):
            raise InputError(
                f"{path}, line {number}: is not of this run's open generation; take it out"
            )
        return mark.size
    if is_converted(content, mark):
        raise InputError(
            f"{path}: its line ends or its encoding were changed since it was committed; save it "
            "as UTF-8 without a byte-order mark, and with lines that end in LF, not CRLF"
        )
    first = [mark.begins(content) for mark in marks].index(False)
    raise InputError(
        f"{path}: was changed since generation {first} was committed ({mark.size} bytes then, "
        f"{len(content)} bytes now); {run.repeat(first)}"
    )


def _is_free(path: Path) -> bool:
    """Whether a run may begin in a folder: it holds nothing but what a kill left at the start."""
    if not path.is_dir():
        return False
    begun = {"transcripts", "generations", "questions.json"}
    begun |= {f".{name}.tmp" for name in ("questions.json", "config.yaml")}
    return all(
        entry.name in begun and not (entry.is_dir() and any(entry.iterdir()))
        for entry in path.iterdir()
    )


def _lock(path: Path) -> int | None:
    """Lock a directory against a second writer; the system unlocks it when the process ends.

    The lock is on a log that is never replaced.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on this system: the user is trusted not to run it twice
        return None
    handle = os.open(path / LOGS[0], os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise InputError(
            f"{path}: another process is writing this run; wait for it to end"
        ) from None
    except OSError:  # a file system without locks
        os.close(handle)
        return None
    return handle
