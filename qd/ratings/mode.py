"""The most probable parameters at given scales, by Newton's method on dense matrices."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.linalg import lapack

from debateqd.qd.ratings.design import Design, Outcomes, Scales, outcomes_at
from debateqd.qd.statistics import Floats, Ints

_STEPS = 60
_HALVINGS = 30
_SMALL = 1e-5
"""Stop after the Newton step that promises less than this gain of the log posterior. The step
squares the distance: what remains is far below a thousandth of a posterior deviation."""


class DenseFactor:
    """Cholesky factor of a positive definite matrix, of which the lower triangle is overwritten."""

    def __init__(self, matrix: Floats) -> None:
        # LAPACK works on columns; the matrix is symmetric, so its transpose is the same one.
        factor, info = lapack.dpotrf(matrix.T, lower=0, clean=0, overwrite_a=1)
        if info:
            raise np.linalg.LinAlgError("the posterior precision is not positive definite")
        self._factor = factor

    def solve(self, right: Floats) -> Floats:
        """Solve for one or more right sides."""
        solution, _ = lapack.dpotrs(self._factor, right, lower=0)
        return np.asarray(solution).reshape(right.shape)

    @cached_property
    def inverse(self) -> Floats:
        """The whole inverse, symmetric to the last bit."""
        upper, _ = lapack.dpotri(self._factor, lower=0)
        upper = np.triu(upper)
        whole: Floats = upper + upper.T
        whole[np.diag_indices_from(whole)] = upper.diagonal()
        return whole


def information(design: Design, weights: Floats) -> Floats:
    """D' diag(weights) D as a dense matrix, (size, size)."""
    games, n, m = design.games, design.n, design.m
    i, j, q = games.first, games.second, design.asked
    a, b, side, position = design.a, design.b, games.side, games.position
    size = design.size
    out: Floats = np.asarray(np.bincount(i * size + j, weights, size * size), dtype=np.float64)
    out = out.reshape(size, size)
    out[:n, :n] *= a * b
    out[:n, :n] += out[:n, :n].T
    diagonal = a * a * np.bincount(i, weights, n) + b * b * np.bincount(j, weights, n)
    out[np.arange(n), np.arange(n)] += diagonal
    sided = side * weights
    wide = m + 1
    table = a * np.bincount(i * wide + q, sided, n * wide)
    table += b * np.bincount(j * wide + q, sided, n * wide)
    by_question = table.reshape(n, wide)
    placed = position * weights
    square = np.bincount(q, side * sided, wide)
    crossed = np.bincount(q, side * placed, wide)
    beta, gamma = design.beta, design.gamma
    out[:n, n:beta] = by_question[:, :m]
    out[:n, beta] = by_question.sum(axis=1)
    out[:n, gamma] = a * np.bincount(i, placed, n) + b * np.bincount(j, placed, n)
    at = np.arange(n, beta)
    out[at, at] = square[:m]
    out[n:beta, beta] = square[:m]
    out[n:beta, gamma] = crossed[:m]
    out[beta, beta] = square.sum()
    out[beta, gamma] = crossed.sum()
    out[gamma, gamma] = position @ placed
    out[n:beta, :n] = out[:n, n:beta].T
    out[beta:, :beta] = out[:beta, beta:].T
    out[gamma, beta] = out[beta, gamma]
    return out


def add_prior(precision: Floats, design: Design, scales: Scales) -> None:
    """Add Lambda to a dense matrix, (size, size), in place."""
    if len(design.children):
        places, values = design.families
        squares = values[:, :, None] * values[:, None, :] / scales.variance("mutation")
        np.add.at(precision, (places[:, :, None], places[:, None, :]), squares)
    precision[np.diag_indices_from(precision)] += design.prior_diagonal(scales)


class PosteriorMode:
    """The most probable parameters, the curvature there, and covariances, in logits.

    Args:
        design: Games and lineages.
        scales: The scales.
        start: Where to begin, (size,).

    Attributes:
        w: The parameters, (size,).
        outcomes: The likelihood there.
        value: Log posterior there, up to what does not depend on the parameters.
    """

    def __init__(self, design: Design, scales: Scales, start: Floats) -> None:
        self.design, self.scales, self.w = design, scales, start
        y, weight = design.games.outcome, 1 / scales.dispersion
        self.outcomes = outcomes_at(design.predictor(start), y, design.games.weight)
        self.value = self._log_posterior(start, self.outcomes)
        for _ in range(_STEPS):
            gradient = design.score(self.outcomes.residual) * weight - self._prior_times(self.w)
            # The precision is that of one step before the end.
            self._factor = self._factored(self.outcomes.variance * weight)
            step = self.solve(gradient)
            promised = float(gradient @ step)
            length = 1.0
            for _ in range(_HALVINGS):
                w = self.w + length * step
                outcomes = outcomes_at(design.predictor(w), y, design.games.weight)
                reached = self._log_posterior(w, outcomes)
                if reached >= self.value or promised < _SMALL:
                    break
                length /= 2
            self.w, self.outcomes, self.value = w, outcomes, reached
            if promised < _SMALL:
                break

    def _log_posterior(self, w: Floats, outcomes: Outcomes) -> float:
        pull = float(w @ self._prior_times(w))
        return outcomes.log_likelihood / self.scales.dispersion - 0.5 * pull

    @cached_property
    def _prior(self) -> Floats:
        found = np.zeros((self.design.size, self.design.size))
        add_prior(found, self.design, self.scales)
        return found

    def _prior_times(self, w: Floats) -> Floats:
        """Lambda w."""
        return self._prior @ w

    def _factored(self, weights: Floats) -> DenseFactor:
        """Factor the precision at games' weights p (1 - p) / dispersion, (N,)."""
        precision = information(self.design, weights)
        precision += self._prior
        return DenseFactor(precision)

    def solve(self, right: Floats) -> Floats:
        """Multiply one or more columns, (size, r), by the posterior covariance."""
        return self._factor.solve(right)

    @property
    def covariance(self) -> Floats:
        """Posterior covariance of all parameters, (size, size)."""
        return self._factor.inverse

    def block(self, wanted: Ints) -> Floats:
        """Covariance of some strategies and beta, gamma, mu, (l + 3, l + 3)."""
        rows = np.concatenate([wanted, np.arange(self.design.beta, self.design.size)])
        return np.asarray(self.covariance[np.ix_(rows, rows)])

    def question_variances(self) -> Floats:
        """Variances of the questions' deviations, (m,)."""
        return np.asarray(self.covariance.diagonal()[self.design.n : self.design.beta])
