"""From what happened in a generation to the results that are stored, shown and tracked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from debateqd.agents.models.base import NO_USAGE, Usage
from debateqd.qd.archive.axes import axis_from_dict
from debateqd.qd.archive.base import Entry, HeatMap, outside_counts, outside_warnings
from debateqd.qd.archive.grid import Archive
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.matches import Match
from debateqd.qd.descriptors.labelling import Labelling
from debateqd.qd.mutation.mutate import MutationResult, refusal_counts
from debateqd.qd.ratings import Ratings
from debateqd.qd.selection.choice import Choice
from debateqd.qd.statistics import Estimate
from debateqd.qd.strategy import Strategy
from debateqd.qd.tracking.events import EliteRow, GenerationStats, Tokens
from debateqd.qd.training.gains import Gains
from debateqd.qd.training.state import TrainingState


@dataclass(frozen=True, slots=True)
class PlayedGeneration:
    """What was played in a generation, and what came of it.

    Attributes:
        generation: Its number.
        players: Strategies in the tournament.
        births: Results of the mutations.
        matches: Debates that were played, of all phases.
        choice: What came of the children.
        gains: What the report found; ``None`` when there was none.
        champions: The strategies of the report.
        operators: Shares and yields of the mutation operators.
        labels: What a model's votes say about the new strategies.
        reported_progress: The champions' ratings above the panel's.
        diversity: Families, ancestors and depth of the archive.
        rating_effects: What else the ratings have found.
    """

    generation: int
    players: int
    births: Sequence[MutationResult]
    matches: Sequence[Match]
    choice: Choice
    gains: Gains | None
    champions: tuple[str, ...]
    operators: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    labels: Labelling = field(default_factory=Labelling)
    reported_progress: Estimate | None = None
    diversity: Mapping[str, float] = field(default_factory=dict)
    rating_effects: Mapping[str, float] = field(default_factory=dict)


def tokens_by_role(
    matches: Sequence[Match], births: Sequence[MutationResult], labelling: Usage = NO_USAGE
) -> dict[str, Tokens]:
    """Sum up tokens of debaters, judge and mutator, whose model labels strategies, too."""
    sums = {role: [0, 0, 0] for role in ("debater", "judge", "mutator")}
    for match in matches:
        for seat, used in match.tokens.items():
            _add(sums["debater" if seat in match.seats else "judge"], used)
    for birth in births:
        _add(sums["mutator"], birth.usage)
    _add(sums["mutator"], labelling)
    return {role: Tokens(*counts) for role, counts in sums.items()}


def _add(sums: list[int], used: Sequence[int]) -> None:
    for place, number in enumerate(used):
        sums[place] += number


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def generation_stats(
    played: PlayedGeneration, archive: Archive, config: RunConfig
) -> GenerationStats:
    """Sum up a generation."""
    matches, births = played.matches, played.births
    train = [m for m in matches if m.phase == "train" and m.usable]
    ratings = [e.fitness for e in archive.elites()]
    kinds = Counter(m.kind for m in matches if not m.usable)
    judged = [m for m in matches if m.usable]
    methods = Counter(str(m.verdict["method"]) for m in judged if "method" in m.verdict)
    born = sum(hasattr(birth, "text") for birth in births)
    offset = config.evolution.archive.qd_offset
    gains = played.gains or Gains({}, {}, None)
    return GenerationStats(
        generation=played.generation,
        players=played.players,
        children=born,
        refused=refusal_counts(births),
        challenges=len(played.choice.challenges),
        accepted=len(played.choice.accepted) if played.generation else 0,
        debates=len(matches),
        unusable=dict(sorted(kinds.items())),
        calls=sum(m.calls for m in matches) + sum(b.calls for b in births) + played.labels.calls,
        tokens=tokens_by_role(matches, births, played.labels.usage),
        best_rating=max(ratings, default=0.0),
        mean_rating=_mean(ratings) or 0.0,
        qd_score=archive.qd_score(offset),
        qd_offset=offset,
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
        champions=played.champions,
        operators=played.operators,
        labels=played.labels.to_json(),
        outside=outside_counts(played.choice.events),
        reported_progress=played.reported_progress,
        corrected_progress=gains.corrected_progress,
        diversity=played.diversity,
        rating_effects=played.rating_effects,
    )


def lineage(strategy_id: str, strategies: Mapping[str, Strategy]) -> tuple[str, ...]:
    """Return the ids from a strategy's seed ancestor to itself, by first parents."""
    chain = [strategy_id]
    while strategies[chain[-1]].parents:
        chain.append(strategies[chain[-1]].parents[0])
    return tuple(reversed(chain))


def elite_rows(state: TrainingState, fitted: Ratings) -> tuple[EliteRow, ...]:
    """Describe the archive's elites, best first.

    Args:
        state: The state after the generation.
        fitted: The ratings, with the usable debates behind each.
    """
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


def summary_json(
    config: RunConfig,
    state: TrainingState,
    stats: GenerationStats,
    facts: Mapping[str, Any],
    by_generation: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return what ``summary.json`` holds: the outcome of a run, or what there is of it.

    Args:
        config: The run's configuration.
        state: The state after the last generation.
        stats: The last generation's results.
        facts: Simulation or not, pool, and the questions per split.
        by_generation: Every committed generation's results, as stored.
    """
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
        "qd_score": stats.qd_score,
        "coverage": stats.coverage,
        "best_rating": stats.best_rating,
        "mean_rating": stats.mean_rating,
        "judge_accuracy": stats.judge_accuracy,
        "position_bias": stats.position_bias,
        "values": dict(stats.objective),
        "gain": {name: estimate.to_json() for name, estimate in stats.gain.items()},
        "win_rate": None if stats.win_rate is None else stats.win_rate.to_json(),
        "verdict_methods": dict(stats.verdict_methods),
        "missing_mass": stats.missing_mass,
        "out_of_range": state.archive.out_of_range,
        "warnings": outside_warnings(state.archive.out_of_range, axes),
        "top": top,
        "totals": state.totals,
        "by_generation": [
            {key: row[key] for key in ("generation", "debates", "calls", "tokens")}
            for row in by_generation
        ],
    }


def ratings_of_players(
    fitted: Ratings, players: Sequence[Strategy], known: Mapping[str, float]
) -> dict[str, float]:
    """Ratings of a tournament's players; whoever has no usable match keeps the last one.

    Rounded to a millionth of an Elo point, so that the last bits of a machine's arithmetic decide
    nothing.
    """
    found = {}
    for player in players:
        rating = fitted.strategies.get(player.strategy_id, known.get(player.strategy_id))
        if rating is not None:
            found[player.strategy_id] = round(rating, 6)
    return found
