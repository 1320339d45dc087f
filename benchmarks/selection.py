"""How much true progress does selection make of a number of debates, and does it say so?

A simulation of evolution in which all strengths are known: 35 cells, 30 generations, one child per
cell and generation, 210 or 700 debates a generation. Procedures:

- ``perfect``: accepts what is truly stronger; the bound;
- ``default``: the trainer's own tournament, ratings and choice, with the preset ``default``;
- Elo in several forms, and the posterior with drawn contests, for comparison.

``selection_world.py`` says what the worlds are, ``docs/selection.md`` what is measured.

    python benchmarks/selection.py --jobs 2 --check
    python benchmarks/selection.py --procedures default --seeds 4
    python benchmarks/selection.py --quick
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from selection_elo import Elo, perfect
from selection_posterior import ESTIMATED, Paired
from selection_table import DEFAULT, Run, report
from selection_trainer import trained
from selection_world import KINDS, Evolved, Size, World

from debate_env.errors import nearest

Procedure = Callable[[World, int], Evolved]

PROCEDURES: Mapping[str, Procedure] = {
    "perfect": perfect,
    "Elo, Swiss, reset": Elo(inherited=False),
    "Elo, Swiss, inherited": Elo(),
    "Elo, Swiss, inherited, swapped": Elo(pairing="swapped"),
    "Elo, 70 % own parent, inherited": Elo(pairing="own"),
    "Elo, Swiss, inherited, K = 8": Elo(8),
    "Elo, Swiss, inherited, K = 64": Elo(64),
    "Elo, 70 % own parent, inherited, K = 8": Elo(8, pairing="own"),
    "Elo, 70 % own parent, reset, K = 8": Elo(8, inherited=False, pairing="own"),
    "posterior, 70 % own parent, scales given": Paired(),
    "posterior, 70 % own parent": Paired(priors=ESTIMATED),
    DEFAULT: trained,
}
ELSEWHERE = ("perfect", "Elo, Swiss, inherited", DEFAULT)
"""Procedures that are also tried in worlds of other kinds."""
BUDGETS = (210, 700)
QUICK = Size(cells=8, questions=20, generations=3)

Case = tuple[str, str, int, int]
"""Kind of world, procedure, debates a generation, seed."""


def play(size: Size, case: Case) -> Run:
    """Play one case."""
    kind, procedure, matches, seed = case
    return Run(*case, PROCEDURES[procedure](World(seed, kind, size), matches))


def measure(size: Size, cases: Sequence[Case], jobs: int) -> list[Run]:
    """Play all cases, in as many processes; the same results whatever the number."""
    runs = []
    started = time.perf_counter()
    one = partial(play, size)
    with ProcessPoolExecutor(jobs) if jobs > 1 else nullcontext() as pool:
        done = map(one, cases) if pool is None else pool.map(one, cases)
        for number, run in enumerate(done, 1):
            runs.append(run)
            if number == len(cases) or cases[number - 1][:3] != cases[number][:3]:
                name = f"{run.kind}, {run.procedure}, {run.matches} debates"
                seconds = time.perf_counter() - started
                print(f"{number}/{len(cases)} {name}, {seconds:.0f} s", file=sys.stderr)
    return runs


def cases_of(
    procedures: Sequence[str], kinds: Sequence[str], budgets: Sequence[int], seeds: int
) -> list[Case]:
    """List the cases; worlds that are not plain are half as many and see fewer procedures."""
    return [
        (kind, procedure, matches, seed)
        for kind in kinds
        for procedure in procedures
        if kind == "plain" or procedure in ELSEWHERE
        for matches in budgets
        for seed in range(seeds if kind == "plain" else max(1, seeds // 2))
    ]


def _record(run: Run) -> dict[str, Any]:
    """A run for JSON, which has no nan: what does not exist is null."""
    fields = {**asdict(run), **asdict(run.evolved)}
    del fields["evolved"]
    return {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in fields.items()
    }


def main() -> int:
    """Parse the command line, measure, print tables and verdicts; 1 where a check fails."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=20, help="plain worlds; of others half")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--matches", default=",".join(map(str, BUDGETS)), help="a generation")
    parser.add_argument("--procedures", default=";".join(PROCEDURES), help="separated by ';'")
    parser.add_argument("--kinds", default=",".join(KINDS), help="kinds of worlds")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test; its figures say nothing"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    parser.add_argument("--markdown", action="store_true", help="print tables for a document")
    parser.add_argument("--json", metavar="FILE", help="also write every figure to a file")
    options = parser.parse_args()
    procedures = [name.strip() for name in options.procedures.split(";")]
    kinds = options.kinds.split(",")
    for given, known in ((procedures, PROCEDURES), (kinds, KINDS)):
        for name in given:
            if name not in known:
                parser.error(f"unknown name '{name}'; {nearest(name, known)}")
    if not all(part.isdigit() and int(part) > 1 for part in options.matches.split(",")):
        parser.error(f"--matches: numbers from 2, separated by commas; got '{options.matches}'")
    if options.quick and options.check:
        parser.error("--check needs more than a quick run")
    budgets = [int(part) for part in options.matches.split(",")]
    size, seeds = Size(), options.seeds
    if options.quick:
        size, seeds = QUICK, min(seeds, 2)
        budgets = [min(matches, 40 * (k + 1)) for k, matches in enumerate(budgets)]
    runs = measure(size, cases_of(procedures, kinds, budgets, seeds), options.jobs)
    text, holds = report(runs, options.markdown)
    print(text)
    if options.json:
        data = {"simulation": True, "size": asdict(size), "runs": [_record(r) for r in runs]}
        Path(options.json).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return 1 if options.check and not holds else 0


if __name__ == "__main__":
    sys.exit(main())
