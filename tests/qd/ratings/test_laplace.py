from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from debateqd.qd.ratings.design import GROUPS, Design, Scales, outcomes_at
from debateqd.qd.ratings.games import make_games
from debateqd.qd.ratings.laplace import Priors, fit_games
from debateqd.qd.statistics import ELO
from tests.qd.ratings.simulated import matrix, shuffled, simulate

FIXED = Priors(
    root=120.0,
    mutation=50.0,
    question=140.0,
    side=250.0,
    position=90.0,
    mean=40.0,
    dispersion=0.4,
)
FORMS = ("duel", "team")


def scales_of(priors: Priors) -> Scales:
    return Scales(**{name: getattr(priors, name) for name in Scales.__dataclass_fields__})


def brute_force(world, parents, priors):
    """Newton's method on matrices that are written out; returns parameters and covariance."""
    n, m = len(world.strengths), len(world.questions)
    d, y = matrix(world.games, n, m), world.games.outcome
    v = {name: (getattr(priors, name) / ELO) ** 2 for name in Priors.__dataclass_fields__}
    precision = np.zeros((n + m + 3, n + m + 3))
    for k, family in enumerate(parents):
        row = np.zeros(n + m + 3)
        row[k] = 1
        for parent in family:
            row[parent] -= 1 / len(family)
        row[-1] = -1.0 if family else 0.0
        precision += np.outer(row, row) / v["mutation" if family else "root"]
    precision[range(n, n + m), range(n, n + m)] += 1 / v["question"]
    for at, name in ((-3, "side"), (-2, "position"), (-1, "mean")):
        precision[at, at] += 1 / v[name]
    w = np.zeros(n + m + 3)
    for _ in range(50):
        p = 1 / (1 + np.exp(-d @ w))
        h = d.T @ (d * (p * (1 - p) / priors.dispersion)[:, None]) + precision
        w = w + np.linalg.solve(h, d.T @ (y - p) / priors.dispersion - precision @ w)
    return w, np.linalg.inv(h)


@pytest.mark.parametrize("form", FORMS)
def test_it_agrees_with_newton_on_matrices_written_out(form):
    world = simulate(1, 12, 8, 160, form=form, noise=8.0, gamma=40.0)
    parents = [[] if p < 0 else [int(p)] for p in world.parents]
    parents[-1] = [0, 3]  # a crossover
    fit = fit_games(world.games, 12, parents, priors=FIXED, questions=8)
    w, covariance = brute_force(world, parents, FIXED)
    panel = [k for k, family in enumerate(parents) if not family]
    contrast = np.eye(12)
    contrast[:, panel] -= 1 / len(panel)
    assert_allclose(fit.strengths, ELO * contrast @ w[:12], atol=1e-2)
    assert_allclose(
        fit.covariance, ELO**2 * contrast @ covariance[:12, :12] @ contrast.T, rtol=1e-3, atol=0.1
    )
    assert_allclose(fit.questions, ELO * w[12:20], atol=1e-2)
    spread = ELO * np.sqrt(covariance.diagonal())
    assert_allclose(fit.question_deviations, spread[12:20], rtol=1e-3)
    effects = np.column_stack([ELO * w[20:], spread[20:]])
    if form == "team":  # the difficulty is relative to the panel's mean, as strengths are
        level = np.zeros(len(w))
        level[20], level[panel] = 1.0, -1 / len(panel)
        effects[0] = ELO * level @ w, ELO * np.sqrt(level @ covariance @ level)
    found = np.array([fit.side, fit.position, fit.mean])
    assert_allclose(found, effects, rtol=1e-3, atol=1e-2)


def test_it_agrees_with_choix_where_there_are_no_covariates():
    choix = pytest.importorskip("choix")
    rng = np.random.default_rng(3)
    theta = rng.normal(0, 0.7, 15)
    i = rng.integers(15, size=400)
    j = (i + 1 + rng.integers(14, size=400)) % 15
    won = rng.random(400) < 1 / (1 + np.exp(theta[j] - theta[i]))
    data = [(int(a), int(b)) if w else (int(b), int(a)) for a, b, w in zip(i, j, won, strict=True)]
    # Its penalty is alpha times the sum of squares, without a half.
    expected = choix.opt_pairwise(15, data, alpha=(ELO / 130) ** 2 / 2, tol=1e-12)
    fit = fit_games(make_games(i, j, won), 15, priors=Priors(root=130.0, dispersion=1.0))
    assert_allclose(fit.strengths, ELO * (expected - expected.mean()), atol=0.05)
    # With hardly any prior it is the maximum of the likelihood.
    flat = fit_games(make_games(i, j, won), 15, priors=Priors(root=1e5, dispersion=1.0))
    expected = choix.ilsr_pairwise(15, data)
    assert_allclose(flat.strengths, ELO * (expected - expected.mean()), atol=0.05)


@pytest.mark.parametrize("form", FORMS)
def test_products_of_the_design_are_those_of_its_matrix(form):
    world = simulate(2, 10, 6, 90, form=form)
    games = replace(world.games, question=np.where(np.arange(90) % 5, world.games.question, -1))
    design = Design(games, 10, world.parents, 6)
    d = matrix(games, 10, 6)
    rng = np.random.default_rng(0)
    w, r = rng.normal(size=design.size), rng.normal(size=90)
    assert_allclose(design.predictor(w), d @ w)
    assert_allclose(design.score(r), d.T @ r)


@pytest.mark.parametrize("form", FORMS)
def test_not_knowing_a_scale_adds_what_the_strengths_move_when_it_does(form):
    """The covariance is that at the scales found, and the outer product of finite differences."""
    world = simulate(3, 12, 8, 200, form=form, noise=8.0)
    fit = fit_games(world.games, 12, world.parents, questions=8)
    scales, groups, unknown = fit.scales, fit.start.groups, fit.start.unknown
    assert groups == GROUPS
    assert np.all(np.linalg.eigvalsh(unknown) > 0)

    def at(by: dict[str, float]):
        given = {n: getattr(scales, n) * np.exp(by.get(n, 0.0)) for n in FIXED.__dict__}
        return fit_games(world.games, 12, world.parents, priors=Priors(**given), questions=8)

    step, known = 0.01, at({})
    assert known.log_deviations == {}
    moved = [(at({g: step}), at({g: -step})) for g in groups]
    strengths = np.array([(up.strengths - down.strengths) / (2 * step) for up, down in moved]).T
    questions = np.array([(up.questions - down.questions) / (2 * step) for up, down in moved]).T
    expected = known.covariance + strengths @ unknown @ strengths.T
    assert np.abs(expected - known.covariance).max() > 10
    assert_allclose(fit.covariance, expected, rtol=0.01, atol=1.0)
    spread = np.sqrt(
        known.question_deviations**2
        + np.square(questions @ np.linalg.cholesky(unknown)).sum(axis=1)
    )
    assert_allclose(fit.question_deviations, spread, rtol=0.01)
    assert_allclose(
        [fit.log_deviations[g] for g in groups], np.sqrt(unknown.diagonal()), rtol=1e-12
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_the_score_is_the_derivative_of_the_likelihood(weighted):
    world = simulate(4, 8, 5, 60, noise=5.0)
    design = Design(world.games, 8, world.parents, 5)
    w = np.random.default_rng(1).normal(size=design.size)
    y = world.games.outcome
    weight = np.random.default_rng(2).uniform(0.5, 3, 60) if weighted else None

    def value(x):
        return outcomes_at(design.predictor(x), y, weight).log_likelihood

    gradient = design.score(outcomes_at(design.predictor(w), y, weight).residual)
    for k in range(design.size):
        step = np.zeros(design.size)
        step[k] = 1e-5
        assert gradient[k] == pytest.approx((value(w + step) - value(w - step)) / 2e-5, abs=1e-5)


@pytest.mark.parametrize("weight", [None, np.array([2.0, 0.5, 1.0, 3.0, 1.0])])
def test_variance_and_skew_are_further_derivatives(weight):
    z, y = np.array([-3.0, -0.5, 0.0, 0.7, 4.0]), np.array([0.0, 1.0, 0.3, 0.6, 1.0])
    here, step = outcomes_at(z, y, weight), 1e-5
    up, down = (outcomes_at(z + by, y, weight) for by in (step, -step))
    assert_allclose(here.variance, (down.residual - up.residual) / (2 * step), atol=1e-9)
    assert_allclose(here.skew, (up.variance - down.variance) / (2 * step), atol=1e-9)
    far = outcomes_at(np.array([-800.0, 800.0]), np.array([0.0, 1.0]))
    assert (far.log_likelihood, *far.residual, *far.variance) == (0.0, 0.0, 0.0, 0.0, 0.0)


def test_a_game_that_counts_twice_is_two_games():
    world = simulate(3, 8, 5, 60, noise=5.0)
    g = world.games
    twice = make_games(
        *(np.tile(x, 2) for x in (g.first, g.second, g.outcome)),
        question=np.tile(g.question, 2),
        side=np.tile(g.side, 2),
        position=np.tile(g.position, 2),
    )
    heavy = replace(g, weight=np.full(60, 2.0))
    one, other = (fit_games(games, 8, world.parents, priors=FIXED) for games in (twice, heavy))
    assert_allclose(one.strengths, other.strengths, atol=1e-6)
    assert_allclose(one.covariance, other.covariance, rtol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_the_order_of_games_does_not_matter(form):
    world = simulate(5, form=form, noise=6.0)
    one, other = (
        fit_games(games, 30, world.parents) for games in (world.games, shuffled(world.games, 7))
    )
    assert_allclose(one.strengths, other.strengths, atol=1e-6)
    assert_allclose(one.covariance, other.covariance, rtol=1e-6)


def test_the_sides_of_a_duel_may_be_exchanged():
    world = simulate(6, noise=6.0)
    g = world.games
    turned = make_games(
        g.second, g.first, 1 - g.outcome, question=g.question, side=-g.side, position=-g.position
    )
    one, other = fit_games(g, 30, world.parents), fit_games(turned, 30, world.parents)
    assert_allclose(one.strengths, other.strengths, atol=1e-6)
    assert one.position[0] == pytest.approx(other.position[0], abs=1e-6)


def test_a_refit_from_a_start_holds_the_scales_and_finds_the_same():
    world = simulate(7, noise=6.0)
    cold = fit_games(world.games, 30, world.parents)
    warm = fit_games(world.games, 30, world.parents, start=cold.start)
    assert warm.scales == cold.scales
    assert_allclose(warm.strengths, cold.strengths, atol=1e-3)
    assert_allclose(warm.covariance, cold.covariance, rtol=1e-4)


def test_a_refit_takes_in_new_strategies_and_questions():
    world = simulate(8, 30, 20, 600, noise=6.0)
    g = world.games
    early = (g.first < 25) & (g.second < 25) & (g.question < 15)
    part = make_games(
        *(x[early] for x in (g.first, g.second, g.outcome)),
        question=g.question[early],
        side=g.side[early],
    )
    start = fit_games(part, 25, world.parents[:25]).start
    grown = fit_games(g, 30, world.parents, start=start)
    again = fit_games(g, 30, world.parents, start=grown.start)
    assert_allclose(grown.strengths, again.strengths, atol=1e-3)


def test_nothing_is_remembered_between_fits():
    world = simulate(9, noise=6.0)
    one, other = (fit_games(world.games, 30, world.parents) for _ in range(2))
    assert one.strengths.tobytes() == other.strengths.tobytes()
    assert one.covariance.tobytes() == other.covariance.tobytes()


def test_scales_can_be_given():
    world = simulate(10)
    fit = fit_games(world.games, 30, world.parents, priors=FIXED)
    assert fit.scales == scales_of(FIXED)
    assert fit.log_deviations == {}
    partly = fit_games(world.games, 30, world.parents, priors=Priors(mutation=50.0))
    assert partly.scales.mutation == 50.0
    assert set(partly.log_deviations) == {"root", "question"}


def test_scales_are_found():
    world = simulate(11, 200, 100, 12_000, noise=9.0, gamma=30.0)
    fit = fit_games(world.games, 200, world.parents)
    truth = {"root": 100.0, "mutation": 60.0, "question": 150.0}
    for group in GROUPS:
        off = np.log(getattr(fit.scales, group) / truth[group])
        assert abs(off) < 4 * fit.log_deviations[group]
    assert fit.scales.dispersion == pytest.approx(0.1, rel=0.05)
    assert fit.position[0] == pytest.approx(30, abs=5)
    assert fit.mean[0] == pytest.approx(-15, abs=4 * fit.mean[1])


def test_less_noise_teaches_more():
    wins, probabilities = simulate(12), simulate(12, noise=20.0)
    noisy = fit_games(wins.games, 30, wins.parents)
    clear = fit_games(probabilities.games, 30, probabilities.parents)
    assert clear.scales.dispersion < 0.1
    assert noisy.scales.dispersion >= 1
    assert clear.deviations.mean() < 0.5 * noisy.deviations.mean()


def test_repeating_what_a_pair_said_on_a_question_teaches_nothing_new():
    world = simulate(13, 20, 40, 400, noise=4.0)
    g = world.games
    thrice = make_games(
        *(np.tile(x, 3) for x in (g.first, g.second, g.outcome)),
        question=np.tile(g.question, 3),
        side=np.tile(g.side, 3),
    )
    once, copied = (fit_games(games, 20, world.parents) for games in (g, thrice))
    assert copied.scales.dispersion > 2 * once.scales.dispersion
    assert copied.deviations.mean() == pytest.approx(once.deviations.mean(), rel=0.2)


def difference(fit, a, b):
    """Mean and variance of the difference of two strengths."""
    i, j = fit.living.tolist().index(a), fit.living.tolist().index(b)
    c = fit.covariance
    return fit.strengths[a] - fit.strengths[b], c[i, i] + c[j, j] - 2 * c[i, j]


def test_a_panel_of_ones_own():
    world = simulate(14)
    fit = fit_games(world.games, 30, world.parents, panel=[2, 5], living=[5, 2, 9])
    assert fit.strengths[[2, 5]].mean() == pytest.approx(0)
    assert fit.covariance.shape == (3, 3)
    # Two whose mean is 0 lie opposite each other.
    assert fit.covariance[0, 0] == pytest.approx(fit.covariance[1, 1])
    assert fit.covariance[0, 1] == pytest.approx(-fit.covariance[0, 0])
    whole = fit_games(world.games, 30, world.parents)
    assert difference(fit, 9, 5) == pytest.approx(difference(whole, 9, 5))


def test_who_is_the_panel_alone_is_exactly_zero():
    fit = fit_games(make_games([0, 1], [1, 0], [0.8, 0.3]), 2, panel=[1])
    assert fit.strengths[1] == fit.deviations[1] == 0.0
    assert fit.strengths[0] > 50
    assert fit.deviations[0] > 50


def test_without_a_panel_strengths_are_about_the_prior():
    fit = fit_games(make_games([0, 1], [1, 0], [0.8, 0.2]), 2, panel=[])
    assert fit.strengths[0] == pytest.approx(-fit.strengths[1], abs=1e-6)
    assert fit.strengths[0] > 50


@pytest.mark.parametrize("noise", [None, 9.0])
def test_intervals_cover(noise):
    """A small version of ``benchmarks/ratings.py``; 3 standard errors are about 0.03."""
    inside = []
    for seed in range(40):
        world = simulate(1000 + seed, 40, 20, 600, noise=noise)
        fit = fit_games(world.games, 40, world.parents)
        inside.append(np.abs(fit.strengths - world.relative) < 1.96 * fit.deviations)
    assert 0.915 < np.mean(inside) < 0.985


@pytest.mark.parametrize("games", [{"first": [0], "second": [0], "outcome": [1.0]}])
def test_nobody_plays_against_himself(games):
    with pytest.raises(ValueError, match="against himself"):
        make_games(**games)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"outcome": [1.5]}, "must lie in"),
        ({"outcome": [0.5, 0.5]}, "games.outcome: shape"),
        ({"first": [-1]}, "must not be negative"),
        ({"question": [-2]}, "games.question"),
    ],
)
def test_columns_are_checked(change, what):
    columns = {"first": [0], "second": [1], "outcome": [1.0]} | change
    with pytest.raises(ValueError, match=what):
        make_games(**columns)


def test_lineages_are_checked():
    games = make_games([0], [1], [1.0])
    with pytest.raises(ValueError, match="rows for"):
        fit_games(games, 3, [[], []])
    with pytest.raises(ValueError, match="numbers must lie in -1 to 2"):
        fit_games(games, 3, [[], [], [7]])
    with pytest.raises(ValueError, match="numbers must lie in -1 to 2"):
        fit_games(games, 3, np.array([-2, -1, -1]))
    with pytest.raises(ValueError, match="numbers must lie in -1 to 2"):
        fit_games(games, 3, np.array([-1, 3, -1]))
    assert fit_games(games, 3, np.array([-1, 0, 1])).strengths.shape == (3,)
    with pytest.raises(ValueError, match="beyond the 1"):
        fit_games(games, 1)
