"""Questions about passages, and sets of them that are split by passage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Question:
    """One question about one passage, with two or more candidate answers.

    Attributes:
        question_id: Unique within a question set.
        passage_id: Names the passage; questions that share it are one cluster in every statistic.
        passage: The full text that debaters read and the judge does not.
        question: The question itself.
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
