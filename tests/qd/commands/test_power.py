"""``debateqd power`` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from debateqd.qd.power.verdicts import read_verdicts
from debateqd.qd.statistics import difference_interval
from tests.qd.running import evaluate, train
from tests.qd.running import power as main


def plan(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert main([*options, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def rows(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    return {row["name"]: row for row in found["rows"]}


def test_defaults_say_what_is_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "Variances from assumptions" in out
    assert "(assumed)" in out
    shown = " ".join(out.split())
    assert "accuracy, training questions 4.6 ± 9.1" in shown
    assert "gap, train minus test 6.5 ± 12.9 18.3" in shown
    assert "50 Elo apart:     35 with 80 %" in out


def test_what_is_given_is_not_called_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    found = plan(capsys, "--accuracy", "0.8", "--paired", "0.2")
    assert not {"train_mean", "test_mean", "paired"} & set(found["assumed"])
    assert {"train_icc", "train_repeat", "wins_repeat"} <= set(found["assumed"])
    assert found["facts"]["test_mean"] == pytest.approx(0.8)


def test_more_power_asks_for_more_and_a_target_is_met(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--per-passage", "5", "--icc", "0.2", "--debates", "4", "--seeds", "3"]
    found = plan(capsys, *options, "--gap", "8", "--gap-difference", "8", "--win-difference", "4")
    gap, contrast, wins = (row["needed"] for row in found["rows"] if row["target"])
    assert gap % 5 == contrast % 5 == wins % 5 == 0
    again = rows(plan(capsys, *options, "--questions", str(gap)))
    assert again["gap, train minus test"]["detectable"] <= 8
    again = rows(plan(capsys, *options, "--questions", str(gap), "--power", "0.95"))
    assert again["gap, train minus test"]["detectable"] > 8
    again = rows(plan(capsys, *options, "--questions", str(wins)))
    assert again["difference of two win rates"]["detectable"] <= 4


def test_games_for_a_rating_difference(capsys: pytest.CaptureFixture[str]) -> None:
    need = plan(capsys, "--rating", "50")["rows"][-1]
    found = rows(plan(capsys, "--questions", str(need["needed"])))
    (row,) = (row for name, row in found.items() if name.startswith("rating"))
    assert row["detectable"] == pytest.approx(50, abs=0.2)
    few = rows(plan(capsys, "--questions", "4"))
    assert few["rating difference, 4 direct games"]["detectable"] is None


def test_an_impossible_target_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "2", "--seed-sd", "10", "--gap", "5"]) == 0
    assert "no number of questions per set is enough; more seeds" in capsys.readouterr().out


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("power") / "run"
    options = ["--config", "smoke", "--objective", "truth", "--wandb", "disabled"]
    assert train([*options, "--generations", "1", "--run-dir", str(found)]) == 0
    return found


def test_variances_of_a_match_log_and_then_of_an_evaluation(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (run_dir, run_dir / "matches.jsonl"):
        found = plan(capsys, str(path))
        assert "matches.jsonl" in found["source"]
        assert "train_mean" not in found["assumed"]
        assert {"test_mean", "paired"} <= set(found["assumed"])
    assert evaluate([str(run_dir), "--elites", "4", "--json"]) == 0
    capsys.readouterr()
    found = plan(capsys, str(run_dir))
    assert "evaluation" in found["source"]
    gap = rows(found)["gap, train minus test"]
    _, samples = read_verdicts(run_dir)
    reported = difference_interval(
        (samples["train"].values, samples["train"].passages),
        (samples["test"].values, samples["test"].passages),
    )
    width = 100 * (reported.high - reported.low) / 2
    # One estimate from few passages against another; they must be of the same size.
    assert gap["half_width"] == pytest.approx(width, rel=0.4)
    assert found["facts"]["questions"] == len(set(samples["train"].questions))
    larger = plan(capsys, str(run_dir), "--questions", "400")
    assert rows(larger)["gap, train minus test"]["error"] < gap["error"]


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--icc", "0.6"], ["--icc 0.6 is above --repeat 0.5"]),
        (["--questions", "3", "--per-passage", "2"], ["fewer than two passages"]),
        (["--accuracy", "1.5"], ["--accuracy"]),
        (["--question", "50"], ["unknown option --question", "did you mean '--questions'"]),
        (["no/such"], ["no/such: does not exist"]),
    ],
)
def test_what_is_wrong_is_one_line(
    options: Sequence[str], parts: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert all(part in line for part in parts)
