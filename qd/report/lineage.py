"""A strategy's history as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from debateqd.qd.debates.counting import troubles_line
from debateqd.qd.report.evaluation import SIMULATION
from debateqd.qd.report.layout import FittedTable
from debateqd.qd.report.visible import visible
from debateqd.qd.statistics import FEW
from debateqd.qd.store.history import (
    Ancestor,
    Record,
    Standing,
    StrategyFate,
    StrategyHistory,
    Tally,
)
from debateqd.qd.store.word_diff import Stretch, share_kept
from debateqd.qd.strategy import Strategy

_COLOURS = {"kept": "", "removed": "strike red", "added": "bold green"}
_MARKS = {"kept": ("", ""), "removed": ("[-", "-]"), "added": ("{+", "+}")}

_ROWS = (
    ("all", "overall"),
    ("  defending the correct answer", "correct"),
    ("  defending the wrong answer", "wrong"),
    ("  with no correct answer on stage", "neither"),
    ("  presented first", "first"),
    ("  presented second", "second"),
    ("against itself: judge right", "self_play"),
)

_RECORD = (
    "Record: won-lost-tied, and the share won with a 95 % interval (passages as clusters; *: fewer "
    f"than {FEW})"
)

_INDENT = (0, 0, 0, 2)

MOST_DESCENDANTS = 40
"""More are counted, not listed."""


def diff_text(stretches: Iterable[Stretch], *, coloured: bool) -> Text:
    """Show a word diff: red and green, else ``[-removed-]`` and ``{+added+}``."""
    text = Text()
    for stretch in stretches:
        shown = visible(stretch.text)
        if coloured:
            text.append(shown, style=_COLOURS[stretch.change])
            continue
        words = shown.rstrip()
        before, after = _MARKS[stretch.change] if words else ("", "")
        text.append(before + words + after + shown[len(words) :])
    return text


def _record_table(records: Mapping[str, Record]) -> FittedTable:
    table = Table("debates", box=None, pad_edge=False)
    for phase in records:
        table.add_column(phase)
    for label, name in _ROWS:
        tallies: list[Tally | None] = [getattr(found, name) for found in records.values()]
        if any(tallies):
            table.add_row(label, *map(_cell, tallies))
    if any(found.unusable for found in records.values()):
        table.add_row("no usable verdict", *(str(found.unusable) for found in records.values()))
    return FittedTable(table)


def _troubles(strategy_id: str, records: Mapping[str, Record]) -> list[RenderableType]:
    found = ((phase, {strategy_id: r.troubles}) for phase, r in records.items() if r.troubles)
    return [Text(visible(f"{phase}, {troubles_line(counts)}")) for phase, counts in found]


def _cell(tally: Tally | None) -> str:
    if tally is None:
        return "-"
    rate = tally.rate
    shown = f"{100 * rate.value:.0f} % [{100 * rate.low:.0f}, {100 * rate.high:.0f}]"
    star = "*" * (rate.clusters < FEW)
    return f"{tally.won}-{tally.lost}-{tally.tied}  {shown}{star}"


def _origin(strategy: Strategy) -> str:
    if not strategy.parents:
        return f"seed, {strategy.family}"
    made = f"{strategy.operator} of {' and '.join(strategy.parents)}"
    return f"generation {strategy.generation}, {made}, {strategy.family}"


def _step(step: Ancestor, history: StrategyHistory, *, coloured: bool) -> list[RenderableType]:
    strategy = step.strategy
    alive = ", alive" if strategy.strategy_id in history.living else ""
    head = Text(visible(f"{strategy.strategy_id}: {_origin(strategy)}{alive}"), style="bold")
    parts: list[RenderableType] = [Text(), head]
    if not step.changes:
        parts.append(Padding(Text(visible(strategy.text)), _INDENT, expand=False))
    for parent, stretches in step.changes.items():
        kept = f"{100 * share_kept(stretches):.0f} % of the words of {parent} kept:"
        parts.append(Padding(Text(visible(kept), style="dim"), _INDENT, expand=False))
        parts.append(Padding(diff_text(stretches, coloured=coloured), _INDENT, expand=False))
    return parts


def _fate(fate: StrategyFate) -> str:
    if fate.role == "unknown":
        return "no generation has been committed yet, so there is no archive"
    if fate.role != "dead":
        return f"alive: {fate.role} of {fate.cell}, after generation {fate.generation}"
    when = "" if fate.generation is None else f" since generation {fate.generation}"
    where = f", in {fate.cell}" if fate.cell else ""
    return f"dead{when}{where}: {fate.reason or 'no reason was given'}"


def _standing(standing: Standing | None) -> str:
    if standing is None:
        return "no rating: it has no debate that is rated"
    value = f"rating {standing.value:.0f}"
    if standing.low is None or standing.high is None:
        value += " (no interval known)"
    else:
        value += f" [{standing.low:.0f}, {standing.high:.0f}]"
    against = " relative to the seeds' mean" if standing.view == "bradley_terry" else ""
    return (
        f"{value}, {standing.view}{against}, from {standing.games} debates up to generation "
        f"{standing.generation}"
    )


def lineage_report(history: StrategyHistory, *, coloured: bool) -> RenderableType:
    """Lay out a strategy's history."""
    strategy = history.strategy
    parts: list[RenderableType] = []
    if history.simulation:
        parts.append(Text(SIMULATION, style="yellow"))
    title = f"{strategy.strategy_id} of {history.run}: {_origin(strategy)}"
    parts += [Text(visible(title), style="bold"), Text(visible(_fate(history.fate)))]
    parts.append(Text(visible(_standing(history.standing))))
    count = len(history.steps)
    parts += [Text(), Text(f"Ancestry, {count} {'strategy' if count == 1 else 'strategies'}:")]
    for step in history.steps:
        parts += _step(step, history, coloured=coloured)
    parts.append(Text())
    if history.records:
        parts += [Text(_RECORD), _record_table(history.records)]
        parts += _troubles(strategy.strategy_id, history.records)
        parts.append(Text())
    living = sum(d.strategy.strategy_id in history.living for d in history.descendants)
    count = len(history.descendants)
    parts.append(Text(f"Descendants: {f'{count}, {living} of them alive' if count else 'none'}"))
    for found in history.descendants[:MOST_DESCENDANTS]:
        alive = ", alive" if found.strategy.strategy_id in history.living else ""
        line = f"{'  ' * found.depth}{found.strategy.strategy_id}: {_origin(found.strategy)}{alive}"
        parts.append(Text(visible(line)))
    if count > MOST_DESCENDANTS:
        parts.append(Text(f"  and {count - MOST_DESCENDANTS} more; --json lists them all"))
    return Group(*parts)


def print_lineage(history: StrategyHistory, console: Console | None = None) -> None:
    """Print a history, in colour where the terminal has any."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console = Console(file=console.file, width=110, highlight=False)
    coloured = console.is_terminal and not console.no_color
    console.print(lineage_report(history, coloured=coloured))
