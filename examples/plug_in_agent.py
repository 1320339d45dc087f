"""Plug a function of your own into a debate.

``python examples/plug_in_agent.py``, after ``pip install -e .``
"""

from collections.abc import Mapping
from typing import Any

from debate_env import DebateSettings, from_callable, load_questions
from debateqd.agents import DebateJob, ModelJudge, StrategyDebater, make_model, play_all


def my_debater(observation: Mapping[str, Any]) -> str:
    """Quote the beginning of the passage, whatever the question."""
    opening = " ".join(observation["passage"].split()[:12])
    return f"It is {observation['position']}: <quote>{opening}</quote>"


def main() -> None:
    """Play ten debates against a strategy of a model and print what the judge thought."""
    model = make_model("embedded")
    agents: dict[str, Any] = {
        "debater_0": from_callable(my_debater),
        "debater_1": StrategyDebater(model, "Quote the decisive sentence and explain it."),
        "judge_0": ModelJudge(model),
    }
    questions = load_questions("builtin")[:10]
    jobs = [DebateJob(q.question_id, q, agents, 0, DebateSettings()) for q in questions]
    for record in play_all(jobs):
        mine, theirs = record.outcome.credence or (0.0, 0.0)
        print(f"{record.job.job_id}: my answer {mine:.2f}, the other {theirs:.2f}")
    print("The judge is a simulation (embedded model).")


if __name__ == "__main__":
    main()
