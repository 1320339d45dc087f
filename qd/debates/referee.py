"""Plays planned debates and hands back matches in the order of the plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from debate_env.core.protocols import DEBATERS, JUDGE
from debate_env.core.settings import DebateSettings
from debate_env.core.transcript import Speech
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.judge import ModelJudge
from debateqd.agents.models.base import Sampling, StoppedError
from debateqd.agents.rollout import DebateJob, DebateRecord, PrefixRoom, play
from debateqd.agents.verdicts import VerdictSettings, resolve
from debateqd.qd.config.schema import LimitsConfig, RunConfig
from debateqd.qd.debates.context_limits import prefix_room
from debateqd.qd.debates.matches import Match, Plan, match_of, pool_hash
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.questions import RunQuestions
from debateqd.qd.strategy import Strategy

Recorder = Callable[[Match, tuple[Speech, ...]], None]
"""Takes a match with what was said in it."""


class TrainingStoppedError(StoppedError):
    """A run gives up; the message is one line for the user."""


class Referee:
    """Plays debates between strategies.

    Args:
        models: Whose debater and judge play.
        settings: Rules of every debate.
        sampling: How speeches are drawn.
        questions: Content hash of the question set.
        verdict: How the judge's probabilities are obtained.
        room: How much of a prefix cache the open debates may hold.
        max_open: Most debates that are open at once.
        limits: When to give up because of unusable verdicts.
    """

    def __init__(
        self,
        models: Models,
        settings: DebateSettings,
        sampling: Sampling,
        questions: str,
        *,
        verdict: VerdictSettings | None = None,
        room: PrefixRoom | None = None,
        max_open: int = 512,
        limits: LimitsConfig | None = None,
    ) -> None:
        self.settings = settings
        verdict = resolve(verdict or VerdictSettings(), models.judge)
        self.pool = pool_hash(
            models.debater.fingerprint,
            models.judge.fingerprint,
            settings,
            sampling,
            questions,
            verdict,
        )
        self._models = models
        self._sampling = sampling
        self._room = room
        self._max_open = max_open
        self._limits = limits or LimitsConfig()
        self._judge = ModelJudge(models.judge, verdict=verdict)
        self._debaters: dict[str, StrategyDebater] = {}
        self._played = 0
        self._failed: Counter[str] = Counter()

    def new_generation(self) -> None:
        """Count unusable verdicts afresh, and forget debaters of the last generation."""
        self._played = 0
        self._failed.clear()
        self._debaters.clear()

    def play(self, plans: Sequence[Plan], record: Recorder) -> list[Match]:
        """Play debates.

        Args:
            plans: The debates; grouped by passage, so that an engine reads each about once.
            record: Called for every match in the order of the plans, as soon as it and all before
                it have been played.

        Returns:
            The matches in the order of the plans.

        Raises:
            TrainingStoppedError: Too many debates of this generation have no usable verdict.
        """
        jobs = (self._job(index, plan) for index, plan in enumerate(plans))
        matches = []
        for index, played in _in_order(play(jobs, max_open=self._max_open, room=self._room)):
            match = match_of(plans[index], played, self.pool)
            matches.append(match)
            record(match, played.speeches)
            self._count(match)
        return matches

    def _job(self, index: int, plan: Plan) -> DebateJob:
        agents: dict[str, StrategyDebater | ModelJudge] = {
            DEBATERS[0]: self._debater(plan.first),
            DEBATERS[1]: self._debater(plan.second),
            JUDGE: self._judge,
        }
        return DebateJob(str(index), plan.question, agents, plan.seed, self.settings, plan.swap)

    def _debater(self, strategy: Strategy) -> StrategyDebater:
        found = self._debaters.get(strategy.strategy_id)
        if found is None:
            found = self._debaters[strategy.strategy_id] = StrategyDebater(
                self._models.debater,
                strategy.text,
                sampling=self._sampling,
                name=strategy.strategy_id,
            )
        return found

    def _count(self, match: Match) -> None:
        """Give up early when most verdicts cannot be used: the rest of the run would be worthless.

        An abstention is a legal verdict of a judge, so it does not count here.
        """
        self._played += 1
        if match.kind in ("verdict", "abstained"):
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


def _in_order(records: Iterator[DebateRecord]) -> Iterator[tuple[int, DebateRecord]]:
    """Yield records, which come as they finish, in the order of their jobs."""
    waiting: dict[int, DebateRecord] = {}
    wanted = 0
    for record in records:
        waiting[int(record.job.job_id)] = record
        while wanted in waiting:
            yield wanted, waiting.pop(wanted)
            wanted += 1


def make_referee(config: RunConfig, questions: RunQuestions, models: Models) -> Referee:
    """Make the referee of a run.

    Args:
        config: Its configuration.
        questions: Its questions.
        models: Its chat models.
    """
    return Referee(
        models,
        config.debate,
        config.debater_sampling(),
        questions.identity,
        verdict=config.models.verdict,
        room=prefix_room(config, models.debater),
        max_open=config.models.max_open,
        limits=config.evolution.limits,
    )
