"""Warnings: what in the games makes ratings rest on the prior, named with the strategies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from debateqd.qd.ratings.games import Games
from debateqd.qd.ratings.laplace import Fit
from debateqd.qd.statistics import Ints

NAMED = 3
FAR = 1200.0
"""Beyond so many Elo points the expected score is over 0.999, and results hardly tell how far."""


def components(games: Games, n: int) -> Ints:
    """Number of the connected part of the comparison graph that each strategy is in, (n,).

    Strategies are joined by duels with each other. Teams are compared through the questions, so a
    question joins whoever debated it.
    """
    size = n
    left, right = games.first, games.second
    if games.form == "team":
        asked = games.question >= 0
        size = n + (int(games.question.max()) + 1 if len(games) else 0)
        common = n + games.question[asked]
        left = np.concatenate([left, games.first[asked]])
        right = np.concatenate([right, common])
    edges = sparse.coo_array((np.ones(len(left)), (left, right)), shape=(size, size))
    _, labels = connected_components(edges.tocsr(), directed=False)
    return np.asarray(labels[:n], dtype=np.int64)


def _named(numbers: Ints, ids: Sequence[str]) -> str:
    names = [ids[k] for k in numbers[:NAMED]]
    more = len(numbers) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def warnings_of(fit: Fit, games: Games, ids: Sequence[str]) -> tuple[str, ...]:
    """Say what makes ratings rest on the prior; strategies without an id are called by number."""
    n = len(fit.strengths)
    ids = [*ids, *map(str, range(len(ids), n))]
    if not len(games):
        return ("no usable games: every rating is the prior's",) if n else ()
    found = []
    alive = np.zeros(n, dtype=bool)
    alive[fit.living] = True
    idle = np.flatnonzero((fit.games == 0) & alive)
    if len(idle):
        found.append(f"no usable games, rated by lineage alone: {_named(idle, ids)}")
    labels = components(games, n)
    if len(fit.panel):
        linked = np.isin(labels, labels[fit.panel[fit.games[fit.panel] > 0]])
        apart = np.flatnonzero(~linked & (fit.games > 0) & alive)
        what = "never compared, even indirectly, with a panel member"
        if len(apart):
            found.append(f"{what}, rated by lineage and prior alone: {_named(apart, ids)}")
        parts = len(np.unique(labels[fit.panel[fit.games[fit.panel] > 0]]))
        if parts > 1:
            found.append(
                f"the panel falls into {parts} groups that never met, even indirectly; differences "
                "between groups rest on the prior"
            )
    far = np.flatnonzero((np.abs(fit.strengths) > FAR) & (fit.games > 0) & alive)
    if len(far):
        found.append(
            f"more than {FAR:.0f} points from the panel, a distance that results hardly measure: "
            f"{_named(far, ids)}"
        )
    found += _identical(fit, alive, ids)
    return tuple(found)


def _identical(fit: Fit, alive: np.ndarray, ids: Sequence[str]) -> list[str]:
    """Strategies that nothing tells apart: the same rating from the same number of games."""
    some = np.flatnonzero(alive & (fit.games > 0))
    keys = np.column_stack([np.round(fit.strengths[some], 6) + 0.0, fit.games[some]])
    _, group, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    twins = some[counts[group.ravel()] > 1]
    if not len(twins):
        return []
    return [f"identical records, which give no order: {_named(twins, ids)}"]
