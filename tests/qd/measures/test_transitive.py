from __future__ import annotations

import numpy as np
import pytest

from debateqd.qd.measures.transitive import Transitive, fit_transitive


def play(
    strengths: np.ndarray, games: int, seed: int, *, beta: float, spread: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = len(strengths)
    first = rng.integers(0, n, games)
    second = (first + rng.integers(1, n, games)) % n
    side = rng.choice([-1, 1], games)
    p = 1 / (1 + np.exp(-(strengths[first] - strengths[second] + beta * side)))
    if spread >= 1:
        return first, second, side, (rng.random(games) < p).astype(float)
    size = 1 / spread - 1
    return first, second, side, rng.beta(p * size, (1 - p) * size)


def fit(strengths: np.ndarray, games: int, seed: int, beta: float, spread: float) -> Transitive:
    first, second, side, share = play(strengths, games, seed, beta=beta, spread=spread)
    return fit_transitive(first, second, side.tolist(), share, len(strengths))


@pytest.mark.parametrize("spread", [1.0, 0.15])
def test_strengths_scale_side_and_dispersion_are_found(spread: float) -> None:
    strengths = np.random.default_rng(1).normal(0, 0.8, 20)
    found = fit(strengths, 6000, 2, 0.5, spread)
    known = strengths - strengths.mean()
    seen = found.mean[:-1] - found.mean[:-1].mean()
    assert np.corrcoef(known, seen)[0, 1] > 0.96
    assert found.mean[-1] == pytest.approx(0.5, abs=0.1)
    assert found.scale == pytest.approx(float(strengths.std()), abs=0.2)
    assert found.dispersion == pytest.approx(spread, rel=0.1)


def test_equal_strengths_are_not_told_apart() -> None:
    found = fit(np.zeros(12), 400, 3, 0.3, 1.0)
    assert found.scale < 0.3


def test_simulated_debates_have_the_mean_and_variance_of_the_fit() -> None:
    strengths = np.linspace(-1, 1, 6)
    for spread in (1.0, 0.2):
        found = fit(strengths, 3000, 4, 0.4, spread)
        rng = np.random.default_rng(0)
        drawn = np.array(list(found.simulate(200, rng)))
        assert drawn.shape == (200, 3000)
        assert drawn.min() >= 0
        assert drawn.max() <= 1
        z = found.mean[found.first] - found.mean[found.second] + found.mean[-1] * found.correct
        p = 1 / (1 + np.exp(-z))
        assert drawn.mean(axis=0) == pytest.approx(p, abs=0.16)
        variance = drawn.var(axis=0).mean() / (p * (1 - p)).mean()
        assert variance == pytest.approx(found.dispersion, rel=0.1)


def test_one_debate_and_a_clean_sweep_are_finite() -> None:
    one = fit_transitive(np.array([0]), np.array([1]), [0], np.array([1.0]), 2)
    assert np.isfinite(one.mean).all()
    sweep = fit_transitive(np.zeros(50, int), np.ones(50, int), [1] * 50, np.ones(50), 2)
    assert np.isfinite(sweep.mean).all()
    assert sweep.mean[0] > sweep.mean[1]
