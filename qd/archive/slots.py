"""Archives of slots: the DebateQD paper's, so many per family, and one population without families.

In either the best rated keep their slots and the weakest give way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from debate_env.errors import InputError
from debateqd.qd.archive.axes import Axis, Behaviour, Labels, axis_from_dict, default_axis
from debateqd.qd.archive.base import Cell, Entry, HeatMap, Spot
from debateqd.qd.archive.grid import Archive


class SlotArchive(Archive):
    """Family by slots. A newcomer to a full family faces the weakest strategy in it.

    A cell is (family, slot); the number of a slot means nothing. There are no challengers: an
    undecided comparison keeps the incumbent.

    Args:
        slots: Strategies per family.
        axis: What stands for the family; another closed set of labels is possible.

    Raises:
        InputError: Fewer than one slot.
    """

    kind = "slots"

    def __init__(self, slots: int = 5, axis: Axis | None = None) -> None:
        if slots < 1:
            raise InputError(f"archive slots {slots}: must be 1 or more")
        super().__init__((default_axis("family") if axis is None else axis,), challengers=0)
        self.slots = slots

    @property
    def size(self) -> int:
        """Number of slots of all families, the overflow row left out."""
        return self.axes[0].size * self.slots

    def describe(self, cell: Cell) -> str:
        """Name a cell, e.g. ``"rationality, slot 1"``."""
        return super().describe(cell[:1]) + "".join(f", slot {slot + 1}" for slot in cell[1:])

    def _family(self, row: int) -> list[tuple[Cell, Entry]]:
        """List one family's cells and strategies, the strongest first, older ones before equals."""
        found = [(cell, niche.elite) for cell, niche in self._niches.items() if cell[0] == row]
        return sorted(found, key=lambda pair: (-pair[1].fitness, pair[1].strategy_id))

    def elites(self) -> tuple[Entry, ...]:
        """Return all strategies, family by family, the strongest first."""
        rows = sorted({cell[0] for cell in self._niches})
        return tuple(entry for row in rows for _, entry in self._family(row))

    def heat_map(self) -> HeatMap:
        """Return fitness as a table of families by rank within the family."""
        axis, ranks = self.axes[0], range(self.slots)
        ranked = [[float(e.fitness) for _, e in self._family(row)] for row in range(axis.size)]
        return HeatMap(
            axis="slot",
            rows=tuple(map(axis.describe, range(axis.size))),
            columns=tuple(f"rank {rank + 1}" for rank in ranks),
            values=tuple(tuple((*row, *[None] * self.slots)[: self.slots]) for row in ranked),
        )

    def _target(self, cell: Cell) -> Cell:
        for slot in range(self.slots):
            if (*cell, slot) not in self._niches:
                return (*cell, slot)
        return self._family(cell[0])[-1][0]

    def _options(self) -> dict[str, int]:
        return {"slots": self.slots}

    @classmethod
    def _empty(cls, data: Mapping[str, Any]) -> Self:
        (axis,) = data["axes"]
        return cls(int(data["slots"]), axis_from_dict(axis))


_POPULATION = Labels("population", ("population",))


class PopulationArchive(SlotArchive):
    """One row of slots for everybody, whatever the behaviour: a baseline that asks no difference.

    This is the archive of an ordinary genetic algorithm with elitist replacement: of parents and
    children together the best live on (plus selection, "mu + lambda"; Eiben and Smith, Introduction
    to Evolutionary Computing, 2nd edition, section 5.3.2).

    Raises:
        InputError: A size below 1.
    """

    kind = "population"

    def __init__(self, size: int = 35) -> None:
        if size < 1:
            raise InputError(f"archive population of {size}: must be 1 or more")
        super().__init__(size, _POPULATION)

    def cell_of(self, behaviour: Behaviour) -> Spot:
        """Say that everybody belongs to the one population."""
        return Spot((0,), ())

    def describe(self, cell: Cell) -> str:
        """Name a cell, e.g. ``"population"``, or ``"place 3"``."""
        return f"place {cell[1] + 1}" if len(cell) > 1 else "population"

    @classmethod
    def _empty(cls, data: Mapping[str, Any]) -> Self:
        return cls(int(data["slots"]))
