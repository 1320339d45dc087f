from __future__ import annotations

import pytest

from agents.base import Turn
from agents.debater import StrategyDebater
from agents.models.base import Reply, Sampling, Usage
from agents.prompts import section, task_of
from agents.rollout import run_thoughts
from debate_env.episode import Episode
from debate_env.settings import DebateSettings
from tests.agents.fakes import FakeModel, question

RULES = DebateSettings(rounds=2, word_limit=77)


def decide(reply, **options):
    model = FakeModel(lambda request: reply)
    agent = StrategyDebater(model, "Be brief.", **options)
    turn = Turn("debater_1", 1, RULES, 9)
    observation = Episode(question(), RULES).observe("debater_1")
    (decision,) = run_thoughts(model, [agent.think(observation, turn)])
    return decision, model.requests


def test_the_request_holds_strategy_position_and_limit():
    sampling = Sampling(max_tokens=33, temperature=0.2)
    decision, (request,) = decide("  A speech.\n", sampling=sampling)
    assert decision.action == "A speech."
    assert request.sampling is sampling
    assert request.seed == Turn("debater_1", 1, RULES, 9).request_seed()
    assert request.choices is None
    user = request.messages[1].content
    assert task_of(request.messages) == "debate"
    assert section(user, "strategy") == "Be brief."
    assert section(user, "your_answer") == "a rope"
    assert section(user, "opposing_answer") == "a lamp"
    assert "at most 77 words" in user
    assert question().passage in request.messages[0].content


def test_an_empty_reply_is_a_legal_speech():
    decision, _ = decide("")
    assert decision.action == ""
    assert decision.failure is None


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply("", "error", error="out of memory"), "engine_error"),
        (Reply("No.", "refused"), "refused"),
        (Reply("", "length"), "truncated"),
    ],
)
def test_unusable_replies_are_failures(reply, kind):
    decision, _ = decide(reply)
    assert decision.action is None
    assert decision.failure.kind == kind
    assert decision.failure.message


def test_thinking_that_took_the_whole_limit_is_named():
    decision, _ = decide(Reply("\n", "length", Usage(900, 512, 512)))
    assert decision.action is None
    assert decision.failure.kind == "truncated"
    assert "thinking took 512 tokens" in decision.failure.message


def test_a_speech_that_was_cut_after_some_words_is_kept_and_marked():
    decision, _ = decide(Reply("It was", "length", Usage(900, 512, 300)))
    assert decision.action == "It was"
    assert decision.details == {"token_limit_reached": True}


@pytest.mark.parametrize("kind", ["timeout", "connection", "rate_limited", "context_too_long"])
def test_failures_of_an_engine_keep_their_kind(kind):
    decision, _ = decide(Reply("", "error", error="no", error_kind=kind))
    assert decision.failure.kind == kind


def test_every_strategy_of_a_passage_shares_its_system_message():
    model = FakeModel()
    episode = Episode(question(), RULES)
    for seat in ("debater_0", "debater_1"):
        for strategy in ("one", "two"):
            turn = Turn(seat, 1, RULES, 0)
            agent = StrategyDebater(model, strategy)
            run_thoughts(model, [agent.think(episode.observe(seat), turn)])
    assert len({request.messages[0] for request in model.requests}) == 1
    assert len({request.messages[1] for request in model.requests}) == 4
