"""A Gymnasium space for real text.

``gymnasium.spaces.Text`` enumerates its character set: it holds 62 alphanumerics by default, and
with all of Unicode it takes seconds to build. Speeches and passages need neither.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Space

_PRINTABLE = "".join(map(chr, range(32, 127)))
_SAMPLE_LENGTH = 32


class UnicodeText(Space[str]):
    """Any string of at most so many characters (code points)."""

    def __init__(self, max_length: int, *, seed: int | np.random.Generator | None = None) -> None:
        self.max_length = max_length
        super().__init__(dtype=str, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        """Always false: text has no fixed-size array form."""
        return False

    def contains(self, x: Any) -> bool:
        """Tell in constant time whether ``x`` is a plain ``str`` of an allowed length."""
        return type(x) is str and len(x) <= self.max_length

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> str:
        """Draw a short string of printable ASCII characters; the arguments are ignored."""
        length = int(self.np_random.integers(min(self.max_length, _SAMPLE_LENGTH) + 1))
        picks = self.np_random.integers(0, len(_PRINTABLE), size=length)
        return "".join([_PRINTABLE[i] for i in picks])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnicodeText) and self.max_length == other.max_length

    def __repr__(self) -> str:
        return f"UnicodeText({self.max_length})"
