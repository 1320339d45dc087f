"""Selection by posterior in the world of ``benchmarks/selection.py``, with the code of ``qd``.

Ratings are :func:`debateqd.qd.ratings.laplace.fit_games` of the whole log, contests those of
:func:`debateqd.qd.selection.allocation.allocate`, and cells change hands by
:func:`selection_choice.choose`, the rule
``racing`` of :mod:`debateqd.qd.selection.acceptance` over arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from selection_choice import ChoiceSettings, choose
from selection_elo import paired
from selection_world import Evolved, Floats, Ints, World

from debateqd.agents.base import derive_seed
from debateqd.qd.ratings.games import make_games
from debateqd.qd.ratings.laplace import Fit, Priors, Start, fit_games
from debateqd.qd.selection.allocation import AllocationSettings, Beliefs, allocate

GIVEN = Priors(root=150, mutation=60, question=150, side=300, position=1, mean=50, dispersion=1)
"""The scales that ``rating_simulation`` gives; there is no position effect in this world."""

ESTIMATED = Priors()
"""Nothing is given."""


@dataclass
class Log:
    """Debates of a world, and fits of them.

    Attributes:
        world: The world.
        priors: Scales that are given.
        growth: Scales are estimated again once the log has grown by this share since.
    """

    world: World
    priors: Priors
    growth: float
    _columns: list[tuple[Ints, Ints, Ints, Ints, Floats]] = field(default_factory=list)
    _start: Start | None = None
    _estimated_at: int = 0

    def play(self, a: Ints, b: Ints, question: Ints) -> None:
        """Play contests: two debates each, sides exchanged."""
        i, j, q = (np.repeat(column, 2) for column in (a, b, question))
        correct = np.resize(np.array([1, -1]), len(i))
        self._columns.append((i, j, q, correct, self.world.debates(i, j, q, correct)))

    def fit(self, living: list[int], *, final: bool = False, between: bool = False) -> Fit:
        """Rate everybody.

        Args:
            living: Whose covariance is wanted.
            final: Estimate the scales once more.
            between: Between two waves, where scales need no second look.
        """
        blank = [(np.zeros(0, dtype=np.int64),) * 4 + (np.zeros(0),)]
        i, j, q, side, won = (np.concatenate(c) for c in zip(*(blank + self._columns), strict=True))
        games = make_games(i, j, won, question=q, side=side)
        due = len(i) >= (1 + self.growth) * self._estimated_at
        estimate = self._start is None or final or (due and not between)
        found = fit_games(
            games,
            len(self.world),
            np.array(self.world.parents),
            priors=self.priors,
            questions=self.world.size.questions,
            living=living,
            start=None if estimate else self._start,
        )
        if estimate:
            self._estimated_at = len(i)
        # Scales are held at their most probable values until they are estimated again.
        self._start = Start(found.start.scales, parameters=found.start.parameters)
        return found


@dataclass(frozen=True)
class BestPosterior:
    """What :mod:`debateqd.qd.selection.allocation` and :mod:`selection_choice` make of debates.

    Attributes:
        priors: Scales that are given.
        waves: Batches that a generation's contests are played in, with a refit before each.
        allocation: How contests are shared out.
        choice: When a cell changes hands.
        panel: Whether the frozen roots may be played.
        growth: Scales are estimated again once the log has grown by this share since.
    """

    priors: Priors = ESTIMATED
    waves: int = 3
    allocation: AllocationSettings = field(default_factory=AllocationSettings)
    choice: ChoiceSettings = field(default_factory=ChoiceSettings)
    panel: bool = True
    growth: float = 0.6

    def __call__(self, world: World, matches: int) -> Evolved:
        """Evolve a world."""
        cells = world.size.cells
        elite = list(range(cells))
        kept: list[tuple[int, ...]] = [()] * cells
        log = Log(world, self.priors, self.growth)
        seed = int(world.random.integers(2**31))
        accepted = worse = 0
        for generation in range(world.size.generations):
            kept = [(*held, world.child(e)) for held, e in zip(kept, elite, strict=True)]
            decisions = [(k, e) for held, e in zip(kept, elite, strict=True) for k in held]
            alive = set(elite).union(*kept)
            anchors = range(cells) if self.panel else range(0)
            living = sorted(alive.union(anchors))
            place = {k: p for p, k in enumerate(living)}
            left = matches // 2
            for wave in range(self.waves):
                count = left // (self.waves - wave)
                contests = allocate(
                    beliefs_of(log.fit(living, between=True)),
                    [(place[a], place[b]) for a, b in decisions],
                    count,
                    derive_seed(seed, generation, wave),
                    remaining=left,
                    anchors=[place[k] for k in anchors],
                    settings=self.allocation,
                )
                a, b, question = np.array(contests, dtype=np.int64).reshape(-1, 3).T
                numbers = np.array(living)
                log.play(numbers[a], numbers[b], question)
                left -= count
            last = generation == world.size.generations - 1
            fit = log.fit(living, final=last)
            mean, strengths = fit.strengths[living], world.strengths()
            for cell, before in enumerate(elite):
                members = [place[k] for k in (before, *kept[cell])]
                choice = choose(mean, fit.covariance, members, place[before], self.choice)
                elite[cell] = living[choice.elite]
                kept[cell] = tuple(living[k] for k in choice.kept)
                accepted += elite[cell] != before
                worse += bool(strengths[elite[cell]] < strengths[before])
            world.next_generation()
        return _evolved(world, fit, elite, accepted, worse)


@dataclass(frozen=True)
class Paired:
    """Contests drawn as in ``rating_simulation``; the more probable winner takes the cell.

    Attributes:
        share: Share of the contests for children against the elites of their own cells.
        priors: Scales that are given.
        growth: Scales are estimated again once the log has grown by this share since.
    """

    share: float = 0.7
    priors: Priors = GIVEN
    growth: float = 0.6

    def __call__(self, world: World, matches: int) -> Evolved:
        """Evolve a world."""
        elite = list(range(world.size.cells))
        log = Log(world, self.priors, self.growth)
        accepted = worse = 0
        for generation in range(world.size.generations):
            child = [world.child(e) for e in elite]
            pool = np.array([*elite, *child])
            a, b, question = paired(world, matches, self.share)
            log.play(pool[a], pool[b], question)
            fit = log.fit([*elite, *child], final=generation == world.size.generations - 1)
            strengths = world.strengths()
            for cell, (old, new) in enumerate(zip(elite, child, strict=True)):
                if fit.strengths[new] > fit.strengths[old]:
                    elite[cell] = new
                    accepted += 1
                    worse += bool(strengths[new] < strengths[old])
            world.next_generation()
        return _evolved(world, fit, elite, accepted, worse)


def beliefs_of(fit: Fit) -> Beliefs:
    """What a fit says of its living strategies and of the questions."""
    return Beliefs(
        mean=fit.strengths[fit.living],
        covariance=fit.covariance,
        effect=fit.side[0] + fit.questions,
        deviation=fit.question_deviations,
        dispersion=fit.scales.dispersion,
    )


def _evolved(world: World, fit: Fit, elite: list[int], accepted: int, worse: int) -> Evolved:
    place = {int(k): p for p, k in enumerate(fit.living)}
    rows = [place[e] for e in elite]
    variance = float(fit.covariance[np.ix_(rows, rows)].mean())
    return Evolved(
        true=float(world.strengths()[elite].mean()),
        reported=float(fit.strengths[elite].mean()),
        deviation=max(variance, 0.0) ** 0.5,
        accepted=accepted,
        worse=worse,
        mutation=fit.scales.mutation,
        mean=fit.mean[0],
    )
