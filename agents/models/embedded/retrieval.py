"""Retrieval over the sentences of one passage: terms, spans, BM25 and support for an answer.

BM25 after Robertson and Zaragoza (2009), "The Probabilistic Relevance Framework", with term
frequencies of 0 or 1, because a sentence seldom repeats a term.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from debateqd.agents.models.embedded.words import load

QUOTE_WORDS = 34
"""Longest span that is offered as a quote, in words."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SENTENCE_END = re.compile(r"(?<=[.!?])(?:[\"'”’)\]]+)?\s+(?=[\"'“‘(\[]?[^\W_a-z])")
_PARAGRAPH = re.compile(r"\n\s*\n")
_K1, _B = 1.2, 0.75


def word_set(words: str) -> frozenset[str]:
    """Return the words of a list written as one string."""
    return frozenset(words.split())


_WORDS = load("retrieval")
_STOP = word_set(_WORDS["stop"])
HEDGES = word_set(_WORDS["hedges"])
"""Words that mark hearsay, plans and denials: a sentence with one is weak evidence."""


class Span(NamedTuple):
    """A stretch of a passage that could be quoted, verbatim up to white space."""

    text: str
    words: int
    terms: frozenset[str]
    hedged: bool
    sentence: int
    """Number of its first sentence."""
    last: int
    """Number of its last sentence."""


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Cut common English endings off a lower-case word."""
    if word.endswith(("'s", "’s")):
        word = word[:-2]
    if len(word) <= 3:
        return word
    for ending, tail in (("ies", "y"), ("ied", "y"), ("ing", ""), ("ed", ""), ("ly", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + tail
            break
    else:
        if word.endswith("s") and not word.endswith("ss"):
            word = word[:-2] if word.endswith(("shes", "ches", "xes", "sses")) else word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def words_of(text: str) -> list[str]:
    """Return the lower-case words of a text, in order."""
    return _WORD.findall(text.lower())


@lru_cache(maxsize=32768)
def terms_of(text: str) -> frozenset[str]:
    """Return the stems of the content words of a text."""
    return frozenset(stem(w) for w in _WORD.findall(text.lower()) if w not in _STOP)


@lru_cache(maxsize=32768)
def is_hedged(text: str) -> bool:
    """Tell whether a text marks itself as hearsay, plan or denial."""
    return not HEDGES.isdisjoint(_WORD.findall(text.lower()))


def distinguishing(answers: Sequence[str], question: str) -> list[frozenset[str]]:
    """Return, for each answer, the terms that set it apart from the others and the question."""
    sets = [terms_of(a) for a in answers]
    asked = terms_of(question)
    result = []
    for i, own in enumerate(sets):
        others = frozenset[str]().union(*(s for j, s in enumerate(sets) if j != i))
        result.append((own - others - asked) or (own - others) or own)
    return result


def coverage(wanted: frozenset[str], found: frozenset[str]) -> float:
    """Return the share of ``wanted`` that is in ``found``; 0 when nothing is wanted."""
    return len(wanted & found) / len(wanted) if wanted else 0.0


def relevance(
    found: frozenset[str], asked: frozenset[str], own: frozenset[str], others: frozenset[str]
) -> float:
    """Say how strongly terms found together support one answer, in ``[0, 1]``.

    Terms of the question (``asked``) and of the answer (``own``, which set it apart) together count
    far more than either alone, and what supports the other answers as much supports none.
    """
    answer = coverage(own, found) - coverage(others, found)
    if answer <= 0.0:
        return 0.0
    about = coverage(asked, found)
    return answer * (0.1 + 0.9 * min(1.0, about / 0.8) ** 2)


class SpanIndex:
    """The quotable spans of one passage, with inverted lists.

    Spans are sentences, and pairs of neighbours where they are short enough. A long sentence is cut
    into overlapping stretches of at most :data:`QUOTE_WORDS` words.
    """

    def __init__(self, passage: str) -> None:
        sentences = list(_sentences(passage))
        self.spans: tuple[Span, ...] = tuple(_spans(sentences))
        self._postings: dict[str, list[int]] = {}
        for i, span in enumerate(self.spans):
            for term in span.terms:
                self._postings.setdefault(term, []).append(i)
        n = len(self.spans)
        self._idf = {
            t: math.log(1.0 + (n - len(p) + 0.5) / (len(p) + 0.5))
            for t, p in self._postings.items()
        }
        mean = sum(s.words for s in self.spans) / n if n else 1.0
        self._norms = [
            (_K1 + 1.0) / (1.0 + _K1 * (1.0 - _B + _B * s.words / mean)) for s in self.spans
        ]

    def scores(self, weighted_terms: Iterable[tuple[frozenset[str], float]]) -> dict[int, float]:
        """Return BM25 scores by span number, for spans that share a term with the query."""
        result: dict[int, float] = {}
        for terms, weight in weighted_terms:
            # Sorted, because sums of floats depend on their order and sets have none.
            for term in sorted(terms):
                gain = weight * self._idf.get(term, 0.0)
                for i in self._postings.get(term, ()):
                    result[i] = result.get(i, 0.0) + gain * self._norms[i]
        return result


def _sentences(passage: str) -> Iterable[list[str]]:
    """Yield, for each paragraph, its sentences with white space collapsed."""
    for paragraph in _PARAGRAPH.split(passage):
        text = " ".join(paragraph.split())
        cuts = [0, *(m.end() for m in _SENTENCE_END.finditer(text)), len(text)]
        pieces = [text[a:b].strip() for a, b in pairwise(cuts)]
        yield [p for p in pieces if p]


def _spans(paragraphs: Sequence[Sequence[str]]) -> Iterable[Span]:
    number = 0
    for sentences in paragraphs:
        for k, sentence in enumerate(sentences):
            yield from _pieces(sentence, number, number)
            if k + 1 < len(sentences):
                pair = f"{sentence} {sentences[k + 1]}"
                if len(pair.split()) <= QUOTE_WORDS:
                    yield from _pieces(pair, number, number + 1)
            number += 1


def _pieces(text: str, first: int, last: int) -> Iterable[Span]:
    # Text that looks like a tag is not copied exactly into prompts, so it is never quoted.
    if "<" in text or ">" in text or "‹" in text:
        return
    words = text.split()
    if len(words) < 4:
        return
    step = QUOTE_WORDS // 2
    starts = range(0, max(1, len(words) - step), step) if len(words) > QUOTE_WORDS else (0,)
    for start in starts:
        part = words[start : start + QUOTE_WORDS]
        piece = " ".join(part)
        yield Span(piece, len(part), terms_of(piece), is_hedged(piece), first, last)
