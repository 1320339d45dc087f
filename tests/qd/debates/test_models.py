"""The models of a run: shared where they are the same, under one budget, journalled."""

from __future__ import annotations

import sqlite3

import pytest

from debate_env.errors import InputError
from debateqd.agents.models import registry
from debateqd.agents.models.base import (
    Message,
    MeteredModel,
    PatientModel,
    Reply,
    Request,
    Sampling,
)
from debateqd.agents.models.embedded import EmbeddedModel
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.models import check_prices, equip, make_models
from tests.agents.fakes import FakeModel


@pytest.fixture
def made(monkeypatch):
    """Makes stand-ins for engines; holds (name, options) of each one made."""
    log: list[tuple[FakeModel, dict]] = []

    def factory(engine):
        def make(rest, **options):
            if rest == "bad":
                raise InputError("no such model")
            model = FakeModel(name=f"{engine}:{rest}")
            model.closed = False
            model.close = lambda: setattr(model, "closed", True)
            log.append((model, options))
            return model

        return make

    factories = {**registry._FACTORIES, "vllm": factory("vllm"), "openai": factory("openai")}
    monkeypatch.setattr(registry, "_FACTORIES", factories)
    return log


def configured(**models):
    return RunConfig.model_validate({"models": models})


def test_roles_with_the_same_model_and_options_share_it(made):
    models = make_models(configured(default="openai:a"))
    assert models.debater is models.judge is models.mutator
    assert len(made) == 1


def test_roles_have_models_and_options_of_their_own(made):
    config = configured(
        default="vllm:a",
        judge="openai:b",
        openai={"base_urls": ["http://127.0.0.1:1/v1"]},
        vllm={"dtype": "bfloat16"},
        overrides={"mutator": {"dtype": "float32"}},
    )
    models = make_models(config)
    assert models.debater is not models.mutator
    options = {role: dict(opts) for role, (_, opts) in zip("djm", made, strict=True)}
    assert options["d"]["dtype"] == "bfloat16"
    assert options["m"]["dtype"] == "float32"
    assert tuple(options["j"]["base_urls"]) == ("http://127.0.0.1:1/v1",)


def test_only_the_roles_that_are_asked_are_loaded(made):
    make_models(configured(default="vllm:a", mutator="vllm:big"), ("debater", "judge"))
    assert [model.name for model, _ in made] == ["vllm:a"]


def test_a_model_that_cannot_be_made_closes_the_others_and_is_named(made):
    with pytest.raises(InputError, match=r"models\.mutator: no such model"):
        make_models(configured(default="openai:a", mutator="openai:bad"))
    assert made[0][0].closed


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"overrides": {"judg": {}}}, "unknown role 'judg'; did you mean 'judge'"),
        ({"overrides": {"judge": {"dtype": "x"}}}, "model 'embedded' has no options here"),
        (
            {"default": "vllm:a", "overrides": {"judge": {"dtipe": "x"}}},
            "unknown option 'dtipe': did you mean 'dtype'",
        ),
        (
            {"default": "vllm:a", "overrides": {"judge": {"max_model_len": "x"}}},
            "option 'max_model_len' cannot be 'x'",
        ),
    ],
)
def test_wrong_overrides_are_refused(models, message):
    with pytest.raises(ValueError) as caught:
        configured(**models)
    assert message in str(caught.value)


def test_a_budget_in_money_needs_prices():
    config = RunConfig.model_validate({"models": {"default": "openai:a"}, "budget": {"money": 1.0}})
    with pytest.raises(InputError, match="price of 'openai:a' is unknown"):
        check_prices(config)


def test_equipped_models_share_a_journal_and_a_budget(made, tmp_path):
    config = configured(default="openai:a", judge="openai:b")
    bare = make_models(config)
    models = equip(bare, config, tmp_path / "journal.sqlite")
    assert models.debater is models.mutator
    assert models.debater is not models.judge
    assert models.judge.fingerprint == bare.judge.fingerprint
    for model in models.distinct():
        assert isinstance(model, MeteredModel)
        assert isinstance(model, PatientModel)
    models.close()
    assert all(model.closed for model, _ in made)
    with sqlite3.connect(tmp_path / "journal.sqlite") as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_without_a_journal_no_file_is_made(made, tmp_path):
    config = configured(default="openai:a")
    models = equip(make_models(config), config, None)
    assert models.journal is None
    assert models.notes() == []
    assert list(tmp_path.iterdir()) == []


def test_garbage_is_asked_for_again_but_not_of_the_simulation(made):
    config = configured(default="openai:a", judge="embedded")
    bare = make_models(config)
    ((engine, _),) = made
    engine.script = lambda request: "?!#&@ ~*^ %$ {}<>" if request.seed == 1 else "It was a lamp."
    models = equip(bare, config, None)
    ask = Request((Message("user", "Speak."),), Sampling(temperature=0.7), 1)
    models.debater.submit([(0, ask)])
    assert models.debater.poll() == [(0, Reply("It was a lamp.", redraws=1))]
    assert models.debater.delivery["rejected"] == 2
    simulated = EmbeddedModel()
    models.judge.submit([(0, ask)])
    assert models.judge.poll() == [(0, simulated.reply(ask))]
    assert models.judge.delivery["requests"] == 1
    models.close()
