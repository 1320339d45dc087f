"""A budget is checked before a call is sent, and nothing that was paid for is lost."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debate_env.core.settings import DebateSettings
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.judge import ModelJudge
from debateqd.agents.models.base import (
    ChatModel,
    MeteredModel,
    PatientModel,
    Reply,
    TokenCounter,
    Usage,
)
from debateqd.agents.models.budget import Budget, BudgetedModel, BudgetReachedError, Limits, Price
from debateqd.agents.rollout import DebateJob, play
from tests.agents.fakes import FakeModel, ShuffledModel, question, speak


class Metered(FakeModel):
    """Needs two requests for every reply, one of which is thrown away."""

    def __init__(self):
        super().__init__()
        self.delivery = Counter()

    def answer(self, request):
        self.delivery.update(requests=2, retries=1, prompt_tokens=20, completion_tokens=6)
        return super().answer(request)


def debates(model, number=6):
    agents = {
        "debater_0": StrategyDebater(model, "Be brief."),
        "debater_1": StrategyDebater(model, "Quote."),
        "judge_0": ModelJudge(model),
    }
    jobs = [
        DebateJob(str(n), question(n), agents, n, DebateSettings(rounds=1)) for n in range(number)
    ]
    return play(jobs)


def played(model, number=6):
    done = []
    with pytest.raises(BudgetReachedError) as caught:
        done.extend(debates(model, number))
    return done, caught.value


@pytest.mark.parametrize("allowed", [0, 1, 3, 7, 20])
def test_no_more_calls_are_made_than_allowed_and_all_are_used(allowed):
    inner = ShuffledModel(1)
    model = BudgetedModel(inner, Budget(Limits(calls=allowed)))
    done, error = played(model)
    assert len(inner.requests) == allowed
    assert not inner.open, "a reply that was paid for was never taken"
    assert error.limit == "calls"
    assert f"{allowed} calls" in str(error)
    assert len(done) <= allowed // 4


def test_enough_is_enough():
    model = BudgetedModel(FakeModel(), Budget(Limits(calls=24)))
    assert len(list(debates(model))) == 6


def test_repetitions_count_as_calls():
    model = BudgetedModel(Metered(), Budget(Limits(calls=12)))
    _, error = played(model)
    assert model.delivery["requests"] >= 12
    assert error.limit == "calls"


@given(st.integers(1, 2000), st.integers(1, 60))
def test_tokens_never_exceed_their_limit_when_prompts_are_not_underestimated(allowed, most):
    budget = Budget(Limits(tokens=allowed))
    spent, open_calls = 0, []
    for _ in range(100):
        promise = budget.admit("m", 10, most)
        if promise is None:
            if not open_calls:
                break
            budget.release(open_calls.pop(0))
            budget.note("m", {"requests": 1, "prompt_tokens": 9, "completion_tokens": most // 2})
            spent += 9 + most // 2
        else:
            open_calls.append(promise)
    assert spent <= allowed


def test_seconds_of_earlier_parts_count():
    now = [100.0]
    budget = Budget(Limits(seconds=10), seconds=6.0, clock=lambda: now[0])
    assert budget.admit("m", 1, 1) is not None
    now[0] += 5
    assert budget.admit("m", 1, 1) is None
    assert budget.reached().limit == "seconds"


def test_money_follows_the_price_table():
    price = Price(prompt=2.0, completion=10.0, cached_prompt=0.5)
    counts = {
        "prompt_tokens": 1_000_000,
        "cached_prompt_tokens": 400_000,
        "completion_tokens": 1000,
    }
    assert price.of(counts) == pytest.approx(1.2 + 0.2 + 0.01)
    assert Price(2.0, 10.0).of(counts) == pytest.approx(2.01)
    budget = Budget(Limits(money=0.001), {"m": price})
    assert budget.admit("m", 400, 10) is not None
    assert budget.admit("m", 400, 10) is None


def test_an_unknown_price_is_unknown_and_not_zero():
    budget = Budget(prices={"known": Price(1, 1)})
    assert budget.money() == 0.0
    budget.note("known", {"requests": 1, "prompt_tokens": 1_000_000})
    assert budget.money() == pytest.approx(1.0)
    budget.note("unknown", {"requests": 1, "prompt_tokens": 1})
    assert budget.money() is None


def test_two_models_share_one_budget():
    budget = Budget(Limits(calls=10))
    debater, judge = ShuffledModel(1), ShuffledModel(2)
    speaker = BudgetedModel(debater, budget)
    agents = {
        "debater_0": StrategyDebater(speaker),
        "debater_1": StrategyDebater(speaker),
        "judge_0": ModelJudge(BudgetedModel(judge, budget)),
    }
    jobs = [DebateJob(str(n), question(n), agents, n, DebateSettings(rounds=1)) for n in range(9)]
    with pytest.raises(BudgetReachedError, match="is used up"):
        list(play(jobs))
    assert len(debater.requests) + len(judge.requests) == 10
    assert not debater.open
    assert not judge.open
    assert not budget.in_flight


def test_spending_of_an_earlier_part_counts():
    budget = Budget(Limits(calls=5), spent={"fake": {"requests": 5}})
    done, error = played(BudgetedModel(FakeModel(), budget))
    assert done == []
    assert "5 calls" in str(error)


def test_a_model_without_a_meter_is_counted_by_its_replies():
    model = BudgetedModel(FakeModel(lambda r: Reply("x", usage=Usage(7, 3, 1))), Budget())
    model.submit([(1, request()), (2, request())])
    model.poll()
    assert model.delivery == Counter(
        requests=2, prompt_tokens=14, completion_tokens=6, thinking_tokens=2
    )


def test_a_budgeted_model_is_what_the_inner_one_is():
    class Counting(FakeModel):
        def count_tokens(self, messages):
            return 7

    plain, counting = BudgetedModel(FakeModel(), Budget()), BudgetedModel(Counting(), Budget())
    for model in (plain, counting):
        assert isinstance(model, ChatModel)
        assert isinstance(model, PatientModel)
        assert isinstance(model, MeteredModel)
    assert not isinstance(plain, TokenCounter)
    assert isinstance(counting, TokenCounter)
    assert counting.count_tokens(()) == 7


def request():
    from debateqd.agents.models.base import Message, Request, Sampling

    return Request((Message("user", "hello there"),), Sampling(max_tokens=5), 1)


def test_the_budget_changes_no_debate():
    free = [r.outcome.credence for r in debates(FakeModel(speak))]
    budget = Budget(Limits(calls=99))
    bound = [r.outcome.credence for r in debates(BudgetedModel(FakeModel(speak), budget))]
    assert free == bound
