"""Archives by name, and from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from debateqd.qd.archive.axes import Axis, default_axes
from debateqd.qd.archive.grid import Archive
from debateqd.qd.archive.slots import PopulationArchive, SlotArchive
from debateqd.qd.registry import Registry
from debateqd.qd.seeds import FAMILIES

ArchiveFactory = Callable[[Sequence[Axis], int, int], Archive]
"""Makes an archive from its axes, challengers per cell, and slots per family."""

ARCHIVES: Registry[ArchiveFactory] = Registry("archive")
ARCHIVES.register("grid", lambda axes, challengers, slots: Archive(axes, challengers))
ARCHIVES.register("slots", lambda axes, challengers, slots: SlotArchive(slots))
ARCHIVES.register(
    "population", lambda axes, challengers, slots: PopulationArchive(slots * len(FAMILIES))
)


def make_archive(
    kind: str = "grid", *, axes: Sequence[Axis] | None = None, challengers: int = 0, slots: int = 5
) -> Archive:
    """Make an empty archive by name.

    Args:
        kind: ``"grid"``, ``"slots"``, ``"population"`` or ``"package.module:factory"``.
        axes: Axes of the grid; family by verified-quote share by default. Others ignore them.
        challengers: Challengers per cell of the grid.
        slots: Slots per family; a population has as many in all, open to every family.

    Raises:
        InputError: Unknown kind, or options out of range.
    """
    return ARCHIVES.get(kind)(default_axes() if axes is None else axes, challengers, slots)


def archive_from_dict(data: Mapping[str, Any]) -> Archive:
    """Read a built-in archive from what its ``to_dict`` returned.

    Raises:
        InputError: The data holds no archive that this program reads.
    """
    kinds: tuple[type[Archive], ...] = (SlotArchive, PopulationArchive)
    found = next((kind for kind in kinds if kind.kind == data.get("kind")), Archive)
    return found.from_dict(data)
