from __future__ import annotations

import math

import numpy as np
import pytest

from debateqd.qd.statistics import (
    Estimate,
    difference_interval,
    mean_interval,
    t_quantile,
    wilson,
)


@pytest.mark.parametrize(
    ("df", "expected"),
    # Two-sided 95 % points as printed in any table of Student's t.
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (10, 2.228), (30, 2.042)],
)
def test_t_quantile_agrees_with_tables(df: int, expected: float) -> None:
    assert t_quantile(0.975, df) == pytest.approx(expected, abs=0.0005)
    assert t_quantile(0.025, df) == pytest.approx(-expected, abs=0.0005)


def test_t_quantile_tends_to_the_normal() -> None:
    assert t_quantile(0.975, 1e6) == pytest.approx(1.95996, abs=1e-4)


def test_wilson_agrees_with_a_worked_example() -> None:
    low, high = wilson(9, 10)
    assert (low, high) == pytest.approx((0.596, 0.982), abs=1e-3)


@pytest.mark.parametrize("n", range(1, 60))
def test_wilson_holds_the_share_at_both_ends(n: int) -> None:
    assert wilson(0, n)[0] == 0.0 < wilson(0, n)[1]
    assert wilson(n, n)[0] < 1.0 == wilson(n, n)[1]


def test_mean_is_over_observations_not_over_clusters() -> None:
    estimate = mean_interval([1, 1, 1, 0], ["a", "a", "a", "b"])
    assert estimate.value == 0.75
    assert (estimate.n, estimate.clusters) == (4, 2)


def test_nothing_and_one_cluster_claim_nothing() -> None:
    assert math.isnan(mean_interval([], []).value)
    one = mean_interval([0.2, 0.4], ["a", "a"])
    assert one.value == pytest.approx(0.3)
    assert (one.low, one.high) == (-math.inf, math.inf)
    bounded = mean_interval([1.0, 0.0], ["a", "a"], proportion=True)
    assert (bounded.low, bounded.high) == (0.0, 1.0)


def test_unanimous_clusters_still_have_an_interval() -> None:
    estimate = mean_interval([1.0] * 12, list(range(12)), proportion=True)
    assert estimate.value == 1.0
    assert 0.7 < estimate.low < 0.8
    assert estimate.high == 1.0


def test_correlated_questions_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    effects = rng.normal(size=30)
    values = [float(e) for e in effects for _ in range(5)]
    passages = [p for p in range(30) for _ in range(5)]
    clustered = mean_interval(values, passages)
    naive = mean_interval(values, list(range(150)))
    assert (clustered.high - clustered.low) > 1.8 * (naive.high - naive.low)


@pytest.mark.parametrize("clusters", [3, 5, 8, 12, 40])
def test_intervals_cover_the_truth(clusters: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("debateqd.qd.statistics.RESAMPLES", 600)
    rng = np.random.default_rng(clusters)
    runs, hits = 400, 0
    for run in range(runs):
        effects = rng.normal(0.6, 0.2, size=clusters)
        values = np.clip(np.repeat(effects, 3) + rng.normal(0, 0.1, size=3 * clusters), -2, 2)
        labels = np.repeat(np.arange(clusters), 3)
        hits += not mean_interval(values.tolist(), labels.tolist(), seed=run).excludes(0.6)
    # 400 runs at 95 %: three standard errors are 0.033.
    assert 0.915 <= hits / runs <= 0.985


def test_difference_of_independent_sets() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1.0, 1, 200).tolist(), rng.normal(0.5, 1, 200).tolist()
    labels = list(range(200))
    estimate = difference_interval((a, labels), (b, labels))
    assert estimate.value == pytest.approx(np.mean(a) - np.mean(b))
    assert estimate.high - estimate.low == pytest.approx(2 * 1.98 * math.sqrt(2 / 200), rel=0.15)
    assert math.isnan(difference_interval(([], []), (b, labels)).value)


def test_a_run_against_itself_differs_by_nothing() -> None:
    estimate = mean_interval([0.0] * 10, list(range(10)))
    assert (estimate.value, estimate.low, estimate.high) == (0.0, 0.0, 0.0)


def test_json_has_no_numbers_that_json_lacks() -> None:
    shown = Estimate(0.5, -math.inf, math.inf, 1, 1).to_json()
    assert shown == {"value": 0.5, "low": None, "high": None, "n": 1, "clusters": 1}


def test_mismatched_labels_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 values but 1 cluster"):
        mean_interval([1, 2], ["a"])
