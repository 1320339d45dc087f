from __future__ import annotations

import subprocess
import sys
import tomllib
from functools import partial

import click
import pytest

from debate_env import bench
from debate_env.errors import InputError
from debateqd.agents.models.base import StoppedError
from debateqd.qd.commands import evaluate, group
from debateqd.qd.commands.group import COMMANDS, debateqd, load_command, run
from debateqd.qd.commands.launch import INTERRUPTED, guarded
from tests.repository import ROOT


def command(body) -> click.Command:
    return click.Command("c", callback=body, params=[click.Option(["--count"], type=int)])


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_overview_names_every_command(arguments, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(debateqd, arguments) == 0
    shown = capsys.readouterr().out
    for name, says in COMMANDS.items():
        assert f"  {name} " in shown
        assert says in shown


def test_overview_imports_no_command() -> None:
    code = (
        "import sys; sys.argv = ['debateqd']\n"
        "from debateqd.qd.commands.launch import launch\n"
        "assert launch() == 0\n"
        "assert not {'debate_env', 'numpy', 'pydantic', 'rich'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    assert b"equal-calls" in done.stdout


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "bench"])
def test_every_command_explains_itself(name, capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(load_command(name), click.Command)
    assert run(debateqd, [name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: debateqd {name} ")


def test_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(debateqd, ["trian"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: unknown command 'trian'; did you mean 'train'?")
    assert error.count("\n") == 1


def test_an_unknown_option_of_a_command_names_the_nearest(capsys) -> None:
    assert run(debateqd, ["lineage", "runs/x", "s1", "--jsno"]) == 2
    error = "error: unknown option --jsno; did you mean '--json'? allowed: --json\n"
    assert capsys.readouterr().err == error


def test_the_benchmark_gets_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(bench, "main", lambda arguments: seen.append(list(arguments)) or 3)
    assert run(debateqd, ["bench", "--seconds", "1", "-h"]) == 3
    assert seen == [["--seconds", "1", "-h"]]


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(debateqd, ["--version"]) == 0
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert capsys.readouterr().out == f"debateqd {project['project']['version']}\n"
    assert run(debateqd, ["--versoin"]) == 2
    assert "did you mean '--version'?" in capsys.readouterr().err


def test_a_shell_is_told_how_to_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_DEBATEQD_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "debateqd train --objective ")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert group.main() == 0
    said = capsys.readouterr().out.split()
    assert said == ["plain,persuasion", "plain,truth", "plain,mix"]


def test_an_installed_package_knows_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "__file__", "/nowhere/site-packages/qd/commands/group.py")
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"9 of {name}")
    assert group.version() == "9 of debateqd"


def test_the_console_script_is_the_thin_launcher() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["scripts"] == {"debateqd": "debateqd.qd.commands.launch:launch"}


def test_the_status_of_a_command_is_handed_on(capsys):
    assert run(command(lambda count: count), ["--count", "3"]) == 3
    assert run(command(lambda count: None), []) == 0
    assert run(command(lambda count: 1), ["--help"]) == 0
    assert "--count" in capsys.readouterr().out


@pytest.mark.parametrize("kind", [KeyboardInterrupt, click.Abort])
def test_ctrl_c_is_one_line(kind, capsys):
    def body(count):
        raise kind

    assert guarded(lambda: run(command(body), [])) == INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


def test_what_goes_wrong_is_one_line(capsys):
    def body(count):
        errors = (
            InputError("the file is gone"),
            StoppedError("no more"),
            OSError(2, "no"),
        )
        raise errors[count]

    assert run(command(body), ["--count=0"]) == 2
    assert run(command(body), ["--count=1"]) == 1
    assert run(command(body), ["--count=2"]) == 1
    assert run(command(body), ["--cuont", "3"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: the file is gone",
        "error: no more",
        "error: no",
        "error: unknown option --cuont; did you mean '--count'? allowed: --count",
    ]
    assert run(command(body), ["--count=3"]) == 1  # this file counts as a part of the user's own
    assert "tuple index out of range (tests/qd/commands/test_group.py" in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):  # nobody's fault but ours
        run(click.Command("x", callback=partial(divmod, 1, 0)), [])


def test_an_interrupted_evaluation_is_one_line(tmp_path, capsys, monkeypatch):
    def interrupt(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate.RunDirectory, "open", interrupt)
    assert guarded(lambda: run(evaluate.command, [str(tmp_path)])) == INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"
