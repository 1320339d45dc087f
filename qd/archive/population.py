"""An archive without niches: one population of fixed size, in which the weakest gives way.

This is the archive of an ordinary genetic algorithm with elitist replacement: of parents and
children together the best live on (plus selection, "mu + lambda"; Eiben and Smith, Introduction to
Evolutionary Computing, 2nd edition, section 5.3.2). It is a baseline: nothing in it asks strategies
to differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from debate_env.errors import InputError
from debateqd.qd.archive.axes import Behaviour, Labels, axis_from_dict
from debateqd.qd.archive.base import Cell, Spot
from debateqd.qd.archive.slots import SlotArchive

_AXIS = Labels("population", ("population",))


class PopulationArchive(SlotArchive):
    """One row of slots for everybody, whatever the behaviour.

    Raises:
        InputError: A size below 1.
    """

    kind = "population"

    def __init__(self, size: int = 35) -> None:
        if size < 1:
            raise InputError(f"archive population of {size}: must be 1 or more")
        super().__init__(size, _AXIS)

    def cell_of(self, behaviour: Behaviour) -> Spot:
        """Say that everybody belongs to the one population."""
        return Spot((0,), ())

    def describe(self, cell: Cell) -> str:
        """Name a cell, e.g. ``"population"``, or ``"place 3"``."""
        return f"place {cell[1] + 1}" if len(cell) > 1 else "population"

    @classmethod
    def _empty(cls, data: Mapping[str, Any]) -> Self:
        (axis,) = data["axes"]
        if axis_from_dict(axis) != _AXIS:
            raise InputError(f"archive: a population has no axis {axis!r}")
        return cls(int(data["slots"]))
