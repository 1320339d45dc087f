"""The operators: what they ask, what becomes of the answer, and whose family the child has."""

from __future__ import annotations

import pytest

from debateqd.agents.models.base import Reply
from debateqd.agents.prompts import (
    Aim,
    DebateShown,
    SpokenBlock,
    debates_shown,
    operator_of,
    second_strategy,
)
from debateqd.qd.mutation.mutate import MutationSettings, MutationTask, mutate
from debateqd.qd.mutation.novelty import StrategyPool
from debateqd.qd.mutation.operators import (
    CrossoverMutator,
    ReflectionMutator,
    TargetMutator,
    make_mutator,
    needs_of,
)
from debateqd.qd.mutation.targets import Target
from debateqd.qd.strategy import Strategy
from tests.qd.mutation.test_mutate import drive, said

FIRST = Strategy("s1", "refutation", "Attack the weakest claim.")
SECOND = Strategy("s2", "authority", "Speak as an expert.")
SETTINGS = MutationSettings(max_words=20)
DEBATE = DebateShown(False, 0.2, "Who?", "he", "she", (SpokenBlock(1, "own", "I say."),))


def child(name: str, task: MutationTask, reply: Reply | None = None):
    mutator = make_mutator(name, SETTINGS)
    thought = mutate(mutator, task, run_seed=1, pool=StrategyPool(), settings=SETTINGS)
    result, (request,) = drive(thought, reply or said("Quote two lines and explain both."))
    return result, request


def test_crossover_shows_both_and_keeps_the_first_family():
    result, request = child("crossover", MutationTask((FIRST, SECOND), 2, 0))
    strategy = result.strategy("s9")
    assert (strategy.family, strategy.parents) == ("refutation", ("s1", "s2"))
    assert strategy.operator == "crossover"
    assert second_strategy(request.messages[1].content) == SECOND.text


def test_reflection_shows_the_debates():
    task = MutationTask((FIRST,), 2, 0, debates=(DEBATE,))
    result, request = child("reflection", task)
    assert result.family == "refutation"
    assert len(debates_shown(request.messages[1].content)) == 1
    assert request.sampling == SETTINGS.sampling


def test_target_declares_the_family_that_it_aims_at():
    aims = (Aim("family", None, family="storytelling"), Aim("length", 50, 80, 120))
    result, _ = child("target", MutationTask((FIRST,), 2, 0, target=Target((5, 2), aims)))
    assert result.family == "storytelling"
    same, request = child("target", MutationTask((FIRST,), 2, 0, target=Target((4, 2), aims[1:])))
    assert same.family == "refutation"
    assert operator_of(request.messages[1].content) == "target"


@pytest.mark.parametrize("name", ["reflection", "target"])
def test_what_an_operator_needs_is_asked_for(name):
    assert needs_of(make_mutator(name, SETTINGS)) == {"debates" if name[0] == "r" else "target"}
    with pytest.raises(ValueError, match="needs"):
        child(name, MutationTask((FIRST,), 2, 0))


def test_the_rest_needs_nothing():
    assert needs_of(make_mutator("rewrite", SETTINGS)) == frozenset()
    assert needs_of(CrossoverMutator()) == frozenset()
    assert {ReflectionMutator().arity, TargetMutator().arity, CrossoverMutator().arity} == {1, 2}
