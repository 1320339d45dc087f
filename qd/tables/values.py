"""What the cells of a match table say: who won, who was first, how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from debateqd.qd.tables.columns import PAIRS, plain

_FIRST = frozenset(one for one, _ in PAIRS if one != "0")
_SECOND = frozenset(other for one, other in PAIRS if one != "0")
_TIES = ("tie", "draw", "both", "neither", "equal", "same", "even")
_SCORES = {"1-0": 1.0, "0-1": -1.0, "1/2-1/2": 0.0, "½-½": 0.0, "0.5-0.5": 0.0}
_TRUE = frozenset(("true", "yes", "t", "y"))
_FALSE = frozenset(("false", "no", "f", "n"))
_LONGEST = 40


def shown(value: Any) -> str:
    """Return a cell for a message: quoted, and not too long."""
    text = str(value)
    return repr(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def name_of(value: Any) -> str:
    """Return a cell as a name: whole numbers without a fraction, nothing for what is missing."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def truth_value(value: Any) -> bool | None:
    """Read yes or no; ``None`` where a cell says neither."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def number(value: Any) -> float | None:
    """Read a finite number; yes is 1 and no is 0; ``None`` where a cell holds none."""
    known = truth_value(value)
    if known is not None:
        return float(known)
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


class SeatReader:
    """Reads which of two players a cell means.

    Args:
        column: The cells' column.
        players: The columns of the players.
        sample: Cells of the column, by which numbering from 0 or from 1 is told.
        yes_is_first: Whether yes and no, 1 and 0, may mean the first and the second player.

    Raises:
        ValueError: The numbers in the column can be read in two ways.
    """

    def __init__(
        self,
        column: str,
        players: tuple[str, str],
        sample: Sequence[Any],
        *,
        yes_is_first: bool = False,
    ) -> None:
        self._known: dict[str, float | None] = {}
        self._own = (plain(players[0]), plain(players[1]))
        numbers = {str(v).strip().removesuffix(".0") for v in sample if not isinstance(v, bool)}
        bare = bool(numbers) and numbers <= {"0", "1", "0.5"}
        self._yes = yes_is_first and plain(column) != "label"
        # A label is the index of the correct answer, and seats are numbered like it.
        last = {plain(str(v)).rpartition("_")[2] for v in sample}
        self._from_zero = plain(column) == "label" or (not bare and "0" in last)
        if bare and not (self._yes or self._from_zero):
            raise ValueError(
                f"column '{column}' holds 0 and 1, which may mean either player; if 1 says that "
                f"the first one won, name it with --outcome {column}"
            )

    def read(self, value: Any, first: str, second: str) -> float | None:
        """Return 1 for the first player, -1 for the second, 0 for neither; ``None``: unreadable."""
        text = str(value).strip()
        if text in (first, second) and first != second:
            return 1.0 if text == first else -1.0
        if text not in self._known:
            self._known[text] = self._word(text)
        return self._known[text]

    def _word(self, text: str) -> float | None:
        """Read a word that means the same in every row."""
        if text in _SCORES:
            return _SCORES[text]
        if self._yes and (known := number(text)) is not None and known in (0, 1):
            return 1.0 if known else -1.0
        word = plain(text)
        if word in self._own:
            return 1.0 if word == self._own[0] else -1.0
        if word.startswith(_TIES) or word == "0.5":
            return 0.0
        mark = word.removesuffix(".0").rpartition("_")[2]
        if self._from_zero and mark.isdigit():
            return {"0": 1.0, "1": -1.0}.get(mark, 0.0)
        if mark in _FIRST:
            return 1.0
        return -1.0 if mark in _SECOND else None
