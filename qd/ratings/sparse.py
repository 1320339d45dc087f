"""The posterior precision of thousands of strategies: sparse, its solver, and its factors.

Strengths and question deviations are the sparse part. beta, gamma and mu touch everything and are
kept apart as a border of three dense columns.

The exact factor eliminates the questions first, which costs nothing, as no two of them meet. What
is left, the strengths and the three effects, fills in whatever the order (random pairs make an
expander), so it is factored as a dense matrix in place. Strategies whose covariance is wanted come
last, and their covariance is then the inverse of the last block alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse
from scipy.linalg import blas, lapack
from scipy.sparse import linalg

from debateqd.qd.ratings.dense import DenseFactor, mirrored
from debateqd.qd.ratings.design import Design, Scales
from debateqd.qd.statistics import Floats, Ints

_BLOCK = 256
_BLOCKS = 200
_MOST_STEPS = 400  # of conjugate gradients

Preconditioner = Callable[[Floats], Floats]
"""Applies the inverse of something like the precision to columns, (size, r)."""


class SparsePrecision:
    """H = D' diag(weights) D + Lambda, with the weight p (1 - p) / dispersion for every game, (N,).

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
) -> Floats:
    """Solve H x = right, (size, r), for each column by preconditioned conjugate gradients.

    ``precondition`` applies the inverse of something like H; ``tolerance`` is that of the residual,
    relative to the right side, in the norm that this gives.
    """
    x = start.copy()
    residual = right - precision.times(x)
    near = precondition(residual)
    scale = np.einsum("ij,ij->j", right, precondition(right))
    direction = near.copy()
    size = np.einsum("ij,ij->j", residual, near)
    for _ in range(_MOST_STEPS):
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


class DenseSchur:
    """Cholesky factor of the precision of strengths and effects, questions eliminated.

    The strategies ``last`` come last.
    """

    def __init__(self, precision: SparsePrecision, last: Ints) -> None:
        n, m = precision.n, precision.m
        self._precision = precision
        others = np.setdiff1d(np.arange(n), last)
        self._order = np.concatenate([others, last, np.arange(n, n + 3)])
        self._last = len(last) + 3
        matrix = self._assemble(n, m)
        self._factor, info = lapack.dpotrf(matrix, lower=1, clean=0, overwrite_a=1)
        if info:
            raise np.linalg.LinAlgError("the posterior precision is not positive definite")

    def _assemble(self, n: int, m: int) -> Floats:
        """The lower triangle of the matrix, in the order of elimination, column by column."""
        precision = self._precision
        theta = self._order[:n]
        matrix = np.zeros((n + 3, n + 3), order="F")
        # Symmetric, so that its rows may be read as columns.
        strengths = precision.strengths[theta][:, theta]
        for start in range(0, n, _BLOCK):
            end = min(start + _BLOCK, n)
            matrix[:n, start:end] = strengths[start:end].toarray().T
        matrix[n:, :n] = precision.border[theta].T
        matrix[n:, n:] = precision.corner
        # B Q^-1/2, B being the block of strengths and effects by questions.
        half = 1 / np.sqrt(precision.questions)
        rows = sparse.csr_array(precision.across[theta] * half[None, :])
        border = precision.border[n:] * half[:, None]
        whole = sparse.csr_array(sparse.vstack([rows, sparse.csr_array(border.T)]))
        met = np.diff(sparse.csc_array(whole).indptr).astype(float)
        if 20 * np.square(met).sum() < float(n) ** 2 * m:  # sparse products are slower per number
            back = sparse.csc_array(whole.T)
            for start in range(0, n + 3, _BLOCK):
                end = min(start + _BLOCK, n + 3)
                matrix[:, start:end] -= (whole @ back[:, start:end]).toarray()
            return matrix
        columns = sparse.csc_array(whole)
        for start in range(0, m, _BLOCK):
            block = columns[:, start : start + _BLOCK].toarray(order="F")
            matrix = blas.dsyrk(-1.0, block, beta=1.0, c=matrix, lower=1, overwrite_c=1)
        return matrix

    def solve(self, right: Floats) -> Floats:
        """Solve for columns, (size, r)."""
        reduced = self._precision.without_questions(right)
        ordered = np.asfortranarray(reduced[self._order])
        solution, _ = lapack.dpotrs(self._factor, ordered, lower=1, overwrite_b=1)
        out = np.empty_like(reduced)
        out[self._order] = solution
        return self._precision.with_questions(right, out)

    def last_covariance(self) -> Floats:
        """Covariance of the strategies that come last and of the effects, (l + 3, l + 3)."""
        tail = np.array(self._factor[-self._last :, -self._last :], order="F")
        lower, _ = lapack.dpotri(tail, lower=1, overwrite_c=1)
        return mirrored(np.tril(lower))

    def question_variances(self) -> Floats:
        """Posterior variances of the questions' deviations, (m,)."""
        precision, n, m = self._precision, self._precision.n, self._precision.m
        out = 1 / precision.questions
        back = sparse.csc_array(precision.across)
        for start in range(0, m, _BLOCK):
            end = min(start + _BLOCK, m)
            effects = precision.border[n + start : n + end].T
            block = np.concatenate([back[:, start:end].toarray(), effects])
            ordered = np.asfortranarray(block[self._order])
            half = blas.dtrsm(1.0, self._factor, ordered, lower=1, overwrite_b=1)
            out[start:end] += np.square(half / precision.questions[start:end]).sum(axis=0)
        return out


class TwoLevel:
    """Preconditioner: lineages exactly, and contemporaries as blocks.

    The fine level knows lineages, and of the games those between parents and children; these are
    trees but for crossovers, so that its factor hardly fills in. The coarse level moves strategies
    of consecutive numbers, questions, and each effect as one: what strategies of different times
    are worth relative to each other is what the fine level finds last.

    Args:
        precision: The precision.
        kin: Sparse matrix, (n, n), whose pattern says who is kin.
    """

    def __init__(self, precision: SparsePrecision, kin: sparse.csr_array) -> None:
        self._precision = precision
        n, m = precision.n, precision.m
        # What is left out leaves the diagonal dominant, so that the rest is positive definite.
        near = precision.strengths.multiply(abs(kin) > 0)
        own = precision.strengths.diagonal() - near.diagonal()
        matrix = sparse.csc_array(near + sparse.diags_array(own))
        symmetric = {"SymmetricMode": True}
        self._factor = linalg.splu(matrix, permc_spec="MMD_AT_PLUS_A", options=symmetric)
        self._corner = precision.corner.diagonal()
        count = -(-n // max(n // _BLOCKS, 1)) if n else 0
        part = np.concatenate([np.arange(n) * count // max(n, 1), np.full(m, count)])
        ones = np.ones(n + m)
        blocks = sparse.csr_array((ones, (np.arange(n + m), part)), shape=(n + m, count + 1))
        self._blocks = blocks
        theta, asked = blocks[:n], blocks[n:]
        crossed = theta.T @ (precision.across @ asked)
        inner = theta.T @ (precision.strengths @ theta) + crossed + crossed.T
        inner += asked.T @ (sparse.diags_array(precision.questions) @ asked)
        border = blocks.T @ precision.border
        coarse = np.block([[inner.toarray(), border], [border.T, precision.corner]])
        coarse[np.diag_indices_from(coarse)] += 1e-9 * coarse.diagonal() + (coarse.diagonal() == 0)
        self._coarse = DenseFactor(coarse).inverse

    def solve(self, right: Floats) -> Floats:
        """Apply the preconditioner to columns, (size, r)."""
        n, inner = self._precision.n, self._precision.n + self._precision.m
        out = np.empty_like(right)
        out[:n] = self._factor.solve(np.ascontiguousarray(right[:n]))
        out[n:inner] = right[n:inner] / self._precision.questions[:, None]
        out[inner:] = right[inner:] / self._corner[:, None]
        summed = self._coarse @ np.concatenate([self._blocks.T @ right[:inner], right[inner:]])
        out[:inner] += self._blocks @ summed[:-3]
        out[inner:] += summed[-3:]
        return out
