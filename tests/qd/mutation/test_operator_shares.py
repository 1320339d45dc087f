"""Shares of operators: they start where they are told, follow yields, and keep their floor."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debateqd.qd.mutation.operator_shares import (
    OperatorSuccesses,
    adapted_shares,
    allot,
    operator_stats,
)
from debateqd.qd.strategy import Strategy

START = {"rewrite": 0.4, "crossover": 0.2, "reflection": 0.2, "target": 0.2}


def child(name: str, operator: str, born: int) -> Strategy:
    return Strategy(name, "authority", name, ("s0",), born, operator)


def shares(
    yields: OperatorSuccesses, start=START, floor=0.05, prior=4.0, window=10
) -> dict[str, float]:
    return adapted_shares(start, yields, floor=floor, prior=prior, window=window)


def test_without_evidence_the_starting_shares_hold():
    assert shares(OperatorSuccesses(), floor=0.0) == pytest.approx(START)
    assert shares(OperatorSuccesses(), {"a": 3, "b": 1, "c": 0}, floor=0) == pytest.approx(
        {"a": 0.75, "b": 0.25}
    )


def test_an_operator_that_yields_more_gets_more_and_none_falls_below_the_floor():
    counts = {g: {"rewrite": (20, 1), "crossover": (20, 9), "target": (20, 0)} for g in range(1, 6)}
    found = shares(OperatorSuccesses(counts))
    assert found["crossover"] > 2 * START["crossover"]
    assert found["crossover"] > found["rewrite"] > found["target"]
    assert min(found.values()) >= 0.05
    assert math.fsum(found.values()) == pytest.approx(1)


def test_operators_are_compared_with_their_contemporaries_only():
    # The late one met an archive that hardly anybody could enter; both did as well as the rest.
    counts = {
        1: {"early": (20, 10), "other": (20, 10)},
        2: {"late": (20, 1), "other": (20, 1)},
    }
    yields = OperatorSuccesses(counts)
    assert yields.relative("early", 4.0) == pytest.approx(yields.relative("late", 4.0))
    assert yields.relative("other", 4.0) == pytest.approx(1)


def test_window_zero_leaves_shares_alone():
    counts = {1: {"rewrite": (20, 0), "crossover": (20, 20)}}
    assert shares(OperatorSuccesses(counts), window=0) == pytest.approx(START)


COUNTS = st.dictionaries(
    st.integers(1, 9),
    st.dictionaries(
        st.sampled_from([*START, "gone"]),
        st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda p: (p[0] + p[1], p[1])),
    ),
)


@given(COUNTS, st.floats(0, 0.25), st.floats(0.1, 50))
def test_shares_are_shares_whatever_happened(counts, floor, prior):
    found = shares(OperatorSuccesses(counts), floor=floor, prior=prior)
    assert list(found) == list(START)
    assert math.fsum(found.values()) == pytest.approx(1)
    assert all(share >= floor - 1e-12 for share in found.values())


def test_a_child_is_credited_once_to_its_operator_and_its_generation():
    strategies = {
        "s0": Strategy("s0", "authority", "seed"),
        "s1": child("s1", "rewrite", 1),
        "s2": child("s2", "target", 1),
    }
    asked = ["rewrite", "rewrite", "target"]
    one = OperatorSuccesses().after(1, asked, ["s0", "s1"], strategies, 10)
    assert one.counts == {1: {"rewrite": (2, 1), "target": (1, 0)}}
    # s2 was a challenger and is promoted; s1 is still there.
    two = one.after(2, ["rewrite"], ["s1", "s2"], strategies, 10)
    assert two.counts == {1: {"rewrite": (2, 1), "target": (1, 1)}, 2: {"rewrite": (1, 0)}}
    # s1 leaves its cell and comes back: no second credit.
    three = two.after(3, [], ["s2"], strategies, 10).after(4, [], ["s1", "s2"], strategies, 10)
    assert three.counts == two.counts
    assert three.totals()["rewrite"][:2] == (3, 1)


def test_old_generations_are_forgotten():
    strategies = {"s1": child("s1", "rewrite", 1)}
    yields = OperatorSuccesses().after(1, ["rewrite"], [], strategies, 2)
    yields = yields.after(2, ["target"], [], strategies, 2).after(3, [], [], strategies, 2)
    assert list(yields.counts) == [2]
    late = yields.after(4, [], ["s1"], strategies, 2)
    assert late.counts == {}
    assert late.crowned == frozenset()


def test_they_read_back():
    counts = {2: {"rewrite": (3, 1)}, 11: {"target": (4, 0)}}
    yields = OperatorSuccesses(counts, frozenset({"s2", "s1"}))
    assert OperatorSuccesses.from_json(yields.to_json()) == yields


# --- allotting --------------------------------------------------------------------------------


@given(
    st.dictionaries(st.text(min_size=1, max_size=3), st.floats(0.01, 1), min_size=1, max_size=5),
    st.integers(0, 60),
    st.integers(0, 1000),
)
def test_everybody_gets_his_share_up_to_one_child(weights, children, seed):
    total = math.fsum(weights.values())
    wanted = {name: weight / total for name, weight in weights.items()}
    found = allot(wanted, children, seed)
    assert len(found) == children
    for name, share in wanted.items():
        assert abs(found.count(name) - share * children) < 1 + 1e-6


def test_means_are_exact_and_the_order_is_random():
    draws = [allot(START, 3, seed) for seed in range(2000)]
    for name, share in START.items():
        mean = sum(d.count(name) for d in draws) / len(draws)
        assert mean == pytest.approx(3 * share, abs=0.04)
    assert len({tuple(d) for d in draws}) > 20
    assert allot(START, 28, 5) == allot(START, 28, 5)


def test_results_show_shares_and_yields():
    yields = OperatorSuccesses({1: {"rewrite": (10, 1), "target": (10, 3)}})
    stats = operator_stats({"rewrite": 0.5, "target": 0.5}, yields, 4.0, ["rewrite", "target"])
    assert stats["target"] == {
        "share": 0.5,
        "asked": 1,
        "children": 10,
        "elites": 3,
        "relative_yield": pytest.approx(7 / 6),
    }
    assert operator_stats({}, OperatorSuccesses(), 4.0, []) == {}
