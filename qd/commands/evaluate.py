"""``evaluate.py RUN_DIR`` measures a run; ``evaluate.py RUN_A RUN_B`` compares two."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

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
from qd.commands.running import run_command
from qd.config_loading import Flag, override_config
from qd.evaluate_runs import SPLITS, compare_runs, evaluate_run, save_report
from qd.report.evaluation import comparison_report, print_report, run_report
from qd.rundir import RunDirectory


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("run_dirs", metavar="RUN_DIR [RUN_DIR]", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    help="Only this split; the generalisation gap needs both, which is the default.",
)
@click.option("--elites", default=8, show_default=True, type=click.IntRange(min=1), help="Elites.")
@click.option("--base-url", metavar="URL", multiple=True, help="Where openai: models are now.")
@click.option("--gpus", type=int, metavar="N", help="GPUs that share a vllm: model.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def evaluate(
    run_dirs: tuple[Path, ...],
    split: str | None,
    elites: int,
    base_url: tuple[str, ...],
    gpus: int | None,
    as_json: bool,
) -> None:
    """Measure a run on train and test questions, or compare two runs on the same questions.

    Judge accuracy, generalisation gap, win rate against the seed strategies, position bias and
    unusable verdicts, each with a 95 % interval clustered by passage, beside a judge without
    debate and one who reads the passage. Results are kept in RUN_DIR/evaluation/.
    """
    if not 1 <= len(run_dirs) <= 2:
        raise InputError(f"evaluate takes one or two run directories, not {len(run_dirs)}")
    runs = [RunDirectory.open(path) for path in run_dirs]
    splits: Sequence[str] = SPLITS if split is None else (split,)
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

        def watch(label: str, done: int, total: int) -> None:
            task = tasks.get(label)
            if task is None:
                task = tasks[label] = bar.add_task(label, total=total)
            bar.update(task, completed=done)

        tasks: dict[str, TaskID] = {}
        if len(runs) == 1:
            report, trials = evaluate_run(
                runs[0], splits=splits, elites=elites, progress=watch, config=configs[0]
            )
            saved = save_report(runs[0], report, trials)
        else:
            report = compare_runs(
                runs[0],
                runs[1],
                splits=splits,
                elites=elites,
                progress=watch,
                configs=(configs[0], configs[1]),
            )
            saved = None
    if as_json:
        click.echo(json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False))
        return
    print_report(run_report(report) if saved else comparison_report(report))
    if saved:
        click.echo(f"kept in {saved}")


def main() -> int:
    """Run the program; see :func:`qd.commands.running.run_command` for its status."""
    return run_command(evaluate)


if __name__ == "__main__":
    sys.exit(main())
