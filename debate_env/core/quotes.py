"""Quotes that everybody can trust: found in the passage, or visibly not.

A debater writes ``<quote>…</quote>``. The transcript shows ``<v_quote>…</v_quote>`` when the words
were found in the passage and ``<u_quote>…</u_quote>`` when they were not. Two modes decide:

``strict``
    Compare letters and digits only (Unicode-normalised, case-folded); the match must begin and end
    at word boundaries of the passage and cover at least three of its words; a side's repetition of
    its own earlier quote is refused. Quotes may span lines.
``khan``
    The rule of Khan et al. (2024, arXiv 2402.06782): curly marks become straight, ASCII punctuation
    is deleted, case and white space are ignored, and the rest must be a substring. A quote ends
    with its line. Empty quotes and fragments of a word pass, as they do there.

Nothing else in a marked speech looks like a tag: every other ``<`` that could open one becomes
``‹``, so a mark cannot be forged.
"""

from __future__ import annotations

import re
import string
import unicodedata
from bisect import bisect_left
from collections.abc import Container
from functools import lru_cache
from itertools import accumulate
from typing import Literal, NamedTuple

from debate_env.core.settings import QuoteMode

MIN_WORDS = 3
"""Fewest words of the passage that a verified quote covers in strict mode."""

MARKED_QUOTE = re.compile(r"<([vu])_quote>(.*?)</\1_quote>", re.DOTALL)
"""A quote of a marked speech: ``v`` or ``u``, and its text."""

_TAG = re.compile(r"<(/?)quote>", re.IGNORECASE)
_MARK = re.compile(r"<(/?)[vu]_quote>")
# "<" is left alone as a comparison ("a < b", "<5", "<=") and replaced where a tag could start.
_OPENER = re.compile(
    r"<(?![\s\d=])|<(?=[\s\d=][^<>]{0,20}quote)|<(?=\s+/?\s*\w?_?quote)", re.IGNORECASE
)
_WORD = re.compile(r"[^\W_]+")
_KHAN_DELETED = str.maketrans("", "", string.punctuation)
_KHAN_STRAIGHT = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"'})


class Quote(NamedTuple):
    """One tagged quote of a speech.

    Attributes:
        text: What stands between the tags, as the debater wrote it.
        verified: Whether the passage holds it, by the rules of the mode.
        key: What strict mode compares, see :func:`quote_key`.
    """

    text: str
    verified: bool
    key: str


class Marked(NamedTuple):
    """A speech as it enters the transcript, and its quotes in order."""

    text: str
    quotes: tuple[Quote, ...]


def _fold(text: str) -> str:
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()


@lru_cache(maxsize=256)
def quote_key(text: str) -> str:
    """Reduce text to its case-folded letters and digits, which is what strict mode compares."""
    return "".join(_WORD.findall(_fold(text)))


def khan_key(text: str) -> str:
    """Reduce text to what khan mode compares."""
    straight = text.translate(_KHAN_STRAIGHT).translate(_KHAN_DELETED)
    return " ".join(straight.lower().split())


class PassageIndex:
    """A passage prepared for checking quotes; use :func:`passage_index` to share one."""

    def __init__(self, passage: str) -> None:
        words = _WORD.findall(_fold(passage))
        self._compact = "".join(words)
        self._ends = list(accumulate(map(len, words)))  # in the compact text, ascending
        self._passage = passage
        self._khan: str | None = None

    def holds(self, quote: str, mode: QuoteMode) -> bool:
        """Tell whether the passage holds ``quote`` by the rules of ``mode``."""
        if mode == "khan":
            if self._khan is None:
                self._khan = khan_key(self._passage)
            return khan_key(quote) in self._khan
        key = quote_key(quote)
        if not key:
            return False
        ends = self._ends
        at = self._compact.find(key)
        while at >= 0:
            # The number of the word that starts at ``at``, if one does.
            first = bisect_left(ends, at) + 1 if at else 0
            if first == 0 or ends[first - 1] == at:
                last = bisect_left(ends, at + len(key))
                if ends[last] == at + len(key) and last - first + 1 >= MIN_WORDS:
                    return True
            at = self._compact.find(key, at + 1)
        return False


@lru_cache(maxsize=256)
def passage_index(passage: str) -> PassageIndex:
    """Return the index of ``passage``, remembered for recent passages."""
    return PassageIndex(passage)


def neutralise(text: str) -> str:
    """Return ``text`` with every ``<`` that could open a tag replaced by ``‹``."""
    return _OPENER.sub("‹", text) if "<" in text else text


def mark(
    text: str, passage: str, mode: QuoteMode = "strict", earlier: Container[str] = frozenset()
) -> Marked:
    """Check the quotes of a speech and mark each as verified or not.

    An opening tag without a closing one, a closing tag without an opening one, and all but the
    innermost of nested tags are not quotes and are neutralised like any other tag. ``earlier`` are
    the keys (:attr:`Quote.key`) of the same side's quotes in earlier speeches.
    """
    if not text.isascii():
        text = text.replace("＜", "‹").replace("﹤", "‹")
    if "<" not in text:
        return Marked(text, ())
    pieces: list[str] = []
    quotes: list[Quote] = []
    here: set[str] = set()
    done = 0
    opened: re.Match[str] | None = None
    for tag in _TAG.finditer(text):
        if not tag[1]:
            opened = tag
            continue
        if opened is None:
            continue
        content = text[opened.end() : tag.start()]
        if mode == "strict" or "\n" not in content:
            key = quote_key(content)
            repeated = mode == "strict" and (key in here or key in earlier)
            verified = not repeated and passage_index(passage).holds(content, mode)
            here.add(key)
            letter = "v" if verified else "u"
            pieces += (
                neutralise(text[done : opened.start()]),
                f"<{letter}_quote>{neutralise(content)}</{letter}_quote>",
            )
            quotes.append(Quote(content, verified, key))
            done = tag.end()
        opened = None
    pieces.append(neutralise(text[done:]))
    return Marked("".join(pieces), tuple(quotes))


def close_quote(text: str) -> Literal["", "</quote>"]:
    """Return what must be appended to ``text`` so that its last quote is not left open."""
    slashes: list[str] = _TAG.findall(text)
    return "</quote>" if slashes and not slashes[-1] else ""


def read_quotes(marked_text: str) -> list[tuple[str, bool]]:
    """Read the quotes of a marked speech or transcript, each with whether it was verified."""
    return [(content, letter == "v") for letter, content in MARKED_QUOTE.findall(marked_text)]


def strip_marks(text: str) -> str:
    """Forget what was verified: turn the marks of a marked text back into ``<quote>`` tags."""
    return _MARK.sub(r"<\1quote>", text)
