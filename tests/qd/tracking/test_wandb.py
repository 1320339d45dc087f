from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import pytest
import wandb

from debate_env.errors import InputError
from debateqd.qd.config.loading import dump_config
from debateqd.qd.config.schema import RunConfig, TrackingConfig
from debateqd.qd.statistics import Estimate
from debateqd.qd.tracking.events import (
    EliteRow,
    GenerationFinished,
    GenerationStats,
    HeatMap,
    RunFinished,
    RunStarted,
    Timing,
    Tokens,
)
from debateqd.qd.tracking.wandb import (
    ELITE_COLUMNS,
    WandbListener,
    generation_metrics,
    logged_in,
    progress_chart,
    progress_series,
    resolve_mode,
    wandb_listener,
)

HOSTILE = "<script>alert('x')</script>"


@pytest.fixture
def wandb_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of its own for everything that W&B writes, and nobody logged in."""
    for name in ("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_DISABLED", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    wandb.teardown()  # it remembers the folders of the first use in a process
    return tmp_path


def elite(**changes: Any) -> EliteRow:
    base: dict[str, Any] = {
        "strategy_id": "s0041",
        "family": "authority",
        "cell": "authority / verified_quote_share 0.2-0.4",
        "rating": 1042.5,
        "deviation": 31.0,
        "matches": 12,
        "generation": 1,
        "operator": "rewrite",
        "lineage": ("s0005", "s0041"),
        "behaviour": {"family": "authority", "length": 91.5, "certainty": None},
        "text": f"Be certain. {HOSTILE}",
    }
    return EliteRow(**{**base, **changes})


def generation(number: int) -> GenerationFinished:
    stats = GenerationStats(
        generation=number,
        players=40,
        children=5,
        refused={"near_duplicate": 2},
        challenges=3,
        accepted=2,
        debates=120,
        unusable={"unusable": 3},
        calls=700,
        tokens={"debater": Tokens(1000, 200), "judge": Tokens(500, 10)},
        best_rating=1100.0,
        mean_rating=1010.0 + number,
        qd_score=35000.0,
        coverage=0.4,
        judge_accuracy=0.61,
        position_bias=0.03,
        verdict_methods={"probabilities": 117},
        missing_mass=0.01,
        objective={"persuasion": 0.55},
        gain={"persuasion": Estimate(0.05, -0.01, 0.11, 64, 6)},
        win_rate=Estimate(0.56, 0.48, 0.64, 64, 6),
        champions=("s0041",),
    )
    heat_map = HeatMap("verified_quote_share", (HOSTILE,), ("0.2-0.4",), ((1042.5,),))
    return GenerationFinished(stats, (elite(),), heat_map, 2, Timing(1.5, 466.0))


@dataclass(frozen=True)
class Measured(GenerationStats):
    """Results of a generation whose progress was measured."""

    reported_progress: Estimate | None = None
    corrected_progress: Estimate | None = None
    diversity: dict[str, float] = field(default_factory=dict)


def measured(number: int, reported: Estimate | None, corrected: Estimate | None) -> Any:
    event = generation(number)
    known = {f.name: getattr(event.stats, f.name) for f in fields(event.stats)}
    known |= {"reported_progress": reported, "corrected_progress": corrected}
    return replace(event, stats=Measured(**{**known, "diversity": {"families": 6.0}}))


def run_directory(folder: Path) -> Path:
    folder.mkdir()
    for name in ("archive.json", "strategies.jsonl", "summary.json"):
        (folder / name).write_text("{}\n")
    (folder / "config.yaml").write_text(dump_config(RunConfig()))
    return folder


def started(run_dir: Path, first: int = 0) -> RunStarted:
    config = RunConfig().to_json()
    return RunStarted(run_dir, "test", config, "persuasion", 2, first, {"train": 60}, True)


def read_back(wandb_home: Path) -> list[dict[str, Any]]:
    """Every record of the offline run, as W&B's own reader shows it."""
    (folder,) = (wandb_home / "wandb_dir" / "wandb").glob("offline-run-*")
    done = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_an_offline_run_holds_what_it_was_told(wandb_home: Path, tmp_path: Path) -> None:
    run_dir = run_directory(tmp_path / "run")
    listener = wandb_listener("auto", TrackingConfig(tags=("mine",)))
    assert isinstance(listener, WandbListener)
    listener.run_started(started(run_dir))
    for number in (0, 1):
        listener.generation_finished(generation(number))
    summary = {"debates": 240, "simulation": True, "gain": {"value": 0.1}}
    listener.run_finished(RunFinished(run_dir, "finished", "", summary, (elite(),)))

    records = read_back(wandb_home)
    (run,) = [r["run"] for r in records if r["type"] == "run"]
    assert run["project"] == "debateqd"
    assert {"mine", "persuasion", "simulation"} <= set(run["tags"])
    assert run["config"]["update"]["evolution"]["generations"] == RunConfig().evolution.generations
    history = [r["history"]["item"] for r in records if r["type"] == "history"]
    assert [row["generation"] for row in history] == [0, 1]
    expected = generation_metrics(generation(1))
    for key, value in expected.items():
        assert history[1][key] == pytest.approx(value), key
    assert any(r["type"] == "artifact" and r["artifact"].get("type") == "archive" for r in records)
    assert [r["exit"].get("exit_code", 0) for r in records if r["type"] == "exit"] == [0]

    (files,) = (wandb_home / "wandb_dir" / "wandb").glob("offline-run-*/files")
    tables = sorted((files / "media" / "table").rglob("elites*.table.json"))
    table = json.loads(tables[0].read_text())
    assert tuple(table["columns"]) == ELITE_COLUMNS
    assert table["data"][0][0] == "s0041"
    assert table["data"][0][-1] == f"Be certain. {HOSTILE}"
    assert table["data"][0][7] == "s0005 > s0041"
    pages = list((files / "media" / "html").rglob("*.html"))
    assert pages
    assert all(HOSTILE not in page.read_text() for page in pages)


def test_a_resumed_run_goes_on_under_the_same_id(wandb_home: Path, tmp_path: Path) -> None:
    run_dir = run_directory(tmp_path / "run")
    for first, status in ((0, "interrupted"), (1, "finished")):
        listener = WandbListener("offline", TrackingConfig())
        listener.run_started(started(run_dir, first))
        listener.generation_finished(generation(first))
        listener.run_finished(RunFinished(run_dir, status, "", {}, ()))  # type: ignore[arg-type]
    lines = (run_dir / "telemetry.jsonl").read_text().splitlines()
    identifiers = {json.loads(line)["id"] for line in lines}
    assert len(lines) == 2
    assert len(identifiers) == 1


def test_progress_is_reported_against_corrected_in_one_chart(
    wandb_home: Path, tmp_path: Path
) -> None:
    run_dir = run_directory(tmp_path / "run")
    (run_dir / "generations").mkdir()
    for number in (0, 1):
        known = {"value": 10.0 * number, "low": None, "high": None, "n": 7, "clusters": 7}
        stats = {"reported_progress": known, "corrected_progress": None}
        record = {"version": 1, "logs": {}, "stats": stats if number == 0 else {}}
        (run_dir / "generations" / f"{number:04d}.json").write_text(json.dumps(record))
    listener = WandbListener("offline", TrackingConfig())
    listener.run_started(started(run_dir, 1))  # generation 1 is played again
    reported, corrected = Estimate(90.0, 60.0, 120.0, 7, 7), Estimate(40.0, 10.0, 70.0, 64, 6)
    listener.generation_finished(measured(1, reported, corrected))
    summary = {"best_rating": 70.0, "coverage": 0.5}
    listener.run_finished(RunFinished(run_dir, "finished", "", summary, ()))
    records = read_back(wandb_home)
    summaries = [json.dumps(r["summary"]) for r in records if r["type"] == "summary"]
    assert any("final/not_safe_from_selection/best_rating" in text for text in summaries)
    assert any("final/coverage" in text for text in summaries)
    (row,) = [r["history"]["item"] for r in records if r["type"] == "history"]
    assert row["not_safe_from_selection/progress"] == 90.0
    assert row["progress/corrected"] == 40.0
    assert row["progress/corrected/high"] == 70.0
    assert row["diversity/families"] == 6.0
    (files,) = (wandb_home / "wandb_dir" / "wandb").glob("offline-run-*/files")
    (chart,) = (files / "media" / "table").rglob("progress*.table.json")
    data = json.loads(chart.read_text())["data"]
    points = {tuple(point) for point in data}
    rated = "ratings, not safe from selection"
    assert {(0, rated, 0.0), (1, rated, 90.0), (1, "corrected", 40.0)} <= points
    assert (1, "corrected, 95 % low", 10.0) in points


def test_what_was_not_measured_is_not_drawn() -> None:
    assert progress_chart([]) is None
    row = {"generation": 0, "reported": None, "corrected": None}
    assert progress_series([row]) == {}
    unknown = Estimate(5.0, -math.inf, math.inf, 1, 1).to_json()
    lines = progress_series([{**row, "corrected": unknown}])
    assert lines == {"corrected": [(0, 5.0)]}
    silent = generation_metrics(generation(0))
    assert not any(key.startswith(("progress", "diversity")) for key in silent)


def test_metrics_leave_out_what_does_not_exist() -> None:
    event = generation(0)
    assert generation_metrics(event)["gain/persuasion/low"] == -0.01
    assert generation_metrics(event)["win_rate"] == 0.56
    assert generation_metrics(event)["win_rate/high"] == 0.64
    nothing = Estimate(math.nan, -math.inf, math.inf, 0, 0)
    empty = replace(event, stats=replace(event.stats, gain={"truth": nothing}, judge_accuracy=None))
    metrics = generation_metrics(empty)
    assert not {"gain/truth", "gain/truth/low", "judge/accuracy"} & metrics.keys()
    assert metrics["win_rate"] == 0.56  # whatever the objective
    silent = replace(event, stats=replace(event.stats, win_rate=None, gain={}))
    assert "win_rate" not in generation_metrics(silent)


def test_nobody_is_asked_to_log_in(wandb_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_mode("auto") == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    assert resolve_mode("auto") == "online"
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert resolve_mode("auto") == "offline"
    monkeypatch.setenv("WANDB_DISABLED", "true")
    assert resolve_mode("auto") == "disabled"
    assert wandb_listener("disabled", TrackingConfig()) is None


def test_a_mode_that_wandb_does_not_know_is_one_line(
    wandb_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("off", "false", "OFFLINE"):
        monkeypatch.setenv("WANDB_MODE", value)
        for mode in ("auto", "offline", "online"):
            with pytest.raises(InputError, match=f"WANDB_MODE is '{value}'; allowed: offline, "):
                wandb_listener(mode, TrackingConfig())
        assert wandb_listener("disabled", TrackingConfig()) is None
    for value in ("", " "):
        monkeypatch.setenv("WANDB_MODE", value)
        assert resolve_mode("auto") == "offline"
        assert "WANDB_MODE" not in os.environ
    monkeypatch.setenv("WANDB_MODE", "dryrun")
    assert resolve_mode("auto") == "offline"


def test_online_without_login_is_one_clear_line(wandb_home: Path) -> None:
    with pytest.raises(InputError, match="wandb login") as error:
        wandb_listener("online", TrackingConfig())
    assert "\n" not in str(error.value)


def test_a_server_that_is_away_leaves_an_offline_run(
    wandb_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("debateqd.qd.tracking.wandb.PATIENCE", 1.0)
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    run_dir = run_directory(tmp_path / "run")
    listener = wandb_listener("auto", TrackingConfig())
    assert isinstance(listener, WandbListener)
    listener.run_started(started(run_dir))
    listener.generation_finished(generation(0))
    listener.run_finished(RunFinished(run_dir, "finished", "", {}, ()))
    shown = capsys.readouterr()
    told = [line for line in shown.err.splitlines() if not line.startswith("wandb:")]
    assert len(told) == 1
    assert "tracked offline (Timed out" in told[0]
    assert "Weights & Biases (offline)" in shown.out
    assert any(record["type"] == "history" for record in read_back(wandb_home))
    for file in wandb_home.rglob("*"):
        assert not file.is_file() or b"x" * 40 not in file.read_bytes(), file


def test_a_key_in_netrc_counts(tmp_path: Path) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine wandb.example.org login user password secret\n")
    file.chmod(0o600)
    assert logged_in({}, "https://wandb.example.org", file)
    assert not logged_in({}, "https://other.example.org", file)
    assert not logged_in({}, "https://wandb.example.org", tmp_path / "missing")


def test_a_disabled_run_never_touches_wandb(wandb_home: Path) -> None:
    assert wandb.run is None
    assert not (wandb_home / "wandb_dir" / "wandb").exists()


def test_files_lie_in_the_run_directory(
    wandb_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WANDB_DIR")
    run_dir = run_directory(wandb_home / "run")
    listener = wandb_listener("offline", TrackingConfig())
    assert listener is not None
    listener.run_started(started(run_dir))
    listener.run_finished(RunFinished(run_dir, "finished", "", {}, ()))
    (folder,) = (run_dir / "wandb").glob("offline-run-*")
    assert folder.name in capsys.readouterr().out
