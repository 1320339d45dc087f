"""Verdicts of a finished study, for the variances that a power calculation needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from debate_env.errors import InputError
from qd.storage import read_lines

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
    """Read the verdicts of a run directory.

    Args:
        path: The run directory. Its evaluation is read where there is one, since elites and seeds
            then debate the same questions; else its match log.

    Raises:
        InputError: It holds neither, or a file is damaged.
    """
    if path.is_file():
        return match_samples(path, (line for _, line in read_lines(path)))
    folder = path / "evaluation"
    if all((folder / f"{split}.jsonl").is_file() for split in EVALUATION):
        return _evaluation(folder)
    log = path / "matches.jsonl"
    if log.is_file():
        return match_samples(log, (line for _, line in read_lines(log)))
    what = "holds neither evaluation/ nor matches.jsonl" if path.is_dir() else "does not exist"
    raise InputError(f"{path}: {what}; give a run directory or a file of matches")


def _evaluation(folder: Path) -> Samples:
    found = Samples(f"{folder}: train.jsonl and test.jsonl")
    for split in EVALUATION:
        path = folder / f"{split}.jsonl"
        for number, line in read_lines(path):
            try:
                kind, where = line["kind"], (line["question"], line["passage"])
                if kind == "elites":
                    (found.train if split == "train" else found.test).add(line["right"], *where)
                elif kind == "seeds" and split == "train":
                    found.other.add(line["right"], *where)
                elif kind == "panel" and split == "test":
                    found.wins.add(line["won"], *where)
            except KeyError as error:
                raise InputError(f"{path}, line {number}: field {error} is missing") from None
    return found


def match_samples(path: Path, lines: Iterable[Mapping[str, Any]]) -> Samples:
    """Sort the debates of a match log.

    Args:
        path: Where they are from.
        lines: Its lines.
    """
    found = Samples(f"{path}: training matches, and report matches for win rates")
    for number, line in enumerate(lines, 1):
        try:
            if line["kind"] != "verdict":
                continue
            where = (line["question"], line["passage"])
            if line["phase"] == "train":
                found.train.add(line["right"], *where)
            elif line["phase"] == "report" and len(set(line["seats"].values())) == 2:
                own, other = line["credence"][:2]
                found.wins.add((1 + (own > other) - (own < other)) / 2, *where)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}, match {number}: {error} is missing or damaged") from None
    return found
