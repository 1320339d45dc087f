"""Is evolution worth its debates? Gains over the frozen seeds on held-out passages, world by world.

Every run goes through the whole trainer. The embedded model plays all roles, so every figure
describes a simulation. Procedures, at an equal number of model calls:

- ``default``: what the preset ``default`` does;
- ``paper``: archive, tournament, Elo and choice of the preset ``paper``;
- ``best-of-N``: as default, but all children are rewritten from the frozen seeds;
- ``random``: as default, but a coin decides what ratings would;
- ``StaticGen``: as default, but all children are written from seeds as examples;
- ``population``: one population without cells, the best rated live on;
- ``oracle``: as default, but ratings are the values of strategies, measured in many debates more.

A baseline plays as many generations as bring its calls nearest to those of ``default`` in the same
world; debates of reports are left out of the count. The oracle plays the generations of default.
``docs/evolution.md`` says what is measured.

    python benchmarks/evolution.py --jobs 2
    python benchmarks/evolution.py --quick
    python benchmarks/evolution.py --procedures default --set evolution.selection.accept=0.8
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from evolution_gains import SEEDS, Outcome, persuasion, self_debates, truth
from evolution_oracle import Oracle, register_oracle
from evolution_table import NULL_KINDS, Result, report

from debate_env.errors import nearest
from debate_env.questions.sources import load_questions
from debateqd.agents.base import derive_seed
from debateqd.agents.models.embedded import EmbeddedModel, World
from debateqd.qd.config.loading import Flag, load_config, override_config
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.questions import open_questions
from debateqd.qd.debates.referee import Players
from debateqd.qd.measures.equal_calls import baseline_config, calls_of, play_equal
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.training.start import train

OBJECTIVES = ("persuasion", "truth")
KINDS = ("mixed", *NULL_KINDS)
# Another seed is another supply of passages, made alike: none of the first is among the second.
TRAINING = "synthetic:passages=600,words=350,questions=2,seed=11"
HELD_OUT = "synthetic:passages=400,words=350,questions=2,seed=1000"
KNOWN = "synthetic:passages=300,words=350,questions=1,seed=2000"


PROCEDURES: Mapping[str, str] = {
    "default": "",
    "paper": "paper",
    "best-of-N": "best-of-n",
    "random": "random-acceptance",
    "StaticGen": "static-gen",
    "population": "single-population",
    "oracle": "",
}
"""Names of procedures, and the preset that is laid over the default for each."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What all runs have in common.

    Attributes:
        procedures: Names of :data:`PROCEDURES`, the one that sets the budget first.
        generations: Of that one, after generation 0.
        questions: Questions for training, choice and report; which ones depends on the world.
        held_out: Held-out questions, each on a passage of its own; likewise.
        first_world: Number of the first world.
        oracle_worlds: In how many worlds the oracle plays; it takes as long as six others.
        oracle_debates: Debates that it measures every strategy in, on questions of their own.
        assignments: ``a.b=value`` on top of the preset ``default``.
    """

    procedures: tuple[str, ...]
    generations: int
    questions: tuple[int, int, int] = (120, 60, 40)
    held_out: int = 160
    first_world: int = 0
    oracle_worlds: int = 6
    oracle_debates: int = 240
    assignments: tuple[str, ...] = ()

    def config(self, kind: str, objective: str, world: int) -> RunConfig:
        """Return the default procedure's configuration in a world."""
        train_on, choose_on, report_on = self.questions
        return load_config(
            "default",
            assignments=(
                f"objective={objective}",
                f"seed={world}",
                f"models.default='embedded:world={world},kind={kind}'",
                f"questions.source='{TRAINING}'",
                f"questions.split_seed={world}",
                f"questions.train={train_on}",
                f"questions.selection={choose_on}",
                f"questions.report={report_on}",
                "questions.test=0",
                "evolution.report.every=0",
                "models.journal=false",
                f"evolution.generations={self.generations}",
                *self.assignments,
            ),
        )


def procedure_config(base: RunConfig, name: str, players: Players, known: int) -> RunConfig:
    """Return the configuration of a procedure in a world.

    Args:
        base: That of the default.
        name: Name of the procedure.
        players: The models of the world.
        known: Debates that the oracle measures every strategy in.
    """
    if PROCEDURES[name]:
        return baseline_config(base, PROCEDURES[name])
    if name != "oracle":
        return base
    supply = list(load_questions(KNOWN))[:known]
    rating = f"oracle-{base.name}-{base.models.default}".replace(":", "-")
    register_oracle(rating, Oracle(players, supply, truth=base.objective == "truth"))
    flags = (
        Flag("oracle", "evolution.tournament.rating", rating),
        Flag("oracle", "evolution.selection.rule", "rating"),
    )
    return override_config(base, flags, "benchmark")


def progress(run: RunDirectory) -> dict[str, Any]:
    """Return what the ratings, and the report's debates, say that the champions have gained."""
    said = run.stats(run.generations()[-1])
    found = {"rated": said.reported_progress, "corrected": said.corrected_progress}
    return {
        field: value
        for name, one in found.items()
        if one is not None
        for field, value in ((name, one.value), (f"{name}_holds_0", not one.excludes(0)))
    }


def run_world(setup: Setup, case: tuple[str, str, int]) -> list[Result]:
    """Play all procedures in one world, and measure what came of each."""
    kind, objective, world = case
    model = EmbeddedModel(World(world, kind=kind))
    models = Models(model, model, model)
    base = setup.config(kind, objective, world)
    players = Players(model, model, base.debate, base.debater_sampling())
    supply = [q for q in load_questions(HELD_OUT) if q.question_id.endswith("-q1")]
    order = sorted(supply, key=lambda q: derive_seed("held-out", world, q.question_id))
    held_out = order[: setup.held_out]
    seeds = self_debates("seeds", SEEDS, held_out, 10, players) if objective == "truth" else []
    questions = open_questions(base.questions)
    results: list[Result] = []
    for procedure in setup.procedures:
        if procedure == "oracle" and world >= setup.first_world + setup.oracle_worlds:
            continue
        config = procedure_config(base, procedure, players, setup.oracle_debates)
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "run"
            if not results or procedure == "oracle":
                summary = train(config, folder, models=models, questions=questions)
            else:
                summary = play_equal(
                    config, folder, results[0].calls, models=models, questions=questions
                )
            run = RunDirectory(folder)
            outcome = Outcome.of(run, summary)
            if objective == "truth":
                gain = truth(outcome, held_out, players, seeds)
            else:
                gain = persuasion(outcome, held_out, players)
            figures: dict[str, Any] = {**gain, **progress(run)}
            said = summary["gain"][objective]
            results.append(
                Result(
                    kind=kind,
                    objective=objective,
                    world=world,
                    procedure=procedure,
                    generations=summary["generations"],
                    debates=summary["totals"]["debates"],
                    calls=calls_of(run),
                    elites=len(outcome.elites),
                    **figures,
                    reported=said["value"],
                    # An end that does not exist is written as null.
                    reported_low=-math.inf if said["low"] is None else said["low"],
                    reported_high=math.inf if said["high"] is None else said["high"],
                )
            )
    return results


def measure(setup: Setup, cases: Sequence[tuple[str, str, int]], jobs: int) -> list[Result]:
    """Play all cases, in as many processes; the same results whatever the number."""
    results: list[Result] = []
    started = time.perf_counter()
    play = partial(run_world, setup)
    with ProcessPoolExecutor(jobs) if jobs > 1 else nullcontext() as pool:
        done = map(play, cases) if pool is None else pool.map(play, cases)
        for number, (case, found) in enumerate(zip(cases, done, strict=True), 1):
            results += found
            seconds = time.perf_counter() - started
            print(
                f"{number}/{len(cases)} {' '.join(map(str, case))}, {seconds:.0f} s",
                file=sys.stderr,
            )
    return results


QUICK = (
    "debate.rounds=1",
    "evolution.children=4",
    "evolution.tournament.debates=60",
    "evolution.tournament.waves=2",
    "evolution.report.questions=2",
)


def main() -> None:
    """Parse the command line, measure, and print tables and verdicts."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n", 1)[0])
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--first-world", type=int, default=20, help="settings were tried in 0 to 5")
    parser.add_argument("--generations", type=int, default=6, help="of the first procedure")
    parser.add_argument("--held-out", type=int, default=160, help="questions to measure gains on")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--objectives", default=",".join(OBJECTIVES))
    parser.add_argument("--procedures", default=",".join(PROCEDURES))
    parser.add_argument("--kinds", default=",".join(KINDS), help="kinds of worlds")
    parser.add_argument("--set", dest="assignments", action="append", default=[], metavar="A.B=V")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test; its figures say nothing"
    )
    parser.add_argument("--markdown", action="store_true", help="print tables for a document")
    parser.add_argument("--json", metavar="FILE", help="also write every figure to a file")
    options = parser.parse_args()
    for given, known in (
        (options.procedures, PROCEDURES),
        (options.objectives, OBJECTIVES),
        (options.kinds, KINDS),
    ):
        for name in given.split(","):
            if name not in known:
                parser.error(f"unknown name '{name}'; {nearest(name, known)}")
    setup = Setup(
        tuple(options.procedures.split(",")),
        options.generations,
        held_out=options.held_out,
        first_world=options.first_world,
        assignments=tuple(options.assignments),
    )
    worlds = options.worlds
    if options.quick:
        setup = replace(
            setup,
            generations=1,
            held_out=6,
            oracle_worlds=1,
            assignments=(*QUICK, *setup.assignments),
        )
        worlds = min(worlds, 2)
    objectives = options.objectives.split(",")
    numbers = range(options.first_world, options.first_world + worlds)
    results: list[Result] = []
    for kind in options.kinds.split(","):
        cases = [(kind, o, w) for o in objectives for w in numbers]
        own = setup.procedures[:1] if kind in NULL_KINDS else setup.procedures
        results += measure(replace(setup, procedures=own), cases, options.jobs)
    text = report(results, held_out=setup.held_out, markdown=options.markdown)
    print(text)
    if options.json:
        # JSON has no infinite numbers: an end that does not exist is null, and what is not known.
        runs = [
            {
                k: None if isinstance(v, float) and not math.isfinite(v) else v
                for k, v in asdict(r).items()
            }
            for r in results
        ]
        data = {"simulation": True, "setup": asdict(setup), "runs": runs}
        Path(options.json).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
