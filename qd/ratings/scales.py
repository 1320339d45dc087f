"""Scales of the priors from the data: maximum of the Laplace evidence, by Fisher scoring.

Scales and dispersion are found together: look at the data, step, and find the mode again.

For a group of m parameters with deviations d = E w and scale sigma (Lambda holds E'E / sigma^2),
and S = H^-1 at the mode, the derivative of the log evidence by ln sigma is (MacKay 1992, "Bayesian
Interpolation", section 4; the last term, what moving the mode does to the curvature, is the part
that Laplace's approximation adds for a likelihood that is not Gaussian)::

    |E w|^2 / sigma^2 + tr(E S E') / sigma^2 - m  -  1/2 sum_games h (dV/dz) (dz / d ln sigma)

with h the posterior variance of a game's predictor z. Its expected curvature is that of restricted
maximum likelihood::

    I_kl = 2 |E_k S E_l'|_F^2 / (sigma_k sigma_l)^2  (k != l)
    I_kk = 2 (m_k - 2 tr(E_k S E_k') / sigma_k^2 + |E_k S E_k'|_F^2 / sigma_k^4)

Every scale has the prior p(sigma) ~ sigma / (1 + (sigma / 200)^2)^2, in Elo points. Up to some
hundred points it is flat in sigma^2, like Stein's harmonic prior, which makes intervals of
hierarchical normal models cover (Morris and Tang 2011, "Estimating random effects via adjustment
for density maximization", Statistical Science 26); beyond, it falls off. ln sigma has the density
sigma p(sigma), so that its mode is never 0: it is 200 where the data say nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from debateqd.qd.ratings.dense import DenseMode
from debateqd.qd.ratings.design import GROUPS, Design, Scales
from debateqd.qd.ratings.dispersion import cluster_loss, clusters_of, dispersion_of
from debateqd.qd.ratings.newton import PosteriorMode
from debateqd.qd.statistics import Floats

M = TypeVar("M", bound=PosteriorMode)

POWER = 2.0
_LEAST = 0.25
WIDTH = 200.0
"""Where the prior of the scales begins to fall off, in Elo points."""
FIRST = 100.0
"""Where the search for the scales begins."""
LOWEST, HIGHEST = 1.0, 3000.0
"""Scales are kept between these, in Elo points."""


@dataclass(frozen=True)
class ScaleStep:
    """What the data say about the scales at one place.

    Attributes:
        groups: Groups whose scales are estimated.
        gradient: Of log evidence and prior by the log scales, (k,).
        curvature: Expected curvature, the prior's included, (k, k).
    """

    groups: tuple[str, ...]
    gradient: Floats
    curvature: Floats


def free_groups(design: Design, fixed: Sequence[str]) -> tuple[str, ...]:
    """Groups whose scales are to be estimated: neither fixed nor empty."""
    return tuple(g for g in GROUPS if g not in fixed and design.members(g))


def scale_step(mode: DenseMode, groups: tuple[str, ...], leverage: Floats) -> ScaleStep:
    """Differentiate the log evidence by the log scales; ``leverage`` is every game's, (N,)."""
    design, scales = mode.design, mode.scales
    inverse = mode.covariance()
    spread = {group: design.along(inverse, group) for group in groups}  # E_k S, (m_k, size)

    count = len(groups)
    gradient, curvature = np.zeros(count), np.zeros((count, count))
    bending = -0.5 * leverage * mode.outcomes.skew / scales.dispersion
    for k, group in enumerate(groups):
        variance = scales.variance(group)
        deviation = design.deviations(mode.w, group)
        block = design.along(spread[group].T, group)
        trace = float(np.trace(block))
        members = design.members(group)
        move = 2 * (spread[group].T @ deviation) / variance
        gradient[k] = (deviation @ deviation + trace) / variance - members
        gradient[k] += bending @ design.predictor(move)
        curvature[k, k] = 2 * (members - 2 * trace / variance + (block**2).sum() / variance**2)
        for other in range(k):
            crossed = design.along(spread[group].T, groups[other])
            value = 2 * (crossed**2).sum() / (variance * scales.variance(groups[other]))
            curvature[k, other] = curvature[other, k] = value
    add_prior(gradient, curvature, scales, groups)
    return ScaleStep(groups, gradient, curvature)


def add_prior(gradient: Floats, curvature: Floats, scales: Scales, groups: tuple[str, ...]) -> None:
    """Add the scales' own prior to the derivatives by their logarithms, in place."""
    for k, group in enumerate(groups):
        far = (getattr(scales, group) / WIDTH) ** 2
        gradient[k] += POWER * (1 - far) / (1 + far)
        curvature[k, k] += max(POWER * 4 * far / (1 + far) ** 2, _LEAST)


def moved(scales: Scales, groups: tuple[str, ...], by: Floats, dispersion: float) -> Scales:
    """Scales after a step of their logarithms, kept within bounds, and another dispersion."""
    values = {
        group: float(np.clip(getattr(scales, group) * np.exp(step), LOWEST, HIGHEST))
        for group, step in zip(groups, by, strict=True)
    }
    return replace(scales, **values, dispersion=dispersion)


class Stride:
    """Fisher scoring with a leash: steps get shorter where they change their direction."""

    def __init__(self, count: int) -> None:
        self._longest = np.full(count, 0.75)
        self._before = np.zeros(count)

    def step(self, at: ScaleStep) -> Floats:
        """Return the next step of the log scales."""
        step = np.asarray(np.linalg.solve(at.curvature, at.gradient))
        turned = step * self._before < 0
        self._longest[~turned] *= 2
        self._longest[turned] = np.minimum(self._longest[turned], np.abs(self._before[turned])) / 2
        step = np.clip(step, -self._longest, self._longest)
        self._before = step
        return step


def estimate(
    mode: M,
    groups: tuple[str, ...],
    look: Callable[[M], tuple[ScaleStep, float]],
    again: Callable[[Scales, Floats], M],
    rounds: int,
    settled: float,
) -> tuple[M, Floats]:
    """Step until the logarithms of scales and dispersion settle.

    Args:
        mode: The mode at the first scales.
        groups: Scales to estimate.
        look: What the data say about the scales at a mode, and the dispersion that they call for.
        again: Finds the mode at other scales from the last parameters.
        rounds: Most steps.
        settled: A change of the logarithms that is small enough not to be made.

    Returns:
        The mode, and the covariance of the estimated log scales, (k, k).
    """
    stride = Stride(len(groups))
    for _ in range(rounds):
        at, dispersion = look(mode)
        step = stride.step(at)
        changes = np.append(step, np.log(dispersion / mode.scales.dispersion))
        if np.abs(changes).max() < settled:
            break
        mode = again(moved(mode.scales, groups, step, dispersion), mode.w)
    return mode, np.asarray(np.linalg.inv(at.curvature))


def estimate_dense(
    design: Design, scales: Scales, groups: tuple[str, ...], loose: bool
) -> tuple[DenseMode, Floats]:
    """Find mode, scales and dispersion; the log scales to within about 0.001.

    Returns:
        See :func:`estimate`.
    """
    clusters = clusters_of(design)

    def look(mode: DenseMode) -> tuple[ScaleStep, float]:
        leverage, dispersion = mode.predictor_variance(), mode.scales.dispersion
        at = scale_step(mode, groups, leverage)
        if not loose:
            return at, dispersion
        parameters = float(leverage @ mode.outcomes.variance) / dispersion
        loss = cluster_loss(design, clusters, mode.outcomes.variance, mode.covariance())
        return at, dispersion_of(mode, clusters, parameters, loss)

    def again(scales: Scales, w: Floats) -> DenseMode:
        return DenseMode(design, scales, w)

    first = again(scales, np.zeros(design.size))
    return estimate(first, groups, look, again, rounds=60, settled=1e-3)
