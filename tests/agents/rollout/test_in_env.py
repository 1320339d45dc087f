"""A debate is the same debate, driven by the scheduler or through the PettingZoo environment."""

from __future__ import annotations

import pettingzoo
import pytest

from debate_env.agent import from_callable
from debate_env.core.settings import DebateSettings
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.judge import ModelJudge
from debateqd.agents.models.base import Reply
from debateqd.agents.rollout import DebateJob, play, play_in_env
from debateqd.agents.scripted import QuotingDebater
from tests.agents.fakes import FakeModel, question, speak

THREE = ("a lamp", "a rope", "a bell")


def team(model):
    return {
        "debater_0": StrategyDebater(model, "first"),
        "debater_1": StrategyDebater(model, "second"),
        "judge_0": ModelJudge(model),
    }


def both(make_agents, options, script=speak, answers=("a lamp", "a rope"), **rules):
    """Play the same debate both ways; return (record, model) and (env debate, model)."""
    questions = [question(0, answers), question(1, answers)]
    in_env, scheduled = FakeModel(script), FakeModel(script)
    env = pettingzoo.make("aec", "debateqd/debate-v1", questions=questions, **rules)
    debate = play_in_env(env, make_agents(in_env), 17, options)
    job = DebateJob(
        "j",
        questions[options["index"]],
        make_agents(scheduled),
        17,
        DebateSettings(**rules),
        swap=options["swap"],
        rival=options.get("rival"),
    )
    (record,) = play([job])
    return (record, scheduled), (debate, in_env)


def same(scheduled, in_env):
    (record, model), (debate, env_model) = scheduled, in_env
    assert debate.speeches == record.speeches
    assert debate.outcome == record.outcome
    assert sorted(map(repr, env_model.requests)) == sorted(map(repr, model.requests))
    assert env_model.judge_requests() == model.judge_requests()


@pytest.mark.parametrize("protocol", ["simultaneous", "sequential"])
@pytest.mark.parametrize("swap", [False, True])
def test_driven_by_the_environment_or_the_scheduler(protocol, swap):
    found = both(team, {"index": 1, "swap": swap}, protocol=protocol, rounds=3)
    same(*found)
    record, debate = found[0][0], found[1][0]
    assert len(record.speeches) == 6
    assert ("judge_0", 4, record.details["judge_0"]) in debate.details


def test_with_three_answers():
    found = both(team, {"index": 0, "swap": False, "rival": 2}, answers=THREE)
    same(*found)
    assert len(found[1][0].outcome.credence) == 3


def test_with_plain_agents_and_long_speeches():
    def agents(model):
        return {
            "debater_0": QuotingDebater(),
            "debater_1": from_callable(lambda o: "a word and " * 50),
            "judge_0": ModelJudge(model),
        }

    found = both(agents, {"index": 0, "swap": True}, max_chars=200)
    same(*found)
    assert found[1][0].outcome.clipped["debater_1"] == 2


@pytest.mark.parametrize(
    "reply", [Reply("", "error", error="gone"), Reply("no", "refused"), Reply("", "length")]
)
def test_failures_end_both_alike_and_truncate(reply):
    def script(request):
        return reply if "<strategy>\nsecond" in request.messages[1].content else speak(request)

    found = both(team, {"index": 0, "swap": False}, script)
    same(*found)
    assert found[1][0].outcome.kind in ("error", "unusable")
    assert set(found[1][0].rewards.values()) == {0.0}


@pytest.mark.parametrize("bad", [lambda o: 1 / 0, lambda o: None])
def test_agents_that_break_end_both_alike(bad):
    found = both(
        lambda model: {**team(model), "debater_1": from_callable(bad)}, {"index": 0, "swap": False}
    )
    same(*found)
    assert found[1][0].outcome.message.startswith("agent_error: debater_1: ")


def test_rewards_are_those_of_the_environment():
    env = pettingzoo.make("aec", "debateqd/debate-v1", questions=[question()])
    agents = {**team(FakeModel()), "judge_0": from_callable(lambda o: [0.9, 0.1])}
    debate = play_in_env(env, agents, 3, {"swap": False})
    assert debate.rewards == pytest.approx(
        {"debater_0": 0.8, "debater_1": -0.8, "judge_0": 0.5877866649021191}
    )
