from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debate_env.core.settings import DebateSettings
from debate_env.errors import InputError
from debate_env.questions.question import Question
from debateqd.agents.models.base import Sampling
from debateqd.qd.debates.matches import Match, pool_hash
from debateqd.qd.debates.plans import Plan
from tests.qd.making import match, strategy

QUESTION = Question("q", "p", "text", "what?", ("a", "b"), 0)


@given(st.floats(0, 1), st.integers(0, 1))
def test_scores_of_both_seats_add_up(first, label):
    played = match("a", "b", first, label=label)
    swapped = match("b", "a", 1 - first, label=1 - label)
    for score in ("win", "credence"):
        assert played.share("a", score) + played.share("b", score) == pytest.approx(1)
        assert played.share("a", score) == pytest.approx(swapped.share("a", score))
    assert played.truth("credence") == pytest.approx(swapped.truth("credence"))


def test_win_tie_and_right():
    assert match("a", "b", 0.6).share("a", "win") == 1.0
    assert match("a", "b", 0.5).share("b", "win") == 0.5
    assert match("a", "a", 0.6).share("a", "win") is None
    assert match("a", "b", 0.6).share("c", "win") is None
    assert match("a", "b", 0.6, label=1).right == 0.0
    assert match("a", "b", 0.5, label=1).right == 0.5


def test_no_score_is_invented_for_an_unusable_match():
    lost = match("a", "b", None, kind="unusable")
    assert not lost.usable
    assert lost.right is None
    assert lost.share("a", "win") is None
    assert lost.truth("win") is None
    abstained = match("a", "b", 0.5, kind="abstained")
    assert not abstained.usable


@pytest.mark.parametrize("played", [match("a", "b", 0.25), match("a", "b", None, kind="error")])
def test_a_line_reads_back(played):
    assert Match.from_json(json.loads(json.dumps(played.to_json()))) == played


def test_a_match_is_named_by_what_determines_it():
    a, b = strategy("a"), strategy("b")
    seats, other = {"debater_0": a, "debater_1": b}, {"debater_0": b, "debater_1": a}
    plan = Plan("report", 0, QUESTION, seats, False, 5)
    name = plan.match_id("pool")
    assert Plan("report", 3, QUESTION, seats, False, 5).match_id("pool") == name
    others = [
        Plan("train", 0, QUESTION, seats, False, 5).match_id("pool"),
        Plan("report", 0, QUESTION, other, False, 5).match_id("pool"),
        Plan("report", 0, QUESTION, seats, True, 5).match_id("pool"),
        Plan("report", 0, QUESTION, seats, False, 6).match_id("pool"),
        plan.match_id("other"),
    ]
    assert len({name, *others}) == 6


def test_the_pool_changes_with_whatever_changes_a_debate():
    rules, drawn = DebateSettings(), Sampling()
    name = pool_hash("d", "j", rules, drawn, "h")
    assert pool_hash("d", "j", DebateSettings(objective="truth"), drawn, "h") == name
    others = [
        pool_hash("x", "j", rules, drawn, "h"),
        pool_hash("d", "x", rules, drawn, "h"),
        pool_hash("d", "j", DebateSettings(rounds=3), drawn, "h"),
        pool_hash("d", "j", rules, Sampling(temperature=1.0), "h"),
        pool_hash("d", "j", rules, drawn, "x"),
    ]
    assert len({name, *others}) == 6


@pytest.mark.parametrize(
    "change",
    [
        {"label": 7},
        {"label": None},
        {"credence": "ab"},
        {"comparisons": [["persuasion", ["debater_9"], [], 0.5, 0.5]]},
        {"comparisons": [["persuasion", ["debater_0"], [], 7, 0.5]]},
        {"comparisons": [["persuasion", ["debater_0"], [], 0.5, 0.5, float("nan")]]},
        {"quotes": [1]},
        {"quotes": {"debater_0": [1]}},
        {"seats": None},
    ],
)
def test_damaged_lines_are_refused_in_one_line(change):
    line = {**match("a", "b", 0.5).to_json(), **change}
    with pytest.raises(InputError, match="not a match") as info:
        Match.from_json(json.loads(json.dumps(line)))
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(("line", "version"), [([1], "None"), ({"v": 2}, "2"), ({"v": 4}, "4")])
def test_lines_of_another_version_are_refused(line, version):
    with pytest.raises(InputError, match=f"version {version} of a match; this program reads 3"):
        Match.from_json(line)
