"""``debateqd lineage RUN_DIR ID``: where a strategy comes from and how it has fared."""

from __future__ import annotations

import json
from pathlib import Path

import click

from debateqd.qd.report.lineage import print_lineage
from debateqd.qd.report.visible import visible_errors
from debateqd.qd.statistics import as_json as plain
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.store.history import history_of


@click.command()
@click.argument("run_dir", metavar="RUN_DIR", type=click.Path(path_type=Path))
@click.argument("strategy_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def command(run_dir: Path, strategy_id: str, as_json: bool) -> None:
    """Show a strategy's ancestry, the change of each mutation, its record and rating.

    ID is a strategy of the run, alive or not, e.g. s0042. Words that a rewrite removed are red or
    [-in brackets-], those it added green or {+in braces+}.
    """
    with visible_errors():
        history = history_of(RunDirectory.open(run_dir), strategy_id)
    if as_json:
        # ASCII only: a text of a model must not reach the terminal as it is.
        click.echo(json.dumps(plain(history), indent=2, sort_keys=True))
        return
    print_lineage(history)
