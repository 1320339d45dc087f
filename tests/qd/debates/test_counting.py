from __future__ import annotations

import pytest

from debateqd.qd.debates.counting import points, share_won, truth_reached
from tests.qd.making import match


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
    assert points([match("a", "b", 0.9)], "b", 0.25) == 0.25  # lost, and the judge was right
    assert points([match("a", "b", 0.9)], "a", 1.0) == 1.0
    assert points([match("a", "b", 0.5)], "a", 0.25) == 0.5
    assert points([match("a", "a", 0.9)], "a", 0.25) == 0.25  # nobody wins against himself
    assert share_won(matches[2:], "a", "win") is None
    assert truth_reached(matches[2:], "win") is None
    assert points(matches[2:], "a", 0.0) is None
