from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from debateqd.qd.statistics import (
    Estimate,
    Level,
    as_json,
    clopper_pearson,
    contrast,
    difference_interval,
    mean_interval,
    spread_interval,
    t_quantile,
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


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # As R's binom.test gives them.
    [
        (9, 10, 0.5550, 0.9975),
        (0, 10, 0.0, 0.3085),
        (10, 10, 0.6915, 1.0),
        (50, 100, 0.3983, 0.6017),
    ],
)
def test_limits_are_those_of_clopper_and_pearson(
    right: int, n: int, low: float, high: float
) -> None:
    assert clopper_pearson(right / n, n) == pytest.approx((low, high), abs=1e-4)
    # From a sample of n passages, the variance is p (1 - p) / (n - 1), where there is any.
    found = mean_interval([1.0] * right + [0.0] * (n - right), range(n))
    known = clopper_pearson(right / n, n - (0 < right < n))
    assert (found.low, found.high) == pytest.approx(known)
    assert (found.value, found.n, found.clusters) == (right / n, n, n)


def test_an_effective_size_worked_by_hand() -> None:
    # Passages of 2, 2, 2 questions with 2, 1, 0 right: p = 1/2, residual sums 1, 0, -1, so that
    # V = 3/2 * 2 / 36 = 1/12 and the effective size (1/4) / V = 3, times (2.5706 / 4.3027)^2.
    found = mean_interval([1, 1, 1, 0, 0, 0], ["a", "a", "b", "b", "c", "c"])
    assert (found.low, found.high) == pytest.approx(clopper_pearson(0.5, 1.07077), abs=1e-3)
    assert (found.value, found.n, found.clusters) == (0.5, 6, 3)


def test_verdicts_never_count_as_more_than_they_are() -> None:
    # One right and one wrong on every passage: nothing differs between passages.
    found = mean_interval([1.0, 0.0] * 20, [k // 2 for k in range(40)])
    # An effective size of 40, times (2.0227 / 2.0930)^2 for 39 and 19 degrees of freedom.
    assert (found.low, found.high) == pytest.approx(clopper_pearson(0.5, 37.358), abs=1e-4)


def test_nothing_and_one_cluster_claim_nothing() -> None:
    assert math.isnan(mean_interval([], []).value)
    one = mean_interval([0.2, 0.4], ["a", "a"])
    assert one.value == pytest.approx(0.3)
    assert (one.low, one.high) == (0.0, 1.0)
    shifted = mean_interval([-0.2, 0.4], ["a", "a"], (-0.5, 0.5))
    assert (shifted.value, shifted.low, shifted.high) == pytest.approx((0.1, -0.5, 0.5))
    assert math.isnan(difference_interval(([], []), ([1.0], ["a"])).value)
    apart = difference_interval(([1.0], ["a"]), ([0.0], ["b"]))
    assert (apart.low, apart.high) == (-1.0, 1.0)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_unanimous_passages_still_have_an_interval(value: float) -> None:
    found = mean_interval([value] * 36, [k // 3 for k in range(36)])
    assert found.value == value
    assert 0.25 < found.high - found.low < 0.4  # twelve passages, not 36 questions


def test_all_right_against_all_right_is_no_certain_nothing() -> None:
    six = ([1.0] * 6, list(range(6)))
    for other in (six, ([1.0] * 6, list(range(6, 12)))):
        found = difference_interval(six, other)
        assert found.value == 0
        assert (found.low, found.high) == pytest.approx((-0.459, 0.459), abs=1e-3)


def test_the_same_verdicts_are_not_certain_to_stay_the_same() -> None:
    half = ([1.0, 0.0] * 10, list(range(20)))
    found = difference_interval(half, half)
    assert found.value == 0
    # Far narrower than were they on other passages, but not nothing.
    apart = difference_interval(half, (half[0], list(range(20, 40))))
    assert 0.1 < found.high - found.low < 0.4 * (apart.high - apart.low)


def test_newcombe_s_difference_of_two_rates() -> None:
    # 56 of 70 and 48 of 80, by Clopper and Pearson's limits squared and added.
    first = ([1.0] * 56 + [0.0] * 14, list(range(70)))
    second = ([1.0] * 48 + [0.0] * 32, list(range(100, 180)))
    found = difference_interval(first, second)
    (a, b), (c, d) = clopper_pearson(0.8, 69), clopper_pearson(0.6, 79)
    assert found.low == pytest.approx(0.2 - math.hypot(0.8 - a, d - 0.6))
    assert found.high == pytest.approx(0.2 + math.hypot(b - 0.8, 0.6 - c))
    assert (found.low, found.high) == pytest.approx((0.043, 0.345), abs=0.001)
    assert (found.n, found.clusters) == (150, 70)


def test_what_is_hard_for_both_cancels() -> None:
    rng = np.random.default_rng(4)
    hard = np.clip(rng.normal(0.5, 0.25, 30), 0.1, 0.9)
    one, other = (hard + rng.normal(0, 0.02, 30) for _ in range(2))
    paired = difference_interval((one.tolist(), range(30)), (other.tolist(), range(30)))
    apart = difference_interval((one.tolist(), range(30)), (other.tolist(), range(30, 60)))
    assert paired.high - paired.low < 0.3 * (apart.high - apart.low)


def test_correlated_questions_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    values = [float(e < 0.7) for e in rng.random(30) for _ in range(5)]
    clustered = mean_interval(values, [p for p in range(30) for _ in range(5)])
    naive = mean_interval(values, range(150))
    assert (clustered.high - clustered.low) > 1.8 * (naive.high - naive.low)


def test_credences_of_little_spread_have_a_narrow_interval() -> None:
    rng = np.random.default_rng(0)
    values = np.clip(rng.normal(0.6, 0.1, 40), 0, 1).tolist()
    found = mean_interval(values, range(40))
    error = np.std(values, ddof=1) / math.sqrt(40)
    assert 1 < (found.high - found.low) / (2 * 2.023 * error) < 1.1


def test_credences_near_one_may_lack_the_rare_one_near_zero() -> None:
    found = mean_interval([0.98, 0.99, 0.97, 0.99, 0.98, 0.99, 0.98, 0.97], range(8))
    assert found.low < 0.85
    assert 0.985 < found.high < 1


def test_a_transform_adds_on_its_own_scale() -> None:
    level = Level(([1.0] * 8 + [0.0] * 2, list(range(10))))

    def odds(p: float) -> float:
        return p / (1 - p) if p < 1 else math.inf

    found = contrast([(1, level)], odds)
    low, high = level.limits()
    assert (found.value, found.low) == pytest.approx((4.0, low / (1 - low)))
    assert found.high == pytest.approx(high / (1 - high))
    sure = contrast([(1, Level(([1.0] * 10, list(range(10)))))], odds)
    assert sure.value == pytest.approx(10.5 / 0.5)  # as if half of eleven had failed
    assert sure.high == math.inf


SIDES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1), st.integers(0, 5)), min_size=1
)


@given(SIDES, SIDES, st.booleans())
def test_no_interval_leaves_its_range_or_misses_its_value(
    one: list[tuple[float, int]], other: list[tuple[float, int]], paired: bool
) -> None:
    first, second = (([v for v, _ in side], [c for _, c in side]) for side in (one, other))
    if not paired:
        second = (second[0], [c + 10 for c in second[1]])
    rate, apart = mean_interval(*first), difference_interval(first, second)
    slack = 1e-9
    assert -slack <= rate.low <= rate.value + slack
    assert rate.value - slack <= rate.high <= 1 + slack
    assert -1 - slack <= apart.low <= apart.value + slack
    assert apart.value - slack <= apart.high <= 1 + slack
    # Something is always left open, and equal data leave the same open.
    assert rate.high - rate.low > 1e-6
    assert apart.high - apart.low > 1e-6
    assert apart == difference_interval(first, second)


def test_spread_is_cut_at_the_range_and_never_nothing() -> None:
    found = spread_interval(0.9, [0.8, 0.9, 1.0, 0.9], 40, 20, (0.0, 1.0))
    half = 2.093 * math.sqrt(20 / 19) * math.sqrt(0.005)
    assert (found.low, found.high) == pytest.approx((0.9 - half, 1.0), abs=1e-3)
    constant = spread_interval(35.0, [35.0] * 9, 40, 20, (0.0, 35.0))
    assert (constant.low, constant.high) == pytest.approx((35 * 0.8316, 35.0), abs=0.01)
    one = spread_interval(2.0, [], 3, 1, (-1.0, 5.0))
    assert (one.low, one.high) == (-1.0, 5.0)


def test_json_has_no_numbers_that_json_lacks() -> None:
    shown = Estimate(0.5, -math.inf, math.inf, 1, 1).to_json()
    assert shown == {"value": 0.5, "low": None, "high": None, "n": 1, "clusters": 1}


def test_reports_become_plain_data() -> None:
    one = Estimate(0.5, 0.25, math.inf, 4, 2)
    plain = {"value": 0.5, "low": 0.25, "high": None, "n": 4, "clusters": 2}
    assert as_json({"a": [one, (one, None)], "b": "text", "c": 2}) == {
        "a": [plain, [plain, None]],
        "b": "text",
        "c": 2,
    }


def test_mismatched_labels_are_an_error() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        mean_interval([1, 1], ["a"])
