"""Questions from QuALITY files (Pang et al. 2022, CC BY 4.0): official v1.0.1 or two-option form.

=================  ==============================================================================
option             meaning
=================  ==============================================================================
``filter``         ``none`` (default); ``hard``: ``difficult`` is 1; ``khan``: the subset of Khan
                   et al. 2024; ``legacy``: hard, one question per article, shortest article first
``distractor``     ``best`` (default): gold and the wrong answer most validators found tempting;
                   ``all``: every option; ``legacy`` (default of ``filter=legacy``): gold first,
                   then ``options[1 - gold]``, whatever it is
``exclude``        ``khan`` (default of ``filter=khan``), ``none`` (default otherwise), or a text
                   file with one title or question id per line
``per_title``      at most so many questions per title; default 5 with ``khan``
``seed``           shuffle with this seed before the limit; default 42 with ``khan``, else none
``limit``          at most so many questions
=================  ==============================================================================

``khan`` (arXiv 2402.06782) works in this order: clean the text; apply the rules of
:data:`KHAN_RULES` and the exclusion list; at most ``per_title`` questions per title; shuffle;
limit; drop pairs with equal answers or with answers such as "none of the above" (so fewer than
``limit`` may remain). ``legacy`` is the simpler choice of an older trainer.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Literal, get_args

from debate_env.errors import InputError, nearest
from debate_env.options import Converter, choice, parse_options, whole
from debate_env.questions.files import FilePlace, exists, read_text
from debate_env.questions.quality_records import QualityItem, read_items
from debate_env.questions.question import Flaw, Question, QuestionError, QuestionSet, fold
from debate_env.questions.records import QuestionCollector

Filter = Literal["none", "hard", "khan", "legacy"]
Distractor = Literal["best", "legacy", "all"]
FILTERS, DISTRACTORS = get_args(Filter), get_args(Distractor)
KHAN_PER_TITLE = 5
KHAN_SEED = 42

KHAN_EXCLUDED = frozenset(
    (
        *("Boys Do Bleed", "MONICA!", "The Girl in His Mind"),
        *("sha256:8ef33e34d42d998f", "sha256:053d318ca412590c", "sha256:ce20f7c77542f492"),
        *("sha256:16c9fdc16a8ad92d", "sha256:d95846d3bb9777fb", "sha256:3084a202ae7d5aaa"),
        *("sha256:14aa201ffa3b552e", "sha256:489df2cc14ba7d15", "sha256:8c43c16f96f74749"),
    )
)
"""Three stories by title and nine questions by digest, left out by Khan et al."""

UNUSABLE_ANSWERS = ("all of the above", "none of the above", "neither of these")


@dataclass(frozen=True, slots=True)
class QualityOptions:
    """Which questions of a file are taken; ``None`` means the default of the filter."""

    filter: Filter = "none"
    distractor: Distractor | None = None
    exclude: Collection[str] | None = None
    per_title: int | None = None
    seed: int | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("filter", self.filter, FILTERS),
            ("distractor", self.distractor or "best", DISTRACTORS),
        ):
            if value not in allowed:
                raise InputError(f"source 'quality': {name}={value!r}: {nearest(value, allowed)}")
        for name, size in (("per_title", self.per_title), ("limit", self.limit)):
            if size is not None and size < 1:
                raise InputError(f"source 'quality': {name} must be 1 or more, got {size}")


def load_quality(path: str | Path, options: QualityOptions | None = None) -> QuestionSet:
    """Load a QuALITY file, plain or gzip; by default every question with two answers."""
    options = options or QualityOptions()
    items = read_items(path, validated=options.filter == "khan")
    kept, dropped = select(items, options)
    distractor = options.distractor or ("legacy" if options.filter == "legacy" else "best")
    advice = "; correct it or put the question's id on the exclusion list (exclude=FILE)"
    collector = QuestionCollector(path)
    for item in kept:
        numbers = chosen_options(item, distractor)
        if options.filter == "khan" and not is_usable_pair(item, numbers):
            dropped["answers that differ and speak for themselves"] += 1
            continue
        item = replace(item, article=collector.share(item.article))
        with collector.at(item.place, advice):
            if not item.article:
                raise QuestionError(item.question_id, Flaw("passage", "is empty"))
            collector.add(to_question(item, numbers))
    if items and not len(collector):
        reasons = ", ".join(f"{name}: {count}" for name, count in dropped.items())
        raise FilePlace(str(path)).error(
            f"filter={options.filter} keeps none of {len(items)} questions; how many were dropped "
            f"for failing each rule: {reasons}"
        )
    return collector.finish()


def select(
    items: Collection[QualityItem], options: QualityOptions
) -> tuple[list[QualityItem], Counter[str]]:
    """Apply filter, exclusion list, order and limit.

    Returns:
        The items kept, in order, and how many each rule dropped (the first that failed counts).
    """
    khan = options.filter == "khan"
    exclude = options.exclude
    if exclude is None:
        exclude = KHAN_EXCLUDED if khan else frozenset()
    kept: list[QualityItem] = []
    dropped: Counter[str] = Counter()
    for item in items:
        candidate = clean(item) if khan else item
        reason = _reason_to_drop(candidate, options.filter, exclude)
        if reason:
            dropped[reason] += 1
        else:
            kept.append(candidate)
    return _thin(kept, options), dropped


def _reason_to_drop(item: QualityItem, name: Filter, exclude: Collection[str]) -> str:
    if name == "khan":
        for rule, passes in KHAN_RULES:
            if not passes(item):
                return rule
    elif name in ("hard", "legacy") and item.difficult != 1:
        return "difficult"
    return "exclusion list" if is_excluded(item, exclude) else ""


def _thin(kept: list[QualityItem], options: QualityOptions) -> list[QualityItem]:
    """Order the items and apply the limits per title and in all."""
    khan = options.filter == "khan"
    if options.filter == "legacy":
        kept = shortest_first(kept)
    per_title = options.per_title or (KHAN_PER_TITLE if khan else None)
    if per_title is not None:
        kept = at_most_per_title(kept, per_title)
    seed = KHAN_SEED if khan and options.seed is None else options.seed
    if seed is not None:
        kept = list(kept)
        random.Random(seed).shuffle(kept)
    return kept[: options.limit]


def quality_source(rest: str) -> QuestionSet:
    """The factory of ``quality:PATH[?option=value&...]``."""
    path, pairs = _split_path(rest)
    if not path:
        raise InputError("source 'quality' needs a file: quality:PATH[?filter=khan&limit=100]")
    allowed: dict[str, Converter] = {
        "filter": choice(*FILTERS),
        "distractor": choice(*DISTRACTORS),
        "exclude": str,
        "per_title": whole(1),
        "seed": whole(0),
        "limit": whole(1),
    }
    found = parse_options(pairs, allowed, owner="source 'quality'", separator="&")
    if "exclude" in found:
        found["exclude"] = read_exclusions(found["exclude"])
    return load_quality(path, QualityOptions(**found))


def _split_path(rest: str) -> tuple[str, str]:
    """Separate path and options; a question mark may also be part of a file's name."""
    if exists(rest):
        return rest, ""
    head, mark, tail = rest.rpartition("?")
    return (head, tail) if mark else (rest, "")


def read_exclusions(name: str) -> Collection[str]:
    """``khan``, ``none``, or the lines of a text file."""
    if name == "khan":
        return KHAN_EXCLUDED
    if name == "none":
        return frozenset()
    return frozenset(line.strip() for line in read_text(name).split("\n") if line.strip())


# --- rules on single questions --------------------------------------------------------------------


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
    table = {0x2028: "", 0x2029: "", 0x00A0: " "}
    return replace(
        item,
        title=item.title.translate(table),
        article=item.article.translate(table),
        question=item.question.translate(table),
        options=tuple(option.translate(table) for option in item.options),
    )


KHAN_RULES: tuple[tuple[str, Callable[[QualityItem], bool]], ...] = (
    ("source Gutenberg", lambda item: item.source == "Gutenberg"),
    ("difficult", lambda item: item.difficult == 1),
    ("answerability <= 1", lambda item: item.answerability <= 1),
    ("all untimed answers right", lambda item: item.untimed_accuracy == 1),
    ("speed accuracy <= 0.5", lambda item: item.speed_accuracy <= 0.5),
    ("context >= 1.5", lambda item: item.context_required >= 1.5),
    ("writer agrees", lambda item: item.writer == item.gold),
)
"""The rules on one question, each with its name, in the order they are applied.

They need the validation data.
"""


def at_most_per_title(items: Sequence[QualityItem], limit: int) -> list[QualityItem]:
    """The first ``limit`` items of every title, in order."""
    places: defaultdict[str, count[int]] = defaultdict(count)
    return [item for item in items if next(places[item.title]) < limit]


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
