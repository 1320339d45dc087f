"""What a rating is asked for, what it answers, and the ratings there are by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from debateqd.qd.registry import Registry

if TYPE_CHECKING:  # so that rating somebody's table needs no configuration and no agents
    from debateqd.qd.config.schema import EvolutionConfig
    from debateqd.qd.debates.matches import Match
    from debateqd.qd.ratings.laplace import Start
    from debateqd.qd.ratings.posterior import Posterior
    from debateqd.qd.strategy import Strategy


@dataclass(frozen=True, slots=True)
class Ratings:
    """How good everybody is, in Elo points.

    Attributes:
        strategies: Rating by strategy id.
        questions: Difficulty rating by question id; empty where the view has none.
        games: Usable matches behind each strategy's rating.
        deviations: Standard deviation of each strategy's rating, where the view knows one.
        posterior: Joint posterior of the living strategies, where the view knows one.
        warnings: What should make one careful, one line each.
        effects: Other numbers that the view has found, by name, in Elo points.
        starts: Where a refit may begin, by form of game; see
            :class:`debateqd.qd.ratings.laplace.Start`.
    """

    strategies: Mapping[str, float]
    questions: Mapping[str, float] = field(default_factory=dict)
    games: Mapping[str, int] = field(default_factory=dict)
    deviations: Mapping[str, float] = field(default_factory=dict)
    posterior: Posterior | None = None
    warnings: tuple[str, ...] = ()
    effects: Mapping[str, float] = field(default_factory=dict)
    starts: Mapping[str, Start] = field(default_factory=dict)


class RatingView(Protocol):
    """Turns matches into ratings."""

    def fit(
        self,
        matches: Iterable[Match],
        players: Mapping[str, Strategy],
        generation: int,
        *,
        living: Collection[str] = (),
        start: Ratings | None = None,
    ) -> Ratings:
        """Rate strategies.

        Args:
            matches: Training matches in the order of the log; unusable ones are to be skipped.
            players: Every strategy ever made, by id, with its lineage.
            generation: The generation that asks.
            living: Strategies whose joint posterior is wanted, where the view knows one.
            start: Earlier ratings to refit from, which is faster: scales that were estimated are
                held. Without it the result is a function of the other arguments alone.

        Returns:
            A rating for at least every strategy in the matches of ``generation``.
        """


RatingFactory = Callable[["EvolutionConfig", float], RatingView]
"""Makes a rating from the configuration and the weight of truth in the objective."""

RATINGS: Registry[RatingFactory] = Registry("rating", RatingView)


def make_rating(config: EvolutionConfig, truth_weight: float) -> RatingView:
    """Make the rating that ``config.tournament.rating`` names; an unknown name is an InputError."""
    from debateqd.qd.ratings import bradley_terry, elo  # noqa: F401  (they register themselves)

    view: RatingView = RATINGS.make(config.tournament.rating, config, truth_weight)
    return view
