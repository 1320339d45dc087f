from __future__ import annotations

import csv

import numpy as np
import pytest

from debate_env.errors import InputError
from debateqd.qd.ratings.least_squares import least_squares_elo


def test_exact_rates_give_the_ratings_they_came_from():
    truth = {"a": 0.0, "b": 120.0, "c": -310.0, "d": 45.0}
    pairings = [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d"), ("b", "d")]
    rates = [1 / (1 + 10 ** ((truth[j] - truth[i]) / 400)) for i, j in pairings]
    found = least_squares_elo(pairings, rates, anchor="a")
    assert found.ratings == pytest.approx(truth, abs=1e-3)
    assert found.squared_error == pytest.approx(0, abs=1e-12)


def test_without_an_anchor_the_mean_is_0():
    found = least_squares_elo([("a", "b"), ("b", "c")], [0.7, 0.6])
    assert np.mean(list(found.ratings.values())) == pytest.approx(0, abs=1e-9)


def test_an_unbeaten_player_stays_finite():
    assert 1000 < least_squares_elo([("a", "b")], [1.0], "b").ratings["a"] < 10_000


@pytest.mark.parametrize(
    ("pairings", "rates", "anchor", "what"),
    [
        ([("a", "b")], [1.2], None, "win rate of a against b: 1.2 is not between 0 and 1"),
        ([("a", "b")], [float("nan")], None, "not between"),
        ([("a", "b")], [0.5, 0.5], None, "1 pairings, but 2 win rates"),
        ([("alpha", "b")], [0.5], "alhpa", "did you mean 'alpha'"),
        ([("a", "b"), ("c", "d")], [0.5, 0.5], None, "a and c never met, even indirectly"),
    ],
)
def test_faults_are_named(pairings, rates, anchor, what):
    with pytest.raises(InputError, match=what):
        least_squares_elo(pairings, rates, anchor)


def test_an_empty_table():
    assert least_squares_elo([], []).ratings == {}


def test_the_ratings_of_khan_et_al(data_dir):
    with (data_dir / "khan_table9_winrates.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    pairings = [(row["debater_1"], row["debater_2"]) for row in rows]
    rates = [float(row["winrate_judge_gpt4t"]) for row in rows]
    found = least_squares_elo(pairings, rates, anchor="Claude 2.1 (bo1)")
    expected = {
        "GPT-4-Turbo (bo32)": 143.3,
        "GPT-4-Turbo (bo16)": 142.6,
        "GPT-4-Turbo (bo8)": 135.4,
        "GPT-4-Turbo (bo4)": 116.1,
        "GPT-4-Turbo (bo1)": 62.1,
        "Claude 2.1 (bo16)": 121.3,
        "Claude 2.1 (bo4)": 79.0,
        "GPT-3.5-Turbo (bo16)": -58.3,
        "GPT-3.5-Turbo (bo1)": -258.0,
    }
    assert {name: found.ratings[name] for name in expected} == pytest.approx(expected, abs=0.1)
    assert found.squared_error == pytest.approx(0.0041, abs=0.00005)
