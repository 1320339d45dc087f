from __future__ import annotations

import json
from functools import partial

import pytest

from debate_env import bench

QUICK = ["--seconds", "0.02", "--repeats", "1", "--sizes", "3"]


def test_the_table_without_classics(capsys):
    assert bench.main([*QUICK, "--classics"]) == 0
    shown = capsys.readouterr().out
    assert "debate x 3" in shown
    assert "turn-based" in shown


def test_json_and_a_classic_that_is_missing(capsys):
    bench.main([*QUICK, "--json", "--classics", "no-such-game-v1"])
    result = json.loads(capsys.readouterr().out)
    assert {row["view"] for row in result["rows"]} == {"wrapped", "raw", "parallel", "lock-step"}
    assert all(row["rate"] > 0 for row in result["rows"])
    (line,) = result["missing"]
    assert line.startswith("no-such-game-v1: left out")


def test_a_classic_is_compared_with():
    pytest.importorskip("pygame", reason="the extra 'bench' is not installed")
    rows, missing = bench.measure(seconds=0.02, repeats=1, sizes=[], classics=["rps-v2"])
    assert missing == []
    (ratio,) = [r.ratio for r in rows if (r.case, r.view) == ("rps-v2", "wrapped")]
    assert ratio > 0


@pytest.mark.parametrize(("ratio", "status"), [(bench.FLOOR, 0), (0.9 * bench.FLOOR, 1)])
def test_stepping_slower_than_the_floor_ends_with_status_1(ratio, status, monkeypatch, capsys):
    rows = [bench.Speed("rps-v2", "wrapped", 1000.0, "steps/s", 1.0, ratio)]
    monkeypatch.setattr(bench, "measure", lambda **_: (rows, []))
    assert bench.main(["--json"]) == status


def test_recorded_episodes_replay_to_their_end():
    episodes = bench.debate_episodes(quoted=True)
    play = partial(bench.play_aec, bench.env(bench.sample_questions()))
    assert bench.drive(play, episodes, 0.02) > 0
    one = bench.raw_env(bench.sample_questions())
    one.reset(seed=0)
    for action in episodes[0]:
        one.step(action)
    assert one.agents == []
    assert one.episode.outcome.quotes == {"debater_0": (2, 1), "debater_1": (2, 1)}
    assert one.episode.outcome.clipped == {"debater_0": 0, "debater_1": 0}


@pytest.mark.parametrize("bad", [["--seconds", "0"], ["--repeats", "0"], ["--sizes", "0"]])
def test_bad_arguments_end_with_status_2(bad, capsys):
    with pytest.raises(SystemExit) as stop:
        bench.main(bad)
    assert stop.value.code == 2
    assert "above 0" in capsys.readouterr().err
