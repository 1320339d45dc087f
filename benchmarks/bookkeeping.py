"""What a match costs beside the debate itself, at 1,000 living strategies.

One generation is played with verdicts that are drawn instead of debated: half of the living are
elites in a grid of 525 cells, half are their children. Timed is everything that the loop does about
a match but play it and measure its speeches: refits between the waves, the choice of contests, the
fit at the end with all scales estimated, and the choice of elites. Drawing the verdicts is not.

    python benchmarks/bookkeeping.py
    python benchmarks/bookkeeping.py --living 200 --debates 800 --check
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

from debate_env.core.protocols import Ending, convincing, finding
from debate_env.questions.sources import load_questions
from debateqd.qd.archive.axes import Bins, default_axis
from debateqd.qd.archive.base import Entry
from debateqd.qd.archive.registry import make_archive
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.plans import Plan
from debateqd.qd.debates.questions import RunQuestions, split_questions
from debateqd.qd.ratings import Ratings, make_rating
from debateqd.qd.ratings.posterior import Posterior
from debateqd.qd.seeds import FAMILIES, seed_strategies
from debateqd.qd.selection.acceptance import make_rule
from debateqd.qd.selection.choice import choose, open_decisions
from debateqd.qd.selection.pairing import Pair, Situation, Standings
from debateqd.qd.selection.tournament import Tournament
from debateqd.qd.strategy import Strategy

BOUND = 1.0
"""Milliseconds per match that are allowed."""


class Verdicts:
    """Draws verdicts from known strengths, and keeps account of the time that it takes.

    Args:
        strengths: Strengths in Elo points by strategy id.
        seed: For draws.
    """

    def __init__(self, strengths: dict[str, float], seed: int = 0) -> None:
        self._strengths = strengths
        self._rng = np.random.default_rng(seed)
        self.log: list[Match] = []
        self.seconds = 0.0

    def __call__(self, plans: Sequence[Plan]) -> list[Match]:
        """Play plans."""
        started = time.perf_counter()
        played = [self._verdict(plan) for plan in plans]
        self.log += played
        self.seconds += time.perf_counter() - started
        return played

    def _verdict(self, plan: Plan) -> Match:
        seats = {seat: strategy.strategy_id for seat, strategy in plan.seats.items()}
        first, second = (self._strengths[name] for name in seats.values())
        ahead = first - second
        side = 80.0 if plan.question.label == 0 else -80.0
        logit = (ahead + side) / 173.7 + self._rng.normal(0, 0.8)
        share = float(1 / (1 + np.exp(-logit)))
        sides = {seat: place for place, seat in enumerate(seats)}
        ending = Ending(plan.question.label, (share, 1 - share))
        return Match(
            match_id=f"m{len(self.log)}-{plan.seed}",
            pool="benchmark",
            generation=plan.generation,
            phase=plan.phase,
            split=plan.phase,
            passage=plan.question.passage_id,
            question=plan.question.question_id,
            seats=seats,
            sides=sides,
            subject="",
            label=plan.question.label,
            swap=plan.swap,
            seed=plan.seed,
            kind="verdict",
            message="",
            credence=(share, 1 - share),
            orders=None,
            bias=None,
            comparisons=convincing(sides, ending) + finding(sides, ending),
            words={},
            speeches={},
            quotes={},
            clipped={},
            tokens={},
            calls=0,
        )


def population(living: int, rng: np.random.Generator) -> dict[str, Strategy]:
    """Return seeds, half as many elites as are to live, and a child of each."""
    known = {s.strategy_id: s for s in seed_strategies()}
    seeds = list(known.values())
    for number in range(living // 2):
        parent = seeds[int(rng.integers(len(seeds)))]
        name = f"e{number:04d}"
        known[name] = Strategy(name, parent.family, name, (parent.strategy_id,), 1, "rewrite")
    for number in range(living // 2):
        parent = known[f"e{number:04d}"]
        name = f"c{number:04d}"
        known[name] = Strategy(name, parent.family, name, (parent.strategy_id,), 2, "rewrite")
    return known


def measure(living: int, debates: int) -> dict[str, float]:
    """Play one generation; return milliseconds per match by part."""
    rng = np.random.default_rng(0)
    config = RunConfig.model_validate({"evolution": {"tournament": {"debates": debates}}})
    questions: RunQuestions = split_questions(load_questions("builtin"), config.questions)
    known = population(living, rng)
    strengths: dict[str, float] = {}
    for name, strategy in known.items():
        base = strengths[strategy.parents[0]] if strategy.parents else 0.0
        strengths[name] = base + float(rng.normal(0, 60))
    elites = [s for s in known.values() if s.generation == 1]
    children = [s for s in known.values() if s.generation == 2]
    axes = (default_axis("family"), Bins("length", tuple(float(x) for x in range(76))))
    archive = make_archive(axes=axes, challengers=1)
    where: dict[str, dict[str, float | str | None]] = {
        s.strategy_id: {"family": s.family, "length": 0.5 + (k // len(FAMILIES)) % 75}
        for k, s in enumerate(elites)
    }
    archive.place_all(Entry(s.strategy_id, 0.0, where[s.strategy_id]) for s in elites)
    rating = make_rating(config.evolution, 0.0)
    verdicts = Verdicts(strengths)
    earlier = {k: s for k, s in known.items() if s.generation < 2}
    spend: dict[str, float] = {"refits": 0.0, "decisions": 0.0}
    old = RunConfig.model_validate(
        {"evolution": {"tournament": {"debates": 2 * debates, "pairings": {"swiss": 1}}}}
    )
    Tournament(old, questions).play(
        Situation(Standings(tuple(earlier))), known, 1, lambda: (None, ()), verdicts
    )
    panel = [s.strategy_id for s in known.values() if s.generation == 0]
    alive = list(known)
    fitted: Ratings = rating.fit(verdicts.log, earlier, 1, living=list(earlier))
    verdicts.seconds = 0.0

    def entries(members: Sequence[Strategy], ratings: Ratings) -> list[Entry]:
        return [
            Entry(s.strategy_id, ratings.strategies[s.strategy_id], where[(*s.parents, "")[0]])
            for s in members
        ]

    def look() -> tuple[Posterior | None, list[Pair]]:
        nonlocal fitted
        begun = time.perf_counter()
        fitted = rating.fit(verdicts.log, known, 2, living=alive, start=fitted)
        spend["refits"] += time.perf_counter() - begun
        begun = time.perf_counter()
        pairs = open_decisions(archive, entries(children, fitted))
        spend["decisions"] += time.perf_counter() - begun
        return fitted.posterior, pairs

    parents = {c.strategy_id: c.parents[0] for c in children}
    ids = tuple(s.strategy_id for s in (*elites, *children))
    start = Situation(Standings(ids), children=parents, anchors=panel)
    begun = time.perf_counter()
    played = len(Tournament(config, questions).play(start, known, 2, look, verdicts))
    tournament = time.perf_counter() - begun - verdicts.seconds
    begun = time.perf_counter()
    fitted = rating.fit(verdicts.log, known, 2, living=alive)
    final = time.perf_counter() - begun
    begun = time.perf_counter()
    rule = make_rule(config.evolution.selection)
    choose(archive, entries(children, fitted), rule, fitted.posterior)
    choice = time.perf_counter() - begun
    parts = {
        "refits between waves": spend["refits"],
        "open decisions": spend["decisions"],
        "choice of contests": tournament - spend["refits"] - spend["decisions"],
        "fit with all scales": final,
        "choice of elites": choice,
    }
    return {name: 1000 * seconds / played for name, seconds in parts.items()} | {
        "all": 1000 * sum(parts.values()) / played,
        "matches": float(played),
    }


def main() -> int:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n", 1)[0])
    parser.add_argument("--living", type=int, default=1000, help="elites and children")
    parser.add_argument("--debates", type=int, default=6000, help="of the generation")
    parser.add_argument("--check", action="store_true", help="exit status 1 above the bound")
    options = parser.parse_args()
    found = measure(options.living, options.debates)
    print(f"{options.living} living strategies, {found['matches']:.0f} matches in a generation")
    for name, value in found.items():
        if name != "matches":
            print(f"  {name:22s} {value:6.3f} ms a match")
    if options.check and found["all"] > BOUND:
        print(f"above the bound of {BOUND} ms", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
