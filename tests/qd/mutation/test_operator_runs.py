"""Whole runs with all operators: what they leave, what they show, and that they can be resumed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from debateqd.agents.prompts import debates_shown, operator_of, task_of
from debateqd.qd.mutation.operator_shares import OperatorSuccesses
from debateqd.qd.store.directory import RunDirectory
from tests.qd.stand_ins import StandIn
from tests.qd.training.test_start import again, config, contents, play, questions


@pytest.mark.parametrize("objective", ["persuasion", "truth"])
def test_every_operator_has_children_and_its_yield_is_counted(tmp_path: Path, objective):
    settings = config(objective, generations=3, children=12)
    model = StandIn()
    play(settings, tmp_path / "run", model)
    run = RunDirectory.open(tmp_path / "run")
    made = Counter(s.operator for s in run.strategies().values() if s.parents)
    assert set(made) == {"rewrite", "crossover", "reflection", "target"}
    last = run.generation(3)
    yields = OperatorSuccesses.from_json(last["yields"])
    asked = sum(children for children, _, _ in yields.totals().values())
    assert asked == 36
    # Every elite that was bred is a success of its operator, and so are those that came and went.
    living = {e["strategy_id"] for e in run.archive()["elites"]}
    bred = [s for s in run.strategies().values() if s.parents and s.strategy_id in living]
    assert sum(won for _, won, _ in yields.totals().values()) >= len(bred) > 0
    stats = last["stats"]["operators"]
    assert sum(row["share"] for row in stats.values()) == pytest.approx(1)
    assert sum(row["asked"] for row in stats.values()) == 12
    assert run.generation(0)["stats"]["operators"] == {}


def test_mutators_are_shown_training_debates_and_nothing_else(tmp_path: Path):
    settings = config(generations=3, children=12)
    model = StandIn()
    play(settings, tmp_path / "run", model)
    mutations = [r.messages[1].content for r in model.seen if task_of(r.messages) == "mutate"]
    reflections = [p for p in mutations if operator_of(p) == "reflection"]
    assert reflections
    assert all(debates_shown(p) for p in reflections)
    dealt = questions(settings)
    trained = {q.question for q in dealt.train}
    for name in ("selection", "report", "test"):
        for question in dealt.split(name):
            assert question.question not in trained
            assert not any(question.question in prompt for prompt in mutations)
            assert not any(question.passage in prompt for prompt in mutations)
    assert any(q.question in p for p in reflections for q in dealt.train)


def test_an_interrupted_run_reflects_and_adapts_like_one_that_was_not(tmp_path: Path):
    settings = config(generations=3, children=12)
    whole, model = tmp_path / "whole", StandIn()
    play(settings, whole, model)
    for share in (0.35, 0.6, 0.85):
        parts = tmp_path / f"parts{share}"
        with pytest.raises(KeyboardInterrupt):
            play(settings, parts, StandIn(stop_at=round(share * model.calls)))
        again(parts)
        ours = {name: data for name, data in contents(parts).items() if "journal" not in name}
        assert ours == {n: data for n, data in contents(whole).items() if "journal" not in n}
