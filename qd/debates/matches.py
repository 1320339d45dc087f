"""The match log: one thin record per debate, append-only, the single source of truth.

Ratings, archives and reports are views of it and can be recomputed at any time. What was said lies
in ``transcripts/``, found by the match id. A match is named before it is played, by a hash of
everything that determines it, so that a repeated match is recognised.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from functools import cached_property
from typing import Any, Literal

from debate_env.core.protocols import JUDGE
from debate_env.core.rewards import correctness
from debate_env.core.settings import DebateSettings
from debate_env.core.transcript import Speech
from debate_env.errors import InputError
from debate_env.questions.question import Question
from debateqd.agents.base import derive_seed
from debateqd.agents.models.base import Sampling
from debateqd.agents.prompts import PROMPT_VERSION
from debateqd.agents.rollout import DebateRecord
from debateqd.agents.verdicts import VerdictSettings
from debateqd.qd.strategy import Strategy

FORMAT = 2
Phase = Literal["train", "selection", "report"]


def _digest(*parts: object) -> str:
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def pool_hash(
    debater: str,
    judge: str,
    settings: DebateSettings,
    sampling: Sampling,
    questions: str,
    verdict: VerdictSettings = VerdictSettings(),  # noqa: B008  (frozen)
) -> str:
    """Name everything that must be equal for matches to be comparable.

    Args:
        debater: Fingerprint of the debaters' model.
        judge: Fingerprint of the judge's model.
        settings: Rules; the objective and how it is scored do not change a debate.
        sampling: How speeches are drawn.
        questions: Content hash of the question set.
        verdict: How the judge's probabilities are obtained.
    """
    rules = (
        settings.protocol,
        settings.rounds,
        settings.word_limit,
        settings.max_chars,
        settings.quotes,
    )
    drawn = (sampling.max_tokens, sampling.temperature, sampling.top_p)
    return _digest(PROMPT_VERSION, debater, judge, rules, drawn, questions, astuple(verdict))


@dataclass(frozen=True)
class Plan:
    """A debate that is to be played.

    Attributes:
        phase: What it is for; also the split that the question comes from.
        generation: The generation that plays it.
        question: What is debated.
        first: Strategy of ``debater_0``, who defends the answer presented first.
        second: Strategy of ``debater_1``.
        swap: Whether the contested answers are exchanged.
        seed: Everything random in the debate derives from it.
    """

    phase: Phase
    generation: int
    question: Question
    first: Strategy
    second: Strategy
    swap: bool
    seed: int

    def match_id(self, pool: str) -> str:
        """Name the match: the same debate has the same name in every run."""
        texts = (self.first.text, self.second.text)
        return _digest(pool, self.phase, self.question.question_id, texts, self.swap, self.seed)


@dataclass(frozen=True)
class Match:
    """A debate that was played: a line of ``matches.jsonl``.

    Attributes:
        match_id: See :meth:`Plan.match_id`.
        pool: See :func:`pool_hash`.
        generation: The generation that played it; names the transcript file.
        phase: ``"train"``, ``"selection"`` or ``"report"``, the split of its question.
        passage: Passage id.
        question: Question id.
        seats: Strategy ids of ``debater_0`` and ``debater_1``.
        label: Index of the correct answer in the presented order; 0 and 1 are the seats' own.
        swap: Whether the contested answers were exchanged.
        seed: Seed of the debate.
        kind: ``"verdict"``, ``"abstained"``, ``"unusable"`` or ``"error"``.
        message: Why there is no verdict, in one line.
        credence: The judge's probabilities in the presented order, averaged over both orders.
        orders: The judge's probabilities in each order of showing them, each in the presented
            order; ``None`` where the judge keeps none.
        bias: Credence given to the answer shown first, minus its even share, over both orders.
        words: Words said in each seat.
        quotes: Quotes of each seat and how many of them were verified.
        clipped: Speeches of each seat that were cut at the word limit.
        tokens: Prompt, completion and (of those) thinking tokens by seat (the judge's too), where a
            model was asked.
        calls: Model calls.
        verdict: How the judge's probabilities were obtained: ``method``, and where known
            ``missing_mass`` and ``votes``; see :mod:`debateqd.agents.judge`. Empty without a usable
                        verdict.
    """

    match_id: str
    pool: str
    generation: int
    phase: Phase
    passage: str
    question: str
    seats: tuple[str, str]
    label: int
    swap: bool
    seed: int
    kind: str
    message: str
    credence: tuple[float, ...] | None
    orders: tuple[tuple[float, ...], ...] | None
    bias: float | None
    words: Mapping[str, int]
    quotes: Mapping[str, tuple[int, int]]
    clipped: Mapping[str, int]
    tokens: Mapping[str, tuple[int, int, int]]
    calls: int
    verdict: Mapping[str, Any] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether the judge gave a verdict that ratings and measures count."""
        return self.kind == "verdict" and self.credence is not None

    @cached_property
    def right(self) -> float | None:
        """1 if the judge's first choice is correct, 1/k if k answers tie for it, else 0."""
        return correctness(self.credence, self.label) if self.credence else None

    def truth(self, score: str) -> float:
        """Score of the team: the credence in the correct answer, or ``right`` for ``"win"``.

        Raises:
            ValueError: The match is not usable.
        """
        if not self.usable or self.credence is None or self.right is None:
            raise ValueError(f"match {self.match_id} has no usable verdict")
        return self.right if score == "win" else self.credence[self.label]

    def share(self, score: str) -> float:
        """Score of ``debater_0`` against ``debater_1``, in [0, 1]; theirs is the rest.

        Its part of the credence that the two contested answers got, or 1, 0.5 or 0 for ``"win"``.

        Raises:
            ValueError: The match is not usable.
        """
        if not self.usable or self.credence is None:
            raise ValueError(f"match {self.match_id} has no usable verdict")
        own, other = self.credence[0], self.credence[1]
        if score == "win":
            return (float(own > other) - float(own < other) + 1) / 2
        return own / (own + other) if own + other else 0.5

    def to_json(self) -> dict[str, Any]:
        """Return the line of ``matches.jsonl`` as plain data."""
        first, second = self.seats
        return {
            "v": FORMAT,
            "id": self.match_id,
            "pool": self.pool,
            "generation": self.generation,
            "phase": self.phase,
            "split": self.phase,
            "passage": self.passage,
            "question": self.question,
            "seats": {"debater_0": first, "debater_1": second},
            "label": self.label,
            "swap": self.swap,
            "seed": self.seed,
            "kind": self.kind,
            "message": self.message,
            "credence": self.credence,
            "orders": self.orders,
            "bias": self.bias,
            "right": self.right,
            "words": self.words,
            "quotes": self.quotes,
            "clipped": self.clipped,
            "tokens": self.tokens,
            "calls": self.calls,
            "verdict": self.verdict,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Match:
        """Read a line of ``matches.jsonl``.

        Raises:
            InputError: It is of another version, or a field is missing or of the wrong kind.
        """
        if data.get("v") != FORMAT:
            raise InputError(f"version {data.get('v')!r} of a match; this program reads {FORMAT}")
        try:
            orders = data["orders"]
            credence = data["credence"]
            return cls(
                match_id=data["id"],
                pool=data["pool"],
                generation=data["generation"],
                phase=data["phase"],
                passage=data["passage"],
                question=data["question"],
                seats=(data["seats"]["debater_0"], data["seats"]["debater_1"]),
                label=data["label"],
                swap=data["swap"],
                seed=data["seed"],
                kind=data["kind"],
                message=data["message"],
                credence=None if credence is None else tuple(credence),
                orders=None if orders is None else tuple(map(tuple, orders)),
                bias=data["bias"],
                words=data["words"],
                quotes={seat: (n, ok) for seat, (n, ok) in data["quotes"].items()},
                clipped=data["clipped"],
                tokens={seat: (p, c, t) for seat, (p, c, t) in data["tokens"].items()},
                calls=data["calls"],
                verdict=data["verdict"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"not a match: {type(error).__name__} {error}") from None


def match_of(plan: Plan, record: DebateRecord, pool: str) -> Match:
    """Record a debate that was played."""
    outcome = record.outcome
    details = record.details.get(JUDGE, {})
    orders = details.get("orders")
    usable = outcome.credence is not None
    bias = details.get("bias")
    return Match(
        match_id=plan.match_id(pool),
        pool=pool,
        generation=plan.generation,
        phase=plan.phase,
        passage=outcome.passage_id,
        question=outcome.question_id,
        seats=(plan.first.strategy_id, plan.second.strategy_id),
        label=outcome.label,
        swap=outcome.swap,
        seed=plan.seed,
        kind=outcome.kind,
        message=outcome.message,
        credence=outcome.credence,
        orders=tuple(map(tuple, orders)) if usable and orders else None,
        bias=float(bias) if usable and bias is not None else None,
        words=dict(outcome.words),
        quotes={seat: (n, ok) for seat, (n, ok) in outcome.quotes.items()},
        clipped=dict(outcome.clipped),
        tokens={seat: (*used,) for seat, used in record.usage.items()},
        calls=record.calls,
        verdict={k: details[k] for k in _HOW if k in details} if usable else {},
    )


_HOW = ("method", "missing_mass", "votes")


def transcript_line(match: Match, speeches: tuple[Speech, ...]) -> dict[str, Any]:
    """Return a line of ``transcripts/NNNN.jsonl.gz`` as plain data."""
    said = [[s.round, s.seat, s.text] for s in speeches]
    return {"v": FORMAT, "match": match.match_id, "speeches": said}


def debate_seed(run_seed: int, *parts: object) -> int:
    """Seed of a debate: from names alone, so that order and batch do not matter."""
    return derive_seed(run_seed, "debate", *parts)
