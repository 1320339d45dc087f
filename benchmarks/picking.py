"""What picking the best makes of progress where there is none, by ratings and on fresh questions.

Null runs: no strategy is better than another, but luck differs from debate to debate. They are
played by the trainer's own functions (``selection_trainer.py`` says what differs), and the
champions are the best rated of each family. What they seem to have gained is luck that was picked:

- *by ratings*: their mean rating above that of the seeds, with the interval of the posterior;
- *on fresh questions*: what the report says, whose debates no choice depended on.

    python benchmarks/picking.py --check         # exit status 1 if fresh questions do not hold 0
    python benchmarks/picking.py --runs 20       # a smoke test
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from statistics import mean, stdev
from typing import NamedTuple

from selection_trainer import SimulatedRun, preset
from selection_world import NULL_KINDS, Size, World

from debateqd.qd.statistics import Estimate

TRAIN, SELECTION = 40, 20
"""Questions that strategies are picked on."""
SOURCES = ("by ratings", "on fresh questions")
HELD = (0.93, 0.97)
"""Share of the runs whose interval must hold 0."""


class Luck(NamedTuple):
    """What a run without progress says of it, in Elo points."""

    rated: Estimate
    fresh: Estimate


def play(kind: str, seed: int, generations: int, debates: int, questions: int) -> Luck:
    """Play a run in a null world and report it once, at its end, on so many questions."""
    size = Size(questions=TRAIN + SELECTION + questions, generations=generations)
    world = World(seed, kind, size)
    config = preset(
        f"questions.train={TRAIN}",
        f"questions.selection={SELECTION}",
        f"questions.report={questions}",
        "questions.test=0",
        f"evolution.report.questions={questions}",
        f"evolution.tournament.debates={debates}",
    )
    run = SimulatedRun(world, config)
    for generation in range(generations + 1):
        run.play_generation(generation)
    rated, fresh = run.progress(run.champions), run.report().corrected_progress
    assert rated is not None
    assert fresh is not None
    return Luck(rated, fresh)


def line(source: str, found: Sequence[Estimate]) -> tuple[str, float]:
    """Sum up what runs say; returns the line, and the share of intervals that hold 0."""
    held = mean(not one.excludes(0) for one in found)
    values = [one.value for one in found]
    error = stdev(values) / len(values) ** 0.5
    positive = mean(value > 0 for value in values)
    text = (
        f"  {source:18s} {mean(values):+5.1f} ± {error:.1f} Elo points, {positive:.0%} above 0; "
        f"95 % intervals that hold 0: {held:.1%}"
    )
    return text, held


def main() -> int:
    """Parse the command line, play, and print; 1 where a check fails."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n", 1)[0])
    parser.add_argument("--runs", type=int, default=1000, help="in all, half of them of each kind")
    parser.add_argument("--generations", type=int, default=1, help="after generation 0")
    parser.add_argument("--debates", type=int, default=400, help="a generation")
    parser.add_argument("--questions", type=int, default=80, help="of the report")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    options = parser.parse_args()
    each = options.runs // len(NULL_KINDS)
    if each < 2:
        parser.error(f"--runs: at least {2 * len(NULL_KINDS)}, got {options.runs}")
    print("SIMULATION: nobody is better than anybody. Means ± standard errors.")
    fresh: list[Estimate] = []
    for kind in NULL_KINDS:
        plays = partial(
            play,
            generations=options.generations,
            debates=options.debates,
            questions=options.questions,
        )
        runs = [plays(kind, seed) for seed in range(each)]
        print(f"{kind}, {each} runs of {options.generations + 1} tournaments of {options.debates}:")
        for source, found in zip(SOURCES, zip(*runs, strict=True), strict=True):
            print(line(source, found)[0], flush=True)
        fresh += [run.fresh for run in runs]
    said, held = line(SOURCES[1], fresh)
    holds = HELD[0] <= held <= HELD[1]
    print(f"all {len(fresh)} runs:\n{said}\n{'yes' if holds else 'NO'}: within {HELD}")
    return 1 if options.check and not holds else 0


if __name__ == "__main__":
    sys.exit(main())
