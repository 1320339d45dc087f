from __future__ import annotations

from dataclasses import replace

import pytest

from debate_env.core.protocols import Comparison
from debate_env.errors import InputError
from debateqd.qd.config.schema import EloConfig, EvolutionConfig
from debateqd.qd.ratings import make_rating
from debateqd.qd.ratings.elo import Elo, expected
from tests.qd.making import match, strategy

PLAYERS = {name: strategy(name) for name in "abc"} | {"k": strategy("k", "a", "b")}


def fit(matches, weight=0.0, generation=0, **settings):
    return Elo(EloConfig(**{"score": "win", **settings}), weight).fit(matches, PLAYERS, generation)


def test_expected_score():
    config = EloConfig()
    assert expected(1000, 1000, config) == 0.5
    assert expected(1400, 1000, config) == pytest.approx(10 / 11)


def test_persuasion_by_hand():
    played = [match("a", "b", 0.9), match("b", "a", 0.2), match("a", "b", 0.5)]
    for number, rating in ((1, 1016.0), (2, 1030.530498), (3, 1027.747134)):
        ratings = fit(played[:number])
        assert ratings.strategies == {
            "a": pytest.approx(rating, abs=1e-6),
            "b": pytest.approx(2000 - rating, abs=1e-6),
        }
        assert ratings.games == {"a": number, "b": number}
        assert ratings.questions == {}


def test_credence_as_score():
    ratings = fit([match("a", "b", 0.75)], score="credence")
    assert ratings.strategies["a"] == pytest.approx(1000 + 32 * 0.25)


def test_truth_is_team_against_question():
    ratings = fit([match("a", "b", 0.9, label=0), match("a", "c", 0.9, label=1)], weight=1.0)
    # An even game, K (1 - 1/2) = 16; then a team of 1008 loses to a question of 984.
    assert ratings.strategies == {
        "a": pytest.approx(998.896514, abs=1e-6),
        "b": 1016.0,
        "c": pytest.approx(982.896514, abs=1e-6),
    }
    assert ratings.questions == {"q1": pytest.approx(1001.103486, abs=1e-6)}


def test_a_strategy_that_debates_itself_gains_once_and_wins_nothing():
    assert fit([match("a", "a", 0.9)], weight=1.0).strategies["a"] == pytest.approx(1016)
    assert fit([match("a", "a", 0.9)], weight=0.0).strategies["a"] == 1000


def test_mix_is_the_weighted_mean():
    matches = [match("a", "b", 0.9, label=1), match("b", "c", 0.3, label=1, question="q2")]
    whole = fit(matches, weight=0.25).strategies
    persuasion, truth = fit(matches, weight=0.0).strategies, fit(matches, weight=1.0).strategies
    assert persuasion == {
        "a": 1016.0,
        "b": pytest.approx(968.736307),
        "c": pytest.approx(1015.263693),
    }
    assert truth == {"a": 984.0, "b": pytest.approx(1000.368222), "c": pytest.approx(1016.368222)}
    assert whole == {"a": 1008.0, "b": pytest.approx(976.644286), "c": pytest.approx(1015.539825)}


def test_only_what_the_objective_counts_rates_a_question():
    alone = Comparison("persuasion", ("debater_0",), (), 1.0, 1.0)
    played = [replace(match("a", "b", 0.9), comparisons=(alone,))]
    assert fit(played, weight=0.0).questions == {"q1": 984.0}
    assert fit(played, weight=1.0).questions == {}


def test_unusable_matches_are_skipped():
    lost = [match("a", "b", None, kind="unusable"), match("a", "b", 0.5, kind="abstained")]
    assert fit([*lost, match("a", "c", 0.9)]) == fit([match("a", "c", 0.9)])


def test_memory():
    log = [match("a", "b", 0.9), match("k", "c", 0.9, generation=1)]
    assert fit(log, generation=1).strategies == {"k": 1016.0, "c": 984.0}
    assert fit(log, generation=1, memory="carry").strategies["a"] == 1016
    assert fit(log, generation=1, memory="carry").strategies["k"] == 1016
    log = [match("a", "c", 0.9), match("k", "c", 0.5, generation=1)]
    inherited = fit(log, generation=1, memory="inherit").strategies
    # From 1008, the mean of its parents a and b, of whom b never played, against 984.
    assert inherited["k"] == pytest.approx(1006.896514, abs=1e-6)


def test_it_is_a_view_that_names_choose():
    evolution = EvolutionConfig.model_validate({"tournament": {"rating": "elo"}})
    assert (
        make_rating(evolution, 0.0).fit([match("a", "b", 1.0)], PLAYERS, 0).strategies["a"] == 1016
    )
    unknown = EvolutionConfig.model_validate({"tournament": {"rating": "ello"}})
    with pytest.raises(InputError, match="did you mean 'elo'"):
        make_rating(unknown, 0.0)
