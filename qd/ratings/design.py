"""The rating model as linear algebra: predictor, likelihood and prior.

Parameters, in logits, in this order: strengths theta (n), question deviations b (m), beta (what the
correct side is worth; for teams the mean difficulty), gamma (what the first position is worth) and
mu (the mean effect of a mutation). With w for all of them and D for the games' design matrix::

    z = D w,   y ~ Bernoulli(logistic(z)),  or in [0, 1] with variance phi p (1 - p)

    root:   theta ~ N(0, root^2)            child: theta ~ N(mean of its parents + mu, mutation^2)
    b ~ N(0, question^2)    beta ~ N(0, side^2)    gamma ~ N(0, position^2)    mu ~ N(0, mean^2)

Every row of D has at most five entries, so its products are made by counting, never as a matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from debateqd.qd.ratings.games import COEFFICIENTS, Games
from debateqd.qd.statistics import ELO, Floats, Ints

GROUPS = ("root", "mutation", "question")
"""The scales that belong to many parameters each."""


@dataclass(frozen=True)
class Scales:
    """Standard deviations of the priors, in Elo points, and the dispersion of outcomes.

    Attributes:
        root: Of the strengths of strategies without parents.
        mutation: Of a child's strength about its parents' mean plus the mutation mean.
        question: Of the questions' deviations.
        side: Of beta.
        position: Of gamma.
        mean: Of mu.
        dispersion: Variance of an outcome over p (1 - p).
    """

    root: float
    mutation: float
    question: float
    side: float
    position: float
    mean: float
    dispersion: float

    def variance(self, name: str) -> float:
        """Variance of a prior in squared logits."""
        return float((getattr(self, name) / ELO) ** 2)


@dataclass(frozen=True)
class Outcomes:
    """The likelihood at some predictor.

    Attributes:
        log_likelihood: Of the outcomes at dispersion 1.
        residual: y - p, (N,); like the other two times the games' weights.
        variance: p (1 - p), (N,).
        skew: Derivative of the variance by z, (N,).
    """

    log_likelihood: float
    residual: Floats
    variance: Floats
    skew: Floats


def outcomes_at(z: Floats, y: Floats, weight: Floats | None = None) -> Outcomes:
    """Evaluate the likelihood; exact for predictors of any size.

    Args:
        z: Predictor, (N,).
        y: Outcomes in [0, 1], (N,).
        weight: How many games each counts for, (N,); ``None``: one each.
    """
    small = np.exp(-np.abs(z))
    fall = 1 / (1 + small)
    p = np.where(z >= 0, fall, small * fall)
    variance = small * fall * fall
    skew = variance * (1 - 2 * p)
    if weight is not None:
        value = float(weight @ (y * z - np.maximum(z, 0) - np.log1p(small)))
        return Outcomes(value, weight * (y - p), weight * variance, weight * skew)
    value = float(y @ z - np.maximum(z, 0).sum() - np.log1p(small).sum())
    return Outcomes(value, y - p, variance, skew)


def parent_table(parents: ArrayLike | Sequence[Sequence[int]] | None, n: int) -> Ints:
    """Bring lineages into the form (n, k): numbers of the parents, filled up with -1.

    Args:
        parents: ``None``: nobody has parents. (n,): one parent each, or -1. (n, k): up to k
            parents each, filled up with -1. Or a sequence of n sequences of any length.
        n: Number of strategies.

    Raises:
        ValueError: Another shape, an unknown parent, or somebody who is his own ancestor's parent.
    """
    if parents is None:
        return np.full((n, 1), -1, dtype=np.int64)
    if isinstance(parents, np.ndarray):
        table = parents.astype(np.int64).reshape(n, -1)
    else:
        rows = [[row] if isinstance(row, int | np.integer) else list(row) for row in parents]  # type: ignore[union-attr, arg-type]
        if len(rows) != n:
            raise ValueError(f"parents: {len(rows)} rows for {n} strategies")
        width = max((len(row) for row in rows), default=1) or 1
        table = np.full((n, width), -1, dtype=np.int64)
        for place, row in enumerate(rows):
            table[place, : len(row)] = row
    if table.size and (table.max() >= n or table.min() < -1):
        raise ValueError(f"parents: numbers must lie in -1 to {n - 1}")
    return table


class Design:
    """Games of n strategies, and lineages (see :func:`parent_table`), ready for the numerics."""

    def __init__(
        self,
        games: Games,
        n: int,
        parents: ArrayLike | Sequence[Sequence[int]] | None = None,
        questions: int | None = None,
    ) -> None:
        self.games = games
        self.n = n
        self.parents = parent_table(parents, n)
        asked = int(games.question.max()) + 1 if len(games) else 0
        self.m = max(asked, questions or 0)
        if len(games) and max(int(games.first.max()), int(games.second.max())) >= n:
            raise ValueError(f"games name strategies beyond the {n} there are")
        self.a, self.b = COEFFICIENTS[games.form]
        self.size = n + self.m + 3
        self.beta, self.gamma, self.mu = n + self.m, n + self.m + 1, n + self.m + 2
        # Games without a question get a number of their own, whose effects are left out.
        self.asked = np.where(games.question < 0, self.m, games.question)

    # --- prior ----------------------------------------------------------------------------------

    @cached_property
    def roots(self) -> Ints:
        """Numbers of the strategies without parents."""
        return np.flatnonzero((self.parents < 0).all(axis=1))

    @cached_property
    def children(self) -> Ints:
        """Numbers of the strategies with parents."""
        return np.flatnonzero((self.parents >= 0).any(axis=1))

    @cached_property
    def families(self) -> tuple[Ints, Floats]:
        """Parameters in theta_child - mean theta_parents - mu, and their coefficients.

        Both are (children, k + 2): the child, mu, and up to k parents; a missing one counts 0.
        """
        table = self.parents[self.children]
        known = table >= 0
        share = -1 / np.maximum(known.sum(axis=1), 1)
        some = np.full(len(table), self.mu)
        places = np.column_stack([self.children, some, np.where(known, table, self.mu)])
        ones = np.ones(len(table))
        return places, np.column_stack([ones, -ones, known * share[:, None]])

    def leads(self, w: Floats) -> Floats:
        """E w: what children are better than their parents' mean plus mu, (children,)."""
        places, values = self.families
        return np.asarray((values * w[places]).sum(axis=1))

    @cached_property
    def births(self) -> sparse.csr_array:
        """E as a sparse matrix, (children, size)."""
        places, values = self.families
        rows = np.repeat(np.arange(len(places)), places.shape[1])
        cells = (rows, places.ravel())
        shape = (len(places), self.size)
        matrix = sparse.csr_array(sparse.coo_array((values.ravel(), cells), shape=shape))
        matrix.eliminate_zeros()
        return matrix

    def members(self, group: str) -> int:
        """Number of parameters that share a scale."""
        return {"root": len(self.roots), "mutation": len(self.children), "question": self.m}[group]

    def prior_diagonal(self, scales: Scales) -> Floats:
        """Diagonal of the prior precision, without the part of births, (size,)."""
        diagonal = np.zeros(self.size)
        diagonal[self.roots] = 1 / scales.variance("root")
        diagonal[self.n : self.beta] = 1 / scales.variance("question")
        diagonal[self.beta] = 1 / scales.variance("side")
        diagonal[self.gamma] = 1 / scales.variance("position")
        diagonal[self.mu] = 1 / scales.variance("mean")
        return diagonal

    def prior_times(self, w: Floats, scales: Scales) -> Floats:
        """Lambda w."""
        product = self.prior_diagonal(scales) * w
        if len(self.children):
            product = product + self.pull(w, "mutation") / scales.variance("mutation")
        return product

    def deviations(self, w: Floats, group: str) -> Floats:
        """What the prior of a group calls normal with mean 0 at parameters w."""
        if group == "root":
            return w[self.roots]
        if group == "question":
            return w[self.n : self.beta]
        return self.leads(w)

    def along(self, x: Floats, group: str) -> Floats:
        """E x for columns x, (size, c): (members of the group, c)."""
        if group == "root":
            return x[self.roots]
        if group == "question":
            return x[self.n : self.beta]
        return np.asarray(self.births @ x)

    def pull(self, w: Floats, group: str) -> Floats:
        """E' E w: how the prior of a group pulls at the parameters, at scale 1, (size,)."""
        out = np.zeros(self.size)
        if group == "root":
            out[self.roots] = w[self.roots]
        elif group == "question":
            out[self.n : self.beta] = w[self.n : self.beta]
        else:
            places, values = self.families
            pulled = values * self.leads(w)[:, None]
            out = np.asarray(np.bincount(places.ravel(), pulled.ravel(), self.size), dtype=float)
        return out

    # --- likelihood -----------------------------------------------------------------------------

    def predictor(self, w: Floats) -> Floats:
        """D w, (N,)."""
        games = self.games
        deviation = np.append(w[self.n : self.beta], 0.0)
        theta = w[: self.n]
        z: Floats = self.a * theta[games.first] + self.b * theta[games.second]
        z += games.side * (deviation[self.asked] + w[self.beta])
        z += games.position * w[self.gamma]
        return z

    def score(self, residual: Floats) -> Floats:
        """D' r, (size,)."""
        games, n = self.games, self.n
        out = np.zeros(self.size)
        out[:n] = self.a * np.bincount(games.first, residual, n)
        out[:n] += self.b * np.bincount(games.second, residual, n)
        sided = games.side * residual
        out[n : self.beta] = np.bincount(self.asked, sided, self.m + 1)[: self.m]
        out[self.beta] = sided.sum()
        out[self.gamma] = games.position @ residual
        return out
