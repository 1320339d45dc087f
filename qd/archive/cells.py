"""The reading side of an archive: who lives where, and what the whole is worth."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

from debateqd.qd.archive.axes import Axis, Behaviour, Labels, Unplaceable
from debateqd.qd.archive.base import Cell, Entry, HeatMap, Spot


@dataclass(slots=True)
class Niche:
    """The inhabitants of one cell; a cell without an elite is not stored."""

    elite: Entry
    challengers: list[Entry] = field(default_factory=list)


class Cells:
    """Inhabited cells over named axes; the first gives the rows of the heat map."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        self.axes: tuple[Axis, ...] = tuple(axes)
        self._niches: dict[Cell, Niche] = {}
        self._cells: dict[str, Cell] = {}
        self._outside: Counter[str] = Counter()

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
        niche = self._niches[cell]
        return next(e for e in (niche.elite, *niche.challengers) if e.strategy_id == strategy_id)

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
