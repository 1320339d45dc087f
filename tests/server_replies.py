"""What the stand-in server says: deterministic replies to the prompts of this project.

A reply depends on the messages and, where the temperature is above 0, on the seed; so the same
debates come out whatever the order, the number of servers or the number of attempts.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from debate_env.draws import Draws, digest, gauss
from debateqd.agents.models.base import Message
from debateqd.agents.prompts import LETTERS, listed_answers, section, task_of

Body = Mapping[str, Any]
SEED_MASK = 0x7FFFFFFF  # clients send 31 bits of a seed, which every server accepts

_WORDS = tuple(
    re.findall(
        r"\w+",
        "the passage says that this answer follows from what happened because nobody else could "
        "have known where it was and my opponent leaves out the sentence which matters most here "
        "while claiming more than any line supports so read it again and compare each quote",
    )
)


class Spoken(NamedTuple):
    """What a model said.

    Attributes:
        text: The words, without thinking.
        top: Likeliest first tokens with their probabilities; ``None``: made from the text.
        finish: The finish reason.
        refusal: Text of a refusal, in place of ``text``.
    """

    text: str
    top: tuple[tuple[str, float], ...] | None = None
    finish: str = "stop"
    refusal: str | None = None


Replier = Callable[[Body, Draws], "Spoken | str"]


def request_key(
    messages: Sequence[Mapping[str, str]] | Sequence[Message], seed: object = None
) -> bytes:
    """Name a request: by its messages and, where the seed counts, by its seed."""
    parts = [m["content"] if isinstance(m, Mapping) else m.content for m in messages]
    return digest(*parts, str(seed))


def speak(body: Body, draws: Draws) -> Spoken:
    """Answer any prompt of this project; other prompts get a few random words."""
    messages = body["messages"]
    task = task_of(tuple(Message(m["role"], m["content"]) for m in messages[:2]))
    if task == "debate":
        return Spoken(_speech(messages[0]["content"], draws))
    if task in ("judge", "read"):
        return _verdict(messages[1]["content"])
    if task == "mutate":
        return Spoken(f"<strategy>\nAlways {_words(draws, 12)}.\n</strategy>")
    return Spoken(_words(draws, 16))


def _words(draws: Draws, number: int) -> str:
    return " ".join(draws.pick(_WORDS) for _ in range(number))


@lru_cache(maxsize=1024)
def _passage_words(system: str) -> tuple[str, ...]:
    return tuple((section(system, "passage") or "nothing").split())


def _speech(system: str, draws: Draws) -> str:
    passage = _passage_words(system)
    start = draws.below(max(1, len(passage) - 8))
    quote = " ".join(passage[start : start + 8])
    return f"I hold that {_words(draws, 20)}. <quote>{quote}</quote> So {_words(draws, 12)}."


def _verdict(user: str) -> Spoken:
    n = max(2, len(listed_answers(user)))
    odds = [gauss(digest(user, str(i))) for i in range(n)]
    total = sum(math.exp(o) for o in odds)
    shares = [0.9 * math.exp(o) / total for o in odds]
    top = [(LETTERS[i], 0.8 * p) for i, p in enumerate(shares)]
    top += [(f" {LETTERS[i]}", 0.2 * p) for i, p in enumerate(shares)]
    top += [("The", 0.06), ("a", 0.04)]
    text = LETTERS[max(range(n), key=shares.__getitem__)]
    return Spoken(text, tuple(sorted(top, key=lambda entry: -entry[1])))


def choose(spoken: Spoken, choices: Sequence[str], draws: Draws) -> Spoken:
    """Restrict what is said to one of the choices, as a grammar does: all else gets nothing."""
    weights = dict(spoken.top or ())
    mass = [weights.get(choice, 0.0) for choice in choices]
    if not sum(mass):
        mass = [draws.uniform() + 0.1 for _ in choices]
    total = sum(mass)
    best = max(range(len(mass)), key=mass.__getitem__)
    top = sorted(zip(choices, (m / total for m in mass), strict=True), key=lambda e: -e[1])
    return Spoken(choices[best], tuple(top))


def conform(schema: Mapping[str, Any], draws: Draws) -> str:
    """Write JSON that fits a simple schema."""
    return json.dumps(_value(schema, draws))


def _value(schema: Mapping[str, Any], draws: Draws) -> Any:
    if "enum" in schema:
        return draws.pick(schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        return {name: _value(inner, draws) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [_value(schema["items"], draws) for _ in range(schema.get("minItems", 1))]
    if kind in ("number", "integer"):
        low, high = schema.get("minimum", 0), schema.get("maximum", 1)
        value = low + (high - low) * draws.uniform()
        return round(value) if kind == "integer" else round(value, 3)
    return _words(draws, 3)


def count_tokens(messages: Sequence[Mapping[str, str]] | Sequence[Message]) -> int:
    """Count tokens the way the stand-in server does: four characters each."""
    return sum(
        4 + len(m["content"] if isinstance(m, Mapping) else m.content) // 4 for m in messages
    )
