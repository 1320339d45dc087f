from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from debateqd.qd.ratings import laplace, large
from debateqd.qd.ratings.design import GROUPS, Design, Scales
from debateqd.qd.ratings.games import make_games
from debateqd.qd.ratings.laplace import fit_games
from debateqd.qd.ratings.sparse import DenseSchur, SparsePrecision, TwoLevel, conjugate_gradients
from tests.qd.ratings.simulated import matrix, simulate

SCALES = Scales(80.0, 70.0, 120.0, 300.0, 200.0, 100.0, 0.8)


def precision_of(form="duel", m=12, size=300):
    world = simulate(1, 40, m, size, form=form)
    parents = [[] if p < 0 else [int(p)] for p in world.parents]
    parents[-1] = [3, 8]
    design = Design(world.games, 40, parents, m)
    weights = np.random.default_rng(0).uniform(0.05, 0.25, size)
    d = matrix(world.games, 40, m)
    births = design.births.toarray()
    dense = d.T @ (d * weights[:, None]) + births.T @ births / SCALES.variance("mutation")
    dense[np.diag_indices_from(dense)] += design.prior_diagonal(SCALES)
    return design, SparsePrecision(design, weights, SCALES), dense


@pytest.mark.parametrize("form", ["duel", "team"])
def test_the_sparse_precision_is_the_dense_one(form):
    design, precision, dense = precision_of(form)
    assert_allclose(precision.times(np.eye(design.size)), dense, atol=1e-12)


@pytest.mark.parametrize(("m", "size"), [(12, 300), (600, 300), (0, 300)])
def test_the_factor_without_questions_inverts_it(m, size):
    """With many questions that few debate the products are sparse, else dense."""
    if m:
        design, precision, dense = precision_of(m=m, size=size)
    else:
        world = simulate(1, 40, 12, size)
        games = make_games(world.games.first, world.games.second, world.games.outcome)
        design = Design(games, 40, world.parents)
        precision = SparsePrecision(design, np.full(size, 0.2), SCALES)
        dense = precision.times(np.eye(design.size))
    inverse = np.linalg.inv(dense)
    last = np.array([2, 17, 30])
    factor = DenseSchur(precision, last)
    right = np.random.default_rng(1).normal(size=(design.size, 3))
    assert_allclose(factor.solve(right), inverse @ right, atol=1e-10)
    rows = np.concatenate([last, np.arange(design.beta, design.size)])
    assert_allclose(factor.last_covariance(), inverse[np.ix_(rows, rows)], atol=1e-10)
    assert_allclose(factor.question_variances(), inverse.diagonal()[40 : design.beta], atol=1e-10)


@pytest.mark.parametrize("form", ["duel", "team"])
def test_conjugate_gradients_solve(form):
    design, precision, dense = precision_of(form)
    near = TwoLevel(precision, design.births_square[:40, :40])
    right = np.random.default_rng(2).normal(size=(design.size, 4))
    right[:, 0] = 0.0
    found = conjugate_gradients(precision, near.solve, right, np.zeros_like(right), 1e-10)
    assert_allclose(found, np.linalg.solve(dense, right), atol=1e-7)


@pytest.mark.parametrize("limit", [large.DENSE_LIMIT, 10])
@pytest.mark.parametrize("noise", [None, 9.0])
def test_large_and_small_agree(monkeypatch, limit, noise):
    world = simulate(5, 150, 40, 4000, noise=noise)
    living = np.arange(100, 150)
    exact = fit_games(world.games, 150, world.parents, living=living)
    monkeypatch.setattr(laplace, "SMALL", 0)
    monkeypatch.setattr(large, "DENSE_LIMIT", limit)
    held = fit_games(world.games, 150, world.parents, living=living, start=exact.start)
    assert_allclose(held.strengths, exact.strengths, atol=0.01)
    assert_allclose(held.covariance, exact.covariance, rtol=1e-3, atol=1e-3)
    assert_allclose(held.question_deviations, exact.question_deviations, rtol=1e-3)
    free = fit_games(world.games, 150, world.parents, living=living)
    for group in GROUPS:
        ratio = getattr(free.scales, group) / getattr(exact.scales, group)
        assert abs(np.log(ratio)) < 0.3 * exact.log_deviations[group]
    again = fit_games(world.games, 150, world.parents, living=living)
    assert again.strengths.tobytes() == free.strengths.tobytes()
