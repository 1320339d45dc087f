"""Who meets whom: rounds of a tournament from standings; pure functions of their arguments.

A player's points in a round are its mean score over the usable debates of the round, in [0, 1]; so
a round counts the same however many debates it has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agents.base import derive_seed
from qd.config import EvolutionConfig
from qd.registry import Registry

Pair = tuple[str, str]

BYE_POINTS = {"half": 0.5, "win": 1.0, "zero": 0.0}


@dataclass(frozen=True, slots=True)
class Round:
    """Pairs of one round, and who has no partner in it."""

    pairs: tuple[Pair, ...]
    byes: tuple[str, ...] = ()


@dataclass
class Standings:
    """What has happened in a tournament so far.

    Attributes:
        players: Everybody who takes part.
        points: Points so far.
        ratings: Ratings to break ties with.
        met: Pairs that have met, each sorted.
        rested: Players that have had a bye.
    """

    players: tuple[str, ...]
    points: dict[str, float] = field(default_factory=dict)
    ratings: Mapping[str, float] = field(default_factory=dict)
    met: set[Pair] = field(default_factory=set)
    rested: set[str] = field(default_factory=set)

    def have_met(self, a: str, b: str) -> bool:
        """Whether two players have met."""
        return ((a, b) if a < b else (b, a)) in self.met

    def note(self, played: Round) -> None:
        """Note that a round was played."""
        self.met.update(tuple(sorted(pair)) for pair in played.pairs)  # type: ignore[misc]
        self.rested.update(played.byes)

    def order(self, seed: int) -> list[str]:
        """Best first: by points, then rating, then a draw that depends on seed and name alone."""
        return sorted(
            self.players,
            key=lambda p: (
                -self.points.get(p, 0.0),
                -self.ratings.get(p, 0.0),
                derive_seed(seed, "tie", p),
            ),
        )


class Pairing(Protocol):
    """Arranges a tournament."""

    def rounds(self, players: int) -> int:
        """Return the number of rounds for so many players."""
        ...

    def next_round(self, standings: Standings, seed: int) -> Round:
        """Pair the next round.

        Args:
            standings: What has happened so far.
            seed: For draws; the same seed gives the same round.
        """
        ...


def swiss_rounds(players: int) -> int:
    """Default number of rounds: min(3, ceil(log2 n))."""
    return min(3, math.ceil(math.log2(players))) if players > 1 else 0


class Swiss:
    """Neighbours in the standings meet; nobody meets the same player twice.

    With an odd number of players the lowest-placed who has not yet rested has a bye. Where the
    greedy choice would leave somebody without a new partner it is taken back; if there is truly no
    round without a rematch, neighbours meet again rather than not at all.

    Args:
        count: Number of rounds; ``None`` for :func:`swiss_rounds`.
    """

    def __init__(self, count: int | None = None) -> None:
        self._count = count

    def rounds(self, players: int) -> int:
        """Return the number of rounds."""
        return self._count if self._count is not None and players > 1 else swiss_rounds(players)

    def next_round(self, standings: Standings, seed: int) -> Round:
        """Pair neighbours; see :class:`Pairing`."""
        order = standings.order(seed)
        byes: tuple[str, ...] = ()
        if len(order) % 2:
            fresh = [p for p in order if p not in standings.rested] or order
            byes = (fresh[-1],)
            order.remove(fresh[-1])
        pairs = _without_rematch(order, standings)
        if pairs is None:
            pairs = list(zip(order[::2], order[1::2], strict=True))
        return Round(tuple(pairs), byes)


def _without_rematch(order: Sequence[str], standings: Standings) -> list[Pair] | None:
    """Pair everybody with the nearest one below not met before, backtracking where needed.

    Greedy choices nearly always work out; ``budget`` bounds the search where they do not.
    """
    budget = 50 * len(order) + 50

    def search(left: list[str]) -> list[Pair] | None:
        nonlocal budget
        if not left:
            return []
        first, rest = left[0], left[1:]
        for index, other in enumerate(rest):
            if standings.have_met(first, other):
                continue
            budget -= 1
            if budget < 0:
                return None
            found = search(rest[:index] + rest[index + 1 :])
            if found is not None:
                return [(first, other), *found]
        return None

    return search(list(order))


class RoundRobin:
    """Everybody meets everybody once, by the circle method; an odd player out has a bye.

    Args:
        count: Play this many rounds only.
    """

    def __init__(self, count: int | None = None) -> None:
        self._count = count

    def rounds(self, players: int) -> int:
        """Return the number of rounds."""
        full = players - 1 + players % 2 if players > 1 else 0
        return full if self._count is None else min(full, self._count)

    def next_round(self, standings: Standings, seed: int) -> Round:
        """Pair the round after those already played; see :class:`Pairing`."""
        players: list[str] = sorted(standings.players, key=lambda p: derive_seed(seed, "circle", p))
        circle: list[str | None] = [*players, None] if len(players) % 2 else [*players]
        size = len(circle)
        for number in range(size - 1):
            turned = [circle[0], *_rotated(circle[1:], number)]
            found = [(turned[i], turned[size - 1 - i]) for i in range(size // 2)]
            pairs = [(a, b) for a, b in found if a is not None and b is not None]
            if not any(standings.have_met(a, b) for a, b in pairs):
                byes = tuple(p for pair in found if None in pair for p in pair if p is not None)
                return Round(tuple(pairs), byes)
        return Round((), tuple(players))


def _rotated(items: Sequence[str | None], by: int) -> list[str | None]:
    return [*items[by:], *items[:by]]


PairingFactory = Callable[[EvolutionConfig], Pairing]
"""Makes a pairing from the configuration."""

PAIRINGS: Registry[PairingFactory] = Registry("pairing")
PAIRINGS.register("swiss", lambda config: Swiss(config.tournament.rounds))
PAIRINGS.register("round_robin", lambda config: RoundRobin(config.tournament.rounds))
