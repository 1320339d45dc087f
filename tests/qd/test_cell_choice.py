from __future__ import annotations

import numpy as np
import pytest

from qd.cell_choice import ChoiceSettings, better, choose

SPREAD = 100.0 * np.eye(4)


def test_the_more_probable_winner_takes_the_cell_and_the_rest_are_sorted():
    mean = np.array([0.0, 8.0, 2.0, -40.0])
    found = choose(mean, SPREAD, [0, 1, 2, 3], 0)
    assert found.elite == 1
    assert found.kept == (2,)  # P(2 better than 1) = 0.34
    assert found.given_up == (0, 3)


def test_the_incumbent_stays_where_nobody_is_ahead():
    found = choose(np.array([0.0, -5.0, 0.0, 0.0]), SPREAD, [0, 1], 0)
    assert (found.elite, found.kept, found.given_up) == (0, (1,), ())


def test_a_displaced_incumbent_may_stay_and_come_back():
    first = choose(np.array([0.0, 3.0]), SPREAD[:2, :2], [0, 1], 0)
    assert (first.elite, first.kept) == (1, (0,))
    later = choose(np.array([2.0, -3.0]), SPREAD[:2, :2], [1, 0], 1)
    assert later.elite == 0


def test_a_threshold_asks_for_more():
    mean = np.array([0.0, 8.0])
    cautious = ChoiceSettings(accept=0.8)
    assert choose(mean, SPREAD[:2, :2], [0, 1], 0, cautious).elite == 0
    assert choose(3 * mean, SPREAD[:2, :2], [0, 1], 0, cautious).elite == 1


def test_nobody_is_held_where_there_is_no_slot():
    found = choose(np.zeros(3), SPREAD[:3, :3], [0, 1, 2], 0, ChoiceSettings(hold=0))
    assert found.kept == ()
    assert found.given_up == (1, 2)


def test_probability_of_being_better_uses_the_joint_covariance():
    mean = np.array([10.0, 0.0])
    alone = better(mean, np.array([[100.0, 0.0], [0.0, 100.0]]), 0, 1)
    together = better(mean, np.array([[100.0, 90.0], [90.0, 100.0]]), 0, 1)
    assert alone == pytest.approx(0.7602, abs=1e-4)
    assert together > alone
    assert better(mean, np.zeros((2, 2)), 0, 1) == 1
    assert better(np.zeros(2), np.zeros((2, 2)), 0, 1) == 0.5
