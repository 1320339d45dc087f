r"""Elo, as in the paper, in so far as it is published (constants: configurable).

Persuasion. Strategies a and b met and the judge sided with a (y = 1), b (0) or neither (1/2)::

    E = 1 / (1 + base^((R_b - R_a) / scale)),   R_a += K (y - E),   R_b -= K (y - E)

Truth. Both strategies are a team that plays against the question; y = 1 if the judge is right::

    R_t = (R_a + R_b) / 2,   E = 1 / (1 + base^((R_q - R_t) / scale))
    R_a += K (y - E),   R_b += K (y - E),   R_q -= K (y - E)

A strategy that debates itself is a team of one and gains once. For a mixed objective both ratings
are kept, and a strategy's rating is their weighted mean.

Elo depends on the order of matches; here that is the order of the log, which depends on nothing but
the configuration. What earlier generations left is forgotten (``reset``), kept (``carry``), or kept
and inherited by children from the mean of their parents (``inherit``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from debate_env.core.protocols import Comparison
from debateqd.qd.config.schema import EloConfig
from debateqd.qd.debates.matches import Match
from debateqd.qd.ratings.views import RATINGS, Ratings
from debateqd.qd.strategy import Strategy


def expected(own: float, other: float, config: EloConfig) -> float:
    """Expected score of ``own`` against ``other``."""
    return float(1.0 / (1.0 + config.base ** ((other - own) / config.scale)))


class _Table:
    """Ratings that change match by match."""

    def __init__(self, config: EloConfig, players: Mapping[str, Strategy]) -> None:
        self._config = config
        self._players = players
        self.ratings: dict[str, float] = {}
        self.questions: dict[str, float] = {}

    def rating(self, strategy_id: str) -> float:
        """Return a strategy's rating; newcomers start at the initial one or their parents' mean."""
        found = self.ratings.get(strategy_id)
        if found is None:
            found = self._config.initial
            parents = self._players[strategy_id].parents
            if parents and self._config.memory == "inherit":
                found = sum(map(self.rating, parents)) / len(parents)
            self.ratings[strategy_id] = found
        return found

    def rate(self, match: Match, comparison: Comparison) -> None:
        """Rate the players of a comparison against each other, or against the question."""
        config = self._config
        rated, opponents = (
            [match.seats[seat] for seat in seats]
            for seats in (comparison.rated, comparison.opponents)
        )
        if not set(rated).isdisjoint(opponents):
            return  # nobody can win against himself
        own = sum(map(self.rating, rated)) / len(rated)
        if opponents:
            other = sum(map(self.rating, opponents)) / len(opponents)
        else:
            other = self.questions.get(match.question, config.initial)
        score = comparison.win if config.score == "win" else comparison.score
        gain = config.k * comparison.weight * (score - expected(own, other, config))
        for name in dict.fromkeys(rated):
            self.ratings[name] += gain
        for name in dict.fromkeys(opponents):
            self.ratings[name] -= gain
        if not opponents:
            self.questions[match.question] = other - gain


class Elo:
    """The paper's rating as a view of the match log; ``truth_weight`` is between 0 and 1."""

    def __init__(self, config: EloConfig, truth_weight: float) -> None:
        self._config = config
        self._truth_weight = truth_weight

    def fit(
        self,
        matches: Iterable[Match],
        players: Mapping[str, Strategy],
        generation: int,
        *,
        living: Collection[str] = (),
        start: Ratings | None = None,
    ) -> Ratings:
        """Play the log through once; see :class:`debateqd.qd.ratings.RatingView`."""
        weight = self._truth_weight
        persuasion = _Table(self._config, players)
        truth = _Table(self._config, players)
        games: dict[str, int] = {}
        for match in matches:
            if not match.comparisons or (
                self._config.memory == "reset" and match.generation != generation
            ):
                continue
            for comparison in match.comparisons:
                if comparison.objective == "persuasion" and weight < 1:
                    persuasion.rate(match, comparison)
                elif comparison.objective == "truth" and weight > 0:
                    truth.rate(match, comparison)
            for strategy_id in match.players:
                games[strategy_id] = games.get(strategy_id, 0) + 1
        ratings = {
            s: (1 - weight) * persuasion.rating(s) + weight * truth.rating(s) for s in sorted(games)
        }
        return Ratings(
            ratings,
            dict(sorted({**persuasion.questions, **truth.questions}.items())),
            dict(sorted(games.items())),
        )


RATINGS.register("elo", lambda config, weight: Elo(config.tournament.elo, weight))
