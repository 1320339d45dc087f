"""How many kinds of strategies are alive, whose children they are, and how unlike their texts are.

*Effective numbers* are exp(Shannon entropy) of the shares: the number of equally common kinds that
would be as diverse (Hill 1973, "Diversity and Evenness: A Unifying Notation and Its Consequences",
order 1). A strategy descends from seeds through all of its parents; a child of two has half
of each.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debateqd.qd.archive.base import Entry
from debateqd.qd.archive.registry import archive_from_dict
from debateqd.qd.mutation.novelty import normal_words, shingles_of, similarity
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.strategy import Strategy

SHINGLE = 2
"""Words per shingle of text distances, as in the default check for near copies."""


@dataclass(frozen=True, slots=True)
class Diversity:
    """The diversity of some strategies; plain numbers, all of them 0 when there are none.

    Attributes:
        effective_families: Effective number of the families that are alive.
        ancestors: Seeds that have living descendants (or live themselves).
        effective_ancestors: Their effective number, a descendant counting by its share of descent.
        mean_depth: Mean number of mutations between a strategy and its farthest seed.
        text_distance: Mean distance between the texts of two different strategies: 1 - Jaccard
            similarity of their sets of two consecutive words.
        nearest_text_distance: Mean distance to the most similar other strategy.
    """

    families: float = 0.0
    effective_families: float = 0.0
    ancestors: float = 0.0
    effective_ancestors: float = 0.0
    mean_depth: float = 0.0
    text_distance: float = 0.0
    nearest_text_distance: float = 0.0

    def to_json(self) -> dict[str, float]:
        """Return a JSON-able mapping."""
        return {name: round(value, 6) for name, value in asdict(self).items()}


def effective_number(weights: Iterable[float]) -> float:
    """Return exp(Shannon entropy) of weights of any sum; 0 without weight (Hill 1973, order 1)."""
    kept = [w for w in weights if w > 0]
    total = math.fsum(kept)
    if not kept:
        return 0.0
    return math.exp(-math.fsum(w / total * math.log(w / total) for w in kept))


def descent(strategy_id: str, strategies: Mapping[str, Strategy]) -> dict[str, float]:
    """Return a strategy's share of descent from each seed; shares add up to 1."""
    shares: dict[str, float] = {}
    pending = [(strategy_id, 1.0)]
    while pending:
        name, share = pending.pop()
        parents = strategies[name].parents
        if not parents:
            shares[name] = shares.get(name, 0.0) + share
        pending += [(parent, share / len(parents)) for parent in parents]
    return dict(sorted(shares.items()))


def depths(strategies: Mapping[str, Strategy]) -> dict[str, int]:
    """Count the mutations between strategies, in order of creation, and their farthest seeds."""
    found: dict[str, int] = {}
    for name, strategy in strategies.items():
        found[name] = max((1 + found[parent] for parent in strategy.parents), default=0)
    return found


def text_distances(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the distances between texts, 0 for equal words to 1 for no pair of words in common.

    Texts are compared as in :class:`debateqd.qd.mutation.novelty.StrategyPool`.

    Returns:
        Shape (n, n), symmetric, with zeros on the diagonal.
    """
    held = [shingles_of(normal_words(text), SHINGLE) for text in texts]
    distances = np.zeros((len(held), len(held)))
    for i, j in combinations(range(len(held)), 2):
        distances[i, j] = distances[j, i] = 1 - similarity(held[i], held[j])
    return distances


def family_diversity(elites: Iterable[Entry], strategies: Mapping[str, Strategy]) -> Diversity:
    """Measure the diversity of an archive's elites; ``strategies`` are all ever made, by id."""
    alive = [strategies[entry.strategy_id] for entry in elites]
    if not alive:
        return Diversity()
    families = Counter(strategy.family for strategy in alive)
    seeds: dict[str, float] = {}
    for strategy in alive:
        for seed, share in descent(strategy.strategy_id, strategies).items():
            seeds[seed] = seeds.get(seed, 0.0) + share
    deep = depths(strategies)
    n = len(alive)
    mean = nearest = 0.0
    if n > 1:
        distances = text_distances([strategy.text for strategy in alive])
        mean = float(distances.sum()) / (n * (n - 1))
        np.fill_diagonal(distances, np.inf)
        nearest = float(distances.min(axis=1).mean())
    return Diversity(
        families=float(len(families)),
        effective_families=effective_number(families.values()),
        ancestors=float(len(seeds)),
        effective_ancestors=effective_number(seeds.values()),
        mean_depth=sum(deep[strategy.strategy_id] for strategy in alive) / n,
        text_distance=mean,
        nearest_text_distance=nearest,
    )


def diversity_over_time(run: RunDirectory) -> list[dict[str, Any]]:
    """Return the diversity of a run's archive after each committed generation as JSON-able data."""
    strategies = run.strategies()
    rows = []
    for number in run.generations():
        elites = archive_from_dict(run.generation(number)["archive"]).elites()
        found = family_diversity(elites, strategies).to_json()
        rows.append({"generation": number, **found})
    return rows
