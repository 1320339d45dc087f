"""Choosing a cell of the archive for a child to aim at.

Cells are wanted in so far as they are empty or their elite is weak, and the less, the further the
parent has to move. A parent without a measured behaviour has no target.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import product

from debate_env.draws import Draws
from debateqd.agents.base import derive_seed
from debateqd.agents.prompts import Aim
from debateqd.qd.archive.axes import Axis, Behaviour, Bins, Labels, axis_from_dict
from debateqd.qd.archive.base import Cell, Entry, Spot
from debateqd.qd.archive.grid import Archive
from debateqd.qd.seeds import FAMILIES

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
        """Return the family that the child declares: the parent's, unless another is aimed at."""
        return next((aim.family for aim in self.aims if aim.family), own)


class Targets:
    """The cells of an archive as targets; the archive is read once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        data = archive.to_dict()
        self._axes: tuple[Axis, ...] = tuple(map(axis_from_dict, data["axes"]))
        weakest: dict[Cell, float] = {}
        for entry in archive.elites():
            spot = archive.cell_of(entry.behaviour)
            if isinstance(spot, Spot):
                known = weakest.get(spot.cell, entry.fitness)
                weakest[spot.cell] = min(known, entry.fitness)
        ranked, others = sorted(weakest.values()), max(1, len(weakest) - 1)
        self._needs = {
            cell: 0.5 * (len(ranked) - bisect_right(ranked, fitness)) / others
            for cell, fitness in weakest.items()
        }

    def choose(self, parent: Entry, seed: int) -> Target | None:
        """Draw a target for the child of a member of the archive.

        A cell's weight is its need, 1 where it is empty, otherwise half the share of inhabited
        cells whose elites are better, divided by 2 for every bin on the way (a change of family
        counts as two).
        """
        spot = self._archive.cell_of(parent.behaviour)
        if not isinstance(spot, Spot):
            return None
        cells = self._reachable(spot.cell)
        weights = [
            self._needs.get(cell, 1.0) * 0.5 ** self._distance(spot.cell, cell) for cell in cells
        ]
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
