"""A debater that argues as a strategy prompt tells it to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from debateqd.agents.base import Decision, Failure, Thought, Turn
from debateqd.agents.models.base import ChatModel, Reply, Request, Sampling
from debateqd.agents.prompts import STOPS, cut_at_tag, debater_messages
from debateqd.agents.replies import BACKEND_KINDS, one_line, reply_failure
from debateqd.agents.thinking import Seatable

DEBATER_SAMPLING = Sampling(max_tokens=512, temperature=0.7)
"""How speeches are drawn unless told otherwise: twice the tokens of 150 words, some spread."""


@dataclass(eq=False, repr=False, slots=True)
class StrategyDebater(Seatable):
    """Asks a model for one speech per turn, with a strategy in the prompt."""

    model: ChatModel
    strategy: str = ""
    _: KW_ONLY
    sampling: Sampling = DEBATER_SAMPLING
    name: str = "strategy debater"

    def think(self, observation: Mapping[str, Any], turn: Turn) -> Thought[Decision]:
        """Ask for a speech; see :func:`read_speech`."""
        messages = debater_messages(observation, turn, self.strategy)
        (reply,) = yield [Request(messages, self.sampling, turn.request_seed(), stop=STOPS)]
        return read_speech(reply)

    def __repr__(self) -> str:
        return f"StrategyDebater({self.name!r}, model={self.model.name!r})"


def read_speech(reply: Reply) -> Decision:
    """Take a model's reply as a speech, up to where it goes on as the prompt does.

    What was refused, lost, or cut before its first word fails, and so does a reply that says
    nothing before a section's tag. Thinking is no part of a speech: a model that reached its limit
    while it thought has not begun to speak, and its reply is ``truncated``.

    Returns:
        A decision with details of :data:`debateqd.agents.base.TROUBLES`, where there are any.
    """
    speech, failure = cut_at_tag(reply.text), reply_failure(reply)
    if failure is None and not speech.strip():
        failure = Failure("bad_reply", one_line(f"no word of a speech: {reply.text!r}"))
    found = {
        "redraws": reply.redraws,
        "cut": failure is None and speech != reply.text,
        "token_limit_reached": failure is None and reply.finish_reason == "length",
        "unusable": failure is not None and failure.kind not in BACKEND_KINDS,
    }
    details = {name: count for name, count in found.items() if count}
    return Decision(None if failure else speech.strip(), details, failure)
