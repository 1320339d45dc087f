"""The measures of an evaluation as text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from debateqd.qd.report.layout import FittedTable
from debateqd.qd.report.visible import visible
from debateqd.qd.statistics import FEW

MOST_GENERATIONS = 13
"""More are thinned out; the report's JSON has all of them."""

FEW_NOTE = (
    f"* from fewer than {FEW} passages: take such an interval for a hint; how often it holds the "
    "truth is not known"
)


def number(
    value: float | None, scale: float = 1.0, digits: int = 1, *, signed: bool = False
) -> str:
    """Show a number, or ``-`` where there is none."""
    if value is None or math.isnan(value):
        return "-"
    return f"{scale * value:+.{digits}f}" if signed else f"{scale * value:.{digits}f}"


def interval(
    estimate: Mapping[str, Any] | None,
    scale: float = 1.0,
    digits: int = 1,
    *,
    signed: bool = False,
    unit: str = "",
) -> str:
    """Show an estimate's JSON as ``71.2 % [63.0, 79.1]``, or ``-`` when there is none.

    A star follows where fewer than :data:`debateqd.qd.statistics.FEW` clusters are behind it.
    """
    if estimate is None or estimate["value"] is None:
        return "-"
    low = number(estimate["low"], scale, digits, signed=signed)
    high = number(estimate["high"], scale, digits, signed=signed)
    low = "-inf" if estimate["low"] is None else low
    high = "inf" if estimate["high"] is None else high
    star = "*" * (estimate["clusters"] < FEW)
    return f"{number(estimate['value'], scale, digits, signed=signed)}{unit} [{low}, {high}]{star}"


def percent(estimate: Mapping[str, Any] | None, *, signed: bool = False) -> str:
    """Show an estimate of a share as ``71.2 % [63.0, 79.1]``, or ``-`` when there is none."""
    return interval(estimate, 100, signed=signed, unit=" %")


def few_note(report: Any) -> list[RenderableType]:
    """Explain the stars of a report, where it has any."""
    return [Text(FEW_NOTE, style="yellow")] if _has_few(report) else []


def _has_few(value: Any) -> bool:
    if isinstance(value, Mapping):
        parts = (item for key, item in value.items() if key != "reported")
        return value.get("clusters", FEW) < FEW or any(map(_has_few, parts))
    return isinstance(value, list) and any(map(_has_few, value))


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> FittedTable:
    """Return a table whose first column is text and whose others are numbers."""
    made = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        made.add_column(column, justify="right" if place else "left")
    for row in rows:
        made.add_row(*row)
    return FittedTable(made)


def gaps_table(gaps: Mapping[str, Mapping[str, Any]], objective: str) -> list[RenderableType]:
    """Show generalisation gaps between the splits; nothing where there are none."""
    if not gaps:
        return []
    kinds = ("elites", "seeds", "over_seeds", "objective")
    made = table(
        "Generalisation gap: the first split minus the second, percentage points",
        ("splits", "judge accuracy, elites", "seeds", "elites minus seeds", objective),
        (
            [name.replace("-", " - "), *(interval(found[k], 100, signed=True) for k in kinds)]
            for name, found in gaps.items()
        ),
    )
    return [
        made,
        Text("Seeds have learned nothing: their gap is a difference of difficulty.", style="dim"),
    ]


def archive_table(found: Mapping[str, Any] | None) -> list[RenderableType]:
    """Show reported beside corrected quality-diversity metrics."""
    if found is None:
        return []
    unit = f"{found['unit']}; offset of the QD-score {100 * found['offset']:+.0f}"
    made = table(
        f"Archive: {found['measured']} of {found['elites']} elites debated anew on "
        f"{found['questions']} test questions, {found['passages']} passages ({unit})",
        ("measure", "reported", "corrected", "illusion"),
        (
            (
                "QD-score",
                number(found["reported_qd_score"], 100),
                interval(found["qd_score"], 100),
                interval(found["illusion"], 100, signed=True),
            ),
            ("  everybody in the reported cell", "", interval(found["qd_score_in_place"], 100)),
            (
                "mean of the elites",
                number(found["reported_mean"], 100, signed=True),
                interval(found["mean"], 100, signed=True),
            ),
            (
                "coverage",
                f"{number(found['reported_coverage'], 100)} %",
                percent(found["coverage"]),
                percent(found["coverage_illusion"], signed=True),
            ),
            ("elites that keep their cell", "", percent(found["stability"])),
        ),
    )
    return [made, *(Text(visible(line), style="yellow") for line in found["warnings"])]


def payoff_lines(found: Mapping[str, Any] | None) -> list[RenderableType]:
    """Say how often elites beat each other in circles, and whom the Nash mixture consists of."""
    if found is None:
        return []
    circles = found["cycles"]
    lines = [
        f"Elites against each other: {circles['debates']} debates ({found['log']} of the log, "
        f"{found['fresh']} fresh), {circles['pairs']} pairs of {circles['strategies']} strategies"
    ]
    if circles["decided"]:
        lines.append(
            f"  cyclic: {percent(circles['share'])} of {circles['decided']} decided triples; noise "
            "alone makes at most 25 % where all meet equally often"
        )
    else:
        lines.append(
            "  no three of them have all met and won or lost, so that nothing is known of cycles"
        )
    if found["nash"]:
        kept = [item for item in found["nash"].items() if item[1] >= 0.005]
        most = sorted(kept, key=lambda item: (-item[1], item[0]))[:5]
        shown = ", ".join(f"{visible(name)} {100 * weight:.0f} %" for name, weight in most)
        lines.append(f"  Nash mixture: {shown}")
    return [Text("\n".join(lines))]


DIVERSITY: tuple[tuple[str, str, int], ...] = (
    ("families", "families", 0),
    ("effective number", "effective_families", 1),
    ("seed ancestors", "ancestors", 0),
    ("effective number", "effective_ancestors", 1),
    ("mean depth", "mean_depth", 1),
    ("text distance", "text_distance", 2),
    ("to the nearest", "nearest_text_distance", 2),
)


def diversity_table(rows: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    """Show how the diversity of the elites went."""
    if not rows:
        return []
    made = table(
        "Diversity of the elites",
        ("generation", *(head for head, _, _ in DIVERSITY)),
        (
            [str(row["generation"]), *(number(row[k], digits=digits) for _, k, digits in DIVERSITY)]
            for row in thinned(rows)
        ),
    )
    return [made]


def progress_table(rows: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    """Show reported beside corrected progress by generation."""
    if not rows:
        return []
    made = table(
        "Progress of the champions over the seeds, Elo points",
        ("generation", "by ratings, not safe from selection", "on report questions"),
        (
            [
                str(row["generation"]),
                # What ratings say rests on all debates of the run; its clusters are champions.
                interval(row["reported"], digits=0, signed=True).removesuffix("*"),
                interval(row["corrected"], digits=0, signed=True),
            ]
            for row in thinned(rows)
        ),
    )
    return [made]


def thinned(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Keep at most :data:`MOST_GENERATIONS` rows, evenly spaced, the first and last among them."""
    last = len(rows) - 1
    if last < MOST_GENERATIONS:
        return list(rows)
    steps = MOST_GENERATIONS - 1
    return [rows[round(k * last / steps)] for k in range(MOST_GENERATIONS)]


def position_table(found: Mapping[str, Any], split: str) -> list[RenderableType]:
    """Show answer orders and seats apart."""
    labels = {
        "accuracy": "judge right, correct answer shown",
        "win_rate": "elites win, own answer shown",
        "seat": "elites win, seat",
    }
    places = ("first", "second", "difference")
    made = table(
        f"Position control ({split}); in both answer orders the same winner: "
        f"{percent(found['orders_agree'])}",
        ("rate", *places),
        (
            [label, *(percent(found[key][p], signed=p == "difference") for p in places)]
            for key, label in labels.items()
        ),
    )
    warning = found.get("favoured", "")
    return [made, Text(f"Warning: {warning}", style="yellow")] if warning else [made]


def length_lines(found: Mapping[str, Any] | None) -> list[RenderableType]:
    """Say what strategies lose when they are cut to the length of the seeds."""
    if found is None:
        return []
    cut = [row for row in found["strategies"] if row["after"] < row["before"]]
    removed = sum(row["before"] - row["after"] for row in cut)
    lines = [
        f"Length control: {len(cut)} of {len(found['strategies'])} elites cut at a sentence's end "
        f"to at most {found['words']} words (the mean seed), {removed} words less in all",
        *(
            f"  {visible(row['id'])}: {row['before']} words, its first {row['after']} are left"
            for row in cut
        ),
        f"  score as they are {percent(found['whole'])}, cut {percent(found['cut'])}, "
        f"difference {percent(found['difference'], signed=True)}",
        f"  words per speech: as they are {number(found['said_whole'])}, "
        f"cut {number(found['said_cut'])}",
    ]
    return [Text("\n".join(lines))]
