"""How often intervals hold the truth, and how wide they are: ``benchmarks/intervals.py``.

Worlds are drawn: passages with 1 to 8 questions, 3.5 on average, whose rates have a beta
distribution around the true one, so that two verdicts on a passage correlate by 0, 0.1 or 0.3. In
them are estimated, by the functions that evaluations use:

- *verdicts*: a rate of 0s and 1s;
- *sharp*, *broad*, *narrow*: a mean of credences, each from a beta distribution around its
  passage's rate: mostly next to 0 or 1; all over; within about 0.15 of the rate;
- *gap*: a rate minus one on other passages that is 0.1 lower;
- *paired*: a rate minus one on the same questions that is 0.1 lower; half of the questions are
  decided by the same luck, and all passages are as hard for both;
- *twins*: the same for equal rates, and nine in ten questions decided by the same luck;
- *paired credences*: the same 0.1 for broad credences, passages as hard for both;
- *gap over seeds*: a paired difference minus one of the same size on other passages;
- *gaps of groups*: the gap of three runs minus that of three others, on the same passages; runs
  scatter by 0.03.

A cell is a rate and a number of passages. It shows the least coverage over the three correlations,
and there the mean width in widths of an oracle, which knows the standard deviation of the estimate
(3.92 of them). A cell that comes near the bound is drawn five times as often. No random number is
part of an interval.

    python benchmarks/intervals.py --check --jobs 2
    python benchmarks/intervals.py --quick --only verdicts,gap
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from types import MappingProxyType

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from scipy.special import betaincinv

from debateqd.qd.measures.generalisation import GroupLevels, RunScores, gap, minus
from debateqd.qd.statistics import (
    Estimate,
    Floats,
    Level,
    Observed,
    contrast,
    difference_interval,
    mean_interval,
)

LEAST = 0.93
"""Coverage that every cell must have."""

NEAR = 0.945
"""A cell below this is drawn more often."""

RATES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
PASSAGES = (6, 10, 21, 40)
CORRELATIONS = (0.0, 0.1, 0.3)
QUESTIONS = (1, 1, 2, 2, 3, 3, 4, 5, 6, 8)
"""Of a passage, each as likely."""

LOWER = 0.1
"""How far the second rate of a difference is below the first."""

Case = tuple[Estimate, float]
"""An estimate, and what is true."""


@dataclass(frozen=True)
class World:
    """Draws values on passages.

    Attributes:
        g: Number of passages.
        icc: Correlation of two verdicts on one.
    """

    rng: np.random.Generator
    g: int
    icc: float

    def passages(self, name: str) -> tuple[Floats, list[str]]:
        """Return how hard the passage of every question is, in [0, 1], and its name."""
        sizes = self.rng.choice(QUESTIONS, size=self.g)
        hard: Floats = np.repeat(self.rng.random(self.g), sizes)
        return hard, [f"{name}{k}" for k in np.repeat(np.arange(self.g), sizes)]

    def rates(self, mean: float, hard: Floats) -> Floats:
        """Return the rate on every question, from a beta distribution with a mean."""
        if not self.icc:
            return np.full(len(hard), mean)
        total = (1 - self.icc) / self.icc
        found: Floats = betaincinv(mean * total, (1 - mean) * total, hard)
        return np.clip(found, 1e-9, 1 - 1e-9)

    def verdicts(self, mean: float, name: str = "a") -> Observed:
        """Draw verdicts on fresh passages."""
        hard, passages = self.passages(name)
        drawn = self.rng.random(len(hard)) < self.rates(mean, hard)
        return drawn.astype(float).tolist(), passages

    def credences(self, rates: Floats, total: float) -> list[float]:
        """Draw credences around rates; the smaller ``total``, the nearer to 0 and 1."""
        drawn = self.rng.beta(
            np.maximum(rates * total, 1e-9), np.maximum((1 - rates) * total, 1e-9)
        )
        return [float(value) for value in np.nan_to_num(drawn, nan=1.0)]

    def pair(self, mean: float, lower: float, same: float, name: str = "a") -> list[Observed]:
        """Draw two verdicts on every question, a share of them by the same luck."""
        hard, passages = self.passages(name)
        luck, other = self.rng.random((2, len(hard)))
        other = np.where(self.rng.random(len(hard)) < same, luck, other)
        return [
            ((u < self.rates(rate, hard)).astype(float).tolist(), passages)
            for u, rate in ((luck, mean), (other, mean - lower))
        ]


def verdicts(world: World, rate: float) -> Case:
    """Estimate a rate."""
    return mean_interval(*world.verdicts(rate)), rate


def credences(world: World, rate: float, total: float) -> Case:
    """Estimate a mean credence."""
    hard, passages = world.passages("a")
    return mean_interval(world.credences(world.rates(rate, hard), total), passages), rate


def gap_of_two(world: World, rate: float) -> Case:
    """Estimate the difference on different passages."""
    sides = (world.verdicts(rate), world.verdicts(rate - LOWER, "b"))
    return difference_interval(*sides), LOWER


def paired(world: World, rate: float, lower: float, same: float) -> Case:
    """Estimate the difference on the same questions."""
    one, other = world.pair(rate, lower, same)
    return difference_interval(one, other), lower


def paired_credences(world: World, rate: float) -> Case:
    """Estimate the difference of credences on the same questions."""
    hard, passages = world.passages("a")
    one, other = (
        (world.credences(world.rates(mean, hard), 2.0), passages) for mean in (rate, rate - LOWER)
    )
    return difference_interval(one, other), LOWER


def gap_over_seeds(world: World, rate: float) -> Case:
    """Estimate the difference of two paired differences."""
    sides = [*world.pair(rate, LOWER, 0.5), *world.pair(rate, LOWER, 0.5, "b")]
    levels = (Level(side) for side in sides)
    return contrast(list(zip((1, -1, -1, 1), levels, strict=True))), 0.0


def gaps_of_groups(world: World, rate: float) -> Case:
    """Estimate the difference of the gaps of two groups of three runs."""
    shared = {split: world.passages(split) for split in ("train", "test")}
    groups = {}
    for group in ("one", "other"):
        # A run's own shift moves both of its splits; no rate leaves [0, 1], so that means stay.
        room = min(0.03, (1 - rate) / 3)
        runs = []
        for run in range(3):
            splits = {}
            for split, (hard, passages) in shared.items():
                mean = rate + np.clip(world.rng.normal(0, room), -3 * room, 3 * room)
                drawn = world.rng.random(len(hard)) < world.rates(min(mean, 1 - 1e-6), hard)
                splits[split] = list(zip(drawn.astype(float).tolist(), passages, strict=True))
            runs.append(RunScores(f"{group}{run}", splits))
        groups[group] = runs
    one, other = (gap(name, "train", "test") for name in groups)
    return GroupLevels(groups).contrast(minus(one, other)), 0.0


KINDS: Mapping[str, Callable[[World, float], Case]] = MappingProxyType(
    {
        "verdicts": verdicts,
        "sharp": partial(credences, total=0.3),
        "broad": partial(credences, total=2.0),
        "narrow": partial(credences, total=10.0),
        "gap": gap_of_two,
        "paired": partial(paired, lower=LOWER, same=0.5),
        "twins": partial(paired, lower=0.0, same=0.9),
        "paired credences": paired_credences,
        "gap over seeds": gap_over_seeds,
        "gaps of groups": gaps_of_groups,
    }
)


def measure(cell: tuple[str, float, int], worlds: int) -> tuple[float, float]:
    """Return the least coverage of a cell over the correlations, and the width there."""
    kind, rate, g = cell
    found = []
    for icc in CORRELATIONS:
        seed = (list(KINDS).index(kind), round(1000 * rate), g, round(100 * icc))
        world = World(np.random.default_rng(seed), g, icc)
        cases = [KINDS[kind](world, rate) for _ in range(worlds)]
        if np.mean([not e.excludes(truth) for e, truth in cases]) < NEAR:
            cases += [KINDS[kind](world, rate) for _ in range(4 * worlds)]
        held = float(np.mean([not e.excludes(truth) for e, truth in cases]))
        width = float(np.mean([e.high - e.low for e, _ in cases]))
        found.append((held, width / (3.92 * float(np.std([e.value for e, _ in cases])))))
    return min(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table for every kind of quantity."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail when a cell covers too little")
    parser.add_argument("--quick", action="store_true", help="60 worlds instead of 250")
    parser.add_argument("--only", default=",".join(KINDS), help="kinds of quantities")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args(argv)
    kinds = options.only.split(",")
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        parser.error(f"--only: no kind '{unknown[0]}'; there are {', '.join(KINDS)}")
    worlds = 60 if options.quick else 250
    cells = list(product(kinds, RATES, PASSAGES))
    with ProcessPoolExecutor(options.jobs) as pool:
        found = dict(zip(cells, pool.map(partial(measure, worlds=worlds), cells), strict=True))
    low = {cell: held for cell, (held, _) in found.items() if held < LEAST}
    for kind in kinds:
        print(f"\n{kind}: least coverage in %, width in widths of the oracle")
        print("rate  " + "".join(f"{f'{g} passages':>16}" for g in PASSAGES))
        for rate in RATES:
            row = (found[kind, rate, g] for g in PASSAGES)
            print(
                f"{rate:<6}" + "".join(f"{100 * held:>9.1f}  {width:>4.2f}x" for held, width in row)
            )
    print(f"\nleast coverage {100 * min(held for held, _ in found.values()):.1f} %")
    for (kind, rate, g), held in low.items():
        print(f"too low: {kind}, rate {rate}, {g} passages: {100 * held:.1f} %")
    return int(options.check and bool(low))


if __name__ == "__main__":
    sys.exit(main())
