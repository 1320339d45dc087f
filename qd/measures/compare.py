"""Compare runs: two of them on the same questions, or groups that differ in their seeds."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

from debate_env.core.protocols import get_protocol
from debate_env.errors import InputError
from debate_env.questions.question import Question
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.counting import by_question, paired, rate, right, won
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.referee import Players
from debateqd.qd.measures.evaluate import (
    REPORT_VERSION,
    Evaluation,
    Watch,
    as_in,
    elites_of,
    evaluate_with,
    ignore,
    players_of,
    questions_of,
    save_report,
    splits_of,
)
from debateqd.qd.measures.generalisation import GAPS, RunScores, compare_groups
from debateqd.qd.measures.scores import accuracies, accuracy_over_seeds, objective_scores
from debateqd.qd.statistics import difference_interval, mean_interval
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.strategy import Strategy


def compare_runs(
    first: RunDirectory,
    second: RunDirectory,
    *,
    splits: Sequence[str] | None = None,
    elites: int = 8,
    progress: Watch = ignore,
    configs: tuple[RunConfig, RunConfig] | None = None,
) -> dict[str, Any]:
    """Measure two runs on the questions that both have in the same split.

    Differences are paired by question; a duel lets the elites of one run meet those of the other
    in both seats, before the first run's judge.

    Raises:
        InputError: If the runs have no questions in common.
    """
    runs = (first, second)
    wanted = [s for s in splits_of(first) if s in splits_of(second)] if splits is None else splits
    held = [questions_of(run, wanted) for run in runs]
    common: dict[str, list[Question]] = {}
    for split in wanted:
        there = {q.question_id: q for q in held[1][split]}
        common[split] = [q for q in held[0][split] if there.get(q.question_id) == q]
        if not common[split]:
            raise InputError(
                f"{first.path} and {second.path} have no {split} questions in common; train both "
                "with the same --questions and the same split seed"
            )
    elite_lists = [elites_of(run, elites) for run in runs]
    used = configs or (first.config, second.config)
    # Who plays alone meets nobody.
    meet = all(len(get_protocol(config.debate.protocol).players) > 1 for config in used)
    reports, matches, duel = [], [], {}
    with closing(_one_after_another(runs, used)) as models:
        for mark, run, config, chosen, players in zip(
            "AB", runs, used, elite_lists, models, strict=True
        ):
            label = f"{mark} "
            report, played = evaluate_with(run, config, common, chosen, players, progress, label)
            reports.append(report)
            matches.append(played)
            if mark == "A" and meet:
                duel = {
                    s: rate(_duel(s, elite_lists, asked, players, first), won).to_json()
                    for s, asked in common.items()
                }
    differences = {split: _accuracy_differences(matches, split) for split in wanted}
    return {
        "version": REPORT_VERSION,
        "simulation": any(report["simulation"] for report in reports),
        "warnings": _comparison_warnings(runs, reports, held, common),
        "splits": list(wanted),
        "runs": reports,
        "accuracy_difference": {s: mean_interval(*d).to_json() for s, d in differences.items()},
        "gap_differences": {
            f"{a}-{b}": difference_interval(differences[a], differences[b]).to_json()
            for a, b in GAPS
            if a in differences and b in differences
        },
        "duel": duel,
    }


def _accuracy_differences(
    matches: Sequence[Mapping[str, Sequence[Match]]], split: str
) -> tuple[list[float], list[str]]:
    first, second = (
        by_question((m for m in played[split] if m.phase == "elites"), right) for played in matches
    )
    return paired(first, second)


def _duel(
    split: str,
    elites: Sequence[Sequence[Strategy]],
    questions: Sequence[Question],
    players: Players,
    run: RunDirectory,
) -> list[Match]:
    # Two runs use the same identifiers for different strategies, so the opponents are renamed.
    renamed = [replace(s, strategy_id=f"B-{s.strategy_id}") for s in elites[1]]
    evaluation = Evaluation(players, run.config.seed)
    plans = evaluation.planner(split).against("duel", elites[0], renamed, questions)
    return evaluation.play("duel", plans)


def _comparison_warnings(
    runs: Sequence[RunDirectory],
    reports: Sequence[Mapping[str, Any]],
    asked: Sequence[Mapping[str, Sequence[Question]]],
    common: Mapping[str, Sequence[Question]],
) -> list[str]:
    warnings = _warnings(runs, reports)
    for split, kept in common.items():
        sizes = [len(a[split]) for a in asked]
        if any(size != len(kept) for size in sizes):
            warnings.append(
                f"{split}: compared on the {len(kept)} common questions of {sizes[0]} and "
                f"{sizes[1]}."
            )
    return warnings


def _warnings(runs: Sequence[RunDirectory], reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what makes any runs hard to compare: other judges, other rules."""
    warnings = []
    if len({report["fingerprints"]["judge"] for report in reports}) > 1:
        warnings.append("The runs have different judges: their accuracies are not comparable.")
    rules = {
        (s.protocol, s.rounds, s.word_limit, s.max_chars, s.quotes)
        for s in (run.config.debate for run in runs)
    }
    if len(rules) > 1:
        warnings.append("The runs were debated under different rules.")
    return warnings


GROUP_MEASURES = ("accuracy", "accuracy_over_seeds", "objective")
"""What groups are compared by: judge accuracy in the elites' self-play; the same minus that of the
seed strategies on the same questions; and what the objective counts."""


def compare_seeds(
    runs: Sequence[RunDirectory],
    *,
    splits: Sequence[str] | None = None,
    elites: int = 8,
    progress: Watch = ignore,
    configs: Sequence[RunConfig] | None = None,
) -> dict[str, Any]:
    """Measure runs that differ in their seeds, and compare groups of them.

    Runs of one configuration, seeds and names apart, make a group; see
    :mod:`debateqd.qd.measures.generalisation`. Each run is measured on its own questions, and its
    report is kept in its own directory. ``configs`` may give the runs' models other addresses.

    Returns:
        A JSON-able mapping; ``measures`` holds what
        :func:`debateqd.qd.measures.generalisation.compare_groups` returns, by measure.
    """
    used = [run.config for run in runs] if configs is None else list(configs)
    scores: dict[str, dict[str, list[RunScores]]] = {m: {} for m in GROUP_MEASURES}
    names = _group_names(runs)
    reports = []
    with closing(_one_after_another(runs, used)) as models:
        for run, config, name, players in zip(runs, used, names, models, strict=True):
            questions = questions_of(run, splits_of(run) if splits is None else splits)
            label = f"{run.path.name} "
            chosen = elites_of(run, elites)
            report, matches = evaluate_with(
                run, config, questions, chosen, players, progress, label
            )
            save_report(run, report, matches)
            reports.append(report)
            for measure, by_split in _scores(run, config, matches).items():
                scores[measure].setdefault(name, []).append(RunScores(run.path.name, by_split))
    return {
        "version": REPORT_VERSION,
        "simulation": any(report["simulation"] for report in reports),
        "warnings": _group_warnings(runs, names, reports),
        "runs": [
            {"run": run.path.name, "group": name, "seed": run.config.seed}
            for run, name in zip(runs, names, strict=True)
        ],
        "measures": {measure: compare_groups(scores[measure]) for measure in GROUP_MEASURES},
    }


def _scores(
    run: RunDirectory, config: RunConfig, matches: Mapping[str, Sequence[Match]]
) -> dict[str, dict[str, list[tuple[float, str]]]]:
    """Values with passages by measure and split; a passage is named with its question set."""
    source = run.questions().content_hash[:12]
    score, weight = config.evolution.report.score, config.truth_weight
    found: dict[str, dict[str, list[tuple[float, str]]]] = {m: {} for m in GROUP_MEASURES}
    for split, played in matches.items():
        values = (
            accuracies(played),
            accuracy_over_seeds(played),
            list(objective_scores(played, score, weight).values()),
        )
        for measure, pairs in zip(GROUP_MEASURES, values, strict=True):
            found[measure][split] = [(value, f"{source}/{passage}") for value, passage in pairs]
    return found


def _one_after_another(
    runs: Sequence[RunDirectory], configs: Sequence[RunConfig]
) -> Generator[Players, None, None]:
    """Yield the models of one run after the other; nobody has room for two engines at once."""
    with ExitStack() as stack:
        current: tuple[RunConfig, Players] | None = None
        for run, config in zip(runs, configs, strict=True):
            if current is not None and current[0].models == config.models:
                yield as_in(current[1], config)
                continue
            stack.close()
            players = stack.enter_context(players_of(run, config))
            current = (config, players)
            yield players


_OWN = ("name", "seed", "tracking", "budget")
_DELIVERY = ("max_open", "journal", "prices", "openai", "vllm")


def _group_names(runs: Sequence[RunDirectory]) -> list[str]:
    """Name every run's group: after the objective, and the first run where that is not enough."""
    keys = []
    for run in runs:
        config = run.config.to_json()
        config = {name: part for name, part in config.items() if name not in _OWN}
        config["models"] = {k: v for k, v in config["models"].items() if k not in _DELIVERY}
        config["questions"] = {k: v for k, v in config["questions"].items() if k != "split_seed"}
        keys.append(json.dumps(config, sort_keys=True))
    first: dict[str, RunDirectory] = {}
    for key, run in zip(keys, runs, strict=True):
        first.setdefault(key, run)
    objectives = [run.config.objective for run in first.values()]
    return [
        first[key].config.objective
        if objectives.count(first[key].config.objective) == 1
        else f"{first[key].config.objective}, like {first[key].path.name}"
        for key in keys
    ]


def _group_warnings(
    runs: Sequence[RunDirectory], names: Sequence[str], reports: Sequence[Mapping[str, Any]]
) -> list[str]:
    warnings = _warnings(runs, reports)
    if len({(q.content_hash, str(q.splits)) for q in (run.questions() for run in runs)}) > 1:
        warnings.append(
            "The runs do not share all questions, so that their passages do not cancel in "
            "comparisons."
        )
    for name in dict.fromkeys(names):
        seeds = [run.config.seed for run, own in zip(runs, names, strict=True) if own == name]
        if len(seeds) == 1:
            warnings.append(
                f"{name}: one run; its intervals speak of this run on other passages, not of other "
                "seeds."
            )
        elif len(set(seeds)) < len(seeds):
            warnings.append(f"{name}: several runs have the same seed and are no repetition.")
    return warnings
