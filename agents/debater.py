"""A debater that argues as a strategy prompt tells it to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from debateqd.agents.base import Decision, Thought, Turn
from debateqd.agents.models.base import ChatModel, Request, Sampling
from debateqd.agents.prompts import debater_messages
from debateqd.agents.replies import reply_failure

DEBATER_SAMPLING = Sampling(max_tokens=512, temperature=0.7)
"""How speeches are drawn unless told otherwise: twice the tokens of 150 words, some spread."""


@dataclass(eq=False, repr=False, slots=True)
class StrategyDebater:
    """Asks a model for one speech per turn, with a strategy in the prompt."""

    model: ChatModel
    strategy: str = ""
    _: KW_ONLY
    sampling: Sampling = DEBATER_SAMPLING
    name: str = "strategy debater"

    def think(self, observation: Mapping[str, Any], turn: Turn) -> Thought[Decision]:
        """Ask for a speech; a reply that was refused, lost or cut before its first word fails.

        Thinking is no part of a speech: a model that reached its limit while it thought has not
        begun to speak, and its reply is ``truncated``.
        """
        messages = debater_messages(observation, turn, self.strategy)
        (reply,) = yield [Request(messages, self.sampling, turn.request_seed())]
        failure = reply_failure(reply)
        if failure is not None:
            return Decision(None, failure=failure)
        details = {"token_limit_reached": True} if reply.finish_reason == "length" else {}
        return Decision(reply.text.strip(), details)

    def __repr__(self) -> str:
        return f"StrategyDebater({self.name!r}, model={self.model.name!r})"
