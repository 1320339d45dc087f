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


@contextmanager
def _serving(
    command: Sequence[str], port: int, log: Path, environment: Mapping[str, str]
) -> Iterator[str]:
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
        yield f"http://127.0.0.1:{port}/v1"
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
