"""The rating model for thousands of strategies: conjugate gradients and estimated traces.

Newton's steps and everything that the scales need are solved by conjugate gradients. Traces and
norms are estimated from a few random vectors (Hutchinson 1990), whose seed is fixed: the result is
still a function of the games. Only the final covariance needs an exact factor.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from debateqd.qd.ratings.design import Design, Scales
from debateqd.qd.ratings.dispersion import Clusters, clusters_of, dispersion_of
from debateqd.qd.ratings.newton import PosteriorMode
from debateqd.qd.ratings.scales import ScaleStep, add_prior, estimate
from debateqd.qd.ratings.sparse import DenseSchur, SparsePrecision, TwoLevel, conjugate_gradients
from debateqd.qd.statistics import Floats, Ints

DENSE_LIMIT = 12_000
"""Most strategies that are factored densely: 1.15 GB. Beyond, everything is iterative."""

_SMALL = 1e-4
_TIGHT, _LOOSE = 1e-6, 1e-3
_CHUNK = 64
_FEW = 4


class LargeMode(PosteriorMode):
    """A mode that solves by conjugate gradients."""

    def __init__(
        self, design: Design, scales: Scales, start: Floats, small: float = _SMALL
    ) -> None:
        self._factor: DenseSchur | None = None
        super().__init__(design, scales, start, small)

    def _prior_times(self, w: Floats) -> Floats:
        return self.design.prior_times(w, self.scales)

    def _curve(self, weights: Floats) -> None:
        design = self.design
        self._precision = SparsePrecision(design, weights, self.scales)
        kin = design.births_square[: design.n, : design.n]
        self._precondition = TwoLevel(self._precision, kin).solve

    def _newton_step(self, gradient: Floats) -> Floats:
        return self.solve(gradient[:, None], tolerance=_LOOSE)[:, 0]

    def solve(
        self, right: Floats, start: Floats | None = None, tolerance: float = _TIGHT
    ) -> Floats:
        """Multiply columns, (size, r), by the posterior covariance."""
        begin = np.zeros_like(right) if start is None else start
        return conjugate_gradients(self._precision, self._precondition, right, begin, tolerance)

    def prepare(self, wanted: Ints) -> None:
        """Factor the precision where it is not too large."""
        self._wanted = wanted
        if self.design.n <= DENSE_LIMIT:
            self._factor = DenseSchur(self._precision, wanted)
            self._precondition = self._factor.solve

    def block(self, wanted: Ints) -> Floats:
        """Covariance of the prepared strategies and beta, gamma, mu, (l + 3, l + 3)."""
        if not np.array_equal(wanted, self._wanted):
            raise ValueError("other strategies than those that were prepared")
        if self._factor is not None:
            return self._factor.last_covariance()
        size = self.design.size
        rows = np.concatenate([wanted, np.arange(size - 3, size)])
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
            yield self.solve(right, tolerance=1e-5)


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
            spread = {g: design.along(solved, g) for g in groups}
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


def estimate_large(
    design: Design, scales: Scales, groups: tuple[str, ...], loose: bool
) -> tuple[LargeMode, Floats]:
    """Find mode, scales and dispersion; the log scales to within about 0.01.

    Returns:
        See :func:`.scales.estimate`.
    """
    clusters = clusters_of(design)
    probes = _Probes(design, groups, clusters)

    def look(mode: LargeMode) -> tuple[ScaleStep, float]:
        at, parameters, loss = probes.look(mode)
        if not loose:
            return at, mode.scales.dispersion
        return at, dispersion_of(mode, clusters, parameters, loss)

    def again(scales: Scales, w: Floats) -> LargeMode:
        return LargeMode(design, scales, w, small=0.1)

    first = LargeMode(design, scales, np.zeros(design.size), small=1.0)
    mode, unknown = estimate(first, groups, look, again, rounds=15, settled=0.01)
    return LargeMode(design, mode.scales, mode.w), unknown
