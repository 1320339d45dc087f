from __future__ import annotations

import copy
import json
from dataclasses import replace
from math import log

import numpy as np
import pytest
from hypothesis import given

from debate_env import DebateSettings, InputError
from debate_env.core.episode import Episode, present
from debate_env.core.protocols import OVER, SPEECH, VERDICT
from debate_env.core.quotes import read_quotes
from debate_env.core.transcript import parse_transcript
from tests.debate_env.support import (
    FAST,
    PASSAGE,
    QUESTION,
    any_text,
    episode,
    speak,
    through_pickle,
)
from tests.free_seats import ThreeSides

THREE = replace(QUESTION, answers=("a", "b", "c"), label=1)
TRUE = "<quote>set it seven minutes slow</quote>"


def judged(credence, **settings):
    one = speak(episode(rounds=1, **settings))
    one.act("judge_0", credence)
    return one


# --- presentation ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "n", "swap", "rival", "order"),
    [
        (0, 2, False, None, (0, 1)),
        (1, 2, False, None, (0, 1)),
        (1, 2, True, None, (1, 0)),
        (1, 3, False, None, (0, 1, 2)),
        (2, 4, False, None, (0, 2, 1, 3)),
        (2, 4, True, None, (2, 0, 1, 3)),
        (2, 4, False, 3, (2, 3, 0, 1)),
        (2, 4, True, 3, (3, 2, 0, 1)),
    ],
)
def test_answers_are_presented_in_seat_order(label, n, swap, rival, order):
    question = replace(QUESTION, answers=tuple("abcd"[:n]), label=label)
    assert present(question, swap, rival) == order
    one = Episode(question, DebateSettings(), swap=swap, rival=rival)
    assert one.answers == tuple("abcd"[i] for i in order)
    assert one.answers[one.label] == "abcd"[label]
    assert one.observe("debater_0")["position"] == one.answers[0]
    assert one.observe("debater_1")["position"] == one.answers[1]


@pytest.mark.parametrize("rival", [1, 3, -1, True])
def test_a_rival_that_is_no_wrong_answer_is_refused(rival):
    with pytest.raises(InputError, match="allowed: 0, 2"):
        Episode(THREE, DebateSettings(), rival=rival)


class Fourth(ThreeSides):
    """The third of three debaters defends the fourth answer."""

    name = "fourth"

    def defends(self, seat):
        index = super().defends(seat)
        return 3 if index == 2 else index


@pytest.mark.parametrize(
    ("protocol", "number"),
    [("tests.free_seats:ThreeSides", 3), ("tests.debate_env.core.test_episode:Fourth", 4)],
)
def test_who_defends_an_answer_that_there_is_not_is_named(protocol, number):
    with pytest.raises(InputError, match=rf"2 answers, .* defends number {number}$"):
        Episode(QUESTION, DebateSettings(protocol=protocol))


# --- course ---------------------------------------------------------------------------------------


def test_a_simultaneous_debate_step_by_step():
    one = episode(rounds=2)
    assert (one.acting, one.phase, one.round) == (("debater_0", "debater_1"), SPEECH, 1)
    one.act("debater_1", "Mine.")
    assert one.acting == ("debater_0",)
    assert one.speeches == ()
    assert one.observe("debater_0")["transcript"] == ""
    assert [s.text for s in one.pending] == ["Mine."]
    one.act("debater_0", "Yours.")
    assert [(s.round, s.seat, s.text) for s in one.speeches] == [
        (1, "debater_0", "Yours."),
        (1, "debater_1", "Mine."),
    ]
    assert parse_transcript(one.observe("judge_0")["transcript"]) == one.speeches
    speak(one)
    assert (one.acting, one.phase, one.round) == (("judge_0",), VERDICT, 3)
    one.act("judge_0", np.array([0.6, 0.4], np.float32))
    assert (one.acting, one.phase, one.over, one.truncated) == ((), OVER, True, False)
    assert one.round == 3


def test_in_a_sequential_debate_the_second_has_read_the_first():
    one = episode(protocol="sequential", rounds=2)
    order = []
    while one.phase == SPEECH:
        (seat,) = one.acting
        order.append((seat, len(parse_transcript(one.observe(seat)["transcript"]))))
        one.act(seat, "Words.")
    assert order == [("debater_0", 0), ("debater_1", 1), ("debater_0", 2), ("debater_1", 3)]


def test_who_sees_what():
    one = speak(episode())
    for seat in ("debater_0", "debater_1"):
        assert one.observe(seat)["passage"] is PASSAGE
    judge = one.observe("judge_0")
    assert (judge["passage"], judge["position"]) == ("", "")
    assert list(judge) == [
        "passage",
        "question",
        "answers",
        "position",
        "transcript",
        "phase",
        "round",
    ]


def test_observations_are_fresh():
    one = speak(episode())
    one.observe("debater_0").clear()
    assert one.observe("debater_0")["question"] == QUESTION.question


@pytest.mark.parametrize(
    ("seat", "complaint"),
    [("judge_0", "waiting for debater_0, debater_1"), ("debater_2", "waiting for")],
)
def test_acting_out_of_turn(seat, complaint):
    with pytest.raises(InputError, match=complaint):
        episode().act(seat, "x")


def test_acting_twice_and_after_the_end():
    one = episode(rounds=1)
    one.act("debater_0", "x")
    with pytest.raises(InputError, match="waiting for debater_1"):
        one.act("debater_0", "y")
    one.act("debater_1", "x")
    one.act("judge_0", [0.5, 0.5])
    with pytest.raises(InputError, match="over"):
        one.act("judge_0", [0.5, 0.5])
    with pytest.raises(InputError, match="over"):
        one.abort("error", "late")


def test_unknown_seat():
    with pytest.raises(InputError, match="allowed: debater_0, debater_1, judge_0"):
        episode().observe("judge_1")


# --- speeches -------------------------------------------------------------------------------------


def test_a_speech_over_the_character_limit_names_agent_length_and_limit():
    with pytest.raises(ValueError, match=r"debater_0.* 11 characters.*max_chars=10"):
        episode(max_chars=10).act("debater_0", "x" * 11)
    episode(max_chars=10).act("debater_0", "x" * 10)


@pytest.mark.parametrize("bad", [None, 7, b"bytes", ["list"]])
def test_a_speech_is_text(bad):
    with pytest.raises(InputError, match="debater_0: a speech is a str"):
        episode().act("debater_0", bad)


def test_counts_of_words_quotes_and_cuts():
    one = episode(rounds=2, word_limit=8)
    speak(one, f"I say {TRUE}", f"one two three <quote>not there at all</quote> {TRUE}")
    speak(one, f"Again {TRUE}", "")
    one.act("judge_0", [1, 0])
    outcome = one.outcome
    assert outcome.words == {"debater_0": 7 + 6, "debater_1": 8}
    assert outcome.quotes == {"debater_0": (2, 1), "debater_1": (2, 0)}
    assert outcome.clipped == {"debater_0": 0, "debater_1": 1}
    assert read_quotes(one.observe("judge_0")["transcript"]) == [
        ("set it seven minutes slow", True),
        ("not there at all", False),
        ("set", False),
        ("set it seven minutes slow", False),  # debater 0 has said so before
    ]


def test_a_runner_can_fit_a_long_reply():
    one = episode(max_chars=60, word_limit=5)
    assert one.fit("debater_0", "short") == "short"
    long = f"They say {TRUE} and then " + "more " * 20
    fitted = one.fit("debater_0", long)
    assert len(fitted) <= 60
    assert fitted.endswith("</quote> […]")
    speak(one, fitted, "one two three four five six")
    assert [s.text for s in one.speeches] == [
        "They say <u_quote>set it seven</u_quote> […]".replace("u_quote", "v_quote"),
        "one two three four five […]",
    ]
    speak(one, "short", "short")
    one.act("judge_0", [1, 0])
    assert one.outcome.clipped == {"debater_0": 1, "debater_1": 1}


@FAST
@given(any_text, any_text)
def test_hostile_speeches_stay_in_their_place(first, second):
    one = speak(episode(rounds=1, word_limit=40), first, second)
    seen = one.observe("judge_0")["transcript"]
    assert parse_transcript(seen) == one.speeches
    assert [s.seat for s in one.speeches] == ["debater_0", "debater_1"]
    heads = [line for line in seen.splitlines() if line and not line.startswith("  ")]
    assert heads == ["[round 1] debater_0:", "[round 1] debater_1:"]
    for content, verified in read_quotes(seen):
        assert not verified or content in (first + second)
    assert one.outcome is None
    assert one.acting == ("judge_0",)


# --- verdicts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action",
    [[2 / 10, 3 / 10], (0.4, 0.6), np.array([0.2, 0.3]), np.array([0.4, 0.6], np.float32)],
)
def test_credences_are_normalised(action):
    one = judged(action)
    assert one.outcome.credence == pytest.approx((0.4, 0.6))
    assert sum(one.outcome.credence) == pytest.approx(1.0)
    assert one.rewards == pytest.approx(
        {"debater_0": -0.2, "debater_1": 0.2, "judge_0": log(0.8)}, rel=1e-6
    )


@pytest.mark.parametrize(
    "bad",
    [
        [1.0],
        [0.2, 0.3, 0.5],
        [-0.1, 1.0],
        [1.5, 0.5],
        [10**400, 0],
        [float("nan"), 0.5],
        [float("inf"), 0.5],
        np.ones((2, 1)),
        np.float32(0.5),
        "01",
        b"01",
        None,
        ["0.5", "0.5"],
        {0: 0.5, 1: 0.5},
    ],
)
def test_what_is_not_a_verdict_is_refused_and_changes_nothing(bad):
    one = speak(episode(rounds=1))
    with pytest.raises(InputError, match="judge_0"):
        one.act("judge_0", bad)
    assert one.acting == ("judge_0",)
    one.act("judge_0", [1, 0])
    assert one.outcome.credence == (1.0, 0.0)


def test_an_abstention_is_a_verdict_that_pays_nobody():
    one = judged([0.0, 0.0])
    outcome = one.outcome
    assert (outcome.kind, outcome.info()["verdict_ok"], outcome.correct) == (
        "abstained",
        False,
        None,
    )
    assert one.truncated is False
    assert set(one.rewards.values()) == {0.0}
    assert outcome.scores == {
        "persuasion": {"debater_0": 0.0, "debater_1": 0.0},
        "truth": {"debater_0": 0.0, "debater_1": 0.0},
        "judge": 0.0,
    }


@pytest.mark.parametrize("kind", ["unusable", "error"])
def test_an_aborted_debate(kind):
    one = episode()
    one.act("debater_0", "x")
    one.abort(kind, "no reply")
    assert (one.over, one.truncated, one.acting, one.pending) == (True, True, (), ())
    outcome = one.outcome
    assert (outcome.kind, outcome.message, outcome.credence) == (kind, "no reply", None)
    assert outcome.scores["truth"] == {"debater_0": None, "debater_1": None}
    assert outcome.scores["judge"] is None
    assert outcome.info()["label"] is None
    assert set(one.rewards.values()) == {0.0}


def test_an_unknown_kind_of_abort():
    with pytest.raises(InputError, match="allowed: error, unusable"):
        episode().abort("tired", "")


@pytest.mark.parametrize(
    ("credence", "correct"), [([0.9, 0.1], 1.0), ([0.1, 0.9], 0.0), ([0.5, 0.5], 0.5)]
)
def test_correctness(credence, correct):
    assert judged(credence).outcome.correct == correct


def test_with_three_answers_the_third_can_win():
    one = speak(Episode(THREE, DebateSettings(rounds=1)))
    one.act("judge_0", [0.1, 0.2, 0.7])
    assert one.outcome.correct == 0.0
    assert one.rewards["debater_0"] == pytest.approx(-0.1)


def test_the_terminal_info_is_json_and_independent():
    one = judged(np.array([0.75, 0.25], np.float32))
    info = one.outcome.info()
    assert json.loads(json.dumps(info)) == info
    assert info["label"] == 0
    assert info["verdict"] == [0.75, 0.25]
    assert info["verdict_ok"] is True
    info["scores"]["truth"]["debater_0"] = 9
    assert one.outcome.info()["scores"]["truth"]["debater_0"] == 0.75


@pytest.mark.parametrize("form", ["credence", "win", "log_odds"])
@pytest.mark.parametrize("objective", ["persuasion", "truth", "mix"])
def test_exchanging_answers_and_credences_exchanges_rewards(objective, form):
    ends = []
    for swap, credence in ((False, [0.7, 0.3]), (True, [0.3, 0.7])):
        one = speak(
            episode(swap=swap, rounds=1, objective=objective, reward_form=form, mix_weight=0.25)
        )
        one.act("judge_0", credence)
        ends.append(one.rewards)
    plain, swapped = ends
    assert plain["debater_0"] == pytest.approx(swapped["debater_1"])
    assert plain["debater_1"] == pytest.approx(swapped["debater_0"])
    assert plain["judge_0"] == pytest.approx(swapped["judge_0"])


# --- copies ---------------------------------------------------------------------------------------

ACTIONS = [
    ("debater_1", f"Second {TRUE}"),
    ("debater_0", "First"),
    ("debater_0", "More"),
    ("debater_1", f"Again {TRUE}"),
    ("judge_0", [0.3, 0.7]),
]


@pytest.mark.parametrize("cut", range(len(ACTIONS) + 1))
@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, through_pickle],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_copy_in_mid_episode_goes_on_identically(duplicate, cut):
    original = episode(word_limit=9)
    for seat, action in ACTIONS[:cut]:
        original.act(seat, action)
    twin = duplicate(original)
    before = twin.observe("judge_0")
    for seat, action in ACTIONS[cut:]:
        original.act(seat, action)
    assert twin.observe("judge_0") == before, "the original moved its copy"
    for seat, action in ACTIONS[cut:]:
        assert seat in twin.acting
        twin.act(seat, action)
    assert twin.outcome == original.outcome
    assert twin.speeches == original.speeches
    assert twin.observe("judge_0") == original.observe("judge_0")


def test_copies_share_the_passage():
    one = episode()
    assert copy.copy(one).observe("debater_0")["passage"] is PASSAGE
    assert copy.deepcopy(one).question is one.question


def test_questions_with_the_same_passage_do_not_share_anything_that_changes():
    first, second = speak(episode(), TRUE), speak(episode(), TRUE)
    assert [v for _, v in read_quotes(second.speeches[0].text)] == [True]
    assert first.speeches == second.speeches
