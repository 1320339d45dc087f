from __future__ import annotations

from pathlib import Path

from debateqd.agents.models.base import Reply, Request
from debateqd.agents.models.embedded import EmbeddedModel
from debateqd.agents.prompts import examples_shown, section, task_of
from debateqd.agents.rollout import run_thoughts
from debateqd.qd.config.loading import load_config
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.questions import split_questions
from debateqd.qd.mutation.mutate import Child, MutationSettings, MutationTask, breed
from debateqd.qd.mutation.novelty import StrategyPool
from debateqd.qd.mutation.operators import StaticWriter, examples_for, make_mutator
from debateqd.qd.seeds import SEED_TEXTS, seed_strategies
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.strategy import Strategy
from debateqd.qd.training.start import train
from tests.qd.stand_ins import StandIn, question_set

SEED = seed_strategies()[7]  # of the second family
CHILD = Strategy("s0100", SEED.family, "A text that came later.", ("s0007",), 3, "rewrite")


def asked(parent: Strategy, seed: int, **task: object) -> Request:
    thought = StaticWriter().draft(MutationTask((parent,), 4, 0, **task), seed)
    ((request,),) = (next(thought),)
    return request


def test_examples_are_seeds_of_the_family_in_any_order():
    draws = [examples_for(SEED, seed) for seed in range(200)]
    assert all(len(set(shown)) == 3 and SEED.text in shown for shown in draws)
    assert {text for shown in draws for text in shown} == set(SEED_TEXTS[SEED.family])
    places = {shown.index(SEED.text) for shown in draws}
    assert places == {0, 1, 2}
    assert draws == [examples_for(SEED, seed) for seed in range(200)]


def test_nothing_that_evolution_found_reaches_the_writer():
    request = asked(CHILD, 5, record="The judge sided with it in 9 of 10 debates.")
    user = request.messages[1].content
    assert task_of(request.messages) == "write"
    assert CHILD.text not in user
    assert "9 of 10" not in user
    assert section(user, "family") == CHILD.family
    assert set(examples_shown(user)) <= set(SEED_TEXTS[CHILD.family])


def test_a_family_without_seeds_shows_the_parent():
    own = Strategy("s1", "somebody's own", "Sing.")
    assert examples_for(own, 1) == ("Sing.",)


def test_many_drafts_of_the_embedded_model_are_all_new():
    mutator, settings = make_mutator("static", MutationSettings()), MutationSettings()
    seeds = seed_strategies()
    pool = StrategyPool(s.text for s in seeds)
    model = EmbeddedModel()
    jobs = [(mutator, MutationTask((seeds[n % 35],), 1, n)) for n in range(140)]
    births = breed(
        jobs,
        run_seed=1,
        pool=pool,
        settings=settings,
        run=lambda thoughts: run_thoughts(model, thoughts),
    )
    assert sum(isinstance(b, Child) for b in births) == 140
    assert sum(b.calls for b in births) <= 150


class Writing(StandIn):
    """A stand-in that writes strategies, too."""

    def _reply(self, request: Request) -> Reply:
        if task_of(request.messages) != "write":
            return super()._reply(request)
        self.calls += 1
        self.seen.append(request)
        return Reply(self._mutation(examples_shown(request.messages[1].content)[0], request.seed))


def test_static_generation_in_the_whole_loop(tmp_path: Path):
    small = ("debate.rounds=1", "evolution.generations=2", "evolution.children=6")
    config = load_config("static-gen", assignments=(*small, "evolution.report.questions=0"))
    assert isinstance(config, RunConfig)
    model = Writing()
    questions = split_questions(question_set(), config.questions)
    train(config, tmp_path / "run", models=Models(model, model, model), questions=questions)
    strategies = RunDirectory(tmp_path / "run").strategies()
    children = [s for s in strategies.values() if s.generation]
    assert len(children) == 12
    assert {s.operator for s in children} == {"static"}
    assert all(strategies[p].generation == 0 for c in children for p in c.parents)
    writing = [r for r in model.seen if task_of(r.messages) == "write"]
    assert all(section(r.messages[1].content, "record") is None for r in writing)
    assert not any("power=" in text for r in writing for text in [r.messages[1].content])
