from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from debate_env.errors import InputError
from debateqd.qd.config.schema import EvolutionConfig
from debateqd.qd.ratings.posterior import Effect
from debateqd.qd.selection.pairing import (
    PAIRINGS,
    Anchors,
    ChildVsParent,
    Informative,
    Pair,
    Pairing,
    Round,
    Situation,
    Standings,
    Swiss,
    swiss_rounds,
)
from tests.qd.making import posterior
from tests.qd.stand_ins import question_set

QUESTIONS = list(question_set())


def names(count: int) -> tuple[str, ...]:
    return tuple(f"s{k:04d}" for k in range(count))


def situation(standings: Standings, **more: object) -> Situation:
    return Situation(standings, QUESTIONS, **more)  # type: ignore[arg-type]


def next_round(pairing: Pairing, standings: Standings, seed: int) -> Round:
    return next(pairing.rounds(situation(standings), seed))


def pairs(found: Round) -> tuple[Pair, ...]:
    return tuple((c.first, c.second) for c in found.contests)


@pytest.mark.parametrize(("n", "rounds"), [(0, 0), (1, 0), (2, 1), (3, 2), (5, 3), (35, 3)])
def test_default_rounds(n, rounds):
    assert swiss_rounds(n) == rounds
    assert Swiss().waves(n) == rounds


@given(st.integers(2, 25), st.integers(1, 8), st.integers(0, 99))
def test_swiss_meets_everybody_once_a_round_and_nobody_twice(n, rounds, seed):
    standings = Standings(names(n))
    met: set[frozenset[str]] = set()
    for number in range(min(rounds, (n - 1) // 2)):
        found = next_round(Swiss(), standings, seed + number)
        playing = [p for pair in pairs(found) for p in pair]
        assert sorted([*playing, *found.byes]) == sorted(standings.players)
        assert len(found.byes) == n % 2
        fresh = {frozenset(pair) for pair in pairs(found)}
        assert not fresh & met
        met |= fresh
        standings.note(found)
        for winner, _ in pairs(found):
            standings.points[winner] = standings.points.get(winner, 0) + 1
    if n % 2:
        assert len(standings.rested) == min(rounds, (n - 1) // 2)


def test_rounds_go_on_with_the_next_questions():
    one = situation(Standings(names(2)), per_round=2)
    asked = [[c.question for c in found.contests] for found in islice(Swiss().rounds(one, 0), 3)]
    assert asked == [QUESTIONS[0:2], QUESTIONS[2:4], QUESTIONS[4:6]]


def test_without_room_nothing_is_allocated():
    believed = known(["c", "e"], [0, 0], [30, 30])
    one = situation(Standings(("c", "e")), challenges=[("c", "e")], posterior=believed, room=0)
    assert list(Informative().rounds(one, 0)) == []


def test_what_is_informative_is_no_matter_of_anchors():
    ids = ["c", "e", "x", "y"]
    believed = known(ids, [0, 0, 0, 0], [30, 30, 30, 30])
    found = informative([("c", "e")], 4, posterior=believed, anchors=["x", "y"])
    assert {frozenset((c.first, c.second)) for c in found} == {frozenset(("c", "e"))}


def test_one_player_meets_nobody():
    assert next(Swiss().rounds(situation(Standings(())), 0), None) is None
    assert next(Swiss().rounds(situation(Standings(names(1))), 0), None) is None
    assert Swiss(3).waves(1) == swiss_rounds(1) == 0


def test_swiss_pairs_neighbours():
    players = names(6)
    standings = Standings(players, points={p: float(k) for k, p in enumerate(players)})
    assert pairs(next_round(Swiss(), standings, 0)) == (
        (players[5], players[4]),
        (players[3], players[2]),
        (players[1], players[0]),
    )


def test_ratings_break_ties_before_the_draw():
    standings = Standings(names(4), ratings={"s0002": 1200.0, "s0001": 1100.0})
    assert standings.order(3)[:2] == ["s0002", "s0001"]
    drawn = {tuple(Standings(names(4)).order(seed)) for seed in range(40)}
    assert len(drawn) > 10


def test_the_draw_does_not_depend_on_the_order_of_players():
    players = names(9)
    one, other = Standings(players), Standings(players[::-1])
    assert next_round(Swiss(), one, 5) == next_round(Swiss(), other, 5)


def test_greedy_dead_ends_are_taken_back():
    a, b, c, d = names(4)
    standings = Standings((a, b, c, d), points={a: 3, b: 2, c: 1, d: 0})
    standings.met = {(c, d)}  # neighbours a-b would leave c and d to each other
    assert pairs(next_round(Swiss(), standings, 0)) == ((a, c), (b, d))


def test_a_rematch_rather_than_no_round():
    a, b = names(2)
    standings = Standings((a, b), met={(a, b)})
    assert pairs(next_round(Swiss(3), standings, 0)) in (((a, b),), ((b, a),))


def test_a_thousand_players_are_paired_with_hardly_a_second_look(monkeypatch):
    looks, have_met = [], Standings.have_met
    monkeypatch.setattr(Standings, "have_met", lambda *of: looks.append(of) or have_met(*of))
    standings = Standings(names(1000))
    for number in range(5):
        standings.note(next_round(Swiss(5), standings, number))
    assert len(standings.met) == 2500
    assert len(looks) < 2600


def test_a_pairing_that_is_asked_again_goes_on():
    found = list(islice(Swiss().rounds(situation(Standings(names(6))), 0), 4))
    met = [frozenset(pair) for f in found for pair in pairs(f)]
    assert len(met) == len(set(met)) == 12
    assert len({c.question.question_id for f in found for c in f.contests}) == 4


def test_alone_everybody_plays_on_the_same_questions():
    found = next(Swiss().rounds(situation(Standings(names(5)), per_round=3, alone=True), 0))
    assert Counter(c.first for c in found.contests) == dict.fromkeys(names(5), 3)
    assert all(c.first == c.second for c in found.contests)


def test_children_meet_their_parents_on_the_same_questions():
    family = {"c1": "a", "c2": "b", "c3": "a"}
    one = situation(Standings(("a", "b", *family)), children=family)
    first, second = islice(ChildVsParent().rounds(one, 0), 2)
    for found in (first, second):
        assert {c.first: c.second for c in found.contests} == family
        assert len({c.question.question_id for c in found.contests}) == 1
    assert first.contests[0].question != second.contests[0].question
    one.standings.contests.update({"c1": 3, "c3": 1})
    again = next(ChildVsParent().rounds(one, 0))
    assert [c.first for c in again.contests] == ["c2", "c3", "c1"]  # the least tried first


def test_alone_only_the_child_is_new():
    one = situation(Standings(("a", "c")), children={"c": "a"}, alone=True)
    assert [(c.first, c.second) for c in next(ChildVsParent().rounds(one, 0)).contests] == [
        ("c", "c")
    ]


def test_without_children_there_is_nothing_to_compare():
    assert list(ChildVsParent().rounds(situation(Standings(names(4))), 0)) == []


def test_everybody_meets_the_panel_and_nobody_himself():
    panel = ("s0000", "s0001", "old")
    one = situation(Standings(names(4)), anchors=panel)
    for seed in range(9):
        found = next(Anchors().rounds(one, seed))
        assert sorted(c.first for c in found.contests) == sorted(names(4))
        assert all(c.second in panel and c.second != c.first for c in found.contests)
        assert len({c.second for c in found.contests}) > 1
    strangers = situation(Standings(names(6)), anchors=("x", "y", "z"))
    met = Counter(c.second for c in next(Anchors().rounds(strangers, 3)).contests)
    assert met == {"x": 2, "y": 2, "z": 2}


def test_a_question_that_was_never_asked_is_expected_to_be_like_the_others(monkeypatch):
    told = []

    def note(beliefs, *_, **__):
        told.append(beliefs)
        return []

    monkeypatch.setattr(
        "debateqd.qd.selection.pairing.allocate",
        lambda beliefs, *_, **__: told.append(beliefs) or [],
    )
    believed = replace(
        known(["c", "e"], [0, 0], [30, 30]),
        side=Effect(40.0, 5.0),
        questions={QUESTIONS[0].question_id: Effect(-15.0, 20.0)},
    )
    informative([("c", "e")], 2, posterior=believed)
    assert told[0].effect.tolist() == [25.0] + [40.0] * (len(QUESTIONS) - 1)
    assert told[0].deviation.tolist() == [20.0] + [150.0] * (len(QUESTIONS) - 1)


def known(ids: Sequence[str], means: Sequence[float], sds: Sequence[float]):
    return posterior(tuple(ids), np.array(means, dtype=float), np.diag(np.array(sds) ** 2.0))


def informative(challenges: Sequence[Pair], n: int, **more: object):
    one = situation(
        Standings(names(2)), challenges=challenges, room=n, per_wave=len(QUESTIONS), **more
    )
    (found,) = Informative().rounds(one, 0)
    return found.contests


def test_what_is_open_is_asked_and_what_is_settled_is_not():
    challenges = [("open", "e1"), ("won", "e2"), ("lost", "e3"), ("sure", "e4")]
    ids = [name for pair in challenges for name in pair]
    believed = known(ids, [0, 0, 300, 0, -300, 0, 0, 0], [60, 5, 60, 5, 60, 5, 5, 5])
    found = informative(challenges, 12, posterior=believed)
    assert len(found) == 12
    assert all("open" in (c.first, c.second) for c in found)
    assert len({(c.first, c.second, c.question.question_id) for c in found}) == 12


def test_decisions_are_asked_on_a_few_fresh_questions():
    believed = known(["c", "e"], [0, 0], [30, 30])
    one = situation(
        Standings(("c", "e")),
        challenges=[("c", "e")],
        posterior=believed,
        fresh=QUESTIONS[-5:],
        per_wave=3,
        room=3,
    )
    (found,) = Informative().rounds(one, 0)
    assert {c.question.question_id for c in found.contests} == {
        q.question_id for q in QUESTIONS[-5:-2]
    }
    assert {c.phase for c in found.contests} == {"selection"}


def test_without_a_posterior_or_a_decision_nothing_is_informative():
    one = situation(Standings(names(3)), room=5)
    assert list(Informative().rounds(one, 0)) == []
    believed = known(names(3), [0, 0, 0], [9, 9, 9])
    assert list(Informative().rounds(replace(one, posterior=believed), 0)) == []


def test_with_a_posterior_anchors_meet_elites():
    ids = ("c", "e", "a1", "a2", "a3")
    one = situation(
        Standings(("c", "e")),
        challenges=[("c", "e")],
        anchors=ids[2:],
        posterior=known(ids, [0] * 5, [50] * 5),
        per_wave=8,
        room=6,
    )
    (found,) = Anchors().rounds(one, 0)
    assert len(found.contests) == 6
    assert {c.first for c in found.contests} == {"e"}
    assert {c.second for c in found.contests} == set(ids[2:])


def test_names():
    assert PAIRINGS.get("swiss")(EvolutionConfig()).waves(35) == 3
    assert PAIRINGS.names() == ("swiss", "parent", "informative", "anchors")
    with pytest.raises(InputError, match="did you mean 'swiss'"):
        PAIRINGS.get("swis")
