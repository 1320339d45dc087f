"""What the cells of a match table say: who won, who was first, how much; by one rule a table.

A :class:`Rule` reads a cell as the share of a game that the first of two players won. Where several
rules could read a column of words, :func:`choose_rule` takes the one that reads most of its cells,
for all of them: what it cannot read is bad, however plain it may be to another rule.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from debate_env.errors import brief
from debateqd.qd.tables.layouts import OWN_LOG, ResultForm, TableLayout, plain

_MISSING = frozenset(("", "n/a", "#n/a", "na", "nan", "<na>", "null", "*"))
"""What says, in lower case, that there is no value; ``*`` is a chess game without a result."""

_TIES = frozenset(
    (
        *("tie", "tied", "draw", "drawn", "even", "equal", "same", "both", "neither", "both_good"),
        *("both_bad", "bothbad", "tie_bothbad", "tie_both_bad", "tie_inconsistent"),
    )
)
_CHESS = {"1-0": 1.0, "0-1": 0.0, "1/2-1/2": 0.5, "½-½": 0.5, "0.5-0.5": 0.5}
_GRADES = {"a>>b": 1.0, "a>b": 1.0, "a=b": 0.5, "b=a": 0.5, "b>a": 0.0, "b>>a": 0.0}
_DASHES = {0x2013: "-", 0x2212: "-"}
_YES = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
_SCORE = re.compile(r"(\d+(?:\.\d+)?)[-:](\d+(?:\.\d+)?)")
_MONTH = (
    "(?:jan|feb|fév|mar|mär|mrz|apr|avr|abr|may|mai|jun|juin|jul|juil|aug|aoû|ago|sep|set|oct|okt|"
    r"out|nov|dec|dez|déc|dic)[a-zû]*\.?"
)
_DATE = re.compile(
    rf"\d{{1,4}}[-. /]+{_MONTH}(?:[-. /]+\d+)?|{_MONTH}[-. /]+\d{{1,4}}|"
    r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?:[ t][\d:.]+)?|\d{1,2}:\d\d:\d\d"
)

Reader = Callable[[Any, str, str], float | None]
"""Reads a cell of a game between two players by name."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a column is read.

    Attributes:
        says: The rule in words, with braces for the column's name.
        read: Reads a cell (two of them: a tuple) of a game between two players as what the first
            one won, from 0 to 1; ``None`` where it cannot.
    """

    says: str
    read: Reader


def name_of(value: Any) -> str:
    """Return a cell as a name: whole numbers without a fraction, nothing for what is missing."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else str(value).strip()
    return "" if text.lower() in _MISSING else text


def is_date(value: Any) -> bool:
    """Whether a cell looks like what a spreadsheet makes of a score: ``Jan-00``, ``02.03.2001``."""
    return bool(_DATE.fullmatch(str(value).strip().lower()))


def number(value: Any) -> float | None:
    """Read a finite number; true is 1 and false is 0; ``None`` where a cell holds none."""
    text = str(value).strip().lower()
    if text in _YES:
        return _YES[text]
    try:
        found = float(text.replace("_", "?"))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _name(cell: Any, first: str, second: str) -> float | None:
    text = name_of(cell)
    if text not in (first, second):
        text, first, second = text.casefold(), first.casefold(), second.casefold()
    return float(text == first) if text in (first, second) and first != second else None


def _word(known: Mapping[str, float], normal: Callable[[Any], str]) -> Reader:
    return lambda cell, first, second: known.get(normal(cell))


def _compact(cell: Any) -> str:
    return re.sub(r"[\s\[\]]", "", str(cell)).lower().translate(_DASHES)


def _ahead(cell: Any, first: str, second: str) -> float | None:
    """Compare two numbers, or those in a score."""
    if not isinstance(cell, tuple):
        score = _SCORE.fullmatch(_compact(cell).replace("1/2", "0.5").replace("½", "0.5"))
        cell = score.groups() if score else ("", "")
    own, other = map(number, cell)
    return None if own is None or other is None else (1 + (own > other) - (own < other)) / 2


def _share(cell: Any, first: str, second: str) -> float | None:
    """Read a number from 0 to 1, or the first one's share of two."""
    parts = [number(x) for x in (cell if isinstance(cell, tuple) else (cell,))]
    known = [x for x in parts if x is not None and 0 <= x <= 1]
    if len(known) < len(parts):
        return None
    total = sum(known) if len(known) > 1 else 1.0
    return known[0] / total if total else None


def _alpaca(cell: Any, first: str, second: str) -> float | None:
    """Read 1 and 2, 1.5 (in older files 0) for a draw; weighted preferences lie between them."""
    found = number(cell)
    if found == 0:
        return 0.5
    return 2 - found if found is not None and 1 <= found <= 2 else None


def _or_tie(reader: Reader) -> Reader:
    def read(cell: Any, first: str, second: str) -> float | None:
        found = reader(cell, first, second)
        return 0.5 if found is None and plain(cell) in _TIES else found

    return read


_RULES: dict[ResultForm, Rule] = {
    "words": Rule("{} holds both scores; whoever has more has won", _or_tie(_ahead)),
    "chess": Rule("{} is 1-0, 0-1 or 1/2-1/2", _or_tie(_word(_CHESS, _compact))),
    "alpaca": Rule("{} is 1 for the first player, 2 for the second", _alpaca),
    "share": Rule("{} is what the first player won, from 0 to 1", _share),
    "shares": Rule("{} are what each player won, from 0 to 1, divided by their sum", _share),
    "scores": Rule("{} are scores; whoever has more has won", _ahead),
    "loser": Rule("{} names the winner", lambda cell, first, second: 1.0),
    "right": Rule("{} says whether the judge was right", _share),
}
_GRADED = Rule(
    "{} is A>B where the first player is better; A>>B counts alike",
    _or_tie(_word(_GRADES, _compact)),
)


def result_rules(layout: TableLayout) -> tuple[Rule, ...]:
    """Return the rules that could read the results of a layout."""
    rule = _RULES[layout.form]
    named = layout.form in ("words", "chess")
    return (*_player_rules(layout), _GRADED, rule) if named else (rule,)


def seat_rules(layout: TableLayout) -> tuple[Rule, ...]:
    """Return the rules that could read which of the two players is meant; 0.5 is neither."""
    if layout.name == OWN_LOG:  # the index of an answer, of which only two are defended
        answers = {"0": 1.0, "1": 0.0} | {str(n): 0.5 for n in range(2, 100)}
        return (Rule("{} is an answer's index", _word(answers, name_of)),)
    yes = Rule("{} says whether it is the first player", _word(_YES, plain))
    return (*_player_rules(layout), yes)


def _player_rules(layout: TableLayout) -> tuple[Rule, Rule]:
    first, second = layout.columns.first, layout.columns.second
    known = dict.fromkeys((plain(second), layout.seats[1], "b", "second", "right"), 0.0)
    known |= dict.fromkeys((plain(first), layout.seats[0], "a", "first", "left"), 1.0)
    known.pop("", None)
    return (
        Rule("{} holds a player's name, in upper or lower case", _or_tie(_name)),
        Rule(f"{{}} says whether it is {first} or {second}", _or_tie(_word(known, plain))),
    )


def choose_rule(rules: Sequence[Rule], cells: Mapping[tuple[Any, str, str], int]) -> Rule:
    """Return the one rule that reads most cells of a column.

    Args:
        rules: Candidates.
        cells: Cells with the two players' names, and how often each occurs.

    Raises:
        ValueError: Two rules read as many, but not alike; carries a cell.
    """
    read = [{key: rule.read(*key) for key in cells} for rule in rules]
    counts = [sum(n for key, n in cells.items() if found[key] is not None) for found in read]
    best = [k for k, count in enumerate(counts) if count == max(counts)]
    for key in cells if max(counts) else ():
        if len({read[k][key] for k in best} - {None}) > 1:
            raise ValueError(brief(key[0]))
    return rules[best[0]]
