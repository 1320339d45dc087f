"""What a reply is worth: usable text, usable probabilities, or a typed failure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from agents.base import Failure
from agents.models.base import Reply

_LETTER = re.compile(
    r"(?:(?:the\s+)?(?:correct\s+|final\s+)?answer(?:\s+is)?\s*:?\s*)?"
    r"[*(\[\"'‘“]*([A-Z])[*)\]\"'’”]*[.:]?[*]*",
    re.IGNORECASE,
)
_MAX_MESSAGE = 300


def one_line(text: str) -> str:
    """Return ``text`` on one line of at most 300 characters."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_MESSAGE else line[: _MAX_MESSAGE - 1] + "…"


def reply_failure(reply: Reply) -> Failure | None:
    """Tell why a reply cannot be used, or ``None`` when it can.

    A reply that was cut off but holds text (or the probabilities that were asked for) is usable;
    one that was cut off before its first word is not.
    """
    if reply.finish_reason == "stop":
        return None
    if reply.finish_reason == "error":
        return Failure("engine_error", one_line(reply.error) or "the engine gave no reason")
    if reply.finish_reason == "refused":
        said = f": {reply.text}" if reply.text.strip() else ""
        return Failure("refused", one_line(f"the model refused{said}"))
    if reply.text.strip() or reply.probabilities is not None:
        return None
    return Failure("truncated", "the reply reached its token limit before its first word")


def read_probabilities(given: Sequence[float], n: int) -> tuple[float, ...] | Failure:
    """Check the probabilities of ``n`` choices that an engine gave.

    Returns:
        ``n`` probabilities that sum to 1; a failure when it gave no distribution (an engine's
        output is checked, never repaired by guessing).
    """
    total = sum(given)
    # A finite sum has no infinite or undefined term.
    if len(given) != n or not math.isfinite(total) or min(given) < 0 or total <= 0:
        return Failure("engine_error", one_line(f"no distribution over {n} choices: {given}"))
    return tuple(given) if total == 1.0 else tuple([p / total for p in given])


def read_letter(text: str, n: int) -> int | None:
    """Read a verdict given as a letter.

    Strict on purpose: the whole reply, or else its last line, must be the letter alone, with at
    most "the correct answer is" before it and brackets, quotes or a full stop around it. A letter
    found somewhere in a sentence proves nothing ("A is wrong").

    Returns:
        The index of the letter, or ``None`` when the reply names none of the first ``n``.
    """
    body = text.strip()
    for candidate in (body, body.rsplit("\n", 1)[-1].strip()):
        match = _LETTER.fullmatch(candidate)
        if match:
            index = ord(match.group(1).upper()) - ord("A")
            return index if index < n else None
    return None
