from __future__ import annotations

import importlib
import sys
import tomllib

import pytest

from debateqd.qd.commands import cli
from tests.repository import ROOT


def test_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    shown = capsys.readouterr().out
    for name, command in cli.COMMANDS.items():
        assert f"  {name} " in shown
        assert command.help in shown


def test_every_command_has_a_main() -> None:
    for command in cli.COMMANDS.values():
        assert callable(importlib.import_module(command.module).main)


def test_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["trian"]) == 2
    error = capsys.readouterr().err
    assert "did you mean 'train'?" in error
    assert error.count("\n") == 1


def test_a_command_gets_its_options_and_argv_is_restored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[list[str]] = []
    module = importlib.import_module(cli.COMMANDS["bench"].module)
    monkeypatch.setattr(module, "main", lambda: seen.append(list(sys.argv)) or 3)
    before = list(sys.argv)
    assert cli.main(["bench", "--seconds", "1"]) == 3
    assert seen == [["debateqd bench", "--seconds", "1"]]
    assert sys.argv == before


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert capsys.readouterr().out == f"debateqd {project['project']['version']}\n"
    assert cli.main(["--versoin"]) == 2
    assert "did you mean '--version'?" in capsys.readouterr().err


def test_an_installed_package_knows_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "__file__", "/nowhere/site-packages/qd/commands/cli.py")
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"9 of {name}")
    assert cli.version() == "9 of debateqd"


def test_the_console_script_is_the_thin_launcher() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["scripts"] == {"debateqd": "debateqd.qd.commands.launch:debateqd"}
