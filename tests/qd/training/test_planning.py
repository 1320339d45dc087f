from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from debate_env.core import protocols
from debate_env.core.protocols import Simultaneous
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.questions import RunQuestions, split_questions
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.training.costing import describe_plan
from debateqd.qd.training.planning import plan_run
from debateqd.qd.training.start import train
from tests.qd.stand_ins import StandIn, question_set

SMALL: dict[str, Any] = {
    "generations": 2,
    "children": 6,
    "tournament": {"debates": 60, "waves": 2},
    "report": {"questions": 3},
}


def made(objective: str, evolution: dict[str, Any]) -> tuple[RunConfig, RunQuestions]:
    config = RunConfig.model_validate(
        {
            "objective": objective,
            "models": {"default": "stand-in"},
            "debate": {"rounds": 1},
            "evolution": {**SMALL, **evolution},
        }
    )
    return config, split_questions(question_set(), config.questions)


@pytest.mark.parametrize("objective", ["persuasion", "truth", "mix"])
@pytest.mark.parametrize("teams", ["neighbours", "self"])
def test_it_bounds_what_a_run_does(objective, teams, tmp_path):
    rounds = {"debates": None, "pairings": {"swiss": 1}, "teams": teams}
    config, questions = made(objective, {"tournament": rounds})
    model = StandIn()
    train(config, tmp_path / "run", models=Models(model, model, model), questions=questions)
    plan, run = plan_run(config, questions), RunDirectory.open(tmp_path / "run")
    played = [m for m in run.matches() if m.phase == "train" and m.generation == 0]
    assert len(played) == plan.first
    assert len(run.matches()) <= plan.debates
    assert model.calls <= plan.calls


@pytest.mark.parametrize("objective", ["persuasion", "truth"])
def test_a_number_of_debates_is_kept(objective, tmp_path):
    config, questions = made(objective, {})
    model = StandIn()
    train(config, tmp_path / "run", models=Models(model, model, model), questions=questions)
    played = [m for m in RunDirectory.open(tmp_path / "run").matches() if m.phase != "report"]
    assert [sum(m.generation == g for m in played) for g in range(3)] == [60, 60, 60]
    plan = plan_run(config, questions)
    assert (plan.first, plan.tournament) == (60, 60)
    assert model.calls <= plan.calls


def test_it_is_exact_where_the_pairing_is_fixed(tmp_path):
    config, questions = made("persuasion", {"generations": 0, "report": {"questions": 0}})
    model = StandIn()
    train(config, tmp_path / "run", models=Models(model, model, model), questions=questions)
    plan = plan_run(config, questions)
    assert plan.exact
    assert plan.debates == len(RunDirectory.open(tmp_path / "run").matches())
    assert plan.calls == model.calls
    assert "at most" not in describe_plan(config, questions, plan)


def test_the_papers_population_is_fixed():
    config, questions = made(
        "persuasion",
        {
            "archive": {"kind": "slots", "keep_per_family": 3},
            "parents": {"rule": "best_of_family"},
            "tournament": {"debates": None, "pairings": {"swiss": 1}},
        },
    )
    plan = plan_run(config, questions)
    assert (plan.players, plan.tournament) == (35, plan.first)
    assert plan.mutations == 2 * 14 * config.evolution.mutation.max_attempts


@pytest.mark.parametrize(("protocol", "speeches"), [("simultaneous", 6), ("sequential", 6)])
def test_calls_of_a_debate_follow_from_its_protocol(protocol, speeches):
    config, questions = made("persuasion", {})
    debate = replace(config.debate, protocol=protocol, rounds=3)
    plan = plan_run(config.model_copy(update={"debate": debate}), questions)
    assert plan.calls_per_debate == speeches + 2


def test_a_protocol_with_one_speaker_costs_less(monkeypatch):
    class Alone(Simultaneous):
        name = "test_alone"

        def wave(self, index, speeches, rounds):
            found = super().wave(index, speeches, rounds)
            return found._replace(seats=found.seats[:1]) if found else None

    monkeypatch.setattr(protocols, "_PROTOCOLS", dict(protocols._PROTOCOLS))
    protocols.register_protocol(Alone())
    config, questions = made("persuasion", {})
    debate = replace(config.debate, protocol="test_alone", rounds=3)
    plan = plan_run(config.model_copy(update={"debate": debate}), questions)
    assert plan.calls_per_debate == 3 + 2


def test_every_objective_pays_for_the_win_rate():
    per_report = {
        objective: plan_run(*made(objective, {"generations": 0})).report
        for objective in ("persuasion", "truth", "mix")
    }
    # 7 champions on 3 questions: both seats against the panel; for truth themselves and the seeds.
    assert per_report == {"persuasion": 42, "truth": 84, "mix": 84}
