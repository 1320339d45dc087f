from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from debateqd.qd.ratings.design import Scales
from debateqd.qd.ratings.posterior import Effect, Posterior, combine

POSTERIOR = Posterior(
    ids=("a", "b", "c"),
    mean=np.array([10.0, -20.0, 10.0]),
    covariance=np.array([[900.0, 300.0, 900.0], [300.0, 400.0, 300.0], [900.0, 300.0, 900.0]]),
    questions={"q": Effect(5.0, 2.0)},
    side=Effect(80.0, 10.0),
    position=Effect(0.0, 4.0),
    mutation=Effect(-15.0, 6.0),
    scales=Scales(100.0, 60.0, 150.0, 300.0, 300.0, 300.0, 0.2),
    warnings=("one",),
)


def test_strategies_are_found_by_name():
    assert POSTERIOR.index("b") == 1
    assert POSTERIOR.deviation_of("a") == 30
    assert "c" in POSTERIOR
    assert "z" not in POSTERIOR
    with pytest.raises(KeyError, match="z"):
        POSTERIOR.index("z")


def test_differences_know_the_covariance():
    mean, deviation = POSTERIOR.difference("a", "b")
    assert mean == 30
    assert deviation == pytest.approx(math.sqrt(900 + 400 - 600))
    assert POSTERIOR.better("a", "b") == pytest.approx(0.8716, abs=1e-3)
    assert POSTERIOR.better("a", "b") + POSTERIOR.better("b", "a") == pytest.approx(1)


def test_what_nothing_tells_apart():
    assert POSTERIOR.difference("a", "c") == (0, 0)
    assert POSTERIOR.better("a", "c") == 0.5
    assert replace(POSTERIOR, mean=np.array([10.0, 0.0, 11.0])).better("a", "c") == 0.0


def test_effects():
    assert POSTERIOR.dispersion == 0.2
    assert POSTERIOR.effects() == {
        "side": 80.0,
        "position": 0.0,
        "mutation_mean": -15.0,
        "root_scale": 100.0,
        "mutation_scale": 60.0,
        "question_scale": 150.0,
        "dispersion": 0.2,
    }


def test_a_mix_is_the_weighted_mean():
    other = replace(POSTERIOR, mean=np.zeros(3), warnings=("one", "two"))
    mixed = combine(POSTERIOR, other, 0.25)
    assert mixed.mean.tolist() == [7.5, -15.0, 7.5]
    assert mixed.deviation_of("a") == pytest.approx(30 * math.hypot(0.75, 0.25))
    assert mixed.mutation.mean == -15.0
    assert mixed.warnings == ("one", "two")
    with pytest.raises(ValueError, match="different strategies"):
        combine(POSTERIOR, replace(POSTERIOR, ids=("a", "b", "d")), 0.5)
