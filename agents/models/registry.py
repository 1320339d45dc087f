"""Chat models by name: a specification such as ``embedded:world=3,kind=null`` becomes a model.

==================================  ===========================================================
specification                       model
==================================  ===========================================================
``embedded[:world=0,kind=mixed]``   the default: no weights, deterministic, a simulation
``vllm:NAME_OR_PATH``               vLLM in this process, on its GPUs
``openai:NAME``                     any OpenAI-compatible server, one or several replicas
``NAME[:REST]``                     a model added with :func:`register_model`
``package.module:factory[:REST]``   any importable factory, without registration
==================================  ===========================================================
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from debate_env.errors import InputError, nearest
from debate_env.options import parse_options, whole
from debate_env.plug_ins import import_part, make_part
from debateqd.agents.models.base import ChatModel

ModelFactory = Callable[..., ChatModel]
"""``factory(rest, **options) -> ChatModel``; ``rest`` is what follows the name and its colon."""


def make_model(spec: str, **options: Any) -> ChatModel:
    """Make the chat model that ``spec`` names.

    Args:
        spec: See the table above.
        **options: Handed to the factory; they override what the specification says. Those of
            ``vllm`` and ``openai`` are the fields of the classes in
            :mod:`debateqd.agents.models.options`.
    """
    name, _, rest = spec.strip().partition(":")
    factory = _FACTORIES.get(name)
    if factory is not None:
        return factory(rest, **options)
    if _names_a_module(spec, whole=True):
        attribute, _, rest = rest.partition(":")
        factory = import_part("model", f"{name}:{attribute}")
        model = make_part("model", f"{name}:{attribute}", factory, rest, **options)
        if not isinstance(model, ChatModel):
            raise InputError(
                f"model '{spec}': {attribute}() made a {type(model).__name__}, which lacks a part "
                "of debateqd.agents.models.base.ChatModel (name, fingerprint, submit, poll, close)"
            )
        return model
    raise _unknown(spec)


def check_model(spec: str) -> None:
    """Refuse what :func:`make_model` would refuse, without importing or loading a model.

    The embedded model's options are checked in full; of ``vllm`` and ``openai``, that there is a
    name (a run may be planned where it cannot be played). A registered factory is taken at its
    word; of a ``package.module:factory`` only the package is looked for.
    """
    name, _, rest = spec.strip().partition(":")
    factory = _FACTORIES.get(name)
    if factory is _embedded:
        _embedded(rest).close()
    elif factory in (_openai, _vllm):
        _named(name, rest)
    elif name not in _FACTORIES and not _names_a_module(spec, whole=False):
        raise _unknown(spec)


def register_model(prefix: str, factory: ModelFactory) -> None:
    """Make a model reachable by name: ``PREFIX:REST`` calls ``factory(REST, **options)``.

    Raises:
        InputError: The name is empty, holds a colon, or belongs to another factory.
    """
    if not prefix or ":" in prefix or prefix != prefix.strip():
        raise InputError(f"model name {prefix!r} must be non-empty, without a colon or spaces")
    if _FACTORIES.get(prefix, factory) is not factory:
        raise InputError(f"model name '{prefix}' is taken; choose another")
    _FACTORIES[prefix] = factory


def model_names() -> list[str]:
    """Return the registered names, sorted."""
    return sorted(_FACTORIES)


def _names_a_module(spec: str, *, whole: bool) -> bool:
    """Whether ``spec`` reads ``package.module:factory`` and the module is there.

    The whole module, which imports the packages around it, or only its topmost package, which
    imports nothing.
    """
    name, colon, rest = spec.strip().partition(":")
    if not colon or not name or not rest.partition(":")[0].isidentifier():
        return False
    try:
        return importlib.util.find_spec(name if whole else name.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False


def _unknown(spec: str) -> InputError:
    name = spec.strip().partition(":")[0]
    own = "your own as 'package.module:factory'"
    return InputError(f"unknown model '{spec}': {nearest(name, _FACTORIES)}; or give {own}")


def _embedded(rest: str, **options: Any) -> ChatModel:
    allowed: dict[str, Callable[[str], Any]] = {"world": whole(0), "kind": str}
    for name in options:
        if name not in allowed:
            raise InputError(f"model 'embedded': unknown option '{name}': {nearest(name, allowed)}")
    found = parse_options(rest, allowed, owner="model 'embedded'")
    chosen = {"world": 0, "kind": "mixed", **found, **options}
    # Here, so that other models can be used without importing this one.
    from debateqd.agents.models.embedded.model import EmbeddedModel
    from debateqd.agents.models.embedded.world import World

    return EmbeddedModel(World(chosen["world"], kind=chosen["kind"]))


def _openai(rest: str, **options: Any) -> ChatModel:
    name = _named("openai", rest)
    from debateqd.agents.models.openai.model import make_openai

    return make_openai(name, **options)


def _vllm(rest: str, **options: Any) -> ChatModel:
    name = _named("vllm", rest)
    from debateqd.agents.models.vllm.engine import make_vllm

    return make_vllm(name, **options)


def _named(engine: str, rest: str) -> str:
    if not rest.strip():
        what = "name or path" if engine == "vllm" else "name on the server"
        raise InputError(f"model '{engine}': give its {what}, as in {engine}:Qwen2.5-7B-Instruct")
    return rest.strip()


_FACTORIES: dict[str, ModelFactory] = {"embedded": _embedded, "openai": _openai, "vllm": _vllm}
