"""Evaluate run directories: load what a run left, play its elites, keep the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from debate_env.errors import InputError
from debate_env.questions.question import Question
from debate_env.questions.sources import load_questions
from debateqd.agents.models.budget import Limits
from debateqd.qd.config.schema import ROLES, RunConfig
from debateqd.qd.debates.context_limits import prefix_room
from debateqd.qd.debates.models import JOURNAL, equip, make_models
from debateqd.qd.debates.questions import draw
from debateqd.qd.debates.trials import (
    Pairing,
    Players,
    Trial,
    against,
    play_trials,
    rate,
    right,
    self_play,
    won,
)
from debateqd.qd.measures.controls import (
    cut_strategies,
    length_control,
    length_pairings,
    mean_words,
    position_control,
)
from debateqd.qd.measures.generalisation import GAPS
from debateqd.qd.measures.run_measures import (
    Extras,
    diversity_json,
    measure_archive,
    measure_payoffs,
    robin_pairings,
)
from debateqd.qd.measures.scores import split_gaps
from debateqd.qd.measures.splits import Reading, read_alone, report_split
from debateqd.qd.report.evaluation import html_page, run_report
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.store.storage import json_text, write_atomic
from debateqd.qd.strategy import Strategy

REPORT_VERSION = 2
SPLITS = ("train", "selection", "test")
"""Splits of a run that share no passage; the fourth, ``report``, has been seen while it ran."""

FOLDER = "evaluation"
Watch = Callable[[str, int, int], None]


def ignore(label: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def elites_of(run: RunDirectory, count: int) -> list[Strategy]:
    """The run's best living strategies by its own rating, at most ``count``.

    Raises:
        InputError: If the run has none yet, or its files do not fit together.
    """
    if not (run.path / "archive.json").exists():
        raise InputError(
            f"{run.path}: has no archive.json, as no generation is finished; continue it with "
            f"train.py --resume {run.path}"
        )
    strategies = run.strategies()
    try:
        chosen = [row["strategy_id"] for row in run.archive()["elites"]][:count]
        found = [strategies[strategy_id] for strategy_id in chosen]
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{run.path}: archive.json and strategies.jsonl do not fit together: {error} is "
            "missing; a file was changed or damaged: restore it"
        ) from None
    if not found:
        raise InputError(f"{run.path}: archive.json holds no elite, so there is nothing to measure")
    return found


def seeds_of(run: RunDirectory) -> list[Strategy]:
    """The frozen seed panel of a run."""
    return [s for s in run.strategies().values() if s.generation == 0]


def questions_of(run: RunDirectory, splits: Sequence[str]) -> dict[str, list[Question]]:
    """Load the run's questions and check that they are the ones it was trained with.

    Raises:
        InputError: If the source has changed since.
    """
    kept = run.questions()
    source = run.config.questions.source
    loaded = load_questions(source)
    if loaded.content_hash != kept.content_hash:
        raise InputError(
            f"{run.path}: the questions of '{source}' are no longer those of the run (content hash "
            f"{loaded.content_hash[:12]}, the run had {kept.content_hash[:12]}); restore the file"
        )
    cut = {passage: end for passage, (end, _) in kept.truncated.items()}
    by_id = {
        q.question_id: replace(q, passage=q.passage[: cut[q.passage_id]])
        if q.passage_id in cut
        else q
        for q in loaded
    }
    try:
        return {split: [by_id[i] for i in kept.splits[split]] for split in splits}
    except KeyError as error:
        raise InputError(
            f"{run.path}/questions.json: {error} is no split or question of '{source}'; the file "
            "was changed or damaged: restore it"
        ) from None


@contextmanager
def players_of(run: RunDirectory, config: RunConfig) -> Iterator[Players]:
    """Make the models of a run, without its mutator; their replies are kept for a second time."""
    # What a run may spend says nothing about looking at what it has become.
    config = config.model_copy(update={"budget": Limits()})
    bare = make_models(config, ROLES[:2])
    try:
        journal = None
        if config.models.journal:
            journal = run.path / FOLDER / JOURNAL
            journal.parent.mkdir(exist_ok=True)
        models = equip(bare, config, journal)
        try:
            yield Players(
                models.debater,
                models.judge,
                config.debate,
                config.debater_sampling(),
                config.models.verdict,
                prefix_room(config, models.debater),
                config.models.max_open,
            )
            if models.journal is not None:
                models.journal.compact()  # equal evaluations then leave equal bytes
        finally:
            if models.journal is not None:
                models.journal.close()
    finally:
        bare.close()


def as_in(players: Players, config: RunConfig) -> Players:
    """Return the same models under the rules of another configuration."""
    return replace(players, settings=config.debate)


def _play_split(
    elites: Sequence[Strategy],
    seeds: Sequence[Strategy],
    questions: Sequence[Question],
    players: Players,
    seed: int,
    watch: Callable[[int, int], None],
) -> tuple[list[Trial], list[Reading]]:
    both = players.settings.protocol != "simultaneous"
    pairings: list[Pairing] = [
        *self_play("elites", elites, questions, len(elites), both_orders=both),
        *self_play("seeds", seeds, questions, len(elites), both_orders=both),
        *against("panel", elites, seeds, questions),
    ]
    # Ordered by passage, so that an engine with prefix caching reads each passage about once.
    order = {q.question_id: i for i, q in enumerate(questions)}
    pairings.sort(key=lambda p: order[p.question.question_id])
    trials = play_trials(pairings, players, seed, watch)
    return trials, read_alone(questions, players.judge, seed, players.verdict)


def evaluate_with(
    run: RunDirectory,
    config: RunConfig,
    questions: Mapping[str, Sequence[Question]],
    elites: Sequence[Strategy],
    players: Players,
    watch: Watch,
    label: str = "",
    extras: Extras | None = None,
) -> tuple[dict[str, Any], dict[str, list[Trial]]]:
    """Measure one run with models that are there already.

    Args:
        run: The run.
        config: Its configuration.
        questions: Questions by split.
        elites: The elites that are played on all of them.
        players: The models.
        watch: Called with (what, debates done, debates to do).
        label: Precedes what is played, for ``watch``.
        extras: What is measured beyond the splits; ``None``: nothing.

    Raises:
        InputError: A split holds no question.
    """
    seeds = seeds_of(run)
    trials: dict[str, list[Trial]] = {}
    splits: dict[str, Any] = {}
    for split, asked in questions.items():
        if not asked:
            raise InputError(f"{run.path}: no {split} questions to evaluate on")
        played, readings = _play_split(
            elites, seeds, asked, players, config.seed, partial(watch, label + split)
        )
        trials[split] = played
        splits[split] = report_split(asked, played, readings).to_json()
    shown = "test" if "test" in trials else next(iter(trials))
    gaps = {
        name: {key: estimate.to_json() for key, estimate in found.items()}
        for name, found in split_gaps(
            trials, GAPS, config.evolution.report.score, config.truth_weight
        ).items()
    }
    report = {
        "version": REPORT_VERSION,
        "run": config.name or run.path.name,
        "objective": config.objective,
        "score": config.evolution.report.score,
        "simulation": any(
            spec.split(":")[0] == "embedded" for spec in (players.debater.name, players.judge.name)
        ),
        "models": {"debater": players.debater.name, "judge": players.judge.name},
        "fingerprints": {
            "debater": players.debater.fingerprint,
            "judge": players.judge.fingerprint,
        },
        "elites": [s.strategy_id for s in elites],
        "splits": splits,
        "gaps": gaps,
        "position": position_control(trials[shown]),
        "strategies_split": shown,
        "strategies": _strategy_rows(elites, trials[shown]),
    }
    if extras is not None:
        more, fresh = _extras(run, config, questions, elites, trials, players, watch, extras)
        report |= more
        trials |= {name: found for name, found in fresh.items() if found}
    return report, trials


def _extras(
    run: RunDirectory,
    config: RunConfig,
    questions: Mapping[str, Sequence[Question]],
    elites: Sequence[Strategy],
    trials: Mapping[str, Sequence[Trial]],
    players: Players,
    watch: Watch,
    extras: Extras,
) -> tuple[dict[str, Any], dict[str, list[Trial]]]:
    """Measure what goes beyond the splits; fresh debates are on test questions alone."""
    seeds, strategies, seed = seeds_of(run), run.strategies(), config.seed
    score, weight = config.evolution.report.score, config.truth_weight
    test = list(questions.get("test", ()))
    more: dict[str, Any] = {
        "diversity": diversity_json(run),
        "progress": run.progress(),
        "archive": None,
        "length": None,
    }
    fresh: dict[str, list[Trial]] = {}
    if test and extras.archive_questions:
        asked = draw(test, extras.archive_questions, seed, "archive")
        names = {question.question_id for question in asked}
        base = [t for t in trials["test"] if t.kind == "seeds" and t.question in names]
        metrics, warnings, fresh["archive"] = measure_archive(
            run, config, seeds, asked, base, players, partial(watch, "archive")
        )
        more["archive"] = {
            **metrics.to_json(),
            "questions": len(asked),
            "passages": len({question.passage_id for question in asked}),
            "warnings": list(warnings),
        }
    if test and extras.length_control:
        words = mean_words(seeds)
        cuts = cut_strategies(elites, words)
        both = players.settings.protocol != "simultaneous"
        pairings = length_pairings(cuts, seeds, test, weight, both_orders=both)
        fresh["length"] = play_trials(pairings, players, seed, partial(watch, "length"))
        more["length"] = length_control(trials["test"], fresh["length"], cuts, words, score, weight)
    everybody = [strategies[row["strategy_id"]] for row in run.archive()["elites"]]
    if test and extras.round_robin:
        meetings = list(robin_pairings(everybody, test, extras.round_robin))
        fresh["robin"] = play_trials(meetings, players, seed, partial(watch, "round robin"))
    more["payoffs"] = measure_payoffs(run, everybody, fresh.get("robin", ()), score, seed)
    return more, fresh


def _strategy_rows(elites: Sequence[Strategy], trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Each elite's own figures, in the order of the run's own rating.

    Ordering by the figures shown would put the luckiest first and make its figure too good.
    """
    rows: list[dict[str, Any]] = []
    for strategy in elites:
        own = [t for t in trials if t.strategy == strategy.strategy_id]
        rows.append(
            {
                "id": strategy.strategy_id,
                "family": strategy.family,
                "generation": strategy.generation,
                "parents": list(strategy.parents),
                "text": strategy.text,
                "win_rate": rate((t for t in own if t.kind == "panel"), won).to_json(),
                "accuracy": rate((t for t in own if t.kind == "elites"), right).to_json(),
            }
        )
    return rows


def evaluate_run(
    run: RunDirectory,
    *,
    splits: Sequence[str] | None = None,
    elites: int = 8,
    progress: Watch = ignore,
    config: RunConfig | None = None,
    extras: Extras = Extras(),  # noqa: B008  (frozen)
) -> tuple[dict[str, Any], dict[str, list[Trial]]]:
    """Measure one run.

    Args:
        run: The run.
        splits: Some of :data:`SPLITS`; all that hold questions by default.
        elites: How many of its best elites are played.
        progress: Called with (what, debates done, debates to do).
        config: Its configuration, with other addresses of its models, say; its own by default.
        extras: What is measured beyond the splits.

    Returns:
        The report (JSON-able, see :func:`save_report`) and the debates, by split and by
        ``archive``, ``robin`` and ``length``.
    """
    used = config or run.config
    questions = questions_of(run, splits_of(run) if splits is None else splits)
    with players_of(run, used) as players:
        return evaluate_with(
            run, used, questions, elites_of(run, elites), players, progress, extras=extras
        )


def splits_of(run: RunDirectory) -> tuple[str, ...]:
    """Return those of :data:`SPLITS` that hold questions in a run; train and test always."""
    kept = run.questions().splits
    return tuple(split for split in SPLITS if split != "selection" or kept.get(split))


def save_report(
    run: RunDirectory, report: Mapping[str, Any], trials: Mapping[str, Sequence[Trial]]
) -> Path:
    """Keep a report and its debates in ``RUN_DIR/evaluation/``; returns that folder."""
    folder = run.path / FOLDER
    folder.mkdir(exist_ok=True)
    for split, played in trials.items():
        lines = (json_text({"v": REPORT_VERSION, **t.to_json()}, indent=None) for t in played)
        write_atomic(folder / f"{split}.jsonl", "".join(lines))
    write_atomic(folder / "report.json", json_text(report))
    page = html_page(run_report(report), f"{report['run']}: evaluation")
    write_atomic(folder / "report.html", page)
    return folder
