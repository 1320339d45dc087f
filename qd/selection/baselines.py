"""Baselines that evolution is compared with: the same loop and debates, one part replaced.

- :func:`frozen_seeds`, a parent rule: children are always rewritten from the seeds, never from
  other children. With the operator ``rewrite`` alone this is **best-of-N**: many one-step rewrites,
  of which the tournament and the choice keep the best.
- :class:`Coin`, an acceptance rule: **random acceptance**. The same kinds of debates are played,
  but a coin decides what ratings would.

Two more have modules of their own: **StaticGen**, :mod:`debateqd.qd.mutation.static_generation`,
and a **single population**, :mod:`debateqd.qd.archive.population` with
:func:`debateqd.qd.mutation.parents.tournament_selection`. Each has a preset in ``configs/``;
``docs/baselines.md`` says what is equal in them and what is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from debateqd.agents.base import derive_seed
from debateqd.qd.archive.base import Decision, Entry
from debateqd.qd.config.schema import EvolutionConfig
from debateqd.qd.strategy import Strategy

if TYPE_CHECKING:  # debateqd.qd.selection.acceptance imports this module
    from debateqd.qd.selection.acceptance import Belief


def frozen_seeds(
    config: EvolutionConfig,
    elites: Sequence[Entry],
    strategies: Mapping[str, Strategy],
    seed: int,
) -> list[Strategy]:
    """Every seed is as likely as any other: none has two children before all have one."""
    found = [s for s in strategies.values() if not s.parents]
    order = sorted(found, key=lambda s: derive_seed(seed, "parent", s.strategy_id))
    return [order[k % len(order)] for k in range(config.children)]


class Coin:
    """A coin decides, whatever the ratings.

    It is fair, so that about as many children are taken in as by a rule that decides by merit among
    equals. It is drawn from the two names, never from a score. What remains of merit: the archive
    offers children best-rated first, which matters where several belong to the same cell.
    """

    needs_posterior = False

    def decide(self, challenger: Entry, incumbent: Entry, belief: Belief) -> Decision:
        """Toss the coin."""
        names = (challenger.strategy_id, incumbent.strategy_id)
        return "accept" if derive_seed("win", *names) & 1 else "reject"

    def deposed(self, former: Entry, successor: Entry, belief: Belief) -> Decision:
        """Let it go."""
        return "reject"
