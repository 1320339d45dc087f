"""What each mutation operator has yielded, and the shares of children that follow from it.

A child *succeeds* when it is an elite of the archive at the end of some generation, that of its
birth or a later one, and once at most; every child asked for counts as a trial, a refused one too.
Success grows rarer as the archive improves, whatever the operator. So an operator is
compared with its contemporaries only: its **expected** successes are, generation by generation, the
children asked of it times the share of *all* children of that generation that succeeded (indirect
standardisation). Its **relative yield** is the posterior mean of a Gamma-Poisson model,

    (prior + successes) / (prior + expected successes),

that is 1 without evidence, above 1 for an operator that does better than the average child of its
time (Clayton and Kaldor 1987). Shares follow by probability matching with a floor (Goldberg 1990;
Thierens 2005): share = floor + (1 - K floor) q / sum(q), q = starting share x relative yield ^ 4.
Nothing is drawn: the same counts give the same shares.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from debate_env.draws import Draws
from debateqd.agents.base import derive_seed
from debateqd.qd.strategy import Strategy

SHARPNESS = 4.0
"""Power of the relative yield; see ``docs/mutation.md`` for how it was chosen."""

OperatorCounts = Mapping[int, Mapping[str, tuple[int, int]]]
"""By generation of birth and operator: children asked for, and those that became an elite."""


@dataclass(frozen=True, slots=True)
class OperatorSuccesses:
    """Children and successes of the operators.

    Attributes:
        counts: Of the last generations; see :data:`OperatorCounts`.
        crowned: Strategies of these generations that have been an elite and are counted.
    """

    counts: OperatorCounts = field(default_factory=dict)
    crowned: frozenset[str] = frozenset()

    def after(
        self,
        generation: int,
        operators: Iterable[str],
        elites: Iterable[str],
        strategies: Mapping[str, Strategy],
        window: int,
    ) -> OperatorSuccesses:
        """Count a generation.

        Args:
            generation: Its number.
            operators: The operator of every child that was asked for, refused ones included.
            elites: Ids of the archive's elites when the generation ends.
            strategies: Strategies by id.
            window: How many generations to remember; of older ones nothing counts.
        """
        counts = {
            born: {name: list(pair) for name, pair in row.items()}
            for born, row in self.counts.items()
        }
        row = counts.setdefault(generation, {})
        for name in operators:
            row.setdefault(name, [0, 0])[0] += 1
        living = list(elites)
        for strategy_id in living:
            strategy = strategies[strategy_id]
            if strategy_id in self.crowned or not strategy.parents:
                continue
            pair = counts.get(strategy.generation, {}).get(strategy.operator)
            if pair is not None:
                pair[1] += 1
        first = generation - max(1, window) + 1
        kept = {
            born: {name: (made, won) for name, (made, won) in sorted(names.items())}
            for born, names in sorted(counts.items())
            if names and born >= first
        }
        crowned = {s for s in (*self.crowned, *living) if strategies[s].generation in kept}
        return OperatorSuccesses(kept, frozenset(crowned))

    def totals(self) -> dict[str, tuple[int, int, float]]:
        """Sum up: children asked for, successes, and expected successes of every operator."""
        found: dict[str, tuple[int, int, float]] = {}
        for row in self.counts.values():
            asked = sum(made for made, _ in row.values())
            rate = sum(won for _, won in row.values()) / asked if asked else 0.0
            for name, (made, won) in row.items():
                old = found.get(name, (0, 0, 0.0))
                found[name] = (old[0] + made, old[1] + won, old[2] + made * rate)
        return dict(sorted(found.items()))

    def relative(self, operator: str, prior: float) -> float:
        """Return the relative yield, 1 where average; ``prior`` is in expected successes."""
        _, won, expected = self.totals().get(operator, (0, 0, 0.0))
        return (prior + won) / (prior + expected)

    def to_json(self) -> dict[str, Any]:
        """Return the counts as plain data."""
        return {
            "counts": {
                str(born): {name: list(pair) for name, pair in row.items()}
                for born, row in self.counts.items()
            },
            "crowned": sorted(self.crowned),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OperatorSuccesses:
        """Read what :meth:`to_json` returned.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: A field is missing or of the wrong
                kind.
        """
        counts = {
            int(born): {str(name): (int(made), int(won)) for name, (made, won) in row.items()}
            for born, row in data["counts"].items()
        }
        return cls(counts, frozenset(map(str, data["crowned"])))


def adapted_shares(
    starting: Mapping[str, float],
    yields: OperatorSuccesses,
    *,
    floor: float,
    prior: float,
    window: int,
) -> dict[str, float]:
    """Return the share of every operator that has a starting share above 0; they add up to 1.

    A ``window`` of 0 generations leaves the starting shares alone; ``floor`` is the least share,
    ``prior`` the weight of the starting shares, in expected successes per operator.
    """
    active = {name: share for name, share in starting.items() if share > 0}
    if window:
        active = {
            name: share * yields.relative(name, prior) ** SHARPNESS
            for name, share in active.items()
        }
    total = math.fsum(active.values())
    if not window:
        return {name: share / total for name, share in active.items()}
    rest = 1.0 - floor * len(active)
    return {name: floor + rest * share / total for name, share in active.items()}


def allot(shares: Mapping[str, float], children: int, seed: int) -> list[str]:
    """Give every child an operator: each as often as its share says, up to one, in random order.

    Systematic sampling: one random offset, then equal steps through the shares, so that numbers
    vary as little as whole numbers can and their means are exact.
    """
    draws = Draws(derive_seed(seed, "operators").to_bytes(8, "big"))
    offset = draws.uniform()
    names, found, mark = list(shares), list[str](), 0.0
    for name in names:
        mark += shares[name] * children
        while len(found) < children and len(found) + offset < mark:
            found.append(name)
    found += names[-1:] * (children - len(found))  # what rounding left
    return draws.shuffle(found)


def operator_stats(
    shares: Mapping[str, float], yields: OperatorSuccesses, prior: float, asked: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Sum up for results: shares and children of this generation, yields as remembered."""
    totals = yields.totals()
    names = dict.fromkeys((*shares, *asked))
    return {
        name: {
            "share": shares.get(name, 0.0),
            "asked": asked.count(name),
            "children": totals.get(name, (0, 0, 0.0))[0],
            "elites": totals.get(name, (0, 0, 0.0))[1],
            "relative_yield": yields.relative(name, prior),
        }
        for name in names
    }
