"""What can be counted in a speech: words, quoted words, sentences, syllables.

Pure text analysis for English, with no notion of strategies or archives. Speeches come in the form
in which everybody sees them: verified quotes stand between ``<v_quote>`` tags, the others between
``<u_quote>`` tags.

The word lists at the end are our own short lists of common English markers. They are part of what a
descriptor *means*: changing one changes the measured values. Every entry is lower case; apostrophes
are straight; phrases are words separated by single spaces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from debate_env.core.quotes import MARKED_QUOTE

_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_ALNUM = re.compile(r"[^\W_]")
# A sentence ends at . ! ? or an ellipsis, with any closing quotation marks or brackets, before
# white space or the end of the text; or at a line break.
_SENTENCE_END = re.compile(r"[.!?…\n]++(?:(?<=\n)|[\"'”’)\]]*+(?=\s|$))")
# From the first letter or digit of a piece between white space to its end.
_WORD = re.compile(r"[^\W_]\S*")
_OPENING = "\"'“‘([-–—"
_VOWELS = re.compile(r"[aeiouy]+")


@dataclass(frozen=True, slots=True)
class SpeechCounts:
    """The counts of one speech.

    Attributes:
        words: Pieces between white space that hold a letter or a digit; tags are not words.
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


def count_words(text: str) -> int:
    """Count the pieces between white space that hold at least one letter or digit."""
    return len(_WORD.findall(text))


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


# --- word lists ---------------------------------------------------------------------------------


def _entries(text: str) -> frozenset[str]:
    """Read one entry per comma-separated piece."""
    return frozenset(" ".join(piece.split()) for piece in text.split(",") if piece.strip())


CERTAINTY = _entries("""
    certainly, certain, clearly, clear, definitely, definite, undoubtedly, undeniable, undeniably,
    indisputable, indisputably, unquestionably, obviously, obvious, surely, sure, plainly,
    absolutely, conclusively, conclusive, decisive, decisively, evidently, indeed, always, never,
    must, proves, proven, proof, establishes, guarantees, settles, confirms, no doubt,
    beyond doubt, beyond any doubt, beyond question, without doubt, without question,
    without a doubt, there is no question, in fact, of course, exactly, entirely, impossible
""")
"""Markers by which a speaker asserts certainty."""

HEDGES = _entries("""
    perhaps, maybe, possibly, possible, probably, probable, likely, unlikely, might, may, could,
    seems, seem, seemed, seemingly, appears, appear, appeared, apparently, arguably, presumably,
    supposedly, suggests, suggest, suggested, roughly, somewhat, partly, largely, mostly, usually,
    often, sometimes, tends, tend, generally, i think, i believe, i suspect, i guess, i suppose,
    in my view, in my opinion, to some extent, in part, more or less, kind of, sort of, it is hard,
    not certain, not clear, not sure, not entirely, not always, not exactly, not conclusive,
    not obvious, uncertain, unclear, unsure, doubtful, debatable, doubt, doubts
""")
"""Markers by which a speaker leaves room for doubt. A phrase wins over a word it contains."""

OTHER_SIDE = _entries("""
    opponent, opponents, my opponent's, the opponent's, opponent's, opposing, the opposition, rival,
    other side, other side's, other debater, other answer, other position, other case,
    they claim, they say, they argue, they assert, they insist, they ignore, they overlook,
    they suggest, they quote, they rely, you claim, you say, you argue, you assert, you insist,
    you ignore, you overlook, you suggest, you quote, you rely, their claim, their argument,
    their case, their quote, their reading, their answer, your claim, your argument, your case,
    your quote, your reading
""")
"""Phrases that name the other side or what it said."""

NEGATIONS = _entries("""
    not, no, never, none, nothing, nobody, nowhere, neither, nor, cannot, without, but, however,
    yet, instead, contrary, rather, wrong, false, incorrect, mistaken, untrue, fails, fail, failed,
    flaw, flawed, contradicts, contradict, contradicted, contradiction, refutes, refuted, rebuts,
    denies, ignores, ignored, overlooks, misreads, misread, misleading, misleads, unsupported,
    unverified, irrelevant, invented, unfounded, baseless, merely, hardly, collapses
""")
"""Words that deny or turn against something; words ending in ``n't`` count as well."""

FUNCTION_WORDS = _entries("""
    a, about, above, after, again, against, all, also, am, an, and, any, are, as, at, be, because,
    been, before, being, below, between, both, but, by, can, cannot, did, do, does, doing, down,
    during, each, even, every, few, first, for, from, further, had, has, have, having, he, her,
    here, hers, herself, him, himself, his, how, however, i, if, in, into, is, it, its, itself,
    just, last, like, many, may, me, might, more, most, much, must, my, myself, never, next, no,
    nor, not, nothing, now, of, off, on, once, one, only, or, other, our, ours, out, over, own,
    rather, same, shall, she, should, since, so, some, still, such, than, that, the, their,
    theirs, them, themselves, then, there, therefore, these, they, this, those, through, to, too,
    two, under, until, up, upon, us, very, was, we, were, what, when, where, whether, which,
    while, who, whom, whose, why, will, with, within, without, would, yet, you, your, yours,
    answer, answers, passage, text, question, quote, quotes, judge, evidence, says, said, say,
    states, shows, show, it's, that's, there's, isn't, wasn't, don't, doesn't, didn't, can't,
    won't, wouldn't, couldn't, shouldn't, aren't, weren't, hasn't, haven't, hadn't
""")
"""Words that say nothing about the topic: function words, and the common words of any debate."""

ABBREVIATIONS = _entries("""
    mr, mrs, ms, dr, st, prof, capt, col, gen, lt, sgt, rev, hon, jr, sr, vs, etc, no, fig, vol,
    e.g, i.e, cf, p, pp
""")
"""Words whose full stop does not end a sentence (``no`` only before a number)."""
