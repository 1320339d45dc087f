from __future__ import annotations

import numpy as np
import pytest

from debateqd.qd.ratings.least_squares import FARTHEST, fit_win_rates


def fitted(pairings, rates):
    names = sorted({name for pairing in pairings for name in pairing})
    first, second = (np.array([names.index(p[k]) for p in pairings]) for k in (0, 1))
    rates = np.array(rates)
    found = fit_win_rates(first, second, rates, np.ones(len(rates)), np.zeros(len(names)))
    return dict(zip(names, found.tolist(), strict=True))


def expected(own, other):
    return 1 / (1 + 10 ** ((other - own) / 400))


def test_exact_rates_give_the_ratings_they_came_from():
    truth = {"a": 0.0, "b": 120.0, "c": -310.0, "d": 45.0}
    pairings = [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d"), ("b", "d")]
    rates = [expected(truth[i], truth[j]) for i, j in pairings]
    found = fitted(pairings, rates)
    assert {name: found[name] - found["a"] for name in found} == pytest.approx(truth, abs=1e-3)
    errors = [expected(found[i], found[j]) - r for (i, j), r in zip(pairings, rates, strict=True)]
    assert np.square(errors).sum() == pytest.approx(0, abs=1e-12)


def test_the_mean_is_0():
    found = fitted([("a", "b"), ("b", "c")], [0.7, 0.6])
    assert np.mean(list(found.values())) == pytest.approx(0, abs=1e-9)


def test_an_unbeaten_player_stays_finite():
    found = fitted([("a", "b")], [1.0])
    assert 1000 < found["a"] - found["b"] <= 2 * FARTHEST
