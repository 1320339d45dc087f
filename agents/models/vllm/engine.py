"""Making a chat model that vLLM runs in this process.

``make_model("vllm:Qwen/Qwen2.5-7B-Instruct")`` or a folder after the colon; the options are those
of :class:`debateqd.agents.models.options.VllmOptions`. What such a model does is in
:mod:`debateqd.agents.models.vllm.model`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from debate_env.errors import InputError
from debateqd.agents.models.options import VllmOptions, read_options
from debateqd.agents.models.vllm.files import content_digest, locate
from debateqd.agents.models.vllm.model import VllmModel
from debateqd.agents.models.vllm.prompts import PromptWriter
from debateqd.agents.models.vllm.runner import EngineFacts, Runner
from debateqd.agents.models.vllm.start import (
    NOT_INSTALLED,
    arguments,
    captured,
    check_extra,
    environment,
    is_cpu_build,
    read,
    reason,
    verbose,
)

BEHAVIOUR_VERSION = 1
"""Raised whenever this client would make another reply of the same model; in the fingerprint."""

_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
# Arguments that change the speed or the room of an engine and not what it says, rounding aside.
_NOT_TELLING = frozenset(
    {
        "block_size",
        "disable_log_stats",
        "distributed_executor_backend",
        "download_dir",
        "enable_chunked_prefill",
        "enable_prefix_caching",
        "enforce_eager",
        "gpu_memory_utilization",
        "kv_cache_memory_bytes",
        "load_format",
        "max_model_len",
        "max_num_batched_tokens",
        "max_num_seqs",
        "num_gpu_blocks_override",
        "use_tqdm_on_load",
    }
)


def make_vllm(name: str, **options: Any) -> VllmModel:
    """Start vLLM with a model.

    The fingerprint names the model by its content (see :mod:`debateqd.agents.models.vllm.files`) or
    the hub's commit, never by where it lies; then type, quantisation, adapter, context length, chat
    template, its variables, vLLM's version and whatever else of the options can change a reply.

    Variables of the environment that vLLM needs are set in this process where they are not set yet.
    ``name`` is a folder, or a name on the Hugging Face hub; the options are those of
    :class:`debateqd.agents.models.options.VllmOptions`.

    Raises:
        InputError: An option is wrong, vLLM or a GPU is missing, the model is not there, has no
            chat template or does not fit.
    """
    spec = f"vllm:{name}"
    where = f"model '{spec}'"
    chosen = read_options("vllm", options, where)
    assert isinstance(chosen, VllmOptions)  # noqa: S101
    if importlib.util.find_spec("vllm") is None:
        raise InputError(f"{where}: {NOT_INSTALLED}")
    check_extra(chosen.extra, where)
    template = _template(chosen.chat_template, where)
    cpu, talks = is_cpu_build(), verbose()
    for key, value in environment(cpu=cpu, verbose=talks).items():
        os.environ.setdefault(key, value)
    torch = sys.modules.get("torch")
    if cpu and torch is not None:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"].split(",")[0]))

    cache = chosen.extra.get("download_dir")
    model = locate(name, where=where, revision=chosen.revision, cache=cache)
    adapter, rank = _adapter(chosen.lora_path, where)
    call = arguments(str(model.folder or name), chosen, cpu=cpu, quiet=not talks, lora_rank=rank)

    log = None if talks else tempfile.TemporaryFile()  # noqa: SIM115  (the model closes it)
    try:
        with captured(log):
            writer, template = _writer(call, template, chosen, where)
            runner = Runner(call, str(adapter) if adapter else None)
    except Exception as error:
        said = read(log)
        if log is not None:
            log.close()
        if isinstance(error, InputError):
            raise
        raise InputError(f"{where}: {reason(error, said)}") from None
    fingerprint = _fingerprint(chosen, runner.facts, template, model.identity, adapter)
    tags, budget = chosen.thinking_tags, chosen.thinking_tokens
    return VllmModel(spec, fingerprint, runner, writer, tags, budget, log)


def _template(given: str | None, where: str) -> str | None:
    """Read a chat template."""
    if given is None:
        return None
    path = Path(given).expanduser()
    if not path.is_file():
        raise InputError(f"{where}: option 'chat_template': there is no file '{given}'")
    return path.read_text(encoding="utf-8")


def _adapter(given: str | None, where: str) -> tuple[Path | None, int | None]:
    """Find a LoRA adapter; return its folder and the rank to make room for."""
    if given is None:
        return None, None
    folder, named = Path(given).expanduser(), f"{where}, option 'lora_path'"
    try:
        rank = int(json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))["r"])
        return folder, next(allowed for allowed in _RANKS if allowed >= rank)
    except OSError:
        raise InputError(f"{named}: there is no adapter_config.json in '{given}'") from None
    except (ValueError, KeyError, TypeError, StopIteration):
        raise InputError(
            f"{named}: adapter_config.json of '{given}' gives no rank 'r' up to {_RANKS[-1]}"
        ) from None


def _writer(
    call: Mapping[str, Any], template: str | None, options: VllmOptions, where: str
) -> tuple[PromptWriter, str]:
    """Load the tokenizer; return what writes prompts, and the chat template that it uses."""
    from vllm.tokenizers import get_tokenizer

    passed = {
        key: call[key]
        for key in ("tokenizer_mode", "trust_remote_code", "download_dir")
        if key in call
    }
    tokenizer: Any = get_tokenizer(
        call.get("tokenizer") or call["model"], revision=call.get("tokenizer_revision"), **passed
    )
    own = getattr(tokenizer, "chat_template", "")
    if template is None and own is None:
        raise InputError(
            f"{where}: it has no chat template, so it is no chat model; take its instruct version, "
            "or give a template with the option chat_template (a path, or the text)"
        )
    try:
        writer = PromptWriter(
            tokenizer,
            template=template,
            variables=options.chat_template_kwargs,
            tags=options.thinking_tags,
        )
    except Exception as error:  # noqa: BLE001  (a chat template may raise anything)
        line = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{where}: its chat template refuses a plain chat: {line}") from None
    used = own if template is None else template
    return writer, used if isinstance(used, str) else json.dumps(used, sort_keys=True)


def _fingerprint(
    options: VllmOptions, facts: EngineFacts, template: str, model: str, adapter: Path | None
) -> str:
    """Name everything but the request that determines a reply."""
    parts = {
        "model": model,
        "revision": options.revision,
        "dtype": facts.dtype,
        "quantization": facts.quantization,
        "adapter": content_digest(adapter) if adapter else "",
        "context": facts.context_length,
        "template": hashlib.blake2b(template.encode(), digest_size=8).hexdigest(),
        "variables": options.chat_template_kwargs,
        "thinking": [*options.thinking_tags, options.thinking_tokens],
        "extra": {key: value for key, value in options.extra.items() if key not in _NOT_TELLING},
    }
    told = {key: value for key, value in parts.items() if value}
    return f"vllm/{BEHAVIOUR_VERSION} {facts.version} " + json.dumps(
        told, sort_keys=True, ensure_ascii=False, default=str
    )
