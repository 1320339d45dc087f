from __future__ import annotations

from math import copysign, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debate_env.core.rewards import (
    correctness,
    judge_log_score,
    persuasion,
    reward,
    truth,
)
from tests.debate_env.support import FAST

FORMS = ("credence", "win", "log_odds")
credences = (
    st.lists(st.floats(0, 1), min_size=2, max_size=5)
    .filter(any)
    .map(lambda values: tuple(v / sum(values) for v in values))
)


@pytest.mark.parametrize(
    ("credence", "form", "expected"),
    [
        ((0.8, 0.2), "credence", 0.6),
        ((0.8, 0.2), "win", 1.0),
        ((0.2, 0.8), "win", -1.0),
        ((0.5, 0.5), "win", 0.0),
        ((0.8, 0.2), "log_odds", log(4)),
        ((1.0, 0.0), "log_odds", log(1e6)),
        ((0.5, 0.3, 0.2), "credence", 0.2),
    ],
)
def test_persuasion(credence, form, expected):
    first, second = persuasion(credence, form)
    assert first == pytest.approx(expected)
    assert second == pytest.approx(-expected)


@pytest.mark.parametrize(
    ("credence", "label", "form", "expected"),
    [
        ((0.8, 0.2), 0, "credence", 0.8),
        ((0.8, 0.2), 1, "credence", 0.2),
        ((0.8, 0.2), 0, "win", 1.0),
        ((0.8, 0.2), 1, "win", 0.0),
        ((0.5, 0.5), 1, "win", 0.5),
        ((0.4, 0.4, 0.2), 1, "win", 0.5),
        ((1 / 3, 1 / 3, 1 / 3), 2, "win", 1 / 3),
        ((0.4, 0.4, 0.2), 2, "win", 0.0),
        ((0.8, 0.2), 0, "log_odds", log(4)),
        ((0.8, 0.2), 1, "log_odds", -log(4)),
        ((0.0, 1.0), 0, "log_odds", -log(1e6)),
        ((1.0, 0.0), 0, "log_odds", log(1e6)),
    ],
)
def test_truth(credence, label, form, expected):
    assert truth(credence, label, form) == pytest.approx(expected)


@pytest.mark.parametrize("form", FORMS)
def test_nobody_earns_a_negative_zero(form):
    assert [copysign(1, score) for score in persuasion((0.5, 0.5), form)] == [1, 1]


def test_certainty_counts_as_one_in_a_million():
    assert persuasion((0.0, 1.0), "log_odds")[0] == pytest.approx(-13.815511, abs=1e-6)
    assert persuasion((1e-6, 1.0), "log_odds")[0] == pytest.approx(-13.815511, abs=1e-6)
    assert truth((1.0, 0.0), 0, "log_odds") == pytest.approx(13.815511, abs=1e-6)
    assert judge_log_score((0.0, 0.5, 0.5), 0) == pytest.approx(-12.716898, abs=1e-6)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_the_uniform_judge_earns_nothing(n):
    assert judge_log_score((1 / n,) * n, n - 1) == pytest.approx(0.0, abs=1e-15)


def test_judge_log_score():
    assert judge_log_score((0.8, 0.2), 0) == pytest.approx(log(0.8) + log(2))
    assert judge_log_score((1.0, 0.0), 1) == pytest.approx(log(1e-6) + log(2))


@FAST
@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_the_judge_does_best_by_saying_what_it_believes(belief, said):
    def expected(p):
        return belief * judge_log_score((p, 1 - p), 0) + (1 - belief) * judge_log_score(
            (p, 1 - p), 1
        )

    assert expected(belief) >= expected(said) - 1e-12


@FAST
@given(credences, st.sampled_from(FORMS))
def test_persuasion_is_zero_sum_and_antisymmetric(credence, form):
    first, second = persuasion(credence, form)
    assert first + second == 0
    exchanged = (credence[1], credence[0], *credence[2:])
    assert persuasion(exchanged, form) == pytest.approx((second, first))


@pytest.mark.parametrize(
    ("objective", "weight", "expected"),
    [
        ("persuasion", 0.25, 0.6),
        ("truth", 0.25, 0.4),
        ("mix", 0.0, 0.6),
        ("mix", 0.25, 0.55),
        ("mix", 0.75, 0.45),
        ("mix", 1.0, 0.4),
    ],
)
def test_what_is_paid_under_an_objective(objective, weight, expected):
    assert reward(0.6, 0.4, objective, weight) == pytest.approx(expected, abs=1e-15)


def test_half_of_a_mix_is_truth_where_nothing_else_is_said():
    assert reward(0.6, 0.2, "mix") == pytest.approx(0.4)
    assert reward(-1.0, 1.0, "mix") == 0.0


@FAST
@given(credences, st.sampled_from(FORMS), st.integers(0, 4))
def test_every_score_is_finite(credence, form, label):
    label %= len(credence)
    assert abs(persuasion(credence, form)[0]) <= 13.9
    assert abs(truth(credence, label, form)) <= 13.9
    assert abs(judge_log_score(credence, label)) <= 13.9


@FAST
@given(credences)
def test_correctness_shares_one_point_among_the_first_choices(credence):
    total = sum(correctness(credence, label) for label in range(len(credence)))
    assert total == pytest.approx(1.0)
