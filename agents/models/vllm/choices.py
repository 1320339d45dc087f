"""What a language model thinks of each of a few choices, from the log-probabilities of tokens.

A choice may be written with different tokens (``A`` and ``" A"``), each of one or of several; the
tokens of all choices form a tree. The model is asked for the next token once at every fork of that
tree: for the letters of answers that is once in all. Pure functions.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

_MOST = 1e-3  # a log-probability of 1, and what rounding may add to it

Path = tuple[int, ...]
"""Tokens in the order in which a model writes them."""


class ChoiceTree(NamedTuple):
    """The tokens of some choices.

    Attributes:
        paths: The ways to write each choice; no way belongs to two of them.
        forks: What has been written so far to the tokens that may come next, the root first.
    """

    paths: tuple[tuple[Path, ...], ...]
    forks: Mapping[Path, tuple[int, ...]]

    @property
    def depth(self) -> int:
        """Tokens of the longest way."""
        return max(len(path) for ways in self.paths for path in ways)


class ChoiceProbabilities(NamedTuple):
    """What a model thinks of the choices.

    Attributes:
        probabilities: One per choice; they sum to 1.
        missing_mass: Probability that the model would have written something else.
    """

    probabilities: tuple[float, ...]
    missing_mass: float


def choice_tree(
    choices: Sequence[str],
    encode: Callable[[str], Sequence[int]],
    token: Callable[[str], int | None],
) -> ChoiceTree:
    """Find the ways to write some choices: as they are, and after a space.

    Args:
        choices: The choices.
        encode: Text to tokens.
        token: The single token that is exactly this text, if there is one (some tokenizers put a
            space before whatever they encode).

    Raises:
        ValueError: A choice is written like another one, or with no token at all.
    """
    taken: set[Path] = set()
    paths = []
    for choice in choices:
        plain, spaced, alone = tuple(encode(choice)), tuple(encode(" " + choice)), token(choice)
        ways = [plain, spaced] if alone is None else [plain, (alone,), spaced]
        # A way that takes more tokens would cost further questions, for next to no probability.
        own = tuple(
            way for way in dict.fromkeys(ways) if 0 < len(way) <= len(plain) and way not in taken
        )
        if not own:
            raise ValueError(f"choice {choice!r} cannot be told from the others")
        taken.update(own)
        paths.append(own)
    return ChoiceTree(tuple(paths), _forks(path for ways in paths for path in ways))


def _forks(paths: Iterable[Path]) -> dict[Path, tuple[int, ...]]:
    found: dict[Path, dict[int, None]] = {(): {}}
    for path in paths:
        for place, token in enumerate(path):
            found.setdefault(path[:place], {})[token] = None
    return {prefix: tuple(tokens) for prefix, tokens in found.items()}


def weigh(
    tree: ChoiceTree, log_probabilities: Mapping[Path, Mapping[int, float]]
) -> ChoiceProbabilities:
    """Turn the log-probabilities at every fork into the probability of each choice.

    A choice whose tokens begin another one ("A" beside "AB") gets what is left of its probability
    after the other one took its part.

    Args:
        tree: The choices.
        log_probabilities: For every fork, the natural logarithm of the probability of each token
            that may come next, over the whole vocabulary.

    Raises:
        ValueError: A log-probability is missing or none, or no choice has any probability.
    """
    for prefix, tokens in tree.forks.items():
        if not all(log_probabilities[prefix].get(token, math.nan) <= _MOST for token in tokens):
            raise ValueError("the engine gave no probabilities of the choices")
    reach: dict[Path, float] = {(): 0.0}
    for prefix, tokens in tree.forks.items():  # a fork comes after the one that leads to it
        for token in tokens:
            reach[(*prefix, token)] = reach[prefix] + log_probabilities[prefix][token]
    logs = [[_rest(path, tree, reach) for path in ways] for ways in tree.paths]
    top = max(value for values in logs for value in values)
    if not top > -math.inf:
        raise ValueError("the model gives none of the choices any probability")
    masses = [math.fsum(math.exp(value - top) for value in values) for values in logs]
    total = math.fsum(masses)
    return ChoiceProbabilities(
        tuple(mass / total for mass in masses), min(1.0, max(0.0, 1.0 - total * math.exp(top)))
    )


def _rest(path: Path, tree: ChoiceTree, reach: Mapping[Path, float]) -> float:
    """Log-probability of writing ``path`` and none of the choices that go on from there."""
    whole = reach[path]
    left = 1.0
    for token in tree.forks.get(path, ()):
        left -= math.exp(reach[(*path, token)] - whole) if whole > -math.inf else 0.0
    return whole + math.log(left) if left > 0.0 else -math.inf


def draw(probabilities: Sequence[float], temperature: float, seed: int) -> int:
    """Draw the index of a choice by its probability to the power of 1 / temperature.

    At temperature 0 the most probable one, the first of several.
    """
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    if temperature <= 0.0:
        return best
    top = probabilities[best]
    weights = [(p / top) ** (1.0 / temperature) for p in probabilities]
    point = random.Random(seed).random() * math.fsum(weights)
    for index, weight in enumerate(weights):
        point -= weight
        if point < 0.0:
            return index
    return best
