"""A generation's children: parents chosen, prompts written, duplicates refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agents.base import derive_seed
from agents.models.base import ChatModel
from agents.rollout import run_thoughts
from qd.archive_base import Entry
from qd.config import RunConfig
from qd.matches import Match
from qd.mutation import Child, MutationResult, MutationSettings, MutationTask, breed, make_mutator
from qd.novelty import LeakGuard, StrategyPool
from qd.parents import PARENTS
from qd.referee import TrainingStoppedError
from qd.splits import RunQuestions
from qd.strategy import Strategy
from qd.training_state import TrainingState

_NO_TEXT = frozenset({"engine_error", "refused", "truncated", "unparsable", "empty"})
"""Refusals that say the mutator cannot do its work, unlike those of a text that it wrote."""


class Breeder:
    """Makes children.

    Args:
        config: The run's configuration.
        questions: Their train and selection passages may not be quoted by a strategy; test
            passages are not even read for this.
        model: The mutator's model.
        known: Texts of every strategy made so far.

    Raises:
        InputError: Unknown operator or parent rule.
    """

    def __init__(
        self,
        config: RunConfig,
        questions: RunQuestions,
        model: ChatModel,
        known: Sequence[Strategy],
    ) -> None:
        mutation = config.evolution.mutation
        self._config = config
        self._model = model
        self._settings = MutationSettings(
            mutation.max_words, mutation.max_attempts, sampling=config.mutator_sampling()
        )
        self._mutator = make_mutator(mutation.operator, self._settings)
        self._parents = PARENTS.get(config.evolution.parents.rule)
        self._pool = StrategyPool((), mutation.near_duplicate, mutation.shingle)
        self.admit(known)
        passages = [*questions.train.passages.values(), *questions.selection.passages.values()]
        self._guard = LeakGuard(passages, mutation.leak_words) if mutation.leak_words else None

    def admit(self, strategies: Sequence[Strategy]) -> None:
        """Refuse copies of these from now on."""
        for strategy in strategies:
            self._pool.add(strategy.text, strategy.strategy_id)

    def breed(
        self, state: TrainingState, generation: int, progressed: Callable[[int, int], None]
    ) -> list[MutationResult]:
        """Ask for the children of a generation; make room for them first.

        Args:
            state: The run so far; elites that are not kept leave its archive.
            generation: The generation that begins.
            progressed: Told how many of how many children are done.

        Raises:
            TrainingStoppedError: The mutator gave no usable text at all.
        """
        evolution = self._config.evolution
        keep_best(state, evolution.archive.keep_per_family)
        elites = state.archive.elites()
        seed = derive_seed(self._config.seed, "parents", generation)
        jobs = []
        for child, parent in enumerate(self._parents(evolution, elites, state.strategies, seed)):
            partners = self._partners(state, parent, elites, derive_seed(seed, child))
            record = ""
            if evolution.mutation.show_record:
                record = last_record(parent, state.matches, self._config.truth_weight)
            task = MutationTask((parent, *partners), generation, child, record)
            jobs.append((self._mutator, task))
        progressed(0, len(jobs))
        births = breed(
            jobs,
            run_seed=self._config.seed,
            pool=self._pool,
            settings=self._settings,
            guard=self._guard,
            run=lambda thoughts: run_thoughts(
                self._model, thoughts, max_open=self._config.models.max_open
            ),
        )
        progressed(len(jobs), len(jobs))
        _check(births, generation)
        return births

    def _partners(
        self, state: TrainingState, parent: Strategy, elites: Sequence[Entry], seed: int
    ) -> list[Strategy]:
        """Further parents, for operators that take several."""
        others = [e.strategy_id for e in elites if e.strategy_id != parent.strategy_id]
        others.sort(key=lambda s: derive_seed(seed, s))
        return [state.strategies[s] for s in others[: self._mutator.arity - 1]]


def keep_best(state: TrainingState, count: int) -> None:
    """Evict all but the best-rated of each family from the archive; 0 keeps everybody."""
    if not count:
        return
    places: dict[str, int] = {}
    for entry in sorted(state.archive.elites(), key=lambda e: (-e.fitness, e.strategy_id)):
        family = state.strategies[entry.strategy_id].family
        places[family] = places.get(family, 0) + 1
        if places[family] > count:
            state.archive.evict(entry.strategy_id, "not among the best of its family")


def last_record(parent: Strategy, matches: Sequence[Match], truth_weight: float) -> str:
    """Say how a strategy fared in its last tournament, in a sentence for the mutator.

    Args:
        parent: The strategy.
        matches: Training matches in the order of the log.
        truth_weight: 1 when only the truth counts.
    """
    own: list[Match] = []
    for match in reversed(matches):
        if own and match.generation != own[0].generation:
            break
        if parent.strategy_id in match.seats and match.usable:
            own.append(match)
    if not own:
        return ""
    if truth_weight < 1:
        won = sum(
            m.share("win") if m.seats[0] == parent.strategy_id else 1 - m.share("win") for m in own
        )
        return f"The judge sided with it in {won:g} of {len(own)} debates."
    right = sum(m.truth("win") for m in own)
    return f"The judge found the correct answer in {right:g} of {len(own)} of its debates."


def _check(births: Sequence[MutationResult], generation: int) -> None:
    """Stop when the mutator cannot write; a generation of mere copies is no reason to."""
    if not births or any(isinstance(birth, Child) for birth in births):
        return
    failed = [r for birth in births for r in birth.refusals if r.kind in _NO_TEXT]
    if failed:
        raise TrainingStoppedError(
            f"the mutator gave no usable strategy for any of {len(births)} children in generation "
            f"{generation}, e.g. {failed[0].kind}: {failed[0].message}; check models.mutator"
        )
