"""The descriptors that are measured in every training debate and cost nothing but that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from debateqd.qd.archive.axes import UNCLASSIFIED, Value
from debateqd.qd.descriptors.utterances import SpeechFacts
from debateqd.qd.descriptors.words import (
    CERTAINTY,
    FUNCTION_WORDS,
    HEDGES,
    NEGATIONS,
    OTHER_SIDE,
    SpeechCounts,
)
from debateqd.qd.seeds import FAMILIES
from debateqd.qd.strategy import Strategy


class Family:
    """The declared family; anything but the seven known ones is unclassified."""

    name = "family"
    units: tuple[str, ...] = ()

    def count(self, facts: SpeechFacts) -> tuple[int, ...]:
        """Count nothing: the genome declares its family."""
        return ()

    def value(self, strategy: Strategy, counts: tuple[int, ...]) -> Value:
        """Return the family's label."""
        return strategy.family if strategy.family in FAMILIES else UNCLASSIFIED


class _Ratio:
    """The first count over the second; unmeasured where that is 0."""

    def value(self, strategy: Strategy, counts: tuple[int, ...]) -> Value:
        """Divide."""
        return counts[0] / counts[1] if counts[1] else None


class VerifiedQuoteShare(_Ratio):
    """Share of all words that stand inside verified quotes."""

    name = "verified_quote_share"
    units = ("verified_words", "words")

    def count(self, facts: SpeechFacts) -> tuple[int, ...]:
        """Count words inside verified quotes, and all words."""
        return (facts.speech.verified_words, facts.speech.words)


class RebuttalShare(_Ratio):
    """Share of own sentences that take up or deny what the other side said.

    A sentence counts when, outside quotes, one of these holds:

    1. it names the other side or its case (:data:`.words.OTHER_SIDE`);
    2. it repeats :attr:`run` or more consecutive words, at least one of them a content word, of a
       speech heard before;
    3. it holds a negation or contrast (:data:`.words.NEGATIONS`, ``n't``) and a content word of a
       speech heard before.

    For 2 and 3, words that the speaker had used in own earlier speeches do not count as taken up:
    most of them belong to the question that both sides share.
    """

    name = "rebuttal_share"
    units = ("rebutting_sentences", "own_sentences")
    run = 4

    def count(self, facts: SpeechFacts) -> tuple[int, ...]:
        """Count rebutting and all own sentences."""
        said: set[str] = set()
        said_runs: set[tuple[str, ...]] = set()
        for speech in facts.own:
            words, runs = _vocabulary(speech, self.run)
            said |= words
            said_runs |= runs
        fresh: set[str] = set()
        runs_heard: set[tuple[str, ...]] = set()
        for speech in facts.heard:
            words, runs = _vocabulary(speech, self.run)
            fresh |= words - said
            runs_heard |= runs - said_runs
        found = sum(
            1
            for sentence in facts.speech.own
            if _find(sentence, _OTHER_SIDE)
            or (runs_heard and not runs_heard.isdisjoint(_runs(sentence, self.run)))
            or (fresh and _denies(sentence) and not fresh.isdisjoint(sentence))
        )
        return (found, len(facts.speech.own))


class Length(_Ratio):
    """Words per speech; tags are not words, quoted words are."""

    name = "length"
    units = ("words", "speeches")

    def count(self, facts: SpeechFacts) -> tuple[int, ...]:
        """Count words and the speech."""
        return (facts.speech.words, 1)


class Readability:
    """Flesch-Kincaid grade of the speeches as the judge reads them, quotes included."""

    name = "readability"
    units = ("words", "sentences", "syllables")

    def count(self, facts: SpeechFacts) -> tuple[int, ...]:
        """Count words, sentences and syllables."""
        return (facts.speech.words, facts.speech.sentences, facts.speech.syllables)

    def value(self, strategy: Strategy, counts: tuple[int, ...]) -> Value:
        """Return the grade in years of schooling; very simple speech can fall below 0."""
        words, sentences, syllables = counts
        if not words or not sentences:
            return None
        return 0.39 * words / sentences + 11.8 * syllables / words - 15.59


class Certainty:
    """Share of own sentences with a marker of certainty minus share of those with a hedge."""

    name = "certainty"
    units = ("certain_sentences", "hedged_sentences", "own_sentences")

    def count(self, facts: SpeechFacts) -> tuple[int, ...]:
        """Count certain, hedged and all own sentences; one sentence can be both."""
        certain = hedged = 0
        for sentence in facts.speech.own:
            found = _find(sentence, _MARKERS)
            certain += not found.isdisjoint(CERTAINTY)
            hedged += not found.isdisjoint(HEDGES)
        return (certain, hedged, len(facts.speech.own))

    def value(self, strategy: Strategy, counts: tuple[int, ...]) -> Value:
        """Return the difference of the shares, from -1 to 1."""
        return (counts[0] - counts[1]) / counts[2] if counts[2] else None


def _table(entries: Iterable[str]) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Arrange phrases by their first word, the longest first."""
    table: dict[str, list[tuple[str, ...]]] = {}
    for phrase in sorted((tuple(entry.split()) for entry in entries), key=len, reverse=True):
        table.setdefault(phrase[0], []).append(phrase)
    return {first: tuple(phrases) for first, phrases in table.items()}


def _find(sentence: tuple[str, ...], table: Mapping[str, tuple[tuple[str, ...], ...]]) -> set[str]:
    """Find phrases that do not overlap, from left to right, the longest at each place."""
    found: set[str] = set()
    done = 0
    for at in [i for i, token in enumerate(sentence) if token in table]:
        if at < done:
            continue
        for phrase in table[sentence[at]]:
            if sentence[at : at + len(phrase)] == phrase:
                found.add(" ".join(phrase))
                done = at + len(phrase)
                break
    return found


_OTHER_SIDE = _table(OTHER_SIDE)
_MARKERS = _table(CERTAINTY | HEDGES)


def _denies(sentence: tuple[str, ...]) -> bool:
    return any(t in NEGATIONS or t.endswith("n't") for t in sentence)


def _runs(sentence: tuple[str, ...], run: int) -> Iterable[tuple[str, ...]]:
    return (sentence[i : i + run] for i in range(len(sentence) - run + 1))


@lru_cache(maxsize=4096)
def _vocabulary(
    speech: SpeechCounts, run: int
) -> tuple[frozenset[str], frozenset[tuple[str, ...]]]:
    """Content words of a speech outside quotes, and its runs of words that hold one."""
    content = frozenset(t for s in speech.own for t in s if t not in FUNCTION_WORDS)
    runs = frozenset(r for s in speech.own for r in _runs(s, run) if not content.isdisjoint(r))
    return content, runs
