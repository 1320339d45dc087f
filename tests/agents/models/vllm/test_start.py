from __future__ import annotations

import os
import subprocess
import sys

import pytest

from debate_env.errors import InputError
from debateqd.agents.models.options import VllmOptions
from debateqd.agents.models.vllm.start import (
    arguments,
    captured,
    check_extra,
    environment,
    read,
    reason,
    verbose,
)

WHERE = "model 'vllm:x'"


def test_options_reach_vllm():
    options = VllmOptions(
        tensor_parallel_size=2,
        dtype="bfloat16",
        quantization="awq",
        max_model_len=8192,
        gpu_memory_utilization=0.8,
        max_num_seqs=100,
        revision="main",
        extra={"block_size": 64},
    )
    call = arguments("name", options, cpu=False, lora_rank=16)
    assert (
        call
        | {
            "model": "name",
            "tensor_parallel_size": 2,
            "dtype": "bfloat16",
            "quantization": "awq",
            "max_model_len": 8192,
            "gpu_memory_utilization": 0.8,
            "max_num_seqs": 100,
            "revision": "main",
            "tokenizer_revision": "main",
            "enable_prefix_caching": True,
            "enable_lora": True,
            "max_lora_rank": 16,
            "block_size": 64,
        }
        == call
    )


def test_what_is_not_given_is_left_to_vllm():
    call = arguments("name", VllmOptions(), cpu=False)
    assert not call.keys() & {"max_model_len", "quantization", "revision", "enable_lora"}
    assert not call.keys() & {"enable_chunked_prefill", "block_size", "kv_cache_memory_bytes"}


def test_processors_need_settings_of_their_own(monkeypatch):
    monkeypatch.delenv("VLLM_CPU_KVCACHE_SPACE", raising=False)
    call = arguments("name", VllmOptions(max_model_len=4096), cpu=True)
    assert call["enable_chunked_prefill"] is False
    assert call["max_num_batched_tokens"] == 4096
    assert call["kv_cache_memory_bytes"] > 0
    assert "gpu_memory_utilization" not in call
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "2")
    extra = {"enable_chunked_prefill": True}
    call = arguments("name", VllmOptions(extra=extra), cpu=True)
    assert "kv_cache_memory_bytes" not in call
    assert call["enable_chunked_prefill"] is True


def test_no_statistics_leave_the_machine():
    for cpu in (False, True):
        assert environment(cpu=cpu, verbose=True)["VLLM_NO_USAGE_STATS"] == "1"
    assert "VLLM_LOGGING_LEVEL" not in environment(cpu=True, verbose=True)
    assert "OMP_NUM_THREADS" not in environment(cpu=False, verbose=False)


def test_it_may_talk_when_somebody_asked_for_it(monkeypatch):
    monkeypatch.delenv("VLLM_LOGGING_LEVEL", raising=False)
    assert not verbose()
    monkeypatch.setenv(
        "VLLM_LOGGING_LEVEL", environment(cpu=True, verbose=False)["VLLM_LOGGING_LEVEL"]
    )
    assert not verbose()
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "INFO")
    assert verbose()


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"hf_token": "secret-token"}, "HF_TOKEN"),
        ({"logprobs_mode": "processed_logprobs"}, "cannot be set"),
        ({"model": "x"}, "cannot be set"),
        ({"block_size": 32, "scheduling_policy": "fcfs"}, "cannot be set"),
    ],
)
def test_arguments_that_are_not_the_users_are_told(extra, expected):
    with pytest.raises(InputError) as caught:
        check_extra(extra, WHERE)
    assert expected in str(caught.value)
    assert "secret-token" not in str(caught.value)
    check_extra({"block_size": 1}, WHERE)


def caused(error, cause):
    error.__cause__ = cause
    return error


ENGINE_LOG = """\
(EngineCore pid=7) INFO 11-26 17:46:06 [core.py:133] Initializing
(EngineCore pid=7) ERROR 11-26 17:46:06 [core.py:9] Traceback (most recent call last):
(EngineCore pid=7) ERROR 11-26 17:46:06 [core.py:9] torch.OutOfMemoryError: CUDA out of memory.
RuntimeError: Engine core initialization failed. See root cause above.
"""
OTHER_LOG = """\
(EngineCore pid=7) ERROR 11-26 17:46:06 [core.py:9] ValueError: Model architectures ['Foo'] failed
RuntimeError: Engine core initialization failed. See root cause above.
"""


@pytest.mark.parametrize(
    ("error", "log", "expected"),
    [
        (RuntimeError("Failed to infer device type, please set"), "", "finds no GPU"),
        (RuntimeError("No CUDA GPUs are available"), "", "finds no GPU"),
        (ValueError("No available memory for the cache blocks."), "", "does not suffice"),
        (RuntimeError("CUDA out of memory"), "", "lower max_model_len"),
        (
            ValueError("Free memory on device (9/79 GiB) on startup is less than desired GPU"),
            "",
            "lower gpu_memory_utilization",
        ),
        (RuntimeError("Engine core initialization failed."), ENGINE_LOG, "CUDA out of memory"),
        (RuntimeError("Engine core initialization failed."), OTHER_LOG, "ValueError: Model arch"),
        (ValueError("1 error for ModelConfig\n  Unknown dtype: float8"), "", "Unknown dtype"),
        (caused(RuntimeError("x"), OSError("disk\nfull")), "", "RuntimeError: x"),
        (KeyError("weird"), "", "KeyError: 'weird'"),
    ],
)
def test_failed_starts_are_explained_in_one_line(error, log, expected):
    message = reason(error, log)
    assert expected in message
    assert "\n" not in message
    assert "Traceback" not in message
    assert len(message) < 700


def test_chatter_is_taken_in_from_children_too(capfd, tmp_path):
    with (tmp_path / "log").open("w+b") as log:
        with captured(log):
            os.write(1, b"from native code\n")
            os.write(2, b"an error\n")
            subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
            child = subprocess.Popen(["sh", "-c", "read line; echo later"], stdin=subprocess.PIPE)
        print("afterwards")
        assert capfd.readouterr() == ("afterwards\n", "")
        said = "from native code\nan error\nfrom a child\n"
        assert read(log) == said
        assert read(log, most=8) == "a child\n"
        child.communicate(b"now\n")
        assert read(log) == said + "later\n"
    assert read(log) == read(None) == ""
    with captured(None):
        print("loud")
    assert capfd.readouterr().out == "loud\n"


def test_output_comes_back_after_a_failure(capfd, tmp_path):
    def fail(log):
        with captured(log):
            os.write(1, b"unseen\n")
            raise RuntimeError("failed")

    with (tmp_path / "log").open("w+b") as log, pytest.raises(RuntimeError, match="failed"):
        fail(log)
    print("seen")
    assert capfd.readouterr().out == "seen\n"
