from __future__ import annotations

from dataclasses import replace

import pytest

from debateqd.qd.debates.counting import (
    believed,
    by_question,
    contest_scores,
    credence_won,
    measured,
    paired,
    points,
    position_bias,
    rate,
    right,
    self_scores,
    share_won,
    speech_troubles,
    troubles_line,
    truth_reached,
    won,
)
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


def test_whose_speeches_were_troubled():
    one = replace(
        match("a", "b", 0.9),
        troubles={"debater_0": {"redraws": 2, "unusable": 1}, "judge_0": {"redraws": 9}},
    )
    two = replace(match("b", "c", 0.9), troubles={"debater_1": {"token_limit_reached": 1}})
    assert speech_troubles([one, two, match("a", "d", 0.5)]) == {
        "a": {"redraws": 2, "speeches": 3, "unusable": 1},
        "c": {"speeches": 1, "token_limit_reached": 1},
    }


def test_troubles_on_one_line():
    few = {"a": {"redraws": 2, "speeches": 4, "unusable": 2}, "b": {"cut": 1, "speeches": 5}}
    assert troubles_line(few) == "speeches: 2 redrawn, 1 cut at a tag of the prompt, 2 unusable"
    lost = {"speeches": 3, "unusable": 2}
    assert troubles_line(few | {"z": lost}) == (
        "speeches: 2 redrawn, 1 cut at a tag of the prompt, 4 unusable (most of those of z)"
    )
    five = dict.fromkeys("mnopq", lost)
    assert troubles_line(five) == "speeches: 10 unusable (most of those of m, n, o, p, q)"
    assert troubles_line(five | {"r": lost}) == (
        "speeches: 12 unusable (most of those of m, n, o, p, q and others)"
    )


EVALUATED = [
    match("a", "b", 0.9, subject="a"),
    match("b", "a", 0.6, subject="a", number=1),
    match("a", "b", 0.8, subject="a", question="q2"),
    match("b", "a", None, subject="a", question="q2", kind="unusable"),
    match("a", "a", 0.7, subject="a", question="q3"),
    match("a", "a", None, subject="a", question="q3", kind="unusable"),
]


def test_scores_by_strategy_and_question():
    assert contest_scores(measured(EVALUATED), "credence") == {
        ("a", "q1"): (pytest.approx(0.65), "p-q1")  # on q2 one of the seats is missing
    }
    assert contest_scores(measured(EVALUATED), "win") == {("a", "q1"): (0.5, "p-q1")}
    assert self_scores(measured(EVALUATED), "credence") == {("a", "q3"): (0.7, "p-q3")}
    assert by_question(EVALUATED, believed) == {
        "q1": (pytest.approx(0.75), "p-q1"),
        "q2": (0.8, "p-q2"),
        "q3": (0.7, "p-q3"),
    }


def test_rates_of_the_measured_strategy():
    assert rate(EVALUATED, won).value == pytest.approx(2 / 3)
    assert rate(EVALUATED, credence_won).value == pytest.approx((0.9 + 0.4 + 0.8) / 3)
    assert rate(EVALUATED, right).value == 1.0
    assert rate(EVALUATED[:1], right).n == 1
    assert rate([], right).n == 0


def test_pairs_are_what_both_have():
    first = {"q1": (0.75, "p1"), "q2": (0.5, "p2"), "q3": (0.25, "p3")}
    second = {"q4": (0.5, "p4"), "q3": (0.5, "p3"), "q1": (0.5, "p1")}
    assert paired(first, second) == (
        ([0.75, 0.25], ["p1", "p3"]),
        ([0.5, 0.5], ["p1", "p3"]),
    )


def test_position_bias_is_the_mean_over_verdicts():
    leaning = [
        replace(match("a", "b", 0.6, question=f"q{k}"), bias=b) for k, b in ((1, 0.25), (2, 0.0))
    ]
    lost = replace(match("a", "b", None, kind="unusable"), bias=0.5)
    found = position_bias([*leaning, lost, match("a", "b", 0.9)])
    assert (found.value, found.n, found.clusters) == (pytest.approx(0.125), 2, 2)
