"""Tables and verdicts of ``benchmarks/evolution.py``; pure functions of its results."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from debateqd.qd.statistics import NOTHING, Estimate, t_quantile

NULL_KINDS = ("null", "noise", "coin")
"""Kinds of worlds in which no strategy is better than another."""


@dataclass(frozen=True, slots=True)
class Result:
    """One run. Gains are over the frozen seeds, on held-out passages unless they are reported.

    Persuasion: share of debates won, both seats, minus 1/2. Truth: judge accuracy when strategies
    debate themselves minus that of the seeds on the same questions.

    Attributes:
        kind: Kind of world.
        objective: What was selected for.
        world: Seed of the world, of the run, and of the draw of questions.
        procedure: Who ran.
        generations: How many, after generation 0.
        debates: Debates of training, those of the report included.
        calls: Model calls of training, those of the report left out.
        elites: Strategies in the final archive.
        elites_gain: All of them against the whole panel of seeds.
        champions_gain: The best-rated of each family against the seeds of that family (truth: all
            seeds; every family has as many).
        cells_gain: Each elite against the seed that held its cell after generation 0.
        as_reported: What the report measures, on held-out passages: champions against the panel,
            in credence instead of verdicts.
        reported: Gain according to ``summary.json``.
        reported_low: Lower end of its 95 % interval.
        reported_high: Upper end.
        rated: Gain of the champions over the seeds by their ratings alone, in Elo points; NaN where
            the ratings do not say.
        rated_holds_0: Whether the interval of these ratings holds 0.
        corrected: The same gain from the report's debates, in which nobody was picked.
        corrected_holds_0: Whether its interval holds 0.
    """

    kind: str
    objective: str
    world: int
    procedure: str
    generations: int
    debates: int
    calls: int
    elites: int
    elites_gain: float
    champions_gain: float
    cells_gain: float
    as_reported: float
    reported: float
    reported_low: float
    reported_high: float
    rated: float = math.nan
    rated_holds_0: bool = True
    corrected: float = math.nan
    corrected_holds_0: bool = True

    @property
    def covered(self) -> bool:
        """Whether the reported interval holds the true gain; in a null world that is 0."""
        return self.reported_low <= self.true_report <= self.reported_high

    @property
    def true_report(self) -> float:
        """True value of what is reported."""
        return 0.0 if self.kind in NULL_KINDS else self.as_reported


Value = Callable[[Result], float]
MEASURES: tuple[tuple[str, Value], ...] = (
    ("best of each family", lambda r: r.champions_gain),
    ("all elites", lambda r: r.elites_gain),
    ("cell by cell", lambda r: r.cells_gain),
)


def points(estimate: Estimate) -> str:
    """Show a share and its interval in percentage points."""
    value, low, high = (100 * x for x in (estimate.value, estimate.low, estimate.high))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def verdict(estimate: Estimate) -> str:
    """Say whether something is above 0."""
    if estimate.low > 0:
        return "yes"
    return "NO, they are worse" if estimate.high < 0 else "NOT SHOWN"


def t_interval(values: Sequence[float]) -> Estimate:
    """Mean of independent observations (worlds, seeds) with a t interval."""
    n = len(values)
    if n == 0:
        return NOTHING
    data = np.asarray(values, dtype=float)
    value = float(data.mean())
    if n == 1:
        return Estimate(value, -math.inf, math.inf, 1, 1)
    half = t_quantile(0.975, n - 1) * float(data.std(ddof=1)) / math.sqrt(n)
    return Estimate(value, value - half, value + half, n, n)


def ahead(first: Sequence[Result], second: Sequence[Result], value: Value) -> Estimate:
    """First minus second, paired by world."""
    other = {r.world: value(r) for r in second}
    return t_interval([value(r) - other[r.world] for r in first if r.world in other])


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, markdown: bool) -> str:
    """Lay out a table."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    shown = [[cell.ljust(w) for cell, w in zip(line, widths, strict=True)] for line in lines]
    if not markdown:
        return "\n".join("  ".join(line).rstrip() for line in shown)
    shown.insert(1, ["-" * w for w in widths])
    return "\n".join("| " + " | ".join(line) + " |" for line in shown)


def procedures_table(runs: dict[str, list[Result]], *, markdown: bool) -> str:
    """One row per procedure."""
    first, own = next(iter(runs.items()))
    head = ["procedure", "generations", "calls"]
    for name, _ in MEASURES[:2]:
        head += [name, "default ahead"]
    head += [MEASURES[2][0], "reported", "covered"]
    rows = []
    for name, found in runs.items():
        row = [name, f"{fmean(r.generations for r in found):.1f}"]
        row.append(f"{fmean(r.calls for r in found):,.0f}")
        for _, value in MEASURES[:2]:
            row.append(points(t_interval([value(r) for r in found])))
            compared = name not in (first, "oracle")
            row.append(points(ahead(own, found, value)) if compared else "")
        row.append(points(t_interval([r.cells_gain for r in found])))
        row.append(points(t_interval([r.reported for r in found])))
        row.append(f"{sum(r.covered for r in found)} of {len(found)}")
        rows.append(row)
    return table(head, rows, markdown=markdown)


def verdicts(objective: str, runs: dict[str, list[Result]]) -> list[str]:
    """Say in plain words what the figures show, and what they do not."""
    own = next(iter(runs.values()))
    who = next(iter(runs))
    lines = []
    for name, value in MEASURES:
        gain = t_interval([value(r) for r in own])
        lines.append(
            f"{objective}: {who} beats the seeds, {name}: {verdict(gain)} ({points(gain)})"
        )
    for other, found in runs.items():
        if found is own:
            continue
        if other == "oracle":
            lines += [share_of_oracle(f"{objective}: {who}", own, found, *m) for m in MEASURES[:2]]
            continue
        ratio = 100 * (fmean(r.calls for r in found) / fmean(r.calls for r in own) - 1)
        for name, value in MEASURES[:2]:
            gap = ahead(own, found, value)
            lines.append(
                f"{objective}: {who} beats {other} ({ratio:+.1f} % calls), {name}: "
                f"{verdict(gap)} ({points(gap)})"
            )
    return [*lines, honesty(f"{objective}: {who}", own)]


def share_of_oracle(
    what: str, own: Sequence[Result], oracle: Sequence[Result], name: str, value: Value
) -> str:
    """Say what share of the oracle's mean gain is reached, in the worlds that both played.

    The interval is that of a ratio of two means over the same worlds (Fieller 1954).
    """
    known = {r.world: value(r) for r in oracle}
    pairs = [(value(r), known[r.world]) for r in own if r.world in known]
    ratio = ratio_interval(pairs)
    low, high = (f"{100 * end:.0f}" for end in (ratio.low, ratio.high))
    return (
        f"{what} reaches {100 * ratio.value:.0f} % [{low}, {high}] of what the oracle does "
        f"({len(pairs)} worlds), {name}"
    )


def ratio_interval(pairs: Sequence[tuple[float, float]]) -> Estimate:
    """Ratio of two means over the same worlds, with Fieller's 95 % interval (1954).

    It holds all ratios rho for which the mean of ``a - rho b`` does not differ from 0. Where the
    mean of b does not differ from 0 itself, its ends are infinite.
    """
    n = len(pairs)
    above, below = (fmean(column) for column in zip(*pairs, strict=True))
    value = above / below if below else math.nan
    if n < 2:
        return Estimate(value, -math.inf, math.inf, n, n)
    (v_a, c), (_, v_b) = np.cov(np.array(pairs).T) / n
    t = t_quantile(0.975, n - 1)
    lead = below**2 - t**2 * v_b
    middle = above * below - t**2 * c
    inside = middle**2 - lead * (above**2 - t**2 * v_a)
    if lead <= 0 or inside < 0:
        return Estimate(value, -math.inf, math.inf, n, n)
    half = math.sqrt(inside)
    return Estimate(value, (middle - half) / lead, (middle + half) / lead, n, n)


def honesty(what: str, runs: Sequence[Result]) -> str:
    """Compare reported gains with their true values."""
    covered = sum(r.covered for r in runs)
    excess = t_interval([r.reported - r.true_report for r in runs])
    return (
        f"{what} reports what is true: interval holds the true gain in {covered} of {len(runs)} "
        f"worlds; reported minus true {points(excess)}"
        f"{', WHICH IS NOT 0' if excess.excludes(0) else ''}"
    )


def null_verdicts(world: str, runs: Sequence[Result]) -> list[str]:
    """Say whether something was found where there is nothing."""
    lines = []
    for name, value in (*MEASURES, ("reported", lambda r: r.reported)):
        found = t_interval([value(r) for r in runs])
        answer = "YES, AND IT MUST NOT" if found.excludes(0) else "no"
        lines.append(f"{world}: gain differs from 0, {name}: {answer} ({points(found)})")
    for what, name in (("rated", "their ratings alone"), ("corrected", "fresh debates")):
        values = [getattr(r, what) for r in runs]
        found = t_interval([v for v in values if not math.isnan(v)])
        held = sum(getattr(r, f"{what}_holds_0") for r in runs)
        lines.append(
            f"{world}: gain of the champions by {name}: {found.value:+.1f} "
            f"[{found.low:+.1f}, {found.high:+.1f}] Elo points; intervals that hold 0: {held} of "
            f"{len(runs)}"
        )
    return lines


def report(results: Sequence[Result], *, held_out: int, markdown: bool) -> str:
    """Return everything that is printed.

    Args:
        results: All runs; the first procedure is the one that others are compared with.
        held_out: Held-out questions per world.
        markdown: Print tables for a document.
    """
    parts = [
        "SIMULATION: the embedded model, not a language model. Gains over the frozen seeds in "
        f"percentage points [95 %], mean over worlds, on {held_out} held-out passages each."
    ]
    said: list[str] = []
    for kind, objective in dict.fromkeys((r.kind, r.objective) for r in results):
        runs: dict[str, list[Result]] = {}
        for r in results:
            if (r.kind, r.objective) == (kind, objective):
                runs.setdefault(r.procedure, []).append(r)
        own = next(iter(runs.values()))
        parts.append(
            f"{objective}, {kind} worlds ({len(own)}), "
            f"{fmean(r.debates for r in own):,.0f} debates and {fmean(r.calls for r in own):,.0f} "
            "model calls a run"
        )
        parts.append(procedures_table(runs, markdown=markdown))
        if kind in NULL_KINDS:
            said += null_verdicts(f"{kind} world, {objective}", own)
        else:
            said += verdicts(objective, runs)
    bullet = "- " if markdown else ""
    return "\n\n".join([*parts, "\n".join(bullet + line for line in said)])
