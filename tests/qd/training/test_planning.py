from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from debate_env.core import protocols
from debate_env.core.protocols import Simultaneous
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.questions import RunQuestions, open_questions, split_questions
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.training.planning import (
    Range,
    describe_cost,
    describe_plan,
    estimate_cost,
    plan_run,
)
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


# --- tokens and money -----------------------------------------------------------------------------


def configured(**changes):
    base = {
        "questions": {"train": 0.3, "selection": 0.1, "report": 0.1, "test": 0.5},
        "debate": {"rounds": 2, "word_limit": 80},
        "evolution": {
            "generations": 1,
            "children": 4,
            "tournament": {"debates": 40, "waves": 2},
            "report": {"questions": 2},
        },
    }
    return RunConfig.model_validate({**base, **changes})


def test_a_run_stays_within_its_estimate(tmp_path):
    config = configured()
    questions = open_questions(config.questions)
    plan = plan_run(config, questions)
    costs = estimate_cost(config, questions, plan)
    summary = train(config, tmp_path / "run", questions=questions)
    totals = summary["totals"]
    assert totals["debates"] <= plan.debates
    assert totals["calls"] <= sum(cost.calls.high for cost in costs.values())
    for role, used in totals["tokens"].items():
        # The embedded model counts words; a language model has more tokens than that.
        assert used["prompt"] <= costs[role].prompt.high
        assert used["completion"] <= costs[role].completion.high
    debater = totals["tokens"]["debater"]
    assert debater["prompt"] >= costs["debater"].prompt.low / 1.5


def test_prompts_come_from_the_real_passages():
    short, long = (
        configured(questions={"source": f"synthetic:passages=40,words={words},questions=1,seed=1"})
        for words in (100, 1000)
    )
    costs = []
    for config in (short, long):
        questions = open_questions(config.questions)
        costs.append(estimate_cost(config, questions, plan_run(config, questions)))
    assert costs[1]["debater"].prompt.low > 1.5 * costs[0]["debater"].prompt.low
    assert costs[1]["judge"].prompt.low == pytest.approx(costs[0]["judge"].prompt.low, rel=0.2)


def test_money_is_a_range_and_an_unknown_price_is_said_to_be_unknown():
    prices = {"openai:big": {"prompt": 2.0, "completion": 8.0, "cached_prompt": 0.2}}
    config = configured(models={"default": "openai:big", "judge": "openai:other", "prices": prices})
    questions = open_questions(config.questions)
    costs = estimate_cost(config, questions, plan_run(config, questions))
    money = costs["debater"].money
    assert money is not None
    assert 0 < money.low < money.high
    assert costs["judge"].money is None
    text = "\n".join(describe_cost(costs))
    assert "price unknown" in text
    assert "an unknown sum for judge" in text


def test_a_server_that_may_have_to_be_asked_for_votes_widens_the_range():
    config = configured(models={"default": "openai:x"})
    questions = open_questions(config.questions)
    plan = plan_run(config, questions)
    assert plan.verdict_calls == (2, 16)
    assert plan.calls_per_debate == 4 + 16
    forced = configured(models={"default": "openai:x", "verdict": {"method": "probabilities"}})
    assert plan_run(forced, questions).verdict_calls == (2, 2)


def test_ranges_add_and_multiply():
    assert Range(1, 2).plus(Range(3, 5)) == (4, 7)
    assert Range(1, 2).times(2, 10) == (2, 20)
