"""Starts and continues training runs: files, questions and models around a trainer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from debate_env.errors import InputError
from qd.checking import check_names, check_questions
from qd.config import RunConfig
from qd.events import TrainingListener
from qd.referee import Models, make_models
from qd.rundir import RunDirectory, RunWriter
from qd.splits import RunQuestions, open_questions
from qd.trainer import Trainer
from qd.training_state import restore_state


def train(
    config: RunConfig,
    run_dir: Path,
    *,
    listeners: Sequence[TrainingListener] = (),
    models: Models | None = None,
    questions: RunQuestions | None = None,
) -> dict[str, Any]:
    """Run a new training run.

    Args:
        config: The configuration.
        run_dir: A directory that does not exist yet, or is empty.
        listeners: Who is told what happens.
        models: The chat models; made from the configuration by default, and then closed.
        questions: The questions, dealt out; opened as the configuration says by default.

    Returns:
        What ``summary.json`` holds.

    Raises:
        InputError: Something in the configuration is wrong, or ``run_dir`` is taken.
        TrainingStoppedError: The run gave up.
    """
    check_names(config)
    questions = questions or open_questions(config.questions)
    check_questions(config, questions)
    made = models or make_models(config)
    try:
        writer = RunWriter.create(run_dir, config, questions.record())
        try:
            return Trainer(config, questions, made, writer, listeners=listeners).run()
        finally:
            writer.close()
    finally:
        if models is None:
            made.close()


def resume(
    run_dir: Path,
    *,
    generations: int | None = None,
    listeners: Sequence[TrainingListener] = (),
    models: Models | None = None,
    questions: RunQuestions | None = None,
) -> dict[str, Any]:
    """Continue a run after its last committed generation; then end like one never interrupted.

    Args:
        run_dir: Its directory.
        generations: Go on to this generation instead of the configured one; never fewer than are
            committed.
        listeners: As for :func:`train`.
        models: As for :func:`train`.
        questions: As for :func:`train`.

    Raises:
        InputError: The run cannot be continued; among other reasons because its questions changed.
    """
    run = RunDirectory.open(run_dir)
    config = run.config
    check_names(config)
    questions = questions or open_questions(config.questions)
    _check_unchanged(run, questions)
    check_questions(config, questions)
    if generations is not None and generations != config.evolution.generations:
        done = run.generations()
        if done and generations < done[-1]:
            raise InputError(
                f"--generations {generations}: {run_dir} has already finished generation {done[-1]}"
            )
        evolution = config.evolution.model_copy(update={"generations": generations})
        config = config.model_copy(update={"evolution": evolution})
    made = models or make_models(config)
    try:
        writer, last = RunWriter.resume(run_dir)
        try:
            if config != run.config:
                writer.rewrite_config(config)
            state = restore_state(run, last) if last is not None else None
            trainer = Trainer(
                config,
                questions,
                made,
                writer,
                state=state,
                first_generation=0 if last is None else last + 1,
                listeners=listeners,
            )
            return trainer.run()
        finally:
            writer.close()
    finally:
        if models is None:
            made.close()


def _check_unchanged(run: RunDirectory, questions: RunQuestions) -> None:
    """Refuse to continue a run on other questions than it began with.

    Raises:
        InputError: Says whether the questions themselves differ, or how they are dealt out.
    """
    then, now = run.questions(), questions.record()
    if then.content_hash != now.content_hash:
        raise InputError(
            f"{run.path}: the questions of '{now.source}' are not those that this run began with "
            f"(content hash {now.content_hash[:12]}, then {then.content_hash[:12]}); give it back "
            "its questions, or start a new run"
        )
    if then.source != now.source:
        raise InputError(
            f"{run.path}: questions.source in config.yaml is '{now.source}', but questions.json "
            f"says '{then.source}'; restore the file that was changed, or start a new run"
        )
    changed = [
        name
        for name in sorted(then.splits.keys() | now.splits.keys())
        if then.splits.get(name) != now.splits.get(name)
    ]
    if changed:
        raise InputError(
            f"{run.path}: the splits are not those that this run began with: {', '.join(changed)} "
            "differ between questions.json and what the section questions of config.yaml deals "
            "out; restore the file that was changed, or start a new run"
        )
