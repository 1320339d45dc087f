"""True gains of a finished run over the frozen seeds, for ``benchmarks/evolution.py``.

Everything is measured on questions of passages that no run has seen, with the debates of
:mod:`debateqd.qd.measures.splits`: strategies take turns over the questions, opponents are drawn
from names, and every duel is played in both seats.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from debate_env.questions.question import Question
from debateqd.agents.base import derive_seed
from debateqd.qd.archive.registry import archive_from_dict
from debateqd.qd.debates.counting import Measure, believed, credence_won, right, won
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.plans import EvaluationPlanner, Phase, Plan
from debateqd.qd.debates.referee import Players, play_plans
from debateqd.qd.seeds import seed_strategies
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.strategy import Strategy

SEEDS = seed_strategies()
EVALUATION = 1
"""Seed of the debates on held-out passages; the same for all procedures."""


def rotation(
    strategies: Sequence[Strategy], questions: Sequence[Question], each: int
) -> Iterator[tuple[Question, Strategy]]:
    """Deal ``each`` strategies to every question, all strategies about equally often."""
    count = min(each, len(strategies))
    for number, question in enumerate(questions):
        for k in range(count):
            yield question, strategies[(number * count + k) % len(strategies)]


def play(plans: Iterable[Plan], players: Players) -> list[Match]:
    """Play debates, each once."""
    return play_plans(list(plans), players, lambda match, speeches: None)


def duels(
    phase: Phase, pairs: Iterable[tuple[Question, Strategy, Strategy]], players: Players
) -> list[Match]:
    """Play pairs of strategies, once in either seat."""
    planner = EvaluationPlanner(players.rules, EVALUATION)
    return play((plan for q, a, b in pairs for plan in planner.contest(phase, q, a, b)), players)


def self_debates(
    phase: Phase,
    strategies: Sequence[Strategy],
    questions: Sequence[Question],
    each: int,
    players: Players,
) -> list[Match]:
    """Let strategies debate themselves, in rotation."""
    planner = EvaluationPlanner(players.rules, EVALUATION)
    turns = rotation(strategies, questions, each)
    return play((planner.alone(phase, q, s) for q, s in turns), players)


def average(matches: Iterable[Match], value: Measure) -> float:
    """Average over usable debates."""
    return fmean(v for match in matches if (v := value(match)) is not None)


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
    elites = [(q, s, drawn(q, s, SEEDS)) for q, s in rotation(outcome.elites, questions, 3)]
    own = [
        (q, s, drawn(q, s, family[s.family])) for q, s in rotation(outcome.champions, questions, 2)
    ]
    same = [(q, s, drawn(q, s, SEEDS)) for q, s in rotation(outcome.champions, questions, 2)]
    new = [pair for pair in outcome.cells if pair[0] != pair[1]]
    holders = {elite.strategy_id: holder for elite, holder in new}
    turns = rotation([elite for elite, _ in new], questions, 2) if new else ()
    cells = duels("robin", [(q, s, holders[s.strategy_id]) for q, s in turns], players)
    return {
        "elites_gain": average(duels("panel", elites, players), won) - 0.5,
        "champions_gain": average(duels("robin", own, players), won) - 0.5,
        # A seed that still holds its cell has gained nothing.
        "cells_gain": (average(cells, won) - 0.5) * len(new) / len(outcome.cells) if new else 0.0,
        "as_reported": average(duels("panel", same, players), credence_won) - 0.5,
    }


def by_strategy(matches: Iterable[Match]) -> dict[str, float]:
    """Judge accuracy by strategy."""
    found: dict[str, list[float]] = defaultdict(list)
    for match in matches:
        if match.right is not None:
            found[match.subject].append(match.right)
    return {strategy: fmean(values) for strategy, values in found.items()}


def truth(
    outcome: Outcome, questions: Sequence[Question], players: Players, seeds: Sequence[Match]
) -> dict[str, float]:
    """Measure judge accuracy minus the seeds'; see :class:`evolution_table.Result`."""
    elites = self_debates("elites", outcome.elites, questions, 6, players)
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
        "as_reported": average(champions, believed) - average(seeds, believed),
    }
