"""A run directory: everything a run leaves behind, in open text formats.

Files and who writes when::

    config.yaml            at the start       resolved configuration
    questions.json         at the start       ids per split, content hash of the question set
    strategies.jsonl       append-only        every strategy ever made, alive or not
    matches.jsonl          append-only        every debate: who, question, seats, verdict, tokens
    transcripts/NNNN.jsonl.gz                 what was said in generation NNNN, by match id
    archive.json           each generation    the living strategies, best first
    generations/NNNN.json  each generation    the commit mark: results, and all that resuming needs
    summary.json           at the end         the outcome
    journal.sqlite         as it happens      every reply of a model, found by its request
    telemetry.jsonl, events.log               what depends on the machine and the clock

A generation counts once its file is in ``generations/``. Whatever lies beyond the offsets recorded
there belongs to a generation that never finished, and resuming cuts it off. All files except the
last two are byte-identical for the same configuration, seed and replies, interrupted or not; the
journal repeats the replies of an engine that does not repeat itself to the last bit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from debate_env.core.transcript import Speech
from debate_env.errors import InputError
from debateqd.agents.models.base import StoppedError
from debateqd.qd.archive.grid import Archive
from debateqd.qd.archive.registry import archive_from_dict
from debateqd.qd.config.loading import dump_config, parse_config
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.matches import Match, transcript_line
from debateqd.qd.debates.questions import QuestionSplits
from debateqd.qd.store.storage import (
    AppendLog,
    gzip_lines,
    json_text,
    read_gzip_lines,
    read_json,
    read_lines,
    sync_folder,
    write_atomic,
)
from debateqd.qd.strategy import Strategy
from debateqd.qd.tracking.events import GenerationStats

VERSION = 1
LOGS = ("strategies.jsonl", "matches.jsonl")
_SPLITS = TypeAdapter(QuestionSplits)


_COLUMNS = ("id", "family", "text", "parents", "generation", "operator")
"""Keys of a line of ``strategies.jsonl`` in the order of the fields of a strategy."""


def strategy_line(strategy: Strategy) -> dict[str, Any]:
    """Return a line of ``strategies.jsonl`` as plain data."""
    return {"v": VERSION, **dict(zip(_COLUMNS, astuple(strategy), strict=True))}


class RunDirectory:
    """Reads a run directory; :class:`RunWriter` writes one.

    Raises:
        InputError: It is no run directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not (path / "config.yaml").is_file():
            what = "has no config.yaml" if path.is_dir() else "does not exist"
            raise InputError(f"{path}: is not a run directory: it {what}")
        self.config: RunConfig = parse_config(path / "config.yaml")

    @classmethod
    def open(cls, path: Path | str) -> RunDirectory:
        """Open a run directory for reading."""
        return cls(Path(path))

    def questions(self) -> QuestionSplits:
        """Read ``questions.json``."""
        path = self.path / "questions.json"
        data = _versioned(path)
        try:
            return _SPLITS.validate_python(data)
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"]))
            raise InputError(f"{path}: '{where}' is missing or of the wrong kind") from None

    def strategies(self) -> dict[str, Strategy]:
        """Read all strategies ever made, by id, in order of creation."""
        path = self.path / "strategies.jsonl"
        found: dict[str, Strategy] = {}
        for number, line in read_lines(path):
            try:
                fields = {name: line[name] for name in _COLUMNS}
                fields["parents"] = tuple(fields["parents"])
                found[line["id"]] = Strategy(*fields.values())
            except (KeyError, TypeError) as error:
                raise InputError(f"{path}, line {number}: field {error} is missing") from None
        return found

    def matches(self) -> list[Match]:
        """Read the match log."""
        return list(read_log(self.path / LOGS[1]))

    def generations(self) -> list[int]:
        """Return the numbers of the committed generations."""
        return sorted(
            int(p.stem) for p in (self.path / "generations").glob("*.json") if p.stem.isdigit()
        )

    def generation(self, number: int) -> dict[str, Any]:
        """Read a committed generation."""
        return _versioned(self.path / "generations" / f"{number:04d}.json")

    def stats(self, number: int) -> GenerationStats:
        """Read the results of a committed generation."""
        return GenerationStats.from_json(self.generation(number)["stats"])

    def progress(self) -> list[dict[str, Any]]:
        """Return reported and corrected progress of every generation that measured either.

        Returns:
            ``generation``, and ``reported`` and ``corrected``: estimates as JSON-able data, in Elo
            points over the seeds, or ``None``.
        """
        rows = []
        for number in self.generations():
            stats = self.generation(number)["stats"]
            found = {k: stats.get(f"{k}_progress") for k in ("reported", "corrected")}
            if any(found.values()):
                rows.append({"generation": number, **found})
        return rows

    def archive(self) -> dict[str, Any]:
        """Read ``archive.json``."""
        return _versioned(self.path / "archive.json")

    def living(self) -> Archive:
        """Read the archive of the last committed generation.

        Raises:
            InputError: It is damaged, or none of the built-in ones.
        """
        path = self.path / "archive.json"
        try:
            return archive_from_dict(self.archive()["archive"])
        except KeyError as error:
            raise InputError(
                f"{path}: field {error} is missing; the file was changed or damaged: restore it"
            ) from None

    def summary(self) -> dict[str, Any] | None:
        """Read ``summary.json``; ``None`` for a run that has not finished."""
        path = self.path / "summary.json"
        return _versioned(path) if path.exists() else None

    def transcript(self, match: Match) -> tuple[Speech, ...]:
        """Read what was said in a match."""
        path = transcript_path(self.path, match.generation)
        for line in read_gzip_lines(path):
            if line["match"] == match.match_id:
                return tuple(Speech(*speech) for speech in line["speeches"])
        raise InputError(f"{path}: holds no match {match.match_id}")


def _versioned(path: Path) -> dict[str, Any]:
    data = read_json(path)
    if data.get("version") != VERSION:
        raise InputError(
            f"{path}: has version {data.get('version')!r}; this program reads version {VERSION}"
        )
    return data


def read_log(path: Path) -> Iterator[Match]:
    """Read a log of matches: a run's own, or one of its evaluation.

    Raises:
        InputError: The file is missing, or a line is damaged or no match.
    """
    for number, line in read_lines(path):
        try:
            yield Match.from_json(line)
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from None


def transcript_path(run_dir: Path, generation: int) -> Path:
    """Where the transcripts of a generation's matches lie."""
    return run_dir / "transcripts" / f"{generation:04d}.jsonl.gz"


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
            record = {"version": VERSION, **_SPLITS.dump_python(questions, mode="json")}
            write_atomic(path / "questions.json", json_text(record))
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
            InputError: A log is shorter than what was committed, another process writes it, or it
                cannot be written.
        """
        last, offsets = _last_commit(RunDirectory(path))
        writer = None
        try:
            writer = cls(path)
            _cut(path, last, offsets)
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
        beside version and offsets.
        """
        with self._writing():
            write_atomic(transcript_path(self.path, generation), gzip_lines(self._said))
            self._said = []
            offsets = {LOGS[0]: self._strategies.commit(), LOGS[1]: self._matches.commit()}
            sync_folder(self.path)
            mark = {"version": VERSION, "generation": generation, "offsets": offsets, **state}
            write_atomic(self.path / "generations" / f"{generation:04d}.json", json_text(mark))
            write_atomic(self.path / "archive.json", json_text({"version": VERSION, **archive}))

    def roll_back(self) -> int | None:
        """Cut off what the open generation has left; return the last committed one's number."""
        with self._writing():
            self._strategies.flush()
            self._matches.flush()
            self._said = []
            last, offsets = _last_commit(RunDirectory(self.path))
            _cut(self.path, last, offsets)
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


def _last_commit(run: RunDirectory) -> tuple[int | None, Mapping[str, Any]]:
    """Return the last committed generation, if there is one, and what it covers of the logs."""
    committed = run.generations()
    if committed != list(range(len(committed))):
        raise InputError(f"{run.path}/generations: a generation is missing among {committed}")
    if not committed:
        return None, {}
    return committed[-1], run.generation(committed[-1])["offsets"]


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


def _cut(path: Path, last: int | None, offsets: Mapping[str, Any]) -> None:
    """Remove whatever is not covered by the last committed generation."""
    for name in LOGS:
        _truncate(path / name, int(offsets.get(name, 0)))
    for file in (path / "transcripts").glob("*.jsonl.gz"):
        if last is None or int(file.name.split(".")[0]) > last:
            file.unlink()
    if last is None:
        (path / "archive.json").unlink(missing_ok=True)
    (path / "summary.json").unlink(missing_ok=True)
    for file in path.rglob(".*.tmp"):
        file.unlink()


def _truncate(path: Path, length: int) -> None:
    size = path.stat().st_size
    if size < length:
        raise InputError(
            f"{path}: is {size} bytes long, but {length} were committed; it was changed or damaged "
            "and the run cannot be continued"
        )
    os.truncate(path, length)


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


def default_run_dir(name: str) -> Path:
    """Where a run goes unless told otherwise."""
    return Path("runs") / name
