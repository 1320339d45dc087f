"""Evaluate run directories: load what a run left, play its elites, keep the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from debate_env.core.transcript import Speech
from debate_env.errors import InputError
from debate_env.questions.question import Question
from debate_env.questions.sources import load_questions
from debateqd.agents.models.budget import Limits
from debateqd.qd.config.schema import ROLES, RunConfig, is_simulated
from debateqd.qd.debates.counting import rate, right, speech_troubles, won
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.models import JOURNAL, equip, make_models
from debateqd.qd.debates.plans import EvaluationPlanner, Plan
from debateqd.qd.debates.questions import draw_questions
from debateqd.qd.debates.referee import Players, make_players, play_plans
from debateqd.qd.descriptors.base import BehaviourSummary, Descriptor
from debateqd.qd.descriptors.utterances import utterances_of
from debateqd.qd.measures.controls import (
    cut_strategies,
    length_control,
    length_plans,
    mean_words,
    position_control,
)
from debateqd.qd.measures.corrected_archive import measure_archive
from debateqd.qd.measures.diversity import diversity_over_time
from debateqd.qd.measures.generalisation import GAPS
from debateqd.qd.measures.payoffs import measure_payoffs
from debateqd.qd.measures.scores import split_gaps
from debateqd.qd.measures.splits import JudgeAlone, read_alone, report_split
from debateqd.qd.statistics import as_json
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.store.storage import json_text, write_atomic
from debateqd.qd.strategy import Strategy

REPORT_VERSION = 2
MEASURED = ("train", "selection", "test")
"""Splits of a run that share no passage; the fourth, ``report``, has been seen while it ran."""

FOLDER = "evaluation"
Watch = Callable[[str, int, int], None]
"""Called with what is played, debates done, and debates to do."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What is measured beyond the splits.

    Attributes:
        archive_questions: Test questions on which every elite is measured anew for the corrected
            archive; 0 leaves it out.
        round_robin: Test questions for every pair of elites, beside the debates of the log.
        length_control: Whether elites play again, cut to the length of the seeds.
    """

    archive_questions: int = 24
    round_robin: int = 0
    length_control: bool = False


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
    loaded = load_questions(source, run.config.questions.columns)
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
    with ExitStack() as stack:
        bare = stack.enter_context(closing(make_models(config, ROLES[:2])))
        journal = None
        if config.models.journal:
            journal = run.path / FOLDER / JOURNAL
            journal.parent.mkdir(exist_ok=True)
        models = equip(bare, config, journal)
        if models.journal is not None:
            stack.callback(models.journal.close)
        yield make_players(config, run.questions().identity, models.debater, models.judge)
        if models.journal is not None:
            models.journal.compact()  # equal evaluations then leave equal bytes


def as_in(players: Players, config: RunConfig) -> Players:
    """Return the same models under the rules of another configuration."""
    return replace(players, settings=config.debate)


@dataclass(frozen=True)
class Evaluation:
    """Plays the debates of an evaluation; everything random derives from ``seed`` and names."""

    players: Players
    seed: int
    watch: Watch = ignore
    generation: int = 0

    def planner(self, split: str) -> EvaluationPlanner:
        """Return what plans debates on the questions of a split."""
        return EvaluationPlanner(self.players.rules, self.seed, split, self.generation)

    def play(
        self, label: str, plans: Iterable[Plan], descriptors: Sequence[Descriptor] = ()
    ) -> list[Match]:
        """Play debates; descriptors count behaviour in the speeches of the strategy measured."""
        planned = list(plans)
        done, behaviours = count(1), dict[str, BehaviourSummary]()

        def record(match: Match, speeches: tuple[Speech, ...]) -> None:
            self.watch(label, next(done), len(planned))
            if descriptors and match.usable:
                seats, order = match.seats_of(match.subject), self.players.settings.protocol
                spoken = utterances_of(speeches, seats, order)
                behaviours[match.match_id] = BehaviourSummary.of_match(spoken, descriptors)

        matches = play_plans(planned, self.players, record)
        if not descriptors:
            return matches
        return [replace(m, behaviour=behaviours.get(m.match_id)) for m in matches]


def _play_split(
    evaluation: Evaluation,
    split: str,
    elites: Sequence[Strategy],
    seeds: Sequence[Strategy],
    questions: Sequence[Question],
    label: str,
) -> tuple[list[Match], list[JudgeAlone]]:
    planner, players = evaluation.planner(split), evaluation.players
    plans = [
        *planner.self_play("elites", elites, questions, len(elites)),
        *planner.self_play("seeds", seeds, questions, len(elites)),
        *planner.against("panel", elites, seeds, questions),
    ]
    # Ordered by passage, so that an engine with prefix caching reads each passage about once.
    order = {q.question_id: i for i, q in enumerate(questions)}
    plans.sort(key=lambda p: order[p.question.question_id])
    matches = evaluation.play(label + split, plans)
    return matches, read_alone(questions, players.judge, evaluation.seed, players.verdict)


def evaluate_with(
    run: RunDirectory,
    config: RunConfig,
    questions: Mapping[str, Sequence[Question]],
    elites: Sequence[Strategy],
    players: Players,
    watch: Watch,
    label: str = "",
    extras: Extras | None = None,
) -> tuple[dict[str, Any], dict[str, list[Match]]]:
    """Measure one run with models that are there already.

    ``elites`` are played on all questions; ``label`` precedes what ``watch`` is told; ``extras``
    are measured beyond the splits.

    Raises:
        InputError: A split holds no question.
    """
    seeds = seeds_of(run)
    evaluation = Evaluation(players, config.seed, watch, run.archive()["generation"])
    matches: dict[str, list[Match]] = {}
    splits: dict[str, Any] = {}
    for split, asked in questions.items():
        if not asked:
            raise InputError(f"{run.path}: no {split} questions to evaluate on")
        played, readings = _play_split(evaluation, split, elites, seeds, asked, label)
        matches[split] = played
        splits[split] = as_json(report_split(asked, played, readings))
    shown = "test" if "test" in matches else next(iter(matches))
    report = {
        "version": REPORT_VERSION,
        "run": config.name or run.path.name,
        "objective": config.objective,
        "against": "seeds" if len(players.rules.players) > 1 else "question",
        "score": config.evolution.report.score,
        "simulation": is_simulated(players.debater.name, players.judge.name),
        "models": {"debater": players.debater.name, "judge": players.judge.name},
        "fingerprints": {
            "debater": players.debater.fingerprint,
            "judge": players.judge.fingerprint,
        },
        "elites": [s.strategy_id for s in elites],
        "splits": splits,
        "gaps": as_json(
            split_gaps(matches, GAPS, config.evolution.report.score, config.truth_weight)
        ),
        "position": position_control(matches[shown]),
        "strategies_split": shown,
        "strategies": _strategy_rows(elites, matches[shown]),
    }
    if extras is not None:
        more, fresh = _extras(run, config, questions, elites, matches, evaluation, extras)
        report |= more
        matches |= {name: found for name, found in fresh.items() if found}
    return report, matches


def _extras(
    run: RunDirectory,
    config: RunConfig,
    questions: Mapping[str, Sequence[Question]],
    elites: Sequence[Strategy],
    matches: Mapping[str, Sequence[Match]],
    evaluation: Evaluation,
    extras: Extras,
) -> tuple[dict[str, Any], dict[str, list[Match]]]:
    """Measure what goes beyond the splits; fresh debates are on test questions alone."""
    seeds, strategies, seed = seeds_of(run), run.strategies(), config.seed
    score, weight = config.evolution.report.score, config.truth_weight
    test = list(questions.get("test", ()))
    more: dict[str, Any] = {
        "diversity": diversity_over_time(run),
        "progress": run.progress(),
        "archive": None,
        "length": None,
    }
    fresh: dict[str, list[Match]] = {}
    planner = evaluation.planner("test")
    if test and extras.archive_questions:
        asked = draw_questions(test, extras.archive_questions, seed, "archive")
        names = {question.question_id for question in asked}
        base = [m for m in matches["test"] if m.phase == "seeds" and m.question in names]

        def look(found: Sequence[Strategy], descriptors: Sequence[Descriptor]) -> list[Match]:
            plans = planner.objective("archive", found, seeds, asked, weight)
            fresh["archive"] = evaluation.play("archive", plans, descriptors)
            return fresh["archive"]

        metrics, warnings = measure_archive(run, config, seeds, base, look)
        more["archive"] = {
            **as_json(metrics),
            "questions": len(asked),
            "passages": len({question.passage_id for question in asked}),
            "warnings": list(warnings),
        }
    if test and extras.length_control:
        words = mean_words(seeds)
        cuts = cut_strategies(elites, words)
        plans = length_plans(cuts, seeds, test, weight, planner)
        fresh["length"] = evaluation.play("length", plans)
        more["length"] = length_control(
            matches["test"], fresh["length"], cuts, words, score, weight
        )
    everyone = [strategies[row["strategy_id"]] for row in run.archive()["elites"]]
    if test and extras.round_robin:
        meetings = planner.round_robin(everyone, test, extras.round_robin)
        fresh["robin"] = evaluation.play("round robin", meetings)
    more["payoffs"] = measure_payoffs(run, everyone, fresh.get("robin", ()), score, seed)
    return more, fresh


def _strategy_rows(elites: Sequence[Strategy], matches: Sequence[Match]) -> list[dict[str, Any]]:
    """Each elite's own figures, in the order of the run's own rating.

    Ordering by the figures shown would put the luckiest first and make its figure too good.
    """
    rows: list[dict[str, Any]] = []
    troubles = speech_troubles(matches)
    for strategy in elites:
        own = [m for m in matches if m.subject == strategy.strategy_id]
        rows.append(
            {
                "id": strategy.strategy_id,
                "family": strategy.family,
                "generation": strategy.generation,
                "parents": list(strategy.parents),
                "text": strategy.text,
                "win_rate": rate((m for m in own if m.phase == "panel"), won).to_json(),
                "accuracy": rate((m for m in own if m.phase == "elites"), right).to_json(),
                "troubles": troubles.get(strategy.strategy_id, {}),
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
    extras: Extras = Extras(),
) -> tuple[dict[str, Any], dict[str, list[Match]]]:
    """Measure one run by its best ``elites``, on all :data:`MEASURED` that it has by default.

    ``config`` may give its models other addresses.

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
    """Return those of :data:`MEASURED` that hold questions in a run; train and test always."""
    kept = run.questions().splits
    return tuple(split for split in MEASURED if split != "selection" or kept.get(split))


def save_report(
    run: RunDirectory, report: Mapping[str, Any], matches: Mapping[str, Sequence[Match]]
) -> Path:
    """Keep a report and its debates in ``RUN_DIR/evaluation/``; returns that folder."""
    folder = run.path / FOLDER
    folder.mkdir(exist_ok=True)
    for split, played in matches.items():
        lines = (json_text(m.to_json(), indent=None) for m in played)
        write_atomic(folder / f"{split}.jsonl", "".join(lines))
    write_atomic(folder / "report.json", json_text(report))
    return folder
