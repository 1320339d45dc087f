from __future__ import annotations

import runpy

import pytest

from tests.repository import ROOT

EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("plug_in_agent.py", "my answer 0."),
        ("own_policy_pettingzoo.py", "judge_0: reward"),
        pytest.param(
            *("evolve_in_one_file.py", "of debates with seeds on"), marks=pytest.mark.long
        ),
    ],
)
def test_an_example_runs(name, said, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", [name])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    assert said in capsys.readouterr().out
