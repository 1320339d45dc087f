"""Agents for debates: those that ask a chat model, scripts, people, and the one scheduler."""

# No module may exist under two names: in a checkout this folder could also be found by itself.
if __name__ != "debateqd.agents":
    raise ImportError(f"import debateqd.agents, not {__name__}", name=__name__)

from debateqd.agents.asynchronous import from_async
from debateqd.agents.base import Decision, Failure, ThinkingAgent, Thought, Turn, derive_seed
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.human import HumanAgent
from debateqd.agents.judge import ModelJudge, read_question
from debateqd.agents.models.base import ChatModel, Message, Reply, Request, Sampling, Usage
from debateqd.agents.models.registry import make_model, register_model
from debateqd.agents.rollout import (
    DebateJob,
    DebateRecord,
    play,
    play_all,
    play_in_env,
    run_thoughts,
)
from debateqd.agents.scripted import KeywordJudge, QuotingDebater, RandomAgent
from debateqd.agents.stored import from_archive
from debateqd.agents.verdicts import VerdictSettings

__all__ = [
    "ChatModel",
    "DebateJob",
    "DebateRecord",
    "Decision",
    "Failure",
    "HumanAgent",
    "KeywordJudge",
    "Message",
    "ModelJudge",
    "QuotingDebater",
    "RandomAgent",
    "Reply",
    "Request",
    "Sampling",
    "StrategyDebater",
    "ThinkingAgent",
    "Thought",
    "Turn",
    "Usage",
    "VerdictSettings",
    "derive_seed",
    "from_archive",
    "from_async",
    "make_model",
    "play",
    "play_all",
    "play_in_env",
    "read_question",
    "register_model",
    "run_thoughts",
]
