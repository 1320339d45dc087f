from __future__ import annotations

import importlib.util
import json
import runpy
import sys

import pytest

from debate_env.errors import InputError
from debateqd.agents.models.embedded import EmbeddedModel
from debateqd.agents.prompts import debates_shown, operator_of, section, task_of
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.questions import RunQuestions, open_questions, split_questions
from debateqd.qd.links.gepa import COMPONENT, DebateAdapter, Rollout
from debateqd.qd.strategy import Strategy
from tests.qd.stand_ins import StandIn, question_set
from tests.repository import ROOT

needs_gepa = [
    pytest.mark.bridge,
    pytest.mark.skipif(importlib.util.find_spec("gepa") is None, reason="needs debateqd[gepa]"),
]
PANEL = [Strategy(f"s{n}", "rationality", f"power={n} honesty=0 seed") for n in range(3)]
STRONG, WEAK = "power=9 honesty=0 text", "power=-9 honesty=0 text"


def config(**changes: object) -> RunConfig:
    small = {"seed": 3, "debate": {"rounds": 1}}
    return RunConfig.model_validate({**small, **changes})


QUESTIONS = split_questions(question_set(), config().questions)
TRAIN, SELECTION = list(QUESTIONS.train), list(QUESTIONS.selection)


def adapter(model: StandIn | None = None, settings: RunConfig | None = None) -> DebateAdapter:
    model = model or StandIn()
    models = Models(model, model, model)
    return DebateAdapter(settings or config(), QUESTIONS, models, family="rationality", panel=PANEL)


def test_a_stronger_strategy_scores_higher_and_scores_are_shares():
    made = adapter()
    batch = TRAIN[:4]
    strong, weak = made.rollouts(batch, STRONG), made.rollouts(batch, WEAK)
    assert all(0.5 < r.score <= 1 for r in strong)
    assert all(0 <= r.score < 0.5 for r in weak)
    assert [r.question for r in strong] == [q.question_id for q in batch]
    assert made.debates == 2 * 2 * 4  # two strategies, both seats, four questions
    # Two speeches and a verdict in both orders.
    assert made.calls == 4 * made.debates
    assert made.rollouts(batch, STRONG) == strong  # nothing depends on what came before


def test_a_question_that_comes_twice_is_debated_once():
    made = adapter()
    question = TRAIN[0]
    first, second = made.rollouts([question, question], STRONG)
    assert first == second
    assert made.debates == 2


def test_a_strategy_of_the_panel_does_not_meet_itself():
    made = adapter()
    shown = [debate for r in made.rollouts(TRAIN, PANEL[0].text) for debate in r.debates]
    spoken = [{(s.speaker, s.text.split(" honesty")[0]) for s in d.speeches} for d in shown]
    own, others = ("own", "I argue: power=0"), {"I argue: power=1", "I argue: power=2"}
    assert all(own in speakers for speakers in spoken)
    assert {text for speakers in spoken for who, text in speakers if who == "other"} == others


def test_truth_is_the_credence_in_the_correct_answer_of_a_debate_with_itself():
    made = adapter(settings=config(objective="truth"))
    honest = made.rollouts(TRAIN[:6], "power=0 honesty=5 text")
    wrong = made.rollouts(TRAIN[:6], "power=0 honesty=-5 text")
    assert min(r.score for r in honest) > 0.6 > 0.4 > max(r.score for r in wrong)
    assert made.debates == 12
    assert all(debate.team for r in honest for debate in r.debates)


def test_a_mix_lies_between():
    text = "power=3 honesty=3 text"
    scores = {}
    for objective in ("persuasion", "truth", "mix"):
        made = adapter(settings=config(objective=objective, mix_weight=0.25))
        scores[objective] = made.rollouts(TRAIN[:1], text)[0].score
    mixed = 0.75 * scores["persuasion"] + 0.25 * scores["truth"]
    assert scores["mix"] == pytest.approx(mixed, abs=0.02)


def test_texts_that_may_not_enter_score_nothing_and_say_why():
    made = adapter()
    passage = TRAIN[0].passage
    for text, kind in ((passage, "leak"), ("word " * 500, "too_long"), ("", "empty")):
        (rollout,) = made.rollouts(TRAIN[:1], text)
        assert rollout.score == 0
        assert rollout.message.startswith(f"refused, {kind}")
        data = made.make_reflective_dataset({COMPONENT: text}, Batch([rollout]), [COMPONENT])
        assert data == {COMPONENT: [{"Feedback": rollout.message}]}
    assert made.debates == made.calls == 0


def test_an_unusable_verdict_punishes_nobody():
    made = adapter(StandIn(broken=0))
    (rollout,) = made.rollouts(TRAIN[:1], STRONG)
    assert (rollout.score, rollout.debates) == (0.5, ())
    assert "the engine is down" in rollout.message


def test_questions_of_other_splits_are_refused():
    made = adapter()
    for held_out in (QUESTIONS.report[0], QUESTIONS.test[0]):
        with pytest.raises(InputError, match="training and selection questions only"):
            made.rollouts([held_out], STRONG)


class Batch:
    """An evaluation as GEPA would hold it."""

    def __init__(self, trajectories: list[Rollout]) -> None:
        self.trajectories = trajectories


def test_only_training_debates_are_reflected_on():
    made = adapter()
    rollouts = [*made.rollouts(TRAIN[:2], STRONG), *made.rollouts(SELECTION[:2], STRONG)]
    data = made.make_reflective_dataset({COMPONENT: STRONG}, Batch(rollouts), [COMPONENT])
    asked = {record["question"] for record in data[COMPONENT]}
    assert asked == {q.question for q in TRAIN[:2]}
    assert len(data[COMPONENT]) == 4
    assert all(": won. " in record["Feedback"] for record in data[COMPONENT])


def test_reflection_on_the_debates_proposes_new_texts():
    model = StandIn()
    made = adapter(model)
    assert made.propose_new_texts is not None
    rollouts = list(made.rollouts(TRAIN[:3], "power=1 honesty=0 text"))
    data = made.make_reflective_dataset({COMPONENT: "x"}, Batch(rollouts), [COMPONENT])
    data = json.loads(json.dumps(data))  # as GEPA may keep it
    before = made.calls
    parent = {COMPONENT: "power=1 honesty=0 text"}
    first = made.propose_new_texts(parent, data, [COMPONENT])[COMPONENT]
    second = made.propose_new_texts(parent, data, [COMPONENT])[COMPONENT]
    assert len({first, second, parent[COMPONENT]}) == 3
    assert made.calls == before + 2
    prompt = model.seen[-1].messages
    assert task_of(prompt) == "mutate"
    assert operator_of(prompt[1].content) == "reflection"
    assert section(prompt[1].content, "strategy") == parent[COMPONENT]
    lost = [d for r in rollouts for d in r.debates if not d.won]
    assert len(debates_shown(prompt[1].content)) == min(2, len(lost)) + min(2, 6 - len(lost))
    # Without a debate there is nothing to learn from, and nothing is asked.
    assert made.propose_new_texts(parent, {COMPONENT: []}, [COMPONENT]) == parent
    assert made.calls == before + 2


def test_without_gepa_the_error_says_what_to_install(monkeypatch):
    for name in ("gepa", "gepa.core", "gepa.core.adapter"):
        monkeypatch.setitem(sys.modules, name, None)
    made = adapter()
    with pytest.raises(InputError, match=r"pip install 'debateqd\[gepa\]'"):
        made.evaluate(TRAIN[:1], {COMPONENT: STRONG})


class Quiet:
    """A logger for GEPA that says nothing."""

    def log(self, message: object) -> None:
        """Ignore a message."""


class TestWithGepa:
    pytestmark = needs_gepa

    def optimize(self, made: DebateAdapter, calls: int, start: str, questions: RunQuestions):
        import gepa

        return gepa.optimize(
            seed_candidate={COMPONENT: start},
            trainset=list(questions.train)[:12],
            valset=list(questions.selection)[:8],
            adapter=made,
            stop_callbacks=lambda state: made.calls >= calls,
            reflection_minibatch_size=3,
            seed=1,
            logger=Quiet(),
        )

    def test_a_batch_has_the_shape_of_the_contract(self):
        from gepa.core.adapter import EvaluationBatch

        made = adapter()
        for traces in (False, True):
            batch = made.evaluate(TRAIN[:3], {COMPONENT: STRONG}, capture_traces=traces)
            assert isinstance(batch, EvaluationBatch)
            assert len(batch.outputs) == len(batch.scores) == 3
            assert (batch.trajectories is not None) == traces
        data = made.make_reflective_dataset({COMPONENT: STRONG}, batch, [COMPONENT])
        assert json.dumps(data)
        assert list(data) == [COMPONENT]

    def test_it_climbs_in_a_world_with_a_known_truth_and_repeats_itself(self):
        results = []
        for _ in range(2):
            made = adapter()
            start = "power=0 honesty=0 " + " ".join(f"x{n}" for n in range(12))
            result = self.optimize(made, 1500, start, QUESTIONS)
            assert 1500 <= made.calls < 1500 + 4 * 2 * (2 * 3 + 8) + 3
            results.append(result)
        first, second = results
        assert first.candidates == second.candidates
        assert len(first.candidates) > 3
        assert max(first.val_aggregate_scores) > first.val_aggregate_scores[0] + 0.1

    def test_the_embedded_model_plays_all_roles(self):
        settings = config(questions={"source": "synthetic:passages=30,words=200,seed=5"})
        questions: RunQuestions = open_questions(settings.questions)
        model = EmbeddedModel()
        models = Models(model, model, model)
        made = DebateAdapter(settings, questions, models, family="evidence_quoting")
        result = self.optimize(made, 900, "Be vague and general in what you say.", questions)
        assert len(result.candidates) >= 2
        assert result.best_candidate[COMPONENT]
        assert made.calls >= 900

    def test_gepa_writes_with_its_own_prompt(self):
        import gepa

        asked: list[str] = []

        def write(prompt: str) -> str:
            asked.append(prompt)
            return f"```\npower=2 honesty=0 {len(asked)}\n```"

        made = adapter()
        made.propose_new_texts = None
        result = gepa.optimize(
            seed_candidate={COMPONENT: "power=1 honesty=0"},
            trainset=TRAIN[:4],
            valset=SELECTION[:4],
            adapter=made,
            reflection_lm=write,
            stop_callbacks=lambda state: made.calls >= 150,
            logger=Quiet(),
        )
        assert result.best_candidate[COMPONENT].startswith("power=2")
        assert "power=1 honesty=0" in asked[0]
        assert "The strategy's debater spoke for 'own'." in asked[0]

    def test_the_example_runs(self, monkeypatch, capsys):
        path = ROOT / "examples" / "gepa_baseline.py"
        options = ["--calls", "300", "--set", "questions.selection=0.05", "--family", "authority"]
        monkeypatch.setattr(sys, "argv", [str(path), *options])
        runpy.run_path(str(path), run_name="__main__")
        said = capsys.readouterr().out
        assert "points over the seeds" in said
        assert "a simulation" in said
