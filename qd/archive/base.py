"""What every archive has in common: entries, decisions, events, and what was out of range."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

from debateqd.qd.archive.axes import Axis, Behaviour, Bins

Cell = tuple[int, ...]
"""Coordinates of a cell: one row number per axis."""

Acceptance = Literal["accept", "reject", "undecided"]
"""Whether a challenger takes the elite's place; undecided ones are kept where there is room."""

EventKind = Literal["inserted", "replaced", "challenging", "moved", "rejected", "evicted"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A strategy as an archive sees it.

    Attributes:
        fitness: The higher the better, in the unit of the rating in use; must be finite.
        behaviour: Its measured behaviour; the archive reads the values of its own axes.
    """

    strategy_id: str
    fitness: float
    behaviour: Behaviour = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as JSON-able data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Entry:
        """Read what :meth:`to_dict` returned.

        Raises:
            KeyError, TypeError, ValueError: A field is missing or of the wrong kind.
        """
        return cls(str(data["strategy_id"]), float(data["fitness"]), dict(data["behaviour"]))


Decide = Callable[[Entry, Entry], Acceptance]
"""An acceptance rule, asked with (challenger, incumbent)."""


def better(challenger: Entry, incumbent: Entry) -> Acceptance:
    """Accept a strictly higher fitness; ties keep the incumbent."""
    return "accept" if challenger.fitness > incumbent.fitness else "reject"


@dataclass(frozen=True, slots=True)
class ArchiveEvent:
    """One thing that happened to one strategy.

    Attributes:
        kind: ``inserted``: became elite of an empty cell, or of one whose elite has left.
            ``replaced``: became elite in the place of ``other``, whose own ``evicted`` event
            follows. ``challenging``: kept as a challenger of ``other``. ``moved``: left ``origin``
            for ``cell`` because its behaviour changed; what became of it there follows.
            ``rejected``: not taken in. ``evicted``: was in the archive and left it.
        cell: The cell concerned; ``None`` when there is none.
        other: The elite that was replaced, challenged, or not beaten.
        origin: Where a moved strategy came from.
        reason: Why, for rejections and evictions.
        outside: Axes on which the behaviour lies beyond the outer edges.
    """

    kind: EventKind
    strategy_id: str
    cell: Cell | None
    other: str = ""
    origin: Cell | None = None
    reason: str = ""
    outside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The fitness of all elites as a table.

    Attributes:
        axis: What the columns stand for.
        values: Fitness by row and column; ``None`` where a cell is empty.
    """

    axis: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]


class Spot(NamedTuple):
    """Where a behaviour belongs, and the axes on which it lies beyond the outer edges."""

    cell: Cell
    outside: tuple[str, ...]


def outside_counts(events: Iterable[ArchiveEvent]) -> dict[str, int]:
    """Count the strategies of some events whose behaviour lies beyond the outer edges, each once.

    Returns:
        Axis to number of strategies, sorted by axis; without the axes that have none.
    """
    found = {(event.strategy_id, axis) for event in events for axis in event.outside}
    return dict(sorted(Counter(axis for _, axis in found).items()))


def outside_warnings(counts: Mapping[str, int], axes: Sequence[Axis]) -> list[str]:
    """Say which axes were too narrow, a line each, and what to do."""
    lines = []
    for number, axis in enumerate(axes):
        count = counts.get(axis.name, 0)
        if not count:
            continue
        times = "once" if count == 1 else f"{count} times"
        if isinstance(axis, Bins):
            lines.append(
                f"out of range: {axis.name} lay {times} beyond {axis.edges[0]:g} to "
                f"{axis.edges[-1]:g}, and was put into the nearest bin; wider edges "
                f"(evolution.archive.axes.{number}.edges) would tell such strategies apart"
            )
        else:
            lines.append(
                f"out of range: {axis.name} was {times} beyond all its labels ({axis.catch_all}); "
                "those cells count neither as coverage nor in the QD-score"
            )
    return lines
