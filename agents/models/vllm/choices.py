"""What a language model thinks of each of a few choices, from log-probabilities of its next token.

A choice is a letter, or another text of a single token; it may be written in several ways (``A``
and ``" A"``), each of them one token. Pure functions.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence

_MOST = 1e-3  # a log-probability of 1, and what rounding may add to it

ChoiceTokens = tuple[tuple[int, ...], ...]
"""For every choice the tokens that write it; no token belongs to two of them."""


def choice_tokens(
    choices: Sequence[str],
    encode: Callable[[str], Sequence[int]],
    token: Callable[[str], int | None],
) -> ChoiceTokens:
    """Find the tokens that write some choices: as they are, and after a space.

    ``token`` finds the single token that is exactly a text, if there is one: some tokenizers put a
    space before whatever they encode.

    Raises:
        ValueError: A choice is written like another one, or by no single token.
    """
    taken: set[int] = set()
    found = []
    for choice in choices:
        alone = token(choice)
        ways = (encode(choice), [] if alone is None else [alone], encode(" " + choice))
        own = dict.fromkeys(ids[0] for ids in ways if len(ids) == 1 and ids[0] not in taken)
        if not own:
            raise ValueError(f"choice {choice!r} has no token that tells it from the others")
        taken.update(own)
        found.append(tuple(own))
    return tuple(found)


def weigh(
    tokens: ChoiceTokens, log_probabilities: Mapping[int, float]
) -> tuple[tuple[float, ...], float]:
    """Turn the log-probabilities of tokens into the probability of each choice.

    They are natural logarithms of probabilities over the whole vocabulary.

    Returns:
        Probabilities, one per choice, that sum to 1; and the probability that the model would have
        written something else.

    Raises:
        ValueError: A log-probability is missing or none, or no choice has any probability.
    """
    logs = [[log_probabilities.get(token, math.nan) for token in own] for own in tokens]
    if not all(value <= _MOST for values in logs for value in values):
        raise ValueError("the engine gave no probabilities of the choices")
    top = max(value for values in logs for value in values)
    if not top > -math.inf:
        raise ValueError("the model gives none of the choices any probability")
    masses = [math.fsum(math.exp(value - top) for value in values) for values in logs]
    total = math.fsum(masses)
    missing = min(1.0, max(0.0, 1.0 - total * math.exp(top)))
    return tuple(mass / total for mass in masses), missing


def draw(probabilities: Sequence[float], temperature: float, seed: int) -> int:
    """Draw the index of a choice by its probability to the power of 1 / temperature.

    At temperature 0 the most probable one, the first of several.
    """
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    if temperature <= 0.0:
        return best
    top = probabilities[best]
    weights = [(p / top) ** (1.0 / temperature) for p in probabilities]
    return random.Random(seed).choices(range(len(weights)), weights)[0]
