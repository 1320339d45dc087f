from __future__ import annotations

from pathlib import Path

import pytest

from debate_env.core.protocols import get_protocol
from debate_env.errors import InputError
from debateqd.qd.archive.axes import default_axis
from debateqd.qd.archive.base import Entry
from debateqd.qd.archive.grid import Archive
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.plans import EvaluationPlanner
from debateqd.qd.measures.corrected_archive import (
    fit_ratings,
    looks_of,
    rated_score,
    scale_of,
)
from debateqd.qd.measures.evaluate import seeds_of
from debateqd.qd.measures.payoffs import measure_payoffs
from debateqd.qd.measures.scores import Scale
from debateqd.qd.ratings import Ratings
from debateqd.qd.seeds import seed_strategies
from debateqd.qd.statistics import ELO
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.strategy import Strategy
from tests.qd.debates.test_plans import questions
from tests.qd.measures.test_scores import trial
from tests.qd.running import train

SEEDS = seed_strategies()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    path = tmp_path_factory.mktemp("run") / "run"
    argv = [
        "--config=smoke",
        "--objective=persuasion",
        "--wandb=disabled",
        "--generations=0",
        "--questions=synthetic:passages=14,words=120",
        f"--run-dir={path}",
    ]
    assert train(argv) == 0
    return RunDirectory.open(path)


def test_ratings_are_refitted_as_the_run_had_them(run: RunDirectory) -> None:
    elites = run.living().elites()
    ratings = fit_ratings(run, run.config, [e.strategy_id for e in elites])
    for entry in elites:
        assert ratings.strategies[entry.strategy_id] == pytest.approx(entry.fitness)
    assert scale_of(ratings, seeds_of(run), run.config) is not None


def test_a_damaged_archive_is_one_line(run: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes((run.path / "config.yaml").read_bytes())
    (tmp_path / "archive.json").write_text('{"version": 1, "elites": []}')
    with pytest.raises(InputError, match="'archive' is missing"):
        RunDirectory.open(tmp_path).living()


def test_ratings_without_seeds_promise_nothing() -> None:
    assert scale_of(Ratings({"s0099": 1100.0}), SEEDS, RunConfig()) is None


def test_elo_has_its_own_points_per_logit() -> None:
    ratings = Ratings({"s0000": 1000.0})
    config = RunConfig()
    tournament = config.evolution.tournament
    plain = tournament.model_copy(update={"rating": "elo"})
    odd = plain.model_copy(update={"elo": plain.elo.model_copy(update={"scale": 800.0})})
    for chosen, factor in ((plain, 1), (odd, 2)):
        evolution = config.evolution.model_copy(update={"tournament": chosen})
        scale = scale_of(ratings, SEEDS, config.model_copy(update={"evolution": evolution}))
        assert scale is not None
        assert scale.points_per_logit == pytest.approx(factor * ELO)
    assert rated_score(config) == "credence"


def test_the_objective_says_what_is_played() -> None:
    asked = questions(2)
    planner = EvaluationPlanner(get_protocol("simultaneous"), 0)
    persuasion = planner.objective("archive", SEEDS[:3], SEEDS[5:9], asked, 0.0)
    assert all(len(set(p.seats.values())) == 2 for p in persuasion)
    assert len(persuasion) == 3 * 2 * 2
    truth = planner.objective("archive", SEEDS[:3], SEEDS[5:9], asked, 1.0)
    assert all(len(set(p.seats.values())) == 1 for p in truth)
    assert len(truth) == 3 * 2
    in_turn = EvaluationPlanner(get_protocol("sequential"), 0)
    mix = in_turn.objective("archive", SEEDS[:3], SEEDS[5:9], asked, 0.5)
    assert len(mix) == 3 * 2 * 2 + 3 * 2 * 2


def test_looks_hold_the_claim_and_what_was_seen() -> None:
    elite = Strategy("e1", "authority", "text")
    archive = Archive([default_axis("family")])
    archive.place(Entry("e1", 150.0, {"family": "authority"}))
    scale = Scale((0.0,))
    seats = [
        trial("archive", 0.8),
        trial("archive", 0.7, seat="debater_1", defends_correct=False),
        trial("archive", None, question="q2"),
    ]
    (look,) = looks_of([elite], archive, scale, seats, [], "credence", 0.0)
    assert look.reported == pytest.approx(scale.score(150.0))
    assert look.scores == [pytest.approx(0.25)]
    assert look.passages == ["p1"]
    (unknown,) = looks_of([elite], archive, None, seats, [], "win", 0.0)
    assert unknown.reported is None
    assert unknown.scores == [0.5]


def test_payoffs_count_the_log_and_fresh_debates(run: RunDirectory) -> None:
    elites = [run.strategies()[e.strategy_id] for e in run.living().elites()]
    logged = measure_payoffs(run, elites, [], "credence", 0)
    names = [s.strategy_id for s in elites[:3]]
    fresh = [
        trial("robin", 0.9, strategy=a, opponent=b)
        for a, b in ((names[0], names[1]), (names[1], names[2]), (names[2], names[0]))
    ]
    found = measure_payoffs(run, elites, fresh, "credence", 0)
    assert found["fresh"] == 3
    assert found["log"] == logged["log"]
    assert found["cycles"]["debates"] == logged["cycles"]["debates"] + 3
    ids, shares = found["matrix"]["ids"], found["matrix"]["shares"]
    assert set(names) <= set(ids)
    assert all(shares[k][k] is None for k in range(len(ids)))
    assert sum(found["nash"].values()) == pytest.approx(1.0, abs=1e-4)
