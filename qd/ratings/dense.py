"""The rating model on dense matrices: exact, and fastest for up to a few thousand parameters."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.linalg import lapack

from debateqd.qd.ratings.design import Design, Scales
from debateqd.qd.ratings.newton import PosteriorMode
from debateqd.qd.statistics import Floats, Ints

_SMALL = 1e-5
"""What remains is far below a thousandth of a posterior deviation."""


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
        return mirrored(np.triu(upper))


def mirrored(triangle: Floats) -> Floats:
    """Complete a symmetric matrix from one triangle, (n, n)."""
    whole: Floats = triangle + triangle.T
    whole[np.diag_indices_from(whole)] = triangle.diagonal()
    return whole


def information(design: Design, weights: Floats) -> Floats:
    """D' diag(weights) D as a dense matrix, (size, size)."""
    games, n, m = design.games, design.n, design.m
    i, j, q = games.first, games.second, design.asked
    a, b, side, position = design.a, design.b, games.side, games.position
    out = np.zeros((design.size, design.size))
    out[:n, :n] = np.bincount(i * n + j, weights, n * n).reshape(n, n) * (a * b)
    out[:n, :n] += out[:n, :n].T.copy()
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


def prior(design: Design, scales: Scales) -> Floats:
    """Lambda as a dense matrix, (size, size)."""
    out = np.zeros((design.size, design.size))
    if len(design.children):
        places, values = design.families
        pairs = places[:, :, None] * design.size + places[:, None, :]
        squares = values[:, :, None] * values[:, None, :] / scales.variance("mutation")
        out += np.bincount(pairs.ravel(), squares.ravel(), out.size).reshape(out.shape)
    out[np.diag_indices_from(out)] += design.prior_diagonal(scales)
    return out


class DenseMode(PosteriorMode):
    """A mode with all its matrices.

    Attributes:
        factor: Of the posterior precision (taken one Newton step before the end).
    """

    def __init__(self, design: Design, scales: Scales, start: Floats) -> None:
        self._prior = prior(design, scales)
        super().__init__(design, scales, start, _SMALL)

    def _prior_times(self, w: Floats) -> Floats:
        return self._prior @ w

    def _curve(self, weights: Floats) -> None:
        self.factor = DenseFactor(information(self.design, weights) + self._prior)

    def _newton_step(self, gradient: Floats) -> Floats:
        return self.factor.solve(gradient)

    def solve(self, right: Floats) -> Floats:
        """Multiply columns, (size, r), by the posterior covariance."""
        return self.factor.solve(right)

    def block(self, wanted: Ints) -> Floats:
        """Covariance of some strategies and beta, gamma, mu, (l + 3, l + 3)."""
        rows = np.concatenate([wanted, np.arange(self.design.beta, self.design.size)])
        return np.asarray(self.factor.inverse[np.ix_(rows, rows)])

    def question_variances(self) -> Floats:
        """Variances of the questions' deviations, (m,)."""
        return np.asarray(self.factor.inverse.diagonal()[self.design.n : self.design.beta])

    def covariance(self) -> Floats:
        """Posterior covariance of all parameters, (size, size)."""
        return self.factor.inverse

    def predictor_variance(self) -> Floats:
        """Posterior variance of every game's z, (N,)."""
        design, games = self.design, self.design.games
        inverse = self.factor.inverse
        n, m, beta, gamma = design.n, design.m, design.beta, design.gamma
        i, j, q = games.first, games.second, design.asked
        a, b, c, s = design.a, design.b, games.side, games.position
        # What c multiplies is beta + b_q; games without a question have beta alone.
        sided = np.empty((n + 1, m + 1))
        sided[:, :m] = inverse[[*range(n), gamma], n:beta]
        sided[:, m] = 0.0
        sided += inverse[[*range(n), gamma], beta][:, None]
        question = np.append(inverse.diagonal()[n:beta] + 2 * inverse[beta, n:beta], 0.0)
        question += inverse[beta, beta]
        strengths = inverse[:n, :n]
        own = strengths.diagonal()
        at_gamma = inverse[:n, gamma]
        out: Floats = a * a * own[i] + b * b * own[j] + 2 * a * b * strengths[i, j]
        out += c * c * question[q] + s * s * inverse[gamma, gamma]
        out += 2 * c * (a * sided[i, q] + b * sided[j, q] + s * sided[n, q])
        out += 2 * s * (a * at_gamma[i] + b * at_gamma[j])
        return out
