"""Who meets whom on what: contests of one wave of a tournament; pure functions of their arguments.

A pairing yields **rounds**: lists of contests, the most wanted first. A tournament that plays whole
rounds takes one per wave; one with a number of debates takes contests until its share is used up.

A player's points in a wave are its mean score over the usable debates of the wave, in [0, 1]; so a
wave counts the same however many debates it has.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from debate_env.questions.question import Question
from debateqd.agents.base import derive_seed
from debateqd.qd.config.schema import EvolutionConfig
from debateqd.qd.debates.plans import Contest, Phase
from debateqd.qd.ratings.posterior import Posterior
from debateqd.qd.registry import Registry
from debateqd.qd.selection.allocation import AllocationSettings, Beliefs, allocate

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Round:
    """Contests that belong together, and who has no partner among them."""

    contests: tuple[Contest, ...]
    byes: tuple[str, ...] = ()


@dataclass
class Standings:
    """What has happened in a tournament so far; pairs that have met are sorted."""

    players: tuple[str, ...]
    points: dict[str, float] = field(default_factory=dict)
    ratings: Mapping[str, float] = field(default_factory=dict)
    met: set[Pair] = field(default_factory=set)
    rested: set[str] = field(default_factory=set)
    contests: Counter[str] = field(default_factory=Counter)

    def have_met(self, a: str, b: str) -> bool:
        """Whether two players have met."""
        return ((a, b) if a < b else (b, a)) in self.met

    def note(self, played: Round) -> None:
        """Note that contests were played."""
        for contest in played.contests:
            a, b = contest.first, contest.second
            self.met.add((a, b) if a < b else (b, a))
            self.contests.update({a, b})
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


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known before a wave.

    Attributes:
        standings: Who takes part, and what has happened in this tournament.
        questions: Training questions, those whose turn it is first.
        fresh: Selection questions, likewise; contests that decide are played on them. Empty where
            there is no such split.
        per_round: Questions that all pairs of a round have in common.
        per_wave: Questions that the allocated contests of a wave may be about.
        room: Contests that the pairing is asked for.
        waves_left: Waves of this tournament that are still to come, this one included.
        children: First parent of every child of this generation.
        challenges: Open decisions: challenger, and the elite that it may replace.
        anchors: The frozen panel of seeds.
        posterior: What the ratings know; ``None`` where they know no uncertainty.
        alone: Whether strategies are measured by debates with themselves.
    """

    standings: Standings
    questions: Sequence[Question] = ()
    fresh: Sequence[Question] = ()
    per_round: int = 1
    per_wave: int = 1
    room: int = 0
    waves_left: int = 1
    children: Mapping[str, str] = field(default_factory=dict)
    challenges: Sequence[Pair] = ()
    anchors: Sequence[str] = ()
    posterior: Posterior | None = None
    alone: bool = False

    def pairs_round(self, pairs: Sequence[Pair], number: int, byes: tuple[str, ...] = ()) -> Round:
        """Let all pairs of a round meet on the questions of the round."""
        start = number * self.per_round
        count = min(self.per_round, len(self.questions))
        asked = [self.questions[(start + k) % len(self.questions)] for k in range(count)]
        return Round(tuple(Contest(a, b, q) for q in asked for a, b in pairs), byes)


class Pairing(Protocol):
    """Arranges contests."""

    def waves(self, players: int) -> int | None:
        """Return the number of waves that make a tournament of so many players complete.

        ``None`` for a pairing that is never complete and needs a number of debates.
        """
        ...

    def rounds(self, situation: Situation, seed: int) -> Iterator[Round]:
        """Yield rounds, the most wanted first; it may end, or go on as long as it is asked."""
        ...


def swiss_rounds(players: int) -> int:
    """Default number of rounds: min(3, ceil(log2 n))."""
    return min(3, math.ceil(math.log2(players))) if players > 1 else 0


class Swiss:
    """Neighbours in the standings meet, no two of them twice.

    With an odd number of players the lowest-placed who has not yet rested has a bye. Where the
    greedy choice would leave a player without a new partner it is taken back; if there is truly no
    round without a rematch, neighbours meet again rather than not at all.
    """

    def __init__(self, count: int | None = None) -> None:
        self._count = count

    def waves(self, players: int) -> int:
        """Return the number of rounds."""
        return self._count if self._count is not None and players > 1 else swiss_rounds(players)

    def rounds(self, situation: Situation, seed: int) -> Iterator[Round]:
        """Pair neighbours, and again; alone, all debate themselves in every round."""
        standings = deepcopy(situation.standings)
        number = 0
        while situation.alone:
            yield situation.pairs_round([(p, p) for p in standings.players], number)
            number += 1
        while len(standings.players) > 1:
            found = self._round(situation, standings, derive_seed(seed, number), number)
            standings.note(found)
            yield found
            number += 1

    def _round(self, situation: Situation, standings: Standings, seed: int, number: int) -> Round:
        order = standings.order(seed)
        byes: tuple[str, ...] = ()
        if len(order) % 2:
            free = [p for p in order if p not in standings.rested] or order
            byes = (free[-1],)
            order.remove(free[-1])
        pairs = _without_rematch(order, standings)
        if pairs is None:
            pairs = list(zip(order[::2], order[1::2], strict=True))
        return situation.pairs_round(pairs, number, byes)


def _without_rematch(order: Sequence[str], standings: Standings) -> list[Pair] | None:
    """Pair each with the nearest one below not met before, backtracking where needed.

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


class _Endless:
    def waves(self, players: int) -> None:
        """Return ``None``: one can always play on."""


class ChildVsParent(_Endless):
    """Every child of the generation meets its own first parent, all on the same questions.

    Where strategies are measured alone the child debates itself; what its parent is worth on other
    questions is known, and how hard questions are is a matter of the rating.
    """

    def rounds(self, situation: Situation, seed: int) -> Iterator[Round]:
        """Yield one round per question, those who have played least first."""
        played = situation.standings.contests
        order = sorted(situation.children, key=lambda c: (played[c], derive_seed(seed, "child", c)))
        for question in situation.questions if order else ():
            yield Round(
                tuple(
                    Contest(c, c if situation.alone else situation.children[c], question)
                    for c in order
                )
            )


class Informative(_Endless):
    """What promises to settle open decisions; see :mod:`debateqd.qd.selection.allocation`.

    Contests are played on fresh questions, which no strategy has learned from, where there are any.
    The questions of a wave are few, so that an engine with a prefix cache reads each passage once.
    """

    settings = AllocationSettings(own=0.0, anchors=0.0)

    def rounds(self, situation: Situation, seed: int) -> Iterator[Round]:
        """Yield one round of as many contests as there is room for."""
        if situation.challenges:
            yield from _allocated(situation, self.settings, situation.fresh, "selection", seed)


class Anchors(_Endless):
    """Those who take part meet the frozen panel of seeds, so that ratings keep their zero.

    With a posterior those pairs are chosen that tell most about how far the elites lead the panel;
    without one each meets an anchor in turn.
    """

    settings = AllocationSettings(own=0.0, anchors=1.0)

    def rounds(self, situation: Situation, seed: int) -> Iterator[Round]:
        """Yield one round of as many contests as there is room for."""
        if len(situation.anchors) < 2:
            return
        if situation.posterior is not None and situation.challenges:
            yield from _allocated(situation, self.settings, (), "train", seed)
        else:
            yield from self._in_turn(situation, seed)

    @staticmethod
    def _in_turn(situation: Situation, seed: int) -> Iterator[Round]:
        played = situation.standings.contests
        panel = sorted(situation.anchors, key=lambda a: derive_seed(seed, "anchor", a))
        order = sorted(
            situation.standings.players, key=lambda p: (played[p], derive_seed(seed, "met", p))
        )
        place = 0
        for question in situation.questions:
            contests = []
            for player in order:
                place += 1
                anchor = panel[place % len(panel)]
                if anchor == player:
                    place += 1
                    anchor = panel[place % len(panel)]
                contests.append(Contest(player, anchor, question))
            yield Round(tuple(contests))


def _allocated(
    situation: Situation,
    settings: AllocationSettings,
    fresh: Sequence[Question],
    phase: Phase,
    seed: int,
) -> Iterator[Round]:
    """Yield the contests that :mod:`debateqd.qd.selection.allocation` would play, as a round."""
    posterior = situation.posterior
    if posterior is None or situation.room < 1:
        return
    asked, phase = (fresh, phase) if fresh else (situation.questions, "train")
    asked = asked[: situation.per_wave]
    effects = [posterior.questions.get(q.question_id) for q in asked]
    base = posterior.side.mean
    beliefs = Beliefs(
        posterior.mean,
        posterior.covariance,
        np.array([base + (e.mean if e else 0.0) for e in effects]),
        np.array([e.deviation if e else posterior.scales.question for e in effects]),
        posterior.dispersion,
    )
    decisions = [[posterior.index(name) for name in pair] for pair in situation.challenges]
    anchors = [posterior.index(name) for name in situation.anchors] if settings.anchors else []
    chosen = allocate(
        beliefs,
        decisions,
        situation.room,
        seed,
        form="self" if situation.alone else "duel",
        remaining=situation.room * situation.waves_left,
        anchors=anchors,
        settings=settings,
    )
    contests = [Contest(posterior.ids[i], posterior.ids[j], asked[q], phase) for i, j, q in chosen]
    yield Round(tuple(contests))


PairingFactory = Callable[[EvolutionConfig], Pairing]
"""Makes a pairing from the configuration."""

PAIRINGS: Registry[PairingFactory] = Registry("pairing", Pairing)
PAIRINGS.register("swiss", lambda config: Swiss(config.tournament.rounds))
PAIRINGS.register("parent", lambda config: ChildVsParent())
PAIRINGS.register("informative", lambda config: Informative())
PAIRINGS.register("anchors", lambda config: Anchors())
