"""A power calculation as text."""

from __future__ import annotations

import math

from debateqd.qd.power.plan import Detectable, PowerPlan
from debateqd.qd.report.visible import visible

_LABELS = {
    "questions": "training questions",
    "test_questions": "test questions",
    "per_passage": "questions per passage",
    "debates": "debates per question and seed",
    "seeds": "seeds, on the same questions",
    "seed_sd": "SD between seeds, points",
    "train_mean": "training: share of right verdicts",
    "train_icc": "training: correlation of two questions of a passage",
    "train_repeat": "training: correlation of two debates on a question",
    "test_mean": "test: share of right verdicts",
    "test_icc": "test: correlation of two questions of a passage",
    "test_repeat": "test: correlation of two debates on a question",
    "wins_mean": "wins: share won",
    "wins_icc": "wins: correlation of two questions of a passage",
    "wins_repeat": "wins: correlation of two debates on a question",
    "paired": "correlation of two objectives' question effects",
    "games": "direct games behind a rating difference",
}


def _number(value: float, unit: str) -> str:
    if math.isinf(value):
        return "none"
    return f"{value:.0f} Elo" if unit == "elo" else f"{value:.1f}"


def _row(row: Detectable, width: int) -> str:
    cells = [_number(v, row.unit) for v in (row.error, row.half_width, row.detectable)]
    return f"  {row.name:<{width}}  {cells[0]:>14}  {'± ' + cells[1]:>12}  {cells[2]:>12}"


def _need(row: Detectable) -> str:
    name = row.name.partition(", ")[0] if row.unit == "elo" else row.name
    effect = f"{row.target:g} {'Elo' if row.unit == 'elo' else 'points'}"
    if row.needed is None:
        return (
            f"  {name} of {effect}: no number of {row.of} is enough; more seeds are needed "
            "(--seeds), since they differ by themselves"
        )
    return f"  {name} of {effect}: {row.needed:,} {row.of}"


def power_report(plan: PowerPlan) -> str:
    """Lay out a plan.

    Returns:
        Lines for a terminal or a file.
    """
    lines = [f"Variances from {visible(plan.source)}", ""]
    for name, value in plan.facts.items():
        mark = "  (assumed)" if name in plan.assumed else ""
        lines.append(f"  {_LABELS[name]:<50}  {value:>7.4g}{mark}")
    width = max(len(row.name) for row in plan.rows)
    interval = f"{100 * plan.confidence:g} % interval"
    lines += [
        "",
        f"What can be told from zero with {100 * plan.power:g} % power at "
        f"{100 * plan.confidence:g} % confidence, in percentage points:",
        f"  {'':<{width}}  {'standard error':>14}  {interval:>12}  {'detectable':>12}",
        *(_row(row, width) for row in plan.rows),
    ]
    asked = [row for row in plan.rows if row.target is not None]
    if asked:
        lines += ["", "What is needed:", *map(_need, asked)]
    lines += ["", "Direct games after which the better of two strategies is ahead:"]
    games: dict[float, list[str]] = {}
    for difference, confidence, count in plan.order:
        games.setdefault(difference, []).append(
            f"{count:>6,} with {100 * confidence:g} % probability"
        )
    for difference, counts in games.items():
        lines.append(f"  {difference:>4.0f} Elo apart: {', '.join(counts)}")
    return "\n".join(lines)
