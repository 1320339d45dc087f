"""How honest and how fast the batch rating is: ``benchmarks/ratings.py``.

*Coverage*: worlds of known strengths are drawn, rated with every scale estimated, and the share of
strategies whose true strength lies in its 95 % interval is counted, and likewise of children's
leads over their parents. In each world children are their parent - 15 +- 60 Elo points, the correct
side gains 100 +- 150 by question, roots scatter by 100. *Time*: a cold fit and a warm refit (scales
held) of 100 strategies, and one fit of 5,000 strategies and 500,000 games, with the most memory
that its process took.

    python benchmarks/ratings.py --check
    python benchmarks/ratings.py --quick
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from engines_table import Figure, table

from debateqd.qd.ratings.games import GameForm, make_games
from debateqd.qd.ratings.laplace import Fit, fit_games
from debateqd.qd.statistics import ELO, Floats
from tests.qd.ratings.simulated import World, simulate

LEAST, MOST = 0.93, 0.97
"""Bounds of the coverage of 95 % intervals."""

SIZES = ((30, 20, 300), (70, 100, 700), (100, 100, 2000), (200, 100, 6000))
"""Strategies, questions, games."""

FIT = 80.0
# Suits +-80 points on either side shrink what games show of a difference: the mean of a logistic
# curve over a normal one is about a logistic curve, flatter by this factor (Zeger, Liang and Albert
# 1988, "Models for longitudinal data", eq. 3.3).
_SHRUNK = 1 / math.sqrt(1 + (16 * math.sqrt(3) / (15 * math.pi)) ** 2 * 2 * (FIT / ELO) ** 2)


@dataclass(frozen=True)
class Kind:
    """A kind of world.

    Attributes:
        name: For the table.
        settings: For the simulation.
        form: Form of its games.
        shrunk: What the games show of true differences.
    """

    name: str
    settings: Mapping[str, Any]
    form: GameForm = "duel"
    shrunk: float = 1.0


KINDS = (
    Kind("wins", {}),
    Kind("credences, beta", {"noise": 9.0}),
    Kind("credences, logit-normal", {"logit_noise": 1.0}),
    Kind("truth, wins", {}, "team"),
    Kind("truth, credences", {"noise": 9.0}, "team"),
    Kind("wins, questions suit", {"fit": FIT}, shrunk=_SHRUNK),
    Kind("credences, questions suit", {"fit": FIT, "noise": 9.0}, shrunk=_SHRUNK),
)


@dataclass(frozen=True)
class Coverage:
    """What 95 % intervals covered, with the standard error over worlds.

    Attributes:
        kind: The worlds.
        size: Strategies, questions, games.
        strengths: Of strengths relative to the panel.
        strengths_error: Standard error of that.
        leads: Of children's leads over their parents.
        leads_error: Standard error of that.
        reported: Mean of reported minus true mean strength of all children, in Elo points.
        reported_error: Standard error of that.
    """

    kind: Kind
    size: tuple[int, int, int]
    strengths: float
    strengths_error: float
    leads: float
    leads_error: float
    reported: float
    reported_error: float

    @property
    def holds(self) -> bool:
        """Whether strengths are within the bounds."""
        return LEAST <= self.strengths <= MOST

    def row(self) -> str:
        """A line of the table."""
        verdict = "holds" if self.holds else "DOES NOT HOLD"
        n, m, games = self.size
        return (
            f"| {self.kind.name} | {n} | {m} | {games:,} "
            f"| {self.strengths:.1%} ± {self.strengths_error:.1%} "
            f"| {self.leads:.1%} ± {self.leads_error:.1%} "
            f"| {self.reported:+.1f} ± {self.reported_error:.1f} | {verdict} |"
        )


def covered(world: World, fit: Fit, shrunk: float) -> tuple[float, float, float]:
    """Shares of strengths and of leads in their intervals, and reported minus true."""
    truth = shrunk * world.relative
    error = fit.strengths - truth
    strengths = np.abs(error) < 1.96 * fit.deviations
    children = np.flatnonzero(world.parents >= 0)
    parents = world.parents[children]
    c = fit.covariance
    spread = c[children, children] + c[parents, parents] - 2 * c[children, parents]
    leads = np.abs(error[children] - error[parents]) < 1.96 * np.sqrt(spread)
    return float(strengths.mean()), float(leads.mean()), float(error[children].mean())


def coverage(kind: Kind, size: tuple[int, int, int], worlds: int) -> Coverage:
    """Rate worlds of a kind and a size."""
    n, m, games = size
    found = []
    for seed in range(worlds):
        world = simulate(seed, n, m, games, form=kind.form, **kind.settings)
        fit = fit_games(world.games, n, world.parents, questions=m)
        found.append(covered(world, fit, kind.shrunk))
    values = np.array(found)
    mean = values.mean(axis=0)
    error = values.std(axis=0, ddof=1) / math.sqrt(worlds)
    parts = [float(x) for pair in zip(mean, error, strict=True) for x in pair]
    return Coverage(kind, size, *parts)


HEAD = """\
| outcomes | strategies | questions | games | strengths | leads | reported - true | in bounds |
| --- | --- | --- | --- | --- | --- | --- | --- |"""


def refit_times(repeats: int) -> tuple[float, float]:
    """Milliseconds of a cold fit and of a warm refit: 100 strategies, 100 questions, 5,000 games.

    The refit begins where a fit of all but the last 100 games ended. The fastest of the repeats
    counts, as whatever else the machine does only adds.
    """
    world = simulate(0, 100, 100, 5000, noise=9.0)
    g = world.games
    most = make_games(
        g.first[:-100],
        g.second[:-100],
        g.outcome[:-100],
        question=g.question[:-100],
        side=g.side[:-100],
        position=g.position[:-100],
    )
    start = fit_games(most, 100, world.parents, questions=100).start
    cold = _fastest(repeats, lambda: fit_games(g, 100, world.parents))
    warm = _fastest(10 * repeats, lambda: fit_games(g, 100, world.parents, start=start))
    return cold, warm


def _fastest(repeats: int, work: Callable[[], object]) -> float:
    """Milliseconds of the fastest of some repeats."""
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return 1000 * min(found)


def large_fit(strategies: int, games: int, near: bool) -> dict[str, float]:
    """Fit a large problem, with the covariance of the last 1,000 strategies.

    Args:
        strategies: Strategies, each but the first 35 with a parent among the 70 before it.
        games: Games, on 100 questions, as swapped pairs.
        near: Whether opponents are near in age, as in evolution; else they are drawn at random.

    Returns:
        Seconds of wall clock and of processor time, and the process's peak memory in GiB.
    """
    rng = np.random.default_rng(0)
    parents, theta = np.full(strategies, -1), rng.normal(0, 100, strategies)
    for child in range(35, strategies):
        parents[child] = rng.integers(max(0, child - 70), child)
        theta[child] = theta[parents[child]] - 1 + rng.normal(0, 60)
    half = games // 2
    i = rng.integers(strategies, size=half)
    by = rng.integers(1, 70, half) * rng.choice([-1, 1], half)
    j = np.clip(i + by, 0, strategies - 1) if near else rng.integers(strategies, size=half)
    j = np.where(i == j, (i + 1) % strategies, j)
    q, c = rng.integers(100, size=half), rng.choice([-1.0, 1.0], half)
    first, second = np.concatenate([i, j]), np.concatenate([j, i])
    side, question = np.concatenate([c, c]), np.concatenate([q, q])
    z = theta[first] - theta[second] + side * (100 + rng.normal(0, 150, 100)[question])
    p = 1 / (1 + np.exp(-z / ELO))
    y: Floats = rng.beta(9 * p, 9 * (1 - p))
    data = make_games(first, second, y, question=question, side=side)
    started, used = time.perf_counter(), time.process_time()
    living = np.arange(max(0, strategies - 1000), strategies)
    fit_games(data, strategies, parents, living=living)
    return {
        "seconds": time.perf_counter() - started,
        "processor": time.process_time() - used,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def large_fits(strategies: int, games: int) -> list[Figure]:
    """Fit both large problems, each in a process of its own."""
    figures = []
    for near, what in ((False, "random opponents"), (True, "opponents near in age")):
        call = f"import ratings; print(ratings.json_of({strategies}, {games}, {near}))"
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", call],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
        found = json.loads(done.stdout)
        name = f"{strategies:,} strategies, {games:,} games, {what}"
        figures += [
            Figure(f"{name}: fit", found["seconds"], None, "s", 1),
            # On an idle machine no fit takes longer than its processor time.
            Figure(f"{name}: processor time", found["processor"], 60, "s", 1),
            Figure(f"{name}: peak memory of the process", found["memory"], 2, "GiB", 2),
        ]
    return figures


def json_of(strategies: int, games: int, near: bool) -> str:
    """:func:`large_fit`, for a process of its own."""
    return json.dumps(large_fit(strategies, games, near))


def main() -> int:
    """Print the figures; with ``--check`` return 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--worlds", type=int, default=200, help="worlds per line of the table")
    parser.add_argument("--quick", action="store_true", help="a smoke test; its figures say little")
    parser.add_argument("--check", action="store_true", help="fail where a bound does not hold")
    options = parser.parse_args()
    worlds = 4 if options.quick else options.worlds
    print(f"Coverage of 95 % intervals over {worlds} worlds, all scales estimated\n\n{HEAD}")
    rows = []
    for kind in KINDS:
        for size in SIZES[:1] if options.quick else SIZES:
            rows.append(coverage(kind, size, worlds))
            print(rows[-1].row(), flush=True)
    cold, warm = refit_times(3 if options.quick else 20)
    what = "100 strategies, 100 questions, 5,000 games"
    figures = [
        Figure(f"{what}: fit", cold, None, "ms", 1),
        Figure(f"{what}: warm refit, scales held", warm, 5, "ms", 1),
        *large_fits(*((1000, 10_000) if options.quick else (5000, 500_000))),
    ]
    print("\n" + table(figures))
    held = all(figure.holds for figure in figures) and all(row.holds for row in rows)
    return 0 if held or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())
