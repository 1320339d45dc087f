from __future__ import annotations

from debate_env import load_questions
from debate_env.core.solo import SoloDebateEnv
from debateqd.agents import from_async
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.judge import ModelJudge
from debateqd.agents.models.base import Reply
from debateqd.agents.models.embedded import EmbeddedModel
from tests.agents.fakes import FakeModel

QUESTIONS = list(load_questions("builtin"))[:2]


def test_agents_that_think_take_the_other_seats_of_a_single_seat_view() -> None:
    model = EmbeddedModel()

    async def speak(observation: object) -> str:
        return "So it is."

    opponents = {"debater_1": StrategyDebater(model, "Quote."), "judge_0": ModelJudge(model)}
    for second in (opponents["debater_1"], from_async(speak)):
        one = SoloDebateEnv(
            "debater_0", {**opponents, "debater_1": second}, QUESTIONS, rounds=1, word_limit=20
        )
        one.reset(seed=0, options={"index": 0, "swap": False})
        *_, terminated, truncated, info = one.step("It is so.")
        assert (terminated, truncated, info["kind"]) == (True, False, "verdict")
        assert info["clipped"] == {"debater_0": 0, "debater_1": 0}  # it knew the limit


def test_a_reply_that_cannot_be_used_ends_the_episode_and_says_why() -> None:
    model = FakeModel(lambda request: Reply("", "refused"))
    one = SoloDebateEnv("debater_0", {"debater_1": StrategyDebater(model)}, QUESTIONS, rounds=1)
    one.reset(seed=0)
    *_, truncated, info = one.step("It is so.")
    assert truncated
    assert "refused" in info["message"]
