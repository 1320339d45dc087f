"""Bradley-Terry ratings of the whole match log: a view of it with a posterior.

Persuasion rates duels, truth rates teams against questions, and the mixed objective takes the
weighted mean of both; see :mod:`debateqd.qd.ratings.laplace` for the model.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
from threadpoolctl import ThreadpoolController

from debateqd.qd.config.schema import BradleyTerryConfig
from debateqd.qd.debates.matches import Match
from debateqd.qd.ratings.faults import warnings_of
from debateqd.qd.ratings.games import GameTable, RatedObjective
from debateqd.qd.ratings.laplace import Fit, Priors, fit_games
from debateqd.qd.ratings.posterior import Posterior, combine, posterior_of
from debateqd.qd.ratings.views import RATINGS, Ratings
from debateqd.qd.strategy import Strategy

LARGE = 2000
"""Strategies from which a fit may use all threads."""


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

        Without ``living`` the covariance is that of everybody. With ``start`` the scales of those
        ratings are held, and the fit begins where they ended.
        """
        log = matches if isinstance(matches, list) else list(matches)
        ids = list(players)
        numbers = {name: k for k, name in enumerate(ids)}
        panel = np.array([k for k, s in enumerate(ids) if players[s].generation == 0], dtype=int)
        alive = sorted(numbers[s] for s in set(living)) or None
        parents = [[numbers[p] for p in players[s].parents if p in numbers] for s in ids]
        rated: dict[RatedObjective, tuple[Fit, Posterior]] = {}
        # More threads would only wait for each other where the matrices are small, and how sums are
        # split among them would decide the last digits.
        with self._threads.limit(limits=1 if len(ids) < LARGE else None, user_api="blas"):
            for objective, table in self._tables.items():
                games = table.games(log, ids)
                fit = fit_games(
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
                rated[objective] = (
                    fit,
                    posterior_of(fit, ids, table.questions, games.form, warnings),
                )
        return self._ratings(rated, ids)

    def _ratings(
        self, rated: Mapping[RatedObjective, tuple[Fit, Posterior]], ids: list[str]
    ) -> Ratings:
        weight = self._weight
        fits, posteriors = zip(*rated.values(), strict=True)
        strengths, posterior, last = fits[0].strengths, posteriors[0], posteriors[-1]
        if len(fits) == 2:
            strengths = (1 - weight) * strengths + weight * fits[1].strengths
            posterior = combine(posterior, last, weight)
        games = np.max([fit.games for fit in fits], axis=0)
        sign = 1 if last.form == "team" else -1
        difficulty = {q: sign * (last.side.mean + e.mean) for q, e in last.questions.items()}
        return Ratings(
            strategies=dict(sorted(zip(ids, strengths.tolist(), strict=True))),
            questions=dict(sorted(difficulty.items())),
            games=dict(sorted((s, int(g)) for s, g in zip(ids, games, strict=True) if g)),
            deviations={s: posterior.deviation_of(s) for s in sorted(posterior.ids)},
            posterior=posterior,
            warnings=posterior.warnings,
            effects=posterior.effects(),
            starts={name: fit.start for name, (fit, _) in rated.items()},
        )


RATINGS.register(
    "bradley_terry",
    lambda config, weight: BradleyTerry(config.tournament.bradley_terry, weight),
)
