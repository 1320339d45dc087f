from __future__ import annotations

import pytest

from debate_env.questions.question import Question
from debateqd.qd.debates.plans import (
    both_seats,
    points,
    presented_swapped,
    self_debate,
    share_won,
    truth_reached,
)
from tests.qd.making import match, strategy

QUESTION = Question("q", "p", "text", "what?", ("a", "b"), 0)


def test_a_pair_changes_seats_and_nothing_else():
    a, b = strategy("a"), strategy("b")
    one, other = both_seats(0, "train", 2, QUESTION, (a, b), 2, 1)
    assert (one.first, one.second) == (other.second, other.first) == (a, b)
    assert one.swap == other.swap
    assert one.seed != other.seed
    assert both_seats(0, "train", 2, QUESTION, (a, b), 2, 1) == (one, other)
    assert both_seats(0, "train", 2, QUESTION, (a, b), 2, 2)[0].seed != one.seed


def test_strategies_that_debate_themselves_share_chance():
    one = self_debate(0, "selection", 1, QUESTION, strategy("a"), 1)
    other = self_debate(0, "selection", 1, QUESTION, strategy("b"), 1)
    assert (one.seed, one.swap) == (other.seed, other.swap)


def test_the_coin_is_even():
    heads = sum(presented_swapped(7, "q", number) for number in range(2000))
    assert 900 < heads < 1100


def test_scores_of_a_strategy():
    matches = [
        match("a", "b", 0.9, label=1),
        match("b", "a", 0.6, label=1),
        match("a", "b", None, kind="unusable"),
    ]
    assert share_won(matches, "a", "win") == 0.5
    assert share_won(matches, "a", "credence") == pytest.approx((0.9 + 0.4) / 2)
    assert truth_reached(matches, "win") == 0.0
    assert truth_reached(matches, "credence") == pytest.approx((0.1 + 0.4) / 2)
    assert points(matches, "a", 0.0) == 0.5
    assert points(matches, "a", 1.0) == 0.0
    assert points(matches, "a", 0.4) == pytest.approx(0.3)
    assert share_won(matches[2:], "a", "win") is None
    assert truth_reached(matches[2:], "win") is None
    assert points(matches[2:], "a", 0.0) is None
