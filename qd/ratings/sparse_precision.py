"""The posterior precision as a sparse matrix with a border, for problems of any size.

Strengths and question deviations are the sparse part. beta, gamma and mu touch everything and are
kept apart as a border of three dense columns.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

from debateqd.qd.ratings.design import Design, Scales
from debateqd.qd.ratings.games import Floats

Preconditioner = Callable[[Floats], Floats]
"""Applies the inverse of something like the precision to columns, (size, r)."""


class SparsePrecision:
    """H = D' diag(weights) D + Lambda.

    Args:
        design: Games and lineages.
        weights: p (1 - p) / dispersion of every game, (N,).
        scales: The scales.

    Attributes:
        strengths: H of the strengths, sparse, (n, n).
        across: H of strengths by questions, sparse, (n, m).
        questions: Diagonal of H of the questions, (m,).
        border: H of strengths and questions by beta, gamma, mu, (n + m, 3).
        corner: H of beta, gamma, mu, (3, 3).
    """

    def __init__(self, design: Design, weights: Floats, scales: Scales) -> None:
        games, n, m = design.games, design.n, design.m
        i, j, q = games.first, games.second, design.asked
        a, b, side, position = design.a, design.b, games.side, games.position
        prior = design.prior_diagonal(scales)
        births = design.births_square / scales.variance("mutation")
        own = a * a * np.bincount(i, weights, n) + b * b * np.bincount(j, weights, n) + prior[:n]
        kin = sparse.csr_array(births[:n, :n])
        met, asked = design.patterns
        self.strengths = met.filled([a * b * weights, a * b * weights, own, kin.data])
        sided, placed = side * weights, position * weights
        self.across = asked.filled([a * sided, b * sided])[:, :m]
        square = np.bincount(q, side * sided, m + 1)
        crossed = np.bincount(q, side * placed, m + 1)
        self.questions = square[:m] + prior[n : design.beta]
        self.border = np.zeros((n + m, 3))
        self.border[:n, 0] = a * np.bincount(i, sided, n) + b * np.bincount(j, sided, n)
        self.border[:n, 1] = a * np.bincount(i, placed, n) + b * np.bincount(j, placed, n)
        self.border[:n, 2] = births[:n, [design.mu]].toarray()[:, 0]
        self.border[n:, 0] = square[:m]
        self.border[n:, 1] = crossed[:m]
        self.corner = np.diag(prior[design.beta :])
        self.corner[0, 0] += square.sum()
        self.corner[0, 1] = self.corner[1, 0] = crossed.sum()
        self.corner[1, 1] += position @ placed
        self.corner[2, 2] += births[[design.mu], [design.mu]].sum()
        self._back = sparse.csr_array(self.across.T)
        self.n, self.m = n, m

    def times(self, x: Floats) -> Floats:
        """H x for columns x, (size, r)."""
        n, inner = self.n, self.n + self.m
        theta, b, effects = x[:n], x[n:inner], x[inner:]
        out = np.empty_like(x)
        out[:n] = self.strengths @ theta + self.across @ b
        out[n:inner] = self._back @ theta + self.questions[:, None] * b
        out[:inner] += self.border @ effects
        out[inner:] = self.border.T @ x[:inner] + self.corner @ effects
        return out

    def without_questions(self, x: Floats) -> Floats:
        """Right sides for the strengths and effects once the questions are eliminated."""
        n, inner = self.n, self.n + self.m
        scaled = x[n:inner] / self.questions[:, None]
        theta = x[:n] - self.across @ scaled
        effects = x[inner:] - self.border[n:].T @ scaled
        return np.concatenate([theta, effects])

    def with_questions(self, x: Floats, reduced: Floats) -> Floats:
        """Complete a solution for strengths and effects by that of the questions."""
        n, inner = self.n, self.n + self.m
        theta, effects = reduced[:n], reduced[n:]
        b = x[n:inner] - self._back @ theta - self.border[n:] @ effects
        return np.concatenate([theta, b / self.questions[:, None], effects])


def conjugate_gradients(
    precision: SparsePrecision,
    precondition: Preconditioner,
    right: Floats,
    start: Floats,
    tolerance: float,
    most: int = 400,
) -> Floats:
    """Solve H x = right for each column by preconditioned conjugate gradients.

    Args:
        precision: H.
        precondition: Applies the inverse of something like H.
        right: Right sides, (size, r).
        start: Where to begin, (size, r).
        tolerance: Of the residual, relative to that of the right side, in the norm that the
            preconditioner gives.
        most: Most steps.
    """
    x = start.copy()
    residual = right - precision.times(x)
    near = precondition(residual)
    scale = np.einsum("ij,ij->j", right, precondition(right))
    direction = near.copy()
    size = np.einsum("ij,ij->j", residual, near)
    for _ in range(most):
        if np.all(size <= tolerance**2 * scale):
            break
        along = precision.times(direction)
        curvature = np.einsum("ij,ij->j", direction, along)
        length = np.where(curvature > 0, size / np.where(curvature > 0, curvature, 1.0), 0.0)
        x += length * direction
        residual -= length * along
        near = precondition(residual)
        following = np.einsum("ij,ij->j", residual, near)
        direction *= np.where(size > 0, following / np.where(size > 0, size, 1.0), 0.0)
        direction += near
        size = following
    return x
