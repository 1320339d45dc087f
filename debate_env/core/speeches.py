"""What happens to a speech before anybody sees it: it is cleaned and cut to length."""

from __future__ import annotations

import re
from itertools import islice

from debate_env.core.quotes import close_quote
from debate_env.core.words import WordMode, count_words, word_ends

TRUNCATION_MARK = " […]"
"""Ends a speech that was cut at the word limit."""

# Joiners are for scripts that need them, not for tags that should look whole.
_JOINERS = re.compile(r"(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])")
# Everything that ends a line for some reader becomes "\n"; whatever could reorder, hide or erase
# text on a screen (controls, directional marks, zero-width spaces) is dropped; half of a surrogate
# pair cannot be written to any file and becomes U+FFFD.
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u061c\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    r"""Return a speech as text that looks the same to every reader.

    Line separators become ``"\n"``; control characters, directional marks and zero-width spaces
    are dropped. Joiners stay where scripts and emoji need them: among characters beyond ASCII.
    """
    if text.replace("\n", "").isprintable():
        return text
    text = _LINE_ENDS.sub("\n", text)
    return _JOINERS.sub("", _SURROGATE.sub("\ufffd", _HIDDEN.sub("", text)))


def clip(text: str, word_limit: int, mode: WordMode = "reader") -> tuple[str, int, bool]:
    """Cut a speech after ``word_limit`` words, counted by :func:`debate_env.core.words.word_ends`.

    A quote that the cut leaves open is closed, and :data:`TRUNCATION_MARK` is appended. Returned
    are the text, its number of words (the mark not counted) and whether it was cut.
    """
    words = count_words(text, mode)
    if words <= word_limit:
        return text, words, False
    text = text[: next(islice(word_ends(text, mode), word_limit - 1, None))]
    return text + close_quote(text) + TRUNCATION_MARK, word_limit, True


def cut(text: str, max_chars: int) -> str:
    """Cut a text to at most ``max_chars`` characters, marked and with its quotes closed."""
    room = max_chars - len("</quote>" + TRUNCATION_MARK)
    if room <= 0:
        return text[:max_chars]
    text = text[:room]
    # A tag that the cut goes through is dropped, not shown in pieces.
    opened = text.rfind("<")
    if opened >= 0 and ("<quote>".startswith(tail := text[opened:]) or "</quote>".startswith(tail)):
        text = text[:opened]
    return text + close_quote(text) + TRUNCATION_MARK
