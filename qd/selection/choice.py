"""The choice: challengers against the elites of their cells, by what the match log says of them.

A belief about two strategies comes from the ratings: the difference, and where the rating has a
posterior also its standard deviation and the probability that the first is better. The rule of
:mod:`debateqd.qd.selection.acceptance` decides; the archive keeps whom it leaves undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from debate_env.plug_ins import wrong_result
from debateqd.qd.archive.base import Acceptance, ArchiveEvent, Entry
from debateqd.qd.archive.grid import Archive
from debateqd.qd.archive.registry import archive_from_dict
from debateqd.qd.ratings.posterior import Posterior
from debateqd.qd.selection.acceptance import AcceptanceRule, Belief
from debateqd.qd.selection.pairing import Pair


@dataclass(frozen=True, slots=True)
class Challenge:
    """What was decided about a challenger and the elite of its cell, and on what grounds."""

    challenger: str
    incumbent: str
    belief: Belief
    decision: Acceptance


@dataclass(frozen=True, slots=True)
class Choice:
    """All decisions of a generation in order, and what happened in the archive."""

    challenges: tuple[Challenge, ...]
    events: tuple[ArchiveEvent, ...]

    @property
    def accepted(self) -> tuple[str, ...]:
        """The strategies that became elites and still were at the end."""
        crowned: dict[str, None] = {}
        for event in self.events:
            if event.kind in ("inserted", "replaced"):
                crowned[event.strategy_id] = None
            elif event.kind in ("evicted", "challenging"):
                crowned.pop(event.strategy_id, None)
        return tuple(crowned)


def _believed(
    posterior: Posterior | None, challenger: Entry, incumbent: Entry, waited: int
) -> Belief:
    if posterior is None:
        return Belief(challenger.fitness - incumbent.fitness, generations=waited)
    names = (challenger.strategy_id, incumbent.strategy_id)
    mean, deviation = posterior.difference(*names)
    return Belief(mean, deviation, posterior.better(*names), waited)


def choose(
    archive: Archive,
    children: Sequence[Entry],
    rule: AcceptanceRule,
    posterior: Posterior | None = None,
    waited: Callable[[str], int] = lambda _: 0,
) -> Choice:
    """Let those who wait face their elites again, then offer the children; changes the archive.

    The archive's members and the children have their latest ratings; ``posterior`` is what the
    ratings know, and ``waited`` tells for how many generations a challenger has.
    """
    challenges: list[Challenge] = []
    events: list[ArchiveEvent] = []

    def about(challenger: Entry, incumbent: Entry) -> Belief:
        return _believed(posterior, challenger, incumbent, waited(challenger.strategy_id))

    def decide(challenger: Entry, incumbent: Entry) -> Acceptance:
        belief = about(challenger, incumbent)
        decision = _checked(rule, "decide", rule.decide(challenger, incumbent, belief))
        challenges.append(
            Challenge(challenger.strategy_id, incumbent.strategy_id, belief, decision)
        )
        return decision

    def offer(happened: tuple[ArchiveEvent, ...], living: Mapping[str, Entry]) -> None:
        events.extend(happened)
        for event in happened:
            if event.kind != "replaced" or event.other not in living:
                continue
            former, successor = living[event.other], archive.get(event.strategy_id)
            if successor is None:
                continue
            belief = about(former, successor)
            fate = _checked(rule, "deposed", rule.deposed(former, successor, belief))
            if fate == "undecided":
                kept = archive.place(former, lambda *_: "undecided")
                events.extend(event for event in kept if event.kind == "challenging")

    living = {e.strategy_id: e for e in archive.members()}
    offer(archive.settle(decide), living)
    for child in sorted(children, key=lambda e: (-e.fitness, e.strategy_id)):
        living = {e.strategy_id: e for e in archive.elites()}
        offer(archive.place(child, decide), living)
    return Choice(tuple(challenges), tuple(events))


def _checked(rule: AcceptanceRule, method: str, said: Acceptance) -> Acceptance:
    if said not in get_args(Acceptance):
        raise wrong_result(rule, method, said, " or ".join(map(repr, get_args(Acceptance))))
    return said


def open_decisions(archive: Archive, children: Sequence[Entry]) -> list[Pair]:
    """Find out who would face whom, without changing the archive.

    Children are given as far as their behaviour is known.

    Returns:
        Pairs of challenger and elite: those who wait in a cell, then the children, best first. In
        cells that were empty, children face the best of them.
    """
    rehearsal = archive_from_dict(archive.to_dict())
    found: list[Pair] = []

    def note(challenger: Entry, incumbent: Entry) -> Acceptance:
        found.append((challenger.strategy_id, incumbent.strategy_id))
        return "undecided"

    rehearsal.settle(note)
    rehearsal.place_all(sorted(children, key=lambda e: (-e.fitness, e.strategy_id)), note)
    return found
