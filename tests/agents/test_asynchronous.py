"""Asynchronous agents take seats like any other, many episodes at once."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading

import pytest

from debate_env import DebateSettings, InputError, debate_v1, from_callable
from debate_env.agent import Place
from debateqd.agents import DebateJob, KeywordJudge, QuotingDebater, from_async, play_all
from debateqd.agents.asynchronous import _loop_of
from debateqd.agents.rollout import play_in_env
from tests.agents.fakes import question

RULES = DebateSettings(rounds=1)


def jobs(debater, number=1, **others):
    seats = {"debater_0": debater, "debater_1": debater, "judge_0": KeywordJudge(), **others}
    return [DebateJob(f"job{n}", question(n), seats, n, RULES) for n in range(number)]


async def says_its_side(observation):
    await asyncio.sleep(0)
    return f"It is {observation['position']}."


def said(record):
    return [speech.text for speech in record.speeches]


def test_a_coroutine_function_takes_a_seat():
    agent = from_async(says_its_side)
    (record,) = play_all(jobs(agent))
    assert record.failure is None
    assert said(record) == ["It is a lamp.", "It is a rope."]
    assert agent.name == "says_its_side"
    assert repr(from_async(says_its_side, "mine")) == "AsyncAgent('mine')"


def test_an_object_that_is_a_coroutine_function_takes_a_seat():
    class Called:
        async def __call__(self, observation):
            return "called"

    (record,) = play_all(jobs(from_async(Called())))
    assert said(record) == ["called", "called"]


def test_many_episodes_are_asked_at_once():
    together = 24  # twelve debates, two debaters each

    class Crowd:
        def __init__(self):
            self.inside = 0
            self.full = asyncio.Event()

        async def act(self, observation):
            self.inside += 1
            if self.inside == together:
                self.full.set()
            await asyncio.wait_for(self.full.wait(), timeout=60)
            return f"one of {together}"

    records = play_all(jobs(from_async(Crowd()), together // 2))
    assert [record.failure for record in records] == [None] * len(records)
    assert {text for record in records for text in said(record)} == {"one of 24"}


def test_the_episode_and_seat_are_told_and_rewards_handed_on():
    class Learner:
        name = "learner"

        def __init__(self):
            self.places, self.earned = [], {}

        async def act_as(self, observation, place):
            self.places.append(place)
            return f"{place.seat} of {place.episode_id}"

        def feedback(self, episode_id, reward, seat):
            self.earned[episode_id, seat] = reward

    async def judges(observation):
        return [0.75, 0.25]

    learner = Learner()
    agent = from_async(learner)
    records = play_all(jobs(agent, 2, judge_0=from_async(judges)))
    seats = [(f"job{n}", f"debater_{k}") for n in range(2) for k in range(2)]
    assert sorted(learner.places) == seats
    assert [said(r) for r in records] == [
        [f"debater_{k} of job{n}" for k in range(2)] for n in range(2)
    ]
    assert learner.earned == {seat: 0.5 if seat[1] == "debater_0" else -0.5 for seat in seats}
    assert agent.name == "learner"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ValueError("no\nwords"), "debater_0: ValueError: no words"),
        (SystemExit(3), "debater_0: RuntimeError: SystemExit(3)"),
        (KeyboardInterrupt(), "debater_0: RuntimeError: KeyboardInterrupt()"),
        (GeneratorExit(), "debater_0: RuntimeError: GeneratorExit()"),
        (BaseException("odd"), "debater_0: RuntimeError: BaseException('odd')"),
        (asyncio.CancelledError(), "debater_0: CancelledError"),
    ],
)
def test_an_exception_ends_its_debate_alone_in_one_line(error, shown):
    class Fails:
        async def act_as(self, observation, place):
            if place == ("job1", "debater_0"):
                raise error
            return "fine"

    records = play_all(jobs(from_async(Fails()), 3))
    assert [r.outcome.kind for r in records] == ["verdict", "error", "verdict"]
    assert records[1].failure.kind == "agent_error"
    assert records[1].failure.message.startswith(shown)
    assert "\n" not in records[1].failure.message


@pytest.mark.parametrize("agent", [QuotingDebater(), len, object()])
def test_what_is_not_asynchronous_is_refused_in_one_line(agent):
    with pytest.raises(InputError) as refused:
        from_async(agent)
    message = str(refused.value)
    assert message.startswith(f"{type(agent).__name__} is not asynchronous: give it 'async def act")
    assert "\n" not in message


def test_it_plays_from_inside_a_running_event_loop_as_in_a_notebook():
    async def cell():
        return play_all(jobs(from_async(says_its_side), 3))

    records = asyncio.run(cell())
    assert [r.failure for r in records] == [None] * 3
    assert said(records[2]) == ["It is a lamp.", "It is a rope."]


def test_it_plays_in_the_environment():
    env = debate_v1.env([question()], rounds=1)
    agent = from_async(says_its_side)
    agents = {"debater_0": agent, "debater_1": agent, "judge_0": KeywordJudge()}
    debate = play_in_env(env, agents, 1, {"swap": False})
    assert [s.text for s in debate.speeches] == ["It is a lamp.", "It is a rope."]


def test_a_closed_agent_begins_anew():
    agent = from_async(says_its_side)
    play_all(jobs(agent))
    agent.model.close()
    agent.model.close()
    (record,) = play_all(jobs(agent))
    assert record.failure is None


def test_a_call_that_hangs_is_cancelled_when_its_agent_is_closed():
    ended = threading.Event()

    async def hangs(observation):
        try:
            await asyncio.sleep(600)
        finally:
            ended.set()

    agent = from_async(hangs)
    agent.model.begin({}, Place("job", "debater_0"))
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), _loop_of(os.getpid())).result(60)
    agent.model.close()
    assert ended.wait(60)


def test_many_agents_share_one_thread():
    play_all(jobs(from_async(says_its_side)))
    before = threading.active_count()
    agents = [from_async(says_its_side) for _ in range(50)]
    assert not any(record.failure for agent in agents for record in play_all(jobs(agent)))
    assert threading.active_count() == before


def played_in_a_child(agent, answers):
    answers.put(said(play_all(jobs(agent))[0]))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_plays_with_the_agent_of_its_parent():
    agent = from_async(says_its_side)
    play_all(jobs(agent))
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    child = fork.Process(target=played_in_a_child, args=(agent, answers))
    child.start()
    try:
        assert answers.get(timeout=60) == ["It is a lamp.", "It is a rope."]
    finally:
        child.kill()
        child.join()


def test_asynchronous_feedback_is_awaited_and_its_errors_noted():
    class Learner:
        earned = ()

        async def act(self, observation):
            return "so"

        async def feedback(self, episode_id, reward, seat):
            await asyncio.sleep(0)
            self.earned = (*self.earned, seat)
            if len(self.earned) == 2:
                raise KeyboardInterrupt

    learner = Learner()
    (record,) = play_all(jobs(from_async(learner)))
    assert learner.earned == ("debater_0", "debater_1")
    assert record.failure is None
    assert record.details["debater_1"]["feedback_error"] == "RuntimeError('KeyboardInterrupt()')"


def test_a_class_is_refused_in_one_line():
    class Service:
        async def act(self, observation):
            return "so"

    with pytest.raises(InputError, match=r"^Service is a class: give from_async an object of it$"):
        from_async(Service)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["act", "act_as"])
def test_who_is_seated_without_the_adapter_is_told_of_it(name):
    async def act(*asked):
        return ["so"]

    service = type("Service", (), {name: staticmethod(act)})()
    (record,) = play_all(jobs(service))
    where = "is asynchronous: seat it through debateqd.agents.from_async"
    assert record.failure.message == f"debater_0: TypeError: Service {where}"
    (record,) = play_all(jobs(from_callable(says_its_side)))
    assert record.failure.message == f"debater_0: TypeError: CallableAgent {where}"


@pytest.mark.filterwarnings("error")
def test_asynchronous_feedback_without_the_adapter_is_noted():
    class Learner(QuotingDebater):
        async def feedback(self, episode_id, reward, seat):
            pass

    (record,) = play_all(jobs(Learner()))
    assert (
        "seat it through debateqd.agents.from_async"
        in (record.details["debater_0"]["feedback_error"])
    )
