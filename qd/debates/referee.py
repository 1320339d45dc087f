"""Plays planned debates and hands back matches in the order of the plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from debate_env.core.protocols import DebateProtocol, get_protocol
from debate_env.core.settings import DebateSettings
from debate_env.core.transcript import Speech
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.judge import ModelJudge
from debateqd.agents.models.base import ChatModel, Sampling, StoppedError
from debateqd.agents.rollout import DebateJob, DebateRecord, PrefixRoom, play
from debateqd.agents.verdicts import VerdictSettings, resolve
from debateqd.qd.config.schema import LimitsConfig, RunConfig
from debateqd.qd.debates.context_limits import prefix_room
from debateqd.qd.debates.matches import Match, match_of, pool_hash
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.plans import Plan
from debateqd.qd.debates.questions import RunQuestions

Recorder = Callable[[Match, tuple[Speech, ...]], None]
"""Takes a match with what was said in it."""

PlayPlans = Callable[[Sequence[Plan]], list[Match]]
"""Plays debates; returns their matches in the same order."""


class TrainingStoppedError(StoppedError):
    """A run gives up; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Players:
    """The models that debates are played with, and the rules.

    ``questions`` names the questions as they are debated; ``room`` says how much of a prefix cache
    the open debates may hold, at most ``max_open`` at once.
    """

    debater: ChatModel
    judge: ChatModel
    settings: DebateSettings
    sampling: Sampling
    questions: str = ""
    verdict: VerdictSettings = field(default_factory=VerdictSettings)
    room: PrefixRoom | None = None
    max_open: int = 512

    @property
    def rules(self) -> DebateProtocol:
        """The protocol that is played."""
        return get_protocol(self.settings.protocol)

    def pool(self) -> str:
        """Name everything that must be equal for matches to be comparable."""
        return pool_hash(
            self.debater.fingerprint,
            self.judge.fingerprint,
            self.settings,
            self.sampling,
            self.questions,
            resolve(self.verdict, self.judge),
        )


def make_players(
    config: RunConfig, questions: str, debater: ChatModel, judge: ChatModel
) -> Players:
    """Seat models as a configuration says; ``questions`` names them as they are debated."""
    return Players(
        debater,
        judge,
        config.debate,
        config.debater_sampling(),
        questions,
        config.models.verdict,
        prefix_room(config, debater),
        config.models.max_open,
    )


def make_referee(config: RunConfig, questions: RunQuestions, models: Models) -> Referee:
    """Make the referee of a run."""
    players = make_players(config, questions.identity, models.debater, models.judge)
    return Referee(players, config.evolution.limits)


def play_plans(plans: Sequence[Plan], players: Players, record: Recorder) -> list[Match]:
    """Play debates.

    Args:
        plans: The debates, grouped by passage, so that an engine reads each about once. One that
            is planned twice is played once.
        players: Who plays them.
        record: Called for every match in the order of the plans, as soon as it and all before it
            have been played.

    Returns:
        The matches in the order of the plans.
    """
    pool, matches = players.pool(), dict[str, Match]()
    ids = [plan.match_id(pool) for plan in plans]
    distinct: dict[str, Plan] = {}
    for match_id, plan in zip(ids, plans, strict=True):
        distinct.setdefault(match_id, plan)
    jobs = _jobs(distinct, players)
    played = play(jobs, max_open=players.max_open, room=players.room)
    for match_id, one in zip(distinct, _in_order(played, distinct), strict=True):
        matches[match_id] = match_of(distinct[match_id], one, pool)
        record(matches[match_id], one.speeches)
    return [matches[match_id] for match_id in ids]


def _jobs(plans: Mapping[str, Plan], players: Players) -> Iterator[DebateJob]:
    debaters: dict[str, StrategyDebater] = {}
    judge = ModelJudge(players.judge, verdict=players.verdict)
    judges = dict.fromkeys(players.rules.judges, judge)
    for match_id, plan in plans.items():
        for strategy in plan.seats.values():
            if strategy.text not in debaters:
                debaters[strategy.text] = StrategyDebater(
                    players.debater,
                    strategy.text,
                    sampling=players.sampling,
                    name=strategy.strategy_id,
                )
        seated = {seat: debaters[strategy.text] for seat, strategy in plan.seats.items()}
        yield DebateJob(
            match_id, plan.question, {**seated, **judges}, plan.seed, players.settings, plan.swap
        )


def _in_order(records: Iterator[DebateRecord], ids: Iterable[str]) -> Iterator[DebateRecord]:
    """Yield records, which come as they finish, in the order of their jobs."""
    waiting: dict[str, DebateRecord] = {}
    wanted = iter(ids)
    match_id = next(wanted, None)
    for record in records:
        waiting[record.job.job_id] = record
        while match_id in waiting:
            yield waiting.pop(match_id)
            match_id = next(wanted, None)


class Referee:
    """Plays the debates of a run, and ends it when most verdicts cannot be used."""

    def __init__(self, players: Players, limits: LimitsConfig) -> None:
        self.players = players
        self.pool = players.pool()
        self._limits = limits
        self._played = 0
        self._failed: Counter[str] = Counter()

    def new_generation(self) -> None:
        """Count unusable verdicts afresh."""
        self._played = 0
        self._failed.clear()

    def play(self, plans: Sequence[Plan], record: Recorder) -> list[Match]:
        """Play debates as :func:`play_plans` does.

        Raises:
            TrainingStoppedError: Too many debates of this generation have no usable verdict.
        """

        def recorded(match: Match, speeches: tuple[Speech, ...]) -> None:
            record(match, speeches)
            self._count(match)

        return play_plans(plans, self.players, recorded)

    def _count(self, match: Match) -> None:
        """Give up early when most verdicts cannot be used: the rest of the run would be worthless.

        An abstention is a legal verdict of a judge, so it does not count here.
        """
        self._played += 1
        if match.kind in ("verdict", "abstained", "ended"):
            return
        self._failed[match.message] += 1
        failed, limits = sum(self._failed.values()), self._limits
        if self._played >= limits.unusable_after and failed > limits.unusable_share * self._played:
            example, times = self._failed.most_common(1)[0]
            raise TrainingStoppedError(
                f"{failed} of {self._played} debates of generation {match.generation} have no "
                f"usable verdict (limit: {limits.unusable_share:.0%}); most frequent, {times} "
                f"times: {example}; check the models, or raise "
                "evolution.limits.unusable_share"
            )
