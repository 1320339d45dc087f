"""The simulated world of ``benchmarks/selection.py``: strengths that are known, and chance.

Strengths are in Elo points. On question q defending the correct answer is worth a_q ~ N(100, 150);
a strategy beats another with probability ``1 / (1 + 10^(-d / 400))``, d being its lead in strength
plus or minus a_q. Kinds of worlds:

- ``plain``: nothing else. A child's strength is its parent's plus N(-15, 60).
- ``drift``: mutations get worse and smaller as evolution goes on: mean +15 to -45, standard
  deviation 90 to 30, so that no constant mean or scale is right.
- ``cycles``: who beats whom is not transitive. Strategies have places in two planes, and each plane
  adds its cross product to d: 75 points of standard deviation between strangers.
- ``tastes``: strategies are better on some questions than on others, by 75 points.
- ``noise`` and ``coin``: no strategy is better than another, but luck differs from debate to
  debate. Credences are those of the embedded model's world of the same name: log-odds N(0, 0.35)
  for an answer before anybody speaks and N(0, 0.85) for what is said; or a coin decides.

A strategy's *true strength* is its mean lead over the 35 roots over all questions, both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KINDS = ("plain", "drift", "cycles", "tastes")
NULL_KINDS = ("noise", "coin")
CELLS = 35
QUESTIONS = 100
GENERATIONS = 30
ELO = 400 / np.log(10)
"""Elo points per unit of log-odds."""
_SPREAD = 75.0
_KEPT = 0.8
"""Share of the variance of places and tastes that a child has from its parent."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is.

    Attributes:
        cells: Cells, each with one root.
        questions: Questions.
        generations: Generations.
    """

    cells: int = CELLS
    questions: int = QUESTIONS
    generations: int = GENERATIONS


class World:
    """Strategies with strengths, and debates between them.

    Args:
        seed: Of the only generator: the world and everything that happens in it.
        kind: One of :data:`KINDS` or :data:`NULL_KINDS`.
        size: How large.

    Attributes:
        parents: Parent of every strategy, -1 for roots.
        random: The generator.
    """

    def __init__(self, seed: int, kind: str = "plain", size: Size = Size()) -> None:
        self.kind, self.size = kind, size
        self.random = np.random.default_rng(seed)
        self.parents = [-1] * size.cells
        self._strength = list(self.random.normal(0, 100, size.cells))
        self._side = self.random.normal(100, 150, size.questions)
        if kind in NULL_KINDS:
            self._strength = [0.0] * size.cells
            self._side = self.random.normal(0, 0.35 * ELO if kind == "noise" else 0, size.questions)
        self._generation = 0
        self._places: list[Floats] = []
        self._tastes: list[Floats] = []
        if kind == "cycles":
            # The product of two planes' normal places has variance 4.
            self._places = list(self.random.normal(0, 1, (size.cells, 4)) * (_SPREAD / 2) ** 0.5)
        if kind == "tastes":
            self._tastes = list(self.random.normal(0, _SPREAD, (size.cells, size.questions)))

    def __len__(self) -> int:
        return len(self.parents)

    def next_generation(self) -> None:
        """Note that a generation has passed."""
        self._generation += 1

    def child(self, parent: int) -> int:
        """Make a child and return its number."""
        mean, deviation = (0.0, 0.0) if self.kind in NULL_KINDS else (-15.0, 60.0)
        if self.kind == "drift":
            share = self._generation / max(1, self.size.generations - 1)
            mean, deviation = 15 - 60 * share, 90 - 60 * share
        self._strength.append(self._strength[parent] + self.random.normal(mean, deviation))
        for inherited, spread in ((self._places, (_SPREAD / 2) ** 0.5), (self._tastes, _SPREAD)):
            if inherited:
                fresh = self.random.normal(0, spread, len(inherited[0]))
                inherited.append(_KEPT**0.5 * inherited[parent] + (1 - _KEPT) ** 0.5 * fresh)
        self.parents.append(parent)
        return len(self.parents) - 1

    def _lead(self, a: Ints, b: Ints) -> Floats:
        """Lead of strategies a over strategies b on a question as good as any, sides left out."""
        strength = np.array(self._strength)
        lead: Floats = strength[a] - strength[b]
        if self._places:
            place = np.array(self._places)
            p, q = place[a], place[b]
            lead = lead + p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]
            lead = lead + p[..., 2] * q[..., 3] - p[..., 3] * q[..., 2]
        return lead

    def strengths(self) -> Floats:
        """True strengths of all strategies relative to the roots' mean."""
        everybody, roots = np.arange(len(self)), np.arange(self.size.cells)
        lead = self._lead(everybody[:, None], roots[None, :]).mean(axis=1)
        if self._tastes:
            taste = np.array(self._tastes).mean(axis=1)
            lead = lead + taste - taste[roots].mean()
        return np.asarray(lead - lead[roots].mean())

    def debates(self, a: Ints, b: Ints, question: Ints, correct: Ints) -> Floats:
        """Play debates; 1 where strategy a wins, or what the judge believes of its answer.

        Args:
            a: Numbers of strategies.
            b: Numbers of their opponents.
            question: Numbers of the questions.
            correct: 1 where a defends the correct answer, -1 where b does.
        """
        lead = self._lead(a, b) + correct * self._side[question]
        if self._tastes:
            taste = np.array(self._tastes)
            lead = lead + taste[a, question] - taste[b, question]
        if self.kind == "noise":
            said = self.random.normal(0, 0.85, len(a))
            return np.asarray(1 / (1 + np.exp(-lead / ELO - said)))
        return (self.random.random(len(a)) < 1 / (1 + 10 ** (-lead / 400))).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Evolved:
    """What a procedure made of a world, in Elo points.

    Attributes:
        true: Mean true strength of the final elites; the roots' is 0.
        reported: What the procedure says it is.
        deviation: The posterior standard deviation it gives; nan where it gives none.
        accepted: Replacements.
        worse: How many of them put a weaker strategy in the place of a stronger one.
        mutation: Estimated scale of mutations; nan where none is estimated.
        mean: Estimated mean of mutations; likewise.
    """

    true: float
    reported: float
    deviation: float = float("nan")
    accepted: int = 0
    worse: int = 0
    mutation: float = float("nan")
    mean: float = float("nan")
