"""Real model servers for tests, each a process of its own on the loopback interface."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

_PATIENCE = 180.0  # seconds to start on a busy machine
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "TORCHDYNAMO_DISABLE": "1",
}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def vllm_server(model: Path, log: Path, name: str = "tiny") -> Iterator[str]:
    """Serve a model with vLLM's own server; gives its base URL."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", str(model), "--served-model-name", name, "--dtype", "float32"),
        *("--max-model-len", "16384", "--max-num-batched-tokens", "16384", "--max-num-seqs", "32"),
        *("--block-size", "32", "--enforce-eager", "--no-enable-chunked-prefill"),
        *("--enable-prefix-caching", "--enable-prompt-tokens-details"),
        *("--distributed-executor-backend", "uni", "--host", "127.0.0.1", "--port", str(port)),
    ]
    with _serving(command, port, log, _ENVIRONMENT) as url:
        yield url


@contextmanager
def transformers_server(model: Path, log: Path) -> Iterator[str]:
    """Serve a model with ``transformers serve``, which knows no log-probabilities."""
    port = free_port()
    program = Path(sys.executable).with_name("transformers")
    command = [
        *(str(program), "serve", str(model), "--device", "cpu"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    with _serving(command, port, log, _ENVIRONMENT) as url:
        yield url


class LlamaServer(NamedTuple):
    """llama.cpp's server with the small real model.

    Attributes:
        url: Its base URL.
        pid: Its process.
    """

    url: str
    pid: int

    def prompt_tokens(self) -> int:
        """Tokens of prompts that it computed so far."""
        with urllib.request.urlopen(self.url.removesuffix("v1") + "metrics") as reply:
            lines = reply.read().decode().splitlines()
        (line,) = (x for x in lines if x.startswith("llamacpp:prompt_tokens_total "))
        return int(float(line.split()[1]))


def real_model_folder() -> Path:
    """Where ``ci/real_model.sh`` put a server and a model, or a skip that says what to do."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("DEBATEQD_REAL_MODEL") or cache / "debateqd-real-model")
    if not (folder / "versions").is_file():
        pytest.skip(f"no real model in {folder}: ci/real_model.sh brings one")
    return folder


@contextmanager
def llama_server(log: Path, slots: int = 4, context: int = 16384) -> Iterator[LlamaServer]:
    """Serve the small real model as ``smollm2``, with one thread.

    Args:
        log: File for what the server prints.
        slots: Requests worked on at once.
        context: Tokens of context, which the slots share out among themselves.
    """
    folder, port = real_model_folder(), free_port()
    command = [
        *(str(folder / "llama-server"), "-m", str(folder / "model.gguf"), "-a", "smollm2"),
        *("-t", "1", "-tb", "1", "-np", str(slots), "-c", str(context), "--no-warmup"),
        *("--cache-ram", "0", "--metrics", "--host", "127.0.0.1", "--port", str(port)),
    ]
    with _process(command, port, log, {}) as process:
        yield LlamaServer(f"http://127.0.0.1:{port}/v1", process.pid)


@contextmanager
def _serving(
    command: Sequence[str], port: int, log: Path, environment: Mapping[str, str]
) -> Iterator[str]:
    with _process(command, port, log, environment):
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def _process(
    command: Sequence[str], port: int, log: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}/health", log)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")
