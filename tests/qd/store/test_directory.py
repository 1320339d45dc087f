from __future__ import annotations

import json

import pytest

from debate_env.core.transcript import Speech
from debate_env.errors import InputError
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.questions import QuestionSplits
from debateqd.qd.store.directory import RunDirectory, RunWriter
from tests.qd.making import match, strategy

SPLITS = QuestionSplits("builtin", "hash", {"train": ("q1",), "test": ("q2",)})
SAID = (Speech(1, "debater_0", "one\ntwo"), Speech(1, "debater_1", "<v_quote>x</v_quote>"))


@pytest.fixture
def writer(tmp_path):
    made = RunWriter.create(tmp_path / "run", RunConfig(), SPLITS)
    yield made
    made.close()


def write_generation(writer: RunWriter, number: int) -> None:
    writer.add_strategies([strategy(f"s{number}")])
    writer.add_match(match(f"s{number}", "x", 0.7, generation=number), SAID)
    writer.commit(number, {"next_strategy": number + 1}, {"generation": number})


def test_what_is_written_reads_back(writer):
    write_generation(writer, 0)
    run = RunDirectory.open(writer.path)
    assert run.config == RunConfig()
    assert run.questions() == SPLITS
    assert run.strategies() == {"s0": strategy("s0")}
    (played,) = run.matches()
    assert played == match("s0", "x", 0.7)
    assert run.transcript(played) == SAID
    assert run.generation(0)["offsets"]["matches.jsonl"] == (
        (writer.path / "matches.jsonl").stat().st_size
    )
    assert run.archive()["generation"] == 0
    assert run.summary() is None
    with pytest.raises(InputError, match="holds no match"):
        run.transcript(match("other", "x", 0.7))


def test_questions_keep_their_identity_with_what_was_cut(tmp_path):
    cut = QuestionSplits("builtin", "hash", {"train": ("q1",)}, {"p1": (10, 20)})
    RunWriter.create(tmp_path / "run", RunConfig(), cut).close()
    read = RunDirectory.open(tmp_path / "run").questions()
    assert read.identity == cut.identity != SPLITS.identity


def test_resume_cuts_off_what_was_not_committed(writer):
    write_generation(writer, 0)
    kept = (writer.path / "matches.jsonl").read_bytes()
    writer.add_strategies([strategy("s1")])
    writer.add_match(match("s1", "x", 0.1, generation=1), SAID)
    writer.close()
    (writer.path / "transcripts" / "0001.jsonl.gz").write_bytes(b"torn")
    again, last = RunWriter.resume(writer.path)
    assert last == 0
    assert (writer.path / "matches.jsonl").read_bytes() == kept
    assert list(RunDirectory.open(writer.path).strategies()) == ["s0"]
    assert not (writer.path / "transcripts" / "0001.jsonl.gz").exists()
    write_generation(again, 1)
    assert RunDirectory.open(writer.path).generations() == [0, 1]
    again.close()


def test_two_processes_cannot_write_one_run(writer):
    with pytest.raises(InputError, match="another process is writing"):
        RunWriter.resume(writer.path)
    writer.close()
    RunWriter.resume(writer.path)[0].close()


def test_a_folder_that_is_in_use_is_left_alone(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(InputError, match=r"exists already; continue it with --resume"):
        RunWriter.create(tmp_path, RunConfig(), SPLITS)
    assert [p.name for p in tmp_path.iterdir()] == ["note.txt"]
    with pytest.raises(InputError, match="exists already"):
        RunWriter.create(tmp_path / "note.txt", RunConfig(), SPLITS)
    with pytest.raises(InputError, match="cannot be written"):
        RunWriter.create(tmp_path / "note.txt" / "run", RunConfig(), SPLITS)


def test_what_is_no_run_directory(tmp_path):
    with pytest.raises(InputError, match=r"has no config\.yaml"):
        RunDirectory.open(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        RunDirectory.open(tmp_path / "none")


def test_another_version_is_refused(writer):
    path = writer.path / "questions.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))
    with pytest.raises(InputError, match="has version 2; this program reads version 1"):
        RunDirectory.open(writer.path).questions()


def test_a_missing_generation_is_refused(writer):
    for number in range(3):
        write_generation(writer, number)
    writer.close()
    (writer.path / "generations" / "0001.json").unlink()
    with pytest.raises(InputError, match=r"missing among \[0, 2\]"):
        RunWriter.resume(writer.path)


def test_a_run_may_begin_where_another_was_killed_before_it_began(tmp_path):
    path = tmp_path / "run"
    for folder in ("transcripts", "generations"):
        (path / folder).mkdir(parents=True)
    (path / "questions.json").write_text("{")
    (path / ".config.yaml.tmp").write_text("version")
    config = RunConfig()
    RunWriter.create(path, config, QuestionSplits("builtin", "x", {})).close()
    assert RunDirectory.open(path).config == config
    with pytest.raises(InputError, match="exists already"):
        RunWriter.create(path, config, QuestionSplits("builtin", "x", {}))


@pytest.mark.parametrize("foreign", ["notes.txt", "generations/0000.json"])
def test_a_folder_with_anything_else_is_taken(tmp_path, foreign):
    path = tmp_path / "run"
    (path / foreign).parent.mkdir(parents=True)
    (path / foreign).write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        RunWriter.create(path, RunConfig(), QuestionSplits("builtin", "x", {}))
