"""Which column of a match table holds what: known layouts by their exact names, or as told.

Nothing is guessed from what cells look like. Names are compared without case, and words may be
joined by anything: ``Model A``, ``modelA`` and ``model_a`` are one name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal

from debate_env.errors import InputError, nearest
from debateqd.qd.tables.files import Table

FIRST_IS_FIRST = "first"
"""Value of ``position``: whoever is in the first column was presented first."""

OWN_LOG = "DebateQD match log"
"""Name of the layout of a run's log."""

ResultForm = Literal["words", "chess", "alpaca", "share", "shares", "scores", "loser", "right"]
"""How results are written; see :mod:`debateqd.qd.tables.outcomes`."""

_WINNERS = ("winner", "result", "preference", "vote", "verdict")
_TWINS: tuple[tuple[ResultForm, str], ...] = (
    *(("shares", stem) for stem in ("p", "prob", "win_prob")),
    *(("scores", stem) for stem in ("winner_model", "score", "points", "goals", "votes")),
)
_SHARES = ("outcome", "won", "winrate", "win_rate")
_RIGHT = ("right", "judge_correct", "judge_right", "is_correct", "correct")
_OTHERS: dict[str, tuple[str, ...]] = {
    "passage": tuple(f"{x}{y}" for x in ("passage", "article", "story") for y in ("_id", "")),
    "question": ("question_id", "question", "prompt_id", "task_id", "instruction", "prompt"),
    "side": ("correct_side", "defends_correct"),
    "position": ("position", "presented_first", "shown_first"),
    "games": ("games", "n_games", "num_games", "n_matches"),
}


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns; empty where there is none.

    Attributes:
        first: One player.
        second: The other.
        winner: Who won: a player, a seat, or a tie.
        outcome: What the first player won, from 0 to 1, or its score.
        against: The same of the second player, where that is another column.
        right: Whether the judge found the correct answer.
        question: What was played on; the passage where no column names a question.
        passage: What questions belong to, the cluster of every interval.
        side: Whose answer is the correct one.
        position: Who was presented first; ``"first"``: always the first player, ``"second"``:
            always the second, ``"none"``: nobody knows.
        games: How many games a row stands for; a number where it is the same for all.
    """

    first: str = ""
    second: str = ""
    winner: str = ""
    outcome: str = ""
    against: str = ""
    right: str = ""
    question: str = ""
    passage: str = ""
    side: str = ""
    position: str = ""
    games: str = ""

    @property
    def is_rate(self) -> bool:
        """Whether outcomes are win rates, each over an unknown number of games."""
        return plain(self.outcome).startswith(("winrate", "win_rate")) and not self.games

    def explain(self) -> str:
        """Say in a line which column is what."""
        named = {field: name for field, name in asdict(self).items() if name}
        if self.passage == self.question:
            named.pop("question", "")
        shown = named.pop("position", "none")
        said = [f"{field} = {name}" for field, name in named.items()]
        if shown in (FIRST_IS_FIRST, "second"):
            said.append(f"presented first: always the {shown} column")
        elif shown != "none":
            said.append(f"presented first = {shown}")
        return ", ".join(said)


@dataclass(frozen=True, slots=True)
class TableLayout:
    """A form of match tables, and of one table which columns are what.

    Attributes:
        name: What such tables are, in words.
        columns: The columns; of a known layout those of the players, and of what is always there.
        form: How results are written.
    """

    name: str
    columns: Columns
    form: ResultForm = "words"

    @property
    def seats(self) -> tuple[str, str]:
        """What tells the names of the players' columns apart, e.g. ``a`` and ``b``."""
        a, b = (plain(x).split("_") for x in (self.columns.first, self.columns.second))
        return "_".join(x for x in a if x not in b), "_".join(x for x in b if x not in a)


_ALPACA = Columns("generator_1", "generator_2", winner="preference", position="none")
_LOSERS = Columns("winner", "loser", winner="winner", position="none")
_KINDS = ("model", "player", "debater", "agent", "system", "bot", "engine", "team")
LAYOUTS = (
    TableLayout("AlpacaEval annotations", _ALPACA, "alpaca"),
    TableLayout("games of chess", Columns("white", "black"), "chess"),
    TableLayout("winners and losers", _LOSERS, "loser"),
    *(TableLayout("home and away", Columns(f"home{x}", f"away{x}")) for x in ("", "_team")),
    *(
        TableLayout(f"{kind} pairs", Columns(f"{kind}_{a}", f"{kind}_{b}"))
        for kind in _KINDS
        for a, b in ("ab", "12")
    ),
    *(
        TableLayout(f"{kind} and opponent", Columns(kind, "opponent", position="none"))
        for kind in ("player", "model", "strategy")
    ),
)
"""Tables that are known by the names of their players' columns."""


def plain(name: object) -> str:
    """Return a name in lower case, words joined by underscores."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name))
    return re.sub(r"[^a-z0-9.]+", "_", spaced.lower()).strip("_")


def find_layout(
    table: Table, given: Columns, *, truth: bool = False, wins: bool = False
) -> TableLayout:
    """Find out which column of a match table is what.

    Args:
        table: The table.
        given: Columns that were named; they count, whatever the layout says.
        truth: Whether it matters if the judge was right, rather than who won.
        wins: Whether only who is ahead matters.

    Raises:
        InputError: A column is not there, or the table has no known layout, or several.
    """
    for f in fields(given):
        name = getattr(given, f.name)
        word = f.name == "position" and name in (FIRST_IS_FIRST, "second", "none")
        count = f.name == "games" and name.isdigit() and int(name) > 0
        if name and name not in table.columns and not (word or count):
            raise InputError(
                f"{table.path}: --{f.name} {name}: there is no such column; "
                f"{nearest(name, table.columns)}"
            )
    plainly = {plain(name): name for name in reversed(table.columns)}
    taken = set(asdict(given).values())
    layout = _players(table, given, plainly)
    ways = _results(layout, given, truth=truth, wins=wins)
    known = {*plainly, *table.columns}
    form, names = next((way for way in ways if known >= {*way[1].values()}), ("words", {}))
    if not names:
        what, options = "who won", "--winner COLUMN or --outcome COLUMN"
        if truth:
            what, options = "whether the judge was right", "--right COLUMN"
        raise _unknown(table, what, options)
    result = {field: plainly.get(name, name) for field, name in names.items()}
    columns = replace(layout.columns, **{"winner": "", "outcome": "", **result})
    if not columns.position:  # rates are over games in either order
        columns = replace(columns, position="none" if columns.is_rate else FIRST_IS_FIRST)
    for field, usual in _OTHERS.items():
        found = [x for name in usual if (x := plainly.get(name)) and x not in taken]
        own = getattr(given, field) or (found or [getattr(columns, field)])[0]
        columns = replace(columns, **{field: own})
    columns = replace(columns, question=columns.question or columns.passage)
    return replace(layout, columns=columns, form=form)


def _unknown(table: Table, what: str, options: str) -> InputError:
    return InputError(
        f"{table.path}: no column of a known name says {what}; name it with {options}; there are: "
        f"{', '.join(table.columns)}"
    )


def _players(table: Table, given: Columns, plainly: Mapping[str, str]) -> TableLayout:
    """Return the layout that the players' columns belong to."""
    if bool(given.first) != bool(given.second):
        raise InputError(
            f"{table.path}: --first and --second go together; name both players' columns"
        )
    if {"v", "comparisons"} <= plainly.keys() and not given.first:
        return _own_log(table)
    known = {(x.columns.first, x.columns.second): x for x in LAYOUTS}
    found = [pair for pair in known if plainly.keys() >= {*pair}]
    if given.first:
        found = [(plain(given.first), plain(given.second))]
        plainly = dict(zip(found[0], (given.first, given.second), strict=True))
    if not found:
        options = "--first COLUMN --second COLUMN, and who won with --winner COLUMN"
        raise _unknown(table, "who played", options)
    if len(found) > 1:
        pairs = "; ".join(f"{plainly[a]} and {plainly[b]}" for a, b in found)
        raise InputError(
            f"{table.path}: several pairs of columns could be the players: {pairs}; choose with "
            "--first COLUMN --second COLUMN"
        )
    layout = known.get(found[0], TableLayout("columns as named", Columns()))
    first, second = (plainly[name] for name in found[0])
    return replace(layout, columns=replace(layout.columns, first=first, second=second))


def _own_log(table: Table) -> TableLayout:
    """Return the layout of a run's log, whose credences are in the order of seats."""
    seats = [name for name in table.columns if name.startswith("seats.")]
    sides = [name.replace("seats.", "sides.", 1) for name in seats]
    defended = {tuple(row.cells.get(side) for side in sides) for row in table.rows if not row.fault}
    if defended != {(0, 1)}:
        raise InputError(
            f"{table.path}: only debates of two players who defend an answer each can be rated as "
            f"a table, not those of {', '.join(seats)}; the ratings of the run are in its "
            "generations/NNNN.json"
        )
    first, second = seats
    columns = Columns(first, second, outcome="credence", side="label")
    return TableLayout(OWN_LOG, columns)


def _results(
    layout: TableLayout, given: Columns, *, truth: bool, wins: bool
) -> Iterator[tuple[ResultForm, dict[str, str]]]:
    """Yield ways to write results, each with the names of its columns, likeliest first."""
    form, columns, (a, b) = layout.form, layout.columns, layout.seats
    if truth:
        for name in (given.right,) if given.right else _RIGHT:
            yield "right", {"right": name}
    elif given.winner:
        usual = form == "chess" or plain(given.winner) == columns.winner
        yield (form if usual else "words"), {"winner": given.winner}
    elif given.outcome and given.against:
        yield ("scores" if wins else "shares"), {"outcome": given.outcome, "against": given.against}
    elif outcome := given.outcome or columns.outcome:
        yield "share", {"outcome": outcome}
    else:
        for name in (columns.winner,) if columns.winner else _WINNERS:
            yield form, {"winner": name}
        for twins, stem in _TWINS:
            yield twins, {"outcome": f"{stem}_{a}", "against": f"{stem}_{b}"}
            yield twins, {"outcome": f"{a}_{stem}", "against": f"{b}_{stem}"}
        for name in _SHARES:
            yield "share", {"outcome": name}
