from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import debate_env  # noqa: F401 - registers the ids
from debate_env import InputError, from_callable, load_questions
from debate_env.core.quotes import read_quotes
from debate_env.core.solo import SoloDebateEnv, plain_debater
from debate_env.core.transcript import parse_transcript
from debate_env.testing import sample_questions

QUESTIONS = sample_questions()
BUILTIN = list(load_questions("builtin"))[:24]
SEATS = ("debater_0", "debater_1", "judge_0")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seat", SEATS)
def test_the_registered_id_makes_every_seat(seat):
    one = gymnasium.make("debate_env:debateqd/Debate-v1", seat=seat, questions=QUESTIONS)
    check_env(one.unwrapped, skip_render_check=True)
    observation, info = one.reset(seed=1)
    assert info == {}
    assert (observation["position"] == "") == (seat == "judge_0")


@pytest.mark.parametrize("protocol", ["simultaneous", "sequential"])
@pytest.mark.parametrize(("seat", "turns"), [("debater_0", 3), ("debater_1", 3), ("judge_0", 1)])
def test_a_step_is_one_turn_of_the_seat(protocol, seat, turns):
    one = SoloDebateEnv(seat, questions=QUESTIONS, protocol=protocol, rounds=3)
    one.reset(seed=0)
    action = np.array([0.9, 0.1], np.float32) if seat == "judge_0" else "I stand by it."
    rewards = []
    terminated = False
    while not terminated:
        _, reward, terminated, truncated, info = one.step(action)
        rewards.append(reward)
    assert len(rewards) == turns
    assert not any(rewards[:-1])
    assert not truncated
    assert info["verdict_ok"]
    with pytest.raises(InputError, match=r"reset\(\)"):
        one.step(action)


def test_opponents_are_asked_told_and_seeded():
    class Learner:
        def __init__(self):
            self.seen, self.told, self.seeds = [], [], []

        def act(self, observations):
            self.seen += observations
            return ["I am learning." for _ in observations]

        def reset(self, seed):
            self.seeds.append(seed)

        def feedback(self, episode_id, reward, seat):
            self.told.append((episode_id, reward))

    learner = Learner()
    judge = from_callable(lambda observation: [0.25, 0.75])
    one = SoloDebateEnv("debater_0", {"debater_1": learner, "judge_0": judge}, QUESTIONS, rounds=1)
    one.reset(seed=3, options={"index": 0})
    _, reward, *_ = one.step("Trust me.")
    assert reward == pytest.approx(-0.5)
    assert learner.seeds == [3]
    assert learner.told == [("mill-1#1", pytest.approx(0.5))]
    assert [o["transcript"] for o in learner.seen] == [""], "it saw a speech of its own wave"


def test_the_default_opponents_quote_truly_and_count_quotes():
    one = SoloDebateEnv("judge_0", questions=QUESTIONS, rounds=1)
    observation, _ = one.reset(seed=0)
    quotes = read_quotes(observation["transcript"])
    assert len(quotes) == 2
    assert all(verified for _, verified in quotes)


def paid(speech, **more):
    """What the first debater is paid on average for saying the same in every round."""
    rewards = []
    for index in range(len(BUILTIN)):
        one = SoloDebateEnv("debater_0", questions=BUILTIN, rounds=2, **more)
        observation, _ = one.reset(seed=0, options={"index": index, "swap": False})
        terminated = False
        while not terminated:
            observation, reward, terminated, _, _ = one.step(speech(observation))
        rewards.append(reward)
    return np.mean(rewards)


def _snippets(words):
    return [f"<quote>{' '.join(words[n : n + 3])}</quote>" for n in range(0, len(words), 3)]


def _opponents_quotes(observation):
    return " ".join(f"<quote>{text}</quote>" for text, _ in read_quotes(observation["transcript"]))


def test_nothing_beats_honest_quotes_before_the_default_judge():
    honest = paid(plain_debater)
    for cheap in (
        lambda seen: "",
        lambda seen: f"The answer is: {seen['position']}",
        lambda seen: f"<quote>{' '.join(seen['passage'].split()[:3])}</quote>",
        lambda seen: f"<quote>{' '.join(seen['passage'].split()[:120])}</quote>",
        lambda seen: " ".join(
            f"<quote>{' '.join(seen['passage'].split()[n : n + 3])}</quote>"
            for n in range(0, 60, 3)
        ),
        lambda seen: f"{seen['position']} " * 40,
        _opponents_quotes,
        lambda seen: seen["transcript"][:400] or "Indeed.",
    ):
        assert paid(cheap) < honest - 0.05, "the default judge can be had for less"


def test_agents_of_all_kinds_take_seats_and_others_are_refused_at_once():
    def judge(observation):
        return [1.0, 0.0]

    one = SoloDebateEnv("debater_0", {"judge_0": judge}, QUESTIONS, rounds=1)
    one.reset(seed=0)
    assert one.step("So it is.")[1] == 1.0
    for nobody in (object(), None, "judge", dict):
        with pytest.raises(InputError, match=r"opponents\['judge_0'\]"):
            SoloDebateEnv("debater_0", {"judge_0": nobody}, QUESTIONS)


def _raise(observation):
    raise ConnectionError("the line\nwent dead")


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        (from_callable(_raise), "judge_0: ConnectionError: the line went dead"),
        (from_callable(lambda observation: "A"), "judge_0: a verdict is 2 credences"),
        (from_callable(lambda observation: [float("nan"), 0.5]), "between 0 and 1"),
    ],
)
def test_an_opponent_that_fails_truncates_the_episode(judge, message):
    one = SoloDebateEnv("debater_0", {"judge_0": judge}, QUESTIONS, rounds=1)
    one.reset(seed=0)
    _, reward, terminated, truncated, info = one.step("A point.")
    assert (reward, terminated, truncated, info["kind"]) == (0.0, False, True, "error")
    assert message in info["message"]
    assert info["label"] is None
    one.reset()
    assert not one.step("Again.")[2]


def test_an_opponent_that_fails_before_the_first_turn():
    one = SoloDebateEnv("judge_0", {"debater_0": from_callable(_raise)}, QUESTIONS, rounds=1)
    observation, info = one.reset(seed=0)
    assert observation["phase"] == 2
    assert "ConnectionError" in info["message"]
    _, reward, terminated, truncated, _ = one.step([0.5, 0.5])
    assert (reward, terminated, truncated) == (0.0, False, True)
    with pytest.raises(InputError, match=r"reset\(\)"):
        one.step([0.5, 0.5])


def test_long_speeches_of_opponents_are_cut_and_counted():
    talker = from_callable(lambda observation: "on and on " * 50)
    one = SoloDebateEnv("judge_0", {"debater_0": talker}, QUESTIONS, max_chars=200, rounds=1)
    one.reset(seed=0)
    *_, info = one.step([1.0, 0.0])
    assert info["clipped"] == {"debater_0": 1, "debater_1": 0}


def test_the_plain_debater_survives_an_empty_passage():
    speech = plain_debater({"passage": "", "question": "?", "position": "x", "round": 2})
    assert "<quote></quote>" in speech


def test_vectorised():
    many = gymnasium.make_vec(
        "debate_env:debateqd/Debate-v1",
        num_envs=3,
        vectorization_mode="sync",
        questions=QUESTIONS,
        rounds=1,
    )
    observations, _ = many.reset(seed=0)
    assert all(len(parse_transcript(t)) == 0 for t in observations["transcript"])
    _, rewards, terminations, _, _ = many.step(("a", "b", "c"))
    assert rewards.shape == (3,)
    assert terminations.all()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"seat": "judge_1"}, "allowed: debater_0, debater_1, judge_0"),
        ({"opponents": {"debater_0": None}}, r"opponents\['debater_0'\]: allowed: debater_1"),
    ],
)
def test_wrong_seats_are_explained(arguments, complaint):
    with pytest.raises(InputError, match=complaint):
        SoloDebateEnv(questions=QUESTIONS, **arguments)
