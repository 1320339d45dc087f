"""Ratings: views of the match log, recomputed from it whenever they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from qd.config import EvolutionConfig
from qd.matches import Match
from qd.registry import Registry
from qd.strategy import Strategy


@dataclass(frozen=True, slots=True)
class Ratings:
    """How good everybody is, in Elo points.

    Attributes:
        strategies: Rating by strategy id.
        questions: Difficulty rating by question id; empty where the view has none.
        games: Usable matches behind each strategy's rating.
        deviations: Standard deviation of each strategy's rating, where the view knows one.
    """

    strategies: Mapping[str, float]
    questions: Mapping[str, float] = field(default_factory=dict)
    games: Mapping[str, int] = field(default_factory=dict)
    deviations: Mapping[str, float] = field(default_factory=dict)


class RatingView(Protocol):
    """Turns matches into ratings."""

    def fit(
        self, matches: Iterable[Match], players: Mapping[str, Strategy], generation: int
    ) -> Ratings:
        """Rate strategies.

        Args:
            matches: Training matches in the order of the log; unusable ones are to be skipped.
            players: Every strategy ever made, by id, with its lineage.
            generation: The generation that asks.

        Returns:
            A rating for at least every strategy in the matches of ``generation``.
        """
        ...


RatingFactory = Callable[[EvolutionConfig, float], RatingView]
"""Makes a rating from the configuration and the weight of truth in the objective."""

RATINGS: Registry[RatingFactory] = Registry("rating")


def make_rating(config: EvolutionConfig, truth_weight: float) -> RatingView:
    """Make the rating that a configuration names.

    Args:
        config: Its ``tournament.rating`` is a registered name, or ``"package.module:factory"``.
        truth_weight: 0 for persuasion, 1 for truth.

    Raises:
        InputError: Unknown name.
    """
    from qd.ratings import elo  # noqa: F401  (registers itself; it imports this module)

    return RATINGS.get(config.tournament.rating)(config, truth_weight)
