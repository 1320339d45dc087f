from __future__ import annotations

import codecs
import json
import re
from dataclasses import replace

import pytest

from debate_env.core.transcript import Speech
from debate_env.errors import InputError
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.questions import QuestionSplits
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.store.writer import RunWriter
from tests.qd.making import match, strategy

SPLITS = QuestionSplits("builtin", "hash", {"train": ("q1",), "test": ("q2",)})
SAID = (Speech(1, "debater_0", "one\ntwo"), Speech(1, "debater_1", "<v_quote>x</v_quote>"))


@pytest.fixture
def writer(tmp_path):
    made = RunWriter.create(tmp_path / "run", RunConfig(), SPLITS)
    yield made
    made.close()


def write_generation(writer: RunWriter, number: int) -> None:
    writer.add_strategies([replace(strategy(f"s{number}"), generation=number)])
    writer.add_match(match(f"s{number}", "x", 0.7, generation=number), SAID)
    writer.commit(number, {"next_strategy": number + 1, "stats": {}}, {"generation": number})


def test_what_is_written_reads_back(writer):
    write_generation(writer, 0)
    run = RunDirectory.open(writer.path)
    assert run.config == RunConfig()
    assert run.questions() == SPLITS
    assert run.strategies() == {"s0": strategy("s0")}
    (played,) = run.matches()
    assert played == match("s0", "x", 0.7)
    assert run.transcript(played) == SAID
    assert run.committed_logs(0)["matches.jsonl"].size == (
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
    writer.add_strategies([replace(strategy("s1"), generation=1)])
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


CRLF = "its line ends or its encoding were changed since it was committed; save it as UTF-8"
CHANGED = "was changed since generation 1 was committed"
CHANGES = {
    "CRLF": (lambda raw: raw.replace(b"\n", b"\r\n"), CRLF),
    "CRLF, with a mark": (lambda raw: codecs.BOM_UTF8 + raw.replace(b"\n", b"\r\n"), CRLF),
    "CR": (lambda raw: raw.replace(b"\n", b"\r"), CRLF),
    "a byte-order mark": (lambda raw: codecs.BOM_UTF8 + raw, CRLF),
    "UTF-16": (lambda raw: raw.decode().encode("utf-16"), CRLF),
    "no line end after the last line": (lambda raw: raw[:-1], CRLF),
    "edited, of the same length": (lambda raw: raw.replace(b'"s1"', b'"s9"'), CHANGED),
    "one line shorter": (lambda raw: raw[: raw.index(b"\n") + 1], CHANGED),
    "one line longer, within": (
        lambda raw: raw.replace(b"\n", b'\n{"a":1}\n', 1),
        "was changed since generation 1 was committed",
    ),
    "lines in another order": (
        lambda raw: b"".join(reversed(raw.splitlines(True))),
        "was changed since generation 0 was committed",
    ),
    "emptied": (lambda raw: b"", "was changed since generation 0 was committed"),
    "one line longer, a note": (lambda raw: raw + b"a note\n", "line 3: is not of this run"),
    "one line longer, one again": (
        lambda raw: raw + raw[: raw.index(b"\n") + 1],
        "line 3: is not of this run",
    ),
    "removed": (None, "is missing; restore the file"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["strategies.jsonl", "matches.jsonl"])
def test_a_log_that_is_not_as_committed_is_left_alone(writer, name, change):
    write_generation(writer, 0)
    write_generation(writer, 1)
    writer.finish({}, {})
    writer.close()
    damage, message = CHANGES[change]
    if damage is None:
        (writer.path / name).unlink()
    else:
        (writer.path / name).write_bytes(damage((writer.path / name).read_bytes()))
    before = {p: p.read_bytes() for p in writer.path.rglob("*") if p.is_file()}
    with pytest.raises(InputError, match=re.escape(message)) as raised:
        RunWriter.resume(writer.path)
    assert str(writer.path / name) in str(raised.value)
    assert {p: p.read_bytes() for p in writer.path.rglob("*") if p.is_file()} == before


def test_a_run_goes_on_before_the_generation_whose_logs_were_changed(writer):
    for number in range(3):
        write_generation(writer, number)
    writer.close()
    log = writer.path / "matches.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"s1"', b'"s9"'))
    cure = r"delete generations/0001\.json and all later ones: --resume .* plays again from there"
    with pytest.raises(InputError, match=cure):
        RunWriter.resume(writer.path)
    for number in (1, 2):
        (writer.path / "generations" / f"{number:04d}.json").unlink()
    # What the deleted generations had added is then of an open one.
    again, last = RunWriter.resume(writer.path)
    assert last == 0
    write_generation(again, 1)
    again.close()
    assert [m.generation for m in RunDirectory.open(writer.path).matches()] == [0, 1]


@pytest.mark.parametrize("content", ["", "\0\0\0", '{"version": 1, "gen', "[]", '{"version":1}'])
def test_half_a_generation_file_can_be_deleted(writer, content):
    for number in range(3):
        write_generation(writer, number)
    writer.close()
    for number, later in ((2, ""), (1, " and all later ones")):
        path = writer.path / "generations" / f"{number:04d}.json"
        path.write_text(content)
        with pytest.raises(InputError, match=f"delete generations/000{number}.json{later}: --resu"):
            RunDirectory.open(writer.path).generation(number)
    with pytest.raises(InputError, match=r"0001\.json: .*; restore the file, or delete"):
        RunWriter.resume(writer.path)
    (writer.path / "generations" / "0002.json").unlink()
    (writer.path / "generations" / "0001.json").unlink()
    again, last = RunWriter.resume(writer.path)
    again.close()
    assert last == 0


@pytest.mark.parametrize("name", ["archive.json", "summary.json"])
def test_what_is_written_again_can_be_deleted(writer, name):
    write_generation(writer, 0)
    writer.finish({}, {})
    (writer.path / name).write_text("")
    run = RunDirectory.open(writer.path)
    with pytest.raises(InputError, match=rf"{name}: is empty; delete the file: --resume"):
        getattr(run, name.removesuffix(".json"))()


def test_statistics_that_were_changed_are_named(writer):
    write_generation(writer, 0)
    with pytest.raises(InputError, match=r"0000\.json: 'stats\.generation' is missing or of the"):
        RunDirectory.open(writer.path).stats(0)
