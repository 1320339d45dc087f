from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from debate_env.errors import InputError
from debateqd.agents.models.budget import Limits
from debateqd.qd.measures.evaluate import (
    Extras,
    elites_of,
    evaluate_run,
    questions_of,
    save_report,
    splits_of,
)
from debateqd.qd.statistics import Estimate
from debateqd.qd.store.directory import RunDirectory
from tests.qd.running import evaluate, train

NOTHING = Extras(archive_questions=0)

TINY = (
    "--config=smoke",
    "--wandb=disabled",
    "--generations=1",
    "--set=evolution.children=4",
    "--questions=synthetic:passages=14,words=120",
)


def trained(folder: Path, objective: str, *more: str) -> RunDirectory:
    argv = [f"--objective={objective}", f"--run-dir={folder}", *TINY, *more]
    assert train(argv) == 0
    return RunDirectory.open(folder)


@pytest.fixture(scope="module")
def persuasion(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return trained(tmp_path_factory.mktemp("runs") / "persuasion", "persuasion")


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return trained(tmp_path_factory.mktemp("runs") / "truth", "truth")


def test_a_report_says_everything_with_intervals(persuasion: RunDirectory) -> None:
    report, trials = evaluate_run(persuasion, elites=3, extras=NOTHING)
    assert report["version"] == 2
    assert report["simulation"] is True
    assert len(report["elites"]) == 3
    splits = persuasion.questions().splits
    for split in ("train", "selection", "test"):
        measured = report["splits"][split]
        assert measured["questions"] == len(splits[split])
        for key in ("accuracy", "seed_accuracy", "win_rate", "no_debate", "reading", "unusable"):
            estimate = measured[key]
            assert 0 <= estimate["low"] <= estimate["value"] <= estimate["high"] <= 1, key
            assert estimate["clusters"] == measured["passages"]
        assert measured["debates"] == len(trials[split]) == len(splits[split]) * (3 + 3 + 3 * 2)
    for name, gaps in report["gaps"].items():
        first, second = name.split("-")
        levels = [report["splits"][split]["accuracy"]["value"] for split in (first, second)]
        assert gaps["elites"]["value"] == pytest.approx(levels[0] - levels[1])
        levels = [report["splits"][split]["share_won"]["value"] for split in (first, second)]
        assert gaps["objective"]["value"] == pytest.approx(levels[0] - levels[1])
        difference = gaps["elites"]["value"] - gaps["seeds"]["value"]
        assert gaps["over_seeds"]["value"] == pytest.approx(difference)
    assert list(report["gaps"]) == ["train-selection", "train-test", "selection-test"]
    assert [row["id"] for row in report["strategies"]] == report["elites"]
    assert all(row["text"] for row in report["strategies"])


def test_everything_that_is_measured_is_kept(persuasion: RunDirectory) -> None:
    extras = Extras(archive_questions=4, round_robin=1, length_control=True)
    contents = []
    for _ in range(2):
        folder = save_report(persuasion, *evaluate_run(persuasion, elites=2, extras=extras))
        kept = sorted(p for p in folder.iterdir() if p.name != "telemetry.jsonl")
        contents.append({p.name: p.read_bytes() for p in kept})
    assert contents[0] == contents[1]
    debates = {f"{name}.jsonl" for name in ("train", "selection", "test", "archive", "robin")}
    assert set(contents[0]) - {"length.jsonl"} == {
        "journal.sqlite",
        "report.json",
        *debates,
    }
    line = json.loads(contents[0]["test.jsonl"].splitlines()[0])
    assert line["v"] == 3
    assert line["verdict"]["method"] == "probabilities"
    report = json.loads(contents[0]["report.json"])
    alive = len(persuasion.archive()["elites"])
    archive, payoffs = report["archive"], report["payoffs"]
    assert archive["elites"] == archive["measured"] == alive
    assert archive["questions"] == 4
    assert archive["offset"] == -0.5
    assert "above the seeds" in archive["unit"]
    illusion = archive["reported_qd_score"] - archive["qd_score"]["value"]
    assert archive["illusion"]["value"] == pytest.approx(illusion)
    assert 0 <= archive["stability"]["low"] <= archive["stability"]["value"] <= 1
    assert payoffs["fresh"] == alive * (alive - 1)
    assert payoffs["cycles"]["strategies"] == len(payoffs["matrix"]["ids"]) == alive
    assert sum(payoffs["nash"].values()) == pytest.approx(1, abs=1e-4)
    assert [row["generation"] for row in report["diversity"]] == [0, 1]
    assert report["length"]["words"] > 0
    fresh = [json.loads(line) for line in contents[0]["archive.jsonl"].splitlines()]
    assert {trial["question"] for trial in fresh} <= set(persuasion.questions().splits["test"])
    assert all(trial["behaviour"]["counts"]["length"] for trial in fresh)


def test_truth_is_measured_by_debates_with_oneself(truth: RunDirectory) -> None:
    report, trials = evaluate_run(truth, elites=2, extras=Extras(archive_questions=4))
    assert all(t.alone for t in trials["archive"])
    assert report["archive"]["qd_score"]["value"] is not None
    assert report["payoffs"]["cycles"]["share"]["value"] is None
    for name, gaps in report["gaps"].items():
        first, second = name.split("-")
        levels = [report["splits"][split]["truth"]["value"] for split in (first, second)]
        assert gaps["objective"]["value"] == pytest.approx(levels[0] - levels[1])


def test_a_run_that_has_used_its_budget_up_can_be_measured(persuasion: RunDirectory) -> None:
    config = persuasion.config.model_copy(update={"budget": Limits(calls=1)})
    report, _ = evaluate_run(persuasion, splits=("test",), elites=1, extras=NOTHING, config=config)
    assert report["splits"]["test"]["debates"] > 1


def test_one_split_has_no_gap(persuasion: RunDirectory) -> None:
    report, trials = evaluate_run(persuasion, splits=("train",), elites=2)
    assert report["gaps"] == {}
    assert report["archive"] is None  # which is measured on test questions alone
    assert set(trials) == set(report["splits"]) == {"train"}


def test_a_run_without_selection_questions_has_two_splits(
    persuasion: RunDirectory, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(persuasion.path, copy)
    record = json.loads((copy / "questions.json").read_text())
    record["splits"]["selection"] = []
    (copy / "questions.json").write_text(json.dumps(record))
    run = RunDirectory.open(copy)
    assert splits_of(run) == ("train", "test")
    report, _ = evaluate_run(run, elites=1, extras=NOTHING)
    assert list(report["gaps"]) == ["train-test"]
    with pytest.raises(InputError, match="no selection questions"):
        evaluate_run(run, splits=("selection",), elites=1)


def test_sequential_self_play_lets_the_correct_side_speak_first_and_second(
    tmp_path: Path,
) -> None:
    run = trained(tmp_path / "run", "truth", "--set=debate.protocol=sequential", "--generations=0")
    _, trials = evaluate_run(run, splits=("test",), elites=2, extras=NOTHING)
    alone = [t for t in trials["test"] if t.phase == "elites"]
    first = [t.label == t.sides["debater_0"] for t in alone]
    assert sum(first) * 2 == len(first) == 2 * 2 * len(run.questions().splits["test"])


def test_questions_that_changed_are_refused(persuasion: RunDirectory, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(persuasion.path, copy)
    file = copy / "questions.json"
    record = json.loads(file.read_text())
    record["content_hash"] = "0" * 64
    file.write_text(json.dumps(record))
    with pytest.raises(InputError, match="no longer those of the run"):
        questions_of(RunDirectory.open(copy), ("test",))


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("archive.json", None, "train.py --resume"),
        ("archive.json", '{"version": 1, "elites": []}', "holds no elite"),
        ("archive.json", '{"version": 1}', "'elites' is missing"),
        ("archive.json", "", "is empty; delete the file"),
        ("strategies.jsonl", "", "do not fit together"),
        ("strategies.jsonl", "{", "line 1: is damaged"),
        ("questions.json", None, "cannot be read"),
        ("questions.json", "{}", "version"),
    ],
)
def test_damaged_files_are_one_line(
    persuasion: RunDirectory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    content: str | None,
    says: str,
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(persuasion.path, copy)
    (copy / file).unlink()
    if content is not None:
        (copy / file).write_text(content)
    assert evaluate([str(copy), "--split=test", "--elites=1"]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_a_question_that_is_gone_is_named(persuasion: RunDirectory, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(persuasion.path, copy)
    record = json.loads((copy / "questions.json").read_text())
    record["splits"]["test"][0] = "no-such-question"
    (copy / "questions.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"questions\.json: 'no-such-question' is no split"):
        questions_of(RunDirectory.open(copy), ("test",))


def test_elites_come_best_first(persuasion: RunDirectory) -> None:
    rows = persuasion.archive()["elites"]
    assert [s.strategy_id for s in elites_of(persuasion, 4)] == [
        row["strategy_id"] for row in rows[:4]
    ]
    ratings = [row["rating"] for row in rows]
    assert ratings == sorted(ratings, reverse=True)


def test_the_command_prints_tables_or_json(
    persuasion: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(persuasion.path)
    assert evaluate([path, "--elites=2", "--archive-questions=2"]) == 0
    shown = capsys.readouterr().out
    for words in (
        "Simulation",
        "judge accuracy",
        "Generalisation gap",
        "win rate",
        "95 %",
        "illusion",
        "Diversity",
        "Position control",
        "Elites against each other",
    ):
        assert words in shown
    assert evaluate([path, "--split=test", "--elites=1", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["splits"]) == ["test"]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "one or more run directories"),
        (["no/such/run"], "no/such/run"),
        (["a", "--splt=test"], "did you mean '--split'"),
        (["a", "--split=tst"], "did you mean 'test'"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(
    argv: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(argv) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_estimates_survive_json() -> None:
    assert Estimate(0.5, 0.4, 0.6, 10, 5).to_json()["low"] == 0.4
