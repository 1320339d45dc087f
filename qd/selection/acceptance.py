"""When a challenger takes an elite's place: one small rule per class.

A rule sees two strategies of one cell and what the match log lets one believe about them; it says
that the challenger takes the place, is dropped, or stays for more debates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from debate_env.errors import InputError
from debateqd.agents.base import derive_seed
from debateqd.qd.archive.base import Acceptance, Entry
from debateqd.qd.config.schema import SelectionConfig
from debateqd.qd.registry import Registry


@dataclass(frozen=True, slots=True)
class Belief:
    """What the ratings say of a challenger and the elite of its cell.

    Attributes:
        difference: The challenger's rating minus the elite's, in Elo points.
        deviation: Standard deviation of that difference; ``None`` where the rating knows none.
        better: Probability that the challenger is the stronger; ``None`` likewise.
        generations: Generations that the challenger has waited in the cell; 0 for a newcomer.
    """

    difference: float
    deviation: float | None = None
    better: float | None = None
    generations: int = 0


class AcceptanceRule(Protocol):
    """Decides whether a challenger takes a place."""

    @property
    def needs_posterior(self) -> bool:
        """Whether the rule works only with a rating that knows its own uncertainty."""

    def decide(self, challenger: Entry, incumbent: Entry, belief: Belief) -> Acceptance:
        """Say what becomes of the challenger."""

    def deposed(self, former: Entry, successor: Entry, belief: Belief) -> Acceptance:
        """Say what becomes of an elite that has just lost its place.

        ``belief`` is about ``former`` as the challenger. ``"undecided"`` keeps it as one, so that
        later debates can give it back its place; everything else lets it go.
        """


class _Final:
    """Rules by which a deposed elite goes for good."""

    def deposed(self, former: Entry, successor: Entry, belief: Belief) -> Acceptance:
        """Let it go."""
        return "reject"


class ByRating(_Final):
    """The paper's rule: the higher rating wins, ties keep the elite, losers go."""

    needs_posterior = False

    def decide(self, challenger: Entry, incumbent: Entry, belief: Belief) -> Acceptance:
        """Compare the two ratings."""
        return "accept" if belief.difference > 0 else "reject"


class Racing:
    """Accept the probably better, drop the probably worse, keep the others racing.

    Probably is with a probability above ``accept``, or below ``reject``. Challengers that stay meet
    the elite again in later generations, up to ``patience`` of them. A deposed elite that may still
    be the better one stays as a challenger, too. With equal thresholds everybody is decided on at
    once.
    """

    needs_posterior = True

    def __init__(self, accept: float = 0.5, reject: float = 0.3, patience: int = 3) -> None:
        self.accept = accept
        self.reject = reject
        self.patience = patience

    def decide(self, challenger: Entry, incumbent: Entry, belief: Belief) -> Acceptance:
        """Compare the probability with both thresholds."""
        better = _probability(belief)
        if better > self.accept:
            return "accept"
        if better < self.reject or belief.generations >= self.patience:
            return "reject"
        return "undecided"

    def deposed(self, former: Entry, successor: Entry, belief: Belief) -> Acceptance:
        """Keep it while it may be the better one."""
        return "undecided" if _probability(belief) >= self.reject else "reject"


class Coin(_Final):
    """A coin decides, whatever the ratings: **random acceptance**, a baseline.

    It is fair, so that about as many children are taken in as by a rule that decides by merit among
    equals. It is drawn from the two names, never from a score. What remains of merit: the archive
    offers children best-rated first, which matters where several belong to the same cell.
    """

    needs_posterior = False

    def decide(self, challenger: Entry, incumbent: Entry, belief: Belief) -> Acceptance:
        """Toss the coin."""
        names = (challenger.strategy_id, incumbent.strategy_id)
        return "accept" if derive_seed("win", *names) & 1 else "reject"


def _probability(belief: Belief) -> float:
    if belief.better is None:
        raise InputError(
            "evolution.selection.rule: this rule asks for a probability, which the rating does not "
            "give; use evolution.tournament.rating=bradley_terry, or the rule 'rating'"
        )
    return belief.better


AcceptanceFactory = Callable[[SelectionConfig], AcceptanceRule]
"""Makes a rule from the ``selection`` section."""

ACCEPTANCE: Registry[AcceptanceFactory] = Registry("acceptance rule", AcceptanceRule)
ACCEPTANCE.register("racing", lambda config: Racing(config.accept, config.reject, config.patience))
ACCEPTANCE.register("rating", lambda config: ByRating())
ACCEPTANCE.register("coin", lambda config: Coin())


def make_rule(config: SelectionConfig) -> AcceptanceRule:
    """Make the rule of a configuration."""
    rule: AcceptanceRule = ACCEPTANCE.make(config.rule, config)
    return rule
