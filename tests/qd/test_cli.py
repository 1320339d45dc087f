from __future__ import annotations

import importlib
import sys

import pytest

from qd import cli


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
