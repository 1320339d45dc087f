"""Where a strategy comes from, what each mutation changed, and how the strategy has fared.

All of it is a view of ``strategies.jsonl`` and ``matches.jsonl``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from debate_env.errors import InputError
from debateqd.qd.debates.matches import Match
from debateqd.qd.statistics import NOTHING, Estimate, mean_interval
from debateqd.qd.strategy import Strategy

Change = Literal["kept", "removed", "added"]

_WORD = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of words that a rewrite kept, removed or added; stretches join to the texts."""

    change: Change
    text: str


def word_diff(old: str, new: str) -> tuple[Stretch, ...]:
    """Compare two texts word by word; line breaks and spaces count as part of the word before.

    Args:
        old: The parent's text.
        new: The child's text.

    Returns:
        Stretches in reading order, what was removed before what was added in its place. All but
        the added ones make up ``old``, all but the removed ones ``new``, but for the white space
        behind kept words, which is the child's.
    """
    before, after = _WORD.findall(old), _WORD.findall(new)
    # Words are equal whatever white space follows them: a reflowed text has changed nothing.
    matcher = difflib.SequenceMatcher(
        None, [w.strip() for w in before], [w.strip() for w in after], autojunk=False
    )
    found: list[Stretch] = []
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            found.append(Stretch("kept", "".join(after[k:m])))
            continue
        if j > i:
            found.append(Stretch("removed", "".join(before[i:j])))
        if m > k:
            found.append(Stretch("added", "".join(after[k:m])))
    return tuple(found)


def share_kept(stretches: Iterable[Stretch]) -> float:
    """Return the share of the parent's words that the child kept, from 0 to 1."""
    words = {"kept": 0, "removed": 0, "added": 0}
    for stretch in stretches:
        words[stretch.change] += len(stretch.text.split())
    before = words["kept"] + words["removed"]
    return words["kept"] / before if before else 1.0


def ancestors(strategy_id: str, strategies: Mapping[str, Strategy]) -> tuple[Strategy, ...]:
    """Return a strategy's ancestors, parents before their children, itself last.

    Args:
        strategy_id: The strategy.
        strategies: All strategies by id, in order of creation.

    Raises:
        InputError: A parent is missing, or was not made before its child.
    """
    order = {name: number for number, name in enumerate(strategies)}
    found = {strategy_id}
    waiting = [strategy_id]
    while waiting:
        child = waiting.pop()
        for parent in strategies[child].parents:
            if parent not in order:
                raise InputError(f"parent '{parent}' of '{child}' is missing; restore the file")
            if order[parent] >= order[child]:
                raise InputError(f"parent '{parent}' of '{child}' comes after it; restore the file")
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return tuple(strategies[name] for name in sorted(found, key=order.__getitem__))


@dataclass(frozen=True, slots=True)
class Descendant:
    """A strategy that was made from another, at some remove.

    Attributes:
        strategy: The descendant.
        depth: 1 for a child, 2 for a grandchild; the fewest steps where there are several ways.
    """

    strategy: Strategy
    depth: int


def descendants(strategy_id: str, strategies: Mapping[str, Strategy]) -> tuple[Descendant, ...]:
    """Return all descendants of a strategy in order of creation."""
    depths = {strategy_id: 0}
    found = []
    for strategy in strategies.values():  # in order of creation, so parents come first
        known = [depths[p] for p in strategy.parents if p in depths]
        if known and strategy.strategy_id not in depths:
            depths[strategy.strategy_id] = depth = min(known) + 1
            found.append(Descendant(strategy, depth))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Tally:
    """How often something was won.

    Attributes:
        won: Debates won.
        lost: Debates lost.
        tied: Debates in which the judge favoured neither.
        rate: Share won, a tie counting as half, with an interval clustered by passage.
    """

    won: int = 0
    lost: int = 0
    tied: int = 0
    rate: Estimate = NOTHING

    @property
    def played(self) -> int:
        """Debates with a usable verdict."""
        return self.won + self.lost + self.tied


@dataclass(frozen=True, slots=True)
class Record:
    """How a strategy fared in the debates of one phase.

    Attributes:
        overall: Against other strategies.
        correct: Of them, those in which it defended the correct answer.
        wrong: Of them, those in which its opponent did.
        neither: Of them, those in which nobody did.
        first: Of them, those in which its answer was presented first.
        second: The rest.
        self_play: Debates with itself; won means that the judge found the correct answer.
        unusable: Debates without a usable verdict, with whomever.
    """

    overall: Tally = field(default_factory=Tally)
    correct: Tally = field(default_factory=Tally)
    wrong: Tally = field(default_factory=Tally)
    neither: Tally = field(default_factory=Tally)
    first: Tally = field(default_factory=Tally)
    second: Tally = field(default_factory=Tally)
    self_play: Tally = field(default_factory=Tally)
    unusable: int = 0


def record(strategy_id: str, matches: Iterable[Match]) -> Record:
    """Count a strategy's debates.

    Args:
        strategy_id: The strategy.
        matches: Debates; those of others are left out.
    """
    shares: dict[str, list[tuple[float, str]]] = {}
    unusable = 0
    for match in matches:
        if strategy_id not in match.seats:
            continue
        if not match.usable:
            unusable += 1
            continue
        for name, share in _shares(strategy_id, match):
            shares.setdefault(name, []).append((share, match.passage))
    tallies = {name: _tally(observed) for name, observed in shares.items()}
    return Record(**tallies, unusable=unusable)


def _shares(strategy_id: str, match: Match) -> Iterator[tuple[str, float]]:
    """Yield which tallies a usable match counts in, and with what share."""
    if match.seats[0] == match.seats[1]:
        yield "self_play", match.truth("win")
        return
    seat = match.seats.index(strategy_id)
    share = match.share("win") if seat == 0 else 1 - match.share("win")
    yield "overall", share
    yield ("neither" if match.label > 1 else "correct" if match.label == seat else "wrong"), share
    yield ("first" if seat == 0 else "second"), share


def _tally(observed: Sequence[tuple[float, str]]) -> Tally:
    shares = [share for share, _ in observed]
    won, lost = shares.count(1.0), shares.count(0.0)
    rate = mean_interval(shares, [passage for _, passage in observed], proportion=True)
    return Tally(won, lost, len(shares) - won - lost, rate)
