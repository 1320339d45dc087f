"""Which of a few fixed places in an embedding space a strategy's speeches are nearest to.

The places are centroids, written to a file once and never moved.

A file of centroids is data that belongs to a run like its questions do: it names the embedder that
made it, and :attr:`Centroids.digest` is part of the archive's axis, so that a run is not continued
with other centroids than it began with.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from debate_env.errors import InputError
from debateqd.qd.archive.axes import Labels, Value
from debateqd.qd.config.schema import ArchiveConfig
from debateqd.qd.descriptors.embedding import TextEmbedder, make_embedder
from debateqd.qd.descriptors.utterances import SpeechFacts
from debateqd.qd.descriptors.words import segments
from debateqd.qd.statistics import Floats
from debateqd.qd.store.storage import json_text, read_json, write_atomic
from debateqd.qd.strategy import Strategy

NAME = "embedding_cluster"
OUT_OF_RANGE = "out_of_range"
_SCALE = 10**6  # counts are integers, so that sums are exact in any order

VERSION = 1
_DECIMALS = 6
_ROUNDS = 100  # of Lloyd's algorithm; it stops by itself long before
_STARTS = 8
_REACH = 0.01  # share of the fitted speeches that lie farther than a centroid reaches


@dataclass(frozen=True, slots=True)
class Centroids:
    """k places in the space of an embedder.

    Attributes:
        embedder: Fingerprint of the embedder that the vectors belong to.
        labels: Names of the centroids, distinct.
        vectors: k vectors of length 1, d numbers each.
        reach: Least mean similarity of a strategy's speeches to each centroid at which they count
            as near it, a cosine.

    Raises:
        InputError: The parts do not belong together.
    """

    embedder: str
    labels: tuple[str, ...]
    vectors: tuple[tuple[float, ...], ...]
    reach: tuple[float, ...]

    def __post_init__(self) -> None:
        k = len(self.labels)
        if k < 2 or len(set(self.labels)) != k:
            raise InputError(f"labels {list(self.labels)} must be two or more, distinct")
        if not k == len(self.vectors) == len(self.reach) or len(set(map(len, self.vectors))) > 1:
            raise InputError(f"{k} labels need {k} vectors of one length and {k} reaches")

    @property
    def digest(self) -> str:
        """Name of the contents: 20 hexadecimal digits, whatever the layout of the file."""
        return hashlib.blake2b(json_text(asdict(self)).encode(), digest_size=10).hexdigest()

    def write(self, path: Path) -> None:
        """Write the file; one that is there is not replaced, since runs may depend on it.

        Raises:
            InputError: The file exists.
        """
        if path.exists():
            raise InputError(f"{path}: exists already, and centroids never move; choose another")
        write_atomic(path, json_text({"version": VERSION, **asdict(self)}))

    @classmethod
    def read(cls, path: Path) -> Centroids:
        """Read a file.

        Raises:
            InputError: It cannot be read, is of another version, or holds no centroids.
        """
        data = read_json(path)
        if (version := data.pop("version", None)) != VERSION:
            raise InputError(f"{path}: version {version!r} of centroids; readable is {VERSION}")
        try:
            return _SCHEMA.validate_python(data)
        except ValidationError as error:
            why = error.errors()[0]["msg"]
            raise InputError(f"{path}: no file of fit_centroids(): {why}") from None


_SCHEMA = TypeAdapter(Centroids)


def own_words(marked: str) -> str:
    """Return a speech without its quotes: what the passage says is not the speaker's manner."""
    return " ".join(" ".join(text for text, state in segments(marked) if state is None).split())


def fit_centroids(
    embedder: TextEmbedder,
    speeches: Sequence[str],
    k: int,
    seed: int = 0,
    labels: Sequence[str] | None = None,
) -> Centroids:
    """Fit centroids to speeches by spherical k-means (Dhillon and Modha 2001).

    The best of eight starts, each drawn as in k-means++ (Arthur and Vassilvitskii 2007). A centroid
    reaches as far as 99 % of the fitted speeches that belong to it lie.

    Args:
        embedder: What embeds them.
        speeches: Marked speeches; their own words count, without the quotes, each text once. The
            result does not depend on their order.
        k: Number of centroids, 2 or more.
        seed: Where the starts derive from.
        labels: Names of the centroids; ``c1``, ``c2``, ... by default, the largest cluster first.

    Raises:
        InputError: Fewer distinct speeches than centroids, fewer than two, or labels of another
            number.
    """
    texts = sorted({words for speech in speeches if (words := own_words(speech))})
    rows = np.unique(embedder.embed(texts), axis=0).astype(np.float64)
    rows = rows[np.any(rows != 0, axis=1)]
    if not 2 <= k <= len(rows):
        raise InputError(f"fit_centroids: k = {k} must be from 2 to {len(rows)}, distinct speeches")
    rng = np.random.default_rng(seed)
    fitted = [_spherical_k_means(rows, k, rng) for _ in range(_STARTS)]
    centres = max(fitted, key=lambda c: float(np.sum(np.max(rows @ c.T, axis=1))))
    owner = np.argmax(rows @ centres.T, axis=1)
    sizes = np.bincount(owner, minlength=k)
    vectors, reach = [], []
    for c in sorted(range(k), key=lambda c: (-int(sizes[c]), c)):
        vector = np.round(centres[c], _DECIMALS)
        near = np.sort(rows[owner == c] @ vector)
        vectors.append(tuple(map(float, vector)))
        reach.append(round(float(near[int(_REACH * len(near))]), _DECIMALS))
    names = tuple(labels) if labels is not None else tuple(f"c{n + 1}" for n in range(k))
    return Centroids(embedder.fingerprint, names, tuple(vectors), tuple(reach))


def _spherical_k_means(rows: Floats, k: int, rng: np.random.Generator) -> Floats:
    """Start as k-means++ does, then let centres be the mean directions of their nearest rows."""
    chosen = [int(rng.integers(len(rows)))]
    while len(chosen) < k:
        far = np.maximum(1e-12, 1 - np.max(rows @ rows[chosen].T, axis=1))
        far[chosen] = 0.0
        chosen.append(int(rng.choice(len(rows), p=far / far.sum())))
    centres: Floats = rows[chosen]
    for _ in range(_ROUNDS):
        owner = np.argmax(rows @ centres.T, axis=1)
        # A centre without rows stays where it is.
        moved = np.stack([rows[owner == c].sum(0) if c in owner else centres[c] for c in range(k)])
        moved /= np.linalg.norm(moved, axis=1, keepdims=True)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres


class EmbeddingCluster:
    """The centroid that the mean of a strategy's embedded speeches is most similar to.

    A speech counts with its own words, without its quotes. Its similarity (cosine) to every
    centroid is counted in millionths; since a mean of dot products is the dot product with the
    mean, the sums say how similar the averaged embedding is to each centroid, and the embeddings
    themselves need not be kept. A strategy that no centroid reaches (:attr:`Centroids.reach`) is
    ``"out_of_range"``: it stands in the overflow row and is reported as outside.

    Raises:
        InputError: The centroids belong to another embedder.
    """

    name = NAME

    def __init__(self, embedder: TextEmbedder, centroids: Centroids) -> None:
        if centroids.embedder != embedder.fingerprint:
            raise InputError(
                f"{NAME}: the centroids belong to the embedder {centroids.embedder!r}, not to "
                f"{embedder.fingerprint!r}; fit new ones, or name that embedder"
            )
        self._embedder = embedder
        self._centroids = centroids
        self._vectors = np.asarray(centroids.vectors, dtype=np.float64)
        self.units = (*(f"similarity_to_{label}" for label in centroids.labels), "speeches")
        self.axis = Labels(
            NAME,
            centroids.labels,
            catch_all=OUT_OF_RANGE,
            beyond=True,
            source=f"{centroids.embedder}, centroids {centroids.digest}",
        )

    def count(self, facts: SpeechFacts) -> tuple[int, ...]:
        """Count similarities in millionths, and the speech; nothing for one without own words."""
        words = own_words(facts.utterance.text)
        (row,) = self._embedder.embed([words])
        if not row.any():
            return (0,) * len(self.units)
        # Not a matrix product, whose rounding depends on the machine; zeros add nothing.
        used = np.flatnonzero(row)
        products = row[used].astype(np.float64) * self._vectors[:, used]
        return (*(round(_SCALE * math.fsum(line)) for line in products.tolist()), 1)

    def value(self, strategy: Strategy, counts: tuple[int, ...]) -> Value:
        """Return the label of the nearest centroid, or ``"out_of_range"`` beyond all of them."""
        *sums, speeches = counts
        if not speeches:
            return None
        near = [total / (_SCALE * speeches) for total in sums]
        if all(s < reach for s, reach in zip(near, self._centroids.reach, strict=True)):
            return OUT_OF_RANGE
        return self._centroids.labels[max(range(len(near)), key=near.__getitem__)]


def make_embedding_cluster(archive: ArchiveConfig) -> EmbeddingCluster:
    """Make the descriptor that a configuration describes.

    Raises:
        InputError: There is no file of centroids, or it does not fit the embedder.
    """
    settings = archive.embedding
    if not settings.centroids:
        raise InputError(
            f"{NAME} needs evolution.archive.embedding.centroids, a file that "
            "debateqd.qd.descriptors.clusters.fit_centroids makes; see docs/descriptors.md"
        )
    return EmbeddingCluster(
        make_embedder(settings.embedder), Centroids.read(Path(settings.centroids))
    )
