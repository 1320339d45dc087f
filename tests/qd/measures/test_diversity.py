from __future__ import annotations

import math

import pytest

from debateqd.qd.archive.base import Entry
from debateqd.qd.measures.diversity import (
    Diversity,
    depths,
    descent,
    effective_number,
    family_diversity,
    text_distances,
)
from debateqd.qd.seeds import seed_strategies
from debateqd.qd.strategy import Strategy

POOL = {
    s.strategy_id: s
    for s in (
        Strategy("a", "authority", "one two three four"),
        Strategy("b", "storytelling", "five six seven eight"),
        Strategy("c", "authority", "one two three nine", ("a",), 1, "rewrite"),
        Strategy("d", "authority", "ten eleven twelve", ("c", "b"), 2, "crossover"),
        Strategy("e", "authority", "thirteen fourteen", ("d", "d"), 3, "crossover"),
    )
}


def entries(*names: str) -> list[Entry]:
    return [Entry(name, 0.0) for name in names]


def test_effective_numbers_are_those_of_equally_common_kinds() -> None:
    assert effective_number([5, 5, 5, 5]) == pytest.approx(4)
    assert effective_number([1]) == 1.0
    assert effective_number([]) == effective_number([0.0]) == 0.0
    shares = (0.5, 0.25, 0.25)
    assert effective_number(shares) == pytest.approx(math.exp(1.5 * math.log(2)))
    assert effective_number([s * 7 for s in shares]) == pytest.approx(effective_number(shares))


def test_descent_is_shared_between_parents() -> None:
    assert descent("a", POOL) == {"a": 1.0}
    assert descent("d", POOL) == {"a": 0.5, "b": 0.5}
    assert descent("e", POOL) == {"a": 0.5, "b": 0.5}


def test_depth_counts_mutations_to_the_farthest_seed() -> None:
    assert list(depths(POOL).values()) == [0, 0, 1, 2, 3]


def test_long_lineages_need_no_recursion() -> None:
    line = {"s0": Strategy("s0", "authority", "t")}
    for k in range(1, 3000):
        line[f"s{k}"] = Strategy(f"s{k}", "authority", "t", (f"s{k - 1}",), k)
    assert depths(line)["s2999"] == 2999
    assert descent("s2999", line) == {"s0": 1.0}


def test_the_diversity_of_a_small_archive() -> None:
    found = family_diversity(entries("b", "c", "d"), POOL)
    assert found.families == 2
    assert found.effective_families == pytest.approx(effective_number([2, 1]))
    assert found.ancestors == 2
    assert found.effective_ancestors == pytest.approx(2.0)  # 1.5 from each
    assert found.mean_depth == pytest.approx(1.0)
    assert found.text_distance == 1.0
    assert all(isinstance(v, float) for v in found.to_json().values())


def test_alone_and_nobody() -> None:
    assert family_diversity([], POOL) == Diversity()
    alone = family_diversity(entries("a"), POOL)
    assert (alone.families, alone.text_distance, alone.nearest_text_distance) == (1, 0, 0)


def test_distances_are_one_minus_jaccard_of_word_pairs() -> None:
    found = text_distances(["one two three four", "One, two THREE nine!", "x", "", "x"])
    assert found[0, 1] == pytest.approx(1 - 2 / 4)  # (one two), (two three) of four pairs
    assert found[0, 2] == 1.0
    assert found[2, 4] == 0.0
    assert (found.diagonal() == 0).all()
    assert (found == found.T).all()


def test_the_seeds_are_as_diverse_as_can_be() -> None:
    seeds = {s.strategy_id: s for s in seed_strategies()}
    found = family_diversity(entries(*seeds), seeds)
    assert found.families == pytest.approx(found.effective_families) == 7
    assert found.ancestors == pytest.approx(found.effective_ancestors) == 35
    assert found.mean_depth == 0
    assert 0.8 < found.nearest_text_distance <= found.text_distance <= 1
