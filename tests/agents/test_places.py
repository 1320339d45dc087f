"""Plain agents are told episode and seat, and what they earned, wherever they play."""

from __future__ import annotations

import pytest

from debate_env import DebateSettings, debate_v1, from_callable
from debate_env.core.solo import SoloDebateEnv
from debateqd.agents.rollout import DebateJob, play_all, play_in_env
from tests.agents.fakes import question

RULES = DebateSettings(rounds=1)


class Placed:
    """Speaks of its place; sides with the first answer where it judges."""

    def __init__(self):
        self.places, self.earned = [], []

    def act_as(self, observations, places):
        assert len(observations) == len(places)
        self.places += places
        return [
            [1.0, 0.0] if o["phase"] else f"{p.seat} in {p.episode_id}"
            for o, p in zip(observations, places, strict=True)
        ]

    def act(self, observations):
        raise AssertionError("act is not asked where there is act_as")

    def feedback(self, episode_id, reward, seat):
        self.earned.append((episode_id, seat, reward))


def earned(episode):
    return [(episode, "debater_0", 1.0), (episode, "debater_1", -1.0)]


JUDGE = from_callable(lambda observation: [1.0, 0.0])


def test_in_the_scheduler():
    agent = Placed()
    seats = {"debater_0": agent, "debater_1": agent, "judge_0": JUDGE}
    records = play_all([DebateJob(f"j{n}", question(n), seats, n, RULES) for n in range(2)])
    assert [[s.text for s in r.speeches] for r in records] == [
        [f"debater_{k} in j{n}" for k in range(2)] for n in range(2)
    ]
    assert agent.places == [(f"j{n}", f"debater_{k}") for n in range(2) for k in range(2)]
    assert sorted(agent.earned) == earned("j0") + earned("j1")


def test_in_the_environment():
    agent = Placed()
    seats = {"debater_0": agent, "debater_1": agent, "judge_0": JUDGE}
    debate = play_in_env(debate_v1.env([question()], rounds=1), seats, 7, {"swap": False})
    assert [s.text for s in debate.speeches] == ["debater_0 in q0#7", "debater_1 in q0#7"]
    assert agent.places == [("q0#7", "debater_0"), ("q0#7", "debater_1")]
    assert agent.earned == earned("q0#7")


def test_in_the_environment_of_one_seat():
    agent = Placed()
    solo = SoloDebateEnv(
        "debater_0", {"debater_1": agent, "judge_0": agent}, [question()], rounds=1
    )
    for _ in range(2):
        solo.reset(seed=0, options={"swap": False})
        *_, truncated, info = solo.step("mine")
        assert not truncated, info
    assert agent.places == [
        (f"q0#{episode}", seat) for episode in (1, 2) for seat in ("debater_1", "judge_0")
    ]
    found = {(episode, seat): reward for episode, seat, reward in agent.earned}
    assert [found[f"q0#{episode}", "debater_1"] for episode in (1, 2)] == [-1.0, -1.0]
    assert found["q0#1", "judge_0"] == pytest.approx(0.693147, abs=1e-6)


def test_nobody_is_told_of_a_debate_that_failed():
    agent = Placed()
    seats = {"debater_0": agent, "debater_1": from_callable(lambda o: 7), "judge_0": JUDGE}
    (record,) = play_all([DebateJob("j", question(), seats, 0, RULES)])
    play_in_env(debate_v1.env([question()], rounds=1), seats, 7)
    assert record.outcome.kind == "error"
    assert agent.earned == []
