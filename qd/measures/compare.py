"""Compare runs: groups of them that differ in nothing but their seeds."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any

from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.referee import Players
from debateqd.qd.measures.evaluate import (
    REPORT_VERSION,
    Watch,
    as_in,
    elites_of,
    evaluate_with,
    ignore,
    players_of,
    questions_of,
    splits_of,
)
from debateqd.qd.measures.generalisation import RunScores, compare_groups
from debateqd.qd.measures.scores import accuracies, accuracy_over_seeds, objective_scores
from debateqd.qd.store.directory import RunDirectory

GROUP_MEASURES = ("accuracy", "accuracy_over_seeds", "objective")
"""What groups are compared by: judge accuracy in the elites' self-play; the same minus that of the
seed strategies on the same questions; and what the objective counts."""


def compare_runs(
    runs: Sequence[RunDirectory],
    *,
    splits: Sequence[str] | None = None,
    elites: int = 8,
    progress: Watch = ignore,
    configs: Sequence[RunConfig] | None = None,
) -> dict[str, Any]:
    """Measure runs, and compare groups of them.

    Runs of one configuration, seeds and names apart, make a group; see
    :mod:`debateqd.qd.measures.generalisation`. Each run is measured on its own questions.
    ``configs`` may give the runs' models other addresses.

    Returns:
        A JSON-able mapping; ``runs`` holds group, seed and report of each, ``measures`` what
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
            reports.append(report)
            for measure, by_split in _scores(run, config, matches).items():
                scores[measure].setdefault(name, []).append(RunScores(run.path.name, by_split))
    return {
        "version": REPORT_VERSION,
        "simulation": any(report["simulation"] for report in reports),
        "warnings": _warnings(runs, names, reports),
        "runs": [
            {"run": run.path.name, "group": name, "seed": run.config.seed, "report": report}
            for run, name, report in zip(runs, names, reports, strict=True)
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


def _warnings(
    runs: Sequence[RunDirectory], names: Sequence[str], reports: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Say what makes runs hard to compare."""
    warnings = []
    if len({report["fingerprints"]["judge"] for report in reports}) > 1:
        warnings.append("The runs have different judges: their accuracies are not comparable.")
    if len({run.config.debate.rules for run in runs}) > 1:
        warnings.append("The runs were debated under different rules.")
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
