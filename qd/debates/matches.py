"""Debates that were played: one thin record each, of training and of evaluation alike.

``matches.jsonl`` is append-only and the single source of truth of a run. Ratings, archives and
reports are views of it and can be recomputed at any time. What was said lies in ``transcripts/``,
found by the match id. A match is named before it is played, by a hash of everything that determines
it, so that a repeated match is recognised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field, fields
from functools import cached_property, lru_cache
from math import inf
from typing import Any

from pydantic import TypeAdapter, ValidationError

from debate_env.core.protocols import (
    Comparison,
    check_comparisons,
    get_protocol,
    sides_of,
)
from debate_env.core.rewards import correctness
from debate_env.core.settings import DebateSettings
from debate_env.core.transcript import Speech
from debate_env.errors import InputError
from debateqd.agents.base import TROUBLES
from debateqd.agents.models.base import Sampling
from debateqd.agents.prompts import CREDENCE_VERSION, PROMPT_VERSION
from debateqd.agents.rollout import DebateRecord
from debateqd.agents.verdicts import VerdictSettings
from debateqd.qd.debates.plans import Phase, Plan, content_id
from debateqd.qd.descriptors.base import BehaviourSummary

FORMAT = 3


def pool_hash(
    debater: str,
    judge: str,
    settings: DebateSettings,
    sampling: Sampling,
    questions: str,
    verdict: VerdictSettings = VerdictSettings(),  # noqa: B008  (frozen)
) -> str:
    """Name everything that must be equal for matches to be comparable.

    The objective and how it is scored are left out: they do not change a debate.
    """
    drawn = (sampling.max_tokens, sampling.temperature, sampling.top_p)
    version = CREDENCE_VERSION if verdict.method == "credence" else PROMPT_VERSION
    return content_id(version, debater, judge, settings.rules, drawn, questions, astuple(verdict))


@dataclass(frozen=True)
class Match:
    """A debate that was played: a line of ``matches.jsonl``, or of a file of an evaluation.

    Attributes:
        match_id: See :meth:`debateqd.qd.debates.plans.Plan.match_id`.
        pool: See :func:`pool_hash`.
        generation: The generation that played it, and so its transcript file; or was evaluated.
        seats: Seat to the id of the strategy that played in it, in the order of the protocol.
        sides: Seat to the presented answer that it defended; seats that defended none are left out.
        subject: Id of the strategy that was measured; empty where all were.
        label: Index of the correct answer in the presented order.
        swap: Whether the contested answers were exchanged.
        kind: ``"verdict"``, ``"abstained"``, ``"ended"``, ``"unusable"`` or ``"error"``.
        message: Why there is no verdict, in one line.
        credence: The judge's probabilities in the presented order, averaged over both orders.
        orders: The judge's probabilities in each order of showing them, each in the presented
            order; ``None`` where the judge keeps none.
        bias: Credence given to the answer shown first, minus its even share, over both orders.
        comparisons: What the protocol says of the players' strength; ratings read nothing else.
        quotes: Quotes of each seat and how many of them were verified.
        clipped: Speeches of each seat that were cut at the word limit.
        tokens: Prompt, completion and (of those) thinking tokens by seat (judges' too), where a
            model was asked.
        verdict: How the judge's probabilities were obtained: ``method``, and where known
            ``missing_mass`` and ``votes``; see :mod:`debateqd.agents.judge`. Empty without a usable
            verdict.
        behaviour: What was counted in the speeches of ``subject``; only where it is measured anew.
        troubles: What was wrong with the speeches of a seat, how often, by the names of
            :data:`debateqd.agents.base.TROUBLES`; seats without any are left out.
    """

    match_id: str
    pool: str
    generation: int
    phase: Phase
    split: str
    passage: str
    question: str
    seats: Mapping[str, str]
    sides: Mapping[str, int]
    subject: str
    label: int
    swap: bool
    seed: int
    kind: str
    message: str
    credence: tuple[float, ...] | None
    orders: tuple[tuple[float, ...], ...] | None
    bias: float | None
    comparisons: tuple[Comparison, ...]
    words: Mapping[str, int]
    speeches: Mapping[str, int]
    quotes: Mapping[str, tuple[int, int]]
    clipped: Mapping[str, int]
    tokens: Mapping[str, tuple[int, int, int]]
    calls: int
    verdict: Mapping[str, Any] = field(default_factory=dict)
    behaviour: BehaviourSummary | None = None
    troubles: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether the debate came to an end that ratings and measures count."""
        return self.kind in ("verdict", "ended")

    @cached_property
    def players(self) -> tuple[str, ...]:
        """The strategies that played, each once."""
        return tuple(dict.fromkeys(self.seats.values()))

    @property
    def alone(self) -> bool:
        """Whether one strategy had all seats."""
        return len(self.players) == 1

    @property
    def contested(self) -> bool:
        """Whether a player had an opponent, or has the only seat that there is."""
        return not self.alone or len(self.seats) == 1

    @cached_property
    def right(self) -> float | None:
        """1 if the judge's first choice is correct, 1/k if k answers tie for it, else 0."""
        return correctness(self.credence, self.label) if self.credence else None

    @property
    def believed(self) -> float | None:
        """The judge's credence in the correct answer."""
        return self.credence[self.label] if self.credence else None

    def seats_of(self, player: str) -> tuple[str, ...]:
        """The seats in which a strategy played."""
        return tuple(seat for seat, holder in self.seats.items() if holder == player)

    def side(self, player: str) -> int | None:
        """The answer that a strategy defended in the first of its seats."""
        return next((self.sides[s] for s in self.seats_of(player) if s in self.sides), None)

    def share(self, player: str, score: str) -> float | None:
        """Mean score of a strategy against others, in [0, 1]; theirs is the rest.

        ``"win"`` counts whole wins.
        """
        found = []
        for c in self.comparisons:
            own = any(self.seats[seat] == player for seat in c.rated)
            other = any(self.seats[seat] == player for seat in c.opponents)
            if c.objective == "persuasion" and own != other:
                value = c.win if score == "win" else c.score
                found.append((value if own else 1 - value, c.weight))
        return weighted_mean(found)

    def truth(self, score: str) -> float | None:
        """Score of the team: the credence in the correct answer, or ``right`` for ``"win"``."""
        return weighted_mean(
            (c.win if score == "win" else c.score, c.weight)
            for c in self.comparisons
            if c.objective == "truth"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the line of ``matches.jsonl`` as plain data."""
        line = {f.name: getattr(self, f.name) for f in fields(self)}
        counted = line.pop("behaviour")
        if counted is not None:
            line["behaviour"] = counted.to_dict()
        return {"v": FORMAT, "id": line.pop("match_id"), **line, "right": self.right}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Match:
        """Read a line of ``matches.jsonl``.

        Raises:
            InputError: It is of another version, or a field is missing or of the wrong kind.
        """
        version = data.get("v") if isinstance(data, Mapping) else None
        if version != FORMAT:
            raise InputError(f"version {version!r} of a match; this program reads {FORMAT}")
        try:
            match = _schema().validate_python({**data, "match_id": data["id"], "behaviour": None})
            if not 0 <= match.label < (len(match.credence) if match.credence else inf):
                raise ValueError(f"label {match.label} is the index of no answer")
            check_comparisons(match.comparisons, (*match.seats,))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise InputError(f"not a match: {where}: {first['msg']}") from None
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise InputError(f"not a match: {type(error).__name__} {error}") from None
        return match


@lru_cache(maxsize=1)
def _schema() -> TypeAdapter[Match]:
    return TypeAdapter(Match)


def weighted_mean(values: Iterable[tuple[float, float]]) -> float | None:
    """Return the mean of values with their weights; ``None`` without any."""
    kept = list(values)
    total = sum(weight for _, weight in kept)
    return sum(value * weight for value, weight in kept) / total if total else None


def match_of(plan: Plan, record: DebateRecord, pool: str) -> Match:
    """Record a debate that was played."""
    outcome, rules = record.outcome, get_protocol(record.job.settings.protocol)
    details = next((record.details[s] for s in rules.judges if s in record.details), {})
    judged = outcome.credence is not None
    orders, bias = details.get("orders"), details.get("bias")
    return Match(
        match_id=record.job.job_id,
        pool=pool,
        generation=plan.generation,
        phase=plan.phase,
        split=plan.split or plan.phase,
        passage=outcome.passage_id,
        question=outcome.question_id,
        seats={seat: strategy.strategy_id for seat, strategy in plan.seats.items()},
        sides=sides_of(rules),
        subject=plan.subject,
        label=outcome.label,
        swap=outcome.swap,
        seed=plan.seed,
        kind=outcome.kind,
        message=outcome.message,
        credence=outcome.credence,
        orders=tuple(map(tuple, orders)) if judged and orders else None,
        bias=float(bias) if judged and bias is not None else None,
        comparisons=record.comparisons,
        words=dict(outcome.words),
        speeches={seat: sum(s.seat == seat for s in record.speeches) for seat in plan.seats},
        quotes={seat: (n, ok) for seat, (n, ok) in outcome.quotes.items()},
        clipped=dict(outcome.clipped),
        tokens={seat: (*used,) for seat, used in record.usage.items()},
        calls=record.calls,
        verdict={k: details[k] for k in _HOW if k in details} if judged else {},
        troubles={seat: found for seat in plan.seats if (found := _troubles(record, seat))},
    )


_HOW = ("method", "missing_mass", "votes")


def _troubles(record: DebateRecord, seat: str) -> dict[str, int]:
    """Add up the rounds of a seat, whose details may be those of any agent."""
    rounds = [r for r in record.details.get(seat, {}).values() if isinstance(r, Mapping)]
    numbers = {n: sum(r[n] for r in rounds if isinstance(r.get(n), int)) for n in TROUBLES}
    return {name: number for name, number in numbers.items() if number > 0}


def transcript_line(match: Match, speeches: tuple[Speech, ...]) -> dict[str, Any]:
    """Return a line of ``transcripts/NNNN.jsonl.gz`` as plain data."""
    said = [[s.round, s.seat, s.text] for s in speeches]
    return {"v": FORMAT, "match": match.match_id, "speeches": said}
