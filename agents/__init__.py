"""Agents for debates: those that ask a chat model, scripts, people, and the one scheduler."""

from agents.base import Decision, Failure, ThinkingAgent, Thought, Turn, derive_seed
from agents.debater import StrategyDebater
from agents.human import HumanAgent
from agents.in_env import play_in_env
from agents.judge import ModelJudge, read_question
from agents.models.base import ChatModel, Message, Reply, Request, Sampling, Usage
from agents.models.registry import make_model, register_model
from agents.rollout import DebateJob, DebateRecord, play, play_all, run_thoughts
from agents.scripted import KeywordJudge, QuotingDebater, RandomAgent
from agents.stored import from_archive
from agents.verdicts import VerdictSettings

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
    "make_model",
    "play",
    "play_all",
    "play_in_env",
    "read_question",
    "register_model",
    "run_thoughts",
]
