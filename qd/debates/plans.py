"""Which debates are to be played, and who plays in which seat; pure functions.

A **contest** is two strategies on one question. Both play the same debate on the same sides as
often as there are two of them: players change seats until each has had every seat. A strategy that
is measured alone takes all seats.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, TypeVar

from debate_env.core.protocols import DebateProtocol, sides_of
from debate_env.questions.question import Question
from debateqd.agents.base import derive_seed
from debateqd.qd.strategy import Strategy

Phase = Literal[
    "train", "selection", "report", "elites", "seeds", "panel", "archive", "robin", "length"
]
"""What a debate is for: in a run, the split of its question; in an evaluation, a kind of
:mod:`debateqd.qd.measures.splits`."""

T = TypeVar("T")


def content_id(*parts: object) -> str:
    """Name JSON-able parts."""
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


@dataclass(frozen=True)
class Plan:
    """A debate that is to be played.

    Attributes:
        generation: The generation that plays it, or that is evaluated.
        seats: Seat to the strategy that plays in it; the judges' seats are not planned.
        swap: Whether the contested answers are exchanged.
        seed: Everything random in the debate derives from it.
        split: The split that the question comes from; that of the phase where it is empty.
        subject: Id of the strategy that is measured; empty where all are.
    """

    phase: Phase
    generation: int
    question: Question
    seats: Mapping[str, Strategy]
    swap: bool
    seed: int
    split: str = ""
    subject: str = ""

    def match_id(self, pool: str) -> str:
        """Name the match: the same debate has the same name in every run."""
        texts = [strategy.text for strategy in self.seats.values()]
        return content_id(pool, self.phase, self.question.question_id, texts, self.swap, self.seed)


def seatings(rules: DebateProtocol, group: Sequence[T]) -> Iterator[dict[str, T]]:
    """Seat a group around the table as often as it has members, each in another place every time.

    Who defends the same answer shares a place; seats that defend none are a place each. Players
    take turns over the places where there are more of them.
    """
    sides = sides_of(rules)
    places = {seat: sides.get(seat, seat) for seat in rules.players}
    number = {place: i for i, place in enumerate(dict.fromkeys(places.values()))}
    for turn in range(len(group)):
        yield {seat: group[(number[place] + turn) % len(group)] for seat, place in places.items()}


def opponent_at(place: int, opponents: Sequence[Strategy], strategy: Strategy) -> Strategy:
    """Return the opponent whose turn it is; the next one where that is the strategy itself."""
    found = opponents[place % len(opponents)]
    same = found.strategy_id == strategy.strategy_id
    return opponents[(place + 1) % len(opponents)] if same else found


def presented_swapped(run_seed: int, *parts: object) -> bool:
    """Whether the contested answers are exchanged: a coin that depends on names alone."""
    return bool(derive_seed(run_seed, "swap", *parts) & 1)


@dataclass(frozen=True, slots=True)
class Contest:
    """Two strategies on one question; a strategy with itself where it is measured alone.

    ``phase`` is the split of the question, ``"train"`` or ``"selection"``.
    """

    first: str
    second: str
    question: Question
    phase: Phase = "train"


@dataclass(frozen=True)
class RunPlanner:
    """Plans the debates of a training run."""

    rules: DebateProtocol
    seed: int

    def contest(
        self,
        phase: Phase,
        generation: int,
        question: Question,
        pair: tuple[Strategy, Strategy],
        *occasion: object,
    ) -> tuple[Plan, ...]:
        """Plan the debates of a pair on a question: seats, and so sides, exchanged.

        ``occasion`` distinguishes the debates from others of the same pair and question.
        """
        plans = []
        for seats in seatings(self.rules, pair):
            names = [strategy.strategy_id for strategy in seats.values()]
            plans.append(self._plan(phase, generation, question, seats, occasion, *names))
        return tuple(plans)

    def alone(
        self,
        phase: Phase,
        generation: int,
        question: Question,
        strategy: Strategy,
        *occasion: object,
    ) -> Plan:
        """Plan a debate of a strategy with itself.

        The seed does not name the strategy: strategies that are compared on a question share
        whatever chance there is.
        """
        (seats,) = seatings(self.rules, [strategy])
        return self._plan(phase, generation, question, seats, occasion, "self")

    def _plan(
        self,
        phase: Phase,
        generation: int,
        question: Question,
        seats: Mapping[str, Strategy],
        occasion: Sequence[object],
        *names: str,
    ) -> Plan:
        key = (phase, *occasion, question.question_id)
        swap = presented_swapped(self.seed, *key)
        seed = derive_seed(self.seed, "debate", *key, *names)
        return Plan(phase, generation, question, seats, swap, seed)

    def plans_of(
        self,
        contest: Contest,
        strategies: Mapping[str, Strategy],
        generation: int,
        *occasion: object,
        alone: bool,
    ) -> tuple[Plan, ...]:
        """Plan the debates of a contest; ``alone``: each strategy debates itself, not the other."""
        pair = (strategies[contest.first], strategies[contest.second])
        if alone or contest.first == contest.second:
            return tuple(
                self.alone(contest.phase, generation, contest.question, one, *occasion)
                for one in dict.fromkeys(pair)
            )
        return self.contest(contest.phase, generation, contest.question, pair, *occasion)


@dataclass(frozen=True)
class EvaluationPlanner:
    """Plans the debates of an evaluation.

    All debates on a question share the presentation of its answers, so that exchanging seats
    exchanges sides and nothing else.

    Everything random derives from ``seed`` and names; ``split`` and ``generation`` are what is
    evaluated.
    """

    rules: DebateProtocol
    seed: int
    split: str = ""
    generation: int = 0

    def self_play(
        self,
        phase: Phase,
        strategies: Sequence[Strategy],
        questions: Sequence[Question],
        per_question: int,
    ) -> Iterator[Plan]:
        """Each question is debated by ``per_question`` strategies against themselves, in rotation.

        Where it matters which seat one has, every debate is played twice, the answers exchanged;
        elsewhere asking the judge in both answer orders is enough.
        """
        count = min(per_question, len(strategies))
        for i, question in enumerate(questions):
            for j in range(count):
                strategy = strategies[(i * count + j) % len(strategies)]
                for turn in range(1 if self.rules.symmetric else 2):
                    yield self.alone(phase, question, strategy, turn)

    def against(
        self,
        phase: Phase,
        strategies: Sequence[Strategy],
        opponents: Sequence[Strategy],
        questions: Sequence[Question],
    ) -> Iterator[Plan]:
        """Each strategy meets one opponent on each question, in all seats; opponents rotate.

        All opponents are met equally often, and each strategy meets all of them in turn. A strategy
        that is among the opponents does not meet itself while there is another.
        """
        # Once every strategy is back at the opponent it began with, all move on by one; else a
        # strategy would meet a few opponents only whenever the two numbers have a common divisor.
        cycle = math.lcm(len(strategies), len(opponents))
        for i, question in enumerate(questions):
            for j, strategy in enumerate(strategies):
                number = i * len(strategies) + j
                place = number + number // cycle
                opponent = opponent_at(place, opponents, strategy)
                yield from self.contest(phase, question, strategy, opponent)

    def objective(
        self,
        phase: Phase,
        strategies: Sequence[Strategy],
        seeds: Sequence[Strategy],
        questions: Sequence[Question],
        truth_weight: float,
    ) -> list[Plan]:
        """Plan what measures every strategy under an objective: against seeds, alone, or both."""
        found: list[Plan] = []
        if truth_weight < 1:
            found += self.against(phase, strategies, seeds, questions)
        if truth_weight > 0:
            found += self.self_play(phase, strategies, questions, len(strategies))
        return found

    def round_robin(
        self, strategies: Sequence[Strategy], questions: Sequence[Question], per_pair: int
    ) -> Iterator[Plan]:
        """Every two strategies meet on some questions, in all seats; questions rotate."""
        count = min(per_pair, len(questions))
        for number, (a, b) in enumerate(combinations(strategies, 2)):
            for k in range(count):
                question = questions[(number * count + k) % len(questions)]
                yield from self.contest("robin", question, a, b)

    def contest(
        self, phase: Phase, question: Question, strategy: Strategy, opponent: Strategy
    ) -> Iterator[Plan]:
        """A strategy meets an opponent on a question, in all seats."""
        for turn, seats in enumerate(seatings(self.rules, (strategy, opponent))):
            if strategy in seats.values():  # a player alone in its debate meets nobody
                yield self._plan(phase, question, seats, (strategy, opponent), turn)

    def alone(self, phase: Phase, question: Question, strategy: Strategy, turn: int = 0) -> Plan:
        """A strategy debates itself; the answers exchanged in turn 1."""
        (seats,) = seatings(self.rules, [strategy])
        return self._plan(phase, question, seats, (strategy, strategy), turn, bool(turn))

    def _plan(
        self,
        phase: Phase,
        question: Question,
        seats: Mapping[str, Strategy],
        pair: tuple[Strategy, Strategy],
        turn: int,
        turned: bool = False,
    ) -> Plan:
        # Turns have the names of seats, those of the strategy measured where it meets another.
        role = self.rules.players[0].rpartition("_")[0]
        names = (phase, question.question_id, *(s.text for s in pair), f"{role}_{turn}")
        coin = bool(derive_seed(self.seed, "evaluation-swap", question.question_id) % 2)
        return Plan(
            phase=phase,
            generation=self.generation,
            question=question,
            seats=seats,
            swap=coin ^ turned,
            seed=derive_seed(self.seed, "evaluation", *names),
            split=self.split,
            subject=pair[0].strategy_id,
        )
