"""Which QuALITY questions are kept, in which order, and against which wrong answer.

The ``khan`` rules are those of Khan et al. 2024, "Debating with More Persuasive LLMs Leads to More
Truthful Answers" (arXiv 2402.06782); ``legacy`` is the simpler choice of an older trainer.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Literal

from debate_env.questions.quality_records import QualityItem
from debate_env.questions.question import Question, fold

Distractor = Literal["best", "legacy", "all"]

KHAN_EXCLUDED = frozenset(
    {
        "Boys Do Bleed",
        "MONICA!",
        "The Girl in His Mind",
        "sha256:8ef33e34d42d998f",
        "sha256:053d318ca412590c",
        "sha256:ce20f7c77542f492",
        "sha256:16c9fdc16a8ad92d",
        "sha256:d95846d3bb9777fb",
        "sha256:3084a202ae7d5aaa",
        "sha256:14aa201ffa3b552e",
        "sha256:489df2cc14ba7d15",
        "sha256:8c43c16f96f74749",
    }
)
"""Three stories by title and nine questions by digest, left out by Khan et al."""

UNUSABLE_ANSWERS = ("all of the above", "none of the above", "neither of these")


def digest(item: QualityItem) -> str:
    """Names a question by title and wording, without holding either."""
    text = f"{item.title.strip()}\n{item.question.strip()}"
    return "sha256:" + hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def is_excluded(item: QualityItem, exclude: Collection[str]) -> bool:
    """Whether the item's title, question id or :func:`digest` is on the list."""
    names = (item.title.strip(), item.question_id, digest(item))
    return any(name in exclude for name in names)


def clean(item: QualityItem) -> QualityItem:
    """Delete line and paragraph separators (U+2028, U+2029); make no-break spaces plain."""

    def cleaned(text: str) -> str:
        return text.replace("\u2028", "").replace("\u2029", "").replace("\u00a0", " ")

    return replace(
        item,
        title=cleaned(item.title),
        article=cleaned(item.article),
        question=cleaned(item.question),
        options=tuple(cleaned(option) for option in item.options),
    )


def untimed_accuracy(item: QualityItem) -> float:
    """Share of untimed validators who chose gold."""
    return fmean(v.answer == item.gold for v in item.untimed or ())


def speed_accuracy(item: QualityItem) -> float:
    """Share of hurried validators who chose gold."""
    return fmean(answer == item.gold for answer in item.speed or ())


def answerability(item: QualityItem) -> float:
    """Mean rating from 1 (one right answer) to 3 (unclear)."""
    return fmean(v.answerability for v in item.untimed or ())


def context_required(item: QualityItem) -> float:
    """Mean rating from 1 (a sentence or two of the passage suffice) to 4 (most is needed)."""
    return fmean(v.context for v in item.untimed or ())


KHAN_RULES: tuple[tuple[str, Callable[[QualityItem], bool]], ...] = (
    ("source Gutenberg", lambda item: item.source == "Gutenberg"),
    ("difficult", lambda item: item.difficult == 1),
    ("answerability <= 1", lambda item: answerability(item) <= 1),
    ("all untimed answers right", lambda item: untimed_accuracy(item) == 1),
    ("speed accuracy <= 0.5", lambda item: speed_accuracy(item) <= 0.5),
    ("context >= 1.5", lambda item: context_required(item) >= 1.5),
    ("writer agrees", lambda item: item.writer == item.gold),
)
"""The rules on one question, each with its name, in the order they are applied.

They need the validation data.
"""


def at_most_per_title(items: Sequence[QualityItem], limit: int) -> list[QualityItem]:
    """The first ``limit`` items of every title, in order."""
    seen: Counter[str] = Counter()
    kept = []
    for item in items:
        seen[item.title] += 1
        if seen[item.title] <= limit:
            kept.append(item)
    return kept


def shortest_first(items: Sequence[QualityItem]) -> list[QualityItem]:
    """One item per article, its first; the shortest article first, in characters."""
    first: dict[str, QualityItem] = {}
    for item in items:
        first.setdefault(item.article_id, item)
    return sorted(first.values(), key=lambda item: len(item.article))


def chosen_options(item: QualityItem, distractor: Distractor) -> tuple[int, ...]:
    """The numbers, from 1, of the options that become the answers, in their order.

    ``best``: gold and the most voted wrong option, in the order of the options. ``all``: every
    option. ``legacy``: gold first, then ``options[1 - g]`` where ``g`` is gold counted from 0 and
    a negative index counts from the end: the 2nd, 1st, 4th or 3rd option of four.

    Raises:
        InputError: The rule cannot tell a wrong option of this item.
    """
    if distractor == "all":
        return tuple(range(1, len(item.options) + 1))
    if distractor == "best":
        return tuple(sorted((item.gold, item.best_distractor)))
    wrong = (2 - item.gold) % len(item.options) + 1
    if wrong == item.gold:
        raise item.place.error(
            f"distractor=legacy picks the right answer when option {item.gold} of "
            f"{len(item.options)} is right; use distractor=best",
            "options",
        )
    return (item.gold, wrong)


def is_usable_pair(item: QualityItem, numbers: Sequence[int]) -> bool:
    """Whether the chosen answers differ and none speaks about the other options."""
    texts = [fold(item.options[number - 1]) for number in numbers]
    return len(set(texts)) == len(texts) and not any(
        phrase in text for text in texts for phrase in UNUSABLE_ANSWERS
    )


def to_question(item: QualityItem, numbers: Sequence[int]) -> Question:
    """The debate question with the chosen options as answers, without outer white space."""
    return Question(
        question_id=item.question_id,
        passage_id=item.article_id,
        passage=item.article,
        question=item.question.strip(),
        answers=tuple(item.options[number - 1].strip() for number in numbers),
        label=tuple(numbers).index(item.gold),
        source="quality",
        metadata={**item.extra, "option_numbers": tuple(numbers)},
    )
