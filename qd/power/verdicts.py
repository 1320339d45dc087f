"""The verdicts of a finished study, from its files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from debate_env.errors import InputError
from debateqd.qd.debates.matches import Match
from debateqd.qd.power.variance import Verdicts
from debateqd.qd.ratings.games import RatedObjective
from debateqd.qd.store.directory import read_log
from debateqd.qd.tables.files import read_table
from debateqd.qd.tables.matches import MatchTable, read_matches

SETS = ("train", "test", "wins")
"""Whether the judge was right on training and on test questions; whether the one measured won."""

_OURS = frozenset(("v", "credence", "phase"))


def read_verdicts(path: Path) -> tuple[str, dict[str, Verdicts]]:
    """Read the verdicts of a run directory or of a file of matches.

    Args:
        path: A run directory: its evaluation is read where there is one; else its match log. Or a
            match table of any kind that :func:`debateqd.qd.tables.matches.read_matches` reads.

    Returns:
        Where they are from, in words, and those of each of :data:`SETS`.

    Raises:
        InputError: There are no verdicts, or a file is damaged.
    """
    found = {name: Verdicts() for name in SETS}
    if path.is_file() and not _OURS.issubset(read_table(path).columns):
        _table(path, found)
        return str(path), found
    folder = path / "evaluation"
    files = [folder / f"{split}.jsonl" for split in ("train", "test")]
    if all(file.is_file() for file in files):
        for split, file in zip(("train", "test"), files, strict=True):
            _evaluation(split, read_log(file), found)
        return f"{folder}: train.jsonl and test.jsonl", found
    log = path if path.is_file() else path / "matches.jsonl"
    if log.is_file():
        _training(read_log(log), found)
        return f"{log}: training matches, and report matches for win rates", found
    what = "holds neither evaluation/ nor matches.jsonl" if path.is_dir() else "does not exist"
    raise InputError(f"{path}: {what}; give a run directory or a file of matches")


def _table(path: Path, found: Mapping[str, Verdicts]) -> None:
    """Read a match table: right verdicts and wins, as far as its columns tell them."""
    errors: list[InputError] = []
    objectives: tuple[RatedObjective, ...] = ("truth", "persuasion")
    for objective in objectives:
        try:
            table = read_matches(path, objective=objective, wins=True)
        except InputError as error:
            errors.append(error)
            continue
        if table.columns.winner == table.columns.first and objective == "persuasion":
            continue  # winner and loser: the first player has always won
        _take(table, found["train" if objective == "truth" else "wins"])
    if len(errors) == len(objectives):
        raise errors[-1]


def _take(table: MatchTable, sample: Verdicts) -> None:
    alone = table.columns.question in ("", table.columns.passage)
    games = table.games
    for row, value in enumerate(games.outcome):
        if games.form == "duel" and games.first[row] > games.second[row]:
            value = 1 - value  # of two players always the same one
        # Without a column of questions, each debate is on a question of its own.
        question = f"#{row}" if alone else table.questions[games.question[row]]
        place = table.passage[row]
        sample.add(float(value), question, table.passages[place] if place >= 0 else question)


def _evaluation(split: str, log: Iterable[Match], found: Mapping[str, Verdicts]) -> None:
    """Take the elites' debates with themselves, and those with the seed panel on test questions."""
    for match in log:
        where = (match.question, match.passage)
        if match.phase == "elites":
            found[split].add(match.right, *where)
        elif match.phase == "panel" and split == "test":
            found["wins"].add(match.share(match.subject, "win"), *where)


def _training(log: Iterable[Match], found: Mapping[str, Verdicts]) -> None:
    """Sort the debates of a run's match log."""
    measured: dict[tuple[str, frozenset[str]], str] = {}
    for match in log:
        if match.kind == "verdict":
            where = (match.question, match.passage)
            if match.phase == "train":
                found["train"].add(match.right, *where)
            elif match.phase == "report" and len(match.players) == 2:
                # Of a pair that exchanges seats, the one that is measured comes first first.
                pair = frozenset(match.players)
                whose = measured.setdefault((match.question, pair), match.players[0])
                found["wins"].add(match.share(whose, "win"), *where)
