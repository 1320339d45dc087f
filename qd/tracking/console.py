"""What a training run shows: a live bar on a terminal, a line per generation anywhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from debateqd.qd.debates.counting import troubles_line
from debateqd.qd.report.layout import FittedTable, wrapped
from debateqd.qd.statistics import FEW, Estimate
from debateqd.qd.tracking.events import (
    SIMULATION_NOTICE,
    GenerationFinished,
    Listener,
    Progress,
    RunFinished,
    RunStarted,
)

PHASES = {
    "mutation": "writing children",
    "train": "tournament",
    "labelling": "labelling speeches",
    "selection": "choosing",
    "report": "measuring the gain",
}
_EXCERPT = 150
SELDOM = 60.0
"""Seconds between two lines that only say how far the work is."""
MUCH_MISSING = 0.5
"""From this mean missing mass on, a judge's probabilities deserve a word of warning."""


def percentage(value: float | None) -> str:
    """A share as a percentage, or a dash."""
    return "-" if value is None else f"{100 * value:.0f} %"


def signed(estimate: Estimate) -> str:
    """A gain in points with its interval, e.g. ``+7.4 [+2.7, +11.1]``; few passages are named."""
    few = f" (passages: {estimate.clusters})" * (estimate.clusters < FEW)
    if estimate.clusters < 2:
        return f"{100 * estimate.value:+.1f}{few}"
    return (
        f"{100 * estimate.value:+.1f} [{100 * estimate.low:+.1f}, {100 * estimate.high:+.1f}]{few}"
    )


def generation_line(event: GenerationFinished) -> str:
    """Sum up a generation in a line."""
    stats = event.stats
    width = len(str(event.generations))
    parts = [
        f"gen {stats.generation:>{width}}/{event.generations}",
        f"accepted {stats.accepted:>2}/{stats.children:<2}",
        f"rating of the picked: best {stats.best_rating:.0f} mean {stats.mean_rating:.0f}",
        f"judge right {percentage(stats.judge_accuracy)}",
    ]
    parts += [f"{name} {signed(estimate)}" for name, estimate in stats.gain.items()]
    if stats.refused:
        parts.append("refused " + ", ".join(f"{n} {kind}" for kind, n in stats.refused.items()))
    if stats.unusable:
        parts.append(f"unusable {sum(stats.unusable.values())}/{stats.debates}")
    if stats.troubles:
        parts.append(troubles_line(stats.troubles))
    if stats.outside:
        parts.append("out of range " + ", ".join(f"{a} {n}" for a, n in stats.outside.items()))
    if stats.labels:
        agreement = stats.labels["agreement"]
        parts.append(f"labels agree {percentage(agreement and agreement['value'])}")
        if stats.labels["unreadable"]:
            parts.append(f"unreadable {stats.labels['unreadable']}/{stats.labels['votes']}")
    if stats.missing_mass is not None and stats.missing_mass > MUCH_MISSING:
        parts.append(f"judge names no answer with {percentage(stats.missing_mass)}")
    parts.append(f"{event.timing.calls_per_second:.0f} calls/s")
    if event.timing.money_so_far:
        parts.append(f"{event.timing.money_so_far:.2f} spent")
    return "  ".join(parts)


GAIN_MEANING = {
    "persuasion": "share won against the seed panel, or alone the question, above one half",
    "truth": "judge's credence in the correct answer, above that with the seeds",
    "mix": "weighted mean of both",
}


def gain_lines(summary: Mapping[str, Any]) -> list[str]:
    """Say what was gained, a line per measure."""
    lines = []
    for name, data in summary["gain"].items():
        text = signed(Estimate.from_json(data))
        lines.append(f"{name}: {text}, {GAIN_MEANING[name]}")
    return lines


def tokens_line(tokens: Mapping[str, Mapping[str, int]]) -> str:
    """Say how many tokens each role used."""
    parts = [
        f"{role} {used['prompt']:,} in, {used['completion']:,} out"
        + (f" ({used['thinking']:,} thinking)" if used["thinking"] else "")
        for role, used in tokens.items()
    ]
    return "tokens: " + "; ".join(parts)


class _Warnings(logging.Handler):
    """Hands on what is warned of at work: a server in trouble, a listener that fails."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say
        names = ("debateqd.agents", "debateqd.qd.tracking.telling")
        self._loggers = [logging.getLogger(name) for name in names]
        for logger in self._loggers:
            logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        self._say(record.getMessage())

    def close(self) -> None:
        """Hear no more."""
        for logger in self._loggers:
            logger.removeHandler(self)
        super().close()


class SlowLine:
    """Says now and then how far work is that shows no bar, such as in a file for minutes.

    ``clock`` returns seconds.
    """

    def __init__(
        self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._clock = clock
        self._last = clock()

    def tell(self, what: str, done: int, total: int) -> None:
        """Say it unless something was said less than :data:`SELDOM` seconds ago."""
        if self._clock() - self._last >= SELDOM:
            self.rest()
            self._say(f"{what}: {done} of {total}")

    def rest(self) -> None:
        """Note that something else was said."""
        self._last = self._clock()


class ConsoleProgress(Listener):
    """Shows a run on a console; ``evaluate`` is the command that evaluates one."""

    def __init__(
        self,
        console: Console,
        evaluate: str = "python evaluate.py",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._slow = SlowLine(self._say, clock)
        self._evaluate = evaluate
        self._bars: Bars | None = None
        self._warnings: _Warnings | None = None
        self._task: Any = None
        self._phase: tuple[int, str] = (-1, "")

    def run_started(self, event: RunStarted) -> None:
        """Say what begins."""
        self._warnings = _Warnings(self._say)
        sizes = ", ".join(f"{n} {name}" for name, n in event.questions.items())
        what = "Evolving strategies" if not event.first_generation else "Continuing"
        self._say(f"{what} for {event.objective}: {event.name}, questions: {sizes}")
        if event.simulation:
            self._say(SIMULATION_NOTICE)
        for note in event.notes:
            self._say(note)
        if self._console.is_terminal:
            self._bars = Bars(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._task = self._bars.add_task("starting", total=None)
            self._bars.start()

    def progressed(self, event: Progress) -> None:
        """Move the bar."""
        what = f"gen {event.generation} {PHASES.get(event.phase, event.phase)}"
        if self._bars is None:
            self._slow.tell(what, event.done, event.total)
            return
        if (event.generation, event.phase) != self._phase:
            self._phase = (event.generation, event.phase)
            self._bars.reset(self._task, description=what)
        self._bars.update(self._task, completed=event.done, total=event.total)

    def generation_finished(self, event: GenerationFinished) -> None:
        """Print the generation's line, and what is wrong."""
        self._say(generation_line(event))
        for warning in event.stats.warnings.values():
            self._say(f"Warning: {warning}")

    def run_finished(self, event: RunFinished) -> None:
        """Take the bar away; print what was learned."""
        if self._bars is not None:
            self._bars.stop()
        if self._warnings is not None:
            self._warnings.close()
        if event.summary:
            self._learned(event)
        for line in event.failures:
            self._say(f"Warning: {line}")

    def _learned(self, event: RunFinished) -> None:
        summary = event.summary
        title = "Best strategy of each family"
        if not summary["complete"]:
            title += f" after generation {summary['generations']}"
        table = Table(title=title, title_justify="left", box=None)
        for name in ("family", "id", "made in", "rating", "strategy"):
            table.add_column(name)
        for row in summary["top"]:
            born = f"gen {row['generation']}" if row["generation"] else "seed"
            text = row["text"]
            excerpt = text if len(text) <= _EXCERPT else text[: _EXCERPT - 1].rstrip() + "…"
            cells = (row["family"], row["id"], born, f"{row['rating']:.0f}", excerpt)
            table.add_row(*map(escape, cells))
        self._console.print()
        self._console.print(FittedTable(table))
        self._say("Ratings of those whom ratings picked are not safe from selection.")
        self._console.print()
        if summary["gain"]:
            self._say("Gain over the seeds on questions that no choice has seen (points, 95 %):")
        for line in gain_lines(summary):
            self._say("  " + line)
        totals = summary["totals"]
        self._say(
            f"{totals['debates']} debates, {totals['calls']} model calls, "
            f"{totals['unusable']} unusable verdicts, {summary['strategies']} strategies made, "
            f"{summary['elites']} alive"
        )
        if summary["troubles"]:
            self._say(troubles_line(summary["troubles"]))
        if summary["childless"]:
            self._say(f"{summary['childless']} generations without children")
        self._say(tokens_line(totals["tokens"]))
        for line in summary["warnings"]:
            self._say(line)
        if summary["simulation"]:
            self._say(SIMULATION_NOTICE)
        self._say(f"Results: {event.run_dir}")
        self._say(f"Evaluate: {self._evaluate} {event.run_dir}")

    def _say(self, text: str) -> None:
        self._slow.rest()
        if self._console.is_terminal:
            text = wrapped(text, self._console.width)
        self._console.print(escape(text), highlight=False, soft_wrap=True)
