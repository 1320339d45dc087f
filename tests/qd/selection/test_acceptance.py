from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from debate_env.errors import InputError
from debateqd.qd.archive.base import Entry
from debateqd.qd.config.schema import SelectionConfig
from debateqd.qd.selection.acceptance import (
    ACCEPTANCE,
    Belief,
    ByRating,
    Racing,
    make_rule,
)

C, E = Entry("c", 1.0), Entry("e", 0.0)


def belief(better: float, generations: int = 0) -> Belief:
    return Belief(0.0, 10.0, better, generations)


def test_rating_rule_needs_strictly_more():
    rule = ByRating()
    assert rule.decide(C, E, Belief(1.0)) == "accept"
    assert rule.decide(C, E, Belief(0.0)) == "reject"
    assert rule.deposed(E, C, Belief(-1.0)) == "reject"


@given(st.floats(0, 1), st.floats(0.05, 0.95))
def test_equal_thresholds_decide_at_once(better, accept):
    assume(better != accept)
    rule = Racing(accept, accept)
    assert rule.decide(C, E, belief(better)) == ("accept" if better > accept else "reject")


def test_racing_keeps_the_undecided_for_a_while():
    rule = Racing(accept=0.8, reject=0.3, patience=2)
    assert rule.decide(C, E, belief(0.81)) == "accept"
    assert rule.decide(C, E, belief(0.5)) == "undecided"
    assert rule.decide(C, E, belief(0.29)) == "reject"
    assert rule.decide(C, E, belief(0.5, generations=1)) == "undecided"
    assert rule.decide(C, E, belief(0.5, generations=2)) == "reject"
    assert rule.decide(C, E, belief(0.9, generations=2)) == "accept"


def test_a_deposed_elite_that_may_be_better_stays():
    rule = Racing(accept=0.5, reject=0.3)
    assert rule.deposed(E, C, belief(0.45)) == "undecided"
    assert rule.deposed(E, C, belief(0.2)) == "reject"


def test_on_a_threshold_nobody_is_decided_on():
    rule = Racing(accept=0.8, reject=0.3)
    assert rule.decide(C, E, belief(0.8)) == rule.decide(C, E, belief(0.3)) == "undecided"
    assert rule.deposed(E, C, belief(0.3)) == "undecided"


def test_racing_by_default():
    rule = Racing()
    assert [rule.decide(C, E, belief(p)) for p in (0.51, 0.5, 0.3, 0.29)] == [
        *("accept", "undecided", "undecided", "reject")
    ]
    assert [rule.decide(C, E, belief(0.4, n)) for n in (2, 3)] == ["undecided", "reject"]
    assert {Belief(1.0): 1} == {Belief(1.0, None, None, 0): 1}


def test_only_racing_asks_for_a_posterior():
    made = {name: make_rule(SelectionConfig(rule=name)) for name in ACCEPTANCE.names()}
    assert {name: rule.needs_posterior for name, rule in made.items()} == {
        "racing": True,
        "rating": False,
        "coin": False,
    }


def test_a_coin_is_fair_and_depends_on_both_names_alone():
    coin = make_rule(SelectionConfig(rule="coin"))
    rivals = [Entry(f"c{k}", float(k)) for k in range(400)]
    tossed = [coin.decide(rival, E, Belief(9.0, 1.0, 1.0)) for rival in rivals]
    assert 160 < tossed.count("accept") < 240
    assert tossed[:6] == ["accept", "accept", "reject", "accept", "reject", "accept"]
    assert tossed == [coin.decide(rival, E, Belief(-9.0)) for rival in rivals]
    assert tossed != [coin.decide(rival, C, Belief(9.0)) for rival in rivals]
    assert coin.deposed(E, C, Belief(9.0)) == "reject"


def test_a_rating_without_a_posterior_is_not_enough():
    with pytest.raises(InputError, match=r"tournament\.rating=bradley_terry"):
        Racing().decide(C, E, Belief(1.0))


def test_rules_by_name():
    assert ACCEPTANCE.names() == ("racing", "rating", "coin")
    rule = make_rule(SelectionConfig(accept=0.8, reject=0.2, patience=5))
    assert isinstance(rule, Racing)
    assert (rule.accept, rule.reject, rule.patience) == (0.8, 0.2, 5)
    assert isinstance(make_rule(SelectionConfig(rule="rating")), ByRating)
    with pytest.raises(InputError, match="did you mean 'rating'"):
        make_rule(SelectionConfig(rule="ratin"))


def test_thresholds_in_order():
    with pytest.raises(ValueError, match=r"reject 0\.6 is above accept 0\.5"):
        SelectionConfig(reject=0.6)
