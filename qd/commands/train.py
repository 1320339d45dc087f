"""``train.py``: evolve debate strategies."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click
from rich.console import Console

from debate_env.errors import InputError, nearest
from debate_env.plug_ins import PlugInError, fault_of
from debate_env.questions.columns import parse_columns
from debateqd.agents.models.base import StoppedError
from debateqd.agents.models.budget import BudgetReachedError, Limits
from debateqd.agents.yaml_text import parse_yaml
from debateqd.qd.commands.group import called
from debateqd.qd.commands.launch import INTERRUPTED
from debateqd.qd.config.loading import Flag, dump_config, load_config, override_config
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.models import check_prices
from debateqd.qd.debates.questions import open_questions
from debateqd.qd.report.layout import say
from debateqd.qd.store.directory import RunDirectory, default_run_dir
from debateqd.qd.tracking.console import ConsoleProgress
from debateqd.qd.tracking.events import Listener
from debateqd.qd.tracking.run_log import LEVELS, RunLog, last_journal
from debateqd.qd.training.checks import check_models, check_names
from debateqd.qd.training.planning import describe_plan, plan_run
from debateqd.qd.training.start import resume, train

_KEYS: dict[str, tuple[str, ...]] = {
    "objective": ("objective",),
    "questions": ("questions.source",),
    "columns": ("questions.columns",),
    "model": ("models.default",),
    "debater_model": ("models.debater",),
    "judge_model": ("models.judge",),
    "mutator_model": ("models.mutator",),
    "generations": ("evolution.generations",),
    "rounds": ("debate.rounds",),
    "gpus": ("models.vllm.tensor_parallel_size",),
    "base_url": ("models.openai.base_urls",),
    "truncate_passage": ("questions.truncate_passages",),
    "max_tokens": ("models.max_tokens", "models.mutator_max_tokens"),
    "seed": ("seed",),
    "name": ("name",),
    "wandb": ("tracking.wandb",),
}
"""Named flags, and the keys of the configuration that they set."""

_CONTINUED = ("generations", "gpus", "base_url")
"""Those of them that may be given when a run is continued: they change no debate."""

_WITH_RESUME = ("resume", *_CONTINUED, "budget", "journal", "wandb", "log_level")

BUDGET_REACHED = 3
"""Exit status of a run whose budget is used up."""

_OBJECTIVES = click.Choice(["persuasion", "truth", "mix"])
_WANDB = click.Choice(["auto", "offline", "online", "disabled"])


@click.command()
@click.option("--objective", type=_OBJECTIVES, help="What strategies are selected for.")
@click.option(
    "--config", metavar="FILE", multiple=True, help="Preset or YAML file; later ones override."
)
@click.option("--questions", metavar="SOURCE", help="builtin, synthetic, quality:PATH, or a file.")
@click.option(
    "--columns", metavar="A=B,...", help="Fields of that file, as passage=article,label=answer."
)
@click.option(
    "--model", metavar="M", help="embedded, vllm:NAME or openai:NAME; of roles without their own."
)
@click.option("--debater-model", metavar="M", help="Chat model of the debaters.")
@click.option("--judge-model", metavar="M", help="Chat model of the judge.")
@click.option("--mutator-model", metavar="M", help="Chat model that rewrites strategies.")
@click.option("--generations", type=int, metavar="N", help="Generations after the seeds'.")
@click.option("--rounds", type=int, metavar="N", help="Rounds of speeches in a debate.")
@click.option("--max-tokens", type=int, metavar="N", help="Longest speech or strategy, in tokens.")
@click.option(
    "--base-url", metavar="URL", multiple=True, help="Of openai: models; several: replicas."
)
@click.option(
    "--gpus", type=int, metavar="N", help="GPUs that share a vllm: model (tensor parallel)."
)
@click.option("--truncate-passage", is_flag=True, help="Cut passages that a model has no room for.")
@click.option(
    "--budget",
    metavar="KIND=N",
    multiple=True,
    help="Stop at so many calls, tokens, seconds, money.",
)
@click.option(
    "--journal", metavar="FILE", help="Keep replies in FILE, and take known ones from it."
)
@click.option("--seed", type=int, metavar="N", help="Everything random derives from it.")
@click.option("--name", metavar="NAME", help="Name of the run; its files go to runs/NAME.")
@click.option("--run-dir", metavar="DIR", help="Where the files go instead.")
@click.option("--resume", metavar="DIR", help="Continue the run in DIR; no call is paid for twice.")
@click.option("--set", "assignments", metavar="A.B=VALUE", multiple=True, help="Set any key.")
@click.option("--wandb", type=_WANDB, help="Weights & Biases; auto: online if logged in.")
@click.option("--log-level", type=click.Choice(LEVELS), help="What events.log keeps.")
@click.option("--dry-run", is_flag=True, help="Say what the run would cost, and do nothing.")
def command(**options: Any) -> None:
    """Evolve debate strategies that persuade a judge, or lead it to the truth.

    Without a model of your own everything is played by the embedded model, a simulation that needs
    no download. A run goes to runs/NAME; NAME is the objective and the seed unless you give one.
    """
    if options["resume"] is not None:
        _resume(options)
    else:
        _start(options)


def _start(options: dict[str, Any]) -> None:
    if options["columns"] is not None:
        options["columns"] = parse_columns(options["columns"])
    flags = _flags(options, _KEYS)
    config = load_config(options["config"] or ("default",), flags, options["assignments"])
    check_names(config)
    check_models(config)
    check_prices(config)
    questions = open_questions(config.questions)
    for note in questions.notes:
        click.echo(f"{config.questions.source}: {note}", err=True)
    if options["dry_run"]:
        plan = describe_plan(config, questions, plan_run(config, questions))
        click.echo(dump_config(config))
        say(plan)
        return
    run_dir = Path(options["run_dir"] or default_run_dir(config.name))
    with _interruptible(run_dir, config):
        listeners = _listeners(config, None, options)
        journal = _journal(options)
        train(config, run_dir, listeners=listeners, questions=questions, journal=journal)


def _flags(options: Mapping[str, Any], names: Iterable[str]) -> list[Flag]:
    """Turn the named options that were given into settings of the configuration."""
    flags = [
        Flag(_option(name), key, list(value) if isinstance(value, tuple) else value)
        for name in names
        if (value := options[name]) is not None and value is not False and value != ()
        for key in _KEYS[name]
    ]
    for text in options["budget"]:
        kind, equals, amount = text.partition("=")
        if kind not in Limits.__dataclass_fields__ or not equals:
            raise InputError(
                f"--budget {text}: write it as --budget calls=1000; "
                f"{nearest(kind, Limits.__dataclass_fields__)}"
            )
        flags.append(
            Flag(f"--budget {text}", f"budget.{kind}", parse_yaml(amount, f"--budget {kind}"))
        )
    return flags


def _journal(options: Mapping[str, Any]) -> Path | None:
    return None if options["journal"] is None else Path(options["journal"])


def _resume(options: dict[str, Any]) -> None:
    given = [_option(name) for name, value in options.items() if value not in (None, (), False, "")]
    allowed = [_option(name) for name in _WITH_RESUME]
    for option in given:
        if option not in allowed:
            raise InputError(
                f"{option} cannot be changed when a run is continued; --resume goes with "
                + ", ".join(allowed[1:])
            )
    run_dir = Path(options["resume"])
    run = RunDirectory.open(run_dir)
    flags = _flags(options, _CONTINUED)
    config = override_config(run.config, flags, str(run_dir / "config.yaml"))
    check_models(config)
    check_prices(config)
    journal = _journal(options) or last_journal(run_dir)
    listeners = _listeners(config, options["wandb"], {**options, "journal": journal})
    with _interruptible(run_dir, config):
        resume(run_dir, config=config, listeners=listeners, journal=journal)


def _listeners(config: RunConfig, wandb: str | None, options: dict[str, Any]) -> list[Listener]:
    """All listeners: the files, the console, Weights & Biases."""
    level = options["log_level"] or "info"
    listeners: list[Listener] = [
        RunLog(level, _journal(options)),
        ConsoleProgress(Console(highlight=False), called("evaluate")),
    ]
    mode = wandb or config.tracking.wandb
    if mode != "disabled":
        try:
            from debateqd.qd.tracking.wandb import wandb_listener  # takes a second to import
        except Exception as error:
            if mode != "auto":  # nobody asked for it
                raise
            click.echo(f"warning: nothing goes to Weights & Biases: {error!r}", err=True)
            return listeners
        listener = wandb_listener(mode, config.tracking)
        if listener is not None:
            listeners.append(listener)
    return listeners


def _option(name: str) -> str:
    return "--set" if name == "assignments" else "--" + name.replace("_", "-")


@contextmanager
def _interruptible(run_dir: Path, config: RunConfig) -> Iterator[None]:
    """Treat a polite request to end like Ctrl-C, and say how to go on whatever ended a run."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, stop) if main_thread else None
    try:
        yield
    except KeyboardInterrupt:
        if not (run_dir / "config.yaml").exists():
            raise  # nothing has begun that could be continued
        say(f"Interrupted; continue with: {_resume_command(run_dir)}", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except BudgetReachedError as error:
        done = RunDirectory.open(run_dir).generations()
        results = (
            f"the results of generations 0 to {done[-1]} of {config.evolution.generations} are in "
            f"{run_dir}"
            if done
            else "no generation was finished"
        )
        more = f" --budget {error.limit}={2 * error.allowed or 1:.12g}"
        say(
            f"Stopped: {error}; {results}; continue with: {_resume_command(run_dir)}{more}",
            err=True,
        )
        raise click.exceptions.Exit(BUDGET_REACHED) from None
    except StoppedError as error:
        if not (run_dir / "config.yaml").exists():
            raise
        say(f"error: {error}; continue with: {_resume_command(run_dir)}", err=True)
        raise click.exceptions.Exit(1) from None
    except Exception as error:
        fault = str(error) if isinstance(error, PlugInError) else fault_of(error)
        if not fault or not (run_dir / "config.yaml").exists():
            raise
        again = f"mend it and continue with: {_resume_command(run_dir)}"
        say(f"error: {fault}; {again}", err=True)
        raise click.exceptions.Exit(1) from None
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _resume_command(run_dir: Path) -> str:
    return f"{called('train')} --resume {shlex.quote(str(run_dir))}"
