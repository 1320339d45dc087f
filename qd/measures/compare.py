"""Compare runs: groups of them that differ in nothing but their seeds."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any

from debate_env.draws import digest
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.counting import observed
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
    seeds_of,
    splits_of,
)
from debateqd.qd.measures.generalisation import RunScores, compare_groups
from debateqd.qd.measures.scores import accuracies, accuracies_beside_seeds, objective_scores
from debateqd.qd.statistics import Observed
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
    units: dict[str, str] = {}
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
            units[name] = _objective_unit(run, config)
            for measure, found in _scores(run, config, matches).items():
                scores[measure].setdefault(name, []).append(found)
    return {
        "version": REPORT_VERSION,
        "simulation": any(report["simulation"] for report in reports),
        "warnings": [*_warnings(runs, names, reports), *_different_units(units)],
        "runs": [
            {"run": run.path.name, "group": name, "seed": run.config.seed, "report": report}
            for run, name, report in zip(runs, names, reports, strict=True)
        ],
        "measures": {
            measure: compare_groups(found, units if measure == "objective" else {})
            for measure, found in scores.items()
        },
    }


def _scores(
    run: RunDirectory, config: RunConfig, matches: Mapping[str, Sequence[Match]]
) -> dict[str, RunScores]:
    """Values by measure; a passage is named with its question set."""
    source = run.questions().content_hash[:12]
    score, weight = config.evolution.report.score, config.truth_weight

    def named(found: Observed) -> list[tuple[float, str]]:
        return [(value, f"{source}/{passage}") for value, passage in zip(*found, strict=True)]

    right = {split: named(accuracies(played)) for split, played in matches.items()}
    beside = {split: accuracies_beside_seeds(played) for split, played in matches.items()}
    elites, seeds = ({split: named(b[k]) for split, b in beside.items()} for k in (0, 1))
    objective = {
        split: named(observed(objective_scores(played, score, weight).values()))
        for split, played in matches.items()
    }
    name = run.path.name
    found = (RunScores(name, right), RunScores(name, elites, seeds), RunScores(name, objective))
    return dict(zip(GROUP_MEASURES, found, strict=True))


def _objective_unit(run: RunDirectory, config: RunConfig) -> str:
    """Say what the objective counts: shares won of one panel are no shares won of another."""
    counted = {"credence": "credence", "win": "verdicts"}[config.evolution.report.score]
    weight = config.truth_weight
    if weight == 1:
        return f"truth by {counted}"
    panel = digest(*sorted(strategy.text for strategy in seeds_of(run))).hex()[:8]
    share = f"share of {counted} won in {config.debate.protocol} against seed panel {panel}"
    return share if weight == 0 else f"{share}, joined with truth, weight {weight:g}"


def _different_units(units: Mapping[str, str]) -> list[str]:
    if len(set(units.values())) < 2:
        return []
    shown = "; ".join(f"{name}: {unit}" for name, unit in units.items())
    return [f"What the objective counts is not compared where it has another unit. {shown}."]


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
