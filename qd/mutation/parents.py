"""Who has children: one small rule per function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from debate_env.plug_ins import PlugInError
from debateqd.agents.base import derive_seed
from debateqd.qd.archive.base import Entry
from debateqd.qd.config.schema import EvolutionConfig
from debateqd.qd.registry import Registry
from debateqd.qd.strategy import Strategy

ParentRule = Callable[
    [EvolutionConfig, Sequence[Entry], Mapping[str, Strategy], int], list[Strategy]
]
"""From configuration, elites, strategies by id and a seed to one first parent per child."""

PARENTS: Registry[ParentRule] = Registry("parent rule")


def parent_rule(name: str) -> ParentRule:
    """Find a parent rule; one of a user's own must be a function."""
    rule = PARENTS.get(name)
    if not callable(rule):
        raise PlugInError(
            f"parent rule {name!r} is a {type(rule).__name__}, which cannot be called; see "
            "docs/extending.md for what it has to be"
        )
    return rule


def random_elites(
    config: EvolutionConfig, elites: Sequence[Entry], strategies: Mapping[str, Strategy], seed: int
) -> list[Strategy]:
    """Every occupied cell is as likely as any other: none has two children before all have one."""
    order = sorted(elites, key=lambda e: derive_seed(seed, "parent", e.strategy_id))
    return [strategies[order[k % len(order)].strategy_id] for k in range(config.children)]


def frozen_seeds(
    config: EvolutionConfig, elites: Sequence[Entry], strategies: Mapping[str, Strategy], seed: int
) -> list[Strategy]:
    """Every seed is as likely as any other, whatever lives: none has two before all have one.

    With the operator ``rewrite`` alone this is **best-of-N**: many one-step rewrites, of which the
    tournament and the choice keep the best.
    """
    found = [s for s in strategies.values() if not s.parents]
    order = sorted(found, key=lambda s: derive_seed(seed, "parent", s.strategy_id))
    return [order[k % len(order)] for k in range(config.children)]


def best_of_family(
    config: EvolutionConfig, elites: Sequence[Entry], strategies: Mapping[str, Strategy], seed: int
) -> list[Strategy]:
    """The best-rated of every family have one child each (the paper); ``children`` is not used."""
    ranked = sorted(elites, key=lambda e: (-e.fitness, e.strategy_id))
    families: dict[str, list[Strategy]] = {}
    for entry in ranked:
        strategy = strategies[entry.strategy_id]
        families.setdefault(strategy.family, []).append(strategy)
    return [s for f in sorted(families) for s in families[f][: config.parents.per_family]]


def tournament_selection(
    config: EvolutionConfig, elites: Sequence[Entry], strategies: Mapping[str, Strategy], seed: int
) -> list[Strategy]:
    """Of a few drawn at random the best rated has a child; drawn anew for every child.

    Tournament selection without replacement within a tournament (Eiben and Smith, Introduction to
    Evolutionary Computing, 2nd edition, section 5.2.4); of equals the older one.
    """
    size = config.parents.tournament_size
    parents = []
    for child in range(config.children):
        drawn = sorted(elites, key=lambda e: derive_seed(seed, "draw", child, e.strategy_id))[:size]
        best = min(drawn, key=lambda e: (-e.fitness, e.strategy_id))
        parents.append(strategies[best.strategy_id])
    return parents


def most_children(config: EvolutionConfig, families: int) -> int:
    """Upper bound of children per generation, for estimates; own rules count like ``elites``."""
    if config.parents.rule == "best_of_family":
        return config.parents.per_family * families
    return config.children


PARENTS.register("elites", random_elites)
PARENTS.register("best_of_family", best_of_family)
PARENTS.register("seeds", frozen_seeds)
PARENTS.register("tournament", tournament_selection)
