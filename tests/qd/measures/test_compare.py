from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from debateqd.qd.measures.compare import compare_runs
from debateqd.qd.store.directory import RunDirectory
from tests.qd.running import evaluate, train

TINY = (
    "--config=smoke",
    "--wandb=disabled",
    "--generations=0",
    "--questions=synthetic:passages=14,words=120",
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[RunDirectory]:
    folder = tmp_path_factory.mktemp("seeds")
    found = []
    for objective in ("persuasion", "truth"):
        for seed in (0, 1):
            path = folder / f"{objective}-{seed}"
            argv = [f"--objective={objective}", f"--seed={seed}", f"--run-dir={path}", *TINY]
            assert train(argv) == 0
            found.append(RunDirectory.open(path))
    return found


def test_runs_are_grouped_by_everything_but_their_seed(runs: list[RunDirectory]) -> None:
    report = compare_runs(runs, elites=2)
    assert [(r["group"], r["seed"]) for r in report["runs"]] == [
        ("persuasion", 0),
        ("persuasion", 1),
        ("truth", 0),
        ("truth", 1),
    ]
    (warning,) = report["warnings"]
    assert "persuasion: share of credence won" in warning
    assert "truth: truth by credence" in warning
    assert report["simulation"] is True
    # Shares won and truths reached are no two values of one quantity.
    assert report["measures"].pop("objective")["comparisons"] == []
    for found in report["measures"].values():
        assert [group["name"] for group in found["groups"]] == ["persuasion", "truth"]
        (pair,) = found["comparisons"]
        first, second = (group["gaps"]["train-test"]["value"] for group in found["groups"])
        assert pair["gaps"]["train-test"]["value"] == pytest.approx(first - second)
        levels = found["groups"][0]["levels"]
        assert levels["train"]["value"] - levels["test"]["value"] == pytest.approx(first)
        assert levels["train"]["low"] < levels["train"]["value"] < levels["train"]["high"]
    assert [r["report"]["objective"] for r in report["runs"]] == [
        r["group"] for r in report["runs"]
    ]


def test_a_group_s_level_is_the_mean_of_its_runs(runs: list[RunDirectory]) -> None:
    report = compare_runs(runs[:2], elites=2)
    kept = [row["report"]["splits"] for row in report["runs"]]
    (group,) = report["measures"]["accuracy"]["groups"]
    for split in ("train", "selection", "test"):
        mean = sum(splits[split]["accuracy"]["value"] for splits in kept) / 2
        assert group["levels"][split]["value"] == pytest.approx(mean)
    assert report["measures"]["accuracy"]["comparisons"] == []


def test_one_run_and_equal_seeds_are_pointed_out(runs: list[RunDirectory], tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    shutil.copytree(runs[0].path, twin)
    report = compare_runs([runs[0], RunDirectory.open(twin), runs[2]], elites=1)
    assert any("several runs have the same seed" in warning for warning in report["warnings"])
    assert any(warning.startswith("truth: one run") for warning in report["warnings"])


def test_other_settings_make_another_group(runs: list[RunDirectory], tmp_path: Path) -> None:
    path = tmp_path / "long"
    argv = ["--objective=truth", f"--run-dir={path}", *TINY, "--set=debate.word_limit=60"]
    assert train(argv) == 0
    report = compare_runs([runs[2], RunDirectory.open(path)], elites=1)
    names = [run["group"] for run in report["runs"]]
    assert names == ["truth, like truth-0", "truth, like long"]
    assert any("different rules" in warning for warning in report["warnings"])


def test_a_run_against_itself_differs_by_nothing(runs: list[RunDirectory], tmp_path: Path) -> None:
    path = tmp_path / "twin"
    argv = ["--objective=truth", f"--run-dir={path}", *TINY, "--set=models.max_open=7"]
    assert train([*argv, "--set=evolution.children=5"]) == 0  # of which there are none yet
    twins = [runs[2], RunDirectory.open(path)]
    report = compare_runs(twins, splits=("train", "test"), elites=2)
    (pair,) = report["measures"]["accuracy"]["comparisons"]
    for estimate in (*pair["levels"].values(), *pair["gaps"].values()):
        assert estimate["value"] == 0
        assert -0.3 < estimate["low"] < 0 < estimate["high"] < 0.3
    assert report["runs"][0]["report"]["elites"] == report["runs"][1]["report"]["elites"]


def test_a_different_judge_is_pointed_out(runs: list[RunDirectory], tmp_path: Path) -> None:
    path = tmp_path / "other"
    assert train([f"--run-dir={path}", *TINY, "--judge-model=embedded:world=9"]) == 0
    report = compare_runs([runs[0], RunDirectory.open(path)], splits=("test",), elites=1)
    assert any("different judges" in warning for warning in report["warnings"])


def test_the_command_compares_groups(
    runs: list[RunDirectory], capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(run.path) for run in runs]
    assert evaluate([*paths, "--elites=2"]) == 0
    shown = capsys.readouterr().out
    for words in ("persuasion minus truth", "gap train - test", "relative"):
        assert words in shown
    assert evaluate([*paths[:2], "--elites=1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["measures"]["accuracy"]["groups"][0]["runs"] == [
        "persuasion-0",
        "persuasion-1",
    ]
    assert evaluate([*paths, "--length-control"]) == 2
    assert "give one run directory" in capsys.readouterr().err
