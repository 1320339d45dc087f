from __future__ import annotations

import pytest

from agents.models.base import ChatModel
from agents.models.embedded import EmbeddedModel
from agents.models.registry import make_model, model_names, register_model
from debate_env.errors import InputError
from tests.agents.fakes import FakeModel


@pytest.mark.parametrize(
    "spec", ["embedded", "embedded:world=3", "embedded:world=3,kind=null", "embedded:kind=rhetoric"]
)
def test_a_specification_makes_the_model_that_it_names(spec):
    model = make_model(spec)
    assert isinstance(model, EmbeddedModel)
    assert isinstance(model, ChatModel)
    assert model.name == spec
    assert make_model(model.name).fingerprint == model.fingerprint


def test_options_override_the_specification():
    assert make_model("embedded:world=3", world=5, kind="null").name == "embedded:world=5,kind=null"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("embeded", "unknown model 'embeded': did you mean 'embedded'"),
        ("embeded:world=3", "unknown model 'embeded:world=3': did you mean 'embedded'"),
        ("", "unknown model ''"),
        ("embedded:word=3", "unknown option 'word': did you mean 'world'"),
        ("embedded:world=x", "option 'world' cannot be 'x'"),
        ("embedded:world", "option 'world' cannot be ''"),
        ("embedded:world=1,world=2", "given twice"),
        ("embedded:kind=nul", "nul"),
        ("embedded:world=-1", "-1"),
        ("json:nothing", "module 'json' has no callable 'nothing'"),
        ("collections:OrderedDict", "OrderedDict"),
    ],
)
def test_bad_specifications_are_explained_in_one_line(spec, message):
    with pytest.raises(InputError) as caught:
        make_model(spec)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_keyword_options_are_refused():
    with pytest.raises(InputError, match="unknown option 'wrld'"):
        make_model("embedded", wrld=1)


def make_fake(rest: str, **options: object) -> ChatModel:
    return FakeModel(name=f"made:{rest}:{options}")


def test_an_importable_factory_needs_no_registration():
    model = make_model(f"{__name__}:make_fake:some:thing", depth=2)
    assert model.name == "made:some:thing:{'depth': 2}"


def test_registered_models_are_reachable_by_name():
    register_model("test-fake", make_fake)
    register_model("test-fake", make_fake)  # the same again is no conflict
    assert "test-fake" in model_names()
    assert make_model("test-fake:a:b").name == "made:a:b:{}"
    with pytest.raises(InputError, match="taken"):
        register_model("test-fake", lambda rest: FakeModel())


@pytest.mark.parametrize("name", ["", "a:b", " a"])
def test_names_that_no_specification_could_hold_are_refused(name):
    with pytest.raises(InputError, match="must be non-empty"):
        register_model(name, make_fake)
