"""The records of QuALITY (Pang et al. 2022), official v1.0.1 or reduced to two options.

One line holds one article with its questions. Both forms share ``article_id``, ``title``,
``article``, ``questions`` and, in each question, ``question_unique_id``, ``question``,
``options``, ``gold_label`` (**counted from 1**) and ``difficult`` (1, 0 or null). Only the official
form has ``writer_label``, ``validation`` and ``speed_validation``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from debate_env.questions.files import FilePlace, described, json_lines
from debate_env.questions.records import (
    integer_field,
    list_field,
    required,
    text_field,
    texts_field,
)

DISTRACTOR_FIELDS = ("untimed_best_distractor", "untimed_eval3_distractor")
ARTICLE_EXTRAS = ("title", "author", "year", "topic", "set_unique_id")
QUESTION_EXTRAS = ("difficult", "in_paper", "debates")
MAX_SCALE = 4
"""The validators' ratings run from 1 to 4 at most."""


@dataclass(frozen=True, slots=True)
class Untimed:
    """What one validator who had all the time wanted said; options are counted from 1."""

    answer: int
    answerability: int
    context: int
    distractor: int | None


@dataclass(frozen=True, slots=True)
class QualityItem:
    """One QuALITY question with its article.

    Attributes:
        place: Where it was read, for messages.
        gold: The right one, from 1.
        writer: The one its writer meant, from 1; ``None`` without validation data.
        untimed: Judgements of the untimed validators; ``None`` without validation data.
        speed: Answers, from 1, of the validators in a hurry; ``None`` without validation data.
        difficult: Whether under half of the hurried answers are right; ``None`` if not known.
        extra: Further facts for the question's metadata.
    """

    place: FilePlace
    question_id: str
    article_id: str
    title: str
    source: str
    article: str
    question: str
    options: tuple[str, ...]
    gold: int
    difficult: int | None
    writer: int | None
    untimed: tuple[Untimed, ...] | None
    speed: tuple[int, ...] | None
    extra: Mapping[str, Any]

    @property
    def distractor_votes(self) -> Counter[int]:
        """Votes for the best wrong option, by its number from 1; votes for gold are removed."""
        votes = (v.distractor for v in self.untimed or ())
        return Counter(v for v in votes if v is not None and v != self.gold)

    @property
    def best_distractor(self) -> int:
        """The number of the wrong option with most votes; a tie goes to the lowest number.

        Of two options it is the other one. With no vote at all every wrong option is tied.
        """
        votes = self.distractor_votes
        wrong = [k for k in range(1, len(self.options) + 1) if k != self.gold]
        if not self.untimed and len(wrong) > 1:
            raise self.place.error(
                f"is missing or empty; without it the most voted of {len(wrong)} wrong options "
                "cannot be told (use distractor=all or distractor=legacy)",
                "validation",
            )
        return max(wrong, key=lambda k: (votes[k], -k))

    @property
    def untimed_accuracy(self) -> float:
        """Share of untimed validators who chose gold."""
        return fmean(v.answer == self.gold for v in self.untimed or ())

    @property
    def speed_accuracy(self) -> float:
        """Share of hurried validators who chose gold."""
        return fmean(answer == self.gold for answer in self.speed or ())

    @property
    def answerability(self) -> float:
        """Mean rating from 1 (one right answer) to 3 (unclear)."""
        return fmean(v.answerability for v in self.untimed or ())

    @property
    def context_required(self) -> float:
        """Mean rating from 1 (a sentence or two of the passage suffice) to 4 (most is needed)."""
        return fmean(v.context for v in self.untimed or ())


def read_items(path: str | Path, *, validated: bool = False) -> list[QualityItem]:
    """Read every question of a file, in order; if ``validated``, insist on validation data."""
    found: list[QualityItem] = []
    articles: dict[str, str] = {}
    for place, record in json_lines(path):
        article = text_field(record, "article", place)
        article = articles.setdefault(article, article)
        for number, entry in enumerate(list_field(record, "questions", place), start=1):
            if not isinstance(entry, dict):
                raise place.error(
                    f"entry {number} must be an object, got {described(entry)}", "questions"
                )
            found.append(_item(record, entry, article, place, validated))
    return found


def _item(
    record: Mapping[str, Any],
    entry: Mapping[str, Any],
    article: str,
    place: FilePlace,
    validated: bool,
) -> QualityItem:
    question_id = text_field(entry, "question_unique_id", place)
    spot = FilePlace(place.path, place.line, question_id)
    options = texts_field(entry, "options", spot)
    if len(options) < 2:
        raise spot.error(f"must hold two or more options, got {len(options)}", "options")
    count = len(options)
    gold = integer_field(
        entry, "gold_label", spot, 1, count, " (the test part of QuALITY has no labels)"
    )
    if validated:
        note = " (filter=khan needs official v1.0.1 records; for two-option files use filter=hard)"
        required(entry, "validation", spot, note)
    if "validation" not in entry:
        writer, untimed, speed = None, None, None
    else:
        writer = integer_field(entry, "writer_label", spot, 1, count)
        judged = _objects(entry, "validation", spot, validated)
        untimed = tuple(_untimed(value, count, spot) for value in judged)
        speed = tuple(
            integer_field(v, "speed_answer", spot, 1, count)
            for v in _objects(entry, "speed_validation", spot, validated)
        )
    difficult = required(entry, "difficult", spot)
    return QualityItem(
        place=spot,
        question_id=question_id,
        article_id=text_field(record, "article_id", place),
        title=text_field(record, "title", place),
        source=text_field(record, "source", place),
        article=article,
        question=text_field(entry, "question", spot),
        options=options,
        gold=gold,
        difficult=None if difficult is None else integer_field(entry, "difficult", spot, 0, 1),
        writer=writer,
        untimed=untimed,
        speed=speed,
        extra={
            **{name: record[name] for name in ARTICLE_EXTRAS if name in record},
            **{name: entry[name] for name in QUESTION_EXTRAS if name in entry},
        },
    )


def _objects(
    entry: Mapping[str, Any], name: str, spot: FilePlace, needed: bool
) -> Iterable[Mapping[str, Any]]:
    values = list_field(entry, name, spot)
    if needed and not values:
        raise spot.error("is empty; it must hold at least one judgement", name)
    for value in values:
        if not isinstance(value, dict):
            raise spot.error(f"every entry must be an object, got {described(value)}", name)
    return values


def _untimed(value: Mapping[str, Any], count: int, spot: FilePlace) -> Untimed:
    name = next((name for name in DISTRACTOR_FIELDS if name in value), DISTRACTOR_FIELDS[0])
    vote = required(value, name, spot, f" (also allowed: {DISTRACTOR_FIELDS[1]!r})")
    return Untimed(
        answer=integer_field(value, "untimed_answer", spot, 1, count),
        answerability=integer_field(value, "untimed_eval1_answerability", spot, 1, MAX_SCALE),
        context=integer_field(value, "untimed_eval2_context", spot, 1, MAX_SCALE),
        # A validator may have named none.
        distractor=None if vote is None else integer_field(value, name, spot, 1, count),
    )
