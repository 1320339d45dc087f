"""From what happened in a generation to the results that are stored, shown and tracked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from debateqd.agents.models.base import NO_USAGE, Usage
from debateqd.qd.archive.axes import axis_from_dict
from debateqd.qd.archive.base import Entry, HeatMap, outside_counts, outside_warnings
from debateqd.qd.archive.grid import Archive
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.counting import speech_troubles
from debateqd.qd.debates.matches import Match
from debateqd.qd.descriptors.labelling import Labelling
from debateqd.qd.mutation.mutate import MutationResult, refusal_counts
from debateqd.qd.ratings import Ratings
from debateqd.qd.selection.choice import Choice
from debateqd.qd.strategy import Strategy
from debateqd.qd.tracking.events import UNSAFE, EliteRow, GenerationStats, Tokens
from debateqd.qd.training.gains import Gains
from debateqd.qd.training.state import TrainingState


def tokens_by_role(
    matches: Sequence[Match], births: Sequence[MutationResult], labelling: Usage = NO_USAGE
) -> dict[str, Tokens]:
    """Sum up tokens of debaters, judge and mutator, whose model labels strategies, too."""
    used: dict[str, list[Sequence[int]]] = {
        "debater": [],
        "judge": [],
        "mutator": [*(birth.usage for birth in births), labelling],
    }
    for match in matches:
        for seat, tokens in match.tokens.items():
            used["debater" if seat in match.seats else "judge"].append(tokens)
    return {role: Tokens(*map(sum, zip(*rows, strict=True))) for role, rows in used.items()}


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def generation_stats(
    archive: Archive,
    births: Sequence[MutationResult],
    matches: Sequence[Match],
    choice: Choice,
    labels: Labelling,
    gains: Gains | None,
    **known: Any,
) -> GenerationStats:
    """Sum up a generation from its mutations, debates of all phases, choice, labels and report.

    ``known`` are results that need no summing up.
    """
    train = [m for m in matches if m.phase == "train" and m.usable]
    ratings = [e.fitness for e in archive.elites()]
    kinds = Counter(m.kind for m in matches if not m.usable)
    judged = [m for m in matches if m.usable]
    methods = Counter(str(m.verdict["method"]) for m in judged if "method" in m.verdict)
    born = sum(hasattr(birth, "text") for birth in births)
    gains = gains or Gains({}, {}, None)
    return GenerationStats(
        **known,
        children=born,
        refused=refusal_counts(births),
        challenges=len(choice.challenges),
        accepted=len(choice.accepted) if known["generation"] else 0,
        debates=len(matches),
        unusable=dict(sorted(kinds.items())),
        calls=sum(m.calls for m in matches) + sum(b.calls for b in births) + labels.calls,
        tokens=tokens_by_role(matches, births, labels.usage),
        best_rating=max(ratings, default=0.0),
        mean_rating=_mean(ratings) or 0.0,
        qd_score=archive.qd_score(0.0),
        coverage=archive.coverage(),
        judge_accuracy=_mean([m.right for m in train if m.right is not None]),
        position_bias=_mean([m.bias for m in matches if m.usable and m.bias is not None]),
        verdict_methods=dict(sorted(methods.items())),
        missing_mass=_mean(
            [m.verdict["missing_mass"] for m in judged if "missing_mass" in m.verdict]
        ),
        objective=gains.objective,
        gain=gains.gain,
        win_rate=gains.win_rate,
        labels=labels.to_json(),
        outside=outside_counts(choice.events),
        troubles=speech_troubles(matches),
        corrected_progress=gains.corrected_progress,
    )


def lineage(strategy_id: str, strategies: Mapping[str, Strategy]) -> tuple[str, ...]:
    """Return the ids from a strategy's seed ancestor to itself, by first parents."""
    chain = [strategy_id]
    while strategies[chain[-1]].parents:
        chain.append(strategies[chain[-1]].parents[0])
    return tuple(reversed(chain))


def elite_rows(state: TrainingState, fitted: Ratings) -> tuple[EliteRow, ...]:
    """Describe the archive's elites, best first."""
    rows = [_row(entry, state, fitted) for entry in state.archive.elites()]
    return tuple(sorted(rows, key=lambda r: (-r.rating, r.strategy_id)))


def _row(entry: Entry, state: TrainingState, fitted: Ratings) -> EliteRow:
    strategy = state.strategies[entry.strategy_id]
    cell = state.archive.locate(entry.strategy_id)
    numbers = {
        name: value
        for name, value in sorted(entry.behaviour.items())
        if value is None or isinstance(value, int | float)
    }
    return EliteRow(
        strategy_id=entry.strategy_id,
        family=strategy.family,
        cell="" if cell is None else state.archive.describe(cell),
        rating=entry.fitness,
        deviation=fitted.deviations.get(entry.strategy_id),
        matches=fitted.games.get(entry.strategy_id, 0),
        generation=strategy.generation,
        operator=strategy.operator,
        lineage=lineage(entry.strategy_id, state.strategies),
        behaviour=numbers,
        text=strategy.text,
    )


def archive_json(
    generation: int, rows: Sequence[EliteRow], table: HeatMap, archive: Archive
) -> dict[str, Any]:
    """Return what ``archive.json`` holds."""
    return {
        "generation": generation,
        "elites": [{**asdict(row), "lineage": list(row.lineage)} for row in rows],
        "heat_map": asdict(table),
        "archive": archive.to_dict(),
    }


_SUMMED_UP = (
    *("qd_score", "coverage", "best_rating", "mean_rating", "judge_accuracy", "position_bias"),
    *("gain", "win_rate", "verdict_methods", "missing_mass"),
)
"""Results of the last generation that are a run's, too."""


def summary_json(
    config: RunConfig,
    state: TrainingState,
    stats: GenerationStats,
    facts: Mapping[str, Any],
    by_generation: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return what ``summary.json`` holds: the outcome of a run, or what there is of it.

    ``facts`` are simulation or not, pool, and the questions per split; ``by_generation`` every
    committed generation's results, as stored.
    """
    shown = stats.to_json()
    entries = {e.strategy_id: e for e in state.archive.elites()}
    axes = [axis_from_dict(axis) for axis in state.archive.to_dict()["axes"]]
    top = [
        {
            "id": s,
            "family": state.strategies[s].family,
            "rating": entries[s].fitness,
            "generation": state.strategies[s].generation,
            "lineage": list(lineage(s, state.strategies)),
            "text": state.strategies[s].text,
        }
        for s in stats.champions
        if s in entries
    ]
    return {
        **facts,
        "name": config.name,
        "objective": config.objective,
        "seed": config.seed,
        "generations": stats.generation,
        "complete": stats.generation == config.evolution.generations,
        "strategies": len(state.strategies),
        "elites": len(state.archive),
        "values": shown["objective"],
        **{name: shown[name] for name in _SUMMED_UP},
        "not_safe_from_selection": [name for name in UNSAFE if name in _SUMMED_UP],
        "out_of_range": state.archive.out_of_range,
        "childless": sum(row["generation"] > 0 and not row["children"] for row in by_generation),
        "warnings": [
            *outside_warnings(state.archive.out_of_range, axes),
            *filter(None, (row.get("warnings", {}).get("position") for row in by_generation)),
        ],
        "top": top,
        "totals": state.totals,
        "troubles": speech_troubles([*state.matches, *state.reported.values()]),
        "by_generation": [
            {key: row[key] for key in ("generation", "debates", "calls", "tokens")}
            for row in by_generation
        ],
    }


def ratings_of_players(
    fitted: Ratings, players: Sequence[Strategy], known: Mapping[str, float]
) -> dict[str, float]:
    """Ratings of a tournament's players; those without a usable match keep the last one.

    Rounded to a millionth of an Elo point, so that the last bits of a machine's arithmetic decide
    nothing.
    """
    found = {}
    for player in players:
        rating = fitted.strategies.get(player.strategy_id, known.get(player.strategy_id))
        if rating is not None:
            found[player.strategy_id] = round(rating, 6)
    return found
