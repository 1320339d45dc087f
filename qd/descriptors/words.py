"""What can be counted in a speech: words, quoted words, sentences, syllables.

Pure text analysis for English, with no notion of strategies or archives. Speeches come in the form
in which everybody sees them: verified quotes stand between ``<v_quote>`` tags, the others between
``<u_quote>`` tags.

The word lists lie beside this module. They are part of what a descriptor *means*: changing one
changes the measured values.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from debate_env.core.quotes import MARKED_QUOTE
from debate_env.core.words import count_words

_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_ALNUM = re.compile(r"[^\W_]")
# A sentence ends at . ! ? or an ellipsis, with any closing quotation marks or brackets, before
# white space or the end of the text; or at a line break.
_SENTENCE_END = re.compile(r"(?<![.!?…\n])[.!?…\n]++(?:(?<=\n)|[\"'”’)\]]*+(?=\s|$))")
_OPENING = "\"'“‘([-–—"
_VOWELS = re.compile(r"[aeiouy]+")


@dataclass(frozen=True, slots=True)
class SpeechCounts:
    """The counts of one speech.

    Attributes:
        words: See :func:`debate_env.core.words.word_ends`; tags are not words.
        verified_words: Those of them inside verified quotes.
        sentences: Sentences of the whole speech that hold a word, quotes included.
        syllables: Estimated syllables of all words; see :func:`syllables`.
        own: The speaker's own sentences as lower-case tokens: quotes are left out, and so are
            sentences that hold nothing but quotes.
    """

    words: int
    verified_words: int
    sentences: int
    syllables: int
    own: tuple[tuple[str, ...], ...]


def tokens(text: str) -> tuple[str, ...]:
    """Split text into lower-case words: letters, digits and (straight) inner apostrophes."""
    return tuple(_TOKEN.findall(text.casefold().replace("’", "'")))


def sentences(text: str) -> list[str]:
    """Split text into sentences that hold at least one letter or digit.

    A full stop after a common abbreviation or a single capital letter ends no sentence.
    """
    found = []
    start = 0
    for end in _SENTENCE_END.finditer(text):
        if text[end.start()] == "." and "\n" not in end.group():
            # Abbreviations are short: the last few characters show whether this is one.
            last = text[max(start, end.start() - 8) : end.start()].split()[-1:]
            if last and _is_abbreviation(last[0].lstrip(_OPENING), text[end.end() : end.end() + 2]):
                continue
        found.append(text[start : end.end()])
        start = end.end()
    found.append(text[start:])
    return [s.strip() for s in found if _ALNUM.search(s)]


def _is_abbreviation(word: str, following: str) -> bool:
    if word.casefold() == "no":
        return following.strip().isdigit()
    return word.casefold() in ABBREVIATIONS or (len(word) == 1 and word.isupper() and word != "I")


@lru_cache(maxsize=65536)
def syllables(word: str) -> int:
    """Estimate the syllables of a lower-case English word.

    The usual heuristic: every run of vowels (a, e, i, o, u, y) is one syllable; a final silent e,
    -es or -ed is none, unless it is heard (-le after a consonant, -es after a hissing sound, -ed
    after t or d). At least one per word, so numbers and words of other scripts count one.
    """
    bare = word.replace("'", "")
    count = len(_VOWELS.findall(bare))
    if re.search(r"[^aeiouy](?:e|es|ed)$", bare) and not re.search(
        r"[^aeiouyl]le[sd]?$|(?:[sxzcg]|ch|sh)es$|[td]ed$", bare
    ):
        count -= 1
    return max(1, count)


def segments(marked: str) -> list[tuple[str, bool | None]]:
    """Split a marked speech into its quotes and what lies between them.

    Returns:
        Pairs of text and state: ``True`` for a verified quote, ``False`` for another quote and
        ``None`` for the speaker's own words.
    """
    pieces = MARKED_QUOTE.split(marked)  # own words; then letter, quote, own words; and so on
    parts: list[tuple[str, bool | None]] = [(pieces[0], None)]
    for letter, quote, own in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        parts += [(quote, letter == "v"), (own, None)]
    return [(text, state) for text, state in parts if text]


@lru_cache(maxsize=4096)
def read_speech(marked: str) -> SpeechCounts:
    """Count everything in one marked speech.

    A quote ends the sentence around it when it closes with a sentence mark and the speaker goes on
    with a capital letter.
    """
    parts = segments(marked)
    plain = " ".join(text for text, _ in parts)
    own = ""
    for index, (text, state) in enumerate(parts):
        if state is None:
            own += text
            continue
        after = parts[index + 1][0].lstrip() if index + 1 < len(parts) else ""
        closes = text.rstrip()[-1:] in tuple(".!?…") and after[:1].isupper()
        own += ". " if closes else " "
    return SpeechCounts(
        words=sum(count_words(text) for text, _ in parts),
        verified_words=sum(count_words(text) for text, state in parts if state),
        sentences=len(sentences(plain)),
        syllables=sum(map(syllables, tokens(plain))),
        own=tuple(t for t in (tokens(s) for s in sentences(own)) if t),
    )


# --- word lists, which the file beside this one explains -----------------------------------------


def _entries(text: str) -> frozenset[str]:
    """Read one entry per comma-separated piece."""
    return frozenset(" ".join(piece.split()) for piece in text.split(",") if piece.strip())


_WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
CERTAINTY = _entries(_WORDS["certainty"])
HEDGES = _entries(_WORDS["hedges"])
OTHER_SIDE = _entries(_WORDS["other_side"])
NEGATIONS = _entries(_WORDS["negations"])
FUNCTION_WORDS = _entries(_WORDS["function_words"])
ABBREVIATIONS = _entries(_WORDS["abbreviations"])
