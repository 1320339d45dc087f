"""Choosing a cell of the archive for a child to aim at.

Cells are wanted in so far as they are empty or their elite is weak, and the less, the further the
parent has to move. A parent without a measured behaviour has no target.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from agents.base import derive_seed
from agents.mutation_prompts import Aim
from debate_env.draws import Draws
from qd.archive_base import ArchiveProtocol, Cell, Entry, Spot
from qd.axes import Axis, Behaviour, Bins, Labels, axis_from_dict
from qd.seeds import FAMILIES

_FAMILY_STEP = 2
"""A change of family counts as so many bins: most of a strategy has to be written anew."""


@dataclass(frozen=True, slots=True)
class Target:
    """A cell to aim at.

    Attributes:
        cell: Its coordinates on the archive's axes.
        aims: What the parent has to change to get there; at least one.
    """

    cell: Cell
    aims: tuple[Aim, ...]

    def family(self, own: str) -> str:
        """Return the family that the child declares.

        Args:
            own: The parent's, which stays unless another one is aimed at.
        """
        return next((aim.family for aim in self.aims if aim.family), own)


class Targets:
    """The cells of an archive as targets.

    Args:
        archive: The archive; read once.
    """

    def __init__(self, archive: ArchiveProtocol) -> None:
        self._archive = archive
        data = archive.to_dict()
        self._axes: tuple[Axis, ...] = tuple(map(axis_from_dict, data["axes"]))
        self._places: dict[Cell, list[float]] = {}
        for entry in archive.elites():
            spot = archive.cell_of(entry.behaviour)
            if isinstance(spot, Spot):
                self._places.setdefault(spot.cell, []).append(entry.fitness)

    def choose(self, parent: Entry, seed: int) -> Target | None:
        """Draw a target for the child of a member of the archive.

        A cell's weight is its need, 1 where it is empty, otherwise half the share of inhabited
        cells whose elites are better, divided by 2 for every bin on the way (a change of family
        counts as two).

        Args:
            parent: The parent as the archive knows it.
            seed: Determines the draw.
        """
        spot = self._archive.cell_of(parent.behaviour)
        if not isinstance(spot, Spot):
            return None
        cells = self._reachable(spot.cell)
        weights = [self._need(cell) * 0.5 ** self._distance(spot.cell, cell) for cell in cells]
        if not any(weights):
            return None
        draws = Draws(derive_seed(seed, "target").to_bytes(8, "big"))
        cell = cells[draws.weighted(weights)]
        return Target(cell, self._aims(spot.cell, cell, parent.behaviour))

    def _reachable(self, start: Cell) -> list[Cell]:
        """All other cells that count and differ only on axes that words can aim at."""
        ranges = [
            range(axis.size) if _can_aim(axis) else (row,)
            for axis, row in zip(self._axes, start, strict=True)
        ]
        return [cell for cell in product(*ranges) if cell != start]

    def _need(self, cell: Cell) -> float:
        own = self._places.get(cell)
        if own is None:
            return 1.0
        others = [min(fitness) for place, fitness in self._places.items() if place != cell]
        return 0.5 * sum(f > min(own) for f in others) / len(others) if others else 0.0

    def _distance(self, start: Cell, cell: Cell) -> int:
        return sum(
            abs(a - b) if isinstance(axis, Bins) else _FAMILY_STEP * (a != b)
            for axis, a, b in zip(self._axes, start, cell, strict=True)
        )

    def _aims(self, start: Cell, cell: Cell, behaviour: Behaviour) -> tuple[Aim, ...]:
        aims = []
        for axis, a, b in zip(self._axes, start, cell, strict=True):
            if a == b:
                continue
            if isinstance(axis, Bins):
                value = behaviour.get(axis.name)
                current = None if value is None or isinstance(value, str) else float(value)
                aims.append(Aim(axis.name, current, axis.edges[b], axis.edges[b + 1]))
            else:
                aims.append(Aim(axis.name, None, family=axis.describe(b)))
        return tuple(aims)


def _can_aim(axis: Axis) -> bool:
    """Whether words can ask for a place on an axis: numbers, and families of strategies."""
    return isinstance(axis, Bins) or (
        isinstance(axis, Labels) and set(axis.labels) <= set(FAMILIES)
    )
