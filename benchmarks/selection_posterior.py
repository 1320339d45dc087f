"""Drawn contests, rated by :func:`debateqd.qd.ratings.laplace.fit_games` of the whole log."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from selection_elo import paired
from selection_world import Evolved, Floats, Ints, World

from debateqd.qd.ratings.games import make_games
from debateqd.qd.ratings.laplace import Fit, Priors, Start, fit_games

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

    def fit(self, living: list[int], *, final: bool) -> Fit:
        """Rate everybody.

        Args:
            living: Whose covariance is wanted.
            final: Estimate the scales once more.
        """
        i, j, q, side, won = (np.concatenate(c) for c in zip(*self._columns, strict=True))
        games = make_games(i, j, won, question=q, side=side)
        due = len(i) >= (1 + self.growth) * self._estimated_at
        estimate = self._start is None or final or due
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
