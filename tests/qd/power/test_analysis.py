from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from debateqd.qd.power.analysis import (
    Precision,
    games_to_order,
    mean_variance,
    precision_of,
    questions_needed,
    rating_error,
    rating_of,
    win_rate_of,
)
from debateqd.qd.power.variance import Study, Variances
from debateqd.qd.statistics import difference_interval, mean_interval
from tests.qd.verdicts import draw_verdicts


def test_the_textbook_figures() -> None:
    """Accuracy 0.7, 100 questions: 4.6 points; the difference of two such sets +-13."""
    variances, study = Variances.of(0.7), Study(100)
    assert precision_of((variances, study)).error == pytest.approx(0.0458, abs=1e-4)
    gap = precision_of((variances, study), (variances, study))
    assert gap.error == pytest.approx(0.065, abs=5e-4)
    assert gap.half_width() == pytest.approx(0.13, abs=2e-3)


def test_rating_figures() -> None:
    assert [round(rating_error(n)) for n in (6, 20, 100)] == [142, 78, 35]
    assert rating_error(1) == pytest.approx(347, abs=0.5)
    assert games_to_order(50, 0.8) == pytest.approx(35, abs=1)
    assert games_to_order(50, 0.95) == pytest.approx(135, abs=3)
    assert games_to_order(25, 0.8) == pytest.approx(140, abs=3)
    assert games_to_order(25, 0.95) == pytest.approx(530, abs=5)


def test_the_design_effect_of_clusters() -> None:
    plain = mean_variance(Variances.of(0.6, 0.2, 0.5), Study(120))
    clustered = mean_variance(Variances.of(0.6, 0.2, 0.5), Study(120, per_passage=4))
    assert plain == pytest.approx(0.24 / 120)
    assert clustered / plain == pytest.approx(1 + 3 * 0.2)


def test_repeated_debates_help_up_to_the_questions_own_spread() -> None:
    variances = Variances.of(0.7, 0.0, 0.5)
    many = mean_variance(variances, Study(100, debates=1e9))
    assert many == pytest.approx(0.5 * 0.21 / 100)
    assert mean_variance(variances, Study(100, debates=6)) == pytest.approx(
        mean_variance(variances, Study(100, debates=2, seeds=3))
    )


def test_pairing_takes_away_what_is_common() -> None:
    variances = Variances.of(0.7, 0.1, 0.5)
    apart = precision_of((variances, Study(100, paired=0.0)), difference=True).error
    together = precision_of((variances, Study(100, paired=1.0)), difference=True).error
    assert apart == pytest.approx(math.sqrt(2) * precision_of((variances, Study(100))).error)
    assert together == pytest.approx(apart * math.sqrt(0.5))


def test_seeds_that_differ_set_a_floor() -> None:
    variances = Variances.of(0.7)
    study = Study(10_000_000, seeds=4, seed_deviation=0.02)
    assert precision_of((variances, study), (variances, study)).error == pytest.approx(
        0.01, rel=1e-2
    )
    both = precision_of((variances, study), (variances, study), difference=True)
    assert both.error == pytest.approx(0.01 * math.sqrt(2), rel=1e-2)
    assert both.df == pytest.approx(3, rel=0.05)


@given(st.floats(1, 99), st.floats(0.02, 0.5), st.integers(1, 5))
def test_the_size_asked_for_is_enough_and_the_one_before_it_is_not(
    percent: float, target: float, step: int
) -> None:
    variances = Variances.of(percent / 100, 0.1, 0.4)

    def precision(n: int) -> Precision:
        return precision_of(*[(variances, Study(n, per_passage=step))] * 2)

    found = questions_needed(target, precision, step=step)
    assert found is not None
    assert found % step == 0
    assert precision(found).detectable() <= target
    if found > 2 * step:
        assert precision(found - step).detectable() > target


def test_some_sizes_do_not_exist() -> None:
    variances = Variances.of(0.7)

    def precision(n: int) -> Precision:
        return precision_of(*[(variances, Study(n, seeds=2, seed_deviation=0.1))] * 2)

    assert questions_needed(0.05, precision) is None


@given(st.floats(-800, 800))
def test_ratings_and_win_rates_are_each_others_inverse(difference: float) -> None:
    assert rating_of(win_rate_of(difference)) == pytest.approx(difference, abs=1e-6)


def test_certain_wins_have_no_finite_rating() -> None:
    assert rating_of(1.0) == math.inf
    assert rating_of(0.0) == -math.inf


@pytest.mark.parametrize(
    ("per_passage", "icc", "repeat", "debates"), [(1, 0.1, 0.5, 1), (4, 0.15, 0.4, 3)]
)
def test_the_interval_tells_a_detectable_gap_four_times_in_five(
    per_passage: int,
    icc: float,
    repeat: float,
    debates: int,
) -> None:
    """Formulas against the interval that evaluations report, on simulated verdicts."""
    study = Study(120, per_passage, debates)
    train, test = Variances.of(0.75, icc, repeat), Variances.of(0.6, icc, repeat)
    precision = precision_of((train, study), (test, study))
    rng = np.random.default_rng(5)
    told, estimates = [], []
    trials = 500
    for _ in range(trials):
        # The two means lie a detectable gap apart.
        low = 0.75 - precision.detectable()
        sides = [draw_verdicts(Variances.of(mean, icc, repeat), study, rng) for mean in (0.75, low)]
        first, second = ((side.values, side.passages) for side in sides)
        estimate = difference_interval(first, second)
        told.append(estimate.excludes(0))
        estimates.append(estimate.value)
    assert np.std(estimates) == pytest.approx(precision.error, rel=0.12)
    assert np.mean(told) == pytest.approx(0.8, abs=4.5 * math.sqrt(0.16 / trials) + 0.01)


def test_the_interval_is_as_wide_as_predicted() -> None:
    study = Study(90, per_passage=3, debates=2)
    variances = Variances.of(0.65, 0.2, 0.5)
    predicted = precision_of((variances, study)).half_width()
    rng = np.random.default_rng(1)
    widths = []
    for _ in range(100):
        sample = draw_verdicts(variances, study, rng)
        found = mean_interval(sample.values, sample.passages)
        widths.append((found.high - found.low) / 2)
    assert np.mean(widths) == pytest.approx(predicted, rel=0.06)


def test_a_paired_contrast_has_the_error_predicted() -> None:
    study = Study(100, per_passage=2, debates=2, paired=1.0)
    variances = Variances.of(0.7, 0.2, 0.6)
    rng = np.random.default_rng(2)
    differences = []
    for _ in range(1500):
        # Two conditions with the same question effects are two halves of one set of debates.
        sample = draw_verdicts(variances, Study(100, per_passage=2, debates=4), rng)
        halves = np.array(sample.values).reshape(-1, 2, 2).mean(axis=2)
        differences.append(float((halves[:, 0] - halves[:, 1]).mean()))
    assert np.std(differences) == pytest.approx(
        precision_of((variances, study), difference=True).error, rel=0.06
    )
