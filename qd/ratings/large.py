"""The rating of thousands of strategies and questions, at scales that some of the games told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import sparse

from debateqd.qd.ratings.design import Design, Scales
from debateqd.qd.ratings.mode import DenseFactor, PosteriorMode, add_prior, information
from debateqd.qd.statistics import Floats, Ints


def oldest(design: Design, most: int) -> Design:
    """Return the games among the first strategies on the first questions: ``most`` of both.

    Those who come first have their parents among them, and nobody is there because it was good.
    """
    n = min(design.n, max(most // 2, most - design.m))
    m = min(design.m, most - n)
    games, parents = design.games, design.parents[:n]
    kept = (games.first < n) & (games.second < n) & (games.question < m)
    return Design(games.at(np.flatnonzero(kept)), n, np.where(parents < n, parents, -1), m)


class LargeMode(PosteriorMode):
    """A mode that eliminates the questions, which costs little, as no two of them meet.

    What is left, the strengths and the three effects, is factored as a dense matrix: it fills in
    whatever the order, since random pairs make an expander.
    """

    def __init__(self, design: Design, scales: Scales, start: Floats) -> None:
        nowhere = replace(design.games, question=np.full(len(design.games), -1))
        self._left = Design(nowhere, design.n, design.parents)
        self._kept = np.delete(np.arange(design.size), np.s_[design.n : design.beta])
        super().__init__(design, scales, start)

    def _prior_times(self, w: Floats) -> Floats:
        return self.design.prior_times(w, self.scales)

    def _factored(self, weights: Floats) -> DenseFactor:
        design, left, games, q = self.design, self._left, self.design.games, self.design.asked
        sided = games.side * weights
        values = [design.a * sided, design.b * sided, games.side * sided, games.position * sided]
        beta, gamma = np.full_like(q, left.beta), np.full_like(q, left.gamma)
        cells = np.concatenate([games.first, games.second, beta, gamma]), np.tile(q, 4)
        shape = (left.size, design.m + 1)
        across = sparse.coo_array((np.concatenate(values), cells), shape=shape).tocsc()
        self._across = across[:, : design.m]
        square = np.bincount(q, games.side * sided, design.m + 1)[: design.m]
        self._asked = square + 1 / self.scales.variance("question")
        precision = information(left, weights)
        add_prior(precision, left, self.scales)
        for some, block in self._blocks():
            precision -= (block / self._asked[some]) @ block.T
        return DenseFactor(precision)

    def _blocks(self) -> Iterator[tuple[slice, Floats]]:
        """Yield what of the precision is between the kept parameters and some questions."""
        for start in range(0, self.design.m, 256):
            some = slice(start, start + 256)
            yield some, self._across[:, some].toarray()

    def solve(self, right: Floats) -> Floats:
        """Multiply one or more columns, (size, r), by the posterior covariance."""
        asked = np.s_[self.design.n : self.design.beta]
        alone = (right[asked].T / self._asked).T
        out = np.empty_like(right)
        out[self._kept] = self._factor.solve(right[self._kept] - self._across @ alone)
        out[asked] = alone - ((self._across.T @ out[self._kept]).T / self._asked).T
        return out

    def block(self, wanted: Ints) -> Floats:
        """Covariance of some strategies and beta, gamma, mu, (l + 3, l + 3)."""
        rows = np.concatenate([wanted, np.arange(self._left.beta, self._left.size)])
        columns = np.zeros((self._left.size, len(rows)))
        columns[rows, np.arange(len(rows))] = 1.0
        return np.asarray(self._factor.solve(columns)[rows])

    def question_variances(self) -> Floats:
        """Variances of the questions' deviations, (m,)."""
        out: Floats = 1 / self._asked
        for some, block in self._blocks():
            out[some] *= 1 + (block * self._factor.solve(block)).sum(axis=0) / self._asked[some]
        return out
