"""Factors of large posterior precisions: exact and dense up to a limit, sparse beyond.

The questions are eliminated first, which costs nothing, as no two of them meet. What is left, the
strengths and the three effects, fills in whatever the order (random pairs make an expander), so it
is factored as a dense matrix in place. Strategies whose covariance is wanted come last, and their
covariance is then the inverse of the last block alone.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.linalg import blas, lapack
from scipy.sparse import linalg

from debateqd.qd.ratings.dense import DenseFactor
from debateqd.qd.ratings.games import Floats, Ints
from debateqd.qd.ratings.sparse_precision import SparsePrecision

_BLOCK = 256
_BLOCKS = 200


class DenseSchur:
    """Cholesky factor of the precision of strengths and effects, questions eliminated.

    Args:
        precision: The precision.
        last: Strategies that are to come last.
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
        lower = np.tril(lower)
        whole: Floats = lower + lower.T
        whole[np.diag_indices_from(whole)] = lower.diagonal()
        return whole

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
