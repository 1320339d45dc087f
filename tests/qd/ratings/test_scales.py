from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from debateqd.qd.ratings.design import GROUPS, Design, Scales
from debateqd.qd.ratings.mode import PosteriorMode, add_prior, information
from debateqd.qd.ratings.scales import POWER, WIDTH, predictor_variance, scale_step
from tests.qd.ratings.simulated import matrix, simulate

SCALES = Scales(80.0, 70.0, 120.0, 300.0, 200.0, 100.0, 0.8)


def mode_at(design, scales):
    rough = PosteriorMode(design, scales, np.zeros(design.size))
    return PosteriorMode(design, scales, rough.w)  # its curvature is that of its own place


@pytest.mark.parametrize("form", ["duel", "team"])
def test_curvature_and_leverage_are_those_of_the_matrix(form):
    world = simulate(1, 12, 9, 100, form=form)
    design = Design(world.games, 12, world.parents, 9)
    mode, d = mode_at(design, SCALES), matrix(world.games, 12, 9)
    weights = mode.outcomes.variance
    assert_allclose(information(design, weights), d.T @ (d * weights[:, None]), atol=1e-12)
    expected = ((d @ mode.covariance) * d).sum(axis=1)
    assert_allclose(predictor_variance(design, mode.covariance), expected, rtol=1e-10)


@pytest.mark.parametrize("noise", [None, 6.0])
def test_the_gradient_is_the_derivative_of_the_evidence(noise):
    world = simulate(3, 20, 15, 150, noise=noise)
    design = Design(world.games, 20, world.parents, 15)

    def value(scales):
        far = np.array([getattr(scales, g) / WIDTH for g in GROUPS])
        hyperprior = POWER * (np.log(far) - np.log1p(far**2)).sum()
        mode = mode_at(design, scales)
        lineage = np.zeros((design.size, design.size))
        add_prior(lineage, design, scales)
        spread = np.linalg.slogdet(lineage)[1]
        spread += np.linalg.slogdet(mode.covariance)[1]
        return mode.value + 0.5 * spread + hyperprior

    mode = mode_at(design, SCALES)
    found, _ = scale_step(mode, GROUPS, predictor_variance(design, mode.covariance))
    for k, group in enumerate(GROUPS):
        scale = getattr(SCALES, group)
        up, down = (value(replace(SCALES, **{group: scale * np.exp(by)})) for by in (1e-3, -1e-3))
        assert found[k] == pytest.approx((up - down) / 2e-3, abs=1e-4)


def test_the_curvature_of_the_scales_is_positive():
    world = simulate(4, 20, 15, 150)
    design = Design(world.games, 20, world.parents, 15)
    mode = mode_at(design, SCALES)
    _, curvature = scale_step(mode, GROUPS, predictor_variance(design, mode.covariance))
    assert np.all(np.linalg.eigvalsh(curvature) > 0)
