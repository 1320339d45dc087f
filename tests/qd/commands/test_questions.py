"""``debateqd questions`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from debate_env.questions import load_questions
from debate_env.questions.columns import parse_columns
from debateqd.agents.models.base import ChatModel
from tests.agents.fakes import FakeModel
from tests.qd.running import questions as main

TABLE = "Story;Query;First;Second;Key\nRed in spring.;Colour?;white;red;2\nOars kept.;What?;a;b;1\n"
SAID = ("--columns", "question=Query,answers=First+Second,label=Key")


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("theirs.csv").write_text(TABLE)
    Path("theirs.jsonl").touch()
    return "theirs.csv"


def scripted(rest: str) -> ChatModel:
    return FakeModel(lambda r: "B" if "one letter" in r.messages[0].content else "green", rest)


def test_what_a_file_holds_and_its_own_format(
    table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([table, *SAID, "--to", "ours.jsonl"]) == 0
    out = capsys.readouterr().out
    assert "theirs.csv: cells are separated by semicolons" in out
    assert "columns: question=Query, label=Key, answers=First+Second, passage=Story" in out
    assert "2 questions on 2 passages, with 2 answers each" in out
    assert "words of a passage: 2 to 3 (median 2)" in out
    assert "right answers: A 1, B 1" in out
    assert "longest answer right: 25% (by chance 50%)" in out
    assert "scripts: Latin 100%" in out
    assert "  B: red  (right)" in out
    assert "2 questions written to ours.jsonl" in out
    found = load_questions("ours.jsonl")
    assert [q.answers[q.label] for q in found] == ["red", "a"]
    assert found == load_questions(table, parse_columns(SAID[1]))


def test_every_problem_is_shown_and_nothing_is_written(
    table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(table).write_text(TABLE + "x;;a;b;1\ny;q;a;a;1\nz;q;a;b;3\n")
    assert main([table, *SAID, "--to", "ours.jsonl"]) == 2
    shown = capsys.readouterr()
    assert "2 questions on 2 passages" in shown.out
    lines = shown.err.splitlines()
    assert [line.split(", ")[1] for line in lines[:3]] == ["line 4", "line 5", "line 6"]
    assert lines[3] == "error: theirs.csv: 3 problems; nothing was written"
    assert not Path("ours.jsonl").exists()


def test_a_model_completes_pairs(
    table: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("pairs.csv").write_text("question,answer\nColour?,red\nWhich?,green\n ,blue\nWhy?,\n")
    assert main(["pairs.csv"]) == 2
    shown = capsys.readouterr()
    assert "2 questions with their right answers and no others" in shown.out
    assert "--distractors MODEL --to NEW.jsonl" in shown.err
    model = f"{__name__}:scripted:writer"
    assert main(["pairs.csv", "--distractors", model, "--to", "new.jsonl"]) == 2
    shown = capsys.readouterr()
    assert "1 questions written to new.jsonl" in shown.out
    problems = shown.err.splitlines()
    assert "line 4, field 'question': is empty" in problems[0]
    assert "line 5, field 'answers': answer 1 is empty" in problems[1]
    assert problems[2].startswith("problem: question 'q2': 0 of 1 wrong answers")
    record = json.loads(Path("new.jsonl").read_text())
    assert sorted(record["answers"]) == ["green", "red"]
    assert record["metadata"] == {"answers_made_by": "writer"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--to", "new.csv"), "--to new.csv: must end in .jsonl"),
        (("--to", "theirs.jsonl"), "--to theirs.jsonl: is there already; choose another name"),
        (("--to", "no/new.jsonl"), "nothing can be written to the folder no"),
        (("--distractors", "embedded", "--to", "n.jsonl"), "takes a language model"),
        (("--distractors", "openai:x"), "goes with --to NEW.jsonl"),
        (("--columns", "label"), "write each once"),
    ],
)
def test_wrong_options(
    table: str, options: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([table, *options]) == 2
    assert says in capsys.readouterr().err


def test_other_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["builtin"]) == 0
    assert "144 questions on 48 passages" in capsys.readouterr().out
    assert main(["bultin"]) == 2
    assert "did you mean 'builtin'?" in capsys.readouterr().err
