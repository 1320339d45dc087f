"""Where the files of a model are, and what tells one model from another.

A model of the Hugging Face hub is told by its commit. A folder is told by its content, so that
moving it changes nothing: small files are read whole, files of weights by their size, their first
mebibyte (which holds the names, shapes and types of all tensors) and 64 pieces of four kibibytes,
evenly spaced, so that a model of 150 GB takes a second. Weights that were changed by training
differ nearly everywhere, so those pieces tell them apart.
"""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from typing import Any, NamedTuple

from debate_env.errors import InputError

_WEIGHTS = frozenset({".safetensors", ".bin", ".pt", ".pth", ".gguf", ".npz"})
_SETTINGS = frozenset({".json", ".jinja", ".model", ".txt", ".tiktoken", ".py"})
_NEEDED = "config.json"
_HEAD, _PIECE, _PIECES = 1 << 20, 1 << 12, 64


class Located(NamedTuple):
    """Where a model is.

    Attributes:
        folder: Its folder, for a local one.
        identity: What tells it from other models: its content, or its name with the hub's commit.
    """

    folder: Path | None
    identity: str


def content_digest(folder: Path) -> str:
    """Digest a folder's own files, wherever it lies, as 32 hexadecimal digits."""
    state = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.iterdir(), key=lambda found: found.name):
        if not path.is_file() or path.name.startswith("."):
            continue
        if path.suffix in _WEIGHTS:
            content = _sampled(path)
        elif path.suffix in _SETTINGS:
            content = path.read_bytes()
        else:
            continue
        for part in (path.name.encode(), content):
            state.update(len(part).to_bytes(8, "big") + part)
    return state.hexdigest()


def _sampled(path: Path) -> bytes:
    size = path.stat().st_size
    parts = [size.to_bytes(8, "big")]
    with path.open("rb") as file:
        parts.append(file.read(_HEAD))
        if size > _HEAD:
            step = (size - _HEAD) / _PIECES
            for number in range(1, _PIECES + 1):
                file.seek(max(_HEAD, _HEAD + round(number * step) - _PIECE))
                parts.append(file.read(_PIECE))
    return b"".join(parts)


def locate(name: str, *, where: str, revision: str = "", cache: str | None = None) -> Located:
    """Find a model, and fetch the one small file that tells its commit if it is on the hub.

    Raises:
        InputError: It is not there.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / _NEEDED).is_file():
            raise InputError(f"{where}: folder '{name}' has no {_NEEDED}; give the one that has it")
        return Located(folder, f"content:{content_digest(folder)}")
    if folder.is_file():
        digest = hashlib.blake2b(_sampled(folder), digest_size=16).hexdigest()
        return Located(None, f"content:{digest}")
    if folder.is_absolute() or name[:1] in "./~" or name.count("/") > 1 or "\\" in name:
        raise InputError(
            f"{where}: there is no folder '{name}'; give the folder that holds {_NEEDED}, or a name"
            " on the Hugging Face hub, such as Qwen/Qwen2.5-7B-Instruct"
        )
    try:
        found = _hub().hf_hub_download(name, _NEEDED, revision=revision or None, cache_dir=cache)
    except Exception as error:  # noqa: BLE001  (the library's and the network's; told by name)
        raise InputError(
            f"{where}: there is no folder '{name}' here, and on the Hugging Face hub "
            + _hub_trouble(error, name, revision)
        ) from None
    return Located(None, f"{name}@{Path(found).parent.name}")


def _hub() -> Any:
    # It comes with vLLM, which only some people have.
    return importlib.import_module("huggingface_hub")


def _hub_trouble(error: Exception, name: str, revision: str) -> str:
    absent = "there is no such model (a private one needs your token in HF_TOKEN)"
    unreachable = (
        "nothing can be looked up: it cannot be reached, or HF_HUB_OFFLINE is set; fetch the model "
        f"first with: hf download {name}"
    )
    known = {
        "GatedRepoError": "it is gated: accept its terms there, and put your token in HF_TOKEN",
        "RepositoryNotFoundError": absent,
        "HFValidationError": absent,
        "RevisionNotFoundError": f"it has no revision '{revision}'",
        "LocalEntryNotFoundError": unreachable,
        "OfflineModeIsEnabled": unreachable,
        "EntryNotFoundError": f"it has no {_NEEDED}",
    }
    kinds = [kind.__name__ for kind in type(error).__mro__]  # the most special first
    line = " ".join(str(error).split())[:200]
    return next((known[k] for k in kinds if k in known), f"it cannot be had: {kinds[0]}: {line}")
