"""What a reply is worth: usable text, usable probabilities, or a typed failure.

Replies are untrusted, and so are the speeches that a judge has read before it replied. What is read
as a verdict is therefore the whole of a reply or a line of its own, in one of few forms; anything
else is no verdict, and never a guess at one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from debateqd.agents.base import Failure
from debateqd.agents.models.base import Reply
from debateqd.agents.prompts import LETTERS

ERROR_KINDS = frozenset(
    {"bad_reply", "connection", "context_too_long", "engine_error", "rate_limited", "timeout"}
)
"""Kinds of failure that a model reports."""

BACKEND_KINDS = ERROR_KINDS - {"bad_reply"}
"""Of them, those that say something of an engine and nothing of what a model answered."""

# What may come before a letter: words for "answer" and what is said of the right one. They are
# listed, for with a label that nobody knows the letter may be the wrong one ("Falsch: A").
_ANSWER = (
    "answer|verdict|choice|decision|antwort|lösung|antwoord|svar|vastaus|réponse|respuesta|"
    "risposta|resposta|răspuns|odpowiedź|odpověď|odpoveď|odgovor|válasz|cevap|yanıt|jawaban|"
    "jawapan|jibu|(?:câu )?trả lời|đáp án|ответ|відповідь|отговор|одговор|απάντηση|(?:ה)?תשובה|"
    "(?:ال)?جواب|(?:ال)?[إا]جابة|پاسخ|उत्तर|উত্তর|பதில்|คำตอบ|答案|回答|解答|正解|答え|答|정답|답변|답"
)
_RIGHT = (
    "the|my|correct|final|best|right|die|meine|richtige|korrekte|endgültige|la|ma|bonne|correcte|"
    "finale|mi|correcta|corretta|minha|certa|juiste|rätt|правильный|верный|окончательный|мой|"
    "الصحيح|الصحيحة|النهائي|النهائية|सही|अंतिम|我的|正确|正確|最终|最終|正しい|최종"
)
_IS = "is|ist|est|es|é|è|är|هو|هي|है|是|为|為|は|은|는"
_MARKS = (
    r"(?:[\s*_`#\"'“”‘’„«»「」『』【】〔〕〈〉《》()\[\]{}$]"
    r"|\\(?:boxed|text(?:bf)?|math(?:bf|rm))(?=\{)|\\(?=[()\[\]]))*+"
)
# A letter is ASCII, for otherwise a long s or a kelvin sign would be read as one.
_LETTER = re.compile(
    rf"{_MARKS}((?i:(?:(?:{_RIGHT})\s*){{0,3}}(?:{_ANSWER})(?:\s*(?:{_RIGHT}))?(?:\s*(?:{_IS}))?)"
    rf"{_MARKS}:?{_MARKS})?([A-Za-z]){_MARKS}[.:。]?{_MARKS}"
)
_WIDE = {0x3000: 0x20} | {0xFF01 + place: 0x21 + place for place in range(94)}  # to ASCII
_LONGEST_LETTER = 80  # characters; nothing longer is looked at, whatever it holds
_FINISHED = re.compile(r"(?:[.!?:;>*)\]\"'’”`。！？：；」』】）।؟۔-]|\n)[ \t\r]*$")
_LONGEST_CREDENCE = 4000
_OFF_BY = 0.01 + 1e-9  # of the whole: rounding, and binary fractions such as 0.67 + 0.34
_MAX_MESSAGE = 300


def one_line(text: str) -> str:
    """Return ``text`` on one line of at most 300 characters."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_MESSAGE else line[: _MAX_MESSAGE - 1] + "…"


def reply_failure(reply: Reply) -> Failure | None:
    """Tell why a reply cannot be used, or ``None`` when it can.

    A reply that was cut off but holds text (or the probabilities that were asked for) is usable;
    one that was cut off before its first word is not. A failed request keeps its kind if that is
    one of :data:`ERROR_KINDS`, and is an ``engine_error`` otherwise.
    """
    if reply.finish_reason == "stop":
        return None
    if reply.finish_reason == "error":
        kind = reply.error_kind if reply.error_kind in ERROR_KINDS else "engine_error"
        return Failure(kind, one_line(reply.error) or "the engine gave no reason")
    if reply.finish_reason == "refused":
        said = f": {reply.text}" if reply.text.strip() else ""
        return Failure("refused", one_line(f"the model refused{said}"))
    if reply.text.strip() or reply.probabilities is not None:
        return None
    thought = reply.usage.thinking_tokens
    if thought > 0:
        return Failure(
            "truncated",
            f"thinking took {thought} tokens and the reply reached its token limit before its "
            "first word; allow more tokens, or less thinking",
        )
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
    """Read a verdict given as a letter; return its index among the first ``n``, or ``None``.

    Strict on purpose: the whole reply, or else its last line, must be the letter alone, with at
    most "the correct answer is" before it, in one of many languages, and brackets, quotes, marks
    of Markdown and LaTeX or a full stop around it. A letter found somewhere in a sentence proves
    nothing ("A is wrong"), nor does one that ends a sentence begun on the line before ("The answer
    is not / A"), nor a reply that gives two ("A / B").
    """
    body = text.strip()
    found = _letter_alone(body)
    if found is None:
        before, _, last = body.rpartition("\n")
        found = _letter_alone(last)
        if found is None or not (found[1] or _FINISHED.search(before[-_LONGEST_LETTER:])):
            return None
        letter = found[2].upper()
        others = (_letter_alone(line) for line in before.split("\n"))
        if any(other is not None and other[2].upper() != letter for other in others):
            return None
    index = LETTERS.index(found[2].upper())
    return index if index < n else None


def _letter_alone(line: str) -> re.Match[str] | None:
    line = line.strip()
    return _LETTER.fullmatch(line.translate(_WIDE)) if len(line) <= _LONGEST_LETTER else None


@lru_cache(maxsize=len(LETTERS))
def credence_schema(n: int) -> str:
    """Return the canonical JSON schema of a verdict with credences for ``n`` answers.

    Of two answers, that in the first is enough. Whole numbers in a range and no further keys: an
    engine that enforces it cannot go on for ever.
    """
    number = {"type": "integer", "minimum": 0, "maximum": 100}
    letters = list(LETTERS[:n] if n > 2 else LETTERS[:1])
    schema = {
        "type": "object",
        "properties": dict.fromkeys(letters, number),
        "required": letters,
        "additionalProperties": False,
    }
    return json.dumps(schema, sort_keys=True, separators=(",", ":"))


def read_credence(text: str, n: int) -> tuple[float, ...] | None:
    """Read a verdict given as JSON with a number for each letter; ``None`` if it is none.

    The whole reply must be one object, at most within a code fence, with exactly the first ``n``
    letters as keys and each of them once. Its values are numbers, not negative, that sum to 100
    within 1 (per cents) or to 1 within 0.01 (shares). No object is both, so that nothing has to be
    guessed; one that is neither is no verdict. Of two answers the per cent of the first is enough,
    as an object or a bare number; a fraction of up to 1 is none, for it may be a share.
    """
    body = text.strip()
    if len(body) > _LONGEST_CREDENCE:
        return None
    if body.startswith("```") and body.endswith("```") and len(body) > len("``````"):
        body = body[3:-3].removeprefix("json").strip()
    bare = body.removesuffix("%").rstrip() if n == 2 and body[:1].isdigit() else body
    try:
        found: Any = json.loads(bare, object_pairs_hook=_each_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    if n == 2:
        first = found.get("A") if type(found) is dict and len(found) == 1 else found
        if type(first) is int or (type(first) is float and first > 1):
            found = {"A": first, "B": 100 - first}
    if type(found) is not dict or sorted(found) != list(LETTERS[:n]):
        return None
    values = [found[letter] for letter in LETTERS[:n]]
    # The types are compared, for ``True`` is an ``int`` as well. The range comes before the sum,
    # which a huge whole number would make overflow.
    if not all(type(v) in (int, float) and 0 <= v <= 101 for v in values):
        return None
    total = math.fsum(values)
    if not any(abs(total - whole) <= _OFF_BY * whole for whole in (100.0, 1.0)):
        return None
    return tuple([abs(v) / total for v in values])  # a negative zero is zero


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")
