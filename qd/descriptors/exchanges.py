"""Speeches as those who measure behaviour see them: each with what its speaker had read before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from debate_env.core.protocols import SPEECH, get_protocol
from debate_env.core.transcript import Speech
from debateqd.qd.descriptors.words import Reading, read_speech


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
