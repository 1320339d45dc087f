"""What GEPA reflects on: debates as records, and back.

Kept apart from :mod:`debateqd.qd.links.gepa` because nothing here plays or asks anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from debateqd.agents.prompts import DebateShown, SpokenBlock


@dataclass(frozen=True, slots=True)
class Rollout:
    """What GEPA calls the output, and the trajectory, of one example.

    Attributes:
        question: Id of the question.
        score: Score, from 0 to 1.
        debates: What was said, with the outcome; empty when no debate had a usable verdict, or
            none was played.
        message: Why there is no score of its own; empty otherwise.
    """

    question: str
    score: float
    debates: tuple[DebateShown, ...]
    message: str = ""


def reflective_records(rollout: Rollout) -> list[dict[str, Any]]:
    """Turn an example into records of the form that GEPA recommends; :func:`read_record` inverts.

    An example without debates gives one record that says why.
    """
    if not rollout.debates:
        return [{"Inputs": {}, "Generated Outputs": "", "Feedback": rollout.message}]
    return [_record(debate) for debate in rollout.debates]


def _record(debate: DebateShown) -> dict[str, Any]:
    if debate.team:
        aim = "The strategy spoke for both answers and is to help the judge find the correct one."
        verdict = f"The judge gave the correct answer a credence of {debate.credence:.2f}"
    else:
        aim = "The strategy's debater spoke for 'own'."
        verdict = f"The judge gave the strategy's answer a credence of {debate.credence:.2f}"
    return {
        "Inputs": {
            "question": debate.question,
            "answer of own": debate.own,
            "answer of other": debate.other,
        },
        "Generated Outputs": [
            {"round": s.round, "speaker": s.speaker, "text": s.text} for s in debate.speeches
        ],
        "Feedback": f"{verdict}: {'won' if debate.won else 'lost'}. {aim} Carry nothing over from "
        "this passage, question or answer: the strategy is for any question about any passage.",
        "credence": debate.credence,
        "won": debate.won,
        "team": debate.team,
    }


def read_record(record: Mapping[str, Any]) -> DebateShown:
    """Read a record of a debate back."""
    inputs = record["Inputs"]
    return DebateShown(
        won=bool(record["won"]),
        credence=float(record["credence"]),
        question=inputs["question"],
        own=inputs["answer of own"],
        other=inputs["answer of other"],
        speeches=tuple(
            SpokenBlock(int(s["round"]), s["speaker"], s["text"])
            for s in record["Generated Outputs"]
        ),
        team=bool(record["team"]),
    )
