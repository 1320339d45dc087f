"""Evaluate run directories: load what a run left, play its elites, compare two runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from debate_env.errors import InputError
from debate_env.questions import Question
from debate_env.sources import load_questions
from qd.config import ROLES, RunConfig
from qd.evaluation import (
    Pairing,
    Players,
    Reading,
    Trial,
    accuracy_gap,
    against,
    by_question,
    gap_over_seeds,
    paired,
    play_trials,
    rate,
    read_alone,
    report_split,
    right,
    self_play,
    won,
)
from qd.fitting import prefix_room
from qd.run_models import JOURNAL, equip, make_models
from qd.rundir import RunDirectory
from qd.statistics import difference_interval, mean_interval
from qd.storage import json_text, write_atomic
from qd.strategy import Strategy

REPORT_VERSION = 1
SPLITS = ("train", "test")
FOLDER = "evaluation"
Watch = Callable[[str, int, int], None]


def _ignore(label: str, done: int, total: int) -> None:
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
def _players(run: RunDirectory, config: RunConfig) -> Iterator[Players]:
    """Make the models of a run, without its mutator; their replies are kept for a second time."""
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
                config.debate_settings(),
                config.debater_sampling(),
                config.verdict_settings(),
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


def _as_in(players: Players, config: RunConfig) -> Players:
    """Return the same models under the rules of another configuration."""
    return replace(players, settings=config.debate_settings())


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


def _evaluate(
    run: RunDirectory,
    questions: Mapping[str, Sequence[Question]],
    elites: Sequence[Strategy],
    players: Players,
    watch: Watch,
    label: str = "",
) -> tuple[dict[str, Any], dict[str, list[Trial]]]:
    seeds = seeds_of(run)
    seed = run.config.seed
    trials: dict[str, list[Trial]] = {}
    splits: dict[str, Any] = {}
    for split, asked in questions.items():
        if not asked:
            raise InputError(f"{run.path}: no {split} questions to evaluate on")
        played, readings = _play_split(
            elites, seeds, asked, players, seed, partial(watch, label + split)
        )
        trials[split] = played
        splits[split] = report_split(asked, played, readings).to_json()
    both = set(SPLITS) <= set(trials)
    shown = "test" if "test" in trials else next(iter(trials))
    report = {
        "version": REPORT_VERSION,
        "run": run.config.name or run.path.name,
        "objective": run.config.objective,
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
        "gap": accuracy_gap(trials["train"], trials["test"]).to_json() if both else None,
        "seed_gap": (
            accuracy_gap(trials["train"], trials["test"], "seeds").to_json() if both else None
        ),
        "gap_over_seeds": (
            gap_over_seeds(trials["train"], trials["test"]).to_json() if both else None
        ),
        "strategies_split": shown,
        "strategies": _strategy_rows(elites, trials[shown]),
    }
    return report, trials


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
    splits: Sequence[str] = SPLITS,
    elites: int = 8,
    progress: Watch = _ignore,
    config: RunConfig | None = None,
) -> tuple[dict[str, Any], dict[str, list[Trial]]]:
    """Measure one run.

    Args:
        run: The run.
        config: Its configuration, with other addresses of its models, say; its own by default.
        splits: Which of ``"train"`` and ``"test"``.
        elites: How many of its best elites are played.
        progress: Called with (split, debates done, debates to do).

    Returns:
        The report (JSON-able, see :func:`save_report`) and the trials of each split.
    """
    questions = questions_of(run, splits)
    with _players(run, config or run.config) as players:
        return _evaluate(run, questions, elites_of(run, elites), players, progress)


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
    return folder


def compare_runs(
    first: RunDirectory,
    second: RunDirectory,
    *,
    splits: Sequence[str] = SPLITS,
    elites: int = 8,
    progress: Watch = _ignore,
    configs: tuple[RunConfig, RunConfig] | None = None,
) -> dict[str, Any]:
    """Measure two runs on the questions that both have in the same split.

    Differences are paired by question; a duel lets the elites of one run meet those of the other
    in both seats, before the first run's judge.

    Raises:
        InputError: If the runs have no questions in common.
    """
    runs = (first, second)
    asked = [questions_of(run, splits) for run in runs]
    common: dict[str, list[Question]] = {}
    for split in splits:
        there = {q.question_id: q for q in asked[1][split]}
        common[split] = [q for q in asked[0][split] if there.get(q.question_id) == q]
        if not common[split]:
            raise InputError(
                f"{first.path} and {second.path} have no {split} questions in common; train both "
                "with the same --questions and the same split seed"
            )
    elite_lists = [elites_of(run, elites) for run in runs]
    with ExitStack() as stack:
        config, other_config = configs or (first.config, second.config)
        one = stack.enter_context(_players(first, config))
        if config.models == other_config.models:  # nobody has room for an engine twice
            other = _as_in(one, other_config)
        else:
            other = stack.enter_context(_players(second, other_config))
        players = (one, other)
        results = [
            _evaluate(run, common, chosen, with_models, progress, f"{mark} ")
            for run, chosen, with_models, mark in zip(
                runs, elite_lists, players, ("A", "B"), strict=True
            )
        ]
        reports, trials = [r for r, _ in results], [t for _, t in results]
        duel = {
            split: rate(
                _duel(elite_lists[0], elite_lists[1], common[split], players[0], first), won
            ).to_json()
            for split in splits
        }
    differences = {split: _accuracy_differences(trials, split) for split in splits}
    both = set(SPLITS) <= set(splits)
    return {
        "version": REPORT_VERSION,
        "simulation": any(report["simulation"] for report in reports),
        "warnings": _comparison_warnings(runs, reports, asked, common),
        "splits": list(splits),
        "runs": reports,
        "accuracy_difference": {s: mean_interval(*d).to_json() for s, d in differences.items()},
        "gap_difference": (
            difference_interval(differences["train"], differences["test"]).to_json()
            if both
            else None
        ),
        "duel": duel,
    }


def _accuracy_differences(
    trials: Sequence[Mapping[str, Sequence[Trial]]], split: str
) -> tuple[list[float], list[str]]:
    sides = [
        by_question((t for t in played[split] if t.kind == "elites"), right) for played in trials
    ]
    return paired(sides[0], sides[1])


def _duel(
    first: Sequence[Strategy],
    second: Sequence[Strategy],
    questions: Sequence[Question],
    players: Players,
    run: RunDirectory,
) -> list[Trial]:
    # Two runs use the same identifiers for different strategies, so the opponents are renamed.
    renamed = [
        Strategy(f"B-{s.strategy_id}", s.family, s.text, s.parents, s.generation, s.operator)
        for s in second
    ]
    pairings = list(against("duel", first, renamed, questions))
    return play_trials(pairings, players, run.config.seed)


def _comparison_warnings(
    runs: Sequence[RunDirectory],
    reports: Sequence[Mapping[str, Any]],
    asked: Sequence[Mapping[str, Sequence[Question]]],
    common: Mapping[str, Sequence[Question]],
) -> list[str]:
    warnings = []
    if reports[0]["fingerprints"]["judge"] != reports[1]["fingerprints"]["judge"]:
        warnings.append("The runs have different judges: their accuracies are not comparable.")
    if _rules_differ(runs):
        warnings.append("The runs were debated under different rules.")
    for split, kept in common.items():
        sizes = [len(a[split]) for a in asked]
        if any(size != len(kept) for size in sizes):
            warnings.append(
                f"{split}: compared on the {len(kept)} common questions of {sizes[0]} and "
                f"{sizes[1]}."
            )
    return warnings


def _rules_differ(runs: Sequence[RunDirectory]) -> bool:
    rules = [
        (s.protocol, s.rounds, s.word_limit, s.max_chars, s.quotes)
        for s in (run.config.debate_settings() for run in runs)
    ]
    return rules[0] != rules[1]
