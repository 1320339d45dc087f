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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from debate_env.core.protocols import get_protocol
from debate_env.questions.question import Question
from debateqd.agents.base import derive_seed
from debateqd.qd.archive.base import Entry
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.counting import Key, Scores, contest_scores, self_scores
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.plans import Plan, RunPlanner
from debateqd.qd.debates.questions import draw
from debateqd.qd.measures.score_units import ReportRow, corrected_progress
from debateqd.qd.seeds import FAMILIES
from debateqd.qd.statistics import Estimate, mean_interval
from debateqd.qd.strategy import Strategy

PlayPlans = Callable[[Sequence[Plan]], list[Match]]


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
    """Measures champions.

    Args:
        config: The run's configuration.
        questions: The report questions.
        panel: The seed strategies.
    """

    def __init__(
        self, config: RunConfig, questions: Sequence[Question], panel: Sequence[Strategy]
    ) -> None:
        self._config = config
        self._planner = RunPlanner(get_protocol(config.debate.protocol), config.seed)
        seed = config.seed
        self._questions = draw(
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
        count, families = len(self._questions), len(FAMILIES)
        weight = self._config.truth_weight
        return (
            families * count * (2 + (weight > 0)),
            families * count * (weight > 0),
        )

    def measure(
        self,
        chosen: Sequence[str],
        strategies: Mapping[str, Strategy],
        generation: int,
        play: PlayPlans,
    ) -> Gains:
        """Play the report of a generation.

        Args:
            chosen: The champions.
            strategies: Strategies by id.
            generation: The generation's number.
            play: Plays debates, or takes results over from earlier generations.
        """
        weight = self._config.truth_weight
        objective: dict[str, float] = {}
        gain: dict[str, Estimate] = {}
        parts: dict[str, dict[Key, float]] = {}
        met = self._meet_panel(chosen, strategies, generation, play)
        shares: dict[Key, float] = {}
        reached: dict[Key, float] = {}
        base: dict[str, float] = {}
        if weight < 1:
            shares = _values(contest_scores(met, self._score))
            parts["persuasion"] = {key: share - 0.5 for key, share in shares.items()}
            _add(objective, "persuasion", parts["persuasion"], 0.5)
        if weight > 0:
            reached, seeds = self._truth(chosen, strategies, generation, play)
            parts["truth"] = {
                # Differences first: where all reach the same, the gain is 0 and no rounding error.
                key: fmean(value - seed for seed in seeds[key[1]])
                for key, value in reached.items()
                if key[1] in seeds
            }
            base = {question: fmean(values) for question, values in seeds.items()}
            _add(objective, "truth", reached, 0.0)
        if 0 < weight < 1:
            both = parts["persuasion"].keys() & parts["truth"].keys()
            parts["mix"] = {
                key: (1 - weight) * parts["persuasion"][key] + weight * parts["truth"][key]
                for key in parts["persuasion"]
                if key in both
            }
            if {"persuasion", "truth"} <= objective.keys():
                objective["mix"] = (1 - weight) * objective["persuasion"] + weight * objective[
                    "truth"
                ]
        passages = {q.question_id: q.passage_id for q in self._questions}

        def interval(values: Mapping[Key, float], *, proportion: bool) -> Estimate:
            clusters = [passages[question_id] for _, question_id in values]
            return mean_interval(list(values.values()), clusters, proportion=proportion)

        for name, values in parts.items():
            if values:
                gain[name] = interval(values, proportion=False)
        won = _values(contest_scores(met, "win"))
        rows = [
            ReportRow(passages[key[1]], shares.get(key), reached.get(key), base.get(key[1]))
            for key in dict.fromkeys((*shares, *reached))
        ]
        return Gains(
            objective,
            gain,
            interval(won, proportion=True) if won else None,
            corrected_progress(rows, weight),
        )

    def _meet_panel(
        self,
        chosen: Sequence[str],
        strategies: Mapping[str, Strategy],
        generation: int,
        play: PlayPlans,
    ) -> list[tuple[str, Match]]:
        """All debates of every champion with the panel's seed on every question."""
        names: list[str] = []
        plans: list[Plan] = []
        for number, question in enumerate(self._questions):
            for name in chosen:
                pair = (strategies[name], self._opponent(number, name))
                for plan in self._planner.contest("report", generation, question, pair, "panel"):
                    if pair[0] in plan.seats.values():  # nobody meets anybody alone in a debate
                        names.append(name)
                        plans.append(plan)
        return list(zip(names, play(plans), strict=True))

    def _truth(
        self,
        chosen: Sequence[str],
        strategies: Mapping[str, Strategy],
        generation: int,
        play: PlayPlans,
    ) -> tuple[dict[Key, float], dict[str, list[float]]]:
        """Truth scores by champion and question, and those of seeds by question."""
        plans, names = [], []
        for number, question in enumerate(self._questions):
            seeds = [(True, seed) for seed in self._one_per_family(number)]
            for is_seed, one in (*seeds, *((False, strategies[c]) for c in chosen)):
                names.append((is_seed, one.strategy_id))
                plans.append(self._planner.alone("report", generation, question, one))
        sides: dict[bool, list[tuple[str, Match]]] = {True: [], False: []}
        for (is_seed, name), match in zip(names, play(plans), strict=True):
            sides[is_seed].append((name, match))
        base: dict[str, list[float]] = {}
        for (_, question_id), (value, _) in self_scores(sides[True], self._score).items():
            base.setdefault(question_id, []).append(value)
        return _values(self_scores(sides[False], self._score)), base

    def _opponent(self, number: int, strategy_id: str) -> Strategy:
        """The panel's seed for a question; the next one where that is the champion itself."""
        found = self._panel[number % len(self._panel)]
        if found.strategy_id == strategy_id:
            found = self._panel[(number + 1) % len(self._panel)]
        return found

    @property
    def _score(self) -> str:
        return self._config.evolution.report.score

    def _one_per_family(self, number: int) -> list[Strategy]:
        """One seed of every family; which one rotates over the questions."""
        families: dict[str, list[Strategy]] = {}
        for strategy in self._panel:
            families.setdefault(strategy.family, []).append(strategy)
        return [seeds[number % len(seeds)] for _, seeds in sorted(families.items())]


def _values(scores: Scores) -> dict[Key, float]:
    return {key: value for key, (value, _) in scores.items()}


def _add(
    objective: dict[str, float], name: str, values: Mapping[Key, float], offset: float
) -> None:
    if values:
        objective[name] = sum(values.values()) / len(values) + offset
