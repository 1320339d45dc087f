"""Which debates are played for what, and how they score; pure functions.

A **contest** is two strategies on one question.

In every contest between two strategies both debate both sides of the same question: once each in
either seat. A strategy that is measured by its truth debates itself, on both sides at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from debate_env.questions.question import Question
from debateqd.agents.base import derive_seed
from debateqd.qd.debates.matches import Match, Phase, Plan, debate_seed
from debateqd.qd.strategy import Strategy


def presented_swapped(run_seed: int, *parts: object) -> bool:
    """Whether the contested answers are exchanged: a coin that depends on names alone."""
    return bool(derive_seed(run_seed, "swap", *parts) & 1)


def both_seats(
    run_seed: int,
    phase: Phase,
    generation: int,
    question: Question,
    pair: tuple[Strategy, Strategy],
    *occasion: object,
) -> tuple[Plan, Plan]:
    """Plan the two debates of a pair on a question: seats, and so sides, exchanged.

    Args:
        run_seed: Seed of the run.
        phase: What the debates are for.
        generation: The generation that plays them.
        question: The question.
        pair: The two strategies.
        occasion: What distinguishes the debates from others of the same pair and question.
    """
    key = (phase, *occasion, question.question_id)
    swap = presented_swapped(run_seed, *key)
    a, b = pair

    def plan(first: Strategy, second: Strategy) -> Plan:
        seed = debate_seed(run_seed, *key, first.strategy_id, second.strategy_id)
        return Plan(phase, generation, question, first, second, swap, seed)

    return plan(a, b), plan(b, a)


def self_debate(
    run_seed: int,
    phase: Phase,
    generation: int,
    question: Question,
    strategy: Strategy,
    *occasion: object,
) -> Plan:
    """Plan a debate of a strategy with itself.

    The seed does not name the strategy: strategies that are compared on a question share whatever
    chance there is.
    """
    key = (phase, *occasion, question.question_id)
    swap = presented_swapped(run_seed, *key)
    seed = debate_seed(run_seed, *key, "self")
    return Plan(phase, generation, question, strategy, strategy, swap, seed)


@dataclass(frozen=True, slots=True)
class Contest:
    """Two strategies on one question; a strategy with itself where it is measured alone.

    Attributes:
        first: Id of one strategy.
        second: Id of the other.
        question: What they debate.
        phase: ``"train"`` or ``"selection"``, the split of the question.
    """

    first: str
    second: str
    question: Question
    phase: Phase = "train"


def contest_plans(
    contest: Contest,
    strategies: Mapping[str, Strategy],
    run_seed: int,
    generation: int,
    *occasion: object,
    alone: bool,
) -> tuple[Plan, ...]:
    """Plan the debates of a contest.

    Args:
        contest: The contest.
        strategies: Strategies by id.
        run_seed: Seed of the run.
        generation: The generation that plays.
        occasion: What distinguishes the debates from others of the same pair and question.
        alone: Whether each strategy debates itself instead of the other.
    """
    pair = (strategies[contest.first], strategies[contest.second])
    if alone or contest.first == contest.second:
        return tuple(
            self_debate(run_seed, contest.phase, generation, contest.question, one, *occasion)
            for one in dict.fromkeys(pair)
        )
    return both_seats(run_seed, contest.phase, generation, contest.question, pair, *occasion)


def share_won(matches: Iterable[Match], strategy_id: str, score: str) -> float | None:
    """Mean share that a strategy won of its usable matches; ``None`` without any."""
    shares = [
        match.share(score) if match.seats[0] == strategy_id else 1 - match.share(score)
        for match in matches
        if match.usable
    ]
    return sum(shares) / len(shares) if shares else None


def truth_reached(matches: Iterable[Match], score: str) -> float | None:
    """Mean truth score of usable matches; ``None`` without any."""
    scores = [match.truth(score) for match in matches if match.usable]
    return sum(scores) / len(scores) if scores else None


def points(matches: Sequence[Match], strategy_id: str, truth_weight: float) -> float | None:
    """Tournament points of a strategy in a round: won or right debates / usable ones.

    Args:
        matches: The strategy's matches of the round.
        strategy_id: The strategy.
        truth_weight: 0 for persuasion, 1 for truth, between them for a mix.

    Returns:
        Points in [0, 1]; ``None`` when no match is usable.
    """
    if not any(match.usable for match in matches):
        return None
    won = (share_won(matches, strategy_id, "win") or 0.0) if truth_weight < 1 else 0.0
    right = (truth_reached(matches, "win") or 0.0) if truth_weight > 0 else 0.0
    return (1 - truth_weight) * won + truth_weight * right
