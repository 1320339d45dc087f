"""``debateqd rate MATCHES``: rates the players of anyone's match table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click

from debate_env.errors import InputError
from debateqd.qd.ratings.games import RatedObjective
from debateqd.qd.report.layout import say
from debateqd.qd.report.rating import rating_csv, rating_json, rating_report, reading_lines
from debateqd.qd.report.visible import visible, visible_errors
from debateqd.qd.tables.layouts import Columns
from debateqd.qd.tables.matches import MatchTable, read_matches
from debateqd.qd.tables.ratings import Model, Settings, default_model, rate_table

_POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command()
@click.argument("matches", metavar="MATCHES", type=click.Path(path_type=Path))
@click.option("--first", metavar="COLUMN", default="", help="One player.")
@click.option("--second", metavar="COLUMN", default="", help="The other player.")
@click.option("--winner", metavar="COLUMN", default="", help="Who won: a player, a seat, or a tie.")
@click.option(
    "--outcome", metavar="COLUMN", default="", help="What the first player won, from 0 to 1."
)
@click.option("--against", metavar="COLUMN", default="", help="What the second player won.")
@click.option("--right", metavar="COLUMN", default="", help="Whether the judge was right.")
@click.option("--question", metavar="COLUMN", default="", help="What was played on.")
@click.option("--passage", metavar="COLUMN", default="", help="What questions belong to.")
@click.option("--side", metavar="COLUMN", default="", help="Who defended the correct answer.")
@click.option(
    "--position",
    metavar="COLUMN|first|second|none",
    default="",
    help="Who was presented first; first: always the first column.",
)
@click.option("--games", metavar="COLUMN|N", default="", help="How many games a row stands for.")
@click.option("--where", metavar="COLUMN=VALUE", multiple=True, help="Only rows with this value.")
@click.option(
    "--objective",
    type=click.Choice(get_args(RatedObjective)),
    default="persuasion",
    show_default=True,
    help="truth: teams, by whether the judge was right.",
)
@click.option(
    "--model",
    type=click.Choice(get_args(Model)),
    help="How to rate; bradley_terry unless the outcomes are win rates (least_squares).",
)
@click.option("--anchor", metavar="NAME", default="", help="Player whose rating is 0.")
@click.option("--wins", is_flag=True, help="Whoever is ahead has won, whatever the probabilities.")
@click.option("--k", type=_POSITIVE, default=32.0, show_default=True, help="K factor of Elo.")
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Of the intervals.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of resampled intervals.")
@click.option(
    "--max-bad",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="Share of unreadable rows that is accepted.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the ratings as CSV.")
def command(matches: Path, as_json: bool, as_csv: bool, **options: Any) -> None:
    """Rate the players of a match table, with intervals.

    MATCHES is a CSV file, JSON lines or a JSON array, gzipped or not, or a run directory. Known
    layouts are read by the names of their columns, and what was taken for what is said; options
    name the columns of all others.
    """
    if as_json and as_csv:
        raise InputError("--json and --csv exclude each other")
    with visible_errors():
        table = read_matches(
            matches,
            Columns(**{name: options[name] for name in Columns.__dataclass_fields__}),
            objective=options["objective"],
            wins=options["wins"],
            where=[_condition(text) for text in options["where"]],
            most_bad=options["max_bad"],
        )
        options["model"] = options["model"] or default_model(table)
        names = ("model", "anchor", "confidence", "k", "seed")
        ratings = rate_table(table, Settings(**{name: options[name] for name in names}))
    if as_json:
        # ASCII only: names in a table must not reach the terminal as they are.
        click.echo(json.dumps(rating_json(table, ratings), indent=2, sort_keys=True))
    elif as_csv:
        _say(table, ratings.warnings)
        click.echo(rating_csv(ratings), nl=False)
    else:
        say(rating_report(table, ratings))


def _say(table: MatchTable, warnings: Sequence[str]) -> None:
    """Say on standard error what was read; standard output is for the data."""
    for line in (*reading_lines(table), *(f"warning: {warning}" for warning in warnings)):
        click.echo(visible(line), err=True)


def _condition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--where {text}: write it as --where COLUMN=VALUE")
    return name, value
