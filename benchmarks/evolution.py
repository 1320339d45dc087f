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
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from evolution_table import Result, report

from agents.base import derive_seed
from agents.models.embedded import EmbeddedModel
from agents.models.world import World
from debate_env.questions import Question
from debate_env.sources import load_questions
from qd.archives import archive_from_dict
from qd.config import EvolutionConfig, RunConfig
from qd.config_loading import load_config
from qd.evaluation import Kind, Pairing, Players, Trial, play_trials, right, won
from qd.planning import plan_run
from qd.referee import Models
from qd.rundir import RunDirectory
from qd.seeds import seed_strategies
from qd.splits import RunQuestions, open_questions
from qd.strategy import Strategy
from qd.training import resume, train

SEEDS = seed_strategies()
OBJECTIVES = ("persuasion", "truth")
# Another seed is another supply of passages: none of the first is among the second.
TRAINING = "synthetic:passages=600,words=350,questions=2,seed=11"
HELD_OUT = "synthetic:passages=400,words=350,questions=1,seed=1000"
EVALUATION = 1
"""Seed of the debates on held-out passages; the same for all procedures."""


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
        questions: Questions for training, choice and report; which ones depends on the world.
        held_out: Held-out questions, each on a passage of its own; likewise.
        assignments: ``a.b=value`` on top of the preset ``default``.
    """

    procedures: tuple[str, ...]
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
                *self.assignments,
            ),
        )


# --- measuring ------------------------------------------------------------------------------------


def rotation(
    strategies: Sequence[Strategy], questions: Sequence[Question], each: int
) -> Iterator[tuple[Question, Strategy]]:
    """Deal ``each`` strategies to every question, all strategies about equally often."""
    count = min(each, len(strategies))
    for number, question in enumerate(questions):
        for k in range(count):
            yield question, strategies[(number * count + k) % len(strategies)]


def duels(
    kind: Kind, pairs: Iterable[tuple[Question, Strategy, Strategy]], players: Players
) -> list[Trial]:
    """Play pairs of strategies, once in either seat."""
    pairings = [Pairing(kind, a, b, q, s) for q, a, b in pairs for s in ("debater_0", "debater_1")]
    return play_trials(pairings, players, EVALUATION)


def self_debates(
    kind: Kind,
    strategies: Sequence[Strategy],
    questions: Sequence[Question],
    each: int,
    players: Players,
) -> list[Trial]:
    """Let strategies debate themselves, in rotation."""
    turns = rotation(strategies, questions, each)
    return play_trials([Pairing(kind, s, s, q, "debater_0") for q, s in turns], players, EVALUATION)


def average(trials: Iterable[Trial], value: Callable[[Trial], float | None]) -> float:
    """Average over usable debates."""
    return fmean(v for trial in trials if (v := value(trial)) is not None)


def share(trial: Trial) -> float | None:
    """Credence of the measured strategy's side, of what both sides got."""
    if trial.credence is None:
        return None
    place = 0 if trial.seat == "debater_0" else 1
    return trial.credence[place] / (trial.credence[0] + trial.credence[1])


def credence(trial: Trial) -> float | None:
    """Credence in the correct answer."""
    if trial.credence is None:
        return None
    place = 0 if trial.seat == "debater_0" else 1
    return trial.credence[place if trial.defends_correct else 1 - place]


def drawn(question: Question, strategy: Strategy, pool: Sequence[Strategy]) -> Strategy:
    """Draw an opponent from names alone, never the strategy itself."""
    others = [other for other in pool if other.strategy_id != strategy.strategy_id]
    return others[derive_seed("opponent", question.question_id, strategy.text) % len(others)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who lives at the end of a run.

    Attributes:
        elites: Everybody in the archive.
        champions: The best-rated of each family.
        cells: For every cell that a seed held after generation 0 and that is still held: the elite
            and that seed.
    """

    elites: tuple[Strategy, ...]
    champions: tuple[Strategy, ...]
    cells: tuple[tuple[Strategy, Strategy], ...]

    @classmethod
    def of(cls, run: RunDirectory, summary: Mapping[str, Any]) -> Outcome:
        """Read a run directory."""
        strategies = run.strategies()
        first, last = (
            {archive.locate(e.strategy_id): e.strategy_id for e in archive.elites()}
            for archive in (
                archive_from_dict(data)
                for data in (run.generation(0)["archive"], run.archive()["archive"])
            )
        )
        return cls(
            tuple(strategies[s] for s in last.values()),
            tuple(strategies[row["id"]] for row in summary["top"]),
            tuple((strategies[last[c]], strategies[first[c]]) for c in first if c in last),
        )


def persuasion(
    outcome: Outcome, questions: Sequence[Question], players: Players
) -> dict[str, float]:
    """Measure win rates minus 1/2; see :class:`evolution_table.Result`."""
    family: dict[str, list[Strategy]] = defaultdict(list)
    for seed in SEEDS:
        family[seed.family].append(seed)
    elites = [(q, s, drawn(q, s, SEEDS)) for q, s in rotation(outcome.elites, questions, 4)]
    own = [
        (q, s, drawn(q, s, family[s.family])) for q, s in rotation(outcome.champions, questions, 3)
    ]
    same = [(q, s, drawn(q, s, SEEDS)) for q, s in rotation(outcome.champions, questions, 2)]
    new = [pair for pair in outcome.cells if pair[0] != pair[1]]
    holders = {elite.strategy_id: holder for elite, holder in new}
    turns = rotation([elite for elite, _ in new], questions, 3) if new else ()
    cells = duels("duel", [(q, s, holders[s.strategy_id]) for q, s in turns], players)
    return {
        "elites_gain": average(duels("panel", elites, players), won) - 0.5,
        "champions_gain": average(duels("duel", own, players), won) - 0.5,
        # A seed that still holds its cell has gained nothing.
        "cells_gain": (average(cells, won) - 0.5) * len(new) / len(outcome.cells) if new else 0.0,
        "as_reported": average(duels("panel", same, players), share) - 0.5,
    }


def by_strategy(trials: Iterable[Trial]) -> dict[str, float]:
    """Judge accuracy by strategy."""
    found: dict[str, list[float]] = defaultdict(list)
    for trial in trials:
        if trial.right is not None:
            found[trial.strategy].append(trial.right)
    return {strategy: fmean(values) for strategy, values in found.items()}


def truth(
    outcome: Outcome, questions: Sequence[Question], players: Players, seeds: Sequence[Trial]
) -> dict[str, float]:
    """Measure judge accuracy minus the seeds'; see :class:`evolution_table.Result`."""
    elites = self_debates("elites", outcome.elites, questions, 7, players)
    champions = self_debates("elites", outcome.champions, questions, 5, players)
    after, before = by_strategy(elites), by_strategy(seeds)
    gained = [
        0.0 if elite == holder else after[elite.strategy_id] - before[holder.strategy_id]
        for elite, holder in outcome.cells
    ]
    return {
        "elites_gain": average(elites, right) - average(seeds, right),
        # One champion per family, and as many seeds of each: the families weigh the same.
        "champions_gain": average(champions, right) - average(seeds, right),
        "cells_gain": fmean(gained) if gained else 0.0,
        "as_reported": average(champions, credence) - average(seeds, credence),
    }


# --- running --------------------------------------------------------------------------------------


def spent(run: RunDirectory, summary: Mapping[str, Any]) -> int:
    """Return the model calls of a run, those of reports left out."""
    reports = sum(match.calls for match in run.matches() if match.phase == "report")
    return int(summary["totals"]["calls"]) - reports


def evolve(
    config: RunConfig, folder: Path, questions: RunQuestions, models: Models, budget: int | None
) -> dict[str, Any]:
    """Run a procedure; with a budget, for the generations whose calls come nearest to it."""
    if budget is None:
        return train(config, folder, models=models, questions=questions)
    plan = plan_run(config, questions)
    first = plan.first * plan.calls_per_debate
    later = (plan.tournament + plan.selection) * plan.calls_per_debate
    count = max(1, (budget - first) // later)
    evolution = config.evolution.model_copy(update={"generations": count})
    config = config.model_copy(update={"evolution": evolution})
    summary = train(config, folder, models=models, questions=questions)
    while True:
        calls = spent(RunDirectory(folder), summary)
        more = round((budget - calls) * count / max(1, calls - first))
        if more <= 0:
            return summary
        count += more
        summary = resume(folder, generations=count, models=models, questions=questions)


def run_world(setup: Setup, case: tuple[str, str, int]) -> list[Result]:
    """Play all procedures in one world, and measure what came of each."""
    kind, objective, world = case
    model = EmbeddedModel(World(world, kind=kind))
    models = Models(model, model, model)
    base = setup.config(kind, objective, world)
    players = Players(model, model, base.debate_settings(), base.debater_sampling())
    supply = load_questions(HELD_OUT)
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
                    reported=summary["gain"][objective]["value"],
                    reported_low=summary["gain"][objective]["low"],
                    reported_high=summary["gain"][objective]["high"],
                )
            )
    return results


def measure(setup: Setup, cases: Sequence[tuple[str, str, int]], jobs: int) -> list[Result]:
    """Play all cases, in as many processes; the same results whatever the number."""
    results: list[Result] = []
    started = time.perf_counter()
    play = partial(run_world, setup)
    with ProcessPoolExecutor(jobs) if jobs > 1 else tempfile.TemporaryDirectory() as pool:
        done = map(play, cases) if isinstance(pool, str) else pool.map(play, cases)
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
    "evolution.generations=1",
    "evolution.children=4",
    "evolution.tournament.rounds=1",
    "evolution.tournament.questions_per_pairing=1",
    "evolution.selection.questions=2",
    "evolution.report.questions=2",
)


def main() -> None:
    """Parse the command line, measure, and print tables and verdicts."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n", 1)[0])
    parser.add_argument("--worlds", type=int, default=20)
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
    setup = Setup(tuple(options.procedures.split(",")), assignments=tuple(options.assignments))
    worlds = options.worlds
    if options.quick:
        setup = replace(setup, held_out=6, assignments=(*QUICK, *setup.assignments))
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
        data = {"simulation": True, "setup": asdict(setup), "runs": [asdict(r) for r in results]}
        Path(options.json).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
