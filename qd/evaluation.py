"""What a run is worth on questions it has and has not seen.

Three kinds of debate are played on every question:

- *elites*: each elite debates itself; the share of right verdicts is the run's **judge accuracy**
  (self-play accuracy of Khan et al. 2024, section 3);
- *seeds*: seed strategies debate themselves on the same questions, for comparison;
- *panel*: each elite meets a seed strategy, once in either seat; the share it wins is the **win
  rate against the seed panel**. Seeds rotate over questions, so all are met about equally often;
  a seed that is an elite itself meets the next one instead.

Two baselines ask the judge model alone: without the passage, and reading it. Everything is averaged
over questions with passages as clusters. Debates without a usable verdict are left out of rates and
counted beside them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from agents.base import Failure, derive_seed
from agents.debater import StrategyDebater
from agents.judge import ModelJudge, read_question
from agents.models.base import ChatModel, Sampling
from agents.rollout import DebateJob, DebateRecord, PrefixRoom, play_all, run_thoughts
from agents.verdicts import VerdictSettings
from debate_env.questions import Question
from debate_env.rewards import correctness
from debate_env.settings import DebateSettings
from qd.statistics import Estimate, difference_interval, mean_interval
from qd.strategy import Strategy

Kind = Literal["elites", "seeds", "panel", "duel"]
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

    @property
    def usable(self) -> bool:
        """Whether the judge gave a verdict that can be counted."""
        return self.verdict == "verdict"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping, one line of ``evaluation/*.jsonl``."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True)
class Reading:
    """The judge model alone on one question; ``None`` where its reply could not be used."""

    question: str
    passage: str
    no_debate: float | None
    reading: float | None


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


def _trial(pairing: Pairing, record: DebateRecord) -> Trial:
    outcome = record.outcome
    place = 0 if pairing.seat == "debater_0" else 1
    won: float | None = None
    if outcome.kind == "verdict" and outcome.credence is not None:
        own, other = outcome.credence[place], outcome.credence[1 - place]
        won = 0.5 if own == other else float(own > other)
    details = record.details.get("judge_0", {})
    bias = details.get("bias")
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
    )


def play_trials(
    pairings: Sequence[Pairing], players: Players, seed: int, progress: Progress | None = None
) -> list[Trial]:
    """Play pairings and return their trials in the same order, whatever order they finish in."""
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
    return [_trial(pairing, record) for pairing, record in zip(pairings, records, strict=True)]


def read_alone(
    questions: Sequence[Question],
    judge: ChatModel,
    seed: int,
    verdict: VerdictSettings = VerdictSettings(),  # noqa: B008  (frozen)
) -> list[Reading]:
    """Ask the judge model every question without a debate: without and with the passage."""
    thoughts = [
        read_question(
            judge,
            question,
            passage,
            derive_seed(seed, "baseline", question.question_id, passage is not None),
            verdict,
        )
        for question in questions
        for passage in (None, question.passage)
    ]
    answers = run_thoughts(judge, thoughts)
    shares = [
        None if isinstance(answer, Failure) else correctness(answer, question.label)
        for answer, question in zip(answers, (q for q in questions for _ in (0, 1)), strict=True)
    ]
    return [
        Reading(question.question_id, question.passage_id, shares[2 * i], shares[2 * i + 1])
        for i, question in enumerate(questions)
    ]


@dataclass(frozen=True, slots=True)
class SplitReport:
    """Everything measured on one split; every rate with a 95 % interval clustered by passage.

    Attributes:
        questions: Questions in the split.
        passages: Passages they are about.
        debates: Debates played.
        accuracy: Judge accuracy when elites debate themselves.
        seed_accuracy: The same for the seed strategies.
        accuracy_gain: Their difference, paired by question.
        win_rate: Share of debates that elites win against the seed panel, both seats.
        position_bias: Mean excess credence of the first-shown answer.
        unusable: Share of debates without a usable verdict.
        unusable_kinds: Their number by kind.
        no_debate: Accuracy of the judge model without passage or debate.
        reading: Accuracy of the judge model reading the passage.
    """

    questions: int
    passages: int
    debates: int
    accuracy: Estimate
    seed_accuracy: Estimate
    accuracy_gain: Estimate
    win_rate: Estimate
    position_bias: Estimate
    unusable: Estimate
    unusable_kinds: Mapping[str, int]
    no_debate: Estimate
    reading: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping."""
        shown: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, Estimate):
                value = value.to_json()
            elif isinstance(value, Mapping):
                value = dict(value)
            shown[f.name] = value
        return shown


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


def report_split(
    questions: Sequence[Question], trials: Sequence[Trial], readings: Sequence[Reading]
) -> SplitReport:
    """Summarise one split."""
    kinds: dict[str, list[Trial]] = {"elites": [], "seeds": [], "panel": []}
    for trial in trials:
        kinds[trial.kind].append(trial)
    biases = [(t.bias, t.passage) for t in trials if t.bias is not None]
    differences = paired(by_question(kinds["elites"], right), by_question(kinds["seeds"], right))

    def baseline(value: Callable[[Reading], float | None]) -> Estimate:
        kept = [(v, r.passage) for r in readings if (v := value(r)) is not None]
        return mean_interval([v for v, _ in kept], [p for _, p in kept], proportion=True)

    return SplitReport(
        questions=len(questions),
        passages=len({q.passage_id for q in questions}),
        debates=len(trials),
        accuracy=rate(kinds["elites"], right),
        seed_accuracy=rate(kinds["seeds"], right),
        accuracy_gain=mean_interval(*differences),
        win_rate=rate(kinds["panel"], won),
        position_bias=mean_interval([b for b, _ in biases], [p for _, p in biases]),
        unusable=rate(trials, lambda t: float(not t.usable)),
        unusable_kinds=dict(sorted(Counter(t.verdict for t in trials if not t.usable).items())),
        no_debate=baseline(lambda r: r.no_debate),
        reading=baseline(lambda r: r.reading),
    )


def accuracy_gap(train: Sequence[Trial], test: Sequence[Trial], kind: Kind = "elites") -> Estimate:
    """Generalisation gap: judge accuracy in self-play on train minus test questions."""
    sides = []
    for trials in (train, test):
        kept = [(t.right, t.passage) for t in trials if t.kind == kind and t.right is not None]
        sides.append(([v for v, _ in kept], [p for _, p in kept]))
    return difference_interval(sides[0], sides[1])


def gap_over_seeds(train: Sequence[Trial], test: Sequence[Trial]) -> Estimate:
    """The elites' generalisation gap minus that of the seeds, paired by question.

    Passages differ in difficulty, so a gap of the elites alone may only say that the test passages
    are harder. The seeds have learned nothing; their gap is that difference.
    """
    sides = [
        paired(*(by_question((t for t in trials if t.kind == kind), right) for kind in KINDS))
        for trials in (train, test)
    ]
    return difference_interval(sides[0], sides[1])
