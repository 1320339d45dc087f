from __future__ import annotations

import click
import pytest

from debate_env.errors import InputError
from debateqd.qd.commands import evaluate
from debateqd.qd.commands.evaluate import evaluate as evaluate_command
from debateqd.qd.commands.launch import INTERRUPTED
from debateqd.qd.commands.running import run_command


def command(body) -> click.Command:
    return click.Command("c", callback=body, params=[click.Option(["--count"], type=int)])


def test_the_status_of_a_command_is_handed_on(capsys):
    assert run_command(command(lambda count: count), ["--count", "3"]) == 3
    assert run_command(command(lambda count: None), []) == 0
    assert run_command(command(lambda count: 1), ["--help"]) == 0
    assert "--count" in capsys.readouterr().out


@pytest.mark.parametrize("kind", [KeyboardInterrupt, click.Abort])
def test_ctrl_c_is_one_line(kind, capsys):
    def body(count):
        raise kind

    assert run_command(command(body), []) == INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


def test_wrong_input_is_one_line(capsys):
    def body(count):
        raise InputError("the file is gone")

    assert run_command(command(body), []) == 2
    assert run_command(command(body), ["--cuont", "3"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: the file is gone",
        "error: unknown option --cuont; did you mean '--count'? allowed: --count",
    ]


def test_an_interrupted_evaluation_is_one_line(tmp_path, capsys, monkeypatch):
    def interrupt(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate.RunDirectory, "open", interrupt)
    assert run_command(evaluate_command, [str(tmp_path)]) == INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"
