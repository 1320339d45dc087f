"""The numbers behind a power calculation: what is assumed, what is given, what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from debate_env.errors import InputError
from debateqd.qd.power.analysis import Study
from debateqd.qd.power.variance import (
    MeasuredVariances,
    Variances,
    Verdicts,
    effect_correlation,
    estimate_variances,
    read_verdicts,
)

QUESTIONS, ACCURACY, ICC, REPEAT, WIN_REPEAT, PAIRED = 100, 0.7, 0.1, 0.5, 0.0, 0.5
"""What is assumed unless the user or the data say otherwise."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the user says; ``None`` leaves it to the data, or to the default.

    Attributes:
        questions: Training questions.
        test_questions: Test questions; by default as many.
        debates: Debates per question and seed.
        seeds: Runs on the same questions.
        seed_sd: Standard deviation between seeds of every quantity, in points.
        accuracy: Share of right verdicts.
        icc: Correlation of right verdicts on two questions of one passage.
        repeat: Correlation of two debates on one question.
        win_repeat: The same for wins; by default 0, since seats are exchanged.
        paired: Correlation of two objectives' passage and question effects.
        games: Direct games behind a rating difference; by default as many as debates in one seed.
    """

    questions: int | None = None
    test_questions: int | None = None
    per_passage: float | None = None
    debates: float | None = None
    seeds: int = 1
    seed_sd: float = 0.0
    accuracy: float | None = None
    icc: float | None = None
    repeat: float | None = None
    win_repeat: float | None = None
    paired: float | None = None
    games: int | None = None


@dataclass(frozen=True, slots=True)
class PowerInputs:
    """Everything that the formulas need.

    Attributes:
        source: Where variances are from, in words.
        train: Variances of right verdicts on training questions.
        test: The same on test questions.
        study: Size on the training questions.
        test_study: Size on the test questions.
        win_study: Size of what win rates rest on.
        assumed: Names of assumptions that neither the user nor the data gave.
    """

    source: str
    train: Variances
    test: Variances
    wins: Variances
    study: Study
    test_study: Study
    win_study: Study
    games: int
    assumed: tuple[str, ...]

    def __post_init__(self) -> None:
        for name, size in (("training", self.study), ("test", self.test_study)):
            if size.passages < 2:
                raise InputError(
                    f"{size.questions} {name} questions with {size.per_passage:g} on each passage "
                    "are fewer than two passages, so no interval exists; ask more questions"
                )

    def facts(self) -> Mapping[str, float]:
        """Return every number that goes into the formulas, by name."""
        parts = {"train": self.train, "test": self.test, "wins": self.wins}
        return {
            "questions": self.study.questions,
            "test_questions": self.test_study.questions,
            "per_passage": self.study.per_passage,
            "debates": self.study.debates,
            "seeds": self.study.seeds,
            "seed_sd": 100 * self.study.seed_deviation,
            **{
                f"{name}_{fact}": getattr(variances, fact)
                for name, variances in parts.items()
                for fact in ("mean", "icc", "repeat")
            },
            "paired": self.study.paired,
            "games": self.games,
        }


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _study(given: Assumptions, questions: int | None, usual: Study) -> Study:
    """Return the size that the user gives; as usual where nothing is said."""
    return Study(
        questions=questions or usual.questions,
        per_passage=_or(given.per_passage, usual.per_passage),
        debates=_or(given.debates, usual.debates),
        seeds=given.seeds,
        seed_deviation=given.seed_sd / 100,
        paired=_or(given.paired, usual.paired),
    )


def _check_correlations(icc: float, repeat: float) -> None:
    if icc > repeat:
        raise InputError(
            f"--icc {icc:g} is above --repeat {repeat:g}: debates on one question are at least as "
            "correlated as debates on two questions of a passage"
        )


def assumed_inputs(given: Assumptions) -> PowerInputs:
    """Take from assumptions what was not given.

    Raises:
        InputError: Numbers contradict each other.
    """
    repeat = _or(given.repeat, REPEAT)
    icc = _or(given.icc, min(ICC, repeat))
    _check_correlations(icc, repeat)
    win_repeat = _or(given.win_repeat, WIN_REPEAT)
    study = _study(given, given.questions, Study(QUESTIONS, paired=PAIRED))
    variances = Variances.of(_or(given.accuracy, ACCURACY), icc, repeat)
    names = {
        "accuracy": ("train_mean", "test_mean"),
        "icc": ("train_icc", "test_icc"),
        "repeat": ("train_repeat", "test_repeat"),
        "win_repeat": ("wins_repeat", "wins_icc"),
        "paired": ("paired",),
    }
    return PowerInputs(
        source="assumptions",
        train=variances,
        test=variances,
        wins=Variances.of(0.5, min(icc, win_repeat), win_repeat),
        study=study,
        test_study=replace(study, questions=given.test_questions or study.questions),
        win_study=study,
        games=given.games or max(1, round(study.questions * study.debates)),
        assumed=tuple(
            fact for name, facts in names.items() if getattr(given, name) is None for fact in facts
        ),
    )


def measured_inputs(given: Assumptions, data: Path) -> PowerInputs:
    """Take from data, a run directory or a file of matches, what was not given.

    Raises:
        InputError: The data cannot be used, or numbers contradict each other.
    """
    samples = read_verdicts(data)

    def measure(name: str, sample: Verdicts) -> MeasuredVariances | None:
        if not sample.values:
            return None
        try:
            return estimate_variances(
                sample.values,
                sample.questions,
                sample.passages,
                assumed_repeat=_or(given.repeat, REPEAT),
            )
        except InputError as error:
            raise InputError(f"{samples.source}: {name}: {error}") from None

    train, wins = measure("right verdicts", samples.train), measure("wins", samples.wins)
    first = train or wins
    if first is None:
        raise InputError(f"{samples.source}: holds no debate with a usable verdict")
    tested = measure("right verdicts on test questions", samples.test)
    test = tested or first
    correlation = effect_correlation(samples.train.by_question(), samples.other.by_question())
    paired = PAIRED if correlation is None else correlation

    def sized(found: MeasuredVariances, asked: int | None) -> Study:
        size = Study(found.questions, found.per_passage, found.per_question, paired=paired)
        return _study(given, asked, size)

    win_study = sized(wins or first, given.questions)
    assumed = [] if first.repeats or given.repeat is not None else ["train_repeat"]
    if tested is None:  # then it is taken to be like the other set
        assumed += ["test_mean", "test_icc", "test_repeat"]
    elif not tested.repeats and given.repeat is None:
        assumed.append("test_repeat")
    if wins is None and given.win_repeat is None:
        assumed += ["wins_mean", "wins_icc", "wins_repeat"]
    elif wins is not None and not wins.repeats:
        assumed.append("wins_repeat")
    if correlation is None and given.paired is None:
        assumed.append("paired")
    return PowerInputs(
        source=samples.source,
        train=_changed(first.variances, given),
        test=_changed(test.variances, given),
        wins=wins.variances if wins else Variances.of(0.5, 0.0, _or(given.win_repeat, WIN_REPEAT)),
        study=sized(first, given.questions),
        test_study=sized(test, given.test_questions or given.questions),
        win_study=win_study,
        games=given.games or max(1, round(win_study.questions * win_study.debates)),
        assumed=tuple(assumed),
    )


def _changed(variances: Variances, given: Assumptions) -> Variances:
    """Replace what the user says differently."""
    if (given.accuracy, given.icc, given.repeat) == (None, None, None):
        return variances
    icc, repeat = _or(given.icc, variances.icc), _or(given.repeat, variances.repeat)
    _check_correlations(icc, repeat)
    return Variances.of(_or(given.accuracy, variances.mean), icc, repeat)
