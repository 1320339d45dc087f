"""Quotes that everybody can trust: found in the passage, or visibly not.

A debater writes ``<quote>…</quote>``. The transcript shows ``<v_quote>…</v_quote>`` when the words
were found in the passage and ``<u_quote>…</u_quote>`` when they were not. Two modes decide:

``strict``
    Words are compared one by one, in their order, at least three of them. Hyphens, apostrophes,
    dashes, quotation marks, commas, case, line breaks and the separators of thousands may differ.
    Numbers keep sign and decimal point, symbols such as ``%`` stay, words join or part only at a
    hyphen or an apostrophe, and where a sentence ends inside a quote, the quote must say so. A
    side's repetition of its own earlier quote is refused. Quotes may span lines.
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
from collections.abc import Container, Iterator
from functools import lru_cache
from html import unescape
from typing import Literal, NamedTuple

from debate_env.core.settings import QuoteMode
from debate_env.core.words import LETTER, UNSPACED, count_words

MIN_WORDS = 3
"""Fewest words of the passage that a verified quote covers in strict mode."""

MARKED_QUOTE = re.compile(r"<([vu])_quote>(.*?)</\1_quote>", re.DOTALL)
"""A quote of a marked speech: ``v`` or ``u``, and its text."""

_TAG = re.compile(r"<(/?)quote>", re.IGNORECASE)
_MARK = re.compile(r"<(/?)[vu]_quote>")
# "<" is left alone as a comparison ("a < b", "<5", "<=") and replaced where a tag could start.
_OPENER = re.compile(
    r"<(?![\s\d=])|<(?=[\s\d=][^<>]{0,20}quote)|<(?=\s++(?:/\s*+)?\w?_?quote)", re.IGNORECASE
)
_REFERENCE = re.compile(r"&#?\w{1,31};?")
_CONTROL = re.compile(r"\[(?=/?[A-Z_]{2,}\])")
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


# --- strict mode ----------------------------------------------------------------------------------

_THOUSANDS = re.compile(r"(?<![\d.,])(\d{1,3})((?:[,'’\u00a0\u2009\u202f]\d{3})+)(?!\d)")
_NO_DIGIT = re.compile(r"\D")
# What the compatibility form would turn into plain digits: 10² is not 102, and 1½ is not 11⁄2.
_RAISED = str.maketrans(
    {c: f"^{unicodedata.normalize('NFKC', c)}" for c in "⁰¹²³⁴⁵⁶⁷⁸⁹"}
    | {c: f" {unicodedata.normalize('NFKC', c)}" for c in "¼½¾⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"}
    | {"\xad": ""}
)
_PIECE = re.compile(
    r"(?P<number>(?:(?<![^\s(\[{\"'“‘«$€£¥])[-−–])?\.?\d++(?:[.,:/⁄]\d++)*+)"
    rf"|(?P<unspaced>[{UNSPACED}])"
    rf"|(?P<word>(?:(?!\d){LETTER})++)"
    r"|(?P<symbol>[%‰&@#*+=~|^<>$€£¥¢§©®°⁄])"
    rf"|(?P<soft>(?<={LETTER})(?!(?<=\d)\W\d)(?:[-‐‑]\s*\n\s*|[-‐‑'’‘ʼ`´])(?={LETTER}))"
    rf"|(?P<end>(?<![.!?…。])[.!?…。]++[\"'”’»)\]]*+(?=\s|$|[{UNSPACED}]))"
    r"|(?P<other>.)",
    re.DOTALL,
)
_SHORT = re.compile(r"[^\W\d_]|[^\W\d_aeiou]{1,3}")  # J. and Mr. end no sentence


class _Words(NamedTuple):
    """A text as strict mode compares it.

    Attributes:
        letters: Its letters, digits and symbols, folded, without anything in between.
        hard: Bit k: a word begins at letter k.
        soft: Bit k: a hyphen or an apostrophe stands there, so that a word may begin or go on.
        ends: Bit k: a sentence has ended there; part of ``hard``.
    """

    letters: str
    hard: int
    soft: int
    ends: int

    def hold(self, other: _Words) -> bool:
        """Tell whether the words of another text are here one after another."""
        size = len(other.letters)
        inside = (1 << size) - 2
        edges = self.hard | self.soft | 1 | 1 << len(self.letters)
        at = self.letters.find(other.letters) if size else -1
        while at >= 0:
            if edges >> at & 1 and edges >> (at + size) & 1:
                free = self.soft >> at | other.soft
                differ = (self.hard >> at ^ other.hard) & ~free | self.ends >> at ^ other.ends
                if not differ & inside:
                    return True
            at = self.letters.find(other.letters, at + 1)
        return False


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Split a folded text into what is compared, with how each is parted from the one before.

    Yields:
        Letters, and ``"hard"``, ``"soft"``, ``"end"`` or ``""``.
    """
    gap, last = "hard", ""
    for found in _PIECE.finditer(text):
        kind, piece = found.lastgroup, found.group()
        if kind == "soft":
            gap = gap or "soft"
        elif kind == "end":
            short = piece == "." and gap == "" and _SHORT.fullmatch(last)
            gap = "hard" if short else "end"
        elif kind == "other":
            gap = "end" if gap == "end" else "hard"
        else:
            alone = kind == "symbol"
            yield piece.replace("−", "-").replace("–", "-"), gap or ("hard" if alone else "")
            gap = {"symbol": "hard", "unspaced": "soft"}.get(str(kind), "")
            last = piece


@lru_cache(maxsize=256)
def _words(text: str) -> _Words:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _THOUSANDS.sub(_joined, text).translate(_RAISED))
    text = _THOUSANDS.sub(_joined, text.casefold())
    found = list(_pieces(text))
    letters = "".join([piece for piece, _ in found])
    masks = {kind: bytearray(b"0" * (len(letters) + 1)) for kind in ("hard", "soft", "end", "")}
    at = len(letters)  # the first letter is the lowest bit, which is written last
    for piece, gap in found:
        masks[gap][at] = ord("1")
        at -= len(piece)
    hard, soft, ends = (int(bytes(masks[kind]), 2) for kind in ("hard", "soft", "end"))
    return _Words(letters, hard | ends, soft, ends)


def _joined(number: re.Match[str]) -> str:
    return number[1] + _NO_DIGIT.sub("", number[2])


def quote_key(text: str) -> str:
    """Reduce text to its folded letters, digits and symbols: equal for repetitions of a quote."""
    return _words(text).letters


def khan_key(text: str) -> str:
    """Reduce text to what khan mode compares."""
    straight = text.translate(_KHAN_STRAIGHT).translate(_KHAN_DELETED)
    return " ".join(straight.lower().split())


class PassageIndex:
    """A passage prepared for checking quotes; use :func:`passage_index` to share one."""

    def __init__(self, passage: str) -> None:
        self._passage = passage
        self._words = _words.__wrapped__(passage)
        self._khan: str | None = None

    def holds(self, quote: str, mode: QuoteMode) -> bool:
        """Tell whether the passage holds ``quote`` by the rules of ``mode``."""
        if mode == "khan":
            if self._khan is None:
                self._khan = khan_key(self._passage)
            return khan_key(quote) in self._khan
        return self._words.hold(_words(quote)) and count_words(quote) >= MIN_WORDS


@lru_cache(maxsize=256)
def passage_index(passage: str) -> PassageIndex:
    """Return the index of ``passage``, remembered for recent passages."""
    return PassageIndex(passage)


def neutralise(text: str) -> str:
    """Return ``text`` unable to look like anything but text to a model.

    Every ``<`` that could open a tag becomes ``‹``, written as a character reference (``&lt;``)
    too, and the bracket of a control word such as ``[/INST]`` becomes ``⁅``.
    """
    if "&" in text:
        text = _REFERENCE.sub(_spelt, text)
    if "[" in text:
        text = _CONTROL.sub("⁅", text)
    return _OPENER.sub("‹", text) if "<" in text else text


def _spelt(reference: re.Match[str]) -> str:
    said = unescape(reference[0])  # empty for some control characters
    return said.replace("<", "‹").replace(">", "›") if said.startswith(("<", ">")) else reference[0]


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
        return Marked(neutralise(text), ())
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
