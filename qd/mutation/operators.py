"""Mutation operators beyond the plain rewrite, and the registry of all of them.

An operator that needs more than parents says so in ``needs``: ``"debates"`` (of its first parent,
``task.debates``) or ``"target"`` (``task.target``). Where it cannot be had for a parent, the child
goes to another operator.
"""

from __future__ import annotations

from debateqd.agents.base import Thought
from debateqd.agents.models.base import Message, Request
from debateqd.agents.prompts import crossover_messages, reflection_messages, target_messages
from debateqd.qd.mutation.mutate import (
    MUTATORS,
    Draft,
    MutationSettings,
    MutationTask,
    Mutator,
    make_mutator,
    read_draft,
)

__all__ = [
    "MUTATORS",
    "CrossoverMutator",
    "ReflectionMutator",
    "TargetMutator",
    "make_mutator",
    "needs_of",
]


class CrossoverMutator:
    """Asks the model to combine two strategies; the child belongs to the family of the first."""

    name = "crossover"
    arity = 2

    def __init__(self, settings: MutationSettings | None = None) -> None:
        self.settings = settings or MutationSettings()

    def draft(self, task: MutationTask, seed: int) -> Thought[Draft]:
        """Ask once."""
        first, second = task.parents
        messages = crossover_messages(
            first.text,
            first.family,
            second.text,
            second.family,
            task.record,
            self.settings.max_words,
        )
        return (yield from _ask(messages, self.settings, seed, first.family))


class ReflectionMutator:
    """Shows the model some of the parent's training debates and asks what to learn from them."""

    name = "reflection"
    arity = 1
    needs = frozenset({"debates"})

    def __init__(self, settings: MutationSettings | None = None) -> None:
        self.settings = settings or MutationSettings()

    def draft(self, task: MutationTask, seed: int) -> Thought[Draft]:
        """Ask once.

        Raises:
            ValueError: The task holds no debates.
        """
        (parent,) = task.parents
        if not task.debates:
            raise ValueError("reflection needs debates")
        messages = reflection_messages(
            parent.text, parent.family, task.debates, task.record, self.settings.max_words
        )
        return (yield from _ask(messages, self.settings, seed, parent.family))


class TargetMutator:
    """Asks the model for a child that belongs in another cell of the archive.

    A child that was to change its family declares the new one.
    """

    name = "target"
    arity = 1
    needs = frozenset({"target"})

    def __init__(self, settings: MutationSettings | None = None) -> None:
        self.settings = settings or MutationSettings()

    def draft(self, task: MutationTask, seed: int) -> Thought[Draft]:
        """Ask once.

        Raises:
            ValueError: The task has no target.
        """
        (parent,) = task.parents
        if task.target is None:
            raise ValueError("target mutation needs a target")
        messages = target_messages(
            parent.text, parent.family, task.target.aims, task.record, self.settings.max_words
        )
        return (yield from _ask(messages, self.settings, seed, task.target.family(parent.family)))


def _ask(
    messages: tuple[Message, ...], settings: MutationSettings, seed: int, family: str
) -> Thought[Draft]:
    (reply,) = yield [Request(messages, settings.sampling, seed)]
    return read_draft(reply, family)


def needs_of(mutator: Mutator) -> frozenset[str]:
    """Return what a mutator needs beside parents; operators without ``needs`` need nothing."""
    return frozenset(getattr(mutator, "needs", ()))


for _operator in (CrossoverMutator, ReflectionMutator, TargetMutator):
    MUTATORS.register(_operator.name, _operator)
