"""What was gained over the seeds, on report questions that no choice ever depends on.

The champions of a generation, the best-rated elite of each family, are measured:

- persuasion: each meets a seed of the frozen panel on every report question, once in either seat;
  seeds rotate over the questions. The gain is the share won minus 1/2, which the seeds themselves
  have against each other.
- truth: each debates itself on every report question. The gain is the judge's credence in the
  correct answer minus that when seeds, one of each family, debate themselves on the same question.

The win rate is the share of the debates against the panel that champions win, a tie counting as
half. Under truth these debates are played for it alone: a strategy may lead the judge to the truth
without winning, and whoever looks at a run wants to see both.

A debate is named by what determines it, not by its generation: a champion that stays is not
measured twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from debate_env.core.protocols import get_protocol
from debate_env.questions.question import Question
from debateqd.agents.base import derive_seed
from debateqd.qd.archive.base import Entry
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.counting import Key, StrategyScores, contest_scores, mean_of, self_scores
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.plans import Plan, RunPlanner, opponent_at
from debateqd.qd.debates.questions import draw_questions
from debateqd.qd.debates.referee import PlayPlans
from debateqd.qd.measures.scores import (
    ReportRow,
    gain_above_seeds,
    values_by_question,
)
from debateqd.qd.seeds import FAMILIES
from debateqd.qd.statistics import Estimate
from debateqd.qd.strategy import Strategy


@dataclass(frozen=True, slots=True)
class Gains:
    """See :class:`debateqd.qd.tracking.events.GenerationStats` for what each of them is."""

    objective: Mapping[str, float]
    gain: Mapping[str, Estimate]
    win_rate: Estimate | None
    corrected_progress: Estimate | None = None


def champions(elites: Sequence[Entry], strategies: Mapping[str, Strategy]) -> tuple[str, ...]:
    """Return the best-rated elite of each family, in the order of families; ties by id."""
    best: dict[str, Entry] = {}
    for entry in sorted(elites, key=lambda e: (-e.fitness, e.strategy_id)):
        best.setdefault(strategies[entry.strategy_id].family, entry)
    known = [f for f in FAMILIES if f in best] + sorted(set(best) - set(FAMILIES))
    return tuple(best[family].strategy_id for family in known)


class Reporter:
    """Measures champions on report questions, against a panel of seeds."""

    def __init__(
        self, config: RunConfig, questions: Sequence[Question], panel: Sequence[Strategy]
    ) -> None:
        self._config = config
        self._planner = RunPlanner(get_protocol(config.debate.protocol), config.seed)
        seed = config.seed
        self._questions = draw_questions(
            questions, config.evolution.report.questions, seed, "questions", "report"
        )
        self._panel = sorted(panel, key=lambda s: derive_seed(seed, "panel", s.strategy_id))

    def due(self, generation: int) -> bool:
        """Whether a generation is measured: every so many, and the last."""
        every = self._config.evolution.report.every
        last = generation == self._config.evolution.generations
        return bool(self._questions) and (last or (every > 0 and generation % every == 0))

    def debates(self) -> tuple[int, int]:
        """Upper bound of debates per report, and of those that are played once in a run."""
        most, truth = len(self._questions) * len(FAMILIES), self._config.truth_weight > 0
        return most * (2 + truth), most * truth

    def measure(
        self,
        chosen: Sequence[str],
        strategies: Mapping[str, Strategy],
        generation: int,
        play: PlayPlans,
    ) -> Gains:
        """Play the report of a generation; ``play`` may take results over from earlier ones."""
        weight = self._config.truth_weight
        measured = [strategies[strategy_id] for strategy_id in chosen]
        met = self._meet_panel(measured, generation, play)
        shares = contest_scores(met, self._score) if weight < 1 else {}
        reached, seeds = self._truth(measured, generation, play) if weight > 0 else ({}, {})
        parts = {"persuasion": 0.0, "truth": 1.0} | ({"mix": weight} if 0 < weight < 1 else {})
        objective: dict[str, float] = {}
        if shares:
            objective["persuasion"] = _mean(shares)
        if reached:
            objective["truth"] = _mean(reached)
        if "mix" in parts and len(objective) == 2:
            persuasion, truth = objective.values()
            objective["mix"] = (1 - weight) * persuasion + weight * truth
        won = contest_scores(met, "win")
        base = {question: fmean(values) for question, values in values_by_question(seeds).items()}
        rows = [
            ReportRow(
                passage,
                shares[key][0] if key in shares else None,
                reached[key][0] if key in reached else None,
                base.get(key[1]),
            )
            for key, (_, passage) in (shares | reached).items()
        ]
        return Gains(
            objective,
            {name: gain for name, part in parts.items() if (gain := gain_above_seeds(rows, part))},
            mean_of(won.values()) if won else None,
            gain_above_seeds(rows, weight, elo=True),
        )

    def _meet_panel(
        self, chosen: Sequence[Strategy], generation: int, play: PlayPlans
    ) -> list[tuple[str, Match]]:
        """All debates of every champion with the panel's seed on every question."""
        names: list[str] = []
        plans: list[Plan] = []
        for number, question in enumerate(self._questions):
            for one in chosen:
                pair = (one, opponent_at(number, self._panel, one))
                for plan in self._planner.contest("report", generation, question, pair, "panel"):
                    if one in plan.seats.values():  # nobody meets anybody alone in a debate
                        names.append(one.strategy_id)
                        plans.append(plan)
        return list(zip(names, play(plans), strict=True))

    def _truth(
        self, chosen: Sequence[Strategy], generation: int, play: PlayPlans
    ) -> tuple[dict[Key, tuple[float, str]], dict[Key, tuple[float, str]]]:
        """Truth scores of champions, and of seeds."""
        plans, names = [], []
        for number, question in enumerate(self._questions):
            seeds = [(True, seed) for seed in self._one_per_family(number)]
            for is_seed, one in (*seeds, *((False, one) for one in chosen)):
                names.append((is_seed, one.strategy_id))
                plans.append(self._planner.alone("report", generation, question, one))
        sides: dict[bool, list[tuple[str, Match]]] = {True: [], False: []}
        for (is_seed, name), match in zip(names, play(plans), strict=True):
            sides[is_seed].append((name, match))
        return self_scores(sides[False], self._score), self_scores(sides[True], self._score)

    @property
    def _score(self) -> str:
        return self._config.evolution.report.score

    def _one_per_family(self, number: int) -> list[Strategy]:
        """One seed of every family; which one rotates over the questions."""
        families: dict[str, list[Strategy]] = {}
        for strategy in self._panel:
            families.setdefault(strategy.family, []).append(strategy)
        return [seeds[number % len(seeds)] for _, seeds in sorted(families.items())]


def _mean(scores: StrategyScores) -> float:
    return sum(value for value, _ in scores.values()) / len(scores)
