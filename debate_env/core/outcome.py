"""How a debate ended, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

OutcomeKind = Literal["verdict", "abstained", "ended", "unusable", "error"]
AbortKind = Literal["unusable", "error"]


class Outcome(NamedTuple):
    """How a debate ended.

    Attributes:
        label: Index of the correct answer in the presented order.
        kind: ``"verdict"``; ``"abstained"`` (a legal verdict that favours nobody); ``"ended"``
            (the protocol has no verdict); ``"unusable"`` (no usable reply from an agent) or
            ``"error"`` (a backend failed).
        message: What happened, for the last two kinds; else empty.
        credence: The judge's probabilities in the presented order; ``None`` without a verdict.
        scores: ``{"persuasion": {seat: x}, "truth": {seat: x}, "judge": x}`` in the settings'
            reward form; zeros after an abstention, ``None`` in place of every number where there
            was none for another reason.
        correct: 1 if the judge was right, 0 if wrong, 1/k if k answers tied for the first place;
            ``None`` without a verdict.
        words: Words each debater said, as published.
        quotes: For each debater the number of quotes and how many of them were verified.
        clipped: How many of each debater's speeches were cut at the word limit.
    """

    question_id: str
    passage_id: str
    label: int
    swap: bool
    kind: OutcomeKind
    message: str
    credence: tuple[float, ...] | None
    scores: Mapping[str, Any]
    correct: float | None
    words: Mapping[str, int]
    quotes: Mapping[str, tuple[int, int]]
    clipped: Mapping[str, int]

    def info(self) -> dict[str, Any]:
        """Return the terminal info: JSON-able, fresh, with the label only after a verdict."""
        judged = self.kind in ("verdict", "abstained")
        return {
            "question_id": self.question_id,
            "passage_id": self.passage_id,
            "swap": self.swap,
            "label": self.label if judged else None,
            "kind": self.kind,
            "message": self.message,
            "verdict_ok": self.kind == "verdict",
            "verdict": None if self.credence is None else list(self.credence),
            "correct": self.correct,
            "scores": {k: dict(v) if isinstance(v, Mapping) else v for k, v in self.scores.items()},
            "words": dict(self.words),
            "quotes": {seat: list(counts) for seat, counts in self.quotes.items()},
            "clipped": dict(self.clipped),
        }
