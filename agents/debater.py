"""A debater that argues as a strategy prompt tells it to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from debateqd.agents.base import Decision, Thought, Turn
from debateqd.agents.models.base import ChatModel, Request, Sampling
from debateqd.agents.prompts import debater_messages
from debateqd.agents.replies import reply_failure

DEBATER_SAMPLING = Sampling(max_tokens=512, temperature=0.7)
"""How speeches are drawn unless told otherwise: twice the tokens of 150 words, some spread."""


class StrategyDebater:
    """Asks a model for one speech per turn, with a strategy in the prompt.

    Attributes:
        model: The model that speaks.
        strategy: The strategy prompt; may be empty.
        sampling: How speeches are drawn.
        name: For reports.
    """

    __slots__ = ("model", "name", "sampling", "strategy")

    def __init__(
        self,
        model: ChatModel,
        strategy: str = "",
        *,
        sampling: Sampling = DEBATER_SAMPLING,
        name: str = "",
    ) -> None:
        self.model = model
        self.strategy = strategy
        self.sampling = sampling
        self.name = name or "strategy debater"

    def think(self, observation: Mapping[str, Any], turn: Turn) -> Thought[Decision]:
        """Ask for a speech; a reply that was refused, lost or cut before its first word fails.

        Thinking is no part of a speech: a model that reached its limit while it thought has not
        begun to speak, and its reply is ``truncated``.
        """
        (reply,) = yield (
            Request(
                debater_messages(observation, turn, self.strategy),
                self.sampling,
                turn.request_seed(),
            ),
        )
        failure = reply_failure(reply)
        if failure is not None:
            return Decision(None, failure=failure)
        details = {"token_limit_reached": True} if reply.finish_reason == "length" else {}
        return Decision(reply.text.strip(), details)

    def __repr__(self) -> str:
        return f"StrategyDebater({self.name!r}, model={self.model.name!r})"
