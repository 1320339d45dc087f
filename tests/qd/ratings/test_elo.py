from __future__ import annotations

import pytest

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
    ratings = fit([match("a", "b", 0.9), match("b", "a", 0.2), match("a", "b", 0.5)])
    after_one = 1000 + 32 * 0.5
    gain = 32 * (1 - expected(after_one, 2000 - after_one, EloConfig()))
    after_two = after_one + gain
    gain = 32 * (0.5 - expected(after_two, 2000 - after_two, EloConfig()))
    assert ratings.strategies["a"] == pytest.approx(after_two + gain)
    assert ratings.strategies["a"] + ratings.strategies["b"] == pytest.approx(2000)
    assert ratings.games == {"a": 3, "b": 3}


def test_credence_as_score():
    ratings = fit([match("a", "b", 0.75)], score="credence")
    assert ratings.strategies["a"] == pytest.approx(1000 + 32 * 0.25)


def test_truth_is_team_against_question():
    ratings = fit([match("a", "b", 0.9, label=0), match("a", "c", 0.9, label=1)], weight=1.0)
    first = 16.0  # an even game: K (1 - 1/2)
    second = 32 * (0 - expected(1000 + first / 2, 1000 - first, EloConfig()))
    assert ratings.strategies["b"] == pytest.approx(1000 + first)
    assert ratings.strategies["c"] == pytest.approx(1000 + second)
    assert ratings.strategies["a"] == pytest.approx(1000 + first + second)
    assert ratings.questions["q1"] == pytest.approx(1000 - first - second)


def test_a_strategy_that_debates_itself_gains_once_and_wins_nothing():
    assert fit([match("a", "a", 0.9)], weight=1.0).strategies["a"] == pytest.approx(1016)
    assert fit([match("a", "a", 0.9)], weight=0.0).strategies["a"] == 1000


def test_mix_is_the_weighted_mean():
    matches = [match("a", "b", 0.9, label=1), match("b", "c", 0.3, label=1, question="q2")]
    whole = fit(matches, weight=0.25).strategies
    persuasion, truth = fit(matches, weight=0.0).strategies, fit(matches, weight=1.0).strategies
    for name in "abc":
        assert whole[name] == pytest.approx(0.75 * persuasion[name] + 0.25 * truth[name])


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
    start = (1016 + 1000) / 2  # the mean of its parents a and b, of whom b never played
    assert inherited["k"] == pytest.approx(start + 32 * (0.5 - expected(start, 984, EloConfig())))


def test_it_is_a_view_that_names_choose():
    evolution = EvolutionConfig.model_validate({"tournament": {"rating": "elo"}})
    assert (
        make_rating(evolution, 0.0).fit([match("a", "b", 1.0)], PLAYERS, 0).strategies["a"] == 1016
    )
    unknown = EvolutionConfig.model_validate({"tournament": {"rating": "ello"}})
    with pytest.raises(InputError, match="did you mean 'elo'"):
        make_rating(unknown, 0.0)
