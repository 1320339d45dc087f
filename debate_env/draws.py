"""Random numbers from a hash: reproducible everywhere, cheap to start."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")
_WORDS = struct.Struct("<16I")
_SCALE = 1.0 / 2.0**32


def digest(*parts: str) -> bytes:
    """Return 16 bytes that depend on every part and on where one part ends."""
    text = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16).digest()


def gauss(key: bytes) -> float:
    """Return one standard normal number that belongs to ``key`` (Box and Muller 1958)."""
    a, b = struct.unpack("<2Q", blake2b(key, digest_size=16).digest())
    return math.sqrt(-2.0 * math.log((a + 1) / (2.0**64 + 1))) * math.cos(2.0 * math.pi * b / 2**64)


class Draws:
    """A stream of random numbers that a key determines.

    It replaces a generator because one is needed for every reply: it starts in a microsecond, and
    its stream depends on no library's version.
    """

    __slots__ = ("_block", "_key", "_pool", "_used")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._block = 0
        self._pool: tuple[int, ...] = ()
        self._used = 0

    def uniform(self) -> float:
        """Return the next number, in ``[0, 1)``."""
        if self._used == len(self._pool):
            block = blake2b(self._key + self._block.to_bytes(4, "little"), digest_size=64)
            self._pool = _WORDS.unpack(block.digest())
            self._block += 1
            self._used = 0
        value = self._pool[self._used]
        self._used += 1
        return value * _SCALE

    def below(self, n: int) -> int:
        """Return the next integer in ``[0, n)``."""
        return int(self.uniform() * n)

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[int(self.uniform() * len(items))]

    def sample(self, items: Sequence[T], k: int) -> list[T]:
        """Return ``k`` items without replacement, or all of them when there are fewer."""
        rest = list(items)
        for i in range(min(k, len(rest))):
            j = i + int(self.uniform() * (len(rest) - i))
            rest[i], rest[j] = rest[j], rest[i]
        return rest[:k]

    def shuffle(self, items: Sequence[T]) -> list[T]:
        """Return the items in random order."""
        return self.sample(items, len(items))

    def round(self, x: float) -> int:
        """Round ``x >= 0`` to a neighbouring integer whose mean is ``x``."""
        whole = int(x)
        return whole + (self.uniform() < x - whole)

    def weighted(self, weights: Sequence[float]) -> int:
        """Return an index with probability proportional to its weight."""
        mark = self.uniform() * sum(weights)
        for index, weight in enumerate(weights):
            mark -= weight
            if mark < 0:
                return index
        return len(weights) - 1
