"""Two readings of style: what a strategy asks for, and what a speech shows.

Both are lexicons. A strategy's cues become shares of a fixed attention budget: what one style gets,
the others lose, so that a strategy cannot have everything and more words add nothing for free.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from debateqd.agents.models.embedded.retrieval import stem, word_set, words_of
from debateqd.agents.models.embedded.words import load
from debateqd.agents.models.embedded.world import STYLES

AXES = ("evidence", "precision", *(s for s in STYLES if s != "length"), "vague")
"""What a debater can spend its attention on."""

# What a debater does when its strategy says nothing about it.
_HABIT = {"evidence": 1.4, "logic": 0.3, "refutation": 0.3, "vague": 0.7}
_HABIT_ELSE = 0.06

_WORDS = load("style")
_NEGATIONS, _MORE, _LESS = (word_set(_WORDS[n]) for n in ("negations", "emphasis", "restraint"))
_REACH = 3
_CLAUSE = re.compile(r"[.;:!?,\n]+|\bbut\b|\bthen\b")


def _by_stem(lexicon: Mapping[str, str], names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = {}
    for name, words in lexicon.items():
        for word in words.split():
            found.setdefault(stem(word), set()).add(names.index(name))
    return {word: tuple(sorted(indices)) for word, indices in found.items()}


_CUE_AXES = _by_stem(_WORDS["cues"], AXES)
_PHRASES: Mapping[str, list[str]] = _WORDS["phrases"]
_SHORT_STEMS, _LONG_STEMS = (frozenset(map(stem, _WORDS[n].split())) for n in ("short", "long"))


@dataclass(frozen=True, slots=True)
class Intensities:
    """What a strategy asks for.

    Attributes:
        shares: Share of attention per axis, in the order of :data:`AXES`; they sum to 1.
        fill: Share of the word limit that speeches use, in ``[0.3, 0.95]``.
    """

    shares: tuple[float, ...]
    fill: float

    def __getitem__(self, axis: str) -> float:
        """Return the share of one axis."""
        return self.shares[AXES.index(axis)]


@lru_cache(maxsize=8192)
def intensities(strategy: str) -> Intensities:
    """Read a strategy prompt.

    Each clause counts the distinct cues of each axis (at most two), more under words such as
    "always" and less under words such as "sometimes"; a cue shortly after a negation counts
    against its axis. A clause without any cue counts as vague.
    """
    raw = [0.0] * len(AXES)
    lengths = 0.0
    for clause in _CLAUSE.split(strategy.lower().replace("’", "'")):
        words = words_of(clause)
        if not words:
            continue
        weight = 1.0
        if not _MORE.isdisjoint(words):
            weight *= 1.4
        if not _LESS.isdisjoint(words):
            weight *= 0.6
        gains, size = _clause(clause, words)
        for axis, gain in gains.items():
            raw[axis] += weight * max(-2.0, min(2.0, gain))
        if not gains and not size and len(words) >= 3:
            raw[-1] += 0.4
        lengths += size
    amounts = [
        max(0.0, value) + _HABIT.get(axis, _HABIT_ELSE) * (0.2 if value < 0 else 1.0)
        for axis, value in zip(AXES, raw, strict=True)
    ]
    total = sum(amounts)
    fill = 0.8 + 0.12 * lengths
    return Intensities(tuple(a / total for a in amounts), min(0.95, max(0.3, fill)))


def _clause(clause: str, words: list[str]) -> tuple[dict[int, float], float]:
    """Return gains by axis and the net demand for length of one clause."""
    gains: dict[int, float] = {}
    seen: set[str] = set()
    size = 0.0
    sign, left = 1.0, 0
    for word in words:
        if word in _NEGATIONS:
            # "No claim without a quote" asks for quotes: two negations close together cancel.
            sign, left = (-sign, _REACH) if left else (-1.0, _REACH)
            continue
        if left == 0:
            sign = 1.0
        left = max(0, left - 1)
        root = stem(word)
        if root in seen:
            continue
        seen.add(root)
        size += sign * ((root in _LONG_STEMS) - (root in _SHORT_STEMS))
        axes = _CUE_AXES.get(root, ())
        for axis in axes:
            gains[axis] = gains.get(axis, 0.0) + sign / len(axes)
    for name, phrases in _PHRASES.items():
        if any(p in clause for p in phrases):
            axis = AXES.index(name)
            gains[axis] = gains.get(axis, 0.0) + 1.0
    return gains, size


# --- what a speech shows --------------------------------------------------------------------------

_MARKER_STYLES = _by_stem(_WORDS["markers"], STYLES)
_QUESTIONING = STYLES.index("questioning")
_LENGTH = STYLES.index("length")


def style_counts(text: str) -> tuple[float, ...]:
    """Count the markers of each style in a speech whose quotes have been taken out.

    Returns:
        One number per :data:`debateqd.agents.models.embedded.world.STYLES`; a question mark counts
        as one and a half markers of questioning, and ``length`` is left 0 because quotes belong to
        it too.
    """
    counts = [0.0] * len(STYLES)
    lookup = _MARKER_STYLES
    for word in words_of(text):
        styles = lookup.get(stem(word))
        if styles:
            for style in styles:
                counts[style] += 1.0
    counts[_QUESTIONING] += 1.5 * text.count("?")
    return tuple(counts)


def strength(counts: tuple[float, ...], words: float) -> tuple[float, ...]:
    """Turn mean counts per speech into strengths in ``[0, 1)``: ``n / (n + 1.2)``.

    Args:
        counts: Markers per style and speech.
        words: Words per speech, quotes included; 150 or more are full length.
    """
    result = [n / (n + 1.2) for n in counts]
    result[_LENGTH] = min(1.0, words / 150.0)
    return tuple(result)
