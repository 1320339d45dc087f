from __future__ import annotations

import importlib.util
import os

import pytest

from debateqd.agents.models.vllm.start import environment, is_cpu_build


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """The folder of a tiny real model with a LoRA adapter, where vLLM is installed."""
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("vLLM is not installed")
    # Before the first import of torch, which reads some of them once.
    for name, value in environment(cpu=is_cpu_build(), verbose=False).items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from tests.tiny_model import make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("tiny"), lora=True)


@pytest.fixture(scope="session")
def start_vllm(tiny_model):
    """Start vLLM with the tiny model or another folder, small and in the model's own precision."""
    from debateqd.agents.models.vllm import make_vllm

    def start(folder=tiny_model, **options):
        defaults = {"dtype": "float32", "max_model_len": 2048, "max_num_seqs": 16}
        extra = {"kv_cache_memory_bytes": 1 << 26, **options.pop("extra", {})}
        return make_vllm(str(folder), **{**defaults, **options}, extra=extra)

    return start


@pytest.fixture(scope="session")
def vllm_model(start_vllm):
    """The tiny model on vLLM, with room for whole stories."""
    model = start_vllm(
        max_model_len=16384, max_num_seqs=32, extra={"kv_cache_memory_bytes": 1 << 28}
    )
    yield model
    model.close()
