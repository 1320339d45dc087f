"""Perfect selection and tournament Elo in the world of ``benchmarks/selection.py``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from selection_world import Evolved, Floats, Ints, World

START = 1500.0


def perfect(world: World, matches: int) -> Evolved:
    """Accept what is truly stronger; the bound for every other procedure."""
    elite = list(range(world.size.cells))
    accepted = 0
    for _ in range(world.size.generations):
        children = [world.child(e) for e in elite]
        strengths = world.strengths()
        for cell, child in enumerate(children):
            if strengths[child] > strengths[elite[cell]]:
                elite[cell] = child
                accepted += 1
        world.next_generation()
    true = float(world.strengths()[elite].mean())
    return Evolved(true, true, accepted=accepted)


@dataclass(frozen=True)
class Elo:
    """Elo that is updated match by match; a child that is rated higher takes the cell.

    Attributes:
        k: The K factor.
        inherited: Elites keep their rating and children copy it; otherwise everybody starts every
            generation anew.
        pairing: ``"swiss"``; ``"swapped"``: Swiss, each pairing played twice on a question with
            sides exchanged; ``"own"``: 70 % child against elite, the rest random pairs, all
            swapped.
    """

    k: float = 32.0
    inherited: bool = True
    pairing: str = "swiss"

    def __call__(self, world: World, matches: int) -> Evolved:
        """Evolve a world."""
        cells = world.size.cells
        elite = np.arange(cells)
        rating = np.full(cells, START)
        accepted = worse = 0
        for _ in range(world.size.generations):
            child = np.array([world.child(int(e)) for e in elite])
            pool = np.concatenate([elite, child])
            mine = rating if self.inherited else np.full(cells, START)
            now = np.concatenate([mine, mine])
            if self.pairing == "own":
                self._own(world, pool, now, matches)
            else:
                self._swiss(world, pool, now, matches)
            better = now[cells:] > now[:cells]
            strengths = world.strengths()
            accepted += int(better.sum())
            worse += int((better & (strengths[child] < strengths[elite])).sum())
            elite = np.where(better, child, elite)
            rating = np.where(better, now[cells:], now[:cells])
            world.next_generation()
        true = float(world.strengths()[elite].mean())
        return Evolved(true, float(rating.mean() - START), accepted=accepted, worse=worse)

    def _update(self, now: Floats, i: Ints, j: Ints, won: Floats) -> None:
        """Update ratings in place; nobody may be in two of these matches."""
        step = self.k * (won - 1 / (1 + 10 ** ((now[j] - now[i]) / 400)))
        now[i] += step
        now[j] -= step

    def _swiss(self, world: World, pool: Ints, now: Floats, matches: int) -> None:
        size, random = len(pool), world.random
        times = 2 if self.pairing == "swapped" else 1
        wins = np.zeros(size)
        met: set[tuple[int, int]] = set()
        left = matches
        while left >= times:
            order = np.lexsort((random.random(size), -wins))
            pairs = swiss_round(order.tolist(), met)[: left // times]
            i, j = np.array(pairs).T
            question = random.integers(0, world.size.questions, len(pairs))
            correct = 2 * random.integers(0, 2, len(pairs)) - 1
            for turn in range(times):
                won = world.debates(pool[i], pool[j], question, correct * (1 - 2 * turn))
                self._update(now, i, j, won)
                wins[i] += won
                wins[j] += 1 - won
            left -= times * len(pairs)

    def _own(self, world: World, pool: Ints, now: Floats, matches: int) -> None:
        i, j, question = (np.repeat(column, 2) for column in paired(world, matches))
        # Chance does not depend on ratings, so that all debates can be played first.
        correct = np.resize(np.array([1, -1]), len(i))
        won = world.debates(pool[i], pool[j], question, correct)
        for a, b, outcome in zip(i.tolist(), j.tolist(), won.tolist(), strict=True):
            step = self.k * (outcome - 1 / (1 + 10 ** ((now[b] - now[a]) / 400)))
            now[a] += step
            now[b] -= step


def swiss_round(order: list[int], met: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pair from the top: each with the next free one not yet met, else the next free one.

    Args:
        order: Players, best first.
        met: Who has met, the lower number first; brought up to date.
    """
    free = list(order)
    pairs = []
    while len(free) > 1:
        a = free.pop(0)
        place = next((k for k, b in enumerate(free) if (min(a, b), max(a, b)) not in met), 0)
        b = free.pop(place)
        met.add((min(a, b), max(a, b)))
        pairs.append((a, b))
    return pairs


def paired(world: World, matches: int, share: float = 0.7) -> tuple[Ints, Ints, Ints]:
    """Draw contests between elites (0 to cells - 1) and their children (cells and more).

    Args:
        world: The world.
        matches: Matches; each contest is two.
        share: Share of them for children against the elites of their own cells, who take turns in
            a random order; the rest are random pairs.

    Returns:
        First and second players and questions.
    """
    random, cells = world.random, world.size.cells
    own, contests = int(share / 2 * matches), matches // 2
    turn = np.resize(random.permutation(cells), own)
    rest = [random.choice(2 * cells, 2, replace=False) for _ in range(contests - own)]
    pairs = np.array(rest, dtype=np.int64).reshape(-1, 2)
    i = np.concatenate([turn + cells, pairs[:, 0]])
    j = np.concatenate([turn, pairs[:, 1]])
    return i, j, random.integers(0, world.size.questions, contests)
