"""Ratings of a match table as text, CSV, or JSON-able data."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any

from debateqd.qd.report.visible import visible
from debateqd.qd.tables.matches import MatchTable
from debateqd.qd.tables.ratings import TableEffect, TableRatings

_MODELS = {
    "bradley_terry": "Bradley-Terry",
    "elo": "Elo, in the order of the table",
    "least_squares": "least squares",
}


def rating_report(table: MatchTable, ratings: TableRatings) -> str:
    """Lay out the ratings of a table, what was read, and what is doubtful."""
    settings = ratings.settings
    zero = f"{settings.anchor} = 0" if settings.anchor else "their mean = 0"
    lines = [
        *reading_lines(table),
        "",
        f"{_MODELS[settings.model]} ratings in Elo points, {zero}, with "
        f"{100 * settings.confidence:g} % intervals:",
        *_players(ratings),
    ]
    if ratings.effects:
        lines += ["", "Effects in Elo points:", *_effects(ratings.effects)]
    lines += [f"warning: {warning}" for warning in ratings.warnings]
    return visible("\n".join(lines))


def reading_lines(table: MatchTable) -> list[str]:
    """Say what was read as what, and what was not."""
    layout = f"{table.layout.name}: {table.columns.explain()}"
    rule, rows = table.rule, "row" if len(table) == 1 else "rows"
    if table.ties:
        ties = ", ".join(f"{count:,} {word}" for word, count in table.ties.items())
        rule += f"; ties count as half a win for both: {ties}"
    read = f"read {len(table):,} {rows}: {len(table.players):,} players"
    if table.questions:
        read += f", {len(table.questions):,} questions"
    if table.passages and table.columns.passage != table.columns.question:
        read += f", {len(table.passages):,} passages"
    if table.left_out:
        left = ", ".join(f"{count:,} {reason}" for reason, count in table.left_out.items())
        read += f"; left out: {left}"
    notes = [f"{table.path}: {note}" for note in table.notes]
    lines = [*notes, f"{table.path}: {layout}", rule, read]
    if table.bad:
        rows = "row" if table.bad == 1 else "rows"
        lines.append(f"warning: {table.bad:,} {rows} of {table.rows:,} cannot be read:")
        lines += [f"  {problem}" for problem in table.problems]
        if table.bad > len(table.problems):
            lines.append(f"  and {table.bad - len(table.problems):,} more")
    return lines


def _players(ratings: TableRatings) -> list[str]:
    rows = ratings.players
    names = [_line(row.player) for row in rows]
    width = max(6, *map(len, names))
    lines = [
        f"  {'':>4}  {'player':<{width}}  {'rating':>7}  {'interval':>16}  {'games':>7}  score"
    ]
    for rank, (name, row) in enumerate(zip(names, rows, strict=True), 1):
        lines.append(
            f"  {rank:>4}  {name:<{width}}  {_whole(row.rating):>7}  "
            f"{_interval(row.low, row.high):>16}  {row.games:>7,.0f}  {100 * row.score:>3.0f} %"
        )
    return lines


def _line(name: str) -> str:
    """Return a name in one line, so that the table stays one."""
    return visible(" ".join(name.split()))


def _whole(value: float) -> str:
    return f"{value:.0f}".replace("-0", "0") if round(value) == 0 else f"{value:.0f}"


def _interval(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"[{_whole(low)}, {_whole(high)}]"


def _effects(effects: tuple[TableEffect, ...]) -> list[str]:
    width = max(len(effect.name) for effect in effects)
    lines = []
    for effect in effects:
        value = _whole(effect.value) if effect.low is not None else f"{effect.value:.2g}"
        shown = "" if effect.low is None else f"  {_interval(effect.low, effect.high)}"
        lines.append(f"  {effect.name:<{width}}  {value:>7}{shown}")
    return lines


def rating_csv(ratings: TableRatings) -> str:
    """Return the players as CSV: player, rating, low, high, games, score; ends may be empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("player", "rating", "low", "high", "games", "score"))
    for row in ratings.players:
        ends = ("" if end is None else f"{end:.4f}" for end in (row.low, row.high))
        numbers = (f"{row.rating:.4f}", *ends, f"{row.games:g}", f"{row.score:.6f}")
        writer.writerow((visible(row.player), *numbers))
    return buffer.getvalue()


def rating_json(table: MatchTable, ratings: TableRatings) -> dict[str, Any]:
    """Return everything as JSON-able data."""
    columns = table.columns
    return {
        "source": str(table.path),
        "objective": "truth" if table.games.form == "team" else "persuasion",
        "layout": table.layout.name,
        "columns": {name: getattr(columns, name) for name in columns.__dataclass_fields__},
        "rule": table.rule,
        "rows": table.rows,
        "games": len(table),
        "questions": len(table.questions),
        "ties": dict(table.ties),
        "left_out": dict(table.left_out),
        "bad_rows": table.bad,
        "problems": list(table.problems),
        **asdict(ratings),
    }
