"""Archives: cells over measured behaviour, each with one elite and perhaps a few challengers.

An archive is a pure data structure: it draws no random numbers and touches no files. *Whether* a
challenger beats an elite is decided by a function of the two (``Decide``), so that a rule which
asks a posterior plugs in without touching the archive. Every change is reported as an
``ArchiveEvent``; strategies that leave are forgotten here and stay on record elsewhere.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Self

from debate_env.errors import InputError
from debateqd.qd.archive.axes import (
    Axis,
    Behaviour,
    Labels,
    Unplaceable,
    axis_from_dict,
    default_axes,
)
from debateqd.qd.archive.base import (
    ArchiveEvent,
    Cell,
    Decide,
    Entry,
    EventKind,
    HeatMap,
    Spot,
    better,
)

FORMAT = "debateqd-archive"
FORMAT_VERSION = 1


@dataclass(slots=True)
class Niche:
    """The inhabitants of one cell; a cell without an elite is not stored."""

    elite: Entry
    challengers: list[Entry] = field(default_factory=list)

    @property
    def members(self) -> list[Entry]:
        """The elite, then the challengers."""
        return [self.elite, *self.challengers]


class Archive:
    """A grid over named axes: one elite per cell and up to ``challengers`` undecided rivals.

    Args:
        axes: The axes; the first gives the rows of the heat map. Default: family by verified-quote
            share.
        challengers: How many undecided challengers a cell keeps beside its elite.

    Raises:
        InputError: No axis, equal axes, or a negative number of challengers.
    """

    kind = "grid"

    def __init__(self, axes: Sequence[Axis] | None = None, challengers: int = 0) -> None:
        self.axes: tuple[Axis, ...] = tuple(default_axes() if axes is None else axes)
        names = [axis.name for axis in self.axes]
        if not names or len(set(names)) != len(names):
            raise InputError(f"archive axes {names}: give one or more axes, each once")
        if challengers < 0:
            raise InputError(f"archive challengers {challengers}: must be 0 or more")
        self.capacity = challengers
        self._niches: dict[Cell, Niche] = {}
        self._cells: dict[str, Cell] = {}
        self._outside: Counter[str] = Counter()

    # --- who lives where, and what the whole is worth ------------------------------------------

    @property
    def size(self) -> int:
        """Number of cells that count, overflow rows left out."""
        return math.prod(axis.size for axis in self.axes)

    @property
    def out_of_range(self) -> dict[str, int]:
        """How often an offered or moved behaviour lay beyond the edges, by axis."""
        return {name: self._outside[name] for name in sorted(self._outside)}

    def __len__(self) -> int:
        return len(self._niches)

    def __contains__(self, strategy_id: object) -> bool:
        return strategy_id in self._cells

    def cell_of(self, behaviour: Behaviour) -> Spot | Unplaceable:
        """Say where a behaviour belongs, or why nowhere."""
        cell: list[int] = []
        outside: list[str] = []
        for axis in self.axes:
            place = axis.place(behaviour.get(axis.name))
            if isinstance(place, Unplaceable):
                return place
            cell.append(place.row)
            if place.outside:
                outside.append(axis.name)
        return Spot(tuple(cell), tuple(outside))

    def describe(self, cell: Cell) -> str:
        """Name a cell in words, e.g. ``"rationality, verified_quote_share 0.05-0.15"``."""
        parts = []
        for axis, row in zip(self.axes, cell, strict=True):
            name = axis.describe(row)
            parts.append(name if isinstance(axis, Labels) else f"{axis.name} {name}")
        return ", ".join(parts)

    def locate(self, strategy_id: str) -> Cell | None:
        """Say which cell holds a strategy."""
        return self._cells.get(strategy_id)

    def get(self, strategy_id: str) -> Entry | None:
        """Return a member's entry."""
        cell = self._cells.get(strategy_id)
        if cell is None:
            return None
        return next(e for e in self._niches[cell].members if e.strategy_id == strategy_id)

    def elites(self) -> tuple[Entry, ...]:
        """Return all elites in the order of their cells."""
        return tuple(self._niches[cell].elite for cell in sorted(self._niches))

    def challengers(self) -> tuple[Entry, ...]:
        """Return all challengers in the order of their cells and arrival."""
        return tuple(e for cell in sorted(self._niches) for e in self._niches[cell].challengers)

    def members(self) -> tuple[Entry, ...]:
        """Return elites, then challengers."""
        return self.elites() + self.challengers()

    def _counts(self, cell: Cell) -> bool:
        # A cell of the slot archive has one coordinate more than it has axes.
        return all(row != axis.overflow for axis, row in zip(self.axes, cell, strict=False))

    def coverage(self) -> float:
        """Return the share of counting cells that hold an elite, from 0 to 1."""
        return sum(map(self._counts, self._niches)) / self.size

    def qd_score(self, offset: float) -> float:
        """Return the sum of (fitness - offset) over the elites of counting cells.

        An elite below the offset lowers the score: fix the offset low enough and report it.
        """
        return math.fsum(
            niche.elite.fitness - offset
            for cell, niche in self._niches.items()
            if self._counts(cell)
        )

    def heat_map(self) -> HeatMap:
        """Return the elites' fitness as a table of the counting cells.

        Rows are those of the first axis; columns are all combinations of the others.
        """
        first, *rest = self.axes
        combinations = list(product(*(range(axis.size) for axis in rest)))
        found = {c: float(n.elite.fitness) for c, n in self._niches.items() if self._counts(c)}
        return HeatMap(
            axis=" x ".join(axis.name for axis in rest),
            rows=tuple(map(first.describe, range(first.size))),
            columns=tuple(
                ", ".join(axis.describe(row) for axis, row in zip(rest, tail, strict=True))
                or "elite"
                for tail in combinations
            ),
            values=tuple(
                tuple(found.get((row, *tail)) for tail in combinations) for row in range(first.size)
            ),
        )

    # --- changing -----------------------------------------------------------------------------

    def place(self, entry: Entry, decide: Decide = better) -> tuple[ArchiveEvent, ...]:
        """Offer a new strategy.

        It becomes the elite of an empty cell; otherwise ``decide`` compares it with the elite. An
        undecided one stays as a challenger; where there is no room, the challenger with the lowest
        fitness (the latest of equals) gives way to a strictly better newcomer.

        Returns:
            What happened: one event for the newcomer, and one for whoever left because of it.

        Raises:
            ValueError: The strategy is in the archive already; renew it with :meth:`update`.
        """
        if entry.strategy_id in self._cells:
            raise ValueError(f"{entry.strategy_id} is in the archive already; use update()")
        spot = self._spot(entry)
        if isinstance(spot, Unplaceable):
            return (ArchiveEvent("rejected", entry.strategy_id, None, reason=spot.reason),)
        self._outside.update(spot.outside)
        return tuple(self._enter(entry, spot, decide, resident=False))

    def place_all(
        self, entries: Iterable[Entry], decide: Decide = better
    ) -> tuple[ArchiveEvent, ...]:
        """Offer strategies one after the other; a bad one never stops the rest."""
        return tuple(event for entry in entries for event in self.place(entry, decide))

    def update(self, entries: Iterable[Entry], decide: Decide = better) -> tuple[ArchiveEvent, ...]:
        """Renew members' fitness and behaviour, and move those whose cell changed.

        Nobody leaves a cell because its fitness changed: that is for :meth:`settle`. All movers
        leave their cells first, so that two elites can change places; the best challenger (highest
        fitness, then earliest) of a vacated cell becomes its elite. Then movers enter their new
        cells, highest fitness first (then by identifier), and face whoever lives there by
        ``decide``; one that is rejected leaves the archive. A behaviour that cannot be placed is
        reported as rejected, and the member stays as it was.

        Raises:
            ValueError: A strategy is not in the archive.
        """
        events: list[ArchiveEvent] = []
        movers: list[tuple[Entry, Spot, Cell]] = []
        for entry in entries:
            old = self._cells.get(entry.strategy_id)
            if old is None:
                raise ValueError(f"{entry.strategy_id} is not in the archive; use place()")
            spot = self._spot(entry)
            if isinstance(spot, Unplaceable):
                events.append(ArchiveEvent("rejected", entry.strategy_id, old, reason=spot.reason))
            elif spot.cell == old[: len(self.axes)]:
                self._renew(entry, old)
            else:
                movers.append((entry, spot, old))
        movers.sort(key=lambda mover: (-mover[0].fitness, mover[0].strategy_id))
        # Everybody leaves before anybody enters.
        moving = {entry.strategy_id for entry, _, _ in movers}
        for cell in sorted({old for _, _, old in movers}):
            events += self._vacate(cell, moving)
        for entry, spot, old in movers:
            self._outside.update(spot.outside)
            outcome = self._enter(entry, spot, decide, resident=True)
            target = outcome[0].cell
            events.append(
                ArchiveEvent("moved", entry.strategy_id, target, origin=old, outside=spot.outside)
            )
            events += outcome
        return tuple(events)

    def settle(self, decide: Decide = better) -> tuple[ArchiveEvent, ...]:
        """Let all challengers face their elites again, cell by cell in order of arrival."""
        events: list[ArchiveEvent] = []
        for cell in sorted(self._niches):
            niche = self._niches[cell]
            for challenger in tuple(niche.challengers):
                decision = decide(challenger, niche.elite)
                if decision == "accept":
                    events += self._crown(challenger, cell, ())
                elif decision == "reject":
                    events += self._leave(challenger, cell, f"lost to {niche.elite.strategy_id}")
        return tuple(events)

    def evict(self, strategy_id: str, reason: str) -> tuple[ArchiveEvent, ...]:
        """Remove a member; when it was an elite, its best challenger takes the cell.

        Raises:
            ValueError: The strategy is not in the archive.
        """
        cell = self._cells.get(strategy_id)
        if cell is None:
            raise ValueError(f"{strategy_id} is not in the archive")
        heirs = self._vacate(cell, {strategy_id})
        return (ArchiveEvent("evicted", strategy_id, cell, reason=reason), *heirs)

    # --- steps --------------------------------------------------------------------------------

    def _spot(self, entry: Entry) -> Spot | Unplaceable:
        if not math.isfinite(entry.fitness):
            return Unplaceable(f"fitness {entry.fitness!r} is not a finite number")
        return self.cell_of(entry.behaviour)

    def _target(self, cell: Cell) -> Cell:
        """Say which stored cell a newcomer with these coordinates faces."""
        return cell

    def _enter(
        self, entry: Entry, spot: Spot, decide: Decide, *, resident: bool
    ) -> list[ArchiveEvent]:
        cell, outside = self._target(spot.cell), spot.outside
        niche = self._niches.get(cell)
        if niche is None:
            self._niches[cell] = Niche(entry)
            self._cells[entry.strategy_id] = cell
            return [ArchiveEvent("inserted", entry.strategy_id, cell, outside=outside)]
        decision = decide(entry, niche.elite)
        if decision == "accept":
            return self._crown(entry, cell, outside)
        elite = niche.elite.strategy_id
        reason = f"lost to {elite}"
        if decision == "undecided":
            reason = f"undecided against {elite}, and no room for a challenger"
            weakest = min(reversed(niche.challengers), key=lambda e: e.fitness, default=None)
            full = len(niche.challengers) >= self.capacity
            gives_way = full and weakest is not None and entry.fitness > weakest.fitness
            if not full or gives_way:
                events = [
                    ArchiveEvent("challenging", entry.strategy_id, cell, elite, outside=outside)
                ]
                if gives_way and weakest is not None:
                    events += self._leave(weakest, cell, f"gave way to {entry.strategy_id}")
                niche.challengers.append(entry)
                self._cells[entry.strategy_id] = cell
                return events
        kind: EventKind = "evicted" if resident else "rejected"
        return [ArchiveEvent(kind, entry.strategy_id, cell, elite, reason=reason, outside=outside)]

    def _crown(self, entry: Entry, cell: Cell, outside: tuple[str, ...]) -> list[ArchiveEvent]:
        niche = self._niches[cell]
        old, niche.elite = niche.elite, entry
        niche.challengers = [e for e in niche.challengers if e is not entry]
        self._cells[entry.strategy_id] = cell
        del self._cells[old.strategy_id]
        reason = f"replaced by {entry.strategy_id}"
        return [
            ArchiveEvent("replaced", entry.strategy_id, cell, old.strategy_id, outside=outside),
            ArchiveEvent("evicted", old.strategy_id, cell, entry.strategy_id, reason=reason),
        ]

    def _leave(self, challenger: Entry, cell: Cell, reason: str) -> list[ArchiveEvent]:
        niche = self._niches[cell]
        niche.challengers = [e for e in niche.challengers if e is not challenger]
        del self._cells[challenger.strategy_id]
        elite = niche.elite.strategy_id
        return [ArchiveEvent("evicted", challenger.strategy_id, cell, elite, reason=reason)]

    def _vacate(self, cell: Cell, leaving: set[str]) -> list[ArchiveEvent]:
        niche = self._niches[cell]
        for entry in niche.members:
            if entry.strategy_id in leaving:
                del self._cells[entry.strategy_id]
        left = [e for e in niche.members if e.strategy_id not in leaving]
        if not left:
            del self._niches[cell]
            return []
        heir = niche.elite
        if heir.strategy_id in leaving:
            heir = max(left, key=lambda e: e.fitness)
        self._niches[cell] = Niche(heir, [e for e in left if e is not heir])
        if heir is niche.elite:
            return []
        return [ArchiveEvent("inserted", heir.strategy_id, cell)]

    def _renew(self, entry: Entry, cell: Cell) -> None:
        niche = self._niches[cell]
        niche.elite, *niche.challengers = (
            entry if e.strategy_id == entry.strategy_id else e for e in niche.members
        )

    # --- files --------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return the whole archive as JSON-able data with a format version."""
        return {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "kind": self.kind,
            "axes": [axis.to_dict() for axis in self.axes],
            **self._options(),
            "out_of_range": self.out_of_range,
            "cells": [
                {
                    "cell": list(cell),
                    "name": self.describe(cell),
                    "elite": self._niches[cell].elite.to_dict(),
                    "challengers": [e.to_dict() for e in self._niches[cell].challengers],
                }
                for cell in sorted(self._niches)
            ],
        }

    def _options(self) -> dict[str, int]:
        return {"challengers": self.capacity}

    @classmethod
    def _empty(cls, data: Mapping[str, Any]) -> Self:
        return cls([axis_from_dict(axis) for axis in data["axes"]], int(data["challengers"]))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_dict` returned.

        Raises:
            InputError: Another format, version or kind, or a field is missing or of the wrong kind.
        """
        found = (data.get("format"), data.get("version"), data.get("kind"))
        if found != (FORMAT, FORMAT_VERSION, cls.kind):
            raise InputError(
                f"archive of format, version and kind {found}: this program reads "
                f"{(FORMAT, FORMAT_VERSION, cls.kind)}"
            )
        try:
            archive = cls._empty(data)
            for record in data["cells"]:
                cell, elite = tuple(map(int, record["cell"])), Entry.from_dict(record["elite"])
                niche = Niche(elite, [Entry.from_dict(entry) for entry in record["challengers"]])
                archive._niches[cell] = niche
                archive._cells |= {entry.strategy_id: cell for entry in niche.members}
            archive._outside.update({str(k): int(v) for k, v in data["out_of_range"].items()})
        except InputError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"archive: a field is missing or of the wrong kind: {error!r}"
            ) from error
        return archive
