from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pettingzoo
import pytest

from debate_env import InputError, debate_v1
from debate_env.core.transcript import parse_transcript
from debate_env.testing import sample_questions, scripted_action

QUESTIONS = sample_questions()


def made(**settings):
    one = debate_v1.env(QUESTIONS, **settings)
    one.reset(seed=0)
    return one


def test_both_registries_make_the_wrapped_environment():
    aec = pettingzoo.make("aec", "debateqd/debate-v1", questions=QUESTIONS, rounds=1)
    assert type(aec).__name__ == "OrderEnforcingWrapper"
    assert aec.unwrapped.settings.rounds == 1
    parallel = pettingzoo.make("parallel", "debateqd/debate-v1", questions=QUESTIONS)
    assert isinstance(parallel, pettingzoo.ParallelEnv)
    assert str(pettingzoo.make("aec", "debateqd/debate_v1", questions=QUESTIONS)) == "debate_v1"


def test_access_before_reset_is_refused():
    one = debate_v1.env(QUESTIONS)
    with pytest.raises(AttributeError, match="before reset"):
        _ = one.agents


def test_acting_agents_are_both_debaters_then_who_is_left():
    one = made(rounds=1)
    assert one.unwrapped.acting_agents == ("debater_0", "debater_1")
    one.step("x")
    assert one.unwrapped.acting_agents == ("debater_1",)
    one.step("y")
    assert one.unwrapped.acting_agents == ("judge_0",)
    one.step(np.array([1, 0], np.float32))
    assert one.unwrapped.acting_agents == ()


def test_waves_of_a_debate():
    counts = {}
    for protocol in ("simultaneous", "sequential"):
        one = made(protocol=protocol, rounds=3)
        waves = 0
        while not one.unwrapped.episode.over:
            waves += 1
            for agent in one.unwrapped.acting_agents:
                assert one.agent_selection == agent
                one.step(scripted_action(one, agent))
        counts[protocol] = waves
    assert counts == {"simultaneous": 4, "sequential": 7}


def test_spaces_are_built_lazily_and_once_per_instance():
    one, other = debate_v1.raw_env(QUESTIONS), debate_v1.raw_env(QUESTIONS)
    assert "_observation_space" not in vars(one)
    assert one._action_spaces == {}
    assert one.observation_space("judge_0") is one.observation_space("debater_0")
    assert one.observation_space("judge_0") is not other.observation_space("judge_0")
    assert one.observation_space("judge_0") == other.observation_space("judge_0")
    assert one.action_space("judge_0") == gymnasium.spaces.Box(0.0, 1.0, (2,), np.float32)
    with pytest.raises(InputError, match="unknown agent 'judge_1'"):
        one.action_space("judge_1")


@pytest.mark.parametrize("speech", ["\n" * 400, "<quote></quote>" * 26, "x" * 400, "a " * 200])
def test_the_longest_speeches_stay_inside_the_spaces(speech):
    one = made(max_chars=400, word_limit=10_000)
    raw = one.unwrapped
    while not raw.episode.over:
        judging = one.agent_selection == "judge_0"
        one.step(np.array([1, 1], np.float32) if judging else speech)
        assert one.observation_space("judge_0").contains(one.observe("judge_0"))
        assert raw.state_space.contains(raw.state())


def test_rewards_are_zero_until_the_verdict_and_then_accumulated():
    one = made(rounds=1)
    for _ in range(2):
        assert set(one.rewards.values()) == {0.0}
        one.step("x")
    one.step(np.array([0.9, 0.1], np.float32))
    assert one.rewards["debater_0"] == pytest.approx(0.8)
    assert one.last(observe=False)[1] == pytest.approx(0.8)


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("swap", [False, True])
def test_options_fix_what_would_be_drawn(index, swap):
    one = made()
    one.reset(seed=5, options={"index": index, "swap": swap})
    episode = one.unwrapped.episode
    assert episode.question is QUESTIONS[index]
    expected = QUESTIONS[index].answers[::-1] if swap else QUESTIONS[index].answers
    assert one.observe("judge_0")["answers"] == expected


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"swap": "no"}, "options\\['swap'\\]='no': allowed are True and False"),
        ({"swap": None}, "swap"),
        ({"indx": 1}, "options\\['indx'\\]: did you mean 'index'"),
        ({"rival": "1"}, "rival='1'; allowed: 1"),
        ({"rival": 1.0}, "rival=1.0"),
        ({"index": 1.0}, "index"),
    ],
)
def test_wrong_options_are_explained(options, complaint):
    with pytest.raises(InputError, match=complaint):
        made().reset(options={"index": 0, **options})


def test_what_is_no_mapping_of_options_is_explained():
    with pytest.raises(InputError, match="must be a mapping of index, swap and rival"):
        made().reset(options=[1])


def test_nothing_can_be_seen_before_the_first_debate():
    one = debate_v1.raw_env(QUESTIONS)
    for look in (one.state, lambda: one.acting_agents, lambda: one.observe("judge_0")):
        with pytest.raises(InputError, match=r"call reset\(\) first"):
            look()


def test_numbers_of_numpy_are_numbers(tmp_path):
    one = debate_v1.raw_env(QUESTIONS, rounds=np.int64(1), mix_weight=np.float32(0.25))
    assert type(one.settings.rounds) is int
    assert type(one.settings.mix_weight) is float
    one.reset(seed=0, options={"index": np.int64(1), "swap": np.bool_(True)})
    for action in ("a", "b", [np.float32(0.25), np.float32(0.75)]):
        one.step(action)
    assert one.episode.outcome.credence == (0.25, 0.75)
    assert one.episode.question is QUESTIONS[1]


def test_questions_come_from_a_path(tmp_path):
    record = {"question_id": "a", "passage": "Text.", "question": "?", "answers": ["x", "y"]}
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps({**record, "label": 0}))
    assert debate_v1.raw_env(path).questions[0].question_id == "a"


def test_options_may_be_numpy_scalars():
    one = made()
    one.reset(options={"index": np.int64(0), "swap": np.bool_(True), "rival": np.int64(1)})
    assert one.observe("judge_0")["answers"] == QUESTIONS[0].answers[::-1]


def test_options_do_not_shift_later_draws():
    free, fixed = made(), made()
    free.reset(seed=9)
    fixed.reset(seed=9, options={"index": 2, "swap": True})
    for _ in range(5):
        free.reset()
        fixed.reset()
        assert free.observe("debater_0") == fixed.observe("debater_0")


def test_the_rival_is_drawn_among_the_wrong_answers():
    questions = [replace(QUESTIONS[0], answers=tuple("abcd"), label=2)]
    one = debate_v1.raw_env(questions)
    rivals = set()
    for seed in range(60):
        one.reset(seed=seed)
        positions = {one.observe(a)["position"] for a in ("debater_0", "debater_1")}
        assert "c" in positions
        rivals |= positions - {"c"}
    assert rivals == set("abd")
    one.reset(options={"rival": 3})
    assert one.episode.answers[1 - one.episode.label] == "d"
    with pytest.raises(InputError, match="allowed: 0, 1, 3"):
        one.reset(options={"rival": 2})


def test_the_seat_of_the_correct_answer_is_balanced():
    one = debate_v1.raw_env(QUESTIONS)
    one.reset(seed=1)
    labels = []
    for _ in range(2000):
        one.reset()
        labels.append(one.episode.label)
    assert 0.45 < np.mean(labels) < 0.55


def test_terminal_infos_reproduce_the_debate():
    one = made(rounds=1)
    one.reset(seed=21)
    seen = one.observe("debater_0")
    for action in ("x", "y", np.array([1, 0], np.float32)):
        one.step(action)
    info = one.infos["judge_0"]
    assert info["seed"] == 21
    again = made(rounds=1)
    again.reset(options=info["options"])
    assert again.observe("debater_0") == seen
    one.infos["debater_0"]["scores"]["judge"] = "changed"
    assert info["scores"]["judge"] != "changed"


def test_an_abort_ends_an_iteration_in_the_middle():
    one = made()
    for steps, agent in enumerate(one.agent_iter(), 1):
        _, reward, terminated, truncated, info = one.last()
        if terminated or truncated:
            assert (reward, truncated, info["kind"]) == (0.0, True, "error")
            one.step(None)
        elif steps == 3:
            one.unwrapped.abort("error", "backend gone")
            one.step(None)
        else:
            one.step(scripted_action(one, agent))
    assert one.agents == []
    one.reset()
    assert one.agents == list(one.possible_agents)


def test_state_shows_pending_speeches_but_not_the_label():
    one = made()
    one.step("A pending point.")
    state = one.state()
    assert [s.text for s in parse_transcript(state["pending"])] == ["A pending point."]
    assert state["transcript"] == ""
    assert "label" not in state


def test_a_copy_shares_the_questions():
    one = made()
    twin = copy.deepcopy(one)
    assert twin.unwrapped.questions is one.unwrapped.questions
    assert twin.unwrapped is not one.unwrapped


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"questions": []}, "there are none"),
        (
            {"questions": [QUESTIONS[0], replace(QUESTIONS[1], answers=tuple("abc"))]},
            "'mill-1' has 2 answers and 'mill-2' has 3",
        ),
        ({"questions": QUESTIONS, "render_mode": "rgb_array"}, "allowed: human, ansi, html"),
        ({"questions": QUESTIONS, "protocol": "simultaneus"}, "did you mean 'simultaneous'"),
        ({"questions": QUESTIONS, "rounds": 0}, "rounds=0"),
        ({"questions": Path("own.jsonl")}, "own.jsonl: no such file"),
        ({"questions": (q for q in QUESTIONS)}, "must be a sequence of Question.*got generator"),
        ({"questions": ["builtin"]}, "must be a sequence of Question"),
    ],
)
def test_wrong_arguments_are_explained(arguments, complaint):
    with pytest.raises(InputError, match=complaint):
        debate_v1.env(**arguments)


def test_the_default_questions_are_the_built_in_ones():
    one = debate_v1.raw_env()
    one.reset(seed=0)
    assert one.episode.question.source == "builtin"
