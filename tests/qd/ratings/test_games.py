from __future__ import annotations

import time

import numpy as np
import pytest

from debateqd.qd.ratings.games import GameTable
from tests.qd.making import match


def rows(games):
    columns = (games.first, games.second, games.question, games.side, games.position, games.outcome)
    return list(zip(*(c.tolist() for c in columns), strict=True))


def games_of(log, players, form, score="credence"):
    table = GameTable(form, score)
    return table.games(log, players), table.questions


def test_persuasion_is_a_duel():
    log = [match("a", "b", 0.75, label=0), match("b", "c", 0.25, label=1, question="q2")]
    games, questions = games_of(log, "abc", "duel")
    assert rows(games) == [(0, 1, 0, 1.0, 1.0, 0.75), (1, 2, 1, -1.0, 1.0, 0.25)]
    assert questions == ("q1", "q2")
    assert not games.wins_only


def test_truth_is_a_team_against_the_question():
    log = [match("a", "a", 0.75, label=0), match("b", "c", 0.25, label=1)]
    games, _ = games_of(log, "abc", "team")
    assert rows(games) == [(0, 0, 0, -1.0, 1.0, 0.75), (1, 2, 0, -1.0, -1.0, 0.75)]


def test_wins_instead_of_credences():
    log = [match("a", "b", 0.75), match("a", "b", 0.5), match("a", "b", 0.1)]
    games, _ = games_of(log, "ab", "duel", "win")
    assert games.outcome.tolist() == [1.0, 0.5, 0.0]
    assert games.wins_only


def test_what_is_no_game_is_left_out():
    lost = [match("a", "b", None, kind="abstained"), match("a", "b", 0.5, kind="unusable")]
    assert not len(games_of(lost, "ab", "duel")[0])
    assert not len(games_of([match("a", "a", 0.9)], "ab", "duel")[0])
    assert len(games_of([match("a", "a", 0.9)], "ab", "team")[0]) == 1


def test_a_log_that_grows_is_read_on():
    table = GameTable("duel", "credence")
    log = [match("a", "b", 0.75)]
    assert rows(table.games(log, "ab")) == [(0, 1, 0, 1.0, 1.0, 0.75)]
    log.append(match("c", "a", 0.5, question="q2"))
    assert rows(table.games(log, "abc")) == rows(games_of(log, "abc", "duel")[0])
    assert table.questions == ("q1", "q2")


@pytest.mark.parametrize("change", ["another list", "shorter", "other end", "other players"])
def test_another_log_is_read_anew(change):
    table = GameTable("duel", "credence")
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
    assert rows(table.games(log, players)) == rows(games_of(log, players, "duel")[0])


def test_reading_on_is_fast():
    ids = [f"s{k}" for k in range(1000)]
    rng = np.random.default_rng(0)
    pairs = rng.integers(1000, size=(20_000, 2))
    log = [match(ids[a], ids[b], 0.6) for a, b in pairs]
    table = GameTable("duel", "credence")
    table.games(log, ids)
    log += [match(ids[a], ids[b], 0.6) for a, b in pairs[:100]]
    started = time.perf_counter()
    table.games(log, ids)
    assert time.perf_counter() - started < 0.1  # in practice 1 ms; reading all takes 60
