"""An archive as one of pyribs, for its plots, data frames and metrics; extra ``debateqd[ribs]``.

The export is a copy for reading: a ``GridArchive`` with a dimension for every axis. pyribs' bins
are equally wide and ours need not be, so measures are not what was measured but bins: 2.5 is the
middle of the third bin, or the third label. What was measured stands in extra fields. Facts about
pyribs are those of release 0.12.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from debate_env.errors import InputError
from debateqd.qd.archive.axes import Axis, Bins
from debateqd.qd.archive.grid import Archive
from debateqd.qd.archive.slots import SlotArchive
from debateqd.qd.strategy import Strategy


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
        A ``ribs.archives.GridArchive`` whose solutions are strategy identifiers, with the extra
        fields ``text``, given by ``strategies``, and ``measured_NAME`` for every axis. Slots are a
        dimension of their own.

    Raises:
        InputError: pyribs is not installed.
    """
    try:
        from ribs.archives import GridArchive
    except ImportError:
        raise InputError(
            "pyribs is not installed: run pip install 'debateqd[ribs]' (several hundred MB)"
        ) from None
    slots = [archive.slots] if isinstance(archive, SlotArchive) else []
    dims = [axis.size for axis in archive.axes] + slots
    types = {_field(axis): float if isinstance(axis, Bins) else object for axis in archive.axes}
    target = GridArchive(
        solution_dim=(),
        dims=dims,
        ranges=[(0.0, float(size)) for size in dims],
        qd_score_offset=qd_offset,
        solution_dtype=object,
        objective_dtype=np.float64,
        measures_dtype=np.float64,
        extra_fields={"text": ((), object), **{name: ((), kind) for name, kind in types.items()}},
    )
    texts = strategies or {}
    for entry in archive.elites():
        name = entry.strategy_id
        cell = archive.locate(name) or ()
        # The overflow row comes after the last one that counts; pyribs would put it into that.
        if all(row < size for row, size in zip(cell, dims, strict=True)):
            target.add_single(
                name,
                entry.fitness,
                [row + 0.5 for row in cell],
                text=texts[name].text if name in texts else "",
                **{_field(axis): entry.behaviour.get(axis.name) for axis in archive.axes},
            )
    return target


def _field(axis: Axis) -> str:
    return "measured_" + re.sub(r"\W", "_", axis.name)
