"""The engine itself: vLLM started, fed request by request, stepped, and shut down again.

The only module that knows vLLM's classes. Requests go in and out through ``add_request`` and
``step``, so that a finished request leaves, and a new one joins, while others run.
"""

from __future__ import annotations

import contextlib
import gc
import random
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from debateqd.agents.models.vllm.stages import Ask, Generated

_LIVENESS = 0.5  # seconds between two looks at whether the engine's process lives

# Engines in this very process share its distributed state, which the last one takes down.
_SHARING: weakref.WeakSet[Runner]


class RefusedError(ValueError):
    """The engine refuses one request; the others are not concerned."""


class Finished(NamedTuple):
    """A request that the engine is through with.

    Attributes:
        key: The number it was sent with.
        cached: Tokens of its prompt that were read from the prefix cache.
    """

    key: int
    answer: Generated
    cached: int


class EngineFacts(NamedTuple):
    """What a started engine says of itself.

    Attributes:
        context_length: Most tokens of a prompt and its reply together.
        cache_tokens: Tokens that its key/value cache holds; ``None`` if it does not say.
        dtype: Type of the weights it computes with, such as ``"bfloat16"``.
        quantization: Method of quantisation; empty for none.
    """

    context_length: int
    cache_tokens: int | None
    dtype: str
    quantization: str
    architecture: str
    device: str
    version: str


class Runner:
    """A started engine.

    Raises:
        Exception: Whatever vLLM raises when it cannot start.
    """

    def __init__(self, arguments: Mapping[str, Any], adapter: str | None = None) -> None:
        import vllm
        from vllm import exceptions
        from vllm.inputs import tokens_input
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        self._parameters: Any = vllm.SamplingParams
        self._schema: Any = StructuredOutputsParams
        self._final: Any = RequestOutputKind.FINAL_ONLY
        self._input: Any = tokens_input
        refusal = getattr(exceptions, "VLLMClientError", ValueError)
        self._refusals: tuple[type[Exception], ...] = (ValueError, TypeError, refusal)
        self._adapter: Any = None
        if adapter is not None:
            from vllm.lora.request import LoRARequest

            self._adapter = LoRARequest("adapter", 1, adapter)
        with _own_randomness():
            self._llm: Any = vllm.LLM(**arguments)
        self._engine: Any = self._llm.llm_engine
        client = self._engine.engine_core
        # An engine in a process of its own puts what it has into a queue.
        self._queue: Any = getattr(client, "outputs_queue", None)
        if hasattr(client, "engine_core"):
            client._finalizer.detach()  # it would take down what engines of one process share
            _SHARING.add(self)
            release: Callable[[], None] = partial(_shut_down, client.engine_core)
        else:
            release = client.shutdown
        self._release = weakref.finalize(self, release)
        self.facts = _facts(self._engine, vllm)

    def send(self, key: int, ask: Ask, rank: int) -> None:
        """Hand the engine a request; of those that wait it takes the lowest rank first.

        Raises:
            RefusedError: The engine refuses this request.
        """
        greedy = ask.temperature <= 0.0
        try:
            parameters = self._parameters(
                max_tokens=ask.max_tokens,
                temperature=0.0 if greedy else ask.temperature,
                top_p=1.0 if greedy else ask.top_p,
                seed=None if greedy else ask.seed,
                stop_token_ids=list(ask.stop_ids),
                stop=[ask.stop_text] if ask.stop_text else list(ask.stops) or None,
                include_stop_str_in_output=bool(ask.stop_text),
                logprob_token_ids=list(ask.watch) or None,
                structured_outputs=None if ask.schema is None else self._schema(json=ask.schema),
                detokenize=not ask.watch,
                output_kind=self._final,
                skip_clone=True,  # nobody else has them
            )
            self._engine.add_request(
                str(key),
                self._input(ask.ids),
                parameters,
                lora_request=self._adapter,
                priority=rank,
            )
        except self._refusals as error:
            raise RefusedError(" ".join(str(error).split())) from error

    def step(self) -> list[Finished]:
        """Compute one step (or wait for it); return what finished with it.

        Raises:
            RuntimeError: The engine's process is gone.
        """
        while self._queue is not None:
            with self._queue.not_empty:
                if self._queue.queue or self._queue.not_empty.wait(_LIVENESS):
                    break
            # A process that was killed, by the system for its memory say, sends nothing more.
            if self._engine.engine_core.resources.engine_dead:
                raise RuntimeError("the engine's process ended unexpectedly")
        return [_finished(output) for output in self._engine.step() if output.finished]

    def close(self) -> None:
        """Shut the engine down and free its memory."""
        self._engine = self._llm = self._queue = None
        _SHARING.discard(self)
        if self._release.alive:
            self._release()
            _tidy()


_SHARING = weakref.WeakSet()


def _shut_down(core: Any) -> None:
    """Shut down an engine of this process, and what it shares with others if it is the last."""
    if not _SHARING:
        core.shutdown()
        return
    core.structured_output_manager.clear_backend()
    core.model_executor.shutdown()
    core.scheduler.shutdown()


def _tidy() -> None:
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _finished(output: Any) -> Finished:
    made = output.outputs[0]
    watched = None
    if made.logprobs:
        watched = {token: float(entry.logprob) for token, entry in made.logprobs[0].items()}
    answer = Generated(
        made.token_ids, made.text, made.finish_reason or "stop", made.stop_reason, watched
    )
    return Finished(int(output.request_id), answer, output.num_cached_tokens or 0)


def _facts(engine: Any, vllm: Any) -> EngineFacts:
    from vllm.platforms import current_platform

    config = engine.vllm_config
    blocks = config.cache_config.num_gpu_blocks
    gpus = config.parallel_config.world_size
    name = str(current_platform.get_device_name())
    return EngineFacts(
        context_length=int(config.model_config.max_model_len),
        cache_tokens=int(blocks) * int(config.cache_config.block_size) if blocks else None,
        dtype=str(config.model_config.dtype).removeprefix("torch."),
        quantization=str(config.model_config.quantization or ""),
        architecture=str(config.model_config.architecture),
        device="CPU" if current_platform.is_cpu() else f"{gpus} x {name}",
        version=str(vllm.__version__),
    )


@contextlib.contextmanager
def _own_randomness() -> Iterator[None]:
    """Put the generators of this process back as they were; vLLM seeds them all."""
    import numpy as np
    import torch

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
