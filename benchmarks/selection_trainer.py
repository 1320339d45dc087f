"""Evolution by the trainer's own functions in the world of ``benchmarks/selection.py``.

:class:`debateqd.qd.training.competition.Competition` arranges the tournaments, draws the questions,
rates and chooses, with the configuration of a preset; :class:`debateqd.qd.training.gains.Reporter`
measures champions. What differs from a run, row by row:

=============  ===================================  =========================================
               a run                                here
=============  ===================================  =========================================
verdicts       models debate                        the world draws them
mutation       a model writes ``children`` texts,   a child of every elite, whose strength the
               of parents drawn among the elites    world draws
cells          measured behaviour; empty at first   35, a seed in each; a child has its parent's
questions      of the source                        100, each on a passage of its own
=============  ===================================  =========================================
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from selection_world import Evolved, World

from debate_env.core.protocols import Ending, get_protocol, sides_of
from debate_env.questions.question import Question, QuestionSet
from debateqd.qd.archive.axes import Bins
from debateqd.qd.archive.grid import Archive
from debateqd.qd.config.loading import load_config
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.plans import Plan
from debateqd.qd.debates.questions import split_questions
from debateqd.qd.descriptors.base import BehaviourSummary
from debateqd.qd.descriptors.utterances import SpeechFacts
from debateqd.qd.measures.scores import reported_progress
from debateqd.qd.ratings import Ratings
from debateqd.qd.seeds import FAMILIES
from debateqd.qd.statistics import Estimate
from debateqd.qd.strategy import Strategy
from debateqd.qd.training.competition import Competition
from debateqd.qd.training.gains import Gains, Reporter, champions
from debateqd.qd.training.state import TrainingState


@cache
def preset(*assignments: str) -> RunConfig:
    """Return the preset ``default`` with ``a.b=value`` on top."""
    return load_config(assignments=assignments)


class Home:
    """A descriptor: the cell that a strategy descends from, which its text names."""

    name = "home"
    units: tuple[str, ...] = ()

    def count(self, facts: SpeechFacts) -> tuple[int, ...]:
        """Count nothing."""
        return ()

    def value(self, strategy: Strategy, counts: tuple[int, ...]) -> float:
        """Return the number of the cell."""
        return float(strategy.text.split()[0])


class SimulatedRun:
    """A run in a world.

    Args:
        world: Says who wins, and draws the seed of the run.
        config: Of the run.
    """

    def __init__(self, world: World, config: RunConfig) -> None:
        self.world = world
        self.config = config.model_copy(update={"seed": int(world.random.integers(2**31))})
        supply = QuestionSet(
            Question(str(k), f"passage {k}", f"passage {k}", "?", ("yes", "no"), 0)
            for k in range(world.size.questions)
        )
        questions = split_questions(supply, self.config.questions)
        cells, home = world.size.cells, Home()
        self.seeds = tuple(
            Strategy(f"s{k:04d}", FAMILIES[k % len(FAMILIES)], f"{k} {k}") for k in range(cells)
        )
        self.panel = tuple(seed.strategy_id for seed in self.seeds)
        waiting = self.config.evolution.selection.challengers
        self.state = TrainingState(Archive((Bins(home.name, tuple(range(cells + 1))),), waiting))
        self._rules = get_protocol(self.config.debate.protocol)
        self._competition = Competition(self.config, questions, self.panel, (home,))
        self._reporter = Reporter(self.config, questions.report, self.seeds)
        self._fitted: Ratings | None = None

    @property
    def elites(self) -> tuple[str, ...]:
        """Who holds the cells."""
        return tuple(entry.strategy_id for entry in self.state.archive.elites())

    @property
    def champions(self) -> tuple[str, ...]:
        """The best-rated elite of each family."""
        return champions(self.state.archive.elites(), self.state.strategies)

    def play_generation(self, generation: int) -> None:
        """Play a generation but for its report."""
        state = self.state
        children = self._children(generation) if generation else list(self.seeds)
        state.add(children)
        state.behaviours |= {child.strategy_id: BehaviourSummary() for child in children}
        members = [state.strategies[e.strategy_id] for e in state.archive.members()]
        self._fitted = self._competition.compete(
            state, [*members, *children], children, generation, self._play
        )
        self._competition.choose(state, children, generation)
        state.forget_the_dead()

    def progress(self, strategies: Sequence[str]) -> Estimate | None:
        """Return what the ratings say that strategies have gained, in Elo points."""
        if self._fitted is None:
            return None
        return reported_progress(
            self._fitted.strategies, strategies, self.panel, self._fitted.posterior
        )

    def effect(self, name: str) -> float:
        """Return what else the last ratings have found."""
        return self._fitted.effects[name] if self._fitted else float("nan")

    def report(self) -> Gains:
        """Measure the champions."""
        generation = self.config.evolution.generations
        return self._reporter.measure(
            self.champions, self.state.strategies, generation, self._play_each_once
        )

    def _children(self, generation: int) -> list[Strategy]:
        made = []
        for elite in self.elites:
            parent = self.state.strategies[elite]
            number = self.world.child(int(elite[1:]))
            text = f"{parent.text.split()[0]} {number}"
            made.append(Strategy(f"s{number:04d}", parent.family, text, (elite,), generation))
        return made

    def _play_each_once(self, plans: Sequence[Plan]) -> list[Match]:
        distinct = {plan.seed: plan for plan in plans}
        matches = dict(zip(distinct, self._play([*distinct.values()]), strict=True))
        return [matches[plan.seed] for plan in plans]

    def _play(self, plans: Sequence[Plan]) -> list[Match]:
        if not plans:
            return []
        sides = sides_of(self._rules)
        seats = [{seat: int(s.strategy_id[1:]) for seat, s in p.seats.items()} for p in plans]
        first, second = (np.array([one[seat] for one in seats]) for seat in sides)
        # The correct answer is the first one, unless answers are exchanged.
        correct = np.array([-1 if plan.swap else 1 for plan in plans])
        asked = np.array([int(plan.question.question_id) for plan in plans])
        believed = self.world.debates(first, second, asked, correct)
        matches = [self._match(p, float(c)) for p, c in zip(plans, believed, strict=True)]
        for match in matches:
            self.state.remember(match)
        return matches

    def _match(self, plan: Plan, credence: float) -> Match:
        """Record that the judge gave the first debater's answer a credence."""
        label, both = int(plan.swap), (credence, 1 - credence)
        return Match(
            match_id=str(plan.seed),  # derives from everything that names a debate
            pool="world",
            generation=plan.generation,
            phase=plan.phase,
            split=plan.phase,
            passage=plan.question.passage_id,
            question=plan.question.question_id,
            seats={seat: strategy.strategy_id for seat, strategy in plan.seats.items()},
            sides=sides_of(self._rules),
            subject="",
            label=label,
            swap=plan.swap,
            seed=plan.seed,
            kind="verdict",
            message="",
            credence=both,
            orders=None,
            bias=None,
            comparisons=self._rules.comparisons(Ending(label, both)),
            words={},
            speeches={},
            quotes={},
            clipped={},
            tokens={},
            calls=0,
        )


def trained(world: World, matches: int) -> Evolved:
    """Evolve a world with the preset: generation 0, which rates the roots, and what follows."""
    run = SimulatedRun(world, preset(f"evolution.tournament.debates={matches}"))
    accepted = worse = 0
    for generation in range(world.size.generations + 1):
        before = run.elites
        run.play_generation(generation)
        if not before:
            continue
        strengths = world.strengths()
        for old, new in zip(before, run.elites, strict=True):
            accepted += old != new
            worse += bool(strengths[int(new[1:])] < strengths[int(old[1:])])
        world.next_generation()
    said = run.progress(run.elites)
    assert said is not None
    return Evolved(
        true=float(world.strengths()[[int(e[1:]) for e in run.elites]].mean()),
        reported=said.value,
        deviation=(said.high - said.low) / (2 * 1.96),
        accepted=accepted,
        worse=worse,
        mutation=run.effect("mutation_scale"),
        mean=run.effect("mutation_mean"),
    )
