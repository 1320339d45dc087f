"""Games between strategies of known strength."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from debateqd.qd.ratings.games import GameForm, Games, make_games
from debateqd.qd.statistics import ELO, Floats, Ints


@dataclass(frozen=True)
class World:
    """What is true, in Elo points."""

    strengths: Floats
    questions: Floats
    parents: Ints
    games: Games

    @property
    def relative(self) -> Floats:
        """Strengths relative to the mean of those without parents."""
        roots = self.parents < 0
        relative: Floats = self.strengths - self.strengths[roots].mean()
        return relative


def simulate(
    seed: int,
    n: int = 30,
    m: int = 20,
    size: int = 400,
    *,
    form: GameForm = "duel",
    noise: float | None = None,
    children: float = 0.5,
    mutation: float = 60.0,
    gamma: float = 0.0,
    logit_noise: float | None = None,
    fit: float = 0.0,
) -> World:
    """Draw a world and its games.

    Args:
        seed: Of everything.
        n: Strategies.
        m: Questions.
        size: Games; duels come as swapped pairs.
        form: Form of the games.
        noise: Outcomes are Beta(p k, (1 - p) k) with this k; ``None``: wins.
        children: Share of strategies with a parent.
        mutation: Standard deviation of a child about its parent - 15.
        gamma: Position effect.
        logit_noise: Outcomes are probabilities whose logits have this standard deviation, and whose
            mean is p.
        fit: Standard deviation, in Elo points, of how well a strategy suits a question. Strengths
            are then those of the mean question, which the games show attenuated.
    """
    rng = np.random.default_rng(seed)
    parents = np.full(n, -1)
    theta = rng.normal(0, 100, n)
    for child in range(round(n * (1 - children)), n):
        parents[child] = rng.integers(child)
        theta[child] = theta[parents[child]] - 15 + rng.normal(0, mutation)
    b = rng.normal(0, 150, m)
    if form == "duel":
        half = size // 2
        i = rng.integers(n, size=half)
        j = (i + 1 + rng.integers(n - 1, size=half)) % n
        q = rng.integers(m, size=half)
        c = rng.choice([-1.0, 1.0], half)
        first, second = np.concatenate([i, j]), np.concatenate([j, i])
        question, side = np.concatenate([q, q]), np.concatenate([c, c])
        position = np.ones(2 * half)
        suited = rng.normal(0, fit, (n, m))
        z = theta[first] - theta[second] + side * (100 + b[question]) + gamma
        z += suited[first, question] - suited[second, question]
    else:
        first = rng.integers(n, size=size)
        second = np.where(rng.random(size) < 0.5, first, rng.integers(n, size=size))
        question, side = rng.integers(m, size=size), np.full(size, -1.0)
        position = rng.choice([-1.0, 1.0], size)
        z = (theta[first] + theta[second]) / 2 - (100 + b[question]) + position * gamma
    p = 1 / (1 + np.exp(-z / ELO))
    if logit_noise is not None:
        y = _noisy(p, logit_noise, rng)
    elif noise is None:
        y = (rng.random(len(p)) < p).astype(float)
    else:
        y = rng.beta(p * noise, (1 - p) * noise)
    games = make_games(first, second, y, question=question, side=side, position=position, form=form)
    return World(theta, b, parents, games)


def _noisy(p: Floats, deviation: float, rng: np.random.Generator) -> Floats:
    """Probabilities with normal logits and mean p."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    centres = np.linspace(-14, 14, 2801)
    means = (1 / (1 + np.exp(-centres[:, None] - deviation * nodes))) @ (weights / weights.sum())
    centre = np.interp(p, means, centres)
    return np.asarray(1 / (1 + np.exp(-centre - deviation * rng.normal(size=len(p)))))


def shuffled(games: Games, seed: int) -> Games:
    order = np.random.default_rng(seed).permutation(len(games))
    return Games(
        games.first[order],
        games.second[order],
        games.question[order],
        games.side[order],
        games.position[order],
        games.outcome[order],
        games.form,
    )


def matrix(games: Games, n: int, m: int) -> Floats:
    """The design matrix, written out: strengths, questions, beta, gamma, mu."""
    a, b = (1.0, -1.0) if games.form == "duel" else (0.5, 0.5)
    out = np.zeros((len(games), n + m + 3))
    for k in range(len(games)):
        out[k, games.first[k]] += a
        out[k, games.second[k]] += b
        if games.question[k] >= 0:
            out[k, n + games.question[k]] += games.side[k]
        out[k, n + m] += games.side[k]
        out[k, n + m + 1] += games.position[k]
    return out
