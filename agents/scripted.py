"""Agents without a model: opponents and judges that cost nothing and never fail.

All of them are functions of the observation (and a seed), so that they play the same debate in any
batch and any order.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from debate_env.agent import Agent, Observation
from debate_env.core.protocols import SPEECH, VERDICT
from debate_env.core.quotes import read_quotes
from debate_env.core.transcript import parse_transcript
from debate_env.errors import InputError
from debateqd.agents.base import ONLY_VERDICTS, derive_seed

_SENTENCE = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+|\n+")
_WORD = re.compile(r"[^\W_]+")
_COMMON_WORDS = """
a about after all also an and any are as at be because been before but by can could did do does for
from had has have he her his how i if in into is it its like more most no not of on one only or
other our out over said she so some than that the their them then there these they this to up was
we were what when where which who why will with would you your
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_MAX_QUOTED = 40


def content_words(text: str) -> frozenset[str]:
    """Return the lower-case words of a text that carry meaning."""
    return frozenset(_WORD.findall(text.lower())) - _COMMON


@lru_cache(maxsize=128)
def _sentences(passage: str) -> tuple[tuple[str, frozenset[str]], ...]:
    parts = [part.strip() for part in _SENTENCE.split(passage)]
    return tuple((part, content_words(part)) for part in parts if len(part.split()) > 2)


class RandomAgent:
    """Says words of the passage at random; judges at random; by seed and observation alone."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def reset(self, seed: int) -> None:
        """Use another seed from now on."""
        self._seed = seed

    def act(self, observations: Sequence[Observation]) -> list[Any]:
        """Return a speech for a debater, credences for a judge."""
        return [self._one(observation) for observation in observations]

    def _one(self, observation: Observation) -> Any:
        seen = (observation[k] for k in ("question", "position", "transcript", "round"))
        draw = random.Random(derive_seed(self._seed, "random agent", *seen))
        if observation["phase"] == VERDICT:
            weights = [draw.expovariate(1.0) for _ in observation["answers"]]
            return [weight / sum(weights) for weight in weights]
        words = observation["passage"].split() or ["nothing"]
        return " ".join(draw.choices(words, k=draw.randint(10, 40)))


class QuotingDebater:
    """Quotes the sentence of the passage that shares most words with its answer.

    Ties are decided by the words of the question; every round has the next best sentence.
    """

    def act(self, observations: Sequence[Observation]) -> list[str]:
        """Return one speech per observation."""
        return [self._one(observation) for observation in observations]

    def _one(self, observation: Observation) -> str:
        position = observation["position"]
        own = content_words(position)
        asked = content_words(observation["question"])
        ranked = sorted(
            _sentences(observation["passage"]),
            key=lambda item: (-len(item[1] & own), -len(item[1] & asked)),
        )
        if not ranked:
            return f"The answer is: {position}"
        sentence = ranked[(observation["round"] - 1) % len(ranked)][0]
        quoted = " ".join(sentence.split()[:_MAX_QUOTED])
        return f"The answer is: {position} The passage says: <quote>{quoted}</quote>"


class KeywordJudge:
    """Believes the answer whose own words occur most in the verified quotes of its debater.

    Each answer weighs one, plus, for every verified quote of its debater, one for each word of the
    quote that belongs to this answer alone. Debater k defends answer k; others, and judges, defend
    none. It never abstains.
    """

    def act(self, observations: Sequence[Observation]) -> list[list[float]]:
        """Return one list of credences per observation."""
        return [self._one(observation) for observation in observations]

    def _one(self, observation: Observation) -> list[float]:
        if observation.get("phase") == SPEECH:
            raise InputError(ONLY_VERDICTS)
        words = [content_words(answer) for answer in observation["answers"]]
        weights = [1.0] * len(words)
        for speech in parse_transcript(observation["transcript"]):
            role, _, number = speech.seat.rpartition("_")
            if role == "judge" or not number.isdecimal() or (side := int(number)) >= len(words):
                continue
            others = frozenset().union(*(w for i, w in enumerate(words) if i != side))
            for quote, verified in read_quotes(speech.text):
                if verified:
                    weights[side] += len(content_words(quote) & (words[side] - others))
        total = sum(weights)
        return [weight / total for weight in weights]


SCRIPTED_DEBATERS: Mapping[str, Callable[[int], Agent]] = {
    "quoting": lambda seed: QuotingDebater(),
    "random": RandomAgent,
}
"""Debaters without a model by name, made from a seed."""

SCRIPTED_JUDGES: Mapping[str, Callable[[int], Agent]] = {
    "keyword": lambda seed: KeywordJudge(),
    "random": RandomAgent,
}
"""Judges without a model by name, made from a seed."""
