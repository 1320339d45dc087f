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

_READER = re.compile(
    rf"</?(?:[vu]_)?quote>|([{UNSPACED}]{{1,2}}|\d+(?:[.,:]\d+)+"
    # An apostrophe is part of a word near one of its ends: don't, o'clock, l'eau.
    rf"|(?:{LETTER}{{1,2}}['’])?{LETTER}++(?:['’]{LETTER}{{1,3}}(?!{LETTER}))?)",
    re.IGNORECASE,
)
_WHITESPACE = re.compile(r"(\S+)")


def word_ends(text: str, mode: WordMode = "reader") -> Iterator[int]:
    """Yield where each word of a text ends, in order.

    Args:
        text: A text; tags of quotes are no words.
        mode: ``"reader"``: words as a reader sees them (Unicode Standard Annex 29, in short): runs
            of letters and digits, with an apostrophe or, in numbers, a point or comma inside. All
            else separates, ``_``, ``/``, ``-`` and what looks blank included. In scripts without
            spaces two characters are a word. ``"whitespace"``: pieces between white space.

    Raises:
        InputError: There is no such mode.
    """
    if mode not in get_args(WordMode):
        raise InputError(f"mode {mode!r}: {nearest(str(mode), get_args(WordMode))}")
    pattern = _READER if mode == "reader" else _WHITESPACE
    return (match.end() for match in pattern.finditer(text) if match[1])


def count_words(text: str, mode: WordMode = "reader") -> int:
    """Count the words of a text; see :func:`word_ends`."""
    return sum(1 for _ in word_ends(text, mode))
