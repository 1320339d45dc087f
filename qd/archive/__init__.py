"""Archives: the strategies that live on, kept apart by what was measured of their behaviour.

``grid``          One elite a cell over named axes, and perhaps undecided challengers: MAP-Elites.
``slots``         So many a family, the best rated: the paper's; or of all, without niches: the
                  population of a genetic algorithm, for comparison.

An archive is pure data: it draws nothing, and writes no file. It reports every change as an
:class:`ArchiveEvent`. Whether a challenger beats an elite is asked of a function (``Decide``).
"""

from debateqd.qd.archive.axes import Axis, Bins, Labels, default_axes, default_axis
from debateqd.qd.archive.base import ArchiveEvent, Entry, HeatMap, Spot
from debateqd.qd.archive.grid import Archive
from debateqd.qd.archive.registry import ARCHIVES, archive_from_dict, make_archive
from debateqd.qd.archive.slots import PopulationArchive, SlotArchive

__all__ = [
    "ARCHIVES",
    "Archive",
    "ArchiveEvent",
    "Axis",
    "Bins",
    "Entry",
    "HeatMap",
    "Labels",
    "PopulationArchive",
    "SlotArchive",
    "Spot",
    "archive_from_dict",
    "default_axes",
    "default_axis",
    "make_archive",
]
