"""The questions of a run, dealt out by passage: train, selection, report, test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from debate_env.errors import InputError
from debate_env.questions.question import Question, QuestionSet, fold, require_passages
from debate_env.questions.sources import load_questions
from debate_env.questions.splitting import are_shares
from debateqd.agents.base import derive_seed
from debateqd.qd.config.schema import QuestionsConfig, Size

SPLITS = ("train", "selection", "report", "test")


@dataclass(frozen=True, slots=True)
class QuestionSplits:
    """What ``questions.json`` holds.

    ``splits`` are question ids; ``truncated`` is as in :class:`RunQuestions`.
    """

    source: str
    content_hash: str
    splits: Mapping[str, tuple[str, ...]]
    truncated: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Names the questions as they are debated: the content hash, and what was cut."""
        return self.content_hash + (f" cut {dict(self.truncated)}" if self.truncated else "")


@dataclass(frozen=True)
class RunQuestions:
    """The questions of a run. Nothing but evaluation may touch ``test``.

    Attributes:
        source: The specification that they were loaded from.
        content_hash: Content hash of the whole question set.
        train: Tournament and mutation.
        selection: Direct comparison of a child with an elite.
        report: What was gained; no choice depends on them.
        test: Evaluation after the run.
        truncated: Passages that were cut to fit a model's context: characters kept, and of how
            many.
        notes: How a file was understood, a line each.
    """

    source: str
    content_hash: str
    train: QuestionSet
    selection: QuestionSet
    report: QuestionSet
    test: QuestionSet
    truncated: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """Names the questions as they are debated; see :class:`QuestionSplits`."""
        return self.record().identity

    def split(self, name: str) -> QuestionSet:
        """Return a split by its name."""
        found: Mapping[str, QuestionSet] = {s: getattr(self, s) for s in SPLITS}
        return found[name]

    def record(self) -> QuestionSplits:
        """Return what ``questions.json`` holds."""
        ids = {name: self.split(name).ids for name in SPLITS}
        return QuestionSplits(self.source, self.content_hash, ids, self.truncated)

    def sizes(self) -> dict[str, int]:
        """Return the number of questions per split."""
        return {name: len(self.split(name)) for name in SPLITS}


def split_questions(questions: QuestionSet, config: QuestionsConfig) -> RunQuestions:
    """Deal passages out to the four splits; no passage is in two of them.

    Test and selection passages are taken first, so that neither depends on the size of the others.

    Raises:
        InputError: Shares stand beside numbers of questions, a split asks for more than there is,
            or nothing is left to train on.
    """
    try:
        are_shares({name: getattr(config, name) for name in SPLITS})
    except InputError as error:
        raise InputError(f"questions: {error}") from None
    try:
        return _split(questions, config)
    except InputError as error:
        # The inner message of a set that is too small speaks of parts that the user never named.
        reason = "" if str(error).startswith("too few") else f" ({error})"
        wanted = ", ".join(f"{name}={getattr(config, name)}" for name in SPLITS)
        raise InputError(
            f"questions: {len(questions)} questions on {len(questions.passages)} passages of "
            f"'{config.source}' cannot be split into {wanted} without a passage in two of them; "
            f"ask for less with --set questions.train=..., or give more questions{reason}"
        ) from None


def _split(questions: QuestionSet, config: QuestionsConfig) -> RunQuestions:
    seed = config.split_seed
    first = questions.split(0, config.selection, config.test, seed)
    taken = {fold(text) for part in (first.selection, first.test) for text in _texts(part)}
    rest = QuestionSet(q for q in questions if fold(q.passage) not in taken)
    train, report = config.train, config.report
    if any(isinstance(size, float) and size for size in (train, report)):
        train, report = _shares_of_rest(config, len(_texts(rest)), len(_texts(questions)))
    second = rest.split(train, 0, report, seed)
    if not second.train:
        raise InputError("no question is left to train on")
    return RunQuestions(
        config.source,
        questions.content_hash,
        second.train,
        first.selection,
        second.test,
        first.test,
        notes=questions.notes,
    )


def _texts(questions: QuestionSet) -> set[str]:
    return set(map(fold, questions.passages.values()))


def _shares_of_rest(config: QuestionsConfig, rest: int, total: int) -> tuple[Size, Size]:
    """Turn shares of all passages into shares of those that are left."""
    wanted = float(config.train) + float(config.report)
    # Rounding whole passages can leave a little less than the shares promise: scale, not fail.
    scale = max(wanted, rest / total if total else 0.0)
    if not scale:
        return 0.0, 0.0
    return config.train / scale, config.report / scale


def open_questions(config: QuestionsConfig) -> RunQuestions:
    """Load and split the questions of a configuration."""
    questions = load_questions(config.source, config.columns)
    require_passages(questions)
    return split_questions(questions, config)


def draw_questions(questions: Sequence[Question], count: int, *seed: object) -> list[Question]:
    """Draw questions without replacement; those of one passage stand together.

    All are drawn when there are fewer; which ones depends on the seed and their ids alone.
    """
    order = sorted(questions, key=lambda q: derive_seed(*seed, q.question_id))[:count]
    return by_passage(order)


def by_passage(questions: Sequence[Question]) -> list[Question]:
    """Put questions of one passage together, in order of first appearance of the passage.

    An engine that caches prefixes then reads each passage about once.
    """
    places: dict[str, int] = {}
    for question in questions:
        places.setdefault(question.passage_id, len(places))
    return sorted(questions, key=lambda q: places[q.passage_id])
