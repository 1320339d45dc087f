from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from debateqd.qd.config.schema import BradleyTerryConfig, EvolutionConfig
from debateqd.qd.ratings import make_rating
from debateqd.qd.ratings.bradley_terry import BradleyTerry
from debateqd.qd.ratings.games import make_games
from debateqd.qd.ratings.laplace import Priors, fit_games
from debateqd.qd.statistics import ELO
from tests.qd.making import match, strategy

PLAYERS = {name: strategy(name) for name in "abcd"} | {"k": strategy("k", "a", "b")}


def view(weight=0.0, **settings):
    return BradleyTerry(BradleyTerryConfig(**settings), weight)


def log(seed=0, size=120):
    """Debates in which a is good, d is bad, and k is a child of a and b."""
    rng = np.random.default_rng(seed)
    strength = dict(zip("abcdk", (0.6, 0.1, 0.0, -0.7, 0.5), strict=True))
    matches = []
    for number in range(size // 2):
        a, b = rng.choice(list("abcdk"), 2, replace=False)
        label, question = int(rng.integers(2)), f"q{rng.integers(8)}"
        for first, second in ((a, b), (b, a)):
            z = strength[first] - strength[second] + (0.5 if label == 0 else -0.5)
            p = 1 / (1 + np.exp(-z - rng.normal(0, 0.4)))
            matches.append(
                match(first, second, float(p), label=label, question=question, number=number)
            )
    return matches


def test_it_rates_everybody_relative_to_the_seeds():
    ratings = view().fit(log(), PLAYERS, 1)
    assert set(ratings.strategies) == set(PLAYERS)
    assert sum(ratings.strategies[name] for name in "abcd") == pytest.approx(0)
    assert max(ratings.strategies, key=ratings.strategies.__getitem__) in "ak"
    assert min(ratings.strategies, key=ratings.strategies.__getitem__) == "d"
    assert sum(ratings.games.values()) == 240
    assert set(ratings.questions) == {f"q{k}" for k in range(8)}
    assert ratings.posterior is not None
    assert ratings.deviations["k"] == ratings.posterior.deviation_of("k") > 0
    assert ratings.posterior.better("a", "d") > 0.99
    assert ratings.effects["side"] > 0
    assert ratings.warnings == ()


def test_only_living_strategies_have_a_covariance():
    whole, some = (view().fit(log(), PLAYERS, 1, living=living) for living in ((), ("k", "a")))
    assert whole.posterior is not None
    assert some.posterior is not None
    assert set(some.posterior.ids) == {"a", "k"}
    assert some.posterior.difference("k", "a") == pytest.approx(
        whole.posterior.difference("k", "a")
    )
    assert some.strategies == pytest.approx(whole.strategies)


def test_truth_finds_difficult_questions():
    matches = [
        match(name, name, p + 0.01 * number, label=0, question=question, number=number)
        for number, name in enumerate("abcd")
        for question, p in (("easy", 0.9), ("hard", 0.3))
    ]
    ratings = view(1.0).fit(matches, PLAYERS, 0)
    assert ratings.questions["hard"] > 100 > -100 > ratings.questions["easy"]
    assert ratings.strategies["d"] > ratings.strategies["a"]
    assert ratings.posterior is not None
    assert ratings.posterior.form == "team"


STIFF = {"root": 1e-3, "mutation": 1e-3, "mean": 1e-3, "position": 1e-3, "side": 1e5}
LOGIT = 400 * np.log10(4)  # of 0.8, in Elo points: 240.8


def test_a_question_on_which_the_truth_convinces_is_easy_in_a_duel():
    """Between equals a duel is a logistic regression of one number, which a count gives, too."""
    sure = [match(*pair, p) for pair, p in ((("a", "b"), 0.8), (("b", "a"), 0.8))]
    unsure = [match(*pair, 0.2, question="q2") for pair in (("a", "b"), ("b", "a"))]
    for played, expected in ((sure, -LOGIT), (unsure, LOGIT)):
        ratings = view(question=1e-3, **STIFF).fit(played, PLAYERS, 0)
        assert list(ratings.questions.values()) == [pytest.approx(expected, abs=0.1)]
    # Where questions differ, each has its own.
    ratings = view(question=1e5, **STIFF | {"side": 1e-3}).fit(sure + unsure, PLAYERS, 0)
    assert ratings.questions == {
        "q1": pytest.approx(-LOGIT, abs=0.1),
        "q2": pytest.approx(LOGIT, abs=0.1),
    }


def test_a_question_that_teams_answer_wrongly_is_difficult():
    wrong = [match(name, name, 0.2) for name in "ab"]
    right = [match(name, name, 0.8, question="q2") for name in "ab"]
    for played, expected in ((wrong, LOGIT), (right, -LOGIT)):
        ratings = view(1.0, question=1e-3, **STIFF).fit(played, PLAYERS, 0)
        assert list(ratings.questions.values()) == [pytest.approx(expected, abs=0.1)]
    ratings = view(1.0, question=1e5, **STIFF | {"side": 1e-3}).fit(wrong + right, PLAYERS, 0)
    assert ratings.questions == {
        "q1": pytest.approx(LOGIT, abs=0.1),
        "q2": pytest.approx(-LOGIT, abs=0.1),
    }


def test_a_mix_takes_the_difficulty_from_the_teams():
    played = [match("a", "b", 0.8), match("b", "a", 0.8)]
    mixed, team = (view(w, question=80.0).fit(played, PLAYERS, 0) for w in (0.5, 1.0))
    assert mixed.questions == team.questions
    assert mixed.questions["q1"] < -10


def test_the_panel_is_the_generation_of_the_seeds():
    """Not whoever has no parents: mutations of nothing come later, and are better than seeds."""
    players = {"a": strategy("a"), "b": strategy("b"), "n": replace(strategy("n"), generation=1)}
    played = [match("a", "b", 0.6), match("n", "a", 0.9, number=1), match("b", "n", 0.2, number=2)]
    ratings = view().fit(played, players, 1)
    assert ratings.strategies["a"] + ratings.strategies["b"] == pytest.approx(0, abs=1e-9)
    assert ratings.strategies["n"] > 20
    assert ratings.games == {"a": 2, "b": 2, "n": 2}


def test_a_mix_is_the_weighted_mean():
    matches = log(3)
    mixed, duel, team = (view(w).fit(matches, PLAYERS, 1) for w in (0.25, 0.0, 1.0))
    for name in PLAYERS:
        expected = 0.75 * duel.strategies[name] + 0.25 * team.strategies[name]
        assert mixed.strategies[name] == pytest.approx(expected)
        expected = np.hypot(0.75 * duel.deviations[name], 0.25 * team.deviations[name])
        assert mixed.deviations[name] == pytest.approx(expected)
    assert set(mixed.starts) == {"persuasion", "truth"}


def test_a_view_that_has_read_before_finds_the_same():
    """A resumed run rates with a new view and the whole log; it must find the same bytes."""
    matches, old = log(5), view()
    growing = matches[:60]
    old.fit(growing, PLAYERS, 0)
    growing += matches[60:]
    one, other = old.fit(growing, PLAYERS, 1), view().fit(list(matches), PLAYERS, 1)
    assert one.strategies == other.strategies
    assert one.deviations == other.deviations
    assert one.effects == other.effects


def test_a_refit_holds_the_scales():
    matches = log(6)
    rating = view()
    first = rating.fit(matches[:80], PLAYERS, 0)
    refit = rating.fit(matches, PLAYERS, 1, start=first)
    assert refit.posterior is not None
    assert first.posterior is not None
    assert refit.posterior.scales == first.posterior.scales
    fresh = view().fit(matches, PLAYERS, 1)
    assert refit.strategies["a"] == pytest.approx(fresh.strategies["a"], abs=40)


def test_wins_instead_of_credences():
    matches = log(7)
    wins, credences = (view(score=score).fit(matches, PLAYERS, 1) for score in ("win", "credence"))
    assert wins.effects["dispersion"] >= 1 > credences.effects["dispersion"]


def test_scales_of_the_configuration_are_held():
    ratings = view(mutation=25.0, question=80.0).fit(log(), PLAYERS, 1)
    assert ratings.effects["mutation_scale"] == 25.0
    assert ratings.effects["question_scale"] == 80.0


def test_nothing_played_and_nobody_there():
    ratings = view().fit([], PLAYERS, 0)
    assert ratings.strategies == dict.fromkeys(sorted(PLAYERS), 0.0)
    assert ratings.warnings == ("no usable games: every rating is the prior's",)
    assert view(0.5).fit([], {}, 0).strategies == {}


def test_the_configuration_names_it():
    config = EvolutionConfig.model_validate({"tournament": {"rating": "bradley_terry"}})
    assert isinstance(make_rating(config, 0.0), BradleyTerry)


def test_human_debates_have_no_position_effect_but_a_side_effect(data_dir):
    """Without strategies the model is a logistic regression, whose answer counts give, too."""
    with (data_dir / "nyu_matches.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["setting"] == "human_debate"]
    rows = [r for r in rows if r["judge_correct"]]
    y = np.array([float(r["p_a"]) > float(r["p_b"]) for r in rows], dtype=float)
    correct = np.array([1.0 if r["correct_side"] == "A" else -1.0 for r in rows])
    # One and the same pair of players throughout, held together.
    fit = fit_games(
        make_games(np.zeros(len(y)), np.ones(len(y)), y, side=correct, position=np.ones(len(y))),
        2,
        priors=Priors(root=1e-3, side=1e5, position=1e5, dispersion=1.0),
    )
    won = [y[correct == side].mean() for side in (1.0, -1.0)]
    logits = [np.log(p / (1 - p)) for p in won]
    assert fit.side[0] == pytest.approx(ELO * (logits[0] - logits[1]) / 2, abs=0.1)
    assert fit.position[0] == pytest.approx(ELO * (logits[0] + logits[1]) / 2, abs=0.1)
    assert fit.side[0] - 1.96 * fit.side[1] > 100
    assert abs(fit.position[0]) < 1.96 * fit.position[1]


def test_human_debaters_can_be_rated(data_dir):
    with (data_dir / "nyu_matches.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["setting"] == "human_debate"]
    names = sorted({r["debater_a"] for r in rows} | {r["debater_b"] for r in rows})
    stories = sorted({r["story"] for r in rows})
    number = {name: k for k, name in enumerate(names)}
    fit = fit_games(
        make_games(
            [number[r["debater_a"]] for r in rows],
            [number[r["debater_b"]] for r in rows],
            [float(r["p_a"]) for r in rows],
            question=[stories.index(r["story"]) for r in rows],
            side=[1.0 if r["correct_side"] == "A" else -1.0 for r in rows],
            position=np.ones(len(rows)),
        ),
        len(names),
    )
    assert np.all(np.isfinite(fit.strengths))
    assert np.all(fit.deviations > 0)
    assert fit.side[0] > 2 * fit.side[1]  # the truth has the better of it
