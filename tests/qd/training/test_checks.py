from __future__ import annotations

from typing import Any

import pytest

from debate_env.errors import InputError
from debateqd.qd.config.loading import load_config, preset_names
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.questions import split_questions
from debateqd.qd.training.checks import check_models, check_names
from debateqd.qd.training.planning import plan_run
from debateqd.qd.training.start import train
from tests.qd.stand_ins import StandIn, question_set

MISTAKES = [
    ("evolution.mutation.operators.rewrit=1", "did you mean 'rewrite'"),
    ("evolution.tournament.rating=eloo", "did you mean 'elo'"),
    ("evolution.tournament.pairings.swis=1", "did you mean 'swiss'"),
    ("evolution.parents.rule=elite", "did you mean 'elites'"),
    ("evolution.selection.rule=racin", "did you mean 'racing'"),
    ("evolution.selection.rule=no_such_module:rule", "cannot be imported"),
    ("evolution.selection.rule=math:pi", "cannot be called"),
    ("evolution.archive.axes=[{name: family}, {name: lenght}]", "did you mean 'length'"),
    ("evolution.archive.axes=[{name: famly, edges: [0, 1]}]", "did you mean 'family'"),
    ("evolution.archive.axes=[{name: length, edges: [3, 2]}]", "increasing"),
    ("evolution.archive.axes=[]", "at least one axis"),
]


@pytest.mark.parametrize(("assignment", "hint"), MISTAKES)
def test_names_fail_before_anything_is_made(assignment, hint, tmp_path):
    config = load_config("smoke", (), [assignment])
    questions = split_questions(question_set(), config.questions)
    model = StandIn()
    messages = []
    for attempt in (
        lambda: check_names(config),
        lambda: plan_run(config, questions),
        lambda: train(
            config, tmp_path / "run", models=Models(model, model, model), questions=questions
        ),
    ):
        with pytest.raises(InputError) as error:
            attempt()
        messages.append(str(error.value))
    assert len(set(messages)) == 1
    key = assignment.partition("=")[0]
    assert messages[0].startswith(key)
    assert hint in messages[0]
    assert "\n" not in messages[0]
    assert list(tmp_path.iterdir()) == []
    assert model.calls == 0


def test_which_axis_is_wrong_is_said():
    config = load_config("smoke", (), ["evolution.archive.axes=[{name: family}, {name: lenght}]"])
    with pytest.raises(InputError, match=r"^evolution\.archive\.axes\.1\.name: "):
        check_names(config)


@pytest.mark.parametrize("preset", preset_names())
def test_presets_name_nothing_unknown(preset):
    config = load_config(preset)
    check_names(config)
    check_models(config)


def test_a_rule_that_asks_for_a_probability_needs_a_rating_that_has_one(tmp_path):
    config = load_config("smoke", (), ["evolution.tournament.rating=elo"])
    with pytest.raises(InputError, match=r"^evolution\.selection\.rule: 'racing' needs"):
        check_names(config)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"default": "embeded:world=3"}, "models.default: unknown model 'embeded:world=3'"),
        ({"judge": "embeded:world=3"}, "models.judge: unknown model 'embeded:world=3'"),
        ({"mutator": "embedded:wrld=3"}, "models.mutator: model 'embedded': unknown option 'wrld'"),
    ],
)
def test_models_are_named_by_their_key(models: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        check_models(RunConfig.model_validate({"models": models}))
    assert str(error.value).startswith(message)
    assert "did you mean" in str(error.value)
