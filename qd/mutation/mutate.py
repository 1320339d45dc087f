"""New strategies from old ones, by asking a chat model.

A **mutator** makes one draft; :func:`mutate` asks it up to ``max_attempts`` times, checks every
draft, and ends in a typed result: a :class:`Child`, or :class:`Rejected` with a reason for every
attempt. :func:`breed` does so for a whole generation: all children are drafted side by side, and
then admitted in their order, so nothing depends on which reply came first.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from debate_env.core.words import count_words
from debate_env.errors import InputError
from debate_env.plug_ins import wrong_result
from debateqd.agents.base import Thought, derive_seed
from debateqd.agents.models.base import NO_USAGE, Reply, Sampling, Usage
from debateqd.agents.prompts import DebateShown, neutralise, parse_mutation
from debateqd.agents.replies import one_line
from debateqd.qd.mutation.leaks import Guard
from debateqd.qd.mutation.novelty import NoveltyPool, Refusal, RefusalKind
from debateqd.qd.mutation.targets import Target
from debateqd.qd.strategy import Strategy

LEAST = 24
"""Fewest letters of a strategy: about five English words, or a sentence of Chinese."""

_UNFINISHED = (*",;:([{-–—…，；：（、", "...")


@dataclass(frozen=True, slots=True)
class MutationSettings:
    """Limits on mutation.

    Attributes:
        max_words: Most words (pieces between white space) of a strategy.
        max_attempts: Drafts asked for before a child is given up.
        sampling: How drafts are drawn.

    Raises:
        InputError: A limit below 1.
    """

    max_words: int = 200
    max_attempts: int = 3
    sampling: Sampling = field(default_factory=lambda: Sampling(max_tokens=512, temperature=1.0))

    def __post_init__(self) -> None:
        for name in ("max_words", "max_attempts"):
            if getattr(self, name) < 1:
                raise InputError(f"mutation {name} {getattr(self, name)}: must be 1 or more")


@dataclass(frozen=True, slots=True)
class MutationTask:
    """One child to be made.

    Attributes:
        parents: As many strategies as the mutator needs.
        generation: Generation of the child.
        child: Number of the child within its generation; with the generation it gives the seeds.
        record: How the parents fared, in a sentence; may be empty.
        debates: Training debates of the first parent, for mutators that need them.
        target: The cell that the child should belong to, for mutators that need one.
    """

    parents: tuple[Strategy, ...]
    generation: int
    child: int
    record: str = ""
    debates: tuple[DebateShown, ...] = ()
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What one attempt of a mutator gave.

    Attributes:
        text: The strategy; ``None`` exactly when ``refusal`` is given.
        family: Family of the child.
        refusal: Why there is no text.
        usage: Tokens of all calls of the attempt.
        calls: Number of calls of the attempt.
    """

    text: str | None
    family: str
    refusal: Refusal | None = None
    usage: Usage = NO_USAGE
    calls: int = 1


class Mutator(Protocol):
    """Makes drafts of a child. New operators are small classes with these three members.

    One that needs more than parents has a fourth, ``needs``; see
    :mod:`debateqd.qd.mutation.operators`.
    """

    @property
    def name(self) -> str:
        """Name of the operator, as it is recorded with every child."""

    @property
    def arity(self) -> int:
        """How many parents it needs."""

    def draft(self, task: MutationTask, seed: int) -> Thought[Draft]:
        """Make one attempt. Everything random must come from ``seed``."""


def read_draft(reply: Reply, family: str) -> Draft:
    """Read the strategy out of a reply to a mutation prompt, or say why there is none."""

    def refused(kind: RefusalKind, message: str) -> Draft:
        return Draft(None, family, Refusal(kind, message), reply.usage)

    if reply.finish_reason == "error":
        return refused("engine_error", reply.error or "the engine gave no reply")
    if reply.finish_reason == "refused":
        return refused("refused", "the model declined")
    text = parse_mutation(reply.text)
    if text == "":
        return refused("empty", "nothing between the strategy tags")
    if text is None:
        if reply.finish_reason == "length":
            return refused("truncated", "the reply ended before the strategy did")
        return refused("unparsable", "no strategy between tags in the reply")
    # Control characters and lone surrogates could not be written to a text file and read back.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        return refused("unparsable", "the strategy holds control characters")
    letters = sum(map(str.isalnum, text))
    if letters < LEAST:
        return refused("too_short", f"{letters} letters, {LEAST} needed: {one_line(text)!r}")
    if neutralise(text) != text:
        return refused("prompt", f"holds a tag of the prompt: {one_line(text)!r}")
    if text.endswith(_UNFINISHED):
        return refused("truncated", f"ends in mid-sentence: {text[-LEAST:]!r}")
    return Draft(text, family, usage=reply.usage)


@dataclass(frozen=True, slots=True)
class Child:
    """A new strategy, still without an identifier.

    Attributes:
        task: What was asked for.
        operator: Name of the mutator.
        text: The strategy.
        family: Its family.
        refusals: Why earlier attempts failed, one per attempt.
        usage: Tokens of all attempts.
        calls: Model calls of all attempts.
    """

    task: MutationTask
    operator: str
    text: str
    family: str
    refusals: tuple[Refusal, ...] = ()
    usage: Usage = NO_USAGE
    calls: int = 1

    def strategy(self, strategy_id: str) -> Strategy:
        """Give the child its identifier."""
        return Strategy(
            strategy_id=strategy_id,
            family=self.family,
            text=self.text,
            parents=tuple(parent.strategy_id for parent in self.task.parents),
            generation=self.task.generation,
            operator=self.operator,
        )


@dataclass(frozen=True, slots=True)
class Rejected:
    """A child that could not be made, with a refusal for every attempt; see :class:`Child`."""

    task: MutationTask
    operator: str
    refusals: tuple[Refusal, ...]
    usage: Usage = NO_USAGE
    calls: int = 0


MutationResult = Child | Rejected


def refusal_counts(results: Iterable[MutationResult]) -> dict[str, int]:
    """Count refused attempts by kind, those before a success included; sorted by kind."""
    counts = Counter(refusal.kind for result in results for refusal in result.refusals)
    return dict(sorted(counts.items()))


def mutate(
    mutator: Mutator,
    task: MutationTask,
    *,
    run_seed: int,
    pool: NoveltyPool,
    settings: MutationSettings,
    guard: Guard | None = None,
    earlier: MutationResult | None = None,
) -> Thought[MutationResult]:
    """Ask for a child until a draft passes every check or the attempts are used up.

    The pool of all strategies so far is read, not changed; ``earlier`` is what earlier attempts
    came to. Attempt ``k`` has the seed ``derive_seed(run_seed, "mutate", generation, child, k)``.

    Raises:
        ValueError: The number of parents is not the mutator's arity.
    """
    if len(task.parents) != mutator.arity:
        raise ValueError(
            f"mutator {mutator.name!r} needs {mutator.arity} parents, not {len(task.parents)}"
        )
    before = earlier or Rejected(task, mutator.name, ())
    refusals, usage, calls = [*before.refusals], before.usage, before.calls
    for attempt in range(len(refusals), settings.max_attempts):
        seed = derive_seed(run_seed, "mutate", task.generation, task.child, attempt)
        thought = mutator.draft(task, seed)
        if not isinstance(thought, Generator):
            raise wrong_result(mutator, "draft", thought, "a generator of requests")
        draft = yield from thought
        if not isinstance(draft, Draft):
            raise wrong_result(mutator, "draft", draft, "a Draft in the end")
        usage = Usage(*map(sum, zip(usage, draft.usage, strict=True)))
        calls += draft.calls
        text = draft.text or ""
        refusal = draft.refusal or check_text(text, settings, pool, guard)
        if refusal is None:
            return Child(task, mutator.name, text, draft.family, tuple(refusals), usage, calls)
        refusals.append(refusal)
    return Rejected(task, mutator.name, tuple(refusals), usage, calls)


def check_text(
    text: str, settings: MutationSettings, pool: NoveltyPool, guard: Guard | None = None
) -> Refusal | None:
    """Say why a strategy text may not enter the run; ``None`` when it may."""
    words = count_words(text)
    if not text.strip():
        return Refusal("empty", "no text")
    if words > settings.max_words:
        return Refusal("too_long", f"{words} words, {settings.max_words} allowed")
    return pool.check(text) or (guard.check(text) if guard else None)


def breed(
    jobs: Sequence[tuple[Mutator, MutationTask]],
    *,
    run_seed: int,
    pool: NoveltyPool,
    settings: MutationSettings,
    run: Callable[[Sequence[Thought[MutationResult]]], Sequence[MutationResult]],
    guard: Guard | None = None,
) -> list[MutationResult]:
    """Make a generation's children.

    All children are drafted side by side against the strategies known before. Then, in the order
    of the jobs, each is checked against the siblings admitted before it; one that copies a sibling
    goes back for another draft as long as it has attempts left. Admitted texts join the pool.
    ``run`` drives thoughts to their end and returns their results in order.

    Returns:
        One result per job, in the order of the jobs; the same whatever the order of replies.
    """
    results: dict[int, MutationResult] = {}
    waiting = list(range(len(jobs)))
    while waiting:
        thoughts = [
            mutate(
                *jobs[number],
                run_seed=run_seed,
                pool=pool,
                settings=settings,
                guard=guard,
                earlier=results.get(number),
            )
            for number in waiting
        ]
        again = []
        for number, result in zip(waiting, run(thoughts), strict=True):
            results[number] = result
            if not isinstance(result, Child):
                continue
            clash = pool.check(result.text)
            if clash is None:
                pool.add(result.text, f"child {result.task.child} of this generation")
                continue
            refusals = (*result.refusals, clash)
            results[number] = Rejected(
                result.task, result.operator, refusals, result.usage, result.calls
            )
            if len(refusals) < settings.max_attempts:
                again.append(number)
        waiting = again
    return [results[number] for number in range(len(jobs))]
