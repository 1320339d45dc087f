"""Starts and continues training runs: files, questions and models around a trainer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from debate_env.core.protocols import get_protocol
from debate_env.errors import InputError
from debateqd.agents.rollout import run_thoughts
from debateqd.agents.verdicts import Method, resolve, trial
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.context_limits import fit_questions
from debateqd.qd.debates.models import JOURNAL, Models, equip, make_models, note_found, with_found
from debateqd.qd.debates.questions import RunQuestions, open_questions
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.store.writer import RunWriter
from debateqd.qd.tracking.events import Listener
from debateqd.qd.tracking.run_log import last_journal
from debateqd.qd.training.checks import check_names
from debateqd.qd.training.state import restore_state
from debateqd.qd.training.trainer import Trainer


def train(
    config: RunConfig,
    run_dir: Path,
    *,
    listeners: Sequence[Listener] = (),
    models: Models | None = None,
    questions: RunQuestions | None = None,
    journal: Path | None = None,
) -> dict[str, Any]:
    """Run a new training run.

    Args:
        config: The configuration.
        run_dir: A directory that does not exist yet, or is empty.
        listeners: Who is told what happens.
        models: The chat models; made from the configuration by default, and then closed.
        questions: The questions, dealt out; opened as the configuration says by default.
        journal: The file that keeps every reply, and that known replies are taken from;
            ``journal.sqlite`` in ``run_dir`` by default.

    Returns:
        What ``summary.json`` holds.

    Raises:
        InputError: Something in the configuration is wrong, or ``run_dir`` is taken.
        StoppedError: The run gave up, or its budget is used up.
    """
    check_names(config)
    config = with_found(config, ())  # another run may have found something else
    questions = questions or open_questions(config.questions)
    with ExitStack() as stack:
        bare = models or stack.enter_context(closing(make_models(config)))
        config = note_found(config, bare)
        questions = fit_questions(questions, config, bare)
        writer = stack.enter_context(closing(RunWriter.create(run_dir, config, questions.record())))
        ready = _ready(config, bare, run_dir, journal, stack)
        config, notes = _settle(config, questions, ready, writer)
        trainer = Trainer(config, questions, ready, writer, listeners=listeners, notes=notes)
        return _run(trainer, ready, run_dir)


def resume(
    run_dir: Path,
    *,
    config: RunConfig | None = None,
    listeners: Sequence[Listener] = (),
    models: Models | None = None,
    questions: RunQuestions | None = None,
    journal: Path | None = None,
) -> dict[str, Any]:
    """Continue a run after its last committed generation; then end like one never interrupted.

    Arguments are as for :func:`train`. ``config`` is its own by default, ``journal`` the file that
    it used before.

    Raises:
        InputError: The run cannot be continued; among other reasons because its questions changed.
        StoppedError: As for :func:`train`.
    """
    run = RunDirectory.open(run_dir)
    config = config or run.config
    if config.models.verdict.method == "auto":
        config = _judged(config, run.config.models.verdict.method)
    config = with_found(config, config.models.found or run.config.models.found)
    check_names(config)
    questions = questions or open_questions(config.questions)
    _check_unchanged(run, questions)
    done = run.generations()
    generations = config.evolution.generations
    if done and generations < done[-1]:
        raise InputError(
            f"--generations {generations}: {run_dir} has already finished generation {done[-1]}"
        )
    with ExitStack() as stack:
        bare = models or stack.enter_context(closing(make_models(config)))
        config = note_found(config, bare)
        questions = fit_questions(questions, config, bare)
        writer, last = RunWriter.resume(run_dir)
        stack.callback(writer.close)
        if config != run.config:
            writer.rewrite_config(config)
        ready = _ready(config, bare, run_dir, journal or last_journal(run_dir), stack)
        notes: tuple[str, ...] = ()
        if last is None and config.models.verdict.method == "auto":  # stopped before it was decided
            config, notes = _settle(config, questions, ready, writer)
        state = restore_state(run, last) if last is not None else None
        trainer = Trainer(
            config,
            questions,
            ready,
            writer,
            state=state,
            first_generation=0 if last is None else last + 1,
            listeners=listeners,
            notes=notes,
        )
        return _run(trainer, ready, run_dir)


def _ready(
    config: RunConfig, bare: Models, run_dir: Path, journal: Path | None, stack: ExitStack
) -> Models:
    """Put the models under the budget, and into the journal."""
    own = run_dir / JOURNAL
    file = journal or (own if config.models.journal else None)
    # A file that several runs share must tell apart what each of them has spent.
    run = "" if file is None or file == own else str(run_dir.resolve())
    ready = equip(bare, config, file, run)
    if ready.journal is not None:
        stack.enter_context(closing(ready.journal))
    return ready


def _settle(
    config: RunConfig, questions: RunQuestions, models: Models, writer: RunWriter
) -> tuple[RunConfig, tuple[str, ...]]:
    """Decide once and for all how verdicts are obtained; write it down.

    Returns:
        The configuration with the method that is used, and what is to be said about it. A method
        that was asked for by name is kept where it fails its trial: whoever names it may want to
        know what it is worth, and a run without usable verdicts ends by itself.
    """
    asked, notes = config.models.verdict, tuple[str, ...]()
    settings = resolve(asked, models.judge)
    if settings.method == "credence" and get_protocol(config.debate.protocol).judges:
        answers = max(len(question.answers) for question in questions.train)
        (fault,) = run_thoughts(models.judge, [trial(settings, answers)])
        if fault and asked.method == "auto":
            settings = replace(settings, method="votes")
            notes = (f"judge: {fault}; verdicts are obtained by votes",)
        elif fault:
            notes = (f"judge: {fault}; models.verdict.method=credence is used all the same",)
    config = _judged(config, settings.method)
    writer.rewrite_config(config)
    return config, notes


def _judged(config: RunConfig, method: Method) -> RunConfig:
    """Return a configuration with verdicts obtained by a method."""
    verdict = replace(config.models.verdict, method=method)
    models = config.models.model_copy(update={"verdict": verdict})
    return config.model_copy(update={"models": models})


def _run(trainer: Trainer, models: Models, run_dir: Path) -> dict[str, Any]:
    summary = trainer.run()
    if models.journal is not None and models.journal.path == run_dir / JOURNAL:
        models.journal.compact()  # equal runs then leave equal bytes
    return summary


def _check_unchanged(run: RunDirectory, questions: RunQuestions) -> None:
    """Refuse to continue a run on other questions than it began with."""
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
