"""StaticGen: strategies written from examples, with no evolution behind them.

The baseline of the DebateQD paper (arXiv 2510.05909), of which only the name and "static few-shot
generation at equal budget" are published; the rest is ours. As many strategies are asked for as
evolution would create, each from a few seeds of its family, and whoever writes them is never told
how anybody fared. They play the same tournaments and are chosen by the same rule.
"""

from __future__ import annotations

from debateqd.agents.base import Thought, derive_seed
from debateqd.agents.models.base import Request
from debateqd.agents.prompts import writing_messages
from debateqd.qd.mutation.mutate import MUTATORS, Draft, MutationSettings, MutationTask, read_draft
from debateqd.qd.seeds import SEED_TEXTS
from debateqd.qd.strategy import Strategy

EXAMPLES = 3
"""Seeds that a writer is shown, of the five that a family has."""


def examples_for(parent: Strategy, seed: int, count: int = EXAMPLES) -> tuple[str, ...]:
    """Draw the examples for one strategy: seeds of the parent's family, in random order.

    A parent that is a seed is always among them, so that the lineage on record is true. A family
    that has no seeds has the parent alone.

    Args:
        parent: Gives the family.
        seed: Of the draw.
        count: How many, at most.
    """
    texts = SEED_TEXTS.get(parent.family, (parent.text,))
    order = sorted(texts, key=lambda text: derive_seed(seed, "example", text))
    own = [text for text in order if text == parent.text]
    shown = (own + [text for text in order if text != parent.text])[:count]
    return tuple(sorted(shown, key=order.index))


class StaticWriter:
    """Asks the model for another strategy of the parent's family, from seeds as examples.

    What the parent has become, how it fared and what is aimed at are left out. With
    ``evolution.parents.rule=seeds`` every parent is a seed, and a run is StaticGen.
    """

    name = "static"
    arity = 1

    def __init__(self, settings: MutationSettings | None = None) -> None:
        self.settings = settings or MutationSettings()

    def draft(self, task: MutationTask, seed: int) -> Thought[Draft]:
        """Ask once."""
        (parent,) = task.parents
        messages = writing_messages(
            parent.family, examples_for(parent, seed), self.settings.max_words
        )
        (reply,) = yield [Request(messages, self.settings.sampling, seed)]
        return read_draft(reply, parent.family)


MUTATORS.register("static", StaticWriter)
