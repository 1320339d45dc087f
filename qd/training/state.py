"""What a run knows between two generations, and how it is stored in ``generations/NNNN.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from debate_env.errors import InputError
from debateqd.qd.archive.grid import Archive
from debateqd.qd.archive.registry import archive_from_dict, make_archive
from debateqd.qd.config.schema import EvolutionConfig
from debateqd.qd.debates.matches import Match
from debateqd.qd.descriptors.base import BehaviourSummary, make_axes
from debateqd.qd.mutation.operator_shares import OperatorSuccesses
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.strategy import Strategy
from debateqd.qd.tracking.events import GenerationStats


@dataclass
class TrainingState:
    """Everything that the next generation depends on.

    Attributes:
        strategies: Every strategy ever made, by id, in order of creation.
        behaviours: What was counted about the living ones.
        waiting: Since which generation each challenger has waited in its cell.
        matches: All matches that ratings rest on, in the order of the log: training and selection.
        reported: Report matches by id, to be used again.
        totals: Debates, calls, tokens and unusable verdicts so far.
        yields: What the mutation operators have yielded.
    """

    archive: Archive
    strategies: dict[str, Strategy] = field(default_factory=dict)
    behaviours: dict[str, BehaviourSummary] = field(default_factory=dict)
    ratings: dict[str, float] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    matches: list[Match] = field(default_factory=list)
    reported: dict[str, Match] = field(default_factory=dict)
    totals: dict[str, Any] = field(
        default_factory=lambda: {"debates": 0, "calls": 0, "unusable": 0, "tokens": {}}
    )
    yields: OperatorSuccesses = field(default_factory=OperatorSuccesses)

    def next_id(self, offset: int = 0) -> str:
        """Name the next strategy but ``offset``."""
        return f"s{len(self.strategies) + offset:04d}"

    def add(self, strategies: Sequence[Strategy]) -> None:
        """Take in new strategies."""
        self.strategies.update({s.strategy_id: s for s in strategies})

    def remember(self, match: Match) -> None:
        """Take in a match that was played."""
        if match.phase == "report":
            self.reported[match.match_id] = match
        else:
            self.matches.append(match)

    def count(self, stats: GenerationStats) -> None:
        """Add what a generation took to the totals."""
        old, tokens = self.totals, {}
        for role, used in sorted(stats.tokens.items()):
            before = old["tokens"].get(role, {})
            tokens[role] = {name: before.get(name, 0) + n for name, n in asdict(used).items()}
        self.totals = {
            "debates": old["debates"] + stats.debates,
            "calls": old["calls"] + stats.calls,
            "unusable": old["unusable"] + sum(stats.unusable.values()),
            "tokens": tokens,
        }

    def note_waiting(self, generation: int) -> None:
        """Note who waits in a cell as a challenger."""
        waiting = sorted(e.strategy_id for e in self.archive.challengers())
        self.waiting = {s: self.waiting.get(s, generation) for s in waiting}

    def forget_the_dead(self) -> None:
        """Drop what is kept about living strategies only."""
        living = {e.strategy_id for e in self.archive.members()}
        self.behaviours = {s: b for s, b in sorted(self.behaviours.items()) if s in living}
        self.ratings = {s: r for s, r in sorted(self.ratings.items()) if s in living}

    def to_json(self) -> dict[str, Any]:
        """Return the part of a generation file that resuming needs."""
        return {
            "next_strategy": len(self.strategies),
            "archive": self.archive.to_dict(),
            "behaviour": {s: b.to_dict() for s, b in self.behaviours.items()},
            "ratings": self.ratings,
            "waiting": self.waiting,
            "totals": self.totals,
            "yields": self.yields.to_json(),
        }


def new_archive(evolution: EvolutionConfig) -> Archive:
    """Make the empty archive of a configuration.

    Raises:
        InputError: An axis is unknown, or given twice.
    """
    config = evolution.archive
    if not config.axes:
        raise InputError("evolution.archive.axes: must name at least one axis, e.g. family")
    waiting = evolution.selection.challengers
    axes = make_axes(config)
    return make_archive(config.kind, axes=axes, challengers=waiting, slots=config.slots)


def restore_state(run: RunDirectory, generation: int) -> TrainingState:
    """Read the state after a committed generation; the logs are already cut to fit.

    Raises:
        InputError: A file is missing or damaged.
    """
    data = run.generation(generation)
    _check_axes(run, data)
    try:
        state = TrainingState(
            archive=archive_from_dict(data["archive"]),
            strategies=run.strategies(),
            behaviours={s: BehaviourSummary.from_dict(b) for s, b in data["behaviour"].items()},
            ratings={s: float(r) for s, r in data["ratings"].items()},
            waiting={s: int(g) for s, g in data["waiting"].items()},
            totals=data["totals"],
            yields=OperatorSuccesses.from_json(data["yields"]),
        )
        expected = data["next_strategy"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        where = run.path / "generations" / f"{generation:04d}.json"
        raise InputError(f"{where}: field {error} is missing or of the wrong kind") from None
    if len(state.strategies) != expected:
        raise InputError(
            f"{run.path / 'strategies.jsonl'}: holds {len(state.strategies)} strategies, but "
            f"{expected} were committed"
        )
    for match in run.matches():
        state.remember(match)
    return state


def _check_axes(run: RunDirectory, data: Mapping[str, Any]) -> None:
    """Refuse to go on with other axes: a file that decides where strategies belong has changed."""
    then, now = data.get("archive"), new_archive(run.config.evolution).to_dict()
    if isinstance(then, Mapping) and then.get("axes") != now["axes"]:
        raise InputError(
            f"{run.path}: the archive's axes are not those that this run began with; restore "
            "evolution.archive in config.yaml, or the file of evolution.archive.embedding, that "
            "was changed, or start a new run"
        )
