"""Reported and corrected progress of a run, from what its generations recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from debateqd.qd.store.directory import RunDirectory


def progress_over_time(run: RunDirectory) -> list[dict[str, Any]]:
    """Return reported and corrected progress of every generation that recorded them.

    Args:
        run: The run.

    Returns:
        ``generation``, and ``reported`` and ``corrected``: what
        :meth:`debateqd.qd.statistics.Estimate.to_json` returned, in Elo points over the seeds, or
        ``None``.
    """
    rows = []
    for number in run.generations():
        stats: Mapping[str, Any] = run.generation(number)["stats"]
        reported, corrected = stats.get("reported_progress"), stats.get("corrected_progress")
        if reported is not None or corrected is not None:
            rows.append({"generation": number, "reported": reported, "corrected": corrected})
    return rows
