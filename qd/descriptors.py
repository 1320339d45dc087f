"""Behaviour measured from what a strategy actually said.

Every descriptor turns a speech into integer **counts** and the sum of all counts into a **value**.
Counts of different matches are added, so a word (or sentence, or speech) weighs the same in
whatever match it was spoken, and the result is exactly the same in any order of matches. All
descriptors are always counted, whichever of them are axes of the archive.

======================  =====================================================================
``family``              The family the strategy declares, or ``"unclassified"``.
``verified_quote_share``  Words inside verified quotes / words of all speeches. A speech without
                        quotes adds words and no quoted words: no quotes at all means 0.
``rebuttal_share``      Own sentences that take up or deny what the other side said / own
                        sentences; see :class:`RebuttalShare`.
``length``              Words / speeches.
``readability``         Flesch-Kincaid grade: 0.39 words / sentences + 11.8 syllables / words
                        - 15.59 (Kincaid, Fishburne, Rogers and Chissom 1975).
``certainty``           (Own sentences with a marker of certainty - those with a hedge) / own
                        sentences, between -1 and 1.
======================  =====================================================================

*Own sentences* are those that hold at least one word outside quotes. A value whose denominator is
0 is ``None``: unmeasured, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from debate_env.errors import InputError
from debate_env.protocols import SPEECH, get_protocol
from debate_env.transcript import Speech
from qd.axes import UNCLASSIFIED, Value
from qd.lexicons import CERTAINTY, FUNCTION_WORDS, HEDGES, NEGATIONS, OTHER_SIDE
from qd.readings import Reading, read_speech
from qd.registry import Registry
from qd.seeds import FAMILIES
from qd.strategy import Strategy


class Exchange(NamedTuple):
    """One speech of a strategy with what had been said before it; all texts as everybody sees them.

    Attributes:
        text: The speech.
        heard: The other side's speeches that its speaker had read, oldest first.
        own: The same speaker's earlier speeches, oldest first.
    """

    text: str
    heard: tuple[str, ...] = ()
    own: tuple[str, ...] = ()


def exchanges(
    speeches: Sequence[Speech], seat: str, order: str = "simultaneous"
) -> tuple[Exchange, ...]:
    """Cut the speeches of one seat out of a debate, each with what its speaker had read.

    Args:
        speeches: The whole debate in the order of speaking.
        seat: Whose speeches to cut out.
        order: Name of the debate's protocol, whose rules say what a speaker had read: in
            simultaneous rounds nobody has read the other speeches of the same round, in sequential
            debates everybody has read all that came earlier.

    Raises:
        InputError: No protocol has this name.
    """
    protocol, said = get_protocol(order), tuple(speeches)
    rounds = max((s.round for s in said), default=0)
    found: list[Exchange] = []
    start = index = 0
    while start < len(said):
        wave = protocol.wave(index, said[:start], rounds)
        if wave is None or wave.phase != SPEECH:
            break
        published = said[start : start + len(wave.seats)]
        earlier = protocol.visible(seat, said[:start])
        found += [
            Exchange(
                speech.text,
                heard=tuple(s.text for s in earlier if s.seat != seat),
                own=tuple(s.text for s in earlier if s.seat == seat),
            )
            for speech in published
            if speech.seat == seat
        ]
        start, index = start + len(published), index + 1
    return tuple(found)


@dataclass(frozen=True, slots=True)
class SpeechFacts:
    """A speech, read: what descriptors count in.

    Attributes:
        exchange: The texts themselves.
        speech: Counts and own sentences of the speech.
        heard: The same for every speech heard before it.
        own: The same for the speaker's earlier speeches.
    """

    exchange: Exchange
    speech: Reading
    heard: tuple[Reading, ...]
    own: tuple[Reading, ...]

    @classmethod
    def of(cls, exchange: Exchange) -> SpeechFacts:
        """Read all texts of an exchange."""
        return cls(
            exchange,
            read_speech(exchange.text),
            tuple(map(read_speech, exchange.heard)),
            tuple(map(read_speech, exchange.own)),
        )


class Descriptor(Protocol):
    """One measured property of a strategy's behaviour. Pure: equal input, equal output."""

    @property
    def name(self) -> str:
        """Name in configuration files and of the axis."""
        ...

    @property
    def units(self) -> tuple[str, ...]:
        """What the counts count; empty when the value needs no speech."""
        ...

    def count(self, facts: SpeechFacts) -> tuple[int, ...]:
        """Count in one speech; one integer per unit."""
        ...

    def value(self, strategy: Strategy, counts: tuple[int, ...]) -> Value:
        """Turn the summed counts into the value; ``None`` when they do not suffice."""
        ...


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


class VerifiedQuoteShare:
    """Share of all words that stand inside verified quotes."""

    name = "verified_quote_share"
    units = ("verified_words", "words")

    def count(self, facts: SpeechFacts) -> tuple[int, ...]:
        """Count words inside verified quotes, and all words."""
        return (facts.speech.verified_words, facts.speech.words)

    def value(self, strategy: Strategy, counts: tuple[int, ...]) -> Value:
        """Return the share, from 0 to 1."""
        return counts[0] / counts[1] if counts[1] else None


class RebuttalShare:
    """Share of own sentences that take up or deny what the other side said.

    A sentence counts when, outside quotes, one of these holds:

    1. it names the other side or its case (:data:`qd.lexicons.OTHER_SIDE`);
    2. it repeats :attr:`run` or more consecutive words, at least one of them a content word, of a
       speech heard before;
    3. it holds a negation or contrast (:data:`qd.lexicons.NEGATIONS`, ``n't``) and a content word
       of a speech heard before.

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
        for reading in facts.own:
            words, runs = _vocabulary(reading, self.run)
            said |= words
            said_runs |= runs
        fresh: set[str] = set()
        runs_heard: set[tuple[str, ...]] = set()
        for reading in facts.heard:
            words, runs = _vocabulary(reading, self.run)
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

    def value(self, strategy: Strategy, counts: tuple[int, ...]) -> Value:
        """Return the share, from 0 to 1."""
        return counts[0] / counts[1] if counts[1] else None


class Length:
    """Words per speech; tags are not words, quoted words are."""

    name = "length"
    units = ("words", "speeches")

    def count(self, facts: SpeechFacts) -> tuple[int, ...]:
        """Count words and the speech."""
        return (facts.speech.words, 1)

    def value(self, strategy: Strategy, counts: tuple[int, ...]) -> Value:
        """Return words per speech."""
        return counts[0] / counts[1] if counts[1] else None


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
def _vocabulary(reading: Reading, run: int) -> tuple[frozenset[str], frozenset[tuple[str, ...]]]:
    """Content words of a speech outside quotes, and its runs of words that hold one."""
    content = frozenset(t for s in reading.own for t in s if t not in FUNCTION_WORDS)
    runs = frozenset(r for s in reading.own for r in _runs(s, run) if not content.isdisjoint(r))
    return content, runs


DESCRIPTORS: Registry[Descriptor] = Registry("descriptor")
for _descriptor in (
    Family(),
    VerifiedQuoteShare(),
    RebuttalShare(),
    Length(),
    Readability(),
    Certainty(),
):
    DESCRIPTORS.register(_descriptor.name, _descriptor)


def default_descriptors() -> tuple[Descriptor, ...]:
    """Return every registered descriptor, in the order of registration."""
    return tuple(DESCRIPTORS.get(name) for name in DESCRIPTORS.names())


@dataclass(frozen=True, slots=True)
class BehaviourSummary:
    """Everything counted so far about one strategy; summaries of matches are added.

    Counts are integers and sums are exact: any order and grouping gives the same summary. The empty
    summary is the neutral element, and stands for a strategy that has not spoken.

    Attributes:
        counts: Summed counts by descriptor name.
        speeches: Number of speeches counted.
        matches: Number of matches counted.
    """

    counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    speeches: int = 0
    matches: int = 0

    @classmethod
    def of_match(
        cls, spoken: Sequence[Exchange], descriptors: Sequence[Descriptor] | None = None
    ) -> BehaviourSummary:
        """Count the speeches of one strategy in one match.

        Args:
            spoken: Its speeches, from :func:`exchanges`; from both seats if it held both.
            descriptors: What to count; every registered descriptor by default.
        """
        chosen = default_descriptors() if descriptors is None else descriptors
        facts = [SpeechFacts.of(exchange) for exchange in spoken]
        counts = {
            d.name: tuple(map(sum, zip(*(d.count(f) for f in facts), strict=True)))
            for d in chosen
            if facts and d.units
        }
        return cls(counts, len(facts), 1)

    def __add__(self, other: BehaviourSummary) -> BehaviourSummary:
        """Add the counts of two summaries.

        Raises:
            ValueError: A descriptor's counts differ in number.
        """
        merged = dict(self.counts)
        for name, counts in other.counts.items():
            old = merged.get(name, (0,) * len(counts))
            merged[name] = tuple(a + b for a, b in zip(old, counts, strict=True))
        return BehaviourSummary(
            {name: merged[name] for name in sorted(merged)},
            self.speeches + other.speeches,
            self.matches + other.matches,
        )

    def behaviour(
        self, strategy: Strategy, descriptors: Sequence[Descriptor] | None = None
    ) -> dict[str, Value]:
        """Return the value of every descriptor, ``None`` where it is unmeasured."""
        chosen = default_descriptors() if descriptors is None else descriptors
        return {
            d.name: d.value(strategy, self.counts.get(d.name, (0,) * len(d.units))) for d in chosen
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON-able data."""
        return {
            "matches": self.matches,
            "speeches": self.speeches,
            "counts": {name: list(self.counts[name]) for name in sorted(self.counts)},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BehaviourSummary:
        """Read what :meth:`to_dict` returned.

        Raises:
            InputError: A field is missing or of the wrong kind.
        """
        try:
            return cls(
                {str(n): tuple(int(v) for v in c) for n, c in data["counts"].items()},
                int(data["speeches"]),
                int(data["matches"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"behaviour summary {error!r}: it needs matches, speeches and counts (integers)"
            ) from error
