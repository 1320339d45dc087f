"""Estimates hold what a run really needs, and an unknown price stays unknown."""

from __future__ import annotations

import pytest

from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.questions import open_questions
from debateqd.qd.training.costing import Range, describe_cost, estimate_cost
from debateqd.qd.training.planning import plan_run
from debateqd.qd.training.start import train


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
    assert plan.least_debates <= totals["debates"] <= plan.debates
    calls = sum(cost.calls.low for cost in costs.values())
    assert calls <= totals["calls"] <= sum(cost.calls.high for cost in costs.values())
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
