from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import pytest

import debate_env.questions.sources as sources
from debate_env.errors import InputError
from debate_env.questions.question import Question, QuestionSet
from debate_env.questions.sources import load_questions, register_source, source_names

ONE = QuestionSet([Question("q", "p", "Some text.", "Why?", ("a", "b"), 0)])


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_REGISTRY", dict(sources._REGISTRY))


def refused(spec: str) -> str:
    with pytest.raises(InputError) as caught:
        load_questions(spec)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_builtin_by_name() -> None:
    assert load_questions("builtin")[0].source == "builtin"
    assert "takes no options" in refused("builtin:seed=1")


def test_synthetic_options() -> None:
    questions = load_questions("synthetic:passages=3, words=300,questions=2,difficulty=0.2,seed=5")
    assert len(questions) == 6
    assert questions == load_questions("synthetic:seed=5,passages=3,words=300,difficulty=0.2")
    assert questions != load_questions("synthetic:seed=6,passages=3,words=300,difficulty=0.2")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("pasages=3", "unknown option 'pasages'; did you mean 'passages'?"),
        ("passages=0", "'passages' must be an integer of 1 or more, got '0'"),
        ("passages=many", "'passages' must be an integer of 1 or more, got 'many'"),
        ("difficulty=2", "'difficulty' must be a number from 0 to 1, got '2'"),
        ("difficulty=nan", "'difficulty' must be a number from 0 to 1"),
        ("seed=1,seed=2", "'seed' is given twice"),
        ("seed", "'seed' needs a value"),
        ("seed=", "'seed' needs a value"),
        ("seed=1,", "unknown option ''"),
    ],
)
def test_wrong_synthetic_options(options: str, says: str) -> None:
    assert says in refused(f"synthetic:{options}")


def test_a_plug_in_adds_a_source() -> None:
    seen = []

    def factory(rest: str) -> QuestionSet:
        seen.append(rest)
        return ONE

    register_source("my-source", factory)
    assert load_questions("my-source:x=1:y") is ONE
    assert load_questions("my-source") is ONE
    assert seen == ["x=1:y", ""]
    assert "my-source" in source_names()
    register_source("my-source", factory)
    with pytest.raises(InputError, match="taken"):
        register_source("my-source", lambda rest: ONE)
    for name in ("x", "", "a:b", "1a", "a b"):
        with pytest.raises(InputError, match="two or more letters"):
            register_source(name, factory)


def test_an_installed_package_adds_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("packaged", f"{__name__}:packaged_source", sources.ENTRY_POINTS)

    def installed(**wanted: str) -> EntryPoints:
        return EntryPoints([entry]).select(**wanted)

    monkeypatch.setattr(sources, "entry_points", installed)
    assert load_questions("packaged:rest") is ONE
    assert "packaged" in source_names()


def packaged_source(rest: str) -> QuestionSet:
    assert rest == "rest"
    return ONE


def test_unknown_names(tmp_path) -> None:
    assert "did you mean 'builtin'?" in refused("bultin")
    assert "did you mean 'quality'?" in refused("qualty:x.jsonl?filter=khan")
    assert "path ending in .jsonl, .json, .csv, .tsv, .parquet" in refused("questions.xlsx")
    assert "unknown questions ''" in refused("")
    (tmp_path / "a.txt").write_text("{}")
    assert "a.txt: unknown kind of file" in refused(str(tmp_path / "a.txt"))
    with pytest.raises(InputError, match="columns are named for files alone; 'builtin' is"):
        load_questions("builtin", {"label": "answer"})
    assert "no such file" in refused("missing.JSONL.GZ")
    assert "no such file" in refused("C:/folder/missing.csv")
