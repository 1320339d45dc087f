"""What an ended debate says of its players: scores, comparisons, weights; for any credence."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from debate_env.core.protocols import (
    Debate,
    Ending,
    Sequential,
    Simultaneous,
    convincing,
    finding,
)
from tests.free_seats import Consultancy, ThreeSides

SEATS = ("debater_0", "debater_1", "debater_2", "debater_3")


@st.composite
def cases(draw, fewest=1):
    """Sides of some players, and how their debate ended."""
    n = draw(st.integers(2, 5))
    weights = draw(st.lists(st.floats(0, 1), min_size=n, max_size=n).filter(sum))
    credence = tuple(w / sum(weights) for w in weights)
    players = draw(st.integers(fewest, len(SEATS)))
    answer = st.integers(0, (1 if players == 1 else n - 1))
    sides = {seat: draw(answer) for seat in SEATS[:players]}
    return sides, Ending(draw(st.integers(0, n - 1)), credence)


@given(cases())
def test_scores_and_wins_are_shares_and_every_player_plays_one_game(case):
    sides, ending = case
    games = defaultdict(float)
    for found in convincing(sides, ending):
        assert 0.0 <= found.score <= 1.0
        assert found.win in (0.0, 0.5, 1.0)
        assert found.correct in (-1.0, 0.0, 1.0)
        assert found.objective == "persuasion"
        for seat in (*found.rated, *found.opponents):
            games[seat] += found.weight
    assert sum(games.values()) == pytest.approx(len(sides))
    sizes = Counter(sides.values()).values()
    if len(set(sizes)) == 1:  # answers that equally many defend
        assert games == {seat: pytest.approx(1.0) for seat in sides}


def test_team_mates_do_not_meet():
    sides = {"a_0": 0, "a_1": 0, "b_0": 1, "b_1": 1}
    found = convincing(sides, Ending(0, (0.7, 0.3)))
    assert [(*c.rated, *c.opponents) for c in found] == [*product(("a_0", "a_1"), ("b_0", "b_1"))]
    assert {c.weight for c in found} == {0.5}


@given(cases(fewest=2))
def test_exchanging_seats_exchanges_scores(case):
    sides, ending = case
    assume(len(set(sides.values())) > 1)
    there = {(c.rated, c.opponents): c for c in convincing(sides, ending)}
    exchanged = dict(reversed(sides.items()))
    back = {(c.rated, c.opponents): c for c in convincing(exchanged, ending)}
    assert len(back) == len(there)
    for (rated, opponents), one in there.items():
        other = back[opponents, rated]
        assert other.score == pytest.approx(1.0 - one.score)
        assert (other.win, other.correct, other.weight) == (1 - one.win, -one.correct, one.weight)


@given(cases())
def test_a_team_is_compared_once_with_the_question(case):
    sides, ending = case
    (found,) = finding(sides, ending)
    assert (found.rated, found.opponents, found.weight) == (tuple(sides), (), 1.0)
    assert found.score == ending.credence[ending.label]
    assert 0.0 <= found.win <= 1.0
    first, *others = sides.values()
    assert found.correct == (first == ending.label) - (ending.label in others)


@given(cases())
def test_without_a_verdict_or_a_side_nobody_is_compared(case):
    sides, ending = case
    for compare in (convincing, finding):
        assert compare(sides, ending._replace(credence=None)) == ()
        assert compare({}, ending) == ()


def test_a_verdict_that_believes_neither_side_is_a_tie():
    (found,) = convincing({"debater_0": 0, "debater_1": 1}, Ending(2, (0.0, 0.0, 1.0)))
    assert (found.score, found.win, found.correct) == (0.5, 0.5, 0.0)


def test_a_player_alone_meets_the_question():
    (found,) = convincing({"consultant_0": 1}, Ending(1, (0.2, 0.8)))
    assert (found.rated, found.opponents) == (("consultant_0",), ())
    assert (found.score, found.win, found.correct, found.weight) == (0.8, 1.0, 1.0, 1.0)


class Observed(Debate):
    """Two debaters, one who defends nothing, and a judge."""

    name, symmetric = "observed", False
    players = ("debater_0", "debater_1", "observer_0")

    def defends(self, seat):
        return None if seat == "observer_0" else super().defends(seat)


def test_what_debates_have_in_common():
    debate = Observed()
    said = ()
    assert debate.visible("judge_0", said) is said
    seats = (*debate.players, *debate.judges)
    assert [debate.reads_passage(seat) for seat in seats] == [True, True, True, False]
    assert [debate.defends(seat) for seat in seats] == [0, 1, None, None]


def test_who_defends_nothing_earns_and_compares_nothing():
    ending = Ending(0, (0.7, 0.3))
    scores = Observed().scores(ending)
    assert scores["persuasion"] == {
        "debater_0": pytest.approx(0.4),
        "debater_1": pytest.approx(-0.4),
    }
    assert scores["truth"] == {"debater_0": 0.7, "debater_1": 0.7}
    pair, team = Observed().comparisons(ending)
    assert (pair.rated, pair.opponents) == (("debater_0",), ("debater_1",))
    assert team.rated == ("debater_0", "debater_1")


@pytest.mark.parametrize("debate", [Simultaneous(), Sequential(), Consultancy(), ThreeSides()])
def test_without_a_verdict_every_score_is_unknown(debate):
    ending = Ending(0, None)
    nothing = dict.fromkeys(debate.players)
    assert debate.scores(ending) == {"persuasion": nothing, "truth": nothing}
    assert debate.comparisons(ending) == ()


@given(st.floats(0, 1), st.sampled_from(["credence", "win", "log_odds"]))
def test_persuasion_sums_to_zero_and_truth_is_shared(share, form):
    ending = Ending(0, (share, 1 - share), reward_form=form)
    scores = Simultaneous().scores(ending)
    assert sum(scores["persuasion"].values()) == 0.0
    assert len(set(scores["truth"].values())) == 1
