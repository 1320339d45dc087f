"""The axes of an archive: fixed bins and closed labels, declared as data.

Edges never move with the data, so a value always falls into the same cell. A value beyond the
edges is put into the nearest bin *and reported as outside*; what cannot be placed at all (not
measured, not a number, an unknown label) is refused with a reason.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from debate_env.errors import InputError, nearest
from debateqd.qd.seeds import FAMILIES

Value = float | str | None
"""A measured behaviour: a number, a label, or ``None`` for *unmeasured* (which is never 0)."""

Behaviour = Mapping[str, Value]
"""Measured behaviour by descriptor name."""

UNCLASSIFIED = "unclassified"


class Placement(NamedTuple):
    """Where a value falls.

    Attributes:
        row: Number of the bin or label, from 0.
        outside: Whether the value lies beyond the outer edges.
    """

    row: int
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Unplaceable:
    """Why a value falls nowhere, in a few words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Bins:
    """A numeric axis.

    Attributes:
        name: Name of the descriptor.
        edges: n + 1 increasing numbers for n bins. A bin holds its lower edge, the last bin its
            upper edge as well.

    Raises:
        InputError: Fewer than two edges, or edges that do not increase.
    """

    name: str
    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.edges, self.edges[1:], strict=False))
        if len(self.edges) < 2 or not rising or not all(map(math.isfinite, self.edges)):
            raise InputError(
                f"axis {self.name!r}: edges {list(self.edges)} must be two or more increasing "
                "finite numbers"
            )

    @property
    def size(self) -> int:
        """Number of bins."""
        return len(self.edges) - 1

    @property
    def overflow(self) -> int | None:
        """Numeric axes have no overflow row."""
        return None

    def place(self, value: Value) -> Placement | Unplaceable:
        """Find the bin of a value."""
        if value is None:
            return Unplaceable(f"{self.name}: unmeasured")
        if isinstance(value, str) or not math.isfinite(value):
            return Unplaceable(f"{self.name}: {value!r} is not a finite number")
        outside = not self.edges[0] <= value <= self.edges[-1]
        index = bisect_right(self.edges, value) - 1
        return Placement(min(max(index, 0), self.size - 1), outside)

    def describe(self, index: int) -> str:
        """Name a bin, e.g. ``"0.05-0.15"``, or ``"-1 to -0.2"`` where there are minus signs."""
        between = " to " if self.edges[0] < 0 else "-"
        return f"{self.edges[index]:g}{between}{self.edges[index + 1]:g}"

    def to_dict(self) -> dict[str, Any]:
        """Return the axis as JSON-able data."""
        return {"name": self.name, "edges": list(self.edges)}


@dataclass(frozen=True, slots=True)
class Labels:
    """An axis of closed labels, and one overflow row for whatever nobody could classify.

    Attributes:
        name: Name of the descriptor.
        labels: The labels, distinct.
        catch_all: Label of the overflow row, the last one. Its cells hold strategies like any
            other, but count neither as coverage nor in the QD-score.
        beyond: Whether the overflow row is for values beyond the range of all labels, which are
            reported as outside; else it is for what nobody could classify.
        source: What else decides which label a strategy gets (say, a file of centroids, by its
            digest); empty where nothing does.

    Raises:
        InputError: No label, or equal ones.
    """

    name: str
    labels: tuple[str, ...]
    catch_all: str = UNCLASSIFIED
    beyond: bool = False
    source: str = ""

    def __post_init__(self) -> None:
        rows = (*self.labels, self.catch_all)
        if not self.labels or len(set(rows)) != len(rows):
            raise InputError(f"axis {self.name!r}: labels {list(rows)} must be distinct")

    @property
    def size(self) -> int:
        """Number of labels, without the overflow row."""
        return len(self.labels)

    @property
    def overflow(self) -> int | None:
        """Index of the overflow row."""
        return len(self.labels)

    def place(self, value: Value) -> Placement | Unplaceable:
        """Find the row of a label."""
        if value is None:
            return Unplaceable(f"{self.name}: unmeasured")
        if value == self.catch_all:
            return Placement(len(self.labels), outside=self.beyond)
        if isinstance(value, str) and value in self.labels:
            return Placement(self.labels.index(value))
        return Unplaceable(f"{self.name}: unknown label {value!r}")

    def describe(self, index: int) -> str:
        """Name a row."""
        return (*self.labels, self.catch_all)[index]

    def to_dict(self) -> dict[str, Any]:
        """Return the axis as JSON-able data."""
        data: dict[str, Any] = {
            "name": self.name,
            "labels": list(self.labels),
            "catch_all": self.catch_all,
        }
        if self.beyond or self.source:
            data |= {"beyond": self.beyond, "source": self.source}
        return data


Axis = Bins | Labels

DEFAULT_EDGES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "verified_quote_share": (0.0, 0.05, 0.15, 0.3, 0.5, 1.0),
        "rebuttal_share": (0.0, 0.1, 0.25, 0.45, 0.7, 1.0),
        "length": (0.0, 40.0, 80.0, 120.0, 160.0, 300.0),
        "readability": (0.0, 5.0, 8.0, 11.0, 14.0, 20.0),
        "certainty": (-1.0, -0.2, -0.05, 0.05, 0.2, 1.0),
    }
)
"""Fixed bins of the numeric descriptors, five each; units: :mod:`debateqd.qd.descriptors`."""

FAMILY_AXES: tuple[str, ...] = ("family", "labelled_family")
"""Descriptors whose values are the families: declared, and read out of the speeches."""

DEFAULT_AXES: tuple[str, ...] = ("family", "verified_quote_share")


def default_axis(name: str, edges: Sequence[float] | None = None) -> Axis:
    """Return the axis of a descriptor; one without default edges needs some.

    Raises:
        InputError: Unknown name without edges, edges for a family, or unusable edges.
    """
    if name in FAMILY_AXES:
        if edges is not None:
            raise InputError(f"axis {name!r} has labels, not edges: leave its edges out")
        return Labels(name, FAMILIES)
    if edges is not None:
        return Bins(name, tuple(map(float, edges)))
    if name not in DEFAULT_EDGES:
        hint = nearest(name, (*FAMILY_AXES, *DEFAULT_EDGES))
        raise InputError(f"axis {name!r} has no bins of its own: {hint}; or give its edges")
    return Bins(name, DEFAULT_EDGES[name])


def default_axes() -> tuple[Axis, ...]:
    """Return the axes of the default archive: family by verified-quote share."""
    return tuple(map(default_axis, DEFAULT_AXES))


def axis_from_dict(data: Mapping[str, Any]) -> Axis:
    """Read an axis written by ``to_dict``.

    Raises:
        InputError: The data describes no axis.
    """
    if set(data) == {"name", "edges"}:
        return Bins(str(data["name"]), tuple(map(float, data["edges"])))
    fields = set(data) - {"beyond", "source"}
    if fields == {"name", "labels", "catch_all"}:
        return Labels(
            str(data["name"]),
            tuple(map(str, data["labels"])),
            str(data["catch_all"]),
            bool(data.get("beyond", False)),
            str(data.get("source", "")),
        )
    raise InputError(
        f"axis with the fields {sorted(data)}: allowed are name and edges, or name, labels and "
        "catch_all"
    )
