"""The part of a generation between its children and its report: compete, rate, choose."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from debate_env.plug_ins import wrong_result
from debateqd.qd.archive.base import Entry, Spot
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.plans import Plan
from debateqd.qd.debates.questions import RunQuestions
from debateqd.qd.debates.referee import TrainingStoppedError
from debateqd.qd.descriptors.base import Descriptor
from debateqd.qd.ratings import Ratings, make_rating
from debateqd.qd.ratings.posterior import Posterior
from debateqd.qd.selection.acceptance import make_rule
from debateqd.qd.selection.choice import Choice, choose, open_decisions
from debateqd.qd.selection.pairing import Pair, Situation, Standings
from debateqd.qd.selection.tournament import Tournament
from debateqd.qd.strategy import Strategy
from debateqd.qd.training.results import ratings_of_players
from debateqd.qd.training.state import TrainingState

log = logging.getLogger(__name__)


class Competition:
    """Plays tournaments, rates by the whole log, and lets challengers face elites.

    It remembers the last ratings only, which follow from the log.
    """

    def __init__(
        self,
        config: RunConfig,
        questions: RunQuestions,
        panel: Sequence[str],
        descriptors: Sequence[Descriptor],
    ) -> None:
        evolution = config.evolution
        self._panel = tuple(panel)
        self._protocol = config.debate.protocol
        self._tournament = Tournament(config, questions)
        self._rating = make_rating(evolution, config.truth_weight)
        self._rule = make_rule(evolution.selection)
        self._descriptors = descriptors
        self._fitted: Ratings | None = None

    def ratings(self, state: TrainingState, generation: int) -> Ratings:
        """Return the ratings after a generation; from the log where this process made none yet."""
        if self._fitted is None:
            members = [state.strategies[e.strategy_id] for e in state.archive.members()]
            self._fitted = self._fit(state, generation, self._rated(members))
        return self._fitted

    def _fit(
        self,
        state: TrainingState,
        generation: int,
        living: Sequence[str],
        start: Ratings | None = None,
    ) -> Ratings:
        found = self._rating.fit(
            state.matches, state.strategies, generation, living=living, start=start
        )
        if not isinstance(found, Ratings):
            raise wrong_result(self._rating, "fit", found, "Ratings")
        return found

    def forget(self) -> None:
        """Forget the last ratings: the log has been cut."""
        self._fitted = None

    def compete(
        self,
        state: TrainingState,
        players: Sequence[Strategy],
        children: Sequence[Strategy],
        generation: int,
        play: Callable[[Sequence[Plan]], list[Match]],
    ) -> Ratings:
        """Play the tournament; then rate all players by the whole log.

        Renews the state's ratings, and the fitness of the archive's members. ``players`` are the
        living and the children.
        """
        parents = {c.strategy_id: c.parents[0] for c in children if c.parents}
        ids = tuple(player.strategy_id for player in players)
        standings = Standings(ids, ratings=_known_ratings(state, children))
        start = Situation(standings, children=parents, anchors=self._panel)
        living = self._rated(players)
        known = self._fitted

        def look() -> tuple[Posterior | None, list[Pair]]:
            nonlocal known
            known = self._fit(state, generation, living, known)
            ratings = ratings_of_players(known, players, state.ratings)
            _renew(state, ratings)
            placed = [
                entry
                for entry in self._newcomers(state, children, ratings)
                if isinstance(state.archive.cell_of(entry.behaviour), Spot)
            ]
            pairs = open_decisions(state.archive, placed)
            # A child that cannot be placed yet is expected in the cell of its parent.
            known_cells = {entry.strategy_id for entry in placed}
            pairs += [(c, p) for c, p in parents.items() if c not in known_cells]
            return known.posterior, pairs

        self._tournament.play(start, state.strategies, generation, look, play)
        if any(m.usable for m in state.matches) and not any(m.comparisons for m in state.matches):
            raise TrainingStoppedError(
                f"protocol '{self._protocol}' compares no players, so that nobody can be rated"
            )
        # From nothing but the log, so that a resumed run finds the same.
        self._fitted = self._fit(state, generation, living)
        for warning in self._fitted.warnings:
            log.warning("ratings of generation %d: %s", generation, warning)
        state.ratings = ratings_of_players(self._fitted, players, state.ratings)
        return self._fitted

    def choose(self, state: TrainingState, children: Sequence[Strategy], generation: int) -> Choice:
        """Offer the children to the archive, and let those who waited face their elites again."""
        _renew(state, state.ratings)
        newcomers = self._newcomers(state, children, state.ratings)
        if not generation:
            ranked = sorted(newcomers, key=lambda e: (-e.fitness, e.strategy_id))
            return Choice((), state.archive.place_all(ranked))
        since = state.waiting
        choice = choose(
            state.archive,
            newcomers,
            self._rule,
            self._fitted.posterior if self._fitted else None,
            lambda strategy_id: generation - since.get(strategy_id, generation),
        )
        state.note_waiting(generation)
        return choice

    def _rated(self, players: Sequence[Strategy]) -> list[str]:
        """Those whose rating is asked for: players, their parents, and the panel."""
        ids = [p.strategy_id for p in players]
        parents = [parent for player in players for parent in player.parents[:1]]
        return list(dict.fromkeys([*ids, *parents, *self._panel]))

    def _newcomers(
        self, state: TrainingState, children: Sequence[Strategy], ratings: Mapping[str, float]
    ) -> list[Entry]:
        """Children that have spoken, with rating and measured behaviour."""
        known = state.behaviours
        return [
            Entry(c.strategy_id, ratings[c.strategy_id], behaviour.behaviour(c, self._descriptors))
            for c in children
            if c.strategy_id in ratings and (behaviour := known.get(c.strategy_id)) is not None
        ]


def _known_ratings(state: TrainingState, children: Sequence[Strategy]) -> dict[str, float]:
    """Last ratings; a child is expected to be as good as its first parent."""
    known = state.ratings
    expected = {c.strategy_id: known[p] for c in children for p in c.parents[:1] if p in known}
    return known | expected


def _renew(state: TrainingState, ratings: Mapping[str, float]) -> None:
    """Give the archive's members their latest ratings; behaviour is measured once."""
    state.archive.update(
        Entry(e.strategy_id, ratings.get(e.strategy_id, e.fitness), e.behaviour)
        for e in state.archive.members()
    )
