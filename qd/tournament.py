"""A tournament on training questions: rounds of pairs, the same questions for all in a round.

For persuasion and mix, and for truth with ``teams: neighbours``, every pair debates each question
of the round twice, seats exchanged. For truth with ``teams: self`` every strategy debates itself,
once on each question of the round: as many debates per strategy, and nobody is rated for a partner.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from agents.base import derive_seed
from debate_env.questions import Question
from qd.config import RunConfig
from qd.contests import both_seats, points, self_debate
from qd.matches import Match, Plan
from qd.pairing import BYE_POINTS, PAIRINGS, Round, Standings
from qd.splits import by_passage
from qd.strategy import Strategy

PlayPlans = Callable[[Sequence[Plan]], list[Match]]
"""Plays debates; returns their matches in the same order."""


class Tournament:
    """Arranges and plays the tournament of a generation.

    Args:
        config: The run's configuration.
        questions: The training questions.

    Raises:
        InputError: Unknown pairing.
    """

    def __init__(self, config: RunConfig, questions: Sequence[Question]) -> None:
        self._config = config
        self._settings = config.evolution.tournament
        self._questions = questions
        self._pairing = PAIRINGS.get(self._settings.pairing)(config.evolution)

    @property
    def alone(self) -> bool:
        """Whether strategies debate themselves."""
        return self._config.objective == "truth" and self._settings.teams == "self"

    def rounds(self, players: int) -> int:
        """Return the number of rounds for so many players."""
        return self._pairing.rounds(players)

    def debates(self, players: int) -> int:
        """Return the exact number of debates for so many players."""
        questions = min(self._settings.questions_per_pairing, len(self._questions))
        count = self.rounds(players) * questions
        return count * players if self.alone else count * (players // 2) * 2

    def play(
        self,
        players: Sequence[Strategy],
        generation: int,
        ratings: Mapping[str, float],
        play: PlayPlans,
    ) -> list[Match]:
        """Play all rounds.

        Args:
            players: Who takes part.
            generation: The generation's number.
            ratings: What is known of their strength, to break ties in the standings.
            play: Plays debates.

        Returns:
            All matches, in the order they were planned.
        """
        by_id = {p.strategy_id: p for p in players}
        seed = derive_seed(self._config.seed, "tournament", generation)
        standings = Standings(tuple(by_id), ratings=ratings)
        order = sorted(self._questions, key=lambda q: derive_seed(seed, "question", q.question_id))
        matches: list[Match] = []
        for number in range(self.rounds(len(players))):
            questions = _slice(order, number, self._settings.questions_per_pairing)
            if self.alone:
                pairing = Round(tuple((p, p) for p in by_id))
            else:
                pairing = self._pairing.next_round(standings, derive_seed(seed, "round", number))
            plans = [
                plan
                for question in questions
                for a, b in pairing.pairs
                for plan in self._plans(question, (by_id[a], by_id[b]), generation, number)
            ]
            played = play(plans)
            matches += played
            self._note(standings, pairing, played)
        return matches

    def _plans(
        self, question: Question, pair: tuple[Strategy, Strategy], generation: int, number: int
    ) -> Sequence[Plan]:
        seed = self._config.seed
        if self.alone:
            return (self_debate(seed, "train", generation, question, pair[0], generation, number),)
        return both_seats(seed, "train", generation, question, pair, generation, number)

    def _note(self, standings: Standings, pairing: Round, played: Sequence[Match]) -> None:
        own: dict[str, list[Match]] = defaultdict(list)
        for match in played:
            for strategy_id in set(match.seats):
                own[strategy_id].append(match)
        for strategy_id, matches in own.items():
            # Nobody is punished for a round in which no verdict could be used.
            won = points(matches, strategy_id, self._config.truth_weight)
            won = 0.5 if won is None else won
            standings.points[strategy_id] = standings.points.get(strategy_id, 0.0) + won
        for strategy_id in pairing.byes:
            bye = BYE_POINTS[self._settings.bye]
            standings.points[strategy_id] = standings.points.get(strategy_id, 0.0) + bye
        standings.note(pairing)


def _slice(order: Sequence[Question], number: int, count: int) -> list[Question]:
    """Questions of a round: the next ones of a shuffled list, beginning again at its end."""
    size = min(count, len(order))
    return by_passage([order[(number * size + k) % len(order)] for k in range(size)])
