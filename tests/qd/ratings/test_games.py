from __future__ import annotations

import dataclasses
from itertools import combinations

import pytest

from debate_env.core.protocols import Comparison
from debateqd.qd.ratings.games import GameTable
from tests.qd.making import match


def rows(games):
    columns = (games.first, games.second, games.question, games.side, games.position, games.outcome)
    return list(zip(*(c.tolist() for c in columns), strict=True))


def games_of(log, players, objective, score="credence"):
    table = GameTable(objective, score)
    return table.games(log, players), table.questions


def test_persuasion_is_a_duel():
    log = [match("a", "b", 0.75, label=0), match("b", "c", 0.25, label=1, question="q2")]
    games, questions = games_of(log, "abc", "persuasion")
    assert rows(games) == [(0, 1, 0, 1.0, 1.0, 0.75), (1, 2, 1, -1.0, 1.0, 0.25)]
    assert questions == ("q1", "q2")
    assert not games.wins_only


def test_truth_is_a_team_against_the_question():
    log = [match("a", "a", 0.75, label=0), match("b", "c", 0.25, label=1)]
    games, _ = games_of(log, "abc", "truth")
    assert rows(games) == [(0, 0, 0, -1.0, 1.0, 0.75), (1, 2, 0, -1.0, -1.0, 0.75)]


def test_wins_instead_of_credences():
    log = [match("a", "b", 0.75), match("a", "b", 0.5), match("a", "b", 0.1)]
    games, _ = games_of(log, "ab", "persuasion", "win")
    assert games.outcome.tolist() == [1.0, 0.5, 0.0]
    assert games.wins_only


def test_what_is_no_game_is_left_out():
    lost = [match("a", "b", None, kind="abstained"), match("a", "b", 0.5, kind="unusable")]
    assert not len(games_of(lost, "ab", "persuasion")[0])
    assert not len(games_of([match("a", "a", 0.9)], "ab", "persuasion")[0])
    assert len(games_of([match("a", "a", 0.9)], "ab", "truth")[0]) == 1


def test_a_log_that_grows_is_read_on():
    table = GameTable("persuasion", "credence")
    log = [match("a", "b", 0.75)]
    assert rows(table.games(log, "ab")) == [(0, 1, 0, 1.0, 1.0, 0.75)]
    log.append(match("c", "a", 0.5, question="q2"))
    assert rows(table.games(log, "abc")) == rows(games_of(log, "abc", "persuasion")[0])
    assert table.questions == ("q1", "q2")


@pytest.mark.parametrize("change", ["another list", "shorter", "other end", "other players"])
def test_another_log_is_read_anew(change):
    table = GameTable("persuasion", "credence")
    log = [match("a", "b", 0.75), match("b", "a", 0.6)]
    table.games(log, "ab")
    players = "ab"
    if change == "another list":
        log = [match("b", "a", 0.2), match("b", "a", 0.2)]
    elif change == "shorter":
        log.pop()
    elif change == "other end":
        log[1] = match("a", "b", 0.1)
    else:
        players = "ba"
    assert rows(table.games(log, players)) == rows(games_of(log, players, "persuasion")[0])


def test_what_was_read_is_not_read_again():
    read = []

    class Counted(tuple):
        def __iter__(self):
            read.append(1)
            return super().__iter__()

    def seen(*seats):
        played = match(*seats)
        return dataclasses.replace(played, comparisons=Counted(played.comparisons))

    table = GameTable("persuasion", "credence")
    log = [seen("a", "b", 0.6) for _ in range(100)]
    table.games(log, "ab")
    log += [seen("b", "a", 0.6) for _ in range(3)]
    read.clear()
    assert len(table.games(log, "ab")) == 103
    assert len(read) == 3


THREE = {"speaker_0": "a", "speaker_1": "b", "speaker_2": "c"}


def of_three(*comparisons):
    return dataclasses.replace(match("a", "b", 0.5), seats=THREE, comparisons=comparisons)


def test_all_pairs_of_three_count_half():
    pairs = combinations(THREE, 2)
    log = [of_three(*(Comparison("persuasion", (i,), (j,), 0.7, 1.0, 0.5) for i, j in pairs))]
    games, _ = games_of(log, "abc", "persuasion")
    assert [(a, b) for a, b, *_ in rows(games)] == [(0, 1), (0, 2), (1, 2)]
    assert games.weight.tolist() == [0.5, 0.5, 0.5]


def test_a_team_of_three_is_its_pairs():
    log = [of_three(Comparison("truth", tuple(THREE), (), 0.7, 1.0))]
    games, _ = games_of(log, "abc", "truth")
    assert [(a, b) for a, b, *_ in rows(games)] == [(0, 1), (0, 2), (1, 2)]
    assert games.weight.sum() == pytest.approx(1)


def test_players_that_meet_nobody_have_the_question_against_them():
    alone = dataclasses.replace(
        match("a", "a", 0.5),
        seats={"consultant_0": "a"},
        comparisons=(Comparison("persuasion", ("consultant_0",), (), 0.7, 1.0, 1.0, 1.0),),
    )
    games, _ = games_of([alone], "ab", "persuasion")
    assert games.form == "team"
    assert rows(games) == [(0, 0, 0, -1.0, 1.0, 0.7)]
    with pytest.raises(ValueError, match="not both"):
        games_of([alone, match("a", "b", 0.5)], "ab", "persuasion")
