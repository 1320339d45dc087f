from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debate_env.errors import InputError
from qd.config import EvolutionConfig
from qd.pairing import PAIRINGS, RoundRobin, Standings, Swiss, swiss_rounds


def names(count: int) -> tuple[str, ...]:
    return tuple(f"s{k:04d}" for k in range(count))


@pytest.mark.parametrize(("n", "rounds"), [(0, 0), (1, 0), (2, 1), (3, 2), (5, 3), (35, 3)])
def test_default_rounds(n, rounds):
    assert swiss_rounds(n) == rounds
    assert Swiss().rounds(n) == rounds


@given(st.integers(2, 25), st.integers(1, 8), st.integers(0, 99))
def test_swiss_meets_everybody_once_a_round_and_nobody_twice(n, rounds, seed):
    standings = Standings(names(n))
    met: set[frozenset[str]] = set()
    for number in range(min(rounds, (n - 1) // 2)):
        found = Swiss().next_round(standings, seed + number)
        playing = [p for pair in found.pairs for p in pair]
        assert sorted([*playing, *found.byes]) == sorted(standings.players)
        assert len(found.byes) == n % 2
        fresh = {frozenset(pair) for pair in found.pairs}
        assert not fresh & met
        met |= fresh
        standings.note(found)
        for winner, _ in found.pairs:
            standings.points[winner] = standings.points.get(winner, 0) + 1
    if n % 2:
        assert len(standings.rested) == min(rounds, (n - 1) // 2)


def test_swiss_pairs_neighbours():
    players = names(6)
    standings = Standings(players, points={p: float(k) for k, p in enumerate(players)})
    assert Swiss().next_round(standings, 0).pairs == (
        (players[5], players[4]),
        (players[3], players[2]),
        (players[1], players[0]),
    )


def test_ratings_break_ties_before_the_draw():
    standings = Standings(names(4), ratings={"s0002": 1200.0, "s0001": 1100.0})
    assert standings.order(3)[:2] == ["s0002", "s0001"]
    drawn = {tuple(Standings(names(4)).order(seed)) for seed in range(40)}
    assert len(drawn) > 10


def test_the_draw_does_not_depend_on_the_order_of_players():
    players = names(9)
    one, other = Standings(players), Standings(players[::-1])
    assert Swiss().next_round(one, 5) == Swiss().next_round(other, 5)


def test_greedy_dead_ends_are_taken_back():
    a, b, c, d = names(4)
    standings = Standings((a, b, c, d), points={a: 3, b: 2, c: 1, d: 0})
    standings.met = {(c, d)}  # neighbours a-b would leave c and d to each other
    assert Swiss().next_round(standings, 0).pairs == ((a, c), (b, d))


def test_a_rematch_rather_than_no_round():
    a, b = names(2)
    standings = Standings((a, b), met={(a, b)})
    assert Swiss(3).next_round(standings, 0).pairs in (((a, b),), ((b, a),))


def test_round_robin_meets_everybody():
    for n in (4, 5):
        standings, rule = Standings(names(n)), RoundRobin()
        for _ in range(rule.rounds(n)):
            standings.note(rule.next_round(standings, 1))
        assert standings.met == set(itertools.combinations(names(n), 2))
        assert len(standings.rested) == (n if n % 2 else 0)


def test_a_thousand_players_are_paired_quickly():
    standings, started = Standings(names(1000)), time.perf_counter()
    for number in range(5):
        standings.note(Swiss(5).next_round(standings, number))
    assert len(standings.met) == 2500
    assert time.perf_counter() - started < 2.5  # half a millisecond a pair, with room


def test_names():
    assert PAIRINGS.get("swiss")(EvolutionConfig()).rounds(35) == 3
    with pytest.raises(InputError, match="did you mean 'swiss'"):
        PAIRINGS.get("swis")
