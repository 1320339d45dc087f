from __future__ import annotations

import pytest

from debate_env.errors import InputError
from debateqd.agents.models import registry
from debateqd.agents.models.base import ChatModel
from debateqd.agents.models.embedded import EmbeddedModel
from debateqd.agents.models.registry import check_model, make_model, model_names, register_model
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
        ("embedded:word=3", "unknown option 'word'; did you mean 'world'"),
        ("embedded:world=x", "option 'world' must be an integer of 0 or more, got 'x'"),
        ("embedded:world", "option 'world' needs a value, as in world=..."),
        ("embedded:world=1,world=2", "given twice"),
        ("embedded:kind=nul", "nul"),
        ("embedded:world=-1", "-1"),
        ("vllm", "give its name or path, as in vllm:"),
        ("openai: ", "give its name on the server"),
        ("opnai:gpt-5", "did you mean 'openai'"),
        ("json:", "unknown model 'json:'"),
        ("json:nothing", "module 'json' has no attribute 'nothing'"),
        ("collections:OrderedDict", "OrderedDict"),
    ],
)
def test_bad_specifications_are_explained_in_one_line(spec, message):
    with pytest.raises(InputError) as caught:
        make_model(spec)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        "embeded:world=3",
        "",
        "embedded:word=3",
        "embedded:world=-1",
        "embedded:kind=nul",
        "vllm:",
        "openai",
        "json:",
        "no_such_package.module:make",
    ],
)
def test_a_check_says_what_making_would_say(spec):
    with pytest.raises(InputError) as made:
        make_model(spec)
    with pytest.raises(InputError) as checked:
        check_model(spec)
    assert str(checked.value) == str(made.value)


def test_a_check_imports_and_makes_no_model_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "foreign_package").mkdir()
    (tmp_path / "foreign_package" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    check_model("foreign_package.module:make:rest")
    with pytest.raises(RuntimeError, match="imported"):
        make_model("foreign_package.module:make:rest")
    monkeypatch.setattr(registry, "_FACTORIES", dict(registry._FACTORIES))
    register_model("test-never", lambda rest: pytest.fail("made"))
    check_model("test-never:anything")


def test_a_run_on_an_engine_can_be_planned_where_it_is_not_installed():
    check_model("vllm:Qwen/Qwen2.5-7B-Instruct")
    check_model("openai:gpt-5")


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
