"""A chat model on an OpenAI-compatible server, or on several replicas of one."""

from debateqd.agents.models.openai.model import OpenAIModel, make_openai

__all__ = ["OpenAIModel", "make_openai"]
