"""The debates of an evaluation: who meets whom, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from debate_env.core.protocols import DEBATERS
from debate_env.core.settings import DebateSettings
from debate_env.questions.question import Question
from debateqd.agents.base import derive_seed
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.judge import ModelJudge
from debateqd.agents.models.base import ChatModel, Sampling
from debateqd.agents.rollout import DebateJob, DebateRecord, PrefixRoom, play_all
from debateqd.agents.verdicts import VerdictSettings
from debateqd.qd.descriptors.base import BehaviourSummary, Descriptor
from debateqd.qd.descriptors.exchanges import exchanges
from debateqd.qd.statistics import Estimate, mean_interval
from debateqd.qd.strategy import Strategy

Kind = Literal["elites", "seeds", "panel", "duel", "archive", "robin", "length"]
"""What debates are for; see :mod:`debateqd.qd.measures.splits`."""

KINDS: tuple[Kind, Kind] = ("elites", "seeds")
"""The two kinds of self-play that are compared with each other."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Players:
    """The models that an evaluation is played with.

    Attributes:
        debater: Model of every debater.
        judge: Model of the judge, also of the two baselines.
        settings: Rules of the debates.
        sampling: How debaters' replies are drawn.
        verdict: How the judge's probabilities are obtained.
        room: How much of a prefix cache the open debates may hold.
        max_open: Most debates that are open at once.
    """

    debater: ChatModel
    judge: ChatModel
    settings: DebateSettings
    sampling: Sampling
    verdict: VerdictSettings = field(default_factory=VerdictSettings)
    room: PrefixRoom | None = None
    max_open: int = 512


@dataclass(frozen=True, slots=True)
class Trial:
    """One debate of an evaluation.

    Attributes:
        kind: What the debate is for.
        strategy: The strategy measured, in ``seat``.
        opponent: The other strategy; the same one in self-play.
        question: Question id.
        passage: Passage id.
        seat: Seat of ``strategy``.
        defends_correct: Whether ``strategy`` argued for the correct answer.
        verdict: ``"verdict"``, ``"abstained"``, ``"unusable"`` or ``"error"``.
        message: Why there is no usable verdict; empty otherwise.
        credence: The judge's credence per presented answer, averaged over both orders.
        right: 1 if the judge picked the correct answer, 0 if not, a share for a tie.
        won: 1 if the judge sided with ``strategy``, 0 if not, 0.5 for a tie.
        bias: Credence given to the first-shown answer, minus its even share, over both orders.
        method: How the judge's probabilities were obtained; empty without a usable verdict.
        truth: The judge's credence in the correct answer.
        orders: Its credence in each order of showing the answers, as presented and reversed; each
            in the presented order. ``None`` where the judge keeps none.
        words: Words that ``strategy`` said; in self-play in both seats.
        speeches: Its speeches.
        behaviour: What was counted in its speeches; only in debates that measure the archive.
    """

    kind: Kind
    strategy: str
    opponent: str
    question: str
    passage: str
    seat: str
    defends_correct: bool
    verdict: str
    message: str
    credence: tuple[float, ...] | None
    right: float | None
    won: float | None
    bias: float | None
    method: str = ""
    truth: float | None = None
    orders: tuple[tuple[float, ...], ...] | None = None
    words: int = 0
    speeches: int = 0
    behaviour: BehaviourSummary | None = None

    @property
    def usable(self) -> bool:
        """Whether the judge gave a verdict that can be counted."""
        return self.verdict == "verdict"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping, one line of ``evaluation/*.jsonl``."""
        line = {f.name: getattr(self, f.name) for f in fields(self)}
        if self.behaviour is not None:
            line["behaviour"] = self.behaviour.to_dict()
        return line

    def share(self, score: str) -> float | None:
        """Score of ``strategy`` against its opponent, as :meth:`.matches.Match.share`."""
        if self.credence is None or score == "win":
            return self.won
        place = DEBATERS.index(self.seat)
        own, other = self.credence[place], self.credence[1 - place]
        return own / (own + other) if own + other else 0.5

    def reached(self, score: str) -> float | None:
        """Score of the team, as :meth:`debateqd.qd.debates.matches.Match.truth`."""
        return self.right if score == "win" else self.truth


@dataclass(frozen=True, slots=True)
class Pairing:
    """Who is to meet whom, for what; ``seat`` is that of ``strategy``."""

    kind: Kind
    strategy: Strategy
    opponent: Strategy
    question: Question
    seat: str


def self_play(
    kind: Kind,
    strategies: Sequence[Strategy],
    questions: Sequence[Question],
    per_question: int,
    *,
    both_orders: bool = False,
) -> Iterator[Pairing]:
    """Each question is debated by ``per_question`` strategies against themselves, in rotation.

    Args:
        kind: What the debates are for.
        strategies: Who debates.
        questions: About what.
        per_question: Strategies per question.
        both_orders: Play each debate twice, the correct side speaking first in one of them. Needed
            where debaters speak one after the other; elsewhere asking the judge in both answer
            orders is enough.
    """
    count = min(per_question, len(strategies))
    seats = ("debater_0", "debater_1") if both_orders else ("debater_0",)
    for i, question in enumerate(questions):
        for j in range(count):
            strategy = strategies[(i * count + j) % len(strategies)]
            for seat in seats:
                yield Pairing(kind, strategy, strategy, question, seat)


def against(
    kind: Kind,
    strategies: Sequence[Strategy],
    opponents: Sequence[Strategy],
    questions: Sequence[Question],
) -> Iterator[Pairing]:
    """Each strategy meets one opponent on each question, in both seats; opponents rotate.

    All opponents are met equally often, and each strategy meets all of them in turn. A strategy
    that is among the opponents does not meet itself while there is another.
    """
    # Once every strategy is back at the opponent it began with, all move on by one; else a strategy
    # would meet a few opponents only whenever the two numbers have a common divisor.
    cycle = math.lcm(len(strategies), len(opponents))
    for i, question in enumerate(questions):
        for j, strategy in enumerate(strategies):
            number = i * len(strategies) + j
            place = number + number // cycle
            opponent = opponents[place % len(opponents)]
            if opponent.strategy_id == strategy.strategy_id:
                opponent = opponents[(place + 1) % len(opponents)]
            for seat in ("debater_0", "debater_1"):
                yield Pairing(kind, strategy, opponent, question, seat)


def _jobs(pairings: Iterable[Pairing], players: Players, seed: int) -> Iterator[DebateJob]:
    debaters: dict[str, StrategyDebater] = {}

    def debater(strategy: Strategy) -> StrategyDebater:
        if strategy.text not in debaters:
            debaters[strategy.text] = StrategyDebater(
                players.debater, strategy.text, sampling=players.sampling
            )
        return debaters[strategy.text]

    judge = ModelJudge(players.judge, verdict=players.verdict)
    for p in pairings:
        other = "debater_1" if p.seat == "debater_0" else "debater_0"
        # Both seats of a pairing share the presentation of the answers, so that exchanging seats
        # exchanges sides and nothing else. In self-play there is nobody to exchange seats with, and
        # the answers change places instead.
        turned = p.seat == "debater_1" and p.strategy is p.opponent
        names = (p.kind, p.question.question_id, p.strategy.text, p.opponent.text)
        yield DebateJob(
            job_id="/".join((*names[:2], p.strategy.strategy_id, p.opponent.strategy_id, p.seat)),
            question=p.question,
            agents={p.seat: debater(p.strategy), other: debater(p.opponent), "judge_0": judge},
            seed=derive_seed(seed, "evaluation", *names, p.seat),
            settings=players.settings,
            swap=bool(derive_seed(seed, "evaluation-swap", p.question.question_id) % 2) ^ turned,
        )


def _trial(
    pairing: Pairing, record: DebateRecord, order: str, descriptors: Sequence[Descriptor] | None
) -> Trial:
    outcome = record.outcome
    place = 0 if pairing.seat == "debater_0" else 1
    won: float | None = None
    if outcome.kind == "verdict" and outcome.credence is not None:
        own, other = outcome.credence[place], outcome.credence[1 - place]
        won = 0.5 if own == other else float(own > other)
    details = record.details.get("judge_0", {})
    usable = outcome.kind == "verdict" and outcome.credence is not None
    bias, orders = details.get("bias"), details.get("orders")
    own_seats = DEBATERS if pairing.strategy is pairing.opponent else (pairing.seat,)
    behaviour = None
    if pairing.kind == "archive" and usable:
        spoken = [e for seat in own_seats for e in exchanges(record.speeches, seat, order)]
        behaviour = BehaviourSummary.of_match(spoken, descriptors)
    return Trial(
        kind=pairing.kind,
        strategy=pairing.strategy.strategy_id,
        opponent=pairing.opponent.strategy_id,
        question=pairing.question.question_id,
        passage=pairing.question.passage_id,
        seat=pairing.seat,
        defends_correct=outcome.label == place,
        verdict=outcome.kind,
        message=outcome.message,
        credence=outcome.credence,
        right=outcome.correct if outcome.kind == "verdict" else None,
        won=won,
        bias=None if bias is None else float(bias),
        method=str(details.get("method", "")),
        truth=outcome.credence[outcome.label] if usable and outcome.credence else None,
        orders=tuple(map(tuple, orders)) if usable and orders else None,
        words=sum(outcome.words.get(seat, 0) for seat in own_seats),
        speeches=sum(speech.seat in own_seats for speech in record.speeches),
        behaviour=behaviour,
    )


def play_trials(
    pairings: Sequence[Pairing],
    players: Players,
    seed: int,
    progress: Progress | None = None,
    descriptors: Sequence[Descriptor] | None = None,
) -> list[Trial]:
    """Play pairings and return their trials in the same order, whatever order they finish in.

    Args:
        pairings: Who meets whom.
        players: The models.
        seed: Everything random derives from it and names.
        progress: Called with (debates done, debates to do).
        descriptors: What is counted in debates that measure the archive; by default the default
            descriptors.
    """
    jobs = list(_jobs(pairings, players, seed))
    if len({job.job_id for job in jobs}) != len(jobs):
        raise ValueError("a pairing occurs twice on the same question and seat")
    done = 0

    def count(record: DebateRecord) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, len(jobs))

    records = play_all(jobs, max_open=players.max_open, room=players.room, on_record=count)
    order = players.settings.protocol
    return [
        _trial(pairing, record, order, descriptors)
        for pairing, record in zip(pairings, records, strict=True)
    ]


def rate(trials: Iterable[Trial], value: Callable[[Trial], float | None]) -> Estimate:
    """Mean of a value in [0, 1] over the trials that have it, clustered by passage."""
    kept = [(v, t.passage) for t in trials if (v := value(t)) is not None]
    return mean_interval([v for v, _ in kept], [p for _, p in kept], proportion=True)


def by_question(
    trials: Iterable[Trial], value: Callable[[Trial], float | None]
) -> dict[str, tuple[float, str]]:
    """Mean of a value over the trials of each question, with the question's passage."""
    sums: dict[str, list[float]] = {}
    passages: dict[str, str] = {}
    for trial in trials:
        v = value(trial)
        if v is not None:
            sums.setdefault(trial.question, []).append(v)
            passages[trial.question] = trial.passage
    return {q: (sum(vs) / len(vs), passages[q]) for q, vs in sums.items()}


def paired(
    first: Mapping[str, tuple[float, str]], second: Mapping[str, tuple[float, str]]
) -> tuple[list[float], list[str]]:
    """Differences first minus second on the questions both have, with their passages."""
    common = [q for q in first if q in second]
    return [first[q][0] - second[q][0] for q in common], [first[q][1] for q in common]


def right(trial: Trial) -> float | None:
    """Whether the judge was right, for :func:`rate` and :func:`by_question`."""
    return trial.right


def won(trial: Trial) -> float | None:
    """Whether the measured strategy won, for :func:`rate` and :func:`by_question`."""
    return trial.won


def share_won(trial: Trial) -> float | None:
    """Share of the credence that the measured strategy won, for :func:`rate`."""
    return trial.share("credence")


def believed(trial: Trial) -> float | None:
    """The judge's credence in the correct answer, for :func:`rate` and :func:`by_question`."""
    return trial.truth
