"""Which of a few fixed places in an embedding space a strategy's speeches are nearest to."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from debate_env.errors import InputError
from debateqd.qd.archive.axes import Labels, Value
from debateqd.qd.config.schema import ArchiveConfig
from debateqd.qd.descriptors.clusters import Centroids, own_words
from debateqd.qd.descriptors.embedding import TextEmbedder, make_embedder
from debateqd.qd.descriptors.exchanges import SpeechFacts
from debateqd.qd.strategy import Strategy

NAME = "embedding_cluster"
OUT_OF_RANGE = "out_of_range"
_SCALE = 10**6  # counts are integers, so that sums are exact in any order


class EmbeddingCluster:
    """The centroid that the mean of a strategy's embedded speeches is most similar to.

    A speech counts with its own words, without its quotes. Its similarity (cosine) to every
    centroid is counted in millionths; since a mean of dot products is the dot product with the
    mean, the sums say how similar the averaged embedding is to each centroid, and the embeddings
    themselves need not be kept. A strategy that no centroid reaches (:attr:`Centroids.reach`) is
    ``"out_of_range"``: it stands in the overflow row and is reported as outside.

    Args:
        embedder: What embeds speeches.
        centroids: Where the centroids are.

    Raises:
        InputError: The centroids belong to another embedder.
    """

    name = NAME

    def __init__(self, embedder: TextEmbedder, centroids: Centroids) -> None:
        if centroids.embedder != embedder.fingerprint:
            raise InputError(
                f"{NAME}: centroids of {centroids.embedder!r} do not fit the embedder "
                f"{embedder.fingerprint!r}"
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
        words = own_words(facts.exchange.text)
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
    embedder = make_embedder(settings.embedder)
    return EmbeddingCluster(embedder, Centroids.read(Path(settings.centroids), embedder))
