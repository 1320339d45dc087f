from __future__ import annotations

import sys

import numpy as np
import pytest

from debateqd.qd.archive.axes import Labels
from debateqd.qd.archive.base import Entry
from debateqd.qd.archive.grid import Archive
from debateqd.qd.selection.acceptance import Racing
from debateqd.qd.selection.choice import choose as choose_in_archive
from tests.qd.making import posterior
from tests.repository import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

from selection_choice import ChoiceSettings, better, choose

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


def test_the_loop_decides_alike():
    """The archive and its rule, asked one after the other, find the same elite."""
    rng = np.random.default_rng(5)
    waiting = 0
    for _ in range(300):
        mean = rng.normal(0, 30, 3)
        root = rng.normal(0, 25, (3, 3))
        covariance = root @ root.T + 50 * np.eye(3)
        mean[1] = min(mean[1], mean[0])  # who waits is not the better one
        entries = [
            Entry(name, float(m), {"kind": "x"}) for name, m in zip("ehc", mean, strict=True)
        ]
        archive = Archive([Labels("kind", ("x",))], challengers=1)
        archive.place(entries[0])
        archive.place(entries[1], lambda *_: "undecided")
        known = posterior(("e", "h", "c"), mean, covariance)
        choose_in_archive(archive, entries[2:], Racing(), known)
        found = choose(mean, covariance, [0, 1, 2], 0, ChoiceSettings())
        assert archive.elites()[0].strategy_id == "ehc"[found.elite]
        waiting += len(archive.challengers())
    assert waiting > 50
