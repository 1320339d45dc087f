"""Is evolution worth its debates? Gains over the frozen seeds on held-out passages, world by world.

Every run goes through the whole trainer. The embedded model plays all roles, so every figure
describes a simulation. Procedures, at an equal number of model calls:

- ``default``: what the preset ``default`` does;
- ``paper``: archive, tournament, Elo and choice of the preset ``paper``;
- ``best-of-N``: as default, but all children are rewritten from the frozen seeds;
- ``random``: as default, but coins decide what ratings and comparisons would.

A baseline plays as many generations as bring its calls nearest to those of ``default`` in the same
world; debates of reports are left out of the count. ``docs/evolution.md`` says what is measured.

    python benchmarks/evolution.py --jobs 2
    python benchmarks/evolution.py --quick
    python benchmarks/evolution.py --procedures default --set evolution.selection.questions=24
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from evolution_gains import SEEDS, Outcome, persuasion, self_debates, truth
from evolution_table import Result, report

from agents.base import derive_seed
from agents.models.embedded import EmbeddedModel
from agents.models.world import World
from debate_env.errors import nearest
from debate_env.sources import load_questions
from qd.config import EvolutionConfig, RunConfig
from qd.config_loading import Flag, load_config, override_config
from qd.evaluation import Players
from qd.planning import plan_run
from qd.run_models import Models
from qd.rundir import RunDirectory
from qd.splits import RunQuestions, open_questions
from qd.training import resume, train

OBJECTIVES = ("persuasion", "truth")
# Another seed is another supply of passages, made alike: none of the first is among the second.
TRAINING = "synthetic:passages=600,words=350,questions=2,seed=11"
HELD_OUT = "synthetic:passages=400,words=350,questions=2,seed=1000"


def paper(own: EvolutionConfig) -> EvolutionConfig:
    """Return the paper's procedure, measured like the others."""
    return load_config("paper").evolution.model_copy(update={"report": own.report})


def best_of_n(own: EvolutionConfig) -> EvolutionConfig:
    """Return a procedure that never builds on a child."""
    return own.model_copy(update={"parents": own.parents.model_copy(update={"rule": "seeds"})})


def random_acceptance(own: EvolutionConfig) -> EvolutionConfig:
    """Return a procedure that plays the debates of a choice and tosses coins."""
    return own.model_copy(update={"selection": own.selection.model_copy(update={"rule": "coin"})})


PROCEDURES: Mapping[str, Callable[[EvolutionConfig], EvolutionConfig]] = {
    "default": lambda own: own,
    "paper": paper,
    "best-of-N": best_of_n,
    "random": random_acceptance,
}


@dataclass(frozen=True, slots=True)
class Setup:
    """What all runs have in common.

    Attributes:
        procedures: Names of :data:`PROCEDURES`, the one that sets the budget first.
        generations: Of that one, after generation 0.
        questions: Questions for training, choice and report; which ones depends on the world.
        held_out: Held-out questions, each on a passage of its own; likewise.
        assignments: ``a.b=value`` on top of the preset ``default``.
    """

    procedures: tuple[str, ...]
    generations: int
    questions: tuple[int, int, int] = (120, 60, 40)
    held_out: int = 160
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


def spent(run: RunDirectory, summary: Mapping[str, Any]) -> int:
    """Return the model calls of a run, those of reports left out."""
    reports = sum(match.calls for match in run.matches() if match.phase == "report")
    return int(summary["totals"]["calls"]) - reports


def with_generations(config: RunConfig, count: int) -> RunConfig:
    """Return the configuration with another number of generations."""
    return override_config(
        config, [Flag("--generations", "evolution.generations", count)], "benchmark"
    )


def evolve(
    config: RunConfig, folder: Path, questions: RunQuestions, models: Models, budget: int | None
) -> dict[str, Any]:
    """Run a procedure; with a budget, for the generations whose calls come nearest to it."""
    if budget is None:
        return train(config, folder, models=models, questions=questions)
    plan = plan_run(config, questions)
    first = plan.first * plan.calls_per_debate
    later = plan.tournament * plan.calls_per_debate
    count = max(1, (budget - first) // later)
    config = with_generations(config, count)
    summary = train(config, folder, models=models, questions=questions)
    while True:
        calls = spent(RunDirectory(folder), summary)
        more = round((budget - calls) * count / max(1, calls - first))
        if more <= 0:
            return summary
        count += more
        config = with_generations(config, count)
        summary = resume(folder, config=config, models=models, questions=questions)


def run_world(setup: Setup, case: tuple[str, str, int]) -> list[Result]:
    """Play all procedures in one world, and measure what came of each."""
    kind, objective, world = case
    model = EmbeddedModel(World(world, kind=kind))
    models = Models(model, model, model)
    base = setup.config(kind, objective, world)
    players = Players(model, model, base.debate_settings(), base.debater_sampling())
    supply = [q for q in load_questions(HELD_OUT) if q.question_id.endswith("-q1")]
    order = sorted(supply, key=lambda q: derive_seed("held-out", world, q.question_id))
    held_out = order[: setup.held_out]
    seeds = self_debates("seeds", SEEDS, held_out, 10, players) if objective == "truth" else []
    questions = open_questions(base.questions)
    results: list[Result] = []
    for procedure in setup.procedures:
        evolution = PROCEDURES[procedure](base.evolution)
        config = base.model_copy(update={"evolution": evolution})
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "run"
            budget = results[0].calls if results else None
            summary = evolve(config, folder, questions, models, budget)
            run = RunDirectory(folder)
            outcome = Outcome.of(run, summary)
            if objective == "truth":
                gain = truth(outcome, held_out, players, seeds)
            else:
                gain = persuasion(outcome, held_out, players)
            said = summary["gain"][objective]
            results.append(
                Result(
                    kind=kind,
                    objective=objective,
                    world=world,
                    procedure=procedure,
                    generations=summary["generations"],
                    debates=summary["totals"]["debates"],
                    calls=spent(run, summary),
                    elites=len(outcome.elites),
                    **gain,
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
    parser.add_argument("--generations", type=int, default=6, help="of the first procedure")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--objectives", default=",".join(OBJECTIVES))
    parser.add_argument("--procedures", default=",".join(PROCEDURES))
    parser.add_argument("--no-null", action="store_true", help="leave the null world out")
    parser.add_argument("--set", dest="assignments", action="append", default=[], metavar="A.B=V")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test; its figures say nothing"
    )
    parser.add_argument("--markdown", action="store_true", help="print tables for a document")
    parser.add_argument("--json", metavar="FILE", help="also write every figure to a file")
    options = parser.parse_args()
    for given, known in ((options.procedures, PROCEDURES), (options.objectives, OBJECTIVES)):
        for name in given.split(","):
            if name not in known:
                parser.error(f"unknown name '{name}'; {nearest(name, known)}")
    setup = Setup(
        tuple(options.procedures.split(",")),
        options.generations,
        assignments=tuple(options.assignments),
    )
    worlds = options.worlds
    if options.quick:
        setup = replace(setup, generations=1, held_out=6, assignments=(*QUICK, *setup.assignments))
        worlds = min(worlds, 2)
    objectives = options.objectives.split(",")
    cases = [("mixed", o, w) for o in objectives for w in range(worlds)]
    results = measure(setup, cases, options.jobs)
    if not options.no_null:
        nothing = [("null", o, w) for o in objectives for w in range(worlds)]
        results += measure(replace(setup, procedures=setup.procedures[:1]), nothing, options.jobs)
    text = report(results, held_out=setup.held_out, markdown=options.markdown)
    print(text)
    if options.json:
        # JSON has no infinite numbers: an end that does not exist is null.
        runs = [
            {k: None if v in (math.inf, -math.inf) else v for k, v in asdict(r).items()}
            for r in results
        ]
        data = {"simulation": True, "setup": asdict(setup), "runs": runs}
        Path(options.json).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
