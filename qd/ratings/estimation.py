"""Scales and dispersion together: look at the data, step, and find the mode again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from debateqd.qd.ratings.dense import DenseMode
from debateqd.qd.ratings.design import Design, Scales
from debateqd.qd.ratings.dispersion import cluster_loss, clusters_of, dispersion_of
from debateqd.qd.ratings.newton import PosteriorMode
from debateqd.qd.ratings.scales import ScaleStep, Stride, moved, scale_step
from debateqd.qd.statistics import Floats

M = TypeVar("M", bound=PosteriorMode)


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
