"""``events.log`` and ``telemetry.jsonl``: what happened when, and how long it took here.

Both depend on the machine and the clock, and are outside the promise of byte-identical files.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from debateqd.qd.tracking.console import generation_line
from debateqd.qd.tracking.events import GenerationFinished, Listener, RunFinished, RunStarted

LEVELS = ("debug", "info", "warning", "error")
_LOGGED = ("debateqd", "debate_env")

log = logging.getLogger(__name__)


def last_journal(run_dir: Path) -> Path | None:
    """Return the journal that a run was last given by name, if its telemetry tells of one."""
    found = last_noted(run_dir / "telemetry.jsonl", "started", "journal")
    return Path(found) if found else None


def last_noted(telemetry: Path, event: str, fact: str) -> str | None:
    """Return a fact of the last event of a kind, if there was one."""
    noted = [record for record in read_telemetry(telemetry) if record.get("event") == event]
    return noted[-1].get(fact) if noted else None


def read_telemetry(path: Path) -> list[dict[str, Any]]:
    """Read telemetry; a line torn by a kill is left out, for telemetry is outside every promise."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(record, dict):
            found.append(record)
    return found


class RunLog(Listener):
    """Keeps both files of a run.

    ``events.log`` keeps what is as severe as ``level``, one of :data:`LEVELS`. A resumed run goes
    on with the ``journal`` that the user gave by name.
    """

    def __init__(self, level: str = "info", journal: Path | None = None) -> None:
        self._journal = None if journal is None else str(journal.resolve())
        self._level = logging.getLevelName(level.upper())
        self._handler: logging.Handler | None = None
        self._before: list[tuple[logging.Logger, int]] = []
        self._telemetry: Path | None = None

    def run_started(self, event: RunStarted) -> None:
        """Begin to log."""
        self._telemetry = event.run_dir / "telemetry.jsonl"
        self._handler = logging.FileHandler(event.run_dir / "events.log", encoding="utf-8")
        self._handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
        )
        for name in _LOGGED:
            logger = logging.getLogger(name)
            self._before.append((logger, logger.level))
            logger.setLevel(self._level)
            logger.addHandler(self._handler)
        log.info("run %s starts with generation %d", event.name, event.first_generation)
        for note in event.notes:
            log.info("%s", note)
        self._note("started", first_generation=event.first_generation, journal=self._journal)

    def generation_finished(self, event: GenerationFinished) -> None:
        """Log the generation."""
        log.info("%s", generation_line(event))
        for warning in event.stats.warnings.values():
            log.warning("generation %d: %s", event.stats.generation, warning)
        timing = event.timing
        self._note(
            "generation",
            generation=event.stats.generation,
            seconds=round(timing.seconds, 3),
            calls_per_second=round(timing.calls_per_second, 1),
            delivery=timing.delivery,
            money=timing.money,
            money_so_far=timing.money_so_far,
        )

    def run_finished(self, event: RunFinished) -> None:
        """Log the end and stop logging."""
        if event.status == "finished":
            log.info("run finished")
        elif event.status == "interrupted":
            log.warning("run %s; it can be resumed", event.message)
        elif event.status == "stopped":
            log.warning("run stopped: %s; it can be resumed", event.message)
        else:
            log.error("run failed: %s", event.message)
        for line in event.failures:
            log.warning("%s", line)
        self._note("ended", status=event.status, message=event.message)
        if self._handler is not None:
            for logger, before in self._before:
                logger.removeHandler(self._handler)
                logger.setLevel(before)
            self._handler.close()
            self._handler = None
            self._before = []

    def _note(self, event: str, **facts: Any) -> None:
        if self._telemetry is None:
            return
        record = {"event": event, "time": datetime.now(UTC).isoformat(), **facts}
        torn = self._telemetry.exists() and not self._telemetry.read_bytes().endswith(b"\n")
        with self._telemetry.open("a", encoding="utf-8") as file:
            file.write("\n" * torn)  # a kill may have cut the last line short
            file.write(json.dumps(record, sort_keys=True) + "\n")
