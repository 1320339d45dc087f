from __future__ import annotations

from collections import Counter

from debateqd.qd.archive.base import Entry
from debateqd.qd.config.schema import EvolutionConfig, ParentsConfig
from debateqd.qd.mutation.parents import PARENTS, tournament_selection
from debateqd.qd.strategy import Strategy

NAMES = [f"s{n}" for n in range(10)]
KNOWN = {n: Strategy(n, "rationality", f"text of {n}") for n in NAMES}
ELITES = [Entry(n, float(k)) for k, n in enumerate(NAMES)]  # s9 is the best rated


def drawn(size: int, seed: int = 1, children: int = 4000, elites=ELITES) -> Counter[str]:
    config = EvolutionConfig(children=children, parents=ParentsConfig(tournament_size=size))
    return Counter(s.strategy_id for s in tournament_selection(config, elites, KNOWN, seed))


def test_a_tournament_of_one_is_chance():
    assert PARENTS.get("tournament") is tournament_selection
    assert all(320 < drawn(1)[name] < 480 for name in NAMES)


def test_the_best_of_two_has_the_chances_of_its_rank():
    # Without replacement the k-th best of n wins 2 (n - k) / (n (n - 1)); the last never does.
    found = drawn(2)
    assert found["s0"] == 0
    for rank, name in enumerate(reversed(NAMES), 1):
        expected = 4000 * 2 * (10 - rank) / 90
        assert abs(found[name] - expected) < 4 * expected**0.5 + 1


def test_a_large_tournament_is_won_by_the_best():
    assert drawn(99) == {"s9": 4000}


def test_equals_give_the_older_one_and_the_order_of_elites_means_nothing():
    equals = [Entry(n, 1.0) for n in NAMES]
    assert drawn(99, elites=equals[::-1]) == {"s0": 4000}
    assert drawn(2, elites=ELITES[::-1]) == drawn(2)
    assert drawn(2, seed=2) != drawn(2)
