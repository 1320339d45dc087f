"""What a word is: the same for word limits, quotes and measures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, get_args

from debate_env.errors import InputError, nearest

WordMode = Literal["reader", "whitespace"]

# Scripts that put no spaces between words: Thai to Tibetan, Burmese, Khmer, kana and Han.
UNSPACED = (
    "\u0e01-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17d3\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Inside of a class of a regular expression."""

# Letters by their category, but blank to the eye: fillers of Hangul.
_BLANK = "\u115f\u1160\u3164\uffa0"
# Marks that go on a word although they are no letters: accents, points of Hebrew and Arabic, and
# the vowels of Indic scripts, whose blocks hold two other signs, the dandas.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u06d6-\u06ed\u0711\u0730-\u074a\u0900-\u0963\u0966-\u0dff\u200c\u200d"
)
LETTER = rf"(?:[^\W_{_BLANK}{UNSPACED}]|[{_MARKS}])"
"""A letter, digit or mark of a script with spaces between words."""


def _words_of(letter: str) -> str:
    """A word of such letters: numbers keep their inner points and commas.

    An apostrophe is part of a word near one of its ends: don't, o'clock, l'eau.
    """
    near_end = f"['’]{letter}{{1,3}}(?!{letter})"
    return rf"{letter}++(?:[.,:](?<=\d.)\d++)*+(?:(?<!{letter}{{3}})['’]{letter}++|{near_end})?"


_SPECIAL = re.compile(f"[{UNSPACED}{_MARKS}]")
_READER = re.compile(rf"[{UNSPACED}]{{1,2}}|{_words_of(LETTER)}")
_PLAIN = re.compile(_words_of(rf"[^\W_{_BLANK}]"))  # the same many times faster, without those
_WHITESPACE = re.compile(r"\S+")
_TAG = re.compile(r"</?(?:[vu]_)?quote>", re.IGNORECASE)


def _prepared(text: str, mode: WordMode) -> tuple[str, re.Pattern[str]]:
    """Blank out what is no word, so that all else keeps its place; and find the pattern."""
    if mode == "whitespace":
        return text, _WHITESPACE
    if mode != "reader":
        raise InputError(f"mode {mode!r}: {nearest(str(mode), get_args(WordMode))}")
    if "<" in text:
        text = _TAG.sub(lambda tag: " " * len(tag[0]), text)
    special = not text.isascii() and _SPECIAL.search(text)
    return text, _READER if special else _PLAIN


def word_ends(text: str, mode: WordMode = "reader") -> Iterator[int]:
    """Yield where each word of a text ends, in order.

    Args:
        text: A text.
        mode: ``"reader"``: words as a reader sees them (Unicode Standard Annex 29, in short): runs
            of letters and digits, with an apostrophe or, in numbers, a point or comma inside. All
            else separates, ``_``, ``/``, ``-`` and what looks blank included; tags of quotes are no
            words. In scripts without spaces two characters are a word. ``"whitespace"``: pieces
            between white space.

    Raises:
        InputError: There is no such mode.
    """
    text, pattern = _prepared(text, mode)
    return (match.end() for match in pattern.finditer(text))


def count_words(text: str, mode: WordMode = "reader") -> int:
    """Count the words of a text; see :func:`word_ends`."""
    text, pattern = _prepared(text, mode)
    return len(pattern.findall(text))
