"""A debate in which agents of the OpenAI Agents SDK speak, with a model of their own making.

``python tests/distribution/sdk_debate.py`` where both are installed; no network is needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from openai.types.responses import ResponseOutputMessage, ResponseOutputText

from agents import (  # noqa: TID251  (theirs)
    Agent,
    Model,
    ModelResponse,
    Runner,
    Usage,
    set_tracing_disabled,
)
from debate_env import DebateSettings, from_callable, load_questions
from debateqd.agents import DebateJob, KeywordJudge, from_async, play_all


class Parrot(Model):
    """Says what it was told last, and never asks anybody."""

    async def get_response(
        self, system_instructions: str | None, input: Any, *args: Any, **options: Any
    ) -> ModelResponse:
        told = input if isinstance(input, str) else input[-1]["content"]
        text = ResponseOutputText(text=f"I was told: {told}", type="output_text", annotations=[])
        message = ResponseOutputMessage(
            id="1", content=[text], role="assistant", status="completed", type="message"
        )
        return ModelResponse(output=[message], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **options: Any) -> AsyncIterator[Any]:
        raise NotImplementedError


def task(observation: Any) -> str:
    return f"argue for {observation['position']}"


def main() -> None:
    set_tracing_disabled(True)
    agent = Agent(name="debater", instructions="You debate.", model=Parrot())

    def waits(observation: Any) -> str:
        return str(Runner.run_sync(agent, task(observation)).final_output)

    async def does_not_wait(observation: Any) -> str:
        return str((await Runner.run(agent, task(observation))).final_output)

    seats = {
        "debater_0": from_callable(waits),
        "debater_1": from_async(does_not_wait),
        "judge_0": KeywordJudge(),
    }
    questions = load_questions("builtin")[:3]
    jobs = [DebateJob(q.question_id, q, seats, 0, DebateSettings()) for q in questions]
    speeches = 0
    for record in play_all(jobs):
        assert record.failure is None, record.failure
        assert record.outcome is not None
        for speech in record.speeches:
            assert "I was told: argue for" in str(speech), speech
        speeches += len(record.speeches)
    print(f"{len(jobs)} debates, {speeches} speeches")


if __name__ == "__main__":
    main()
