"""Refusing near-duplicates by meaning: the same strategy in other words, found by embeddings."""

from __future__ import annotations

import numpy as np

from debate_env.errors import InputError
from debateqd.qd.descriptors.embedding import Rows, TextEmbedder
from debateqd.qd.mutation.novelty import NoveltyPool, Refusal


class MeaningPool:
    """Refuses what another pool refuses, and texts whose embedding is too close to a known one.

    Closeness is the cosine between embeddings: the dot product of rows of length 1. Texts are
    embedded one at a time, so that no result depends on what else stood in a batch. A look-up is
    one product with all known rows: n x d multiplications.

    Args:
        by_words: The pool that is asked first; texts added here are added there, too.
        embedder: Makes the embeddings.
        near_meaning: Refuse from this cosine on, in (0, 1].

    Raises:
        InputError: Threshold out of range.
    """

    __slots__ = ("_embedder", "_latest", "_names", "_rows", "_words", "near_meaning")

    def __init__(
        self, by_words: NoveltyPool, embedder: TextEmbedder, near_meaning: float = 0.98
    ) -> None:
        if not 0 < near_meaning <= 1:
            raise InputError(f"near_meaning {near_meaning}: must be above 0, at most 1")
        self.near_meaning = near_meaning
        self._words = by_words
        self._embedder = embedder
        self._names: list[str] = []
        self._rows: Rows = np.zeros((0, 0), dtype=np.float32)
        self._latest: tuple[str, Rows] | None = None

    def __len__(self) -> int:
        return len(self._names)

    def add(self, text: str, name: str = "") -> None:
        """Remember a text.

        Args:
            text: The strategy.
            name: What refusals call it; its number in the pool by default.
        """
        self._words.add(text, name)
        row, used = self._row(text), len(self._names)
        if used == len(self._rows):  # room for twice as many, so that adding stays cheap
            grown = np.zeros((max(64, 2 * used), row.shape[0]), dtype=np.float32)
            if used:
                grown[:used] = self._rows
            self._rows = grown
        self._rows[used] = row
        self._names.append(name or f"#{used}")

    def check(self, text: str) -> Refusal | None:
        """Say why a text is not new; ``None`` when it is."""
        refusal = self._words.check(text)
        if refusal is not None:
            return refusal
        similarity, name = self.nearest(text)
        if similarity >= self.near_meaning:
            return Refusal("near_duplicate", f"{similarity:.3f} similar in meaning to {name}")
        return None

    def nearest(self, text: str) -> tuple[float, str]:
        """Find the known text that is closest in meaning.

        Returns:
            Cosine and name, the earliest of equals; ``(0.0, "")`` when none has a positive cosine.
        """
        if not self._names:
            return 0.0, ""
        cosines = self._rows[: len(self._names)] @ self._row(text)
        best = int(np.argmax(cosines))
        # Rows are unit vectors up to rounding: a copy is 1, not 0.99999994.
        value = round(float(cosines[best]), 6)
        return (value, self._names[best]) if value > 0 else (0.0, "")

    def _row(self, text: str) -> Rows:
        if self._latest is None or self._latest[0] != text:
            self._latest = (text, self._embedder.embed([text])[0])
        return self._latest[1]
