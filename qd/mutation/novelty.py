"""Refusing strategies before they cost a match: copies, near copies, and the same in other words.

Texts are compared as sequences of *normal words*: runs of letters and digits, case-folded; so
punctuation, case and layout never make a copy look new.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from debate_env.errors import InputError
from debateqd.qd.descriptors.embedding import Rows, TextEmbedder

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


class StrategyPool:
    """Every strategy text of a run, alive or dead, ready for look-ups of copies and near copies.

    Two texts are near copies when the Jaccard similarity (shared / all) of their sets of
    ``shingle`` consecutive words is at least ``near_duplicate``. With the defaults a change of one
    word in 40 is refused and two changes in 70 are not.

    A look-up is exact and cheap. To reach similarity t with a text of n shingles, another text must
    share at least ceil(t n) of them, hence at least one of any n - ceil(t n) + 1; so only texts
    that hold one of the rarest of that many shingles are compared at all (prefix filtering:
    Chaudhuri, Ganti and Kaushik 2006).

    Args:
        texts: Texts known from the start, each under its position as name: ``"#0"``, ``"#1"``, …
        near_duplicate: Threshold in (0, 1].
        shingle: Words per shingle; a shorter text is one shingle.

    Raises:
        InputError: Threshold or shingle size out of range.
    """

    __slots__ = ("_exact", "_holders", "_names", "_sets", "near_duplicate", "shingle")

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
        self._names: list[str] = []
        self._sets: list[frozenset[tuple[str, ...]]] = []
        self._holders: dict[tuple[str, ...], list[int]] = {}
        for number, text in enumerate(texts):
            self.add(text, f"#{number}")

    def __len__(self) -> int:
        return len(self._sets)

    def add(self, text: str, name: str = "") -> None:
        """Remember a text; copies of known ones too."""
        words = normal_words(text)
        number = len(self._sets)
        self._names.append(name or f"#{number}")
        self._exact.setdefault(words, self._names[-1])
        self._sets.append(self._shingles(words))
        for shingle in self._sets[-1]:
            self._holders.setdefault(shingle, []).append(number)

    def check(self, text: str) -> Refusal | None:
        """Say why a text is not new; ``None`` when it is."""
        words = normal_words(text)
        if words in self._exact:
            return Refusal("exact_duplicate", f"the words of {self._exact[words]}")
        similarity, name = self.nearest(text)
        if similarity >= self.near_duplicate:
            return Refusal("near_duplicate", f"{similarity:.3f} similar to {name}")
        return None

    def nearest(self, text: str) -> tuple[float, str]:
        """Find the most similar known text among those that reach the threshold.

        Returns:
            Its similarity and name, the earliest of equals; ``(0.0, "")`` when none reaches it.
        """
        shingles = self._shingles(normal_words(text))
        # The margin keeps rounding of t * n from asking for one shared shingle too many.
        shared_at_least = math.ceil(self.near_duplicate * len(shingles) - 1e-9)
        rarest = sorted(shingles, key=lambda s: len(self._holders.get(s, ())))
        probes = rarest[: len(shingles) - shared_at_least + 1]
        candidates = {number for shingle in probes for number in self._holders.get(shingle, ())}
        best, found = 0.0, ""
        for number in sorted(candidates):
            known = self._sets[number]
            shared = len(shingles & known)
            similarity = shared / (len(shingles) + len(known) - shared)
            if similarity >= self.near_duplicate and similarity > best:
                best, found = similarity, self._names[number]
        return best, found

    def _shingles(self, words: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
        last = max(1, len(words) - self.shingle + 1)
        return frozenset(words[i : i + self.shingle] for i in range(last))


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
        cosines = self._rows @ self._row(text)
        best = int(np.argmax(cosines))
        # Rows are unit vectors up to rounding: a copy is 1, not 0.99999994.
        value = round(float(cosines[best]), 6)
        return (value, self._names[best]) if value > 0 else (0.0, "")

    def _row(self, text: str) -> Rows:
        if self._latest is None or self._latest[0] != text:
            self._latest = (text, self._embedder.embed([text])[0])
        return self._latest[1]
