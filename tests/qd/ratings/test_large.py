from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from debateqd.qd.ratings import laplace
from debateqd.qd.ratings.design import GROUPS, Design, Scales
from debateqd.qd.ratings.laplace import fit_games
from debateqd.qd.ratings.large import LargeMode, oldest
from debateqd.qd.ratings.mode import PosteriorMode
from tests.qd.ratings.simulated import simulate

SCALES = Scales(80.0, 70.0, 120.0, 300.0, 200.0, 100.0, 0.8)


@pytest.mark.parametrize("form", ["duel", "team"])
@pytest.mark.parametrize("m", [0, 12, 600])
def test_eliminating_the_questions_changes_nothing(form, m):
    """Of no question, some games without one, and more questions than games."""
    world = simulate(1, 40, max(m, 1), 300, form=form)
    asked = (np.arange(300) % 5 > 0) & (m > 0)
    games = replace(world.games, question=np.where(asked, world.games.question, -1))
    parents = [[] if p < 0 else [int(p)] for p in world.parents]
    parents[-1] = [3, 8]
    design, wanted = Design(games, 40, parents, m), np.array([2, 17, 30])
    right = np.random.default_rng(1).normal(size=(design.size, 3))
    dense, large = (
        kind(design, SCALES, np.zeros(design.size)) for kind in (PosteriorMode, LargeMode)
    )
    assert_allclose(large.w, dense.w, atol=1e-9)
    assert_allclose(large.solve(right), dense.solve(right), atol=1e-9)
    assert_allclose(large.block(wanted), dense.block(wanted), atol=1e-9)
    assert_allclose(large.question_variances(), dense.question_variances(), atol=1e-9)


def test_the_oldest_are_closed_under_lineage():
    world = simulate(2, 90, 30, 2000)
    part = oldest(Design(world.games, 90, world.parents, 30), 80)
    assert (part.n, part.m) == (50, 30)
    assert part.parents[:, 0].tolist() == world.parents[:50].tolist()
    both = (world.games.first < 50) & (world.games.second < 50)
    assert part.games.outcome.tolist() == world.games.outcome[both].tolist()
    few = oldest(Design(world.games, 90, world.parents, 30), 40)
    assert (few.n, few.m) == (20, 20)
    assert max(few.games.first.max(), few.games.second.max(), few.games.question.max()) < 20


@pytest.mark.parametrize("noise", [None, 9.0])
def test_scales_of_the_oldest_serve_everybody(monkeypatch, noise):
    world = simulate(5, 150, 40, 6000, noise=noise, children=0.8)
    living = np.arange(100, 150)
    exact = fit_games(world.games, 150, world.parents, living=living)
    monkeypatch.setattr(laplace, "SMALL", 120)
    held = fit_games(world.games, 150, world.parents, living=living, start=exact.start)
    assert_allclose(held.strengths, exact.strengths, atol=1e-3)
    assert_allclose(held.covariance, exact.covariance, rtol=1e-3, atol=1e-2)
    free = fit_games(world.games, 150, world.parents, living=living)
    for group in GROUPS:
        ratio = getattr(free.scales, group) / getattr(exact.scales, group)
        assert abs(np.log(ratio)) < 3 * free.log_deviations[group]
    assert free.scales.dispersion == pytest.approx(exact.scales.dispersion, rel=0.1)
    inside = np.abs(free.strengths[living] - world.relative[living]) < 1.96 * free.deviations
    assert inside.mean() > 0.85
