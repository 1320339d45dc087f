"""Which of a few fixed places in an embedding space a strategy's speeches are nearest to.

The places are centroids, written to a file once and never moved.

A file of centroids is data that belongs to a run like its questions do: it names the embedder that
made it, and :attr:`Centroids.digest` is part of the archive's axis, so that a run is not continued
with other centroids than it began with.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debate_env.draws import Draws, digest
from debate_env.errors import InputError
from debateqd.agents.base import derive_seed
from debateqd.qd.archive.axes import Labels, Value
from debateqd.qd.config.schema import ArchiveConfig
from debateqd.qd.descriptors.embedding import TextEmbedder, make_embedder
from debateqd.qd.descriptors.utterances import SpeechFacts
from debateqd.qd.descriptors.words import segments
from debateqd.qd.store.storage import read_json
from debateqd.qd.strategy import Strategy

NAME = "embedding_cluster"
OUT_OF_RANGE = "out_of_range"
_SCALE = 10**6  # counts are integers, so that sums are exact in any order

FORMAT = "debateqd-centroids"
FORMAT_VERSION = 1
_DECIMALS = 6
_ROUNDS = 100  # of Lloyd's algorithm; it stops by itself long before
_STARTS = 8
_REACH = 0.01  # share of the fitted speeches that lie farther than a centroid reaches

Wide = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Centroids:
    """k places in the space of an embedder.

    Attributes:
        embedder: Fingerprint of the embedder that the vectors belong to.
        labels: Names of the centroids, distinct.
        vectors: k vectors of length 1, d numbers each.
        reach: Least mean similarity of a strategy's speeches to each centroid at which they count
            as near it, a cosine.
    """

    embedder: str
    labels: tuple[str, ...]
    vectors: tuple[tuple[float, ...], ...]
    reach: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check that the parts belong together.

        Raises:
            InputError: They do not.
        """
        k = len(self.labels)
        lengths = {len(vector) for vector in self.vectors}
        numbers = [x for vector in (*self.vectors, self.reach) for x in vector]
        if k < 2 or len(set(self.labels)) != k or not all(self.labels):
            raise InputError(f"centroids: labels {list(self.labels)} must be two or more, distinct")
        if len(self.vectors) != k or len(self.reach) != k or len(lengths) != 1:
            raise InputError(
                f"centroids: {k} labels need {k} vectors of one length and {k} reaches, not "
                f"{len(self.vectors)} and {len(self.reach)}"
            )
        if not all(map(math.isfinite, numbers)):
            raise InputError("centroids: a vector or reach holds a number that is not finite")
        for label, vector in zip(self.labels, self.vectors, strict=True):
            if abs(math.fsum(x * x for x in vector) - 1) > 1e-3:
                raise InputError(f"centroids: the vector of {label!r} must have length 1")

    @property
    def digest(self) -> str:
        """Name of the contents: 20 hexadecimal digits, whatever the layout of the file."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the contents of the file."""
        return {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "embedder": self.embedder,
            "labels": list(self.labels),
            "reach": list(self.reach),
            "vectors": [list(vector) for vector in self.vectors],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Centroids:
        """Read what :meth:`to_dict` returned.

        Raises:
            InputError: Another format or version, or a field is missing or of the wrong kind.
        """
        found = (data.get("format"), data.get("version"))
        if found != (FORMAT, FORMAT_VERSION):
            raise InputError(
                f"centroids: format and version are {(FORMAT, FORMAT_VERSION)}, not {found!r}"
            )
        try:
            return cls(
                str(data["embedder"]),
                tuple(map(str, data["labels"])),
                tuple(tuple(map(float, vector)) for vector in data["vectors"]),
                tuple(map(float, data["reach"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"centroids: {error!r}: a field is missing or wrong") from None

    def write(self, path: Path) -> None:
        """Write the file; one that is there is not replaced, since runs may depend on it.

        Raises:
            InputError: The file exists, or cannot be written.
        """
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(json.dumps(self.to_dict(), sort_keys=True) + "\n")
        except FileExistsError:
            raise InputError(
                f"{path}: exists already, and centroids never move; choose another name"
            ) from None
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from None

    @classmethod
    def read(cls, path: Path) -> Centroids:
        """Read a file.

        Raises:
            InputError: It cannot be read, or holds no centroids.
        """
        try:
            return cls.from_dict(read_json(path))
        except InputError as error:
            where = "" if str(error).startswith(str(path)) else f"{path}: "
            raise InputError(f"{where}{error}; fit_centroids() makes such files") from None


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
        InputError: Fewer distinct speeches than centroids, or labels of another number.
    """
    if k < 2:
        raise InputError(f"fit_centroids: k = {k} must be 2 or more")
    texts = sorted({words for speech in speeches if (words := own_words(speech))})
    rows = (
        np.unique(embedder.embed(texts), axis=0).astype(np.float64) if texts else np.zeros((0, 1))
    )
    rows = rows[np.any(rows != 0, axis=1)]
    if len(rows) < k:
        raise InputError(f"fit_centroids: {k} centroids need {k} or more distinct speeches")
    names = tuple(labels) if labels is not None else tuple(f"c{n + 1}" for n in range(k))
    if len(names) != k:
        raise InputError(f"fit_centroids: {k} centroids need {k} labels, not {len(names)}")
    fitted = [_lloyd(rows, _start(rows, k, seed, number)) for number in range(_STARTS)]
    centres = max(fitted, key=lambda c: float(np.sum(np.max(rows @ c.T, axis=1))))
    owner = np.argmax(rows @ centres.T, axis=1)
    sizes = np.bincount(owner, minlength=k)
    order = sorted(range(k), key=lambda c: (-int(sizes[c]), c))
    vectors, reach = [], []
    for c in order:
        vector = np.round(centres[c], _DECIMALS)
        near = np.sort(rows[owner == c] @ vector)
        vectors.append(tuple(map(float, vector)))
        reach.append(round(float(near[int(_REACH * len(near))]), _DECIMALS))
    return Centroids(embedder.fingerprint, names, tuple(vectors), tuple(reach))


def _start(rows: Wide, k: int, seed: int, number: int) -> Wide:
    """Draw k rows, each with a probability in proportion to its distance from those before."""
    draws = Draws(digest("centroids", str(derive_seed(seed, "centroids", number))))
    chosen = [draws.below(len(rows))]
    far = np.full(len(rows), np.inf)
    for _ in range(k - 1):
        far = np.minimum(far, np.maximum(0.0, 1.0 - rows @ rows[chosen[-1]]))
        far[chosen] = 0.0
        chosen.append(draws.weighted([float(d) + 1e-12 for d in far]))
    return rows[chosen]


def _lloyd(rows: Wide, centres: Wide) -> Wide:
    """Alternate between the nearest centre of each row and the mean direction of each centre."""
    owner = np.full(len(rows), -1)
    for _ in range(_ROUNDS):
        near = rows @ centres.T
        new = np.argmax(near, axis=1)
        if np.array_equal(new, owner):
            break
        owner = new
        moved = np.zeros_like(centres)
        np.add.at(moved, owner, rows)
        lengths = np.linalg.norm(moved, axis=1, keepdims=True)
        empty = np.flatnonzero(lengths[:, 0] == 0)
        # A centre that lost all its rows takes the row that is worst served.
        worst = np.argsort(np.max(near, axis=1), kind="stable")
        moved[empty], lengths[empty] = rows[worst[: len(empty)]], 1.0
        centres = moved / lengths
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
