"""Figures of the benchmark of engines, and whether their bounds hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes:
        what: What was measured.
        value: How much.
        most: The most that is allowed; ``None``: it is reported only.
        unit: Unit of both; may be empty.
        digits: Digits after the decimal point.
    """

    what: str
    value: float
    most: float | None = None
    unit: str = ""
    digits: int = 0

    @property
    def holds(self) -> bool:
        """Whether the bound holds; a value that is no number is beyond every bound."""
        return self.most is None or self.value <= self.most

    def row(self) -> tuple[str, str, str, str]:
        """Return what a table shows: what, measured, bound, verdict."""
        value = f"{self.value:,.{self.digits}f} {self.unit}".strip()
        if self.most is None:
            return self.what, value, "", ""
        verdict = "holds" if self.holds else "DOES NOT HOLD"
        return self.what, value, f"at most {self.most:,.{self.digits}f}", verdict


def table(figures: Sequence[Figure]) -> str:
    """Lay figures out in columns."""
    rows = [("figure", "measured", "bound", ""), *(figure.row() for figure in figures)]
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    return "\n".join(
        f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:<{widths[2]}}  {d}".rstrip() for a, b, c, d in rows
    )
