"""A transitive world fitted to debates: everybody has one strength, the rest is chance.

With strengths theta, c = +1, -1 or 0 as the first, the second or neither defends the correct
answer, and the share y that the first won, ::

    mean of y = p = 1 / (1 + exp(-(theta_first - theta_second + beta c)))
    variance of y = dispersion * p (1 - p),        0 < dispersion <= 1

1 for verdicts and less for credences (quasi-likelihood: McCullagh and Nelder 1989, chapter 9). The
prior is theta ~ N(0, scale^2), with the scale estimated by expectation maximisation, so that noise
is not taken for differences of strength. The posterior is approximated by Laplace's method.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LEAST = 1e-3
"""Least scale of strengths (logits) and least dispersion: 0 would divide by itself."""


@dataclass(frozen=True)
class Transitive:
    """The fitted world.

    Attributes:
        first: Number of the first strategy of each debate.
        second: That of the second.
        correct: Who defended the correct answer; see the module.
        mean: Strengths and, last, the effect of the correct side, in logits; shape (n + 1,).
        covariance: Of their posterior; shape (n + 1, n + 1).
        scale: Standard deviation of strengths, in logits.
        dispersion: See the module.
    """

    first: Ints
    second: Ints
    correct: Floats
    mean: Floats
    covariance: Floats
    scale: float
    dispersion: float

    def simulate(self, worlds: int, rng: np.random.Generator) -> Iterator[Floats]:
        """Play all debates anew, in worlds drawn from the posterior.

        A credence is drawn from the beta distribution of the right mean and variance, a verdict
        (dispersion 1) from a coin.

        Args:
            worlds: How many worlds.
            rng: Draws them.

        Yields:
            The share that the first won, for each debate.
        """
        # eigh copes with the common mode, which only the prior determines.
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.clip(values, 0, None))
        for _ in range(worlds):
            drawn = self.mean + root @ rng.normal(size=len(self.mean))
            p = _expected(drawn, self.first, self.second, self.correct)
            if self.dispersion > 0.98:
                yield (rng.random(len(p)) < p).astype(float)
            else:
                size = 1 / self.dispersion - 1
                p = np.clip(p, 1e-6, 1 - 1e-6)
                yield rng.beta(p * size, (1 - p) * size)


def _expected(w: Floats, first: Ints, second: Ints, correct: Floats) -> Floats:
    z = w[first] - w[second] + w[-1] * correct
    p: Floats = 1 / (1 + np.exp(-np.clip(z, -30, 30)))
    return p


def fit_transitive(
    first: Ints, second: Ints, correct: Sequence[int], share: Floats, n: int
) -> Transitive:
    """Fit the transitive world.

    Args:
        first: Number of the first strategy of each debate, in 0 .. n - 1; at least one debate.
        second: That of the second.
        correct: 1, -1 or 0 for each debate; see the module.
        share: Share that the first won.
        n: Number of strategies.
    """
    side = np.asarray(correct, dtype=float)
    # Debates of the same two with the same sides differ in nothing that the model knows.
    kinds, kind = np.unique(np.stack([first, second, side], axis=1), axis=0, return_inverse=True)
    kind = kind.reshape(-1)
    times = np.bincount(kind).astype(float)
    mean = np.bincount(kind, weights=share) / times
    one, two = kinds[:, 0].astype(np.int64), kinds[:, 1].astype(np.int64)
    sides = kinds[:, 2]
    rows = np.arange(len(kinds))
    design = np.zeros((len(kinds), n + 1))
    design[rows, one] += 1
    design[rows, two] -= 1
    design[:, n] = sides
    spread = np.bincount(kind, weights=(share - mean[kind]) ** 2)
    w = np.zeros(n + 1)
    scale, dispersion = 0.5, 1.0
    covariance: Floats = np.eye(n + 1)
    for _ in range(60):
        # The quasi-likelihood divides the likelihood's information by the dispersion.
        prior = np.append(np.full(n, 1 / scale**2), 1 / 4.0)
        for _ in range(25):
            p = _expected(w, one, two, sides)
            gradient = design.T @ (times * (mean - p)) / dispersion - prior * w
            curvature = times * p * (1 - p) / dispersion
            information = (design.T * curvature) @ design + np.diag(prior)
            step = np.linalg.solve(information, gradient)
            w = w + step * min(1.0, 2.0 / max(1e-12, float(np.abs(step).max())))
            if np.abs(step).max() < 1e-8:
                break
        covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
        p = _expected(w, one, two, sides)
        variance = np.clip(p * (1 - p), 1e-6, None)
        pearson = float(((spread + times * (mean - p) ** 2) / variance).sum())
        curvature = times * p * (1 - p) / dispersion
        used = float(np.trace(covariance @ ((design.T * curvature) @ design)))
        new_dispersion = min(1.0, max(_LEAST, pearson / max(1.0, len(share) - used)))
        second_moment = float((w[:n] ** 2 + np.diag(covariance)[:n]).mean())
        new_scale = max(_LEAST, second_moment**0.5)
        done = abs(new_scale - scale) + abs(new_dispersion - dispersion) < 1e-5
        scale, dispersion = new_scale, new_dispersion
        if done:
            break
    return Transitive(first, second, side, w, covariance, scale, dispersion)
