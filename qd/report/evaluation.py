"""Evaluations as text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

SIMULATION = (
    "Simulation: the embedded model played these debates. They show that the method works; they "
    "say nothing about language models."
)


def percent(estimate: Mapping[str, Any] | None, *, signed: bool = False) -> str:
    """Show an estimate of a share as ``71.2 % [63.0, 79.1]``, or ``-`` when there is none."""
    if estimate is None or estimate["value"] is None:
        return "-"

    def number(value: float | None, missing: str) -> str:
        if value is None or not math.isfinite(value):
            return missing
        return f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}"

    low, high = number(estimate["low"], "-inf"), number(estimate["high"], "inf")
    return f"{number(estimate['value'], '-')} % [{low}, {high}]"


ROWS: tuple[tuple[str, str, bool], ...] = (
    ("judge accuracy, elites", "accuracy", False),
    ("judge accuracy, seeds", "seed_accuracy", False),
    ("elites minus seeds", "accuracy_gain", True),
    ("win rate against the seeds", "win_rate", False),
    ("judge alone, no debate", "no_debate", False),
    ("judge alone, reading the passage", "reading", False),
    ("position bias", "position_bias", True),
    ("debates without usable verdict", "unusable", False),
)


def _measures(columns: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(title="95 % intervals, passages as clusters", title_justify="left")
    table.add_column("measure")
    for name, split in columns.items():
        head = f"{name}\n{split['questions']} questions, {split['passages']} passages"
        table.add_column(head, justify="right")
    for label, key, signed in ROWS:
        cells = [percent(split[key], signed=signed) for split in columns.values()]
        table.add_row(label, *cells)
    return table


def run_report(report: Mapping[str, Any], top: int = 5) -> RenderableType:
    """Lay out the evaluation of one run.

    Args:
        report: What ``evaluation/report.json`` holds.
        top: Number of strategies shown with their text.
    """
    parts: list[RenderableType] = []
    if report["simulation"]:
        parts.append(Text(SIMULATION, style="yellow"))
    head = f"{report['run']}: objective {report['objective']}, {len(report['elites'])} elites"
    parts += [Text(head, style="bold"), _measures(report["splits"])]
    if report["gap"] is not None:
        parts += [
            Text(f"{label:<42} {percent(report[key], signed=True)}")
            for label, key in (
                ("generalisation gap, train minus test:", "gap"),
                ("  of the seeds, who learned nothing:", "seed_gap"),
                ("  elites' minus seeds', paired:", "gap_over_seeds"),
            )
        ]
    split = report["strategies_split"]
    for row in report["strategies"][:top]:
        title = (
            f"{row['id']}  {row['family']}  won {percent(row['win_rate'])}, "
            f"judge right {percent(row['accuracy'])} ({split})"
        )
        parts.append(Panel(Text(row["text"]), title=Text(title), title_align="left"))
    return Group(*parts)


def comparison_report(comparison: Mapping[str, Any]) -> RenderableType:
    """Lay out the comparison of two runs on the same questions.

    Args:
        comparison: What ``evaluate.py RUN_A RUN_B --json`` prints.
    """
    parts: list[RenderableType] = []
    first, second = comparison["runs"]
    if comparison["simulation"]:
        parts.append(Text(SIMULATION, style="yellow"))
    for run, mark in ((first, "A"), (second, "B")):
        parts.append(Text(f"{mark}: {run['run']}, objective {run['objective']}", style="bold"))
    parts += [Text(warning, style="red") for warning in comparison["warnings"]]
    for split in comparison["splits"]:
        columns = {
            f"{mark}, {split}": run["splits"][split] for run, mark in ((first, "A"), (second, "B"))
        }
        parts.append(_measures(columns))
    table = Table(title="A minus B, paired by question", title_justify="left")
    table.add_column("measure")
    table.add_column("difference", justify="right")
    for split, estimate in comparison["accuracy_difference"].items():
        table.add_row(f"judge accuracy, {split}", percent(estimate, signed=True))
    if comparison["gap_difference"] is not None:
        shown = percent(comparison["gap_difference"], signed=True)
        table.add_row("generalisation gap", shown)
    parts.append(table)
    for split, estimate in comparison["duel"].items():
        parts.append(Text(f"A's elites win against B's ({split}): {percent(estimate)}"))
    return Group(*parts)


def print_report(renderable: RenderableType) -> None:
    """Print to standard output, as wide as the terminal or 110 columns."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=110)
    console.print(renderable)
