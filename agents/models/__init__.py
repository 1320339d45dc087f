"""Chat models: one interface, several engines.

``make_model(spec)`` makes one by name:

- ``embedded[:world=0,kind=mixed]``: no weights, deterministic, a simulation
  (:mod:`debateqd.agents.models.embedded`);
- ``vllm:NAME_OR_PATH``: vLLM in this process (:mod:`debateqd.agents.models.vllm`);
- ``openai:NAME``: any OpenAI-compatible server, or several (:mod:`debateqd.agents.models.openai`);
- ``NAME[:REST]`` added with ``register_model``; ``package.module:factory[:REST]`` without.

An engine is imported when it is made. :mod:`debateqd.agents.models.journal` and
:class:`BudgetedModel` put a record of every reply and a limit on spending around any of them, and
:mod:`debateqd.agents.testing` checks a model of your own.
"""

from debateqd.agents.models.base import (
    Capabilities,
    ChatModel,
    Message,
    MeteredModel,
    PatientModel,
    Reply,
    Request,
    Sampling,
    StoppedError,
    TokenCounter,
    Usage,
    capabilities_of,
)
from debateqd.agents.models.budget import Budget, BudgetedModel, BudgetReachedError, Limits, Price
from debateqd.agents.models.options import OpenAIOptions, VllmOptions, options_for
from debateqd.agents.models.registry import check_model, make_model, model_names, register_model

__all__ = [
    "Budget",
    "BudgetReachedError",
    "BudgetedModel",
    "Capabilities",
    "ChatModel",
    "Limits",
    "Message",
    "MeteredModel",
    "OpenAIOptions",
    "PatientModel",
    "Price",
    "Reply",
    "Request",
    "Sampling",
    "StoppedError",
    "TokenCounter",
    "Usage",
    "VllmOptions",
    "capabilities_of",
    "check_model",
    "make_model",
    "model_names",
    "options_for",
    "register_model",
]
