from __future__ import annotations

import math
import statistics

import pytest

from debate_env.errors import InputError
from qd.acceptance import ByRating, Comparison, HeadToHead, cluster_standard_error, make_rule
from qd.archive_base import Entry
from qd.config import SelectionConfig


def compared(*differences: float) -> Comparison:
    return Comparison("c", "e", differences, tuple(f"p{k}" for k in range(len(differences))))


def test_rating_rule_needs_strictly_more():
    rule = ByRating()
    assert rule.may_challenge(Entry("c", 2), Entry("e", 1))
    assert not rule.may_challenge(Entry("c", 1), Entry("e", 1))


def test_head_to_head_needs_a_rating_that_is_not_lower_and_a_win():
    rule = HeadToHead()
    assert rule.may_challenge(Entry("c", 1), Entry("e", 1))
    assert not rule.may_challenge(Entry("c", 0), Entry("e", 1))
    assert rule.accept(compared(0.2, -0.1))
    assert not rule.accept(compared(0.1, -0.1))
    assert not rule.accept(compared(-0.2, 0.1))
    assert not rule.accept(compared())


def test_confidence_asks_for_more_than_luck():
    strict = HeadToHead(0.9)
    assert not strict.accept(compared(0.5, -0.4, 0.1))
    assert strict.accept(compared(0.2, 0.25, 0.22))
    assert not strict.accept(compared(0.9))  # one passage says nothing about the spread


def test_standard_error_counts_clusters():
    values = [0.1, 0.5, -0.2, 0.3]
    alone = cluster_standard_error(values, ["a", "b", "c", "d"])
    assert alone == pytest.approx(statistics.stdev(values) / 2)
    doubled = cluster_standard_error(values * 2, ["a", "b", "c", "d"] * 2)
    assert doubled == pytest.approx(alone)
    assert math.isinf(cluster_standard_error(values, ["a"] * 4))


def test_rules_by_name():
    assert isinstance(make_rule(SelectionConfig()), HeadToHead)
    assert isinstance(make_rule(SelectionConfig(questions=0)), ByRating)
    assert isinstance(make_rule(SelectionConfig(rule="rating")), ByRating)
    with pytest.raises(InputError, match="did you mean 'rating'"):
        make_rule(SelectionConfig(rule="ratin"))
