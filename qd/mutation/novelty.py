"""Refusing strategies before they cost a match: copies, near copies, and the same in other words.

Texts are compared as sequences of *normal words*: runs of letters and digits, case-folded; so
punctuation, case and layout never make a copy look new.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np

from debate_env.errors import InputError
from debateqd.qd.descriptors.embedding import Rows, TextEmbedder

T = TypeVar("T")
_WORD = re.compile(r"[^\W_]+")

RefusalKind = Literal[
    "engine_error",
    "refused",
    "truncated",
    "unparsable",
    "empty",
    "too_short",
    "too_long",
    "prompt",
    "exact_duplicate",
    "near_duplicate",
    "leak",
]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an attempt gave no new strategy.

    Attributes:
        kind: ``engine_error``: the engine failed. ``refused``: the model declined. ``truncated``:
            the reply, or the strategy's last sentence, is unfinished. ``unparsable``: no strategy
            in the reply, or one with control characters. ``empty``: nothing between the tags.
            ``too_short``: too little to be a strategy. ``too_long``: over the word limit.
            ``prompt``: it repeats what the mutator was told. ``exact_duplicate`` and
            ``near_duplicate``: too close to a strategy that exists or existed. ``leak``: it quotes
            a passage or carries what belongs to a question.
        message: One line that says what happened.
    """

    kind: RefusalKind
    message: str


class NoveltyPool(Protocol):
    """Remembers texts and refuses others that are too close to one of them."""

    def add(self, text: str, name: str = "") -> None:
        """Remember a text under a name."""

    def check(self, text: str) -> Refusal | None:
        """Say why a text is not new; ``None`` when it is. Changes nothing."""


def normal_words(text: str) -> tuple[str, ...]:
    """Return the words by which texts are compared."""
    return tuple(_WORD.findall(text.casefold()))


def shingles_of(words: Sequence[str], size: int) -> frozenset[tuple[str, ...]]:
    """Return all runs of so many words; a shorter text is one run."""
    last = max(1, len(words) - size + 1)
    return frozenset(tuple(words[i : i + size]) for i in range(last))


def similarity(one: frozenset[T], other: frozenset[T]) -> float:
    """Return the Jaccard similarity of two sets that are not empty: shared / all."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


class StrategyPool:
    """Every strategy text of a run, alive or dead, ready for look-ups of copies and near copies.

    Two texts are near copies when the Jaccard similarity (shared / all) of their sets of
    ``shingle`` consecutive words is at least ``near_duplicate``. With the defaults a change of one
    word in 40 is refused and two changes in 70 are not.

    Args:
        texts: Texts known from the start, each under its position as name: ``"#0"``, ``"#1"``, …
        near_duplicate: Threshold in (0, 1].
        shingle: Words per shingle; a shorter text is one shingle.

    Raises:
        InputError: Threshold or shingle size out of range.
    """

    __slots__ = ("_exact", "_sets", "near_duplicate", "shingle")

    def __init__(
        self, texts: Iterable[str] = (), near_duplicate: float = 0.9, shingle: int = 2
    ) -> None:
        if not 0 < near_duplicate <= 1:
            raise InputError(f"near_duplicate {near_duplicate}: must be above 0, at most 1")
        if shingle < 1:
            raise InputError(f"shingle {shingle}: must be 1 or more words")
        self.near_duplicate = near_duplicate
        self.shingle = shingle
        self._exact: dict[tuple[str, ...], str] = {}
        self._sets: list[tuple[str, frozenset[tuple[str, ...]]]] = []
        for text in texts:
            self.add(text)

    def add(self, text: str, name: str = "") -> None:
        """Remember a text; copies of known ones too."""
        words, name = normal_words(text), name or f"#{len(self._sets)}"
        self._exact.setdefault(words, name)
        self._sets.append((name, shingles_of(words, self.shingle)))

    def check(self, text: str) -> Refusal | None:
        """Say why a text is not new; ``None`` when it is."""
        words = normal_words(text)
        if words in self._exact:
            return Refusal("exact_duplicate", f"the words of {self._exact[words]}")
        near, name = self.nearest(text)
        if near >= self.near_duplicate:
            return Refusal("near_duplicate", f"{near:.3f} similar to {name}")
        return None

    def nearest(self, text: str) -> tuple[float, str]:
        """Find the most similar known text: its similarity and name, the earliest of equals."""
        own = shingles_of(normal_words(text), self.shingle)
        found = ((similarity(own, known), name) for name, known in self._sets)
        return max(found, key=lambda pair: pair[0], default=(0.0, ""))


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

    def add(self, text: str, name: str = "") -> None:
        """Remember a text."""
        self._words.add(text, name)
        row = self._row(text)[None]
        self._rows = np.concatenate([self._rows, row]) if self._names else row
        self._names.append(name or f"#{len(self._names)}")

    def check(self, text: str) -> Refusal | None:
        """Say why a text is not new; ``None`` when it is."""
        refusal = self._words.check(text)
        if refusal is not None:
            return refusal
        near, name = self.nearest(text)
        if near >= self.near_meaning:
            return Refusal("near_duplicate", f"{near:.3f} similar in meaning to {name}")
        return None

    def nearest(self, text: str) -> tuple[float, str]:
        """Find the known text that is closest in meaning.

        Returns:
            Cosine and name, the earliest of equals; ``(0.0, "")`` when none has a positive cosine.
        """
        if not self._names:
            return 0.0, ""
        cosines = self._rows @ self._row(text)
        best = int(np.argmax(cosines))
        # Rows are unit vectors up to rounding: a copy is 1, not 0.99999994.
        value = round(float(cosines[best]), 6)
        return (value, self._names[best]) if value > 0 else (0.0, "")

    def _row(self, text: str) -> Rows:
        if self._latest is None or self._latest[0] != text:
            self._latest = (text, self._embedder.embed([text])[0])
        return self._latest[1]
