"""Texts as vectors: the Protocol of text embedders, and the two that are built in.

``hashing[:DIMENSION]`` needs nothing and knows nothing but words; ``model2vec:FOLDER`` loads a
static embedding model from a folder of this machine (extra ``embeddings``) and fetches nothing.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from debate_env.errors import InputError
from debate_env.plug_ins import make_part, wrong_result
from debateqd.qd.descriptors.words import tokens
from debateqd.qd.registry import Registry

Rows = NDArray[np.float32]


@runtime_checkable
class TextEmbedder(Protocol):
    """Turns texts into vectors of one length. Pure: equal texts, equal rows, in any batch."""

    @property
    def fingerprint(self) -> str:
        """Names everything but the text that determines a row (method, version, weights)."""

    def embed(self, texts: Sequence[str]) -> Rows:
        """Embed texts.

        Returns:
            float32, shape (n, d): rows of length 1; a text without a word is a row of zeros.
        """


def unit_rows(rows: NDArray[Any]) -> Rows:
    """Scale rows, shape (n, d), to length 1; rows of zeros stay as they are."""
    wide = np.asarray(rows, dtype=np.float64)
    lengths = np.sqrt(np.sum(wide * wide, axis=1, keepdims=True))
    scaled = np.divide(wide, lengths, out=np.zeros_like(wide), where=lengths > 0)
    return np.asarray(scaled, dtype=np.float32)


class HashingEmbedder:
    """Feature hashing of words (Weinberger et al. 2009), weighted by the root of their frequency.

    Every lower-case word owns one coordinate and a sign, both taken from its BLAKE2b digest, so
    that rows are the same on every machine and in every process. It tells which words a text uses
    and nothing of what they mean.

    Attributes:
        fingerprint: Method, its version, and the dimension.

    Raises:
        InputError: A dimension below 2.
    """

    def __init__(self, dimension: int = 512) -> None:
        if dimension < 2:
            raise InputError(f"embedder hashing: dimension {dimension} must be 2 or more")
        self.fingerprint = f"hashing/1 words dimension={dimension}"
        self._dimension = dimension
        self._places: dict[str, tuple[int, float]] = {}

    def embed(self, texts: Sequence[str]) -> Rows:
        """Embed texts; see :class:`TextEmbedder`."""
        rows = np.zeros((len(texts), self._dimension), dtype=np.float64)
        for row, text in zip(rows, texts, strict=True):
            # Sorted: sums of floating-point numbers depend on their order.
            for word, count in sorted(Counter(tokens(text)).items()):
                place, sign = self._place(word)
                row[place] += sign * math.sqrt(count)
        return unit_rows(rows)

    def _place(self, word: str) -> tuple[int, float]:
        found = self._places.get(word)
        if found is None:
            digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=9).digest()
            place = int.from_bytes(digest[:8], "big") % self._dimension
            found = self._places[word] = (place, 1.0 if digest[8] & 1 else -1.0)
        return found


class Model2VecEmbedder:
    """A static embedding model of model2vec: the mean of the vectors of a text's tokens.

    Args:
        folder: Folder with ``model.safetensors``, ``tokenizer.json`` and the model's configuration.

    Attributes:
        fingerprint: A digest of the model's files, wherever they lie.

    Raises:
        InputError: The extra is not installed, or the folder holds no such model.
    """

    def __init__(self, folder: str) -> None:
        where = Path(folder).expanduser()
        # Checked first: the library would look for a missing folder on the network.
        if not folder or not where.is_dir():
            raise InputError(
                f"embedder model2vec: {folder!r} is not a folder; give one that holds a model2vec "
                "model, as in model2vec:models/potion-base-8M"
            )
        try:
            from model2vec import StaticModel
        except ImportError:
            raise InputError(
                "embedder model2vec needs the extra 'embeddings': "
                'pip install "debateqd[embeddings]"'
            ) from None
        try:
            self._model = StaticModel.from_pretrained(where)
        except (OSError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"embedder model2vec: {folder}: no model2vec model: {reason}"
            ) from None
        self.fingerprint = f"model2vec/1 {_digest_of_files(where)}"

    def embed(self, texts: Sequence[str]) -> Rows:
        """Embed texts; see :class:`TextEmbedder`."""
        if not texts:
            return np.zeros((0, self._model.dim), dtype=np.float32)
        # The tokenizer takes no lone surrogates.
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        rows = self._model.encode(clean, max_length=None, use_multiprocessing=False)
        return unit_rows(rows)


def _digest_of_files(folder: Path) -> str:
    """Digest a model's files: names relative to the folder, and contents."""
    found = hashlib.blake2b(digest_size=10)
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".json", ".safetensors")):
        data = path.read_bytes()
        found.update(f"{path.relative_to(folder).as_posix()}\x1f{len(data)}\x1f".encode())
        found.update(data)
    return found.hexdigest()


EmbedderFactory = Callable[[str], TextEmbedder]
"""Makes an embedder from what follows the colon of its specification; often nothing does."""


def _hashing(rest: str) -> TextEmbedder:
    if not rest:
        return HashingEmbedder()
    if not rest.isascii() or not rest.isdigit():
        raise InputError(
            f"embedder hashing: dimension {rest!r} must be a whole number, as in hashing:512"
        )
    return HashingEmbedder(int(rest))


EMBEDDERS: Registry[EmbedderFactory] = Registry("embedder")
EMBEDDERS.register("hashing", _hashing)
EMBEDDERS.register("model2vec", Model2VecEmbedder)


def make_embedder(spec: str) -> TextEmbedder:
    """Make an embedder.

    Args:
        spec: ``"hashing"``, ``"hashing:DIMENSION"``, ``"model2vec:FOLDER"``, or
            ``"package.module:factory"``, which is called with an empty text.

    Raises:
        InputError: Nothing goes by that name, or it cannot be made.
    """
    name, _, rest = spec.strip().partition(":")
    if name in EMBEDDERS.names():
        return EMBEDDERS.get(name)(rest.strip())
    factory = EMBEDDERS.get(spec.strip())
    made = make_part("embedder", spec, factory, "") if callable(factory) else factory
    if not isinstance(made, TextEmbedder):
        raise InputError(
            f"embedder {spec!r}: a {type(made).__name__} is no embedder; needed: fingerprint and "
            "embed(texts)"
        )
    rows = make_part("embedder", spec, made.embed, ["two words"])
    if getattr(rows, "dtype", None) != np.float32 or rows.ndim != 2 or len(rows) != 1:
        raise wrong_result(made, "embed", rows, "float32 rows, one for each text")
    return made
