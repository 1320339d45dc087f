from __future__ import annotations

import copy

import numpy as np
import pytest

from debate_env import InputError, debate_v1
from debate_env.testing import sample_questions
from tests.debate_env.support import through_pickle

QUESTIONS = sample_questions()
VERDICT = np.array([0.7, 0.3], np.float32)


def made(**settings):
    one = debate_v1.parallel_env(QUESTIONS, **settings)
    one.reset(seed=0)
    return one


def test_a_step_is_a_wave():
    one = made(rounds=2)
    actions = {"debater_0": "a", "debater_1": "b", "judge_0": VERDICT}
    lengths = []
    while one.agents:
        lengths.append(len(one.acting_agents))
        observations, rewards, terminations, truncations, infos = one.step(actions)
    assert lengths == [2, 2, 1]
    assert rewards["debater_0"] == pytest.approx(0.4)
    assert all(terminations.values())
    assert not any(truncations.values())
    assert infos["judge_0"]["verdict_ok"]
    assert observations["judge_0"]["phase"] == 2
    assert one.acting_agents == ()
    assert one.step(actions) == ({}, {}, {}, {}, {})


def test_a_missing_action_is_named():
    with pytest.raises(InputError, match="no action for debater_1"):
        made().step({"debater_0": "a", "judge_0": VERDICT})


def test_a_bad_action_leaves_the_debate_as_it_was():
    one = made(max_chars=10)
    with pytest.raises(InputError, match="debater_1"):
        one.step({"debater_0": "fine", "debater_1": "x" * 11})
    assert one.acting_agents == ("debater_0", "debater_1")
    one.step({"debater_0": "other", "debater_1": "fine"})
    assert [s.text for s in one.aec_env.episode.speeches] == ["other", "fine"]


def test_abort_truncates_everybody():
    one = made()
    _, rewards, terminations, truncations, infos = one.abort("unusable", "no verdict")
    assert set(rewards.values()) == {0.0}
    assert all(truncations.values())
    assert not any(terminations.values())
    assert infos["judge_0"]["message"] == "no verdict"
    assert one.agents == []


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
def test_a_copy_goes_on_identically(duplicate):
    one = made()
    one.step({"debater_0": "a", "debater_1": "b"})
    twin = duplicate(one)
    for actions in ({"debater_0": "c", "debater_1": "d"}, {"judge_0": VERDICT}):
        assert one.step(actions) == twin.step(actions)
    assert one.agents == twin.agents == []
