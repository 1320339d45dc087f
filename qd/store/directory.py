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

A generation counts once its file is in ``generations/``, which says what the logs began with then.
Whatever lies beyond that belongs to a generation that never finished, and resuming cuts it off; a
log that begins otherwise was changed, and is left alone. All files except the last two are
byte-identical for the same configuration, seed and replies, interrupted or not; the journal repeats
the replies of an engine that does not repeat itself to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from debate_env.core.transcript import Speech
from debate_env.errors import InputError
from debateqd.qd.archive.grid import Archive
from debateqd.qd.archive.registry import archive_from_dict
from debateqd.qd.config.loading import parse_config
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.questions import QuestionSplits
from debateqd.qd.store.logs import Committed
from debateqd.qd.store.storage import (
    RESTORE,
    read_gzip_lines,
    read_json,
    read_lines,
)
from debateqd.qd.strategy import Strategy
from debateqd.qd.tracking.events import GenerationStats

VERSION = 1
LOGS = ("strategies.jsonl", "matches.jsonl")
_SPLITS = TypeAdapter(QuestionSplits)
_MARK = TypeAdapter(Committed)


_COLUMNS = ("id", "family", "text", "parents", "generation", "operator")
"""Keys of a line of ``strategies.jsonl`` in the order of the fields of a strategy."""


def strategy_line(strategy: Strategy) -> dict[str, Any]:
    """Return a line of ``strategies.jsonl`` as plain data."""
    return {"v": VERSION, **dict(zip(_COLUMNS, astuple(strategy), strict=True))}


def questions_json(questions: QuestionSplits) -> dict[str, Any]:
    """Return what ``questions.json`` holds."""
    return {"version": VERSION, **_SPLITS.dump_python(questions, mode="json")}


class RunDirectory:
    """Reads a run directory; :class:`debateqd.qd.store.writer.RunWriter` writes one.

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
        path = self.path / "generations" / f"{number:04d}.json"
        data = _versioned(path, cure := self.repeat(number))
        if not isinstance(data.get("stats"), dict):
            raise InputError(f"{path}: 'stats' is missing or no object; {cure}")
        return data

    def stats(self, number: int) -> GenerationStats:
        """Read the results of a committed generation."""
        try:
            return GenerationStats.from_json(self.generation(number)["stats"])
        except ValidationError as error:
            where = ".".join(("stats", *map(str, error.errors()[0]["loc"])))
            path = self.path / "generations" / f"{number:04d}.json"
            raise InputError(
                f"{path}: '{where}' is missing or of the wrong kind; {self.repeat(number)}"
            ) from None

    def committed_logs(self, number: int) -> dict[str, Committed]:
        """Return what the logs began with when a generation was committed."""
        data = self.generation(number)
        try:
            return {name: _MARK.validate_python(data["logs"][name]) for name in LOGS}
        except (KeyError, TypeError, ValidationError):
            path = self.path / "generations" / f"{number:04d}.json"
            raise InputError(
                f"{path}: 'logs' is missing or of the wrong kind; {self.repeat(number)}"
            ) from None

    def repeat(self, number: int) -> str:
        """Say how to have a generation played again; the journal repeats the replies."""
        later = " and all later ones" if number < max(self.generations(), default=0) else ""
        return (
            f"restore the file, or delete generations/{number:04d}.json{later}: "
            f"--resume {self.path} then plays again from there"
        )

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
        return _versioned(self.path / "archive.json", self._rewrite())

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
        return _versioned(path, self._rewrite()) if path.exists() else None

    def _rewrite(self) -> str:
        return f"delete the file: --resume {self.path} writes it again"

    def transcript(self, match: Match) -> tuple[Speech, ...]:
        """Read what was said in a match."""
        path = transcript_path(self.path, match.generation)
        for line in read_gzip_lines(path, self.repeat(match.generation)):
            if line["match"] == match.match_id:
                return tuple(Speech(*speech) for speech in line["speeches"])
        raise InputError(f"{path}: holds no match {match.match_id}")


def _versioned(path: Path, cure: str = RESTORE) -> dict[str, Any]:
    data = read_json(path, cure)
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


def default_run_dir(name: str) -> Path:
    """Where a run goes unless told otherwise."""
    return Path("runs") / name
