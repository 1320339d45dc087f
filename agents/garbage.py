"""Whether a text is none: what a model writes that is broken, or far too small for its prompt.

One rule for every language and script, on letters and repeated patterns, without any list of words.
The bounds are measured: ``tests/agents/test_garbage.py`` counts how often the rule is wrong about
what people say in debates, and about programs.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Control characters other than white space, the replacement character, and halves of surrogate
# pairs: no language model means them, and no file should hold them.
_NOISE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd\ud800-\udfff]")
# A word, which may begin with capitals; a number; or one sign, however often it is set.
_PIECE = re.compile(r"(?P<word>L+l*|l+)|(?P<number>d+)|([^Lld])\3*")
_SHORTEST_WORD = 3  # letters
_SHORTEST_TEXT = 10  # letters, digits and signs; less, such as a letter in brackets, proves nothing
_LEAST_SENSE = 0.15  # random signs and letters reach 0.1; programs that do so repeat themselves
_GRAM = 8  # characters
_LEAST_DISTINCT = 0.15  # of a text's grams, or it is a loop
_SHORTEST_LOOP = 6  # characters
_PLAIN = re.compile("[a-z]{3,}")
_MANY = 20  # different words, which no loop has


def is_noisy(text: str) -> bool:
    """Whether a text holds characters that belong into no text."""
    return _NOISE.search(text) is not None


def is_garbage(text: str) -> bool:
    """Whether a text is no language, nor a program: noise, too few letters, or one pattern.

    A text of white space alone is empty, and no garbage. Takes time in proportion to the length.
    """
    if is_noisy(text):
        return True
    words, plain = text.split(), sum(map(len, _PLAIN.findall(text)))
    if len(set(words)) > max(_MANY, len(words) / 2) and plain > len(text) / 2:
        return False  # what follows, which takes ten times as long, would say the same
    even = " ".join(text.casefold().split())
    distinct, sense = _distinct(even), _sense(text)
    if sense < _LEAST_SENSE * distinct**2:
        return True
    # Where most of a text comes again within it, the text up to there is its pattern.
    most = even[: len(even) - len(even) // 3]
    again = len(even) >= _SHORTEST_LOOP and even.find(most, 1) > 0
    return again or distinct < _LEAST_DISTINCT


def _sense(text: str) -> float:
    """Share of a text that stands in words and numbers, less its letters alone; -1: no letters.

    White space is left out, since scripts differ in what they part with it; a capital begins a word
    all the same.
    """
    total = letters = numbers = sense = 0
    for piece in _PIECE.finditer("".join(map(_kind, text))):
        length = len(piece[0])
        if piece["word"]:
            letters += length
            sense += length if length >= _SHORTEST_WORD else -(length == 1)
        elif piece["number"]:
            numbers += length
        else:
            length = 1
        total += length
    if total < _SHORTEST_TEXT:
        return -1.0 if total and not letters + numbers else 1.0
    return (sense + numbers) / total if letters else -1.0


@lru_cache(maxsize=4096)
def _kind(character: str) -> str:
    """``L``: capital, ``l``: another letter or its mark, ``d``: digit; a sign is its own kind."""
    category = unicodedata.category(character)
    if character.isspace() or category == "Cf":
        return ""
    if category in ("Lu", "Lt"):
        return "L"
    return {"L": "l", "M": "l", "N": "d"}.get(category[0], character)


def _distinct(text: str) -> float:
    """Share of the runs of eight characters in a text that differ from each other."""
    grams = len(text) - _GRAM + 1
    if grams < 1:
        return 1.0
    return len({text[start : start + _GRAM] for start in range(grams)}) / grams
