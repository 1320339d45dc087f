"""Evaluations as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from debateqd.qd.debates.counting import troubles_line
from debateqd.qd.report.layout import FittedTable
from debateqd.qd.report.measures import (
    archive_table,
    diversity_table,
    few_note,
    gaps_table,
    interval,
    length_lines,
    payoff_lines,
    percent,
    position_table,
    progress_table,
    table,
)
from debateqd.qd.report.visible import visible

WIDTH = 110
"""Columns of a report where there is no terminal."""

SIMULATION = (
    "Simulation: the embedded model played these debates. They show that the method works; they "
    "say nothing about language models."
)


ROWS: tuple[tuple[str, str, bool], ...] = (
    ("judge accuracy, elites", "accuracy", False),
    ("judge accuracy, seeds", "seed_accuracy", False),
    ("elites minus seeds", "accuracy_gain", True),
    ("credence in the correct answer, elites", "truth", False),
    ("credence in the correct answer, seeds", "seed_truth", False),
    ("win rate against the {}", "win_rate", False),
    ("share of credence won against the {}", "share_won", False),
    ("judge alone, no debate", "no_debate", False),
    ("judge alone, reading the passage", "reading", False),
    ("position bias", "position_bias", True),
    ("debates without usable verdict", "unusable", False),
)


def _measures(report: Mapping[str, Any]) -> FittedTable:
    splits = report["splits"]
    heads = (
        f"{name}\n{split['questions']} questions, {split['passages']} passages"
        for name, split in splits.items()
    )
    return table(
        "95 % intervals, passages as clusters",
        ("measure", *heads),
        (
            [
                label.format(report["against"]),
                *(percent(split[key], signed=signed) for split in splits.values()),
            ]
            for label, key, signed in ROWS
        ),
    )


def _simulation(report: Mapping[str, Any]) -> list[RenderableType]:
    return [Text(SIMULATION, style="yellow")] if report["simulation"] else []


def run_report(report: Mapping[str, Any], top: int = 5) -> RenderableType:
    """Lay out ``evaluation/report.json`` of one run, with the texts of the ``top`` strategies."""
    parts = _simulation(report)
    head = (
        f"{visible(report['run'])}: objective {report['objective']}, {len(report['elites'])} elites"
    )
    parts += [Text(head, style="bold"), _measures(report)]
    parts += gaps_table(report["gaps"], report["objective"])
    parts += archive_table(report.get("archive"))
    parts += progress_table(report.get("progress", ()))
    parts += payoff_lines(report.get("payoffs"))
    parts += diversity_table(report.get("diversity", ()))
    parts += position_table(report["position"], report["strategies_split"])
    parts += length_lines(report.get("length"))
    split = report["strategies_split"]
    for row in report["strategies"][:top]:
        title = (
            f"{visible(row['id'])}  {visible(row['family'])}  won {percent(row['win_rate'])}, "
            f"judge right {percent(row['accuracy'])} ({split})"
        )
        if row.get("troubles"):
            title += f", {troubles_line({visible(row['id']): row['troubles']})}"
        parts += [Text(title, style="bold"), Panel(Text(visible(row["text"])))]
    return Group(*parts, *few_note(report))


MEASURES: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "Judge accuracy when elites debate themselves",
        "accuracy_over_seeds": "The same minus that of the seeds on the same questions",
        "objective": "What the objective counts: share won, or truth reached",
    }
)


def comparison_report(report: Mapping[str, Any]) -> RenderableType:
    """Lay out what :func:`debateqd.qd.measures.compare.compare_runs` returned."""
    parts = _simulation(report)
    for name in dict.fromkeys(run["group"] for run in report["runs"]):
        members = [run for run in report["runs"] if run["group"] == name]
        shown = ", ".join(f"{visible(run['run'])} (seed {run['seed']})" for run in members)
        parts.append(Text(f"{visible(name)}: {shown}", style="bold"))
    parts += [Text(visible(warning), style="yellow") for warning in report["warnings"]]
    for measure, found in report["measures"].items():
        parts.append(_groups_table(MEASURES.get(measure, measure), found))
        parts += [_differences_table(pair) for pair in found["comparisons"]]
    parts.append(
        Text(
            "Percentage points; 95 % intervals over seeds and passages. A gap also shrinks when "
            "accuracy on train falls: look at both. Relative: the first's gap by the second's, "
            "minus 1; left out where the second's may be 0.",
            style="dim",
        )
    )
    return Group(*parts, *few_note(report["measures"]))


def _groups_table(title: str, found: Mapping[str, Any]) -> FittedTable:
    groups = found["groups"]
    rows = [
        [
            label.format(name.replace("-", " - ")),
            *(interval(group[key].get(name), 100) for group in groups),
        ]
        for key, label in (("levels", "{}"), ("gaps", "gap {}"))
        for name in dict.fromkeys(n for group in groups for n in group[key])
    ]
    return table(title, ("", *(visible(group["name"]) for group in groups)), rows)


def _differences_table(pair: Mapping[str, Any]) -> FittedTable:
    rows = [(name, interval(e, 100, signed=True), "") for name, e in pair["levels"].items()]
    for name, estimate in pair["gaps"].items():
        ratio = pair["relative_gaps"][name]
        relative = "-" if ratio["low"] is None else percent(ratio, signed=True)
        label = f"gap {name.replace('-', ' - ')}"
        rows.append((label, interval(estimate, 100, signed=True), relative))
    title = f"{visible(pair['first'])} minus {visible(pair['second'])}"
    return table(title, ("", "difference", "relative"), rows)


def print_report(renderable: RenderableType) -> None:
    """Print to standard output, as wide as the terminal or 110 columns."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(renderable)
