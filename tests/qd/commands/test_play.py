from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from debate_env.core import protocols
from debate_env.core.protocols import protocol_names
from debateqd.qd.commands.play import command
from tests.free_seats import Consultancy
from tests.qd.running import play as main
from tests.repository import ROOT

PASSAGE = "The keeper kept a lamp on the sill. Nobody had seen a rope there. Zebrafinches sang."


@pytest.fixture
def questions(tmp_path):
    path = tmp_path / "own.jsonl"
    line = {
        "question_id": "q1",
        "passage_id": "p1",
        "passage": PASSAGE,
        "question": "What stood on the sill?",
        "answers": ["a lamp", "a rope"],
        "label": 0,
    }
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def typed(monkeypatch, capsys, questions):
    """Run the command with typed lines; return status, output and errors."""

    def run(*options, lines=()):
        left = list(lines)

        def read(prompt=""):
            if not left:
                raise EOFError
            line = left.pop(0)
            if isinstance(line, BaseException):
                raise line
            return line

        monkeypatch.setattr("builtins.input", read)
        status = main(["--questions", questions, "--seed", "1", *options])
        out, err = capsys.readouterr()
        return status, out, err

    return run


SPEECHES = ("My case.", "", "Once more.", "")


def test_a_person_debates_a_model(typed):
    status, out, _ = typed("--seat", "debater_1", lines=SPEECHES)
    assert status == 0
    assert "Zebrafinches" in out
    assert "My case." in out
    assert "The judge embedded (a simulation) believes A" in out
    assert "The correct answer is" in out


def test_a_person_judges_without_seeing_the_passage(typed):
    status, out, _ = typed("--seat", "judge_0", "--opponent", "random", lines=["40 60"])
    assert status == 0
    assert "PASSAGE" not in out
    assert PASSAGE not in " ".join(out.split())
    assert "Your verdict: A 40%, B 60%" in out


def test_scripts_need_no_model(typed):
    status, out, _ = typed("--opponent", "quoting", "--judge", "keyword", lines=SPEECHES)
    assert status == 0
    assert "The judge believes" in out


@pytest.mark.parametrize("lines", [(), ("half",), (KeyboardInterrupt(),)])
def test_leaving_is_clean(typed, lines):
    status, out, err = typed(lines=lines)
    assert status == 0
    assert "You left; the debate is not finished" in out
    assert "Traceback" not in out + err


def test_a_stored_strategy(typed, tmp_path):
    strategy = {"v": 1, "id": "s0007", "text": "Quote."}
    (tmp_path / "strategies.jsonl").write_text(json.dumps(strategy) + "\n")
    (tmp_path / "config.yaml").write_text("models: {debater: embedded}\n")
    status, out, _ = typed("--run", str(tmp_path), "--id", "s0007", lines=SPEECHES)
    assert status == 0
    assert "RESULT" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seat", "judge"], "did you mean 'judge_0'"),
        (["--seet", "judge_0"], "unknown option --seet; did you mean '--se"),
        (["--model", "embeded"], "did you mean 'embedded'"),
        (["--opponent", "qoting"], "did you mean 'quoting'"),
        (["--judge", "keywrd"], "did you mean 'keyword'"),
        (["--index", "1"], "has questions 0 to 0"),
        (["--rounds", "0"], "rounds"),
        (["--run", "."], "--run and --id belong together"),
        (["--run", ".", "--id", "s1", "--strategy", "x"], "--run and --id belong together"),
        (["--seat", "judge_0", "--judge", "keyword"], "you are the judge"),
    ],
)
def test_mistakes_are_one_line_and_status_2(typed, options, message):
    status, out, err = typed(*options)
    assert status == 2
    assert out == ""
    assert message in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_piped_input_in_a_process_of_its_own(questions):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "debateqd",
            "play",
            "--questions",
            questions,
            "--seat",
            "judge_0",
        ],
        input="B\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONUTF8": "1"},
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert "Your verdict: A 0%, B 100%" in done.stdout
    assert done.stderr == ""


def test_a_protocol_of_ones_own_can_be_played(typed, monkeypatch):
    monkeypatch.setattr(protocols, "_PROTOCOLS", dict(protocols._PROTOCOLS))
    protocols.register_protocol(Consultancy())
    status, out, err = typed("--protocol", "test_consultancy", lines=SPEECHES)
    assert (status, err) == (0, "")
    assert "You are consultant_0" in out
    assert "The judge embedded (a simulation) believes A" in out


def test_every_registered_protocol_can_be_played(typed):
    (option,) = (p for p in command.params if p.name == "protocol")
    assert all(name in (option.help or "") for name in protocol_names())
    status, _, err = typed("--protocol", "seqential")
    assert status == 2
    assert "'sequential'" in err
