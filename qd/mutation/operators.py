"""The mutation operators, and their registry: what a model is asked to make a child.

An operator that needs more than parents says so in ``needs``: ``"debates"`` (of its first parent,
``task.debates``) or ``"target"`` (``task.target``). Where it cannot be had for a parent, the child
goes to another operator.

``static`` is the baseline StaticGen of the DebateQD paper (arXiv 2510.05909), of which only the
name and "static few-shot generation at equal budget" are published; the rest is ours. As many
strategies are asked for as evolution would create, each from a few seeds of its family, and whoever
writes them is never told how any strategy fared. They play the same tournaments and are chosen by
the same rule.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from debateqd.agents.base import Thought, derive_seed
from debateqd.agents.models.base import Message, Request
from debateqd.agents.prompts import (
    crossover_messages,
    mutation_messages,
    reflection_messages,
    target_messages,
    writing_messages,
)
from debateqd.qd.mutation.mutate import Draft, MutationSettings, MutationTask, Mutator, read_draft
from debateqd.qd.registry import Registry
from debateqd.qd.seeds import SEED_TEXTS
from debateqd.qd.strategy import Strategy

EXAMPLES = 3
"""Seeds that a writer is shown, of the five that a family has."""


def examples_for(parent: Strategy, seed: int, count: int = EXAMPLES) -> tuple[str, ...]:
    """Draw at most ``count`` examples: seeds of the parent's family, in random order.

    A parent that is a seed is always among them, so that the lineage on record is true. A family
    that has no seeds has the parent alone.
    """
    texts = SEED_TEXTS.get(parent.family, (parent.text,))
    order = sorted(texts, key=lambda text: derive_seed(seed, "example", text))
    own = [text for text in order if text == parent.text]
    shown = (own + [text for text in order if text != parent.text])[:count]
    return tuple(sorted(shown, key=order.index))


class PromptMutator(ABC):
    """Asks the model once, with a prompt of its own."""

    name: str
    arity = 1

    def __init__(self, settings: MutationSettings | None = None) -> None:
        self.settings = settings or MutationSettings()

    @abstractmethod
    def messages(self, task: MutationTask, seed: int) -> tuple[Message, ...]:
        """Write the prompt."""

    def family(self, task: MutationTask) -> str:
        """Return the family of the child: by default that of the first parent."""
        return task.parents[0].family

    def draft(self, task: MutationTask, seed: int) -> Thought[Draft]:
        """Ask once.

        Raises:
            ValueError: The task lacks what the operator needs.
        """
        messages = self.messages(task, seed)
        (reply,) = yield [Request(messages, self.settings.sampling, seed)]
        return read_draft(reply, self.family(task))


class RewriteMutator(PromptMutator):
    """Asks the model to rewrite one parent within its family."""

    name = "rewrite"

    def messages(self, task: MutationTask, seed: int) -> tuple[Message, ...]:
        """Show the parent."""
        (parent,) = task.parents
        return mutation_messages(parent.text, parent.family, task.record, self.settings.max_words)


class CrossoverMutator(PromptMutator):
    """Asks the model to combine two strategies; the child belongs to the family of the first."""

    name = "crossover"
    arity = 2

    def messages(self, task: MutationTask, seed: int) -> tuple[Message, ...]:
        """Show both parents."""
        first, second = task.parents
        return crossover_messages(
            first.text,
            first.family,
            second.text,
            second.family,
            task.record,
            self.settings.max_words,
        )


class ReflectionMutator(PromptMutator):
    """Shows the model some of the parent's training debates and asks what to learn from them."""

    name = "reflection"
    needs = frozenset({"debates"})

    def messages(self, task: MutationTask, seed: int) -> tuple[Message, ...]:
        """Show the parent and its debates."""
        (parent,) = task.parents
        if not task.debates:
            raise ValueError("reflection needs debates")
        return reflection_messages(
            parent.text, parent.family, task.debates, task.record, self.settings.max_words
        )


class TargetMutator(PromptMutator):
    """Asks the model for a child that belongs in another cell of the archive.

    A child that was to change its family declares the new one.
    """

    name = "target"
    needs = frozenset({"target"})

    def messages(self, task: MutationTask, seed: int) -> tuple[Message, ...]:
        """Show the parent, and what is to change."""
        (parent,) = task.parents
        if task.target is None:
            raise ValueError("target mutation needs a target")
        return target_messages(
            parent.text, parent.family, task.target.aims, task.record, self.settings.max_words
        )

    def family(self, task: MutationTask) -> str:
        """Return the family that is aimed at."""
        own = super().family(task)
        return own if task.target is None else task.target.family(own)


class StaticWriter(PromptMutator):
    """Asks the model for another strategy of the parent's family, from seeds as examples.

    What the parent has become, how it fared and what is aimed at are left out. With
    ``evolution.parents.rule=seeds`` every parent is a seed, and a run is StaticGen.
    """

    name = "static"

    def messages(self, task: MutationTask, seed: int) -> tuple[Message, ...]:
        """Show seeds of the family."""
        (parent,) = task.parents
        examples = examples_for(parent, seed)
        return writing_messages(parent.family, examples, self.settings.max_words)


def needs_of(mutator: Mutator) -> frozenset[str]:
    """Return what a mutator needs beside parents; operators without ``needs`` need nothing."""
    return frozenset(getattr(mutator, "needs", ()))


MUTATORS: Registry[Callable[[MutationSettings], Mutator]] = Registry("mutator", Mutator)
for _operator in (RewriteMutator, CrossoverMutator, ReflectionMutator, TargetMutator, StaticWriter):
    MUTATORS.register(_operator.name, _operator)


def make_mutator(name: str, settings: MutationSettings) -> Mutator:
    """Make a mutator by name, or from ``"package.module:factory"``.

    Raises:
        InputError: Unknown name.
    """
    mutator: Mutator = MUTATORS.make(name, settings)
    return mutator
