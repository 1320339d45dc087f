"""Questions from QuALITY files (Pang et al. 2022, CC BY 4.0): official v1.0.1 or two-option form.

=================  ==============================================================================
option             meaning
=================  ==============================================================================
``filter``         ``none`` (default); ``hard``: ``difficult`` is 1; ``khan``: the subset of Khan
                   et al. 2024; ``legacy``: hard, one question per article, shortest article first
``distractor``     ``best`` (default): gold and the wrong answer most validators found tempting;
                   ``all``: every option; ``legacy`` (default of ``filter=legacy``): gold first,
                   then ``options[1 - gold]``, whatever it is
``split``          which file of a folder: ``train`` or ``dev``; only where the path is a folder
``exclude``        ``khan`` (default of ``filter=khan``), ``none`` (default otherwise), or a text
                   file with one title or question id per line
``per_title``      at most so many questions per title; default 5 with ``khan``
``seed``           shuffle with this seed before the limit; default 42 with ``khan``, else none
``limit``          at most so many questions
=================  ==============================================================================

``khan`` works in this order: clean the text; apply the rules of
:data:`~debate_env.questions.quality_rules.KHAN_RULES` and the exclusion list; at most ``per_title``
questions per title; shuffle; limit; drop pairs with equal answers or with answers such as "none of
the above" (so fewer than ``limit`` may remain).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from debate_env.errors import InputError, nearest
from debate_env.questions.files import Place, exists, read_text
from debate_env.questions.options import choice, parse_options, whole
from debate_env.questions.quality_records import QualityItem, read_items
from debate_env.questions.quality_rules import (
    KHAN_EXCLUDED,
    KHAN_RULES,
    Distractor,
    at_most_per_title,
    chosen_options,
    clean,
    is_excluded,
    is_usable_pair,
    shortest_first,
    to_question,
)
from debate_env.questions.question import QuestionSet
from debate_env.questions.records import QuestionCollector

Filter = Literal["none", "hard", "khan", "legacy"]
FILTERS = ("none", "hard", "khan", "legacy")
DISTRACTORS = ("best", "legacy", "all")
SPLITS = ("train", "dev")
FILE_NAMES = ("QuALITY.v1.0.1.htmlstripped.{split}", "QuALITY.v1.0.1.{split}")
KHAN_PER_TITLE = 5
KHAN_SEED = 42


@dataclass(frozen=True, slots=True)
class Choice:
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
            ("distractor", self.distractor, DISTRACTORS),
        ):
            if value is not None and value not in allowed:
                raise InputError(f"source 'quality': {name}={value!r}: {nearest(value, allowed)}")
        for name, size in (("per_title", self.per_title), ("limit", self.limit)):
            if size is not None and size < 1:
                raise InputError(f"source 'quality': {name} must be 1 or more, got {size}")


def load_quality(path: str | Path, choice: Choice | None = None) -> QuestionSet:
    """Load a QuALITY file, plain or gzip.

    Args:
        path: The file.
        choice: What to take of it; by default every question, with gold and the most voted wrong
            answer in the order of the options.

    Raises:
        InputError: Anything in the file is wrong, or no question is left.
    """
    taken = Choice() if choice is None else choice
    items = read_items(path, validated=taken.filter == "khan")
    kept, dropped = select(items, taken)
    distractor = taken.distractor or ("legacy" if taken.filter == "legacy" else "best")
    advice = "; correct it or put the question's id on the exclusion list (exclude=FILE)"
    collector = QuestionCollector(path)
    for item in kept:
        numbers = chosen_options(item, distractor)
        if taken.filter == "khan" and not is_usable_pair(item, numbers):
            dropped["answers that differ and speak for themselves"] += 1
            continue
        item = replace(item, article=collector.share(item.article))
        collector.add(to_question(item, numbers), item.place, advice)
    if items and not len(collector):
        reasons = ", ".join(f"{name}: {count}" for name, count in dropped.items())
        raise Place(str(path)).error(
            f"filter={taken.filter} keeps none of {len(items)} questions; how many were dropped "
            f"for failing each rule: {reasons}"
        )
    return collector.finish()


def select(items: Collection[QualityItem], taken: Choice) -> tuple[list[QualityItem], Counter[str]]:
    """Apply filter, exclusion list, order and limit.

    Returns:
        The items kept, in order, and how many each rule dropped (the first that failed counts).
    """
    khan = taken.filter == "khan"
    exclude = taken.exclude
    if exclude is None:
        exclude = KHAN_EXCLUDED if khan else frozenset()
    kept: list[QualityItem] = []
    dropped: Counter[str] = Counter()
    for item in items:
        candidate = clean(item) if khan else item
        reason = _reason_to_drop(candidate, taken.filter, exclude)
        if reason:
            dropped[reason] += 1
        else:
            kept.append(candidate)
    return _thin(kept, taken), dropped


def _reason_to_drop(item: QualityItem, name: Filter, exclude: Collection[str]) -> str:
    if name == "khan":
        for rule, passes in KHAN_RULES:
            if not passes(item):
                return rule
    elif name in ("hard", "legacy") and item.difficult != 1:
        return "difficult"
    return "exclusion list" if is_excluded(item, exclude) else ""


def _thin(kept: list[QualityItem], taken: Choice) -> list[QualityItem]:
    """Order the items and apply the limits per title and in all."""
    khan = taken.filter == "khan"
    if taken.filter == "legacy":
        kept = shortest_first(kept)
    per_title = taken.per_title or (KHAN_PER_TITLE if khan else None)
    if per_title is not None:
        kept = at_most_per_title(kept, per_title)
    seed = KHAN_SEED if khan and taken.seed is None else taken.seed
    if seed is not None:
        kept = list(kept)
        random.Random(seed).shuffle(kept)
    return kept[: taken.limit]


def quality_source(rest: str) -> QuestionSet:
    """The factory of ``quality:PATH[?option=value&...]``."""
    path, options = _split_path(rest)
    if not path:
        raise InputError("source 'quality' needs a file: quality:PATH[?filter=khan&limit=100]")
    found = parse_options(
        options,
        {
            "filter": choice(*FILTERS),
            "distractor": choice(*DISTRACTORS),
            "split": choice(*SPLITS),
            "exclude": str,
            "per_title": whole(1),
            "seed": whole(0),
            "limit": whole(1),
        },
        source="quality",
        separator="&",
    )
    split = found.pop("split", None)
    if "exclude" in found:
        found["exclude"] = read_exclusions(found["exclude"])
    return load_quality(find_file(path, split), Choice(**found))


def _split_path(rest: str) -> tuple[str, str]:
    """Separate path and options; a question mark may also be part of a file's name."""
    if exists(rest):
        return rest, ""
    head, mark, tail = rest.rpartition("?")
    return (head, tail) if mark else (rest, "")


def find_file(path: str | Path, split: str | None) -> Path:
    """The file itself, or in a folder the official file of that split (default ``train``)."""
    folder = Path(path)
    if not exists(path) or not folder.expanduser().is_dir():
        if split is not None:
            raise InputError(f"source 'quality': split={split} needs a folder, {path} is none")
        return Path(path)
    names = [pattern.format(split=split or "train") for pattern in FILE_NAMES]
    names = [name + ending for name in names for ending in ("", ".gz")]
    for name in names:
        if exists(folder / name):
            return folder / name
    raise InputError(f"{path}: the folder holds none of {', '.join(names)}; name a file instead")


def read_exclusions(name: str) -> Collection[str]:
    """``khan``, ``none``, or the lines of a text file."""
    if name == "khan":
        return KHAN_EXCLUDED
    if name == "none":
        return frozenset()
    return frozenset(line.strip() for line in read_text(name).split("\n") if line.strip())
