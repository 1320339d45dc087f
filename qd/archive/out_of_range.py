"""What an archive could not place within its edges, said instead of clipped in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from debateqd.qd.archive.axes import Axis, Bins
from debateqd.qd.archive.base import ArchiveEvent


def outside_counts(events: Iterable[ArchiveEvent]) -> dict[str, int]:
    """Count the strategies of some events whose behaviour lies beyond the outer edges.

    Args:
        events: What happened in an archive; a strategy of several events counts once.

    Returns:
        Axis to number of strategies, sorted by axis; without the axes that have none.
    """
    found = {(event.strategy_id, axis) for event in events for axis in event.outside}
    return dict(sorted(Counter(axis for _, axis in found).items()))


def outside_warnings(counts: Mapping[str, int], axes: Sequence[Axis]) -> list[str]:
    """Say which axes were too narrow, a line each, and what to do.

    Args:
        counts: Axis to number of placements beyond its edges, as
            :attr:`debateqd.qd.archive.base.ArchiveProtocol.out_of_range` counts them.
        axes: The archive's axes.
    """
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
