"""A chat model that vLLM runs in this process, by continuous batching."""

from debateqd.agents.models.vllm.engine import make_vllm
from debateqd.agents.models.vllm.model import VllmModel

__all__ = ["VllmModel", "make_vllm"]
