"""An archive as one of pyribs, for its plots, data frames and metrics; extra ``debateqd[ribs]``.

The export is a copy for reading. Numeric axes alone give a ``GridArchive``; as soon as one axis has
labels it is a ``CategoricalArchive``, in which bins are named like ``"0.05-0.15"``. Everything is
checked here first, because pyribs refuses a whole batch for one bad row and clips out-of-range
measures in silence. Facts about pyribs are those of release 0.12.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from debate_env.errors import InputError
from debateqd.qd.archive.axes import Axis, Bins
from debateqd.qd.archive.base import Cell, Entry, Spot
from debateqd.qd.archive.grid import Archive
from debateqd.qd.strategy import Strategy

_MARGIN = 1e-5
"""Distance from a bin's upper edge, in bins: pyribs takes what is nearer for the next bin."""


@dataclass(frozen=True, slots=True)
class RibsRow:
    """One elite as pyribs takes it.

    Attributes:
        measures: Per dimension a bin coordinate (grid) or the name of a category.
        values: Measured values of numeric axes, in their own units, under the names of pyribs'
            extra fields.
    """

    strategy_id: str
    objective: float
    cell: Cell
    measures: tuple[float | str, ...]
    values: Mapping[str, float]


def is_numeric(archive: Archive) -> bool:
    """Whether the archive has numeric axes only, and so becomes a ``GridArchive``."""
    return all(isinstance(axis, Bins) for axis in archive.axes)


def categories(archive: Archive) -> list[list[str]]:
    """Name the rows of every dimension, overflow rows left out.

    An archive with slots has one dimension more than it has axes, of ``"slot 1"`` and so on.

    Raises:
        InputError: Two bins of an axis have the same name.
    """
    named = [_names(axis) for axis in archive.axes]
    slots = getattr(archive, "slots", None)
    if slots is not None:
        named.append([f"slot {number + 1}" for number in range(slots)])
    return named


def _names(axis: Axis) -> list[str]:
    found = [axis.describe(row) for row in range(axis.size)]
    if len(set(found)) != len(found) and isinstance(axis, Bins):
        # Edges that agree in six digits; the whole number tells them apart.
        found = [f"{a!r}-{b!r}" for a, b in zip(axis.edges, axis.edges[1:], strict=False)]
    return found


def bin_coordinate(axis: Bins, row: int, value: float) -> float:
    """Return the row plus the position within its bin, from 0 to just below 1.

    pyribs' bins are equally wide and ours need not be; in this unit they are. A value beyond the
    edges counts as the edge.
    """
    low, high = axis.edges[row], axis.edges[row + 1]
    share = (min(max(value, low), high) - low) / (high - low)
    return row + min(max(share, 0.0), 1.0 - _MARGIN)


def ribs_row(archive: Archive, entry: Entry, cell: Cell | None = None) -> RibsRow | None:
    """Translate an entry, a member or not; ``None`` in an overflow row, which counts nowhere.

    Its ``cell`` is needed where that does not follow from its behaviour (slots).

    Raises:
        InputError: The fitness is not a finite number, or the behaviour belongs in no cell.
    """
    where = f"strategy {entry.strategy_id}"
    if not math.isfinite(entry.fitness):
        raise InputError(f"{where}: fitness {entry.fitness!r} is not a finite number")
    spot = archive.cell_of(entry.behaviour)
    if not isinstance(spot, Spot):
        raise InputError(f"{where}: {spot.reason}")
    full = spot.cell if cell is None else cell
    if any(row == axis.overflow for axis, row in zip(archive.axes, full, strict=False)):
        return None
    values = {
        _field(axis): float(str(entry.behaviour[axis.name]))
        for axis in archive.axes
        if isinstance(axis, Bins)
    }
    measures: tuple[float | str, ...]
    if is_numeric(archive):
        measures = tuple(
            bin_coordinate(axis, row, values[_field(axis)])
            for axis, row in zip(archive.axes, full, strict=True)
            if isinstance(axis, Bins)
        )
    else:
        named = categories(archive)
        measures = tuple(names[row] for names, row in zip(named, full, strict=True))
    return RibsRow(entry.strategy_id, float(entry.fitness), full, measures, values)


def ribs_rows(archive: Archive) -> tuple[RibsRow, ...]:
    """Translate all elites but those in overflow rows, in the order of the archive.

    Raises:
        InputError: As for :func:`ribs_row`.
    """
    found = (ribs_row(archive, e, archive.locate(e.strategy_id)) for e in archive.elites())
    return tuple(row for row in found if row is not None)


def _field(axis: Axis) -> str:
    return "measured_" + re.sub(r"\W", "_", axis.name)


def to_ribs(
    archive: Archive, *, strategies: Mapping[str, Strategy] | None = None, qd_offset: float = 0.0
) -> Any:
    """Copy the elites of an archive into a fresh pyribs archive.

    Coverage, QD-score and number of elites of the result (``stats``; 0-d arrays, so apply
    ``float`` before JSON) are those of :meth:`debateqd.qd.archive.grid.Archive.coverage` and
    :meth:`~debateqd.qd.archive.grid.Archive.qd_score`; elites in overflow rows count in neither and
    are left out. Challengers are left out, too. ``qd_offset`` is subtracted from every fitness in
    the QD-score.

    Returns:
        A ``ribs.archives.GridArchive`` or ``CategoricalArchive`` whose solutions are strategy
        identifiers, with the extra fields ``text``, given by ``strategies``, and ``measured_NAME``
        for every numeric axis.

    Raises:
        InputError: pyribs is not installed, or an elite cannot be translated.
    """
    rows, ribs = ribs_rows(archive), _ribs()
    numeric = [_field(axis) for axis in archive.axes if isinstance(axis, Bins)]
    common: dict[str, Any] = {
        "solution_dim": (),
        "qd_score_offset": qd_offset,
        "solution_dtype": object,
        "objective_dtype": np.float64,
        "extra_fields": {"text": ((), object), **dict.fromkeys(numeric, ((), np.float64))},
    }
    measures: Any = [list(row.measures) for row in rows]
    if is_numeric(archive):
        sizes = [axis.size for axis in archive.axes]
        ranges = [(0.0, float(size)) for size in sizes]
        target = ribs.GridArchive(dims=sizes, ranges=ranges, measures_dtype=np.float64, **common)
    else:
        named, measures = categories(archive), np.array(measures, dtype=object)
        target = ribs.CategoricalArchive(categories=named, measures_dtype=object, **common)
    if rows:
        ids = [row.strategy_id for row in rows]
        texts = strategies or {}
        target.add(
            _objects(ids),
            np.array([row.objective for row in rows]),
            measures,
            text=_objects([texts[name].text if name in texts else "" for name in ids]),
            **{name: np.array([row.values[name] for row in rows]) for name in numeric},
        )
    return target


def _objects(values: Sequence[str]) -> Any:
    """Return an array of Python strings; NumPy would make fixed-width ones."""
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _ribs() -> Any:
    try:
        import ribs.archives
    except ImportError:
        raise InputError(
            "pyribs is not installed: run pip install 'debateqd[ribs]' (several hundred MB)"
        ) from None
    return ribs.archives
