"""Does evolution work? Its gain over the seeds on questions it never saw, beside baselines.

Every run goes through the whole trainer with the embedded model, a simulation, and ends in a
measurement on held-out passages. Procedures:

- default: the preset ``default``.
- paper: the preset ``paper``'s archive, tournament, Elo and choice, for as many generations as the
  default's model calls pay for.
- best-of-N: as default, but children are always rewritten from the frozen seeds.
- random: as default, but coins decide instead of ratings and comparisons.

    python benchmarks/evolution.py --jobs 2
    python benchmarks/evolution.py --quick
    python benchmarks/evolution.py --procedures default --set evolution.children=7
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from agents.base import derive_seed
from agents.models.embedded import EmbeddedModel
from agents.models.world import World
from debate_env.questions import Question
from debate_env.sources import load_questions
from qd.config import RunConfig
from qd.config_loading import load_config
from qd.evaluation import Pairing, Players, Trial, play_trials
from qd.gains import champions
from qd.archive_base import Entry
from qd.planning import plan_run
from qd.rundir import RunDirectory
from qd.seeds import seed_strategies
from qd.splits import RunQuestions, open_questions
from qd.statistics import Estimate, t_interval
from qd.strategy import Strategy
from qd.training import train

SEEDS = seed_strategies()
PROCEDURES = ("default", "paper", "best-of-N", "random")
OBJECTIVES = ("persuasion", "truth")


@dataclass(frozen=True, slots=True)
class Setup:
    """What every run has in common.

    Attributes:
        training: Passages with two questions each, dealt out to the splits of a run.
        held_out: Passages with one question each, of another seed, for the true gain.
        assignments: ``a.b=value`` on top of the preset ``default``.
    """

    training: int
    held_out: int
    assignments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """One run."""

    kind: str
    objective: str
    world: int
    procedure: str
    generations: int
    debates: int
    calls: int
    report_calls: int
    true: Mapping[str, float]
    reported: Mapping[str, float]


def configuration(setup, kind, objective, world, procedure, calls=None):
    config = load_config(
        "default",
        assignments=(
            f"objective={objective}",
            f"seed={world}",
            f"questions.source='synthetic:passages=600,seed=11'", "questions.train=120","questions.selection=60","questions.report=45","questions.test=75",f"questions.split_seed={world}",
            f"models.default='embedded:world={world},kind={kind}'",
            "evolution.report.every=0",
            *setup.assignments,
        ),
    )
    ev = config.evolution
    if procedure == "best-of-N":
        ev = ev.model_copy(update={"parents": ev.parents.model_copy(update={"rule": "seeds"})})
    elif procedure == "random":
        ev = ev.model_copy(update={"selection": ev.selection.model_copy(update={"rule": "coin"})})
    elif procedure == "paper":
        ev = load_config("paper").evolution.model_copy(update={"report": ev.report})
    return config.model_copy(update={"evolution": ev})


def rotate(kind, strategies, opponents, questions, per_question):
    """Each question: per_question of the strategies in turn, each against one opponent, both seats."""
    for i, q in enumerate(questions):
        for j in range(min(per_question, len(strategies))):
            n = i * min(per_question, len(strategies)) + j
            s = strategies[n % len(strategies)]
            pool = opponents(s)
            # the round in which s plays
            o = pool[derive_seed("opponent", q.question_id, s.text) % len(pool)]
            for seat in ("debater_0", "debater_1"):
                yield Pairing(kind, s, o, q, seat)


def alone(kind, strategies, questions, per_question):
    for i, q in enumerate(questions):
        k = min(per_question, len(strategies))
        for j in range(k):
            s = strategies[(i * k + j) % len(strategies)]
            yield Pairing(kind, s, s, q, "debater_0")


def play(pairings, players, seed):
    return play_trials(list(pairings), players, seed)


def share(t):
    place = 0 if t.seat == "debater_0" else 1
    return t.credence[place] / sum(t.credence[:2])


def measure(objective, run, config, summary, players, questions, base):
    strategies = run.strategies()
    rows = run.archive()["elites"]
    elites = [strategies[r["strategy_id"]] for r in rows]
    best = [strategies[t["id"]] for t in summary["top"]]
    seed = 7
    out = {}
    if objective == "persuasion":
        panel = lambda s: [o for o in SEEDS if o.strategy_id != s.strategy_id] or SEEDS
        a = play(rotate("elites", elites, panel, questions, 4), players, seed)
        out["elites"] = statistics.fmean(t.won for t in a) - 0.5
        a = play(rotate("panel", best, panel, questions, 2), players, seed)
        out["best"] = statistics.fmean(t.won for t in a) - 0.5
        out["best_score"] = statistics.fmean(share(t) for t in a) - 0.5
        a = play(rotate("duel", best, lambda s: [o for o in SEEDS if o.family == s.family and o.strategy_id != s.strategy_id], questions, 2), players, seed)
        out["best_family"] = statistics.fmean(t.won for t in a) - 0.5
    else:
        a = play(alone("elites", elites, questions, 6), players, seed)
        out["elites"] = statistics.fmean(t.right for t in a) - base["right"]
        a = play(alone("panel", best, questions, 5), players, seed)
        out["best"] = statistics.fmean(t.right for t in a) - base["right"]
        cred = [t.credence[0 if (t.defends_correct) else 1] for t in a]
        out["best_score"] = statistics.fmean(cred) - base["cred"]
        out["level"] = base["right"]
    return out


def task(setup, procedures, case):
    kind, objective, world = case
    model = EmbeddedModel(World(world, kind=kind))
    questions = load_questions("synthetic:passages=400,questions=1,words=350,seed=1000")
    questions = sorted(questions, key=lambda q: derive_seed(world, q.question_id))[:setup.held_out]
    results = []
    base = None
    for procedure in procedures:
        config = configuration(setup, kind, objective, world, procedure)
        players = Players(model, model, config.debate_settings(), config.debater_sampling())
        if base is None and objective == "truth":
            a = play(alone("seeds", SEEDS, questions, 8), players, 7)
            base = {
                "right": statistics.fmean(t.right for t in a),
                "cred": statistics.fmean(t.credence[0 if t.defends_correct else 1] for t in a),
            }
        run_questions = open_questions(config.questions)
        if procedure == "paper" and results:
            plan = plan_run(config, run_questions)
            per = plan.calls_per_debate
            budget = results[0].calls - results[0].report_calls
            g = round((budget - plan.first * per) / (plan.tournament * per + 14))
            config = config.model_copy(update={"evolution": config.evolution.model_copy(update={"generations": max(1, g)})})
        with tempfile.TemporaryDirectory() as folder:
            t0 = time.perf_counter()
            summary = train(config, Path(folder) / "run", questions=run_questions)
            t1 = time.perf_counter()
            run = RunDirectory(Path(folder) / "run")
            true = measure(objective, run, config, summary, players, questions, base)
            t2 = time.perf_counter()
            report = sum(m.calls for m in run.matches() if m.phase == "report")
            true["n_elites"] = summary["elites"]
            true["age"] = statistics.fmean(r["generation"] for r in run.archive()["elites"])
            true["t_train"] = t1 - t0
            true["t_measure"] = t2 - t1
            results.append(Result(kind, objective, world, procedure, config.evolution.generations,
                summary["totals"]["debates"], summary["totals"]["calls"], report, true, summary["gain"].get(objective, {})))
    return results


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--worlds", type=int, default=20)
    p.add_argument("--jobs", type=int, default=1)
    p.add_argument("--kinds", default="mixed")
    p.add_argument("--procedures", default=",".join(PROCEDURES))
    p.add_argument("--objectives", default=",".join(OBJECTIVES))
    p.add_argument("--set", dest="assignments", action="append", default=[])
    p.add_argument("--training", type=int, default=150)
    p.add_argument("--held-out", type=int, default=160)
    o = p.parse_args()
    setup = Setup(o.training, o.held_out, tuple(o.assignments))
    cases = [(k, ob, w) for k in o.kinds.split(",") for ob in o.objectives.split(",") for w in range(o.worlds)]
    t = time.time()
    with ProcessPoolExecutor(o.jobs) as pool:
        results = [r for rs in pool.map(partial(task, setup, o.procedures.split(",")), cases) for r in rs]
    for k in o.kinds.split(","):
        for ob in o.objectives.split(","):
            for proc in o.procedures.split(","):
                rs = [r for r in results if (r.kind, r.objective, r.procedure) == (k, ob, proc)]
                line = f"{k} {ob:10s} {proc:10s} calls {statistics.fmean(r.calls-r.report_calls for r in rs):.0f} gen {statistics.fmean(r.generations for r in rs):.1f} "
                for key in rs[0].true:
                    e = t_interval([r.true[key] for r in rs])
                    if key in ("n_elites", "age", "t_train", "t_measure", "level"):
                        line += f"{key} {e.value:.2f} "
                    else:
                        line += f"{key} {100*e.value:+.1f}±{100*(e.high-e.value):.1f} "
                e = t_interval([r.reported["value"] for r in rs])
                cover = sum(r.reported["low"] <= r.true["best_score"] <= r.reported["high"] for r in rs)
                line += f"reported {100*e.value:+.1f}±{100*(e.high-e.value):.1f} cover {cover}/{len(rs)}"
                print(line, flush=True)
    print(f"{time.time()-t:.0f}s")

if __name__ == "__main__":
    main()
