"""Everything that a run directory knows about one strategy."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Literal, get_args

from debate_env.errors import InputError
from debateqd.qd.archive.base import ArchiveProtocol
from debateqd.qd.archive.registry import archive_from_dict
from debateqd.qd.debates.matches import Match, Phase
from debateqd.qd.ratings import Ratings, make_rating
from debateqd.qd.store.ancestry import (
    Descendant,
    Record,
    Stretch,
    Tally,
    ancestors,
    descendants,
    record,
    share_kept,
    word_diff,
)
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.strategy import Strategy

Role = Literal["elite", "challenger", "dead", "unknown"]
"""``unknown``: no generation has been committed yet."""

BATCH = "bradley_terry"
"""The view that knows how sure it is."""

PHASES: tuple[Phase, ...] = get_args(Phase)


@dataclass(frozen=True, slots=True)
class Step:
    """A strategy on the way from a seed to the one in question.

    Attributes:
        strategy: The strategy.
        changes: What its text changed, by parent id; empty for a seed.
    """

    strategy: Strategy
    changes: Mapping[str, tuple[Stretch, ...]]


@dataclass(frozen=True, slots=True)
class Standing:
    """A rating of the strategy.

    Attributes:
        view: How it was computed: ``"elo"``, ``"bradley_terry"``, ...
        value: Elo points, in the scale of the view.
        low: Lower end of the 95 % interval; ``None`` where the view knows no uncertainty.
        high: Upper end.
        games: Usable debates behind it; those of reports are never rated.
        generation: The last generation whose debates it counts.
    """

    view: str
    value: float
    low: float | None
    high: float | None
    games: int
    generation: int


@dataclass(frozen=True, slots=True)
class Fate:
    """Where a strategy is now.

    Attributes:
        role: Whether it lives.
        cell: Name of its cell; of the last one for a dead strategy that had one.
        generation: The last committed generation, or the one that ended it.
        reason: Why it is not alive.
    """

    role: Role
    cell: str = ""
    generation: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StrategyHistory:
    """What :func:`history_of` finds.

    Attributes:
        run: Name of the run.
        simulation: Whether the embedded model played, so that records say nothing about language
            models.
        strategy: The strategy.
        steps: Its ancestry, seeds first, itself last.
        records: Its debates, by phase; phases without any are left out.
        standings: Its ratings, the run's own first; empty if it has no rated debate.
        fate: Where it is now.
        descendants: Everything made from it.
        living: Ids of strategies in the archive.
    """

    run: str
    simulation: bool
    strategy: Strategy
    steps: tuple[Step, ...]
    records: Mapping[str, Record]
    standings: tuple[Standing, ...]
    fate: Fate
    descendants: tuple[Descendant, ...]
    living: frozenset[str]

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-able data."""
        return {
            "run": self.run,
            "simulation": self.simulation,
            "strategy": asdict(self.strategy),
            "ancestry": [
                {
                    **asdict(step.strategy),
                    "alive": step.strategy.strategy_id in self.living,
                    "changes": {
                        parent: {
                            "kept": share_kept(stretches),
                            "diff": [[s.change, s.text] for s in stretches],
                        }
                        for parent, stretches in step.changes.items()
                    },
                }
                for step in self.steps
            ],
            "record": {phase: _record_json(found) for phase, found in self.records.items()},
            "ratings": [asdict(standing) for standing in self.standings],
            "fate": asdict(self.fate),
            "descendants": [
                {
                    "strategy_id": d.strategy.strategy_id,
                    "parents": list(d.strategy.parents),
                    "depth": d.depth,
                    "generation": d.strategy.generation,
                    "operator": d.strategy.operator,
                    "alive": d.strategy.strategy_id in self.living,
                }
                for d in self.descendants
            ],
        }


def _record_json(found: Record) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name in Record.__dataclass_fields__:
        value = getattr(found, name)
        if isinstance(value, Tally):
            counts = {"won": value.won, "lost": value.lost, "tied": value.tied}
            data[name] = {**counts, "rate": value.rate.to_json()} if value.played else None
        else:
            data[name] = value
    return data


def history_of(run: RunDirectory, strategy_id: str) -> StrategyHistory:
    """Gather everything about a strategy.

    Args:
        run: The run directory.
        strategy_id: The strategy.

    Raises:
        InputError: There is no such strategy, or a file is damaged.
    """
    strategies = run.strategies()
    if strategy_id not in strategies:
        raise InputError(f"{run.path}: {_no_such(strategy_id, list(strategies))}")
    try:
        line = ancestors(strategy_id, strategies)
    except InputError as error:
        raise InputError(f"{run.path / 'strategies.jsonl'}: {error}") from None
    matches = run.matches()
    own = [m for m in matches if strategy_id in m.seats]
    archive = _archive(run)
    return StrategyHistory(
        run=run.config.name or run.path.name,
        simulation=any(
            spec.split(":")[0] == "embedded"
            for spec in (run.config.models.debater, run.config.models.judge)
        ),
        strategy=strategies[strategy_id],
        steps=tuple(_step(strategy, strategies) for strategy in line),
        records={
            phase: record(strategy_id, played)
            for phase in PHASES
            if (played := [m for m in own if m.phase == phase])
        },
        standings=_standings(run, strategy_id, matches, strategies),
        fate=_fate(run, strategies[strategy_id], archive),
        descendants=descendants(strategy_id, strategies),
        living=frozenset(e.strategy_id for e in archive.members()) if archive else frozenset(),
    )


def _no_such(strategy_id: str, known: Sequence[str]) -> str:
    """Say what is allowed instead; a run may have thousands, so only the range is listed."""
    if not known:
        return f"holds no strategy '{strategy_id}', nor any other yet"
    close = difflib.get_close_matches(strategy_id, known, n=1, cutoff=0.6)
    question = f"did you mean '{close[0]}'? " if close else ""
    return (
        f"holds no strategy '{strategy_id}'; {question}"
        f"allowed: the {len(known)} from {known[0]} to {known[-1]}"
    )


def _step(strategy: Strategy, strategies: Mapping[str, Strategy]) -> Step:
    changes = {p: word_diff(strategies[p].text, strategy.text) for p in strategy.parents}
    return Step(strategy, changes)


def _archive(run: RunDirectory) -> ArchiveProtocol | None:
    if not run.generations():
        return None
    path = run.path / "archive.json"
    data = run.archive()
    try:
        return archive_from_dict(data["archive"])
    except KeyError as error:
        raise InputError(f"{path}: field {error} is missing; restore the file") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _fate(run: RunDirectory, strategy: Strategy, archive: ArchiveProtocol | None) -> Fate:
    if archive is None:
        return Fate("unknown")
    strategy_id = strategy.strategy_id
    committed = run.generations()
    cell = archive.locate(strategy_id)
    if cell is not None:
        elite = any(e.strategy_id == strategy_id for e in archive.elites())
        return Fate("elite" if elite else "challenger", archive.describe(cell), committed[-1])
    last = Fate("dead", reason="no archive has taken it in")
    for generation in committed:
        if generation < strategy.generation:
            continue
        for event in run.generation(generation).get("events", ()):
            if event["strategy_id"] != strategy_id:
                continue
            where = archive.describe(tuple(event["cell"])) if event["cell"] is not None else ""
            last = Fate("dead", where, generation, event["reason"])
            if event["kind"] == "evicted":
                return last
    return last


def _standings(
    run: RunDirectory,
    strategy_id: str,
    matches: Sequence[Match],
    strategies: Mapping[str, Strategy],
) -> tuple[Standing, ...]:
    """Rate the strategy by the run's own view and, where that has no interval, by the batch one."""
    rated = [m for m in matches if m.phase != "report"]
    played = [m.generation for m in rated if strategy_id in m.seats]
    if not played:
        return ()
    evolution, weight = run.config.evolution, run.config.truth_weight
    own = evolution.tournament.rating
    # Ratings that forget are of the last generation in which it played for one.
    last = max(played)
    known = [m for m in rated if m.generation <= last]
    fitted = make_rating(evolution, weight).fit(known, strategies, last, living=[strategy_id])
    found = _standing(own, strategy_id, fitted, last)
    if own == BATCH or (found is not None and found.low is not None):
        return () if found is None else (found,)
    tournament = evolution.tournament.model_copy(update={"rating": BATCH})
    evolution = evolution.model_copy(update={"tournament": tournament})
    last = max(m.generation for m in rated)
    fitted = make_rating(evolution, weight).fit(rated, strategies, last, living=[strategy_id])
    batch = _standing(BATCH, strategy_id, fitted, last)
    return tuple(s for s in (found, batch) if s is not None)


def _standing(view: str, strategy_id: str, fitted: Ratings, last: int) -> Standing | None:
    value = fitted.strategies.get(strategy_id)
    if value is None:
        return None
    deviation = fitted.deviations.get(strategy_id)
    half = None if deviation is None else NormalDist().inv_cdf(0.975) * deviation
    return Standing(
        view=view,
        value=value,
        low=None if half is None else value - half,
        high=None if half is None else value + half,
        games=fitted.games.get(strategy_id, 0),
        generation=last,
    )
