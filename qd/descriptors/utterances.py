"""Speeches as those who measure behaviour see them: each with what its speaker had read before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from debate_env.core.protocols import SPEECH, get_protocol
from debate_env.core.transcript import Speech
from debateqd.qd.descriptors.words import SpeechCounts, read_speech


class Utterance(NamedTuple):
    """One speech of a strategy with what had been said before it; all texts as everybody sees them.

    Attributes:
        heard: The other side's speeches that its speaker had read, oldest first.
        own: The same speaker's earlier speeches, oldest first.
    """

    text: str
    heard: tuple[str, ...] = ()
    own: tuple[str, ...] = ()


def utterances(
    speeches: Sequence[Speech], seat: str, order: str = "simultaneous"
) -> tuple[Utterance, ...]:
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
    found: list[Utterance] = []
    start = index = 0
    while start < len(said):
        wave = protocol.wave(index, said[:start], rounds)
        if wave is None or wave.phase != SPEECH:
            break
        published = said[start : start + len(wave.seats)]
        earlier = protocol.visible(seat, said[:start])
        found += [
            Utterance(
                speech.text,
                heard=tuple(s.text for s in earlier if s.seat != seat),
                own=tuple(s.text for s in earlier if s.seat == seat),
            )
            for speech in published
            if speech.seat == seat
        ]
        start, index = start + len(published), index + 1
    return tuple(found)


def utterances_of(
    speeches: Sequence[Speech], seats: Iterable[str], order: str = "simultaneous"
) -> list[Utterance]:
    """Cut out the speeches of a strategy that had these seats, seat by seat."""
    return [found for seat in seats for found in utterances(speeches, seat, order)]


@dataclass(frozen=True, slots=True)
class SpeechFacts:
    """A speech, read: what descriptors count in.

    Attributes:
        speech: Counts and own sentences of the speech.
        heard: The same for every speech heard before it.
        own: The same for the speaker's earlier speeches.
    """

    utterance: Utterance
    speech: SpeechCounts
    heard: tuple[SpeechCounts, ...]
    own: tuple[SpeechCounts, ...]

    @classmethod
    def of(cls, utterance: Utterance) -> SpeechFacts:
        """Count in all texts of an utterance."""
        return cls(
            utterance,
            read_speech(utterance.text),
            tuple(map(read_speech, utterance.heard)),
            tuple(map(read_speech, utterance.own)),
        )
