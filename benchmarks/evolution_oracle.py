"""A rating that knows what strategies are worth, for ``benchmarks/evolution.py``.

Nobody knows the true value of a strategy in a world, but many debates on questions of their own
come near it. Like the others the oracle chooses among the children that its loop makes; unlike them
it hardly ever chooses wrongly. What it reaches is what better ratings could reach at most.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from evolution_gains import SEEDS, average, drawn, duels, self_debates

from debate_env.questions.question import Question
from debateqd.qd.config.schema import EvolutionConfig
from debateqd.qd.debates.counting import believed, credence_won
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.referee import Players
from debateqd.qd.ratings import RATINGS, Ratings, RatingView
from debateqd.qd.statistics import ELO
from debateqd.qd.strategy import Strategy


class Oracle:
    """Measures every strategy once, in debates that belong to no run.

    Args:
        players: The models of the world.
        questions: Questions that nobody else is asked.
        truth: Whether strategies are measured by the truth they reach.
    """

    def __init__(self, players: Players, questions: Sequence[Question], *, truth: bool) -> None:
        self._players, self._questions, self._truth = players, questions, truth
        self._known: dict[str, float] = {}

    def fit(
        self,
        matches: Iterable[Match],
        players: Mapping[str, Strategy],
        generation: int,
        *,
        living: Collection[str] = (),
        start: Ratings | None = None,
    ) -> Ratings:
        """Rate everybody, whatever the matches say; see :class:`debateqd.qd.ratings.RatingView`."""
        return Ratings({name: self._value(strategy) for name, strategy in players.items()})

    def _value(self, strategy: Strategy) -> float:
        if strategy.text not in self._known:
            self._known[strategy.text] = self._measure(strategy)
        return self._known[strategy.text]

    def _measure(self, strategy: Strategy) -> float:
        if self._truth:
            matches = self_debates("elites", [strategy], self._questions, 1, self._players)
            return ELO * _logit(average(matches, believed))
        # Half as many questions in both seats: as many debates.
        asked = self._questions[: len(self._questions) // 2]
        pairs = [(q, strategy, drawn(q, strategy, SEEDS)) for q in asked]
        return ELO * _logit(average(duels("panel", pairs, self._players), credence_won))


def _logit(value: float) -> float:
    kept = min(max(value, 1e-6), 1 - 1e-6)
    return math.log(kept / (1 - kept))


def register_oracle(name: str, oracle: Oracle) -> None:
    """Make an oracle known to configurations under a name that is still free."""

    def make(config: EvolutionConfig, truth_weight: float) -> RatingView:
        return oracle

    if name not in RATINGS.names():
        RATINGS.register(name, make)
