"""Judges that ask a model: of a debate, and of a question alone.

How the model's reply becomes a credence for every answer is the matter of
:mod:`debateqd.agents.verdicts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from debate_env.core.protocols import SPEECH
from debate_env.questions.question import Question
from debateqd.agents.base import ONLY_VERDICTS, Decision, Failure, Thought, Turn
from debateqd.agents.models.base import ChatModel, Sampling
from debateqd.agents.prompts import judge_messages, reader_messages
from debateqd.agents.thinking import Seatable
from debateqd.agents.verdicts import (
    DEFAULT_VERDICT,
    JUDGE_SAMPLING,
    Matter,
    VerdictSettings,
    method_for,
)

__all__ = ["JUDGE_SAMPLING", "ModelJudge", "VerdictSettings", "read_question"]


@dataclass(eq=False, repr=False, slots=True)
class ModelJudge(Seatable):
    """Judges a debate from its transcript by asking a model, in both answer orders.

    The details of its decisions are ``orders`` (a credence per order, each in the presented order
    of answers), ``bias`` (what the first-shown answer got above its even share) and ``method``;
    ``missing_mass`` where the engine tells it; and ``votes`` (read, asked) where votes were taken.
    """

    model: ChatModel
    _: KW_ONLY
    verdict: VerdictSettings = DEFAULT_VERDICT
    sampling: Sampling = JUDGE_SAMPLING
    name: str = "model judge"

    def think(self, observation: Mapping[str, Any], turn: Turn) -> Thought[Decision]:
        """Ask for the verdict in both orders, in one wave."""
        if observation["phase"] == SPEECH:
            return Decision(None, failure=Failure("agent_error", f"{turn.seat}: {ONLY_VERDICTS}"))
        verdict = yield from method_for(self.model, self.verdict, self.sampling).ask(
            Matter(
                lambda order, form: judge_messages(
                    observation, order, form, turn.settings.protocol
                ),
                len(observation["answers"]),
                turn.seed,
            )
        )
        if isinstance(verdict, Failure):
            return Decision(None, failure=verdict)
        details: dict[str, Any] = {
            "orders": [list(order) for order in verdict.orders],
            "bias": verdict.bias,
            "method": verdict.method,
        }
        if verdict.missing_mass is not None:
            details["missing_mass"] = verdict.missing_mass
        if verdict.votes is not None:
            details["votes"] = list(verdict.votes)
        return Decision(verdict.credence, details)

    def __repr__(self) -> str:
        return f"ModelJudge({self.model.name!r})"


def read_question(
    model: ChatModel,
    question: Question,
    passage: str | None,
    seed: int,
    verdict: VerdictSettings = DEFAULT_VERDICT,
) -> Thought[tuple[float, ...] | Failure]:
    """Ask a model a question without a debate: the two baselines of a judge.

    Without a passage it guesses. The verdict is obtained as in debates, or the baselines would
    measure something else. Credences are in the order of ``question.answers``, averaged over both
    orders of showing them.
    """
    found = yield from method_for(model, verdict, JUDGE_SAMPLING).ask(
        Matter(
            lambda order, form: reader_messages(
                question.question, question.answers, order, passage, form
            ),
            len(question.answers),
            seed,
        )
    )
    if isinstance(found, Failure):
        return Failure(found.kind, f"{model.name}: {found.message}")
    return found.credence
