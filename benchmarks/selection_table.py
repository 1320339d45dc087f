"""What ``benchmarks/selection.py`` prints: tables, and whether the stated targets hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from selection_world import KINDS, Evolved

DEFAULT = "default"
TARGETS = {210: 90.0, 700: 220.0}
"""True gain that the default must reach, by matches a generation."""
HONEST = 0.2
"""How far the reported gain may lie from the true one, as a share of it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One procedure in one world.

    Attributes:
        kind: Kind of world.
        procedure: Name of the procedure.
        matches: Debates a generation.
        seed: Seed of the world.
        evolved: What came of it.
    """

    kind: str
    procedure: str
    matches: int
    seed: int
    evolved: Evolved


@dataclass(frozen=True, slots=True)
class Reference:
    """Figures to reproduce: mean true gain, its standard error, mean reported gain.

    Attributes:
        true: Mean true gain.
        error: Its standard error; ``None`` where it is not known.
        reported: Mean reported gain; ``None`` where it is not known.
    """

    true: float
    error: float | None
    reported: float | None


REFERENCES: Mapping[tuple[str, int], Reference] = {
    ("perfect", 210): Reference(501, 6, None),
    ("perfect", 700): Reference(501, 6, None),
    ("Elo, Swiss, reset", 210): Reference(-63, 8, 15),
    ("Elo, Swiss, reset", 700): Reference(51, 8, 21),
    ("Elo, Swiss, inherited", 210): Reference(-40, 9, 580),
    ("Elo, Swiss, inherited", 700): Reference(73, 7, 1023),
    ("Elo, Swiss, inherited, swapped", 210): Reference(-46, 9, 525),
    ("Elo, Swiss, inherited, swapped", 700): Reference(80, 8, 900),
    ("Elo, 70 % own parent, inherited", 210): Reference(25, 8, 690),
    ("Elo, 70 % own parent, inherited", 700): Reference(136, 7, 963),
    ("Elo, Swiss, inherited, K = 8", 210): Reference(-39, None, 136),
    ("Elo, Swiss, inherited, K = 8", 700): Reference(63, None, 249),
    ("Elo, Swiss, inherited, K = 64", 210): Reference(-45, None, 1166),
    ("Elo, Swiss, inherited, K = 64", 700): Reference(66, None, 1942),
    ("Elo, 70 % own parent, inherited, K = 8", 210): Reference(18, None, 196),
    ("Elo, 70 % own parent, inherited, K = 8", 700): Reference(161, None, 355),
    ("Elo, 70 % own parent, reset, K = 8", 210): Reference(13, None, 6),
    ("Elo, 70 % own parent, reset, K = 8", 700): Reference(151, None, 12),
    ("posterior, 70 % own parent, scales given", 210): Reference(78, 6, 69),
    ("posterior, 70 % own parent, scales given", 700): Reference(201, 6, 207),
}
"""An independent implementation of the plain world and of these procedures; 20 seeds."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over runs with its standard error, which is nan for a single run."""

    value: float
    error: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Mean:
        """Average values."""
        error = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
        return cls(mean(values), error)

    def __str__(self) -> str:
        return (
            f"{self.value:+,.0f} ± {self.error:.0f}" if self.error >= 0 else f"{self.value:+,.0f}"
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """Runs of one procedure in worlds of one kind at one number of matches."""

    runs: tuple[Evolved, ...]

    @property
    def true(self) -> Mean:
        """True gain."""
        return Mean.of([run.true for run in self.runs])

    @property
    def reported(self) -> Mean:
        """Reported gain."""
        return Mean.of([run.reported for run in self.runs])

    @property
    def worse(self) -> float:
        """Share of the replacements that put a weaker strategy in the place of a stronger one."""
        accepted = sum(run.accepted for run in self.runs)
        return sum(run.worse for run in self.runs) / accepted if accepted else math.nan

    @property
    def held(self) -> tuple[int, int]:
        """How often the 95 % interval of the reported gain held the true one, of how many."""
        given = [run for run in self.runs if not math.isnan(run.deviation)]
        inside = [run for run in given if abs(run.reported - run.true) <= 1.96 * run.deviation]
        return len(inside), len(given)

    def cells(self) -> list[str]:
        """The columns of a table."""
        inside, given = self.held
        scale = [run.mutation for run in self.runs if not math.isnan(run.mutation)]
        return [
            str(self.true),
            str(self.reported),
            f"{self.worse:.0%}" if not math.isnan(self.worse) else "",
            f"{inside} of {given}" if given else "",
            f"{mean(scale):.0f}" if scale else "",
        ]


HEADINGS = ("true gain", "reported", "worse", "interval held", "mutation scale")


def summaries(runs: Sequence[Run]) -> dict[tuple[str, str, int], Summary]:
    """Bring runs together by kind of world, procedure and matches, in the order met."""
    found: dict[tuple[str, str, int], list[Evolved]] = {}
    for run in runs:
        found.setdefault((run.kind, run.procedure, run.matches), []).append(run.evolved)
    return {key: Summary(tuple(group)) for key, group in found.items()}


def _table(rows: Sequence[Sequence[str]], markdown: bool) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    if not markdown:
        return [line.rstrip() for line in lines]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return [lines[0], "| " + " | ".join("-" * w for w in widths) + " |", *lines[1:]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a target holds, in words."""

    holds: bool
    text: str

    def __str__(self) -> str:
        return f"- {'yes' if self.holds else 'NO'}: {self.text}"


def verdicts(found: Mapping[tuple[str, str, int], Summary]) -> list[Verdict]:
    """Say which of the targets hold, as far as what they need was run."""
    said = []
    for matches, least in TARGETS.items():
        own = found.get(("plain", DEFAULT, matches))
        if own is None:
            continue
        true, reported = own.true.value, own.reported.value
        said.append(
            Verdict(
                true >= least,
                f"at {matches} debates the default gains {own.true}, target at least {least:.0f}",
            )
        )
        off = abs(reported / true - 1) if true else math.inf
        said.append(
            Verdict(
                off <= HONEST,
                f"at {matches} debates it reports {own.reported}, {off:.0%} from the true gain, "
                f"target at most {HONEST:.0%}",
            )
        )
    for (procedure, matches), reference in REFERENCES.items():
        summary = found.get(("plain", procedure, matches))
        if summary is not None:
            said.append(_reproduced(f"{procedure}, {matches} debates", summary, reference))
    return said


def _reproduced(name: str, summary: Summary, reference: Reference) -> Verdict:
    """Whether figures lie within three combined standard errors of the reference.

    Where a standard error is not known, one's own stands for it. The reference is in whole points,
    so that half a point is allowed for rounding.
    """
    parts, holds = [], True
    for label, own, value, error in (
        ("true", summary.true, reference.true, reference.error),
        ("reported", summary.reported, reference.reported, None),
    ):
        if value is None:
            continue
        combined = math.hypot(own.error, own.error if error is None else error)
        holds = holds and abs(own.value - value) <= 3 * combined + 0.5
        parts.append(f"{label} {own}, reference {value:+,.0f}")
    return Verdict(holds, f"{name}: {'; '.join(parts)}")


def report(runs: Sequence[Run], markdown: bool) -> tuple[str, bool]:
    """Return tables and verdicts, and whether all targets hold."""
    found = summaries(runs)
    budgets = sorted({matches for _, _, matches in found})
    bold: Callable[[str], str] = lambda text: f"**{text}**" if markdown else text  # noqa: E731
    lines = ["SIMULATION: strengths are drawn, not measured. Elo points, means ± standard errors."]
    for kind in KINDS:
        for matches in budgets:
            rows = {p: s for (k, p, m), s in found.items() if (k, m) == (kind, matches)}
            if not rows:
                continue
            worlds = max(len(s.runs) for s in rows.values())
            lines += ["", bold(f"{kind} worlds ({worlds}), {matches} debates a generation"), ""]
            body = [[name, *summary.cells()] for name, summary in rows.items()]
            lines += _table([["procedure", *HEADINGS], *body], markdown)
    said = verdicts(found)
    if said:
        lines += ["", "Targets:", "", *map(str, said)]
    return "\n".join(lines), all(verdict.holds for verdict in said)
