"""The numbers behind a power calculation: what is assumed, what is given, what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from debate_env.errors import InputError
from debateqd.qd.power.variance import MeasuredVariances, Study, Variances, estimate_variances
from debateqd.qd.power.verdicts import SETS, read_verdicts

QUESTIONS, ACCURACY, ICC, REPEAT, PAIRED = 100, 0.7, 0.1, 0.5, 0.5
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
        paired: Correlation of two objectives' passage and question effects.
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
    paired: float | None = None


@dataclass(frozen=True, slots=True)
class PowerInputs:
    """Everything that the formulas need.

    Attributes:
        source: Where variances are from, in words.
        sets: How verdicts vary, and how many there are to be, by set: right verdicts on ``"train"``
            and on ``"test"`` questions, and ``"wins"``.
        assumed: Names of facts that neither the user nor the data gave.
    """

    source: str
    sets: Mapping[str, tuple[Variances, Study]]
    assumed: tuple[str, ...]

    @property
    def games(self) -> int:
        """Direct games behind a rating difference: the debates of one seed."""
        study = self.sets["wins"][1]
        return max(1, round(study.questions * study.debates))

    def facts(self) -> Mapping[str, float]:
        """Return every number that goes into the formulas, by name."""
        study = self.sets["train"][1]
        return {
            "questions": study.questions,
            "test_questions": self.sets["test"][1].questions,
            "per_passage": study.per_passage,
            "debates": study.debates,
            "seeds": study.seeds,
            "seed_sd": 100 * study.seed_deviation,
            **{
                f"{name}_{fact}": getattr(variances, fact)
                for name, (variances, _) in self.sets.items()
                for fact in ("mean", "icc", "repeat")
            },
            "paired": study.paired,
            "games": self.games,
        }


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def power_inputs(given: Assumptions, data: Path | None = None) -> PowerInputs:
    """Take what was not given from data, a run directory or a file of matches, or assume it.

    Raises:
        InputError: The data cannot be used, or numbers contradict each other.
    """
    source, measured = "assumptions", dict[str, MeasuredVariances]()
    if data is not None:
        source, measured = _measured(given, data)
    sets: dict[str, tuple[Variances, Study]] = {}
    assumed = []
    for name in SETS:
        own = measured.get(name)
        like = own or next(iter(measured.values()), None)  # what was not measured is like the rest
        said = {"mean": given.accuracy, "icc": given.icc, "repeat": given.repeat}
        if name == "wins":  # seats are exchanged: questions favour nobody
            said, variances = dict.fromkeys(said), own.variances if own else Variances.of(0.5)
        else:
            variances = like.variances if like else Variances.of(ACCURACY, ICC, REPEAT)
        size = Study(QUESTIONS) if like is None else like.study
        asked = (given.test_questions if name == "test" else None) or given.questions
        study = Study(
            questions=asked or size.questions,
            per_passage=_or(given.per_passage, size.per_passage),
            debates=_or(given.debates, size.debates),
            seeds=given.seeds,
            seed_deviation=given.seed_sd / 100,
            paired=_or(given.paired, PAIRED),
        )
        if study.passages < 2:
            raise InputError(
                f"{study.questions} questions with {study.per_passage:g} on each passage are fewer "
                "than two passages, so no interval exists; ask more questions"
            )
        sets[name] = (_changed(variances, **said), study)
        unknown = ("repeat",) if own and not own.repeats else () if own else tuple(said)
        assumed += [f"{name}_{fact}" for fact in unknown if said[fact] is None]
    if given.paired is None:
        assumed.append("paired")
    return PowerInputs(source, sets, tuple(assumed))


def _changed(
    variances: Variances, mean: float | None, icc: float | None, repeat: float | None
) -> Variances:
    """Replace what the user says differently."""
    if (mean, icc, repeat) == (None, None, None):
        return variances
    repeat = _or(repeat, variances.repeat)
    icc = _or(icc, min(variances.icc, repeat))
    if icc > repeat:
        raise InputError(
            f"--icc {icc:g} is above --repeat {repeat:g}: debates on one question are at least as "
            "correlated as debates on two questions of a passage"
        )
    return Variances.of(_or(mean, variances.mean), icc, repeat)


def _measured(given: Assumptions, data: Path) -> tuple[str, dict[str, MeasuredVariances]]:
    """Say where verdicts are from, and measure those of every set that there is."""
    source, samples = read_verdicts(data)
    found: dict[str, MeasuredVariances] = {}
    for name, sample in samples.items():
        try:
            if sample.values:
                found[name] = estimate_variances(sample, _or(given.repeat, REPEAT))
        except InputError as error:
            raise InputError(f"{source}: {name}: {error}") from None
    if not found:
        raise InputError(f"{source}: holds no debate with a usable verdict")
    return source, found
