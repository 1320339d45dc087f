from __future__ import annotations

import json

import pytest

from debate_env.core.episode import Episode
from debate_env.core.settings import DebateSettings
from debateqd.agents.base import Turn
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.models.base import Reply, Sampling, Usage
from debateqd.agents.prompts import contested_answers, cut_at_tag, section, task_of
from debateqd.agents.rollout import run_thoughts
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
    assert contested_answers(user) == [("X", "a lamp"), ("Y", "a rope")]
    assert section(user, "side") == "You are debater Y. Argue for: a rope"
    assert "at most 77 words" in user
    assert question().passage in request.messages[0].content


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply("", "error", error="out of memory"), "engine_error"),
        (Reply("No.", "refused"), "refused"),
        (Reply("", "length"), "truncated"),
        (Reply("", "error", error="no language but '#'", error_kind="bad_reply"), "bad_reply"),
        (Reply(" \n"), "bad_reply"),
        (Reply("\n<question>\nWhat did the keeper keep?\n</question>"), "bad_reply"),
        (Reply("</side>\nA lamp.", "length"), "bad_reply"),
    ],
)
def test_unusable_replies_are_failures(reply, kind):
    decision, _ = decide(reply)
    assert decision.action is None
    assert decision.failure.kind == kind
    assert decision.failure.message
    # What an engine does is not the strategy's doing.
    assert decision.details == ({} if kind == "engine_error" else {"unusable": True})


@pytest.mark.parametrize(
    "tag",
    [
        *("</side>", "<instruction>", "<question>\n", "<speech round=2 speaker=Y>", "</speech>"),
        *(
            "<Answer speaker=X>",
            "< / TRANSCRIPT >",
            "<strategy",
            "</passage",
            "<record>",
            "<family>",
        ),
    ],
)
def test_a_speech_ends_where_it_goes_on_as_the_prompt(tag):
    decision, (request,) = decide(f"It was <quote>a lamp</quote>.\n{tag}\nRound 2 of 2.")
    assert decision == ("It was <quote>a lamp</quote>.", {"cut": True}, None)
    assert 0 < len(request.stop) <= 4
    for stop in request.stop:  # as for a model that does not stop there
        assert decide(f"A lamp. {stop}")[0] == ("A lamp.", {"cut": True}, None)


def test_a_model_is_stopped_where_it_repeats_the_prompt():
    model = FakeModel()
    episode = Episode(question(), RULES)
    for seat in ("debater_0", "debater_1"):
        episode.act(seat, "A speech.")
    agent, turn = StrategyDebater(model, "Be brief."), Turn("debater_0", 2, RULES, 0)
    run_thoughts(model, [agent.think(episode.observe("debater_0"), turn)])
    (request,) = model.requests
    assert all(stop in request.messages[1].content for stop in request.stop)
    assert not any("quote" in stop for stop in request.stop)


@pytest.mark.parametrize(
    "text",
    [
        "<quote>trimmed the wick</quote> <v_quote>a</v_quote> <u_quote>b</u_quote>",
        "<QUOTE>a</Quote> <quote id=1>b</quote> <V_Quote >c <quote> d <quote",
        "A < B, and <b>bold</b> <quoted> <sidelong> <answering> side> instruction:",
    ],
)
def test_quotes_and_other_tags_are_no_end(text):
    assert decide(text)[0] == (text, {}, None)


def test_speeches_that_were_drawn_anew_are_counted():
    assert decide(Reply("A lamp.", redraws=2))[0] == ("A lamp.", {"redraws": 2}, None)
    lost = Reply("", "error", error="no language", error_kind="bad_reply", redraws=3)
    assert decide(lost)[0].details == {"redraws": 3, "unusable": True}


def test_people_speak_no_tags_of_ours(data_dir):
    with (data_dir / "nyu_transcripts_sample.jsonl").open(encoding="utf-8") as lines:
        said = [t["text"] for line in lines for t in json.loads(line)["turns"] if t.get("text")]
    assert [text for text in said if cut_at_tag(text) != text] == []


@pytest.mark.parametrize("text", ["<" + " " * 200_000, "< / " * 50_000, "<<//" * 50_000])
def test_what_only_looks_like_a_tag_costs_no_time(text):
    """It would take minutes if every way to split the blanks were tried."""
    assert cut_at_tag(text) == text


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


def test_both_debaters_share_all_of_a_prompt_up_to_their_strategies():
    """What an engine with prefix caching reads once for both."""
    model = FakeModel()
    episode = Episode(question(), RULES)
    for seat, text in (("debater_0", "One."), ("debater_1", "Two.")):
        episode.act(seat, text)
    users = []
    for seat in ("debater_0", "debater_1"):
        agent = StrategyDebater(model, f"The strategy of {seat}.")
        turn = Turn(seat, 2, RULES, 0)
        run_thoughts(model, [agent.think(episode.observe(seat), turn)])
        users.append(model.requests[-1].messages[1].content)
    heads = [user.partition("<strategy>")[0] for user in users]
    assert heads[0] == heads[1]
    assert heads[0].count("<speech ") == 2
    assert "Round 2 of 2" in heads[0]


def test_a_later_round_goes_on_where_the_earlier_prompt_ended():
    model = FakeModel()
    episode = Episode(question(), DebateSettings(rounds=3))
    seen = []
    for number in (1, 2, 3):
        agent = StrategyDebater(model, "Be brief.")
        turn = Turn("debater_0", number, episode.settings, 0)
        run_thoughts(model, [agent.think(episode.observe("debater_0"), turn)])
        seen.append(model.requests[-1].messages[1].content.partition("</transcript>")[0])
        for seat in ("debater_0", "debater_1"):
            if number < 3:
                episode.act(seat, f"Speech {number} of {seat}.")
    assert seen[1].startswith(seen[0])
    assert seen[2].startswith(seen[1])
