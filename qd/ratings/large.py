"""The rating model for thousands of strategies: conjugate gradients and estimated traces.

Newton's steps and everything that the scales need are solved by conjugate gradients. Traces and
norms are estimated from a few random vectors (Hutchinson 1990), whose seed is fixed: the result is
still a function of the games. Only the final covariance needs an exact factor.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from debateqd.qd.ratings.design import Design, Outcomes, Scales, outcomes_at
from debateqd.qd.ratings.dispersion import Clusters, clusters_of, dispersion_of
from debateqd.qd.ratings.factors import DenseSchur, TwoLevel
from debateqd.qd.ratings.games import Floats, Ints
from debateqd.qd.ratings.scales import ScaleStep, Stride, add_prior, moved
from debateqd.qd.ratings.sparse_precision import (
    Preconditioner,
    SparsePrecision,
    conjugate_gradients,
)

DENSE_LIMIT = 12_000
"""Most strategies that are factored densely: 1.15 GB. Beyond, everything is iterative."""

_STEPS = 40
_SMALL = 1e-4
_ROUNDS = 15
_SETTLED = 0.01
_TIGHT, _LOOSE = 1e-6, 1e-3
_CHUNK = 64
_FEW = 4


class LargeMode:
    """The most probable parameters at given scales; see :class:`.dense.DenseMode`.

    Args:
        design: Games and lineages.
        scales: The scales.
        start: Where to begin, (size,).
        small: Stop after the Newton step that promises less than this gain of the log posterior.
    """

    def __init__(
        self,
        design: Design,
        scales: Scales,
        start: Floats,
        small: float = _SMALL,
    ) -> None:
        self.design, self.scales = design, scales
        y, weight = design.games.outcome, 1 / scales.dispersion
        self.w = start
        self.outcomes = outcomes_at(design.predictor(start), y)
        value = self._log_posterior(start, self.outcomes)
        for _ in range(_STEPS):
            pull = design.prior_times(self.w, scales)
            gradient = design.score(self.outcomes.residual) * weight - pull
            self.precision = SparsePrecision(design, self.outcomes.variance * weight, scales)
            self.precondition: Preconditioner = preconditioner(design, self.precision)
            step = self.solve(gradient[:, None], tolerance=_LOOSE)[:, 0]
            promised = float(gradient @ step)
            length = 1.0
            for _ in range(30):
                w = self.w + length * step
                outcomes = outcomes_at(design.predictor(w), y)
                reached = self._log_posterior(w, outcomes)
                if reached >= value or promised < small:
                    break
                length /= 2
            self.w, self.outcomes, value = w, outcomes, reached
            if promised < small:
                break

    def _log_posterior(self, w: Floats, outcomes: Outcomes) -> float:
        pull = float(w @ self.design.prior_times(w, self.scales))
        return outcomes.log_likelihood / self.scales.dispersion - 0.5 * pull

    def solve(
        self, right: Floats, start: Floats | None = None, tolerance: float = _TIGHT
    ) -> Floats:
        """Solve for columns, (size, r)."""
        begin = np.zeros_like(right) if start is None else start
        return conjugate_gradients(self.precision, self.precondition, right, begin, tolerance)


def preconditioner(design: Design, precision: SparsePrecision) -> Preconditioner:
    """Make the preconditioner."""
    return TwoLevel(precision, design.births_square[: design.n, : design.n]).solve


class Exact:
    """Covariances at a mode of :class:`LargeMode`.

    Args:
        mode: The mode.
        wanted: Strategies whose covariance is wanted, each once.
    """

    def __init__(self, mode: LargeMode, wanted: Ints) -> None:
        self._mode, self._wanted = mode, wanted
        self._factor = None
        if mode.design.n <= DENSE_LIMIT:
            self._factor = DenseSchur(mode.precision, wanted)
            mode.precondition = self._factor.solve

    @property
    def design(self) -> Design:
        """Games and lineages."""
        return self._mode.design

    @property
    def scales(self) -> Scales:
        """The scales."""
        return self._mode.scales

    @property
    def w(self) -> Floats:
        """The parameters, (size,)."""
        return self._mode.w

    def solve(self, right: Floats) -> Floats:
        """Multiply columns, (size, r), by the posterior covariance."""
        return self._mode.solve(right)

    def block(self, wanted: Ints) -> Floats:
        """Covariance of the wanted strategies and beta, gamma, mu, (l + 3, l + 3)."""
        if not np.array_equal(wanted, self._wanted):
            raise ValueError("other strategies than those that were wanted")
        if self._factor is not None:
            return self._factor.last_covariance()
        size = self._mode.design.size
        rows = np.concatenate([self._wanted, np.arange(size - 3, size)])
        out = np.concatenate([column[rows] for column in self._columns(rows)], axis=1)
        return np.asarray((out + out.T) / 2)

    def question_variances(self) -> Floats:
        """Variances of the questions' deviations, (m,)."""
        if self._factor is not None:
            return self._factor.question_variances()
        rows = np.arange(self.design.n, self.design.beta)
        starts = range(0, len(rows), _CHUNK)
        found = [
            column[rows[start : start + _CHUNK]].diagonal()
            for start, column in zip(starts, self._columns(rows), strict=True)
        ]
        return np.concatenate([np.zeros(0), *found])

    def _columns(self, rows: Ints) -> Iterator[Floats]:
        """Columns of the covariance, a few at a time, (size, c) each."""
        for start in range(0, len(rows), _CHUNK):
            some = rows[start : start + _CHUNK]
            right = np.zeros((self.design.size, len(some)))
            right[some, np.arange(len(some))] = 1.0
            yield self._mode.solve(right, tolerance=1e-5)


class _Probes:
    """Random vectors for traces, and their last solutions."""

    def __init__(self, design: Design, groups: tuple[str, ...], clusters: Clusters) -> None:
        rng = np.random.default_rng(0)
        self._design, self._clusters = design, clusters
        self._signs = {}
        for group in groups:
            members = design.members(group)
            count = int(np.clip(-(-4000 // members), 4, 8))
            self._signs[group] = rng.choice([-1.0, 1.0], size=(members, count))
        self._cluster_signs = rng.choice([-1.0, 1.0], size=(clusters.count, _FEW))
        self._game_signs = rng.choice([-1.0, 1.0], size=(len(design.games), _FEW))
        self._solved: Floats | None = None

    def _rights(self, mode: LargeMode) -> Floats:
        """All right sides.

        E_k' z for every probe of every group, G' y for every probe of the clusters, D' x for every
        probe of the games, and E_k' E_k w / sigma_k^2 for every group.
        """
        design, clusters = self._design, self._clusters
        blocks = []
        for group, signs in self._signs.items():
            block = np.zeros((design.size, signs.shape[1]))
            if group == "root":
                block[design.roots] = signs
            elif group == "question":
                block[design.n : design.beta] = signs
            else:
                block = np.asarray(design.births.T @ signs)
            blocks.append(block)
        for signs in self._cluster_signs.T:
            weights = np.bincount(
                clusters.game, clusters.weight * signs[clusters.cluster], len(design.games)
            )
            blocks.append(design.score(weights * mode.outcomes.variance)[:, None])
        blocks += [design.score(signs)[:, None] for signs in self._game_signs.T]
        for group in self._signs:
            pull = design.pull(mode.w, group) / mode.scales.variance(group)
            blocks.append(pull[:, None])
        return np.concatenate(blocks, axis=1)

    def _leverage(self, solved: Floats) -> Floats:
        """Posterior variance of every game's predictor; right in sums over many games, (N,)."""
        found = np.zeros(len(self._design.games))
        for column, signs in zip(solved.T, self._game_signs.T, strict=True):
            found += signs * self._design.predictor(column)
        return found / _FEW

    def look(self, mode: LargeMode) -> tuple[ScaleStep, float, float]:
        """Estimate what the scales and the dispersion need.

        Returns:
            The step, the effective number of parameters, and the clusters' loss.
        """
        design, scales = self._design, mode.scales
        right = self._rights(mode)
        self._solved = mode.solve(right, self._solved, tolerance=_LOOSE)
        groups = tuple(self._signs)
        gradient, curvature = np.zeros(len(groups)), np.zeros((len(groups), len(groups)))
        parameters, at = 3.0, 0
        for k, group in enumerate(groups):
            signs, members = self._signs[group], design.members(group)
            solved = self._solved[:, at : at + signs.shape[1]]
            at += signs.shape[1]
            spread = {g: _ended(design, solved, g) for g in groups}
            trace = float((signs * spread[group]).sum(axis=0).mean())
            variance = scales.variance(group)
            deviation = design.deviations(mode.w, group)
            gradient[k] = (float(deviation @ deviation) + trace) / variance - members
            parameters += members - trace / variance
            for other, name in enumerate(groups):
                norm = float(np.square(spread[name]).sum(axis=0).mean())
                curvature[k, other] = 2 * norm / (variance * scales.variance(name))
            curvature[k, k] += 2 * members - 4 * trace / variance
        some = slice(at, at + _FEW)
        loss = float((right[:, some] * self._solved[:, some]).sum(axis=0).mean())
        leverage = self._leverage(self._solved[:, at + _FEW : at + 2 * _FEW])
        bending = -0.5 * leverage * mode.outcomes.skew / scales.dispersion
        for k in range(len(groups)):
            move = 2 * self._solved[:, at + 2 * _FEW + k]
            gradient[k] += bending @ design.predictor(move)
        curvature = (curvature + curvature.T) / 2
        add_prior(gradient, curvature, scales, groups)
        return ScaleStep(groups, gradient, curvature), parameters, loss


def _ended(design: Design, solved: Floats, group: str) -> Floats:
    if group == "root":
        return solved[design.roots]
    if group == "question":
        return solved[design.n : design.beta]
    return np.asarray(design.births @ solved)


def estimate_large(
    design: Design, scales: Scales, groups: tuple[str, ...], loose: bool
) -> tuple[LargeMode, Floats]:
    """Find mode, scales and dispersion together; the log scales to within about 0.01.

    Args:
        design: Games and lineages.
        scales: Where to begin.
        groups: Scales to estimate.
        loose: Whether to estimate the dispersion.

    Returns:
        The mode, and the covariance of the estimated log scales.
    """
    clusters = clusters_of(design)
    stride, probes = Stride(len(groups)), _Probes(design, groups, clusters)
    mode = LargeMode(design, scales, np.zeros(design.size), small=1.0)
    unknown = np.zeros((len(groups), len(groups)))
    for _ in range(_ROUNDS):
        at, parameters, loss = probes.look(mode)
        unknown = np.asarray(np.linalg.inv(at.curvature))
        step = stride.step(at) if groups else np.zeros(0)
        change = float(np.abs(step).max(initial=0.0))
        found = present = scales.dispersion
        if loose:
            found = dispersion_of(
                design,
                clusters,
                mode.outcomes.residual,
                mode.outcomes.variance,
                present,
                parameters,
                loss,
            )
            change = max(change, abs(float(np.log(found / present))))
        if change < _SETTLED:
            break
        scales = moved(scales, groups, step, found)
        mode = LargeMode(design, scales, mode.w, small=0.1)
    return LargeMode(design, scales, mode.w), unknown
