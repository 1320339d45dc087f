"""Questions about passages, and sets of them that are split by passage."""

from __future__ import annotations

import difflib
import hashlib
import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, overload

from debate_env.errors import InputError, brief
from debate_env.questions.splitting import are_shares, split_counts, split_shares

HASH_VERSION = "debateqd-questions-1"
MAX_ANSWERS = 26


@dataclass(frozen=True, slots=True)
class Question:
    """One question about one passage, with two or more candidate answers; checked when made.

    Attributes:
        question_id: Unique within a question set.
        passage_id: Names the passage; questions that share it are one cluster in every statistic.
        passage: The full text that debaters read and the judge does not; empty in tasks without
            one, which :func:`require_passages` refuses where a protocol needs it.
        answers: Two or more distinct candidate answers.
        label: Index into ``answers`` of the correct one.
        source: Where the question comes from, e.g. ``"builtin"``.
        metadata: Anything else the source knows (never shown to an agent).
    """

    question_id: str
    passage_id: str
    passage: str
    question: str
    answers: tuple[str, ...]
    label: int
    source: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        flaw = (
            _id_problem("question_id", self.question_id)
            or _id_problem("passage_id", self.passage_id)
            or (_text_problem("passage", self.passage) if self.passage != "" else None)
            or _text_problem("question", self.question)
            or _answers_problem(self.answers)
            or _label_problem(self.label, len(self.answers))
        )
        if flaw is not None:
            raise QuestionError(self.question_id, flaw)


class Flaw(NamedTuple):
    """What is wrong with one question: the field, and what it holds and may hold."""

    field: str
    message: str


class QuestionError(InputError):
    """A question cannot be; ``flaw`` says why."""

    def __init__(self, question_id: object, flaw: Flaw) -> None:
        super().__init__(f"question {brief(question_id)}, field '{flaw.field}': {flaw.message}")
        self.flaw = flaw


def require_passages(questions: Iterable[Question]) -> None:
    """Refuse questions without a passage.

    Raises:
        InputError: Names the first of them.
    """
    for question in questions:
        if not question.passage:
            raise InputError(
                f"question {question.question_id!r} has no passage, and debaters argue from one "
                "that the judge has not read; give questions with passages"
            )


class QuestionChecker:
    """Checks that questions can be one set, one after the other, for every source.

    It remembers ids and passages, so that duplicates are found where they occur and a loader can
    name the line. Nothing is remembered of a question that has a problem.
    """

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._passages: dict[str, str] = {}

    def check(self, question: Question) -> None:
        """Remember a question.

        Raises:
            QuestionError: It cannot be in one set with those before it.
        """
        known = self._passages.get(question.passage_id)
        if question.question_id in self._ids:
            raise QuestionError(
                question.question_id,
                Flaw(
                    "question_id", f"{question.question_id!r} occurs twice; every id must be unique"
                ),
            )
        if known is not None and known != question.passage:
            flaw = Flaw(
                "passage",
                f"differs from an earlier passage of the same passage_id {question.passage_id!r}; "
                "one passage_id must always come with one and the same passage",
            )
            raise QuestionError(question.question_id, flaw)
        self._ids.add(question.question_id)
        self._passages[question.passage_id] = question.passage


def fold(text: str) -> str:
    """The text without differences of case, white space and encoding, as answers are compared."""
    # An accent may be written as one character with its letter or as a second one.
    return " ".join(unicodedata.normalize("NFC", text.casefold()).split())


def _is_id(value: object) -> bool:
    return isinstance(value, str) and value != "" and value == value.strip() and value.isprintable()


def _id_problem(name: str, value: object) -> Flaw | None:
    if _is_id(value):
        return None
    return Flaw(
        name, f"must be a text of printable characters without outer spaces, got {brief(value)}"
    )


def _text_problem(name: str, value: object) -> Flaw | None:
    if not isinstance(value, str):
        return Flaw(name, f"must be a text, got {brief(value)}")
    if not value.strip():
        return Flaw(name, "is empty; it must hold some text")
    if "\0" in value:
        return Flaw(name, f"holds a NUL character at position {value.index(chr(0))}; remove it")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        return Flaw(
            name,
            f"holds half of a surrogate pair (U+{ord(value[error.start]):04X}) at position "
            f"{error.start}; only complete Unicode characters are allowed",
        )
    return None


def _answers_problem(answers: object) -> Flaw | None:
    if not isinstance(answers, tuple):
        return Flaw("answers", f"must be two or more texts, got {brief(answers)}")
    if not 2 <= len(answers) <= MAX_ANSWERS:
        return Flaw("answers", f"must be 2 to {MAX_ANSWERS} answers, got {len(answers)}")
    seen: dict[str, int] = {}
    for number, answer in enumerate(answers, start=1):
        problem = _text_problem("answers", answer)
        if problem is not None:
            return Flaw("answers", f"answer {number} {problem.message}")
        first = seen.setdefault(fold(answer), number)
        if first != number:
            return Flaw(
                "answers",
                f"answers {first} and {number} are equal ({brief(answer)}); all must differ by "
                "more than case and white space",
            )
    return None


def _label_problem(label: object, count: int) -> Flaw | None:
    if isinstance(label, bool) or not isinstance(label, int):
        return Flaw("label", f"must be an integer from 0 to {count - 1}, got {brief(label)}")
    if not 0 <= label < count:
        return Flaw(
            "label", f"must be 0 to {count - 1} (0 is the first of {count} answers), got {label}"
        )
    return None


class Splits(NamedTuple):
    """Three question sets that share no passage."""

    train: QuestionSet
    selection: QuestionSet
    test: QuestionSet


class QuestionSet(Sequence[Question]):
    """An immutable sequence of valid questions in a fixed order.

    Two sets are equal when they would give the same debates: when their :attr:`content_hash`
    agrees. ``source`` and ``metadata``, which no agent sees, play no part in it, nor do ``notes``,
    which say how a file was understood, a line each.

    Raises:
        InputError: An id occurs twice, or one ``passage_id`` comes with two passages.
    """

    def __init__(self, questions: Iterable[Question], *, notes: Iterable[str] = ()) -> None:
        self.notes = tuple(notes)
        items = tuple(questions)
        checker = QuestionChecker()
        for question in items:
            checker.check(question)
        self._questions = items
        self._index = {question.question_id: k for k, question in enumerate(items)}
        self._hash: str | None = None

    def __len__(self) -> int:
        return len(self._questions)

    @overload
    def __getitem__(self, index: int) -> Question: ...
    @overload
    def __getitem__(self, index: slice) -> QuestionSet: ...
    def __getitem__(self, index: int | slice) -> Question | QuestionSet:
        if isinstance(index, slice):
            return QuestionSet(self._questions[index])
        return self._questions[index]

    def __iter__(self) -> Iterator[Question]:
        return iter(self._questions)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, QuestionSet):
            return NotImplemented
        return self.content_hash == other.content_hash

    def __hash__(self) -> int:
        return hash(self.content_hash)

    def __repr__(self) -> str:
        return (
            f"QuestionSet({len(self)} questions on {len(self.passages)} passages, "
            f"{self.content_hash[:12]})"
        )

    @property
    def ids(self) -> tuple[str, ...]:
        """The question ids in order."""
        return tuple(self._index)

    @property
    def passages(self) -> Mapping[str, str]:
        """Passage id to passage text, in order of first appearance."""
        return MappingProxyType({q.passage_id: q.passage for q in self._questions})

    @property
    def content_hash(self) -> str:
        """SHA-256, in hexadecimal, of everything that determines a debate, order included."""
        if self._hash is None:
            digest = hashlib.sha256(HASH_VERSION.encode())
            passages = {
                key: hashlib.sha256(text.encode()).hexdigest()
                for key, text in self.passages.items()
            }
            for q in self._questions:
                row = [q.question_id, q.passage_id, passages[q.passage_id], q.question]
                line = json.dumps([*row, list(q.answers), q.label], ensure_ascii=True)
                digest.update(b"\n" + line.encode())
            self._hash = digest.hexdigest()
        return self._hash

    def get(self, question_id: str) -> Question:
        """The question of that id; an unknown id is an :class:`InputError`."""
        try:
            return self._questions[self._index[question_id]]
        except KeyError:
            close = difflib.get_close_matches(question_id, self._index, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise InputError(
                f"no question with id {question_id!r}; {hint}the set holds {len(self)} questions"
            ) from None

    def subset(self, ids: Iterable[str]) -> QuestionSet:
        """The questions of these ids, in their order; each must be known and given once."""
        return QuestionSet(self.get(question_id) for question_id in ids)

    def split(self, train: float, selection: float, test: float, seed: int = 0) -> Splits:
        """Split into three sets that share no passage.

        Passages are taken in an order that depends on the seed and their ids alone: first for
        test, then for selection, then for train. So a larger training set leaves the test
        questions as they are. Questions keep the order they have in this set. Passages with the
        same text count as one, whatever their ids.

        Args:
            train: A share of the passages (a float from 0 to 1) or a number of questions (an
                integer). The three sizes are of one kind; an integer 0 goes with both. Shares may
                add up to less than 1. Of a passage that holds more questions than are still
                needed, the rest is left out of all three sets.
            selection: As ``train``.
            test: As ``train``.
            seed: Decides which passage goes where.

        Returns:
            The three sets; with numbers of questions, of exactly those lengths.

        Raises:
            InputError: A size is invalid, or there are too few passages or questions.
        """
        sizes = {"test": test, "selection": selection, "train": train}
        groups = self._groups(seed)
        if are_shares(sizes):
            chosen = split_shares(groups, sizes)
        else:
            chosen = split_counts(groups, {k: int(v) for k, v in sizes.items()}, len(self))
        found = {
            name: self.subset(sorted(ids, key=self._index.__getitem__))
            for name, ids in chosen.items()
        }
        return Splits(**found)

    def _groups(self, seed: int) -> list[list[str]]:
        """Question ids by passage, passages in the order the seed gives."""
        by_text: dict[str, str] = {}
        names = {
            key: by_text.setdefault(fold(text) or key, key) for key, text in self.passages.items()
        }
        groups: dict[str, list[str]] = {}
        for q in self._questions:
            groups.setdefault(names[q.passage_id], []).append(q.question_id)

        def draw(*parts: str) -> bytes:
            # A hash, not a generator: the same on every machine and library version.
            return hashlib.sha256(json.dumps([seed, *parts]).encode()).digest()

        order = sorted(groups, key=lambda name: draw("passage", name))
        return [sorted(groups[name], key=lambda key: draw("question", key)) for name in order]
