"""Scales and dispersion together, on dense matrices."""

from __future__ import annotations

import numpy as np

from debateqd.qd.ratings.dense import DenseMode
from debateqd.qd.ratings.design import Design, Scales
from debateqd.qd.ratings.dispersion import Clusters, cluster_loss, clusters_of, dispersion_of
from debateqd.qd.ratings.games import Floats
from debateqd.qd.ratings.scales import ScaleStep, Stride, moved, scale_step

_ROUNDS = 60
_SETTLED = 1e-3


def estimate_dense(
    design: Design, scales: Scales, groups: tuple[str, ...], loose: bool
) -> tuple[DenseMode, Floats]:
    """Find mode, scales and dispersion together.

    Args:
        design: Games and lineages.
        scales: Where to begin.
        groups: Scales to estimate.
        loose: Whether to estimate the dispersion.

    Returns:
        The mode, and the covariance of the estimated log scales.
    """
    clusters = clusters_of(design)
    stride = Stride(len(groups))
    mode = DenseMode(design, scales, np.zeros(design.size))
    for _ in range(_ROUNDS):
        leverage = mode.predictor_variance()
        at = scale_step(mode, groups, leverage)
        step = stride.step(at)
        present = mode.scales.dispersion
        found = _dispersion(mode, clusters, leverage) if loose else present
        change = max(float(np.abs(step).max(initial=0.0)), abs(float(np.log(found / present))))
        if change < _SETTLED:
            break
        mode = DenseMode(design, moved(mode.scales, groups, step, found), mode.w)
    return mode, unknown_scales(at)


def unknown_scales(at: ScaleStep) -> Floats:
    """Covariance of the estimated log scales, (k, k)."""
    return np.asarray(np.linalg.inv(at.curvature))


def _dispersion(mode: DenseMode, clusters: Clusters, leverage: Floats) -> float:
    design, outcomes, present = mode.design, mode.outcomes, mode.scales.dispersion
    parameters = float(leverage @ outcomes.variance) / present
    loss = cluster_loss(design, clusters, outcomes.variance, mode.covariance())
    return dispersion_of(
        design, clusters, outcomes.residual, outcomes.variance, present, parameters, loss
    )
