"""What the embedded model gives, world by world: no debate, a debate, reading the passage.

The embedded model is a simulation; these figures describe it and nothing else. On every question
both debaters follow the same strategy, one of the 35 seeds in turn, and the judge is asked in both
answer orders. Intervals are 95 %, over passages (differences are paired within passages, and
averaged over worlds first).

    python benchmarks/embedded_worlds.py
    python benchmarks/embedded_worlds.py --questions builtin
    python benchmarks/embedded_worlds.py --questions quality:FILE
    python benchmarks/embedded_worlds.py --strategies       # which strategies win, and where
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from debate_env.agent import Agent
from debate_env.core.settings import DebateSettings
from debate_env.questions.question import Question
from debate_env.questions.sources import load_questions
from debateqd.agents.base import Failure, ThinkingAgent, derive_seed
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.judge import ModelJudge, read_question
from debateqd.agents.models.embedded import EmbeddedModel, World
from debateqd.agents.models.embedded.world import RANGES
from debateqd.agents.rollout import DebateJob, DebateRecord, play_all, run_thoughts
from debateqd.qd.seeds import seed_strategies

# Seed 1000 is held out: nothing was tuned on it.
HELD_OUT = "synthetic:passages=400,words=350,difficulty=0.5,questions=1,seed=1000"
SETTINGS = DebateSettings()
SEEDS = seed_strategies()


@dataclass(frozen=True, slots=True)
class Scores:
    """Correctness (1, 0, or 0.5 for a tie) of one world on every question."""

    alone: list[float]
    debate: list[float]
    reading: list[float]
    bias: float
    verified: float
    strategies: list[int]


def score(credence: Sequence[float], label: int) -> float:
    """Return 1 when the label has the highest credence, its share of a tie otherwise."""
    top = max(credence)
    best = [i for i, value in enumerate(credence) if value == top]
    return (label in best) / len(best)


def baseline(model: EmbeddedModel, questions: Sequence[Question], *, read: bool) -> list[float]:
    """Score the judge alone, or reading the passage."""
    thoughts = [
        read_question(model, q, q.passage if read else None, derive_seed("bench", q.question_id))
        for q in questions
    ]
    scores = []
    for question, credence in zip(questions, run_thoughts(model, thoughts), strict=True):
        if isinstance(credence, Failure):
            raise RuntimeError(f"{question.question_id}: {credence.message}")
        scores.append(score(credence, question.label))
    return scores


def correct(record: DebateRecord) -> float:
    """Return the score of a debate that must not have failed."""
    if record.outcome.correct is None:
        raise RuntimeError(f"{record.job.job_id}: {record.outcome.message}")
    return record.outcome.correct


def measure(world: World, questions: Sequence[Question]) -> Scores:
    """Ask one world's judge everything."""
    model = EmbeddedModel(world)
    judge = ModelJudge(model)
    debaters = [StrategyDebater(model, s.text) for s in SEEDS]
    strategies = [(i + 7 * world.seed) % len(SEEDS) for i in range(len(questions))]
    jobs = [
        DebateJob(
            job_id=f"{world.seed}/{i}",
            question=question,
            agents={"debater_0": debaters[s], "debater_1": debaters[s], "judge_0": judge},
            seed=derive_seed("bench", world.seed, i),
            settings=SETTINGS,
            swap=i % 2 == 1,
        )
        for i, (question, s) in enumerate(zip(questions, strategies, strict=True))
    ]
    records = play_all(jobs)
    quotes = [counts for r in records for counts in r.outcome.quotes.values()]
    return Scores(
        alone=baseline(model, questions, read=False),
        debate=[correct(r) for r in records],
        reading=baseline(model, questions, read=True),
        bias=statistics.fmean(float(r.details["judge_0"]["bias"]) for r in records),
        verified=sum(v for _, v in quotes) / max(1, sum(n for n, _ in quotes)),
        strategies=strategies,
    )


def interval(values: Sequence[float], questions: Sequence[Question]) -> tuple[float, float]:
    """Return mean and half-width of the 95 % interval, clustered by passage (t ~ normal)."""
    groups: dict[str, list[float]] = defaultdict(list)
    for value, question in zip(values, questions, strict=True):
        groups[question.passage_id].append(value)
    n, mean = len(values), statistics.fmean(values)
    # Sandwich variance of a mean of clusters of unequal size.
    spread = sum(sum(v - mean for v in group) ** 2 for group in groups.values())
    factor = len(groups) / max(1, len(groups) - 1)
    return mean, 1.96 * math.sqrt(factor * spread) / n


def over_worlds(columns: Sequence[Sequence[float]]) -> list[float]:
    """Return the mean over worlds, question by question."""
    return [statistics.fmean(column) for column in zip(*columns, strict=True)]


def baselines_report(kind: str, worlds: int, questions: Sequence[Question]) -> dict[str, object]:
    """Measure all worlds of one kind and print a table."""
    measured = [measure(World(seed, kind), questions) for seed in range(worlds)]
    print(f"\n{kind}: {worlds} worlds, {len(questions)} questions")
    rows = [
        ("no debate", over_worlds([s.alone for s in measured])),
        ("debate, seed strategies", over_worlds([s.debate for s in measured])),
        ("reading the passage", over_worlds([s.reading for s in measured])),
    ]
    report: dict[str, object] = {"kind": kind, "worlds": worlds, "questions": len(questions)}
    for name, values in rows:
        mean, half = interval(values, questions)
        per_world = [
            statistics.fmean(s)
            for s in {
                "no debate": [s.alone for s in measured],
                "debate, seed strategies": [s.debate for s in measured],
                "reading the passage": [s.reading for s in measured],
            }[name]
        ]
        print(
            f"  {name:26s} {100 * mean:5.1f} % +- {100 * half:.1f}   "
            f"worlds {100 * min(per_world):.1f} to {100 * max(per_world):.1f}"
        )
        report[name] = [mean, half]
    for (first, low), (second, high) in ((rows[0], rows[1]), (rows[1], rows[2])):
        difference = [b - a for a, b in zip(low, high, strict=True)]
        mean, half = interval(difference, questions)
        print(f"  {second} - {first}: {100 * mean:+.1f} +- {100 * half:.1f} points")
        report[f"{second} - {first}"] = [mean, half]
    families: dict[str, list[float]] = defaultdict(list)
    for s in measured:
        for number, value in zip(s.strategies, s.debate, strict=True):
            families[SEEDS[number].family].append(value)
    means = {f: statistics.fmean(v) for f, v in families.items()}
    print("  by family: " + ", ".join(f"{f} {100 * v:.0f}" for f, v in means.items()))
    bias = statistics.fmean(s.bias for s in measured)
    verified = statistics.fmean(s.verified for s in measured)
    print(f"  position bias {bias:+.3f}, verified quotes {100 * verified:.0f} %")
    report |= {"families": means, "bias": bias, "verified": verified}
    return report


def strategies_report(kind: str, worlds: int, questions: Sequence[Question]) -> dict[str, object]:
    """Print how far the seeds lie apart: win rate against all seeds, and accuracy in self-play."""
    half = len(questions) // 2
    print(f"\n{kind}: the 35 seeds against each other, {len(questions)} questions, both seats")
    gaps, gains, correlations = [], [], []
    winners: dict[str, int] = defaultdict(int)
    for seed in range(worlds):
        model = EmbeddedModel(World(seed, kind))
        judge = ModelJudge(model)
        debaters = [StrategyDebater(model, s.text) for s in SEEDS]
        jobs = []
        for own in range(len(SEEDS)):
            for i, question in enumerate(questions):
                other = (own + 1 + (i * 11) % (len(SEEDS) - 1)) % len(SEEDS)
                for seat in (0, 1):
                    agents: dict[str, Agent | ThinkingAgent] = {
                        "judge_0": judge,
                        f"debater_{seat}": debaters[own],
                        f"debater_{1 - seat}": debaters[other],
                    }
                    jobs.append(
                        DebateJob(
                            f"{own}/{i}/{seat}",
                            question,
                            agents,
                            derive_seed("wins", seed, own, i, seat),
                            SETTINGS,
                            swap=i % 4 > 1,
                        )
                    )
        wins: dict[tuple[int, int], list[float]] = defaultdict(list)
        for record in play_all(jobs):
            own, i, seat = map(int, record.job.job_id.split("/"))
            credence = record.outcome.credence
            if credence is None:
                raise RuntimeError(record.outcome.message)
            wins[own, int(i >= half)].append(score(credence, seat))
        first = [statistics.fmean(wins[own, 0]) for own in range(len(SEEDS))]
        second = [statistics.fmean(wins[own, 1]) for own in range(len(SEEDS))]
        best = max(range(len(SEEDS)), key=first.__getitem__)
        # Chosen on one half and measured on the other, so that luck is not counted.
        gains.append(second[best] - statistics.fmean(second))
        gaps.append(max(second) - min(second))
        correlations.append(statistics.correlation(first, second))
        winners[SEEDS[best].family] += 1
    print(
        f"  best seed of one half, on the other half: {100 * statistics.fmean(gains):+.1f} points "
        f"over the mean seed; range of seeds {100 * statistics.fmean(gaps):.0f} points; "
        f"correlation of halves {statistics.fmean(correlations):.2f}"
    )
    print("  family of the best seed: " + ", ".join(f"{f} {n}x" for f, n in winners.items()))
    return {"gain": gains, "range": gaps, "correlation": correlations, "winners": dict(winners)}


def main() -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n", 1)[0])
    parser.add_argument("--questions", default=HELD_OUT, help="a specification of questions")
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--kinds", default="mixed,rhetoric,null", help="of " + ", ".join(RANGES))
    parser.add_argument("--strategies", action="store_true", help="compare the seeds instead")
    parser.add_argument("--limit", type=int, help="use the first questions only")
    parser.add_argument("--json", metavar="FILE", help="also write the figures to a file")
    options = parser.parse_args()
    questions = list(load_questions(options.questions))[: options.limit]
    passages = len({q.passage_id for q in questions})
    print("SIMULATION: the embedded model, not a language model")
    print(f"questions: {options.questions} ({len(questions)} about {passages} passages)")
    start = time.perf_counter()
    report = strategies_report if options.strategies else baselines_report
    results = {k: report(k, options.worlds, questions) for k in options.kinds.split(",")}
    print(f"\n{time.perf_counter() - start:.0f} s")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:  # noqa: PTH123
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
