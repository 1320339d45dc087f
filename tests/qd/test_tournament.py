from __future__ import annotations

from collections import Counter

import pytest

from qd.config import RunConfig
from qd.matches import Match, Plan
from qd.tournament import Tournament
from tests.qd.making import match, strategy
from tests.qd.stand_ins import question_set

QUESTIONS = list(question_set())
PLAYERS = [strategy(f"s{k}") for k in range(7)]


def settings(objective: str = "persuasion", **tournament: object) -> RunConfig:
    return RunConfig.model_validate(
        {"objective": objective, "evolution": {"tournament": tournament}}
    )


class Board:
    """Plays plans by name: the higher name wins."""

    def __init__(self) -> None:
        self.rounds: list[list[Plan]] = []

    def __call__(self, plans: list[Plan]) -> list[Match]:
        self.rounds.append(list(plans))
        return [
            match(
                p.first.strategy_id,
                p.second.strategy_id,
                0.9 if p.first.strategy_id > p.second.strategy_id else 0.1,
                question=p.question.question_id,
            )
            for p in plans
        ]


@pytest.mark.parametrize("objective", ["persuasion", "truth", "mix"])
@pytest.mark.parametrize("teams", ["neighbours", "self"])
def test_the_number_of_debates_is_known_before(objective, teams):
    config = settings(objective, teams=teams, questions_per_pairing=3)
    board, tournament = Board(), Tournament(config, QUESTIONS)
    for players in (PLAYERS, PLAYERS[:6], PLAYERS[:2]):
        played = tournament.play(players, 0, {}, board)
        assert len(played) == tournament.debates(len(players))


def test_every_round_has_its_own_questions_for_all_pairs():
    board = Board()
    Tournament(settings(questions_per_pairing=2), QUESTIONS).play(PLAYERS, 3, {}, board)
    used = [{p.question.question_id for p in plans} for plans in board.rounds]
    assert [len(u) for u in used] == [2, 2, 2]
    assert len(set().union(*used)) == 6
    for plans in board.rounds:
        seats = Counter((p.first.strategy_id, p.second.strategy_id) for p in plans)
        assert all(seats[b, a] == count for (a, b), count in seats.items())
        # debates on a question stand together, so that an engine reads its passage once
        order = [p.question.question_id for p in plans]
        assert order == sorted(order, key=order.index)


def test_winners_meet_winners():
    board = Board()
    Tournament(settings(), QUESTIONS).play(PLAYERS[:4], 0, {}, board)
    first = {frozenset((p.first.strategy_id, p.second.strategy_id)) for p in board.rounds[0]}
    second = {frozenset((p.first.strategy_id, p.second.strategy_id)) for p in board.rounds[1]}
    assert frozenset(max(pair) for pair in first) in second
    assert not first & second


def test_more_questions_than_there_are_means_all_of_them():
    tournament = Tournament(settings(questions_per_pairing=99), QUESTIONS[:3])
    board = Board()
    assert len(tournament.play(PLAYERS[:2], 0, {}, board)) == tournament.debates(2) == 6


def test_an_unusable_round_costs_nobody_points():
    def lost(plans: list[Plan]) -> list[Match]:
        return [
            match(p.first.strategy_id, p.second.strategy_id, None, kind="unusable") for p in plans
        ]

    assert len(Tournament(settings(), QUESTIONS).play(PLAYERS, 0, {}, lost)) == 36
