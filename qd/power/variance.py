"""How verdicts vary: between passages, between questions, between debates on a question.

:class:`Variances` says it, :func:`estimate_variances` measures it in verdicts, and
:func:`read_verdicts` reads these from the files of a finished study.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from debate_env.errors import InputError
from debateqd.qd.ratings.games import RatedObjective
from debateqd.qd.statistics import Floats
from debateqd.qd.store.directory import read_log
from debateqd.qd.tables.files import read_table
from debateqd.qd.tables.matches import MatchTable, read_matches

_Groups = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Variances:
    """How verdicts vary, as variances of the single verdict.

    Attributes:
        mean: Share right, or won.
        passage: Variance between passages.
        question: Variance between questions on a passage.
        debate: Variance between debates on a question.
    """

    mean: float
    passage: float
    question: float
    debate: float

    @classmethod
    def of(cls, mean: float, icc: float = 0.0, repeat: float = 0.0) -> Variances:
        """Split the variance of a 0/1 verdict.

        Args:
            mean: Share right, or won.
            icc: Correlation of verdicts on two questions of one passage.
            repeat: Correlation of two debates on one question; not below ``icc``.
        """
        total = mean * (1 - mean)
        return cls(mean, icc * total, (repeat - icc) * total, (1 - repeat) * total)

    @property
    def total(self) -> float:
        """Variance of a single verdict."""
        return self.passage + self.question + self.debate

    @property
    def icc(self) -> float:
        """Correlation of verdicts on two questions of one passage."""
        return self.passage / self.total if self.total else 0.0

    @property
    def repeat(self) -> float:
        """Correlation of two debates on one question."""
        return (self.passage + self.question) / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class MeasuredVariances:
    """What data say about the spread of verdicts, and their own size.

    Attributes:
        per_passage: Questions on a passage; where passages differ, their mean weighted by
            questions, which is what a design effect depends on.
        repeats: Whether any question was debated twice, without which ``debate`` is assumed.
    """

    variances: Variances
    verdicts: int
    questions: int
    passages: int
    per_passage: float
    repeats: bool

    @property
    def per_question(self) -> float:
        """Debates on a question, on average."""
        return self.verdicts / self.questions


def estimate_variances(
    values: Sequence[float],
    questions: Sequence[str],
    passages: Sequence[str],
    *,
    assumed_repeat: float = 0.5,
) -> MeasuredVariances:
    """Estimate variance components by symmetric differences squared (Koch 1968).

    Half the mean squared difference of two verdicts estimates the sum of all parts that are not
    shared by them: on the same question, on the same passage, on different passages. Where no
    question was debated twice, the correlation of two debates on one is ``assumed_repeat``.

    Raises:
        InputError: There are fewer than two passages.
    """
    data = np.asarray(values, dtype=float)
    pairs = list(zip(passages, questions, strict=True))
    by_question = _numbers(pairs)
    by_passage = _numbers(passages)
    same, n_same = _pairs(data, by_question)
    near, n_near = _pairs(data, by_passage)
    every, n_every = _pairs(data, np.zeros_like(by_passage))
    if n_every == n_near:
        raise InputError("the spread between passages needs verdicts on at least two passages")
    total = (every - near) / (n_every - n_near) / 2
    if total <= 0:
        raise InputError(f"all {len(data)} verdicts are {data[0]:g}: there is no spread to measure")
    debate = min(same / n_same / 2, total) if n_same else (1 - assumed_repeat) * total
    question = 0.0
    if n_near > n_same:
        question = min(max((near - same) / (n_near - n_same) / 2 - debate, 0.0), total - debate)
    counts = Counter(passage for passage, _ in set(pairs))
    number = sum(counts.values())
    return MeasuredVariances(
        Variances(float(data.mean()), total - debate - question, question, debate),
        verdicts=len(data),
        questions=number,
        passages=len(counts),
        per_passage=sum(n * n for n in counts.values()) / number,
        repeats=n_same > 0,
    )


def _numbers(labels: Sequence[Hashable]) -> _Groups:
    index: dict[Hashable, int] = {}
    return np.array([index.setdefault(label, len(index)) for label in labels], dtype=np.intp)


def _pairs(values: Floats, groups: _Groups) -> tuple[float, float]:
    """Sum of squared differences over all pairs within a group, and their number."""
    n = np.bincount(groups).astype(float)
    sums = np.bincount(groups, weights=values)
    squares = np.bincount(groups, weights=values**2)
    return float((n * squares - sums**2).sum()), float((n * (n - 1) / 2).sum())


def effect_correlation(
    first: Mapping[str, Sequence[float]], second: Mapping[str, Sequence[float]]
) -> float | None:
    """Correlation of two conditions' question effects, corrected for the noise of debates.

    Both are given as verdicts by question.

    Returns:
        From 0 to 1; ``None`` where it cannot be known: fewer than three common questions, no
        question debated twice, or no difference between questions beyond the noise.
    """
    common = sorted(first.keys() & second.keys())
    if len(common) < 3:
        return None
    means, own = [], []
    for side in (first, second):
        rows = [np.asarray(side[q], dtype=float) for q in common]
        if any(len(row) < 2 for row in rows):
            return None
        mean = np.array([row.mean() for row in rows])
        noise = float(np.mean([row.var(ddof=1) / len(row) for row in rows]))
        means.append(mean)
        own.append(float(mean.var(ddof=1)) - noise)
    if min(own) <= 0:
        return None
    covariance = float(np.cov(means[0], means[1])[0, 1])
    return min(max(covariance / math.sqrt(own[0] * own[1]), 0.0), 1.0)


# --- verdicts of a finished study ----------------------------------------------------------------

_OURS = frozenset(("v", "credence", "phase"))
EVALUATION = ("train", "test")


@dataclass
class Verdicts:
    """Verdicts of one kind: 1 right or won, 0 not, between them for a tie."""

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
class StudyVerdicts:
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
    train: Verdicts = field(default_factory=Verdicts)
    test: Verdicts = field(default_factory=Verdicts)
    wins: Verdicts = field(default_factory=Verdicts)
    other: Verdicts = field(default_factory=Verdicts)


def read_verdicts(path: Path) -> StudyVerdicts:
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
        return match_verdicts(path) if ours else _table(path)
    folder = path / "evaluation"
    if all((folder / f"{split}.jsonl").is_file() for split in EVALUATION):
        return _evaluation(folder)
    log = path / "matches.jsonl"
    if log.is_file():
        return match_verdicts(log)
    what = "holds neither evaluation/ nor matches.jsonl" if path.is_dir() else "does not exist"
    raise InputError(f"{path}: {what}; give a run directory or a file of matches")


def _table(path: Path) -> StudyVerdicts:
    """Read a match table: right verdicts and wins, as far as its columns tell them."""
    found = StudyVerdicts(str(path))
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
        _take(table, found.train if objective == "truth" else found.wins)
    if len(errors) == len(objectives):
        raise errors[-1]
    return found


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


def _evaluation(folder: Path) -> StudyVerdicts:
    found = StudyVerdicts(f"{folder}: train.jsonl and test.jsonl")
    for split in EVALUATION:
        for match in read_log(folder / f"{split}.jsonl"):
            where = (match.question, match.passage)
            if match.phase == "elites":
                (found.train if split == "train" else found.test).add(match.right, *where)
            elif match.phase == "seeds" and split == "train":
                found.other.add(match.right, *where)
            elif match.phase == "panel" and split == "test":
                found.wins.add(match.share(match.subject, "win"), *where)
    return found


def match_verdicts(path: Path) -> StudyVerdicts:
    """Sort the debates of a run's match log."""
    found = StudyVerdicts(f"{path}: training matches, and report matches for win rates")
    measured: dict[tuple[str, frozenset[str]], str] = {}
    for match in read_log(path):
        if match.kind == "verdict":
            where = (match.question, match.passage)
            if match.phase == "train":
                found.train.add(match.right, *where)
            elif match.phase == "report" and len(match.players) == 2:
                # Of a pair that exchanges seats, the one that is measured comes first first.
                pair = frozenset(match.players)
                whose = measured.setdefault((match.question, pair), match.players[0])
                found.wins.add(match.share(whose, "win"), *where)
    return found
