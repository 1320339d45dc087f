from __future__ import annotations

import json

import pytest

from debate_env.errors import InputError
from debateqd.agents.models.base import Sampling
from debateqd.agents.stored import from_archive
from tests.agents.fakes import FakeModel

TEXT = "Quote first.\u2028Then explain: “never” guess."
CONFIG = """\
name: test
models: {default: embedded, debater: "embedded:world=2", max_tokens: 99, temperature: 0, top_p: 0.9}
"""


@pytest.fixture
def run(tmp_path):
    lines = [
        json.dumps({"v": 1, "id": "s0001", "family": "logic", "text": "One."}),
        json.dumps({"v": 1, "id": "s0002", "family": "logic", "text": TEXT}, ensure_ascii=False),
    ]
    (tmp_path / "strategies.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def test_a_stored_strategy_speaks_with_the_model_of_its_run(run):
    agent = from_archive(run, "s0002")
    assert agent.strategy == TEXT
    assert agent.name == "s0002"
    assert agent.model.name == "embedded:world=2"
    assert agent.sampling == Sampling(max_tokens=99, temperature=0.0, top_p=0.9)


def test_another_model_may_speak_for_it(run):
    model = FakeModel()
    assert from_archive(str(run), "s0001", model).model is model


def test_nothing_but_the_two_files_is_read(run):
    (run / "archive.json").write_text("not json")
    (run / "matches.jsonl").write_text("not json")
    assert from_archive(run, "s0001").strategy == "One."


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "strategies.jsonl").unlink(), "strategies.jsonl: no such file"),
        (lambda run: (run / "config.yaml").unlink(), "config.yaml: no such file"),
        (
            lambda run: (run / "strategies.jsonl").write_text('{"id": "s0001"}\n'),
            "strategies.jsonl, line 1: not a strategy",
        ),
        (
            lambda run: (run / "strategies.jsonl").write_text('{"id": "s0002", "text": 3}\n'),
            "line 1, field 'text'",
        ),
        (
            lambda run: (run / "config.yaml").write_text("a: [\n"),
            "config.yaml, line 2: not",
        ),
        (lambda run: (run / "config.yaml").write_text("models: 3\n"), "mapping"),
        (
            lambda run: (run / "config.yaml").write_text("models: {max_tokens: many}\n"),
            "models.max_tokens: 'many'",
        ),
        (
            lambda run: (run / "config.yaml").write_bytes(b"\xff\xfe\xff"),
            "save it as UTF-8",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, spoil, message):
    spoil(run)
    with pytest.raises(InputError) as caught:
        from_archive(run, "s0002")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_ids_get_the_nearest(run):
    with pytest.raises(InputError, match=r"no strategy 's0003'; did you mean 's000[12]'"):
        from_archive(run, "s0003")


def test_a_missing_directory(tmp_path):
    with pytest.raises(InputError, match="no such run directory"):
        from_archive(tmp_path / "nowhere", "s0001")
