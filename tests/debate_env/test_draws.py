"""Random numbers from a hash."""

from __future__ import annotations

import statistics

from debate_env.draws import Draws, digest, gauss


def test_the_stream_is_pinned():
    draws = Draws(b"key")
    assert [draws.below(1000) for _ in range(5)] == PINNED


PINNED = [94, 339, 949, 180, 601]


def test_parts_do_not_run_into_each_other():
    assert digest("a", "bc") != digest("ab", "c")


def test_moments():
    draws = Draws(b"moments")
    uniform = [draws.uniform() for _ in range(4000)]
    assert abs(statistics.fmean(uniform) - 0.5) < 4 * 0.2887 / 4000**0.5
    normal = [gauss(str(i).encode()) for i in range(4000)]
    assert abs(statistics.fmean(normal)) < 4 / 4000**0.5
    assert abs(statistics.pstdev(normal) - 1) < 0.05


def test_rounding_and_weights_keep_their_means():
    draws = Draws(b"means")
    assert abs(statistics.fmean(draws.round(1.3) for _ in range(3000)) - 1.3) < 0.04
    picks = [draws.weighted((1.0, 0.0, 3.0)) for _ in range(3000)]
    assert 1 not in picks
    assert abs(picks.count(2) / 3000 - 0.75) < 0.04


def test_samples_have_no_repeats():
    draws = Draws(b"sample")
    assert sorted(draws.shuffle(range(50))) == list(range(50))
    assert len(set(draws.sample(range(50), 7))) == 7
    assert sorted(draws.sample("ab", 9)) == ["a", "b"]
