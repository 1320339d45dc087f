"""Options of the engines, as a configuration holds them; every role may override some."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from debate_env.errors import InputError, nearest

_SECRET = re.compile(
    r"(.*[_-])?(api[_-]?key|secret|passw(or)?d|credentials?|authorization|(access|auth|bearer)[_-]token)",
    re.IGNORECASE,
)
_PRIVATE = ("extra_body", "key_variable")  # options in which somebody may have put a key


class EngineOptions(BaseModel):
    """What both engines have; unknown keys and wrong types are errors.

    Attributes:
        revision: Tells versions of one name apart: for a hub, the branch, tag or commit; for a
            server, whatever names its weights. Part of the model's fingerprint.
        thinking_tags: What opens and closes the thinking of a reasoning model in its text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    revision: str = ""
    thinking_tags: tuple[str, str] = Field(default=("<think>", "</think>"), strict=False)


class VllmOptions(EngineOptions):
    """How vLLM is started in this process.

    Attributes:
        tensor_parallel_size: GPUs that share every layer (``--gpus``).
        thinking_tokens: Most tokens that a reasoning model may think before a reply, on top of what
            the reply may have.
        dtype: ``"auto"`` or a torch type such as ``"bfloat16"``.
        quantization: Such as ``"awq"``, ``"fp8"``; ``None``: as the model says.
        max_model_len: Context length in tokens; ``None``: as the model says.
        gpu_memory_utilization: Share of each GPU's memory to take.
        max_num_seqs: Most requests computed at once; ``None``: vLLM's default.
        lora_path: Folder of a LoRA adapter to apply to every request.
        chat_template: Path of a chat template; ``None``: the tokenizer's own.
        chat_template_kwargs: Further variables of the template, e.g. ``{enable_thinking: false}``.
        extra: Any further argument of ``vllm.LLM``.
    """

    tensor_parallel_size: int = Field(default=1, ge=1)
    thinking_tokens: int = Field(default=4096, ge=0)
    dtype: str = "auto"
    quantization: str | None = None
    max_model_len: int | None = Field(default=None, ge=1)
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    max_num_seqs: int | None = Field(default=None, ge=1)
    lora_path: str | None = None
    chat_template: str | None = None
    chat_template_kwargs: dict[str, Any] = Field(default_factory=dict)
    extra: dict[str, Any] = Field(default_factory=dict)


class OpenAIOptions(EngineOptions):
    """How an OpenAI-compatible server is talked to.

    Attributes:
        base_urls: Addresses of the server, such as ``http://127.0.0.1:8000/v1``; several are
            replicas. Empty: the environment variables ``OPENAI_BASE_URL`` and ``OPENAI_URL``, or
            else OpenAI's own.
        key_variable: Environment variable (or line of ``.env``) that holds the key; the key itself
            is never written anywhere.
        max_concurrency: Most requests in flight per replica; fewer are while the server cannot do
            more.
        timeout: Seconds after which an unanswered request is given up and sent again.
        attempts: Times that a request is sent before it becomes a failure; a server that cannot be
            reached is tried for ``patience`` seconds instead.
        patience: Seconds to keep trying while the server cannot be reached.
        context_length: Context length in tokens, where the server does not tell.
        extra_body: Further fields of every request; they go before ours. No keys: what is here is
            written down.
    """

    base_urls: tuple[str, ...] = Field(default=(), strict=False)
    key_variable: str = "OPENAI_API_KEY"
    max_concurrency: int = Field(default=256, ge=1)
    timeout: float = Field(default=600.0, gt=0)
    attempts: int = Field(default=8, ge=1)
    patience: float = Field(default=300.0, ge=0)
    context_length: int | None = Field(default=None, ge=1)
    extra_body: dict[str, Any] = Field(default_factory=dict)

    @field_validator("key_variable")
    @classmethod
    def _is_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            raise ValueError("the name of an environment variable, never a key itself")
        return name

    @field_validator("extra_body")
    @classmethod
    def _no_keys(cls, extra: dict[str, Any]) -> dict[str, Any]:
        for name in _secrets_in(extra):
            raise ValueError(
                f"fields without keys: '{name}' would be written into files; put it into the "
                "environment variable OPENAI_API_KEY, or into another that key_variable names"
            )
        return extra


def _secrets_in(value: Any) -> Iterator[str]:
    """Yield the names under which something that looks like a key stands."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    for name, item in items:
        if isinstance(item, Mapping | list):
            yield from _secrets_in(item)
        elif isinstance(item, str) and item and _SECRET.fullmatch(str(name)):
            yield str(name)


ENGINES: Mapping[str, type[EngineOptions]] = {"vllm": VllmOptions, "openai": OpenAIOptions}
"""Engine (the part of a specification before its colon) to its options."""


def read_options(engine: str, values: Mapping[str, Any], where: str = "") -> EngineOptions:
    """Check the options of an engine."""
    kind, where = ENGINES[engine], where or f"model '{engine}'"
    for name in values:
        if name not in kind.model_fields:
            raise InputError(
                f"{where}: unknown option '{name}': {nearest(str(name), kind.model_fields)}"
            )
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        message = str(first["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
        raise InputError(
            f"{where}: option '{name}' cannot be {shown(name, first['input'])}; needed: {message}"
        ) from None


def hide_login(text: str) -> str:
    """Replace the users and passwords in the URLs of a text."""
    return re.sub(r"(?<=://)\S*@", "[hidden]@", text)


def shown(path: str, value: Any) -> str:
    """Return a value for a message; not one in which somebody may have put a key or a password."""
    return "this value" if any(n in path for n in _PRIVATE) else hide_login(repr(value))


def options_for(spec: str, role: str, models: Mapping[str, Any]) -> dict[str, Any]:
    """Find the options of one role's model in the ``models`` section of a configuration.

    ``vllm`` and ``openai`` hold those of all models of that engine, ``overrides.ROLE`` those of one
    role; other models have none.
    """
    engine = spec.strip().partition(":")[0]
    if engine not in ENGINES:
        return {}
    common = models.get(engine) or {}
    own = (models.get("overrides") or {}).get(role) or {}
    return {**common, **own}
