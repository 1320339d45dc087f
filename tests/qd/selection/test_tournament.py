from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from debate_env.errors import InputError
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.matches import Match, Plan
from debateqd.qd.debates.questions import RunQuestions, split_questions
from debateqd.qd.ratings.posterior import Posterior
from debateqd.qd.selection.pairing import Pair, Round, Situation, Standings
from debateqd.qd.selection.tournament import Tournament
from debateqd.qd.strategy import Strategy
from tests.qd.making import ids, match, posterior, strategy
from tests.qd.stand_ins import question_set

PLAYERS = [strategy(f"s{k}") for k in range(7)]
SWISS: dict[str, object] = {"debates": None, "pairings": {"swiss": 1}}


def settings(objective: str = "persuasion", **tournament: object) -> RunConfig:
    return RunConfig.model_validate(
        {"objective": objective, "evolution": {"tournament": tournament}}
    )


def dealt(config: RunConfig) -> RunQuestions:
    return split_questions(question_set(), config.questions)


class Board:
    """Plays plans by name: the higher name wins."""

    def __init__(self) -> None:
        self.rounds: list[list[Plan]] = []

    def __call__(self, plans: Sequence[Plan]) -> list[Match]:
        self.rounds.append(list(plans))
        return [
            match(
                *ids(p),
                0.9 if ids(p)[0] > ids(p)[1] else 0.1,
                question=p.question.question_id,
            )
            for p in plans
        ]


def play(
    config: RunConfig,
    players: Sequence[Strategy],
    play_plans=None,
    *,
    generation: int = 0,
    outlook: tuple[Posterior | None, Sequence[Pair]] = (None, ()),
    anchors: Sequence[Strategy] = (),
    questions: RunQuestions | None = None,
) -> tuple[Tournament, list[Match]]:
    tournament = Tournament(config, questions or dealt(config))
    known = {s.strategy_id: s for s in (*players, *anchors)}
    start = Situation(
        Standings(tuple(p.strategy_id for p in players)),
        children={p.strategy_id: p.parents[0] for p in players if p.parents},
        anchors=[a.strategy_id for a in anchors],
    )
    played = tournament.play(start, known, generation, lambda: outlook, play_plans or Board())
    return tournament, played


@pytest.mark.parametrize("objective", ["persuasion", "truth", "mix"])
@pytest.mark.parametrize("teams", ["neighbours", "self"])
def test_the_number_of_debates_of_whole_rounds_is_known_before(objective, teams):
    config = settings(objective, teams=teams, questions_per_pairing=3, **SWISS)
    for players in (PLAYERS, PLAYERS[:6], PLAYERS[:2]):
        tournament, played = play(config, players)
        assert len(played) == tournament.debates(len(players))


def test_every_round_has_its_own_questions_for_all_pairs():
    board = Board()
    play(settings(questions_per_pairing=2, **SWISS), PLAYERS, board, generation=3)
    used = [{p.question.question_id for p in plans} for plans in board.rounds]
    assert [len(u) for u in used] == [2, 2, 2]
    assert len(set().union(*used)) == 6
    for plans in board.rounds:
        seats = Counter(ids(p) for p in plans)
        assert all(seats[b, a] == count for (a, b), count in seats.items())
        # debates on a passage stand together, so that an engine reads it once
        order = [p.question.passage_id for p in plans]
        assert order == sorted(order, key=order.index)


def test_winners_meet_winners():
    board = Board()
    play(settings(**SWISS), PLAYERS[:4], board)
    first = {frozenset(ids(p)) for p in board.rounds[0]}
    second = {frozenset(ids(p)) for p in board.rounds[1]}
    assert frozenset(max(pair) for pair in first) in second
    assert not first & second


def test_more_questions_than_there_are_means_all_of_them():
    config = settings(questions_per_pairing=99, **SWISS)
    tournament, played = play(config, PLAYERS[:2])
    assert len(played) == tournament.debates(2) == 2 * len(dealt(config).train)


def points_of(config: RunConfig, players: Sequence[Strategy], board) -> dict[str, float]:
    standings = Standings(tuple(p.strategy_id for p in players))
    known = {p.strategy_id: p for p in players}
    play_plans = Tournament(config, dealt(config)).play
    played = play_plans(Situation(standings), known, 0, lambda: (None, ()), board)
    assert standings.contests.total() == len(played)  # two debates of two players each
    return standings.points


def test_a_round_won_is_a_point_and_who_rests_gets_half_of_one():
    one = settings(rounds=1, debates=None, pairings={"swiss": 1})
    assert sorted(points_of(one, PLAYERS[:3], Board()).values()) == [0.0, 0.5, 1.0]
    assert points_of(one, PLAYERS[:2], Board()) == {"s0": 0.0, "s1": 1.0}
    two = settings(rounds=2, debates=None, pairings={"swiss": 1})
    assert points_of(two, PLAYERS[:2], Board()) == {"s0": 0.0, "s1": 2.0}


def test_an_unusable_round_costs_nobody_points():
    def lost(plans: Sequence[Plan]) -> list[Match]:
        return [match(*ids(p), None, kind="unusable") for p in plans]

    points = points_of(settings(**SWISS), PLAYERS, lost)
    assert points == {p.strategy_id: 1.5 for p in PLAYERS}


class Watching:
    """A pairing that wants nothing, and notes what it was told."""

    def __init__(self) -> None:
        self.told: list[Situation] = []

    def waves(self, players: int) -> None:
        return None

    def rounds(self, situation: Situation, seed: int) -> Iterator[Round]:
        self.told.append(situation)
        return iter(())


def test_what_a_pairing_is_told_before_every_wave():
    config = settings(debates=14, waves=3, questions_per_pairing=3, questions_per_wave=2)
    tournament, first, second = Tournament(config, dealt(config)), Watching(), Watching()
    tournament._pairings = [(first, 3.0), (second, 1.0)]
    known = {p.strategy_id: p for p in PLAYERS}
    tournament.play(Situation(Standings(tuple(known))), known, 0, lambda: (None, ()), Board())
    # Waves of 4, 5 and 5 debates; three quarters, and whatever is left: two debates a contest.
    assert [s.room for s in first.told] == [2, 2, 2]
    assert [s.room for s in second.told] == [2, 3, 3]
    assert [s.waves_left for s in first.told] == [3, 2, 1]
    assert {(s.per_round, s.per_wave, s.alone) for s in first.told} == {(3, 2, False)}
    for name in ("questions", "fresh"):
        turns = [getattr(s, name) for s in first.told]
        assert turns[1] == turns[0][2:] + turns[0][:2]  # two questions are asked in a wave
        assert turns[2] == turns[0][4:] + turns[0][:4]
    split = dealt(config)
    for told, part in (("questions", split.train), ("fresh", split.selection)):
        asked = {q.question_id for q in getattr(first.told[0], told)}
        assert asked == {q.question_id for q in part}


@pytest.mark.parametrize(
    ("objective", "teams", "alone"),
    [
        ("truth", "self", True),
        ("truth", "neighbours", False),
        ("persuasion", "self", False),
        ("mix", "self", False),
    ],
)
def test_who_debates_alone(objective, teams, alone):
    config = settings(objective, teams=teams)
    tournament = Tournament(config, dealt(config))
    assert tournament.alone is alone
    assert tournament.looks
    config = settings(objective, teams=teams, questions_per_pairing=2, rounds=3, **SWISS)
    assert not Tournament(config, dealt(config)).looks
    # 7 players in 3 rounds on 2 questions: all of them alone, or 3 pairs in both seats.
    assert Tournament(config, dealt(config)).debates(7) == (42 if alone else 36)


@pytest.mark.parametrize(
    ("debates", "waves", "expected"),
    [(7, 3, [2, 2, 3]), (8, 3, [2, 3, 3]), (9, 2, [4, 5]), (2, 3, [0, 1, 1]), (5, 1, [5])],
)
def test_debates_are_dealt_out_evenly_to_the_waves(debates, waves, expected):
    """A duel is two debates, and there is no half of one; debates with oneself come singly."""
    board, shares = Board(), {"debates": debates, "waves": waves, "pairings": {"swiss": 1}}
    play(settings("truth", **shares), PLAYERS, board)
    assert [len(plans) for plans in board.rounds] == expected


CHILDREN = [strategy(f"t{k}", f"s{k}") for k in range(4)]
FAMILY = [*PLAYERS, *CHILDREN]
SHARES = {"parent": 0.5, "informative": 0.3, "anchors": 0.2}


def family_outlook() -> tuple[Posterior, list[Pair]]:
    ids = tuple(s.strategy_id for s in FAMILY)
    known = posterior(ids, np.zeros(len(ids)), np.eye(len(ids)) * 3600)
    return known, [("t0", "s3"), ("t1", "s1")]


@pytest.mark.parametrize("objective", ["persuasion", "truth"])
def test_pairings_share_the_debates(objective):
    config = settings(objective, debates=80, waves=2, pairings=SHARES)
    board = Board()
    _, played = play(config, FAMILY, board, outlook=family_outlook(), anchors=PLAYERS)
    assert len(played) == 80
    plans = [p for wave in board.rounds for p in wave]
    assert len({(p.question.question_id, *p.match_id("pool")) for p in plans}) == 80
    fresh = [p for p in plans if p.phase == "selection"]
    assert len(fresh) == pytest.approx(24, abs=2)
    assert {s for p in fresh for s in ids(p)} <= {
        "t0",
        "s3",
        "t1",
        "s1",
    }
    selection = {q.question_id for q in dealt(config).selection}
    assert {p.question.question_id for p in fresh} <= selection
    assert not {p.question.question_id for p in plans if p.phase == "train"} & selection


def test_children_meet_their_parents_in_both_seats():
    board = Board()
    play(settings(debates=32, waves=1, pairings={"parent": 1}), FAMILY, board)
    met = Counter(ids(p) for p in board.rounds[0])
    assert met == {pair: 4 for k in range(4) for pair in ((f"t{k}", f"s{k}"), (f"s{k}", f"t{k}"))}


def test_what_a_pairing_cannot_use_is_played_by_neighbours():
    # Nobody has children or open decisions in the first generation.
    board = Board()
    _, played = play(settings(debates=40, waves=2, pairings=SHARES), PLAYERS, board)
    assert len(played) == 40
    assert len({ids(p)[0] for wave in board.rounds for p in wave}) == 7


def test_a_tournament_that_runs_out_of_new_debates_ends():
    config = settings("truth", debates=10_000, waves=1, pairings={"swiss": 1})
    _, played = play(config, PLAYERS[:2])
    assert len(played) == 2 * len(dealt(config).train)


def test_no_debates_without_an_end():
    with pytest.raises(InputError, match="give a number of debates"):
        Tournament(settings(debates=None), dealt(settings()))
    lone = settings(debates=None, pairings={"parent": 1})
    with pytest.raises(InputError, match="'parent' has no end of its own"):
        Tournament(lone, dealt(lone)).debates(7)
    with pytest.raises(InputError, match="at least one pairing"):
        Tournament(settings(pairings={"swiss": 0}), dealt(lone))
