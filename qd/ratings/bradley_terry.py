"""Bradley-Terry ratings of the whole match log: a view of it with a posterior.

Persuasion rates duels, truth rates teams against questions, and the mixed objective takes the
weighted mean of both; see :mod:`debateqd.qd.ratings.laplace` for the model.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from debateqd.qd.config.schema import BradleyTerryConfig, EvolutionConfig
from debateqd.qd.debates.matches import Match
from debateqd.qd.ratings.faults import warnings_of
from debateqd.qd.ratings.games import Games, GameTable, RatedObjective
from debateqd.qd.ratings.laplace import Fit, Priors, fit_games
from debateqd.qd.ratings.posterior import Posterior, combine, posterior_of
from debateqd.qd.ratings.views import RATINGS, Ratings
from debateqd.qd.statistics import Ints
from debateqd.qd.strategy import Strategy

LARGE = 2000
"""Strategies from which a fit may use all threads."""

MOST_LIVING = 1000
"""Strategies whose covariance is kept when nobody says which are living."""


@dataclass(frozen=True)
class _Rated:
    """One objective's fit with its names."""

    fit: Fit
    games: Games
    posterior: Posterior
    questions: dict[str, float]


class BradleyTerry:
    """The batch rating as a view of the match log.

    Matches are read once: when the same list is given again and has grown, only what is new is.
    That changes no result.
    """

    def __init__(self, config: BradleyTerryConfig, truth_weight: float) -> None:
        self._priors = Priors(**config.model_dump(exclude={"score"}))
        self._weight = truth_weight
        objectives: list[RatedObjective] = []
        if truth_weight < 1:
            objectives.append("persuasion")
        if truth_weight > 0:
            objectives.append("truth")
        self._tables = {name: GameTable(name, config.score) for name in objectives}
        self._threads = ThreadpoolController()

    def fit(
        self,
        matches: Iterable[Match],
        players: Mapping[str, Strategy],
        generation: int,
        *,
        living: Collection[str] = (),
        start: Ratings | None = None,
    ) -> Ratings:
        """Rate everybody from all matches; see :class:`debateqd.qd.ratings.RatingView`.

        Without ``living`` the covariance is that of the panel and of the newest strategies, 1,000
        in all. With ``start`` the scales of those ratings are held, and the fit begins where they
        ended.
        """
        log = matches if isinstance(matches, list) else list(matches)
        ids = list(players)
        numbers = {name: k for k, name in enumerate(ids)}
        panel = np.array([k for k, s in enumerate(ids) if players[s].generation == 0], dtype=int)
        alive = _alive(living, numbers, panel)
        parents = [[numbers[p] for p in players[s].parents if p in numbers] for s in ids]
        rated: dict[RatedObjective, _Rated] = {}
        for objective, table in self._tables.items():
            games = table.games(log, ids)
            form = games.form
            fit = self._fit(
                games,
                len(ids),
                parents,
                priors=self._priors,
                questions=len(table.questions),
                panel=panel,
                living=alive,
                start=None if start is None else start.starts.get(objective),
            )
            warnings = warnings_of(fit, games, ids)
            posterior = posterior_of(fit, ids, table.questions, form, warnings)
            sign = 1 if form == "team" else -1
            difficulty = {
                q: sign * (posterior.side.mean + e.mean) for q, e in posterior.questions.items()
            }
            rated[objective] = _Rated(fit, games, posterior, dict(sorted(difficulty.items())))
        return self._ratings(rated, ids)

    def _fit(self, games: Games, *args: Any, **options: Any) -> Fit:
        """Fit, with one thread where the matrices are small.

        More would only wait for each other, and how sums are split among them would decide the last
        digits.
        """
        limit = 1 if args[0] < LARGE else None
        with self._threads.limit(limits=limit, user_api="blas"):
            return fit_games(games, *args, **options)

    def _ratings(self, rated: Mapping[RatedObjective, _Rated], ids: list[str]) -> Ratings:
        weight = self._weight
        parts = list(rated.values())
        strengths = parts[0].fit.strengths
        posterior = parts[0].posterior
        if len(parts) == 2:
            strengths = (1 - weight) * strengths + weight * parts[1].fit.strengths
            posterior = combine(posterior, parts[1].posterior, weight)
        games = np.max([part.fit.games for part in parts], axis=0)
        return Ratings(
            strategies=dict(sorted(zip(ids, strengths.tolist(), strict=True))),
            questions=parts[-1].questions,
            games=dict(sorted((s, int(g)) for s, g in zip(ids, games, strict=True) if g)),
            deviations={s: posterior.deviation_of(s) for s in sorted(posterior.ids)},
            posterior=posterior,
            warnings=posterior.warnings,
            effects=posterior.effects(),
            starts={name: part.fit.start for name, part in rated.items()},
        )


def _alive(living: Collection[str], numbers: Mapping[str, int], panel: Ints) -> Ints:
    if living:
        return np.array(sorted(numbers[s] for s in set(living)), dtype=int)
    room = max(MOST_LIVING - len(panel), 0)
    others = np.setdiff1d(np.arange(len(numbers)), panel)
    return np.sort(np.concatenate([panel, others[len(others) - min(room, len(others)) :]]))


def _bradley_terry(config: EvolutionConfig, truth_weight: float) -> BradleyTerry:
    return BradleyTerry(config.tournament.bradley_terry, truth_weight)


RATINGS.register("bradley_terry", _bradley_terry)
