"""A generation's children: parents chosen, prompts written, duplicates refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from debate_env.errors import InputError
from debate_env.plug_ins import wrong_result
from debate_env.questions.question import Question
from debateqd.agents.base import derive_seed
from debateqd.agents.models.base import ChatModel
from debateqd.agents.prompts import own_words
from debateqd.agents.rollout import run_thoughts
from debateqd.qd.archive.base import Entry
from debateqd.qd.config.schema import MutationConfig, RunConfig
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.questions import RunQuestions
from debateqd.qd.debates.referee import TrainingStoppedError
from debateqd.qd.descriptors.embedding import make_embedder
from debateqd.qd.mutation.leaks import ContentGuard, Guard, Guards, LeakGuard
from debateqd.qd.mutation.mutate import (
    Child,
    MutationResult,
    MutationSettings,
    MutationTask,
    Mutator,
    breed,
    refusal_counts,
)
from debateqd.qd.mutation.novelty import MeaningPool, NoveltyPool, StrategyPool
from debateqd.qd.mutation.operator_shares import adapted_shares, allot
from debateqd.qd.mutation.operators import make_mutator, needs_of
from debateqd.qd.mutation.parents import parent_rule
from debateqd.qd.mutation.reflection import Transcripts, pick_debates, show
from debateqd.qd.mutation.targets import Target, Targets
from debateqd.qd.strategy import Strategy
from debateqd.qd.training.state import TrainingState

BARREN = 3
"""A run stops after so many generations in a row without a child; continued, after as many more."""

ECHO = 8
"""A draft that shares so many consecutive words with our instructions has repeated them."""


class BarrenError(TrainingStoppedError):
    """Several generations in a row have no child; they are committed, and the run may go on."""


@dataclass(frozen=True, slots=True)
class _Means:
    """What an operator is given for one child: partners, debates still unread, and a target."""

    partners: tuple[Strategy, ...] = ()
    debates: tuple[Match, ...] = ()
    target: Target | None = None


class Breeder:
    """Makes children.

    A strategy may carry nothing of the questions of the splits train and selection; report and test
    are not even read for this. ``known`` are all strategies made so far. ``transcripts`` reads
    what was said in debates of committed generations.

    Raises:
        InputError: Unknown operator or parent rule, or operators of the same name.
    """

    def __init__(
        self,
        config: RunConfig,
        questions: RunQuestions,
        model: ChatModel,
        known: Sequence[Strategy],
        transcripts: Transcripts,
    ) -> None:
        mutation = config.evolution.mutation
        self._config = config
        self._model = model
        self._transcripts = transcripts
        self._settings = MutationSettings(
            mutation.max_words, mutation.max_attempts, sampling=config.mutator_sampling()
        )
        self._mutators: dict[str, Mutator] = {}
        self._starting: dict[str, float] = {}
        for key, share in mutation.operators.items():
            if share > 0:
                mutator = make_mutator(key, self._settings)
                if mutator.name in self._mutators:
                    raise InputError(
                        f"evolution.mutation.operators.{key}: another operator has the name "
                        f"{mutator.name!r}, too; give this one a name of its own"
                    )
                self._mutators[mutator.name] = mutator
                self._starting[mutator.name] = share
        self._parents = parent_rule(config.evolution.parents.rule)
        self._questions = {q.question_id: q for q in questions.train}
        self._pool = novelty_pool(mutation)
        self.admit(known)
        self._guard = leak_guard(mutation, [*questions.train, *questions.selection])

    def admit(self, strategies: Sequence[Strategy]) -> None:
        """Refuse copies of these from now on."""
        for strategy in strategies:
            self._pool.add(strategy.text, strategy.strategy_id)

    def shares(self, state: TrainingState) -> dict[str, float]:
        """Return the share of the next generation's children by operator, under its own name."""
        mutation = self._config.evolution.mutation
        return adapted_shares(
            self._starting,
            state.yields,
            floor=mutation.floor,
            prior=mutation.prior_elites,
            window=mutation.window,
        )

    def breed(
        self, state: TrainingState, generation: int, progressed: Callable[[int, int], None]
    ) -> list[MutationResult]:
        """Ask for the children of a generation; make room for them first.

        Raises:
            TrainingStoppedError: The mutator's engine failed throughout, or no operator can work.
        """
        evolution = self._config.evolution
        keep_best(state, evolution.archive.keep_per_family)
        elites = state.archive.elites()
        seed = derive_seed(self._config.seed, "parents", generation)
        parents = self._parents(evolution, elites, state.strategies, seed)
        if not isinstance(parents, list) or not all(isinstance(p, Strategy) for p in parents):
            raise wrong_result(self._parents, "__call__", parents, "a list of strategies")
        jobs = self._jobs(state, generation, parents, elites, seed)
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
        refusals = [refusal for birth in births for refusal in birth.refusals]
        # That says nothing of what the mutator can write: asked again later, it may.
        if not any(isinstance(b, Child) for b in births) and all(
            refusal.kind == "engine_error" for refusal in refusals
        ):
            raise TrainingStoppedError(
                f"the mutator gave no reply for any of {len(births)} children in generation "
                f"{generation}, e.g. {refusals[0].message}; check models.mutator"
            )
        return births

    # --- what every child is given --------------------------------------------------------------

    def _jobs(
        self,
        state: TrainingState,
        generation: int,
        parents: Sequence[Strategy],
        elites: Sequence[Entry],
        seed: int,
    ) -> list[tuple[Mutator, MutationTask]]:
        mutation = self._config.evolution.mutation
        weight = self._config.truth_weight
        shares = self.shares(state)
        wanted = allot(shares, len(parents), seed)
        cast = _Casting(state, elites, parents, self._config)
        given: list[tuple[Mutator, _Means]] = []
        for child, (parent, name) in enumerate(zip(parents, wanted, strict=True)):
            order = [name, *sorted(shares, key=lambda n: (-shares[n], n))]
            found = (
                (self._mutators[operator], means)
                for operator in dict.fromkeys(order)
                if (means := cast.means(self._mutators[operator], parent, derive_seed(seed, child)))
            )
            chosen = next(found, None)
            if chosen is None:
                raise TrainingStoppedError(
                    f"no mutation operator can work in generation {generation} with "
                    f"{len(elites)} elites: crossover needs two, target a cell to aim at, "
                    "reflection usable training debates; give "
                    "evolution.mutation.operators.rewrite a share"
                )
            given.append(chosen)
        unread = [match for _, means in given for match in means.debates]
        said = self._transcripts(unread) if unread else {}
        jobs = []
        for child, (parent, (mutator, means)) in enumerate(zip(parents, given, strict=True)):
            record = last_record(parent, state.matches, weight) if mutation.show_record else ""
            task = MutationTask((parent, *means.partners), generation, child, record)
            shown = tuple(
                show(
                    match,
                    said[match.match_id],
                    self._questions[match.question],
                    parent.strategy_id,
                    weight,
                    mutation.shown_words,
                )
                for match in means.debates
            )
            jobs.append((mutator, replace(task, debates=shown, target=means.target)))
        return jobs


class _Casting:
    """Finds out what an operator can be given for a parent."""

    def __init__(
        self,
        state: TrainingState,
        elites: Sequence[Entry],
        parents: Sequence[Strategy],
        config: RunConfig,
    ) -> None:
        self._state = state
        self._elites = {e.strategy_id: e for e in elites}
        self._config = config
        self._ids = frozenset(parent.strategy_id for parent in parents)

    def means(self, mutator: Mutator, parent: Strategy, seed: int) -> _Means | None:
        """Return what the operator needs; ``None`` when it is not to be had."""
        needs = needs_of(mutator)
        partners = self._partners(parent, mutator.arity - 1, seed)
        debates = self._lessons(parent, seed) if "debates" in needs else ()
        target = self._target(parent, seed) if "target" in needs else None
        if (
            len(partners) < mutator.arity - 1
            or ("debates" in needs and not debates)
            or ("target" in needs and target is None)
        ):
            return None
        return _Means(partners, debates, target)

    def _partners(self, parent: Strategy, count: int, seed: int) -> tuple[Strategy, ...]:
        """Further parents: elites of other families first, in random order."""
        others = [self._state.strategies[s] for s in self._elites if s != parent.strategy_id]
        others.sort(key=lambda s: (s.family == parent.family, derive_seed(seed, s.strategy_id)))
        return tuple(others[:count])

    def _lessons(self, parent: Strategy, seed: int) -> tuple[Match, ...]:
        return tuple(
            pick_debates(
                parent.strategy_id,
                self._debates.get(parent.strategy_id, []),
                self._config.truth_weight,
                self._config.evolution.mutation.shown_debates,
                seed,
            )
        )

    @cached_property
    def _debates(self) -> dict[str, list[Match]]:
        found: dict[str, list[Match]] = {}
        for match in self._state.matches:
            for strategy_id in self._ids.intersection(match.players):
                found.setdefault(strategy_id, []).append(match)
        return found

    def _target(self, parent: Strategy, seed: int) -> Target | None:
        entry = self._elites.get(parent.strategy_id)
        return None if entry is None else self._targets.choose(entry, seed)

    @cached_property
    def _targets(self) -> Targets:
        return Targets(self._state.archive)


def novelty_pool(mutation: MutationConfig) -> NoveltyPool:
    """Make what refuses copies: by words, and by meaning where an embedder is named."""
    by_words = StrategyPool((), mutation.near_duplicate, mutation.shingle)
    if not mutation.embedder:
        return by_words
    return MeaningPool(by_words, make_embedder(mutation.embedder), mutation.near_meaning)


def leak_guard(mutation: MutationConfig, questions: Sequence[Question]) -> Guards:
    """Make what refuses strategies that carry something of these questions, or of the prompt."""
    guards: list[Guard] = [LeakGuard(own_words(mutation.max_words), ECHO, "prompt")]
    if mutation.leak_words:
        passages = {q.passage_id: q.passage for q in questions}
        guards.append(LeakGuard(passages.values(), mutation.leak_words))
    if mutation.leak_content:
        guards.append(ContentGuard(questions))
    return Guards(guards)


def keep_best(state: TrainingState, count: int) -> None:
    """Evict all but the best-rated of each family from the archive; 0 keeps all."""
    if not count:
        return
    places: dict[str, int] = {}
    for entry in sorted(state.archive.elites(), key=lambda e: (-e.fitness, e.strategy_id)):
        family = state.strategies[entry.strategy_id].family
        places[family] = places.get(family, 0) + 1
        if places[family] > count:
            state.archive.evict(entry.strategy_id, "not among the best of its family")


def last_record(parent: Strategy, matches: Sequence[Match], truth_weight: float) -> str:
    """Say how a strategy fared in its last tournament, in a sentence for the mutator."""
    own: list[Match] = []
    for match in reversed(matches):
        if own and match.generation != own[0].generation:
            break
        if parent.strategy_id in match.players and match.comparisons:
            own.append(match)
    if not own:
        return ""
    if truth_weight < 1:
        won = sum(m.share(parent.strategy_id, "win") or 0.0 for m in own)
        return f"The judge sided with it in {won:g} of {len(own)} debates."
    right = sum(m.truth("win") or 0.0 for m in own)
    return f"The judge found the correct answer in {right:g} of {len(own)} of its debates."


def barrenness(births: Sequence[MutationResult]) -> str:
    """Say why a generation has no children; empty where it has some, or none were asked for."""
    if not births or any(isinstance(birth, Child) for birth in births):
        return ""
    counts = ", ".join(f"{kind} {n}" for kind, n in refusal_counts(births).items())
    # What an engine says of its failures depends on the machine.
    said = (r.message for birth in births for r in birth.refusals if r.kind != "engine_error")
    example = next(said, "the engine failed")
    return f"no children: every draft was refused ({counts}), e.g. {example}"
