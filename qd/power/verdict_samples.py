"""Verdicts of a finished study, for the variances that a power calculation needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from debate_env.errors import InputError
from debateqd.qd.debates.matches import Match
from debateqd.qd.store.storage import read_lines
from debateqd.qd.tables.files import read_table
from debateqd.qd.tables.matches import MatchTable, Objective, read_matches

_OURS = frozenset(("seats.debater_0", "credence", "phase"))
EVALUATION = ("train", "test")


@dataclass
class Sample:
    """Verdicts of one kind.

    Attributes:
        values: 1 right or won, 0 not, between them for a tie.
        questions: Question of each.
        passages: Passage of each.
    """

    values: list[float] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    passages: list[str] = field(default_factory=list)

    def add(self, value: float | None, question: str, passage: str) -> None:
        """Take in a verdict, if there is one."""
        if value is not None:
            self.values.append(value)
            self.questions.append(question)
            self.passages.append(passage)

    def by_question(self) -> dict[str, list[float]]:
        """Return the verdicts of every question."""
        found: dict[str, list[float]] = {}
        for question, value in zip(self.questions, self.values, strict=True):
            found.setdefault(question, []).append(value)
        return found


@dataclass(frozen=True)
class Samples:
    """What a study's files hold.

    Attributes:
        source: Where the verdicts are from, in words.
        train: Whether the judge was right, on training questions (or on all there are).
        test: The same on test questions; empty where there are none.
        wins: Whether the strategy measured won, against another one.
        other: Whether the judge was right with other strategies on the training questions, by which
            the correlation of two conditions is estimated; empty where there are none.
    """

    source: str
    train: Sample = field(default_factory=Sample)
    test: Sample = field(default_factory=Sample)
    wins: Sample = field(default_factory=Sample)
    other: Sample = field(default_factory=Sample)


def read_samples(path: Path) -> Samples:
    """Read the verdicts of a run directory or of a file of matches.

    Args:
        path: A run directory: its evaluation is read where there is one, since elites and seeds
            then debate the same questions; else its match log. Or a match table of any kind that
            :func:`debateqd.qd.tables.matches.read_matches` reads.

    Raises:
        InputError: There are no verdicts, or a file is damaged.
    """
    if path.is_file():
        ours = _OURS.issubset(read_table(path).columns)
        return match_samples(path) if ours else _table(path)
    folder = path / "evaluation"
    if all((folder / f"{split}.jsonl").is_file() for split in EVALUATION):
        return _evaluation(folder)
    log = path / "matches.jsonl"
    if log.is_file():
        return match_samples(log)
    what = "holds neither evaluation/ nor matches.jsonl" if path.is_dir() else "does not exist"
    raise InputError(f"{path}: {what}; give a run directory or a file of matches")


def _table(path: Path) -> Samples:
    """Read a match table: right verdicts and wins, as far as its columns tell them."""
    found = Samples(str(path))
    errors: list[InputError] = []
    objectives: tuple[Objective, ...] = ("truth", "persuasion")
    for objective in objectives:
        try:
            table = read_matches(path, objective=objective, wins=True)
        except InputError as error:
            errors.append(error)
            continue
        if table.columns.winner == table.columns.first and objective == "persuasion":
            continue  # winner and loser: the first player has always won
        _take(table, found.train if objective == "truth" else found.wins)
    if len(errors) == len(objectives):
        raise errors[-1]
    return found


def _take(table: MatchTable, sample: Sample) -> None:
    alone = table.columns.question in ("", table.columns.passage)
    for row, value in enumerate(table.outcome):
        if table.objective == "persuasion" and table.first[row] > table.second[row]:
            value = 1 - value  # of two players always the same one
        # Without a column of questions, each debate is on a question of its own.
        question = f"#{row}" if alone else table.questions[table.question[row]]
        place = table.passage[row]
        sample.add(float(value), question, table.passages[place] if place >= 0 else question)


def _evaluation(folder: Path) -> Samples:
    found = Samples(f"{folder}: train.jsonl and test.jsonl")
    for split in EVALUATION:
        path = folder / f"{split}.jsonl"
        for number, line in read_lines(path):
            try:
                # Before matches of evaluations were like all others, "kind" was their phase.
                kind = line.get("phase", line["kind"])
                where = (line["question"], line["passage"])
                if kind == "elites":
                    (found.train if split == "train" else found.test).add(line["right"], *where)
                elif kind == "seeds" and split == "train":
                    found.other.add(line["right"], *where)
                elif kind == "panel" and split == "test":
                    earlier = "won" in line
                    match = None if earlier else Match.from_json(line)
                    won = match.share(match.subject, "win") if match else line["won"]
                    found.wins.add(won, *where)
            except KeyError as error:
                raise InputError(f"{path}, line {number}: field {error} is missing") from None
    return found


def match_samples(path: Path) -> Samples:
    """Sort the debates of a run's match log.

    Args:
        path: ``matches.jsonl``.
    """
    found = Samples(f"{path}: training matches, and report matches for win rates")
    measured: dict[tuple[str, frozenset[str]], str] = {}
    for number, line in read_lines(path):
        try:
            match = Match.from_json(line)
            if match.kind != "verdict":
                continue
            where = (match.question, match.passage)
            if match.phase == "train":
                found.train.add(match.right, *where)
            elif match.phase == "report" and len(match.players) == 2:
                # Of a pair that exchanges seats, the one that is measured comes first first.
                pair = frozenset(match.players)
                whose = measured.setdefault((match.question, pair), match.players[0])
                found.wins.add(match.share(whose, "win"), *where)
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
    return found
