"""``debateqd equal-calls RUN_DIR PRESET``: a baseline at the model calls of a run."""

from __future__ import annotations

from pathlib import Path

import click

from debateqd.qd.commands.group import called
from debateqd.qd.measures.equal_calls import baseline_config, calls_of, play_equal
from debateqd.qd.report.layout import say
from debateqd.qd.store.directory import RunDirectory


@click.command()
@click.argument("run_dir", metavar="RUN_DIR", type=click.Path(path_type=Path))
@click.argument("preset", metavar="PRESET")
@click.option(
    "--run-dir",
    "target",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the baseline's files go; RUN_DIR-PRESET by default.",
)
def command(run_dir: Path, preset: str, target: Path | None) -> None:
    """Play a baseline with as many model calls as RUN_DIR took.

    PRESET is static-gen, best-of-n, random-acceptance, single-population, paper, or a file; its
    section evolution is laid over the configuration of RUN_DIR. Whole generations are played, as
    many as come nearest. Calls of reports do not count.
    """
    run = RunDirectory.open(run_dir)
    calls = calls_of(run)
    config = baseline_config(run.config, preset)
    folder = target or run_dir.with_name(f"{run_dir.name}-{Path(preset).stem}")
    summary = play_equal(config, folder, calls)
    spent = calls_of(RunDirectory.open(folder))
    say(
        f"{folder}: {summary['generations']} generations, {spent} model calls without reports, "
        f"{100 * (spent / calls - 1):+.1f} % of {calls} in {run_dir}"
    )
    click.echo(f"Evaluate: {called('evaluate')} {run_dir} {folder}")
