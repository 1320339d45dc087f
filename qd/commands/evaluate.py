"""``evaluate.py RUN_DIR`` measures a run, with several it compares them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from debate_env.errors import InputError
from debateqd.qd.config.loading import Flag, override_config
from debateqd.qd.measures.compare import compare_runs
from debateqd.qd.measures.evaluate import MEASURED, Extras, evaluate_run, save_report
from debateqd.qd.report.evaluation import comparison_report, print_report, run_report
from debateqd.qd.report.layout import say
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.tracking.console import SlowLine


@click.command()
@click.argument("run_dirs", metavar="RUN_DIR...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--split",
    type=click.Choice(MEASURED),
    help="Only this split; generalisation gaps need all, which is the default.",
)
@click.option("--elites", default=8, show_default=True, type=click.IntRange(min=1), help="Elites.")
@click.option(
    "--archive-questions",
    default=Extras().archive_questions,
    show_default=True,
    type=click.IntRange(min=0),
    metavar="N",
    help="Test questions on which all elites are measured anew; 0 leaves that out.",
)
@click.option(
    "--round-robin",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    metavar="N",
    help="Test questions on which every two elites meet, for the payoff matrix.",
)
@click.option("--length-control", is_flag=True, help="Elites play again, cut to seed length.")
@click.option("--base-url", metavar="URL", multiple=True, help="Where openai: models are now.")
@click.option("--gpus", type=int, metavar="N", help="GPUs that share a vllm: model.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def command(
    run_dirs: tuple[Path, ...],
    split: str | None,
    elites: int,
    archive_questions: int,
    round_robin: int,
    length_control: bool,
    base_url: tuple[str, ...],
    gpus: int | None,
    as_json: bool,
) -> None:
    """Measure a run, or compare several.

    One run: judge accuracy and generalisation gaps on train, selection and test questions, what
    its archive is worth beside what it reports, who beats whom, diversity, and controls for
    position and length; kept in RUN_DIR/evaluation/. Several runs: those that differ in nothing
    but their seed make a group; groups are compared by levels and gaps. Everything comes with a
    95 % interval clustered by passage.
    """
    if not run_dirs:
        raise InputError("evaluate takes one or more run directories, not none")
    runs = [RunDirectory.open(path) for path in run_dirs]
    splits: Sequence[str] | None = None if split is None else (split,)
    extras = Extras(archive_questions, round_robin, length_control)
    if len(runs) > 1 and (round_robin or length_control):
        raise InputError(
            "--round-robin and --length-control measure one run; give one run directory"
        )
    flags = []
    if base_url:
        flags.append(Flag("--base-url", "models.openai.base_urls", list(base_url)))
    if gpus is not None:
        flags.append(Flag("--gpus", "models.vllm.tensor_parallel_size", gpus))
    configs = [override_config(run.config, flags, str(run.path / "config.yaml")) for run in runs]
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as bar:
        slow = SlowLine(lambda line: say(line, err=True))

        def watch(label: str, done: int, total: int) -> None:
            if not console.is_terminal:
                slow.tell(label, done, total)
                return
            task = tasks.get(label)
            if task is None:
                task = tasks[label] = bar.add_task(label, total=total)
            bar.update(task, completed=done)

        tasks: dict[str, TaskID] = {}
        asked: dict[str, Any] = {"splits": splits, "elites": elites, "progress": watch}
        if len(runs) == 1:
            report, matches = evaluate_run(runs[0], config=configs[0], extras=extras, **asked)
            folder = save_report(runs[0], report, matches)
        else:
            report, folder = compare_runs(runs, configs=configs, **asked), None
    if as_json:
        # ASCII only: names and texts of models must not reach the terminal as they are.
        click.echo(json.dumps(report, indent=2, sort_keys=True))
        return
    print_report(run_report(report) if folder else comparison_report(report))
    if folder:
        click.echo(f"kept in {folder}")
