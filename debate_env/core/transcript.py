r"""What has been said, and a text encoding of it that no speech can forge.

A transcript as text is a sequence of blocks, one per speech::

    [round 1] debater_0:
      first line of the speech
      second line of the speech

Header lines start in column 0 and every line of a speech is indented by two spaces. Lines end at
``"\n"`` and nowhere else, so whatever a speech contains, it stays inside its own block, and
``parse_transcript(render_transcript(t)) == t`` for any text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from debate_env.errors import InputError

_INDENT = "  "
_HEADER = re.compile(r"\[round (\d+)\] ([^\W\d]\w*):")


class Speech(NamedTuple):
    """One speech as everybody sees it: cleaned, cut to the word limit, quotes marked.

    Attributes:
        round: The round in which it was given, from 1.
        seat: Who spoke, e.g. ``"debater_0"``.
    """

    round: int
    seat: str
    text: str


def _render_speech(speech: Speech) -> str:
    number, seat, text = speech
    if number < 0 or not seat.isidentifier():
        raise InputError(
            f"speech of {seat!r} in round {number}: a seat is an identifier such as 'debater_0', "
            "a round is a number from 0"
        )
    return f"[round {number}] {seat}:\n{_INDENT}" + text.replace("\n", "\n" + _INDENT) + "\n"


def render_transcript(speeches: Iterable[Speech]) -> str:
    """Encode speeches as text; no speeches give the empty string."""
    return "".join(map(_render_speech, speeches))


@lru_cache(maxsize=256)  # read several times in a row: by all debaters, in both answer orders
def parse_transcript(text: str) -> tuple[Speech, ...]:
    """Decode a transcript, the inverse of :func:`render_transcript`.

    Raises:
        InputError: The text was not made by :func:`render_transcript`; names the line.
    """
    if not text:
        return ()
    lines = text.split("\n")
    if lines.pop():
        raise InputError("transcript: the last line is not complete; every line ends with '\\n'")
    speeches: list[Speech] = []
    number, seat = 0, ""
    body: list[str] | None = None
    for index, line in enumerate(lines, 1):
        if line.startswith(_INDENT):
            if body is None:
                raise InputError(f"transcript, line {index}: a speech before the first header")
            body.append(line[2:])
            continue
        header = _HEADER.fullmatch(line)
        if header is None or body == []:
            raise InputError(
                f"transcript, line {index}: expected "
                + ("an indented line of a speech" if body == [] else "'[round N] seat:'")
            )
        if body is not None:
            speeches.append(Speech(number, seat, "\n".join(body)))
        number, seat, body = int(header[1]), header[2], []
    if not body:
        raise InputError(f"transcript, line {len(lines)}: a header without a speech")
    speeches.append(Speech(number, seat, "\n".join(body)))
    return tuple(speeches)
