"""New strategies from old ones: who has children, what a model is asked, and what is refused.

``operators``        what is asked: rewrite, crossover, reflection, target, static; the registry
``mutate``           one child, checked and asked for again; ``breed``: a generation's
``parents``          who has children: elites, best_of_family, tournament, seeds; the registry
``operator_shares``  how often each operator is used, by what it has yielded
``targets``          the cell of the archive that a child is to aim at
``reflection``       debates of the parent, as a mutator is shown them
``novelty``          refusing copies, near copies, and the same in other words
``leaks``            refusing what quotes a passage or knows an answer
"""

from debateqd.qd.mutation.leaks import ContentGuard, Guard, LeakGuard
from debateqd.qd.mutation.mutate import (
    Child,
    MutationSettings,
    MutationTask,
    Mutator,
    Rejected,
    breed,
)
from debateqd.qd.mutation.novelty import MeaningPool, NoveltyPool, StrategyPool
from debateqd.qd.mutation.operators import MUTATORS, PromptMutator, make_mutator
from debateqd.qd.mutation.parents import PARENTS

__all__ = [
    "MUTATORS",
    "PARENTS",
    "Child",
    "ContentGuard",
    "Guard",
    "LeakGuard",
    "MeaningPool",
    "MutationSettings",
    "MutationTask",
    "Mutator",
    "NoveltyPool",
    "PromptMutator",
    "Rejected",
    "StrategyPool",
    "breed",
    "make_mutator",
]
