from __future__ import annotations

import numpy as np
import pytest

from debateqd.qd.ratings import laplace
from debateqd.qd.ratings.faults import components, warnings_of
from debateqd.qd.ratings.games import make_games
from debateqd.qd.ratings.laplace import Priors, fit_games

IDS = ["s0", "s1", "s2", "s3", "s4", "s5"]


def finite(fit):
    numbers = [fit.strengths, fit.covariance, fit.questions, fit.question_deviations]
    numbers += [np.array([fit.side, fit.position, fit.mean])]
    return all(np.all(np.isfinite(x)) for x in numbers) and np.all(fit.deviations >= 0)


@pytest.fixture(params=["small", "large"])
def size(request, monkeypatch):
    if request.param == "large":
        monkeypatch.setattr(laplace, "SMALL", 2)


def rated(games, n, parents=None, **options):
    fit = fit_games(games, n, parents, **options)
    assert finite(fit)
    return fit, warnings_of(fit, games, IDS)


@pytest.mark.usefixtures("size")
def test_no_games_at_all():
    fit, warnings = rated(make_games([], [], []), 3, [[], [], [0]])
    assert warnings == ("no usable games: every rating is the prior's",)
    assert np.all(fit.strengths == 0)
    assert fit.deviations[2] > fit.deviations[0] > 0


def test_nobody_at_all():
    fit, warnings = rated(make_games([], [], []), 0)
    assert not len(fit.strengths)
    assert warnings == ()


@pytest.mark.usefixtures("size")
def test_a_strategy_without_games_has_its_parents_rating_and_is_named():
    games = make_games([0, 0, 1, 0], [1, 1, 0, 1], [1, 1, 0.4, 0.2])
    fit, (warning, *_) = rated(games, 3, [[], [], [0]])
    assert warning == "no usable games, rated by lineage alone: s2"
    assert fit.strengths[2] == pytest.approx(fit.strengths[0] + fit.mean[0])
    assert fit.deviations[2] > fit.deviations[0]


@pytest.mark.usefixtures("size")
def test_strategies_that_never_met_the_panel_are_named():
    games = make_games([0, 2, 2], [1, 3, 3], [0.8, 0.9, 0.7])
    _, warnings = rated(games, 4, [[], [], [0], [1]])
    assert any(
        "never compared" in warning and warning.endswith("alone: s2, s3") for warning in warnings
    )


def test_a_panel_in_pieces_is_told():
    _, warnings = rated(make_games([0, 2], [1, 3], [0.8, 0.9]), 4)
    assert any("the panel falls into 2 groups" in warning for warning in warnings)


def test_teams_meet_through_questions():
    games = make_games([0, 1, 2], [0, 1, 2], [0.8, 0.9, 0.3], question=[0, 0, 1], form="team")
    assert components(games, 4).tolist() == [0, 0, 1, 2]


@pytest.mark.usefixtures("size")
def test_identical_records_get_identical_ratings_and_are_named():
    games = make_games([0, 0, 1, 1], [2, 2, 2, 2], [0.7, 0.6, 0.7, 0.6])
    fit, warnings = rated(games, 3)
    assert fit.strengths[0] == pytest.approx(fit.strengths[1], abs=1e-4)
    assert "identical records, which give no order: s0, s1" in warnings


@pytest.mark.usefixtures("size")
def test_huge_strengths_are_finite_and_named():
    games = make_games([0] * 4000, [1, 2] * 2000, np.ones(4000))
    fit, warnings = rated(games, 3)
    assert fit.strengths[0] > 400
    assert fit.deviations[0] > 50
    games = make_games(np.repeat([0, 1, 2], 500), np.repeat([1, 2, 3], 500), np.ones(1500))
    fit, warnings = rated(games, 4, priors=Priors(root=3000.0))
    assert np.all(np.diff(fit.strengths) < 0)
    assert any("a distance that results hardly measure: s0" in warning for warning in warnings)


@pytest.mark.usefixtures("size")
def test_outcomes_without_any_spread():
    fit, _ = rated(make_games([0, 1, 2, 0], [1, 2, 0, 2], np.full(4, 0.5)), 3)
    assert np.abs(fit.strengths).max() < 1e-6
    fit, _ = rated(make_games([0] * 50, [1] * 50, np.full(50, 0.9), question=[0] * 50), 2)
    assert fit.strengths[0] > fit.strengths[1]


def test_few_strategies_are_named():
    _, warnings = rated(make_games([0], [1], [1.0]), 6, [[], [], [0], [0], [0], [1]])
    assert "no usable games, rated by lineage alone: s2, s3, s4 and 1 more" in warnings
