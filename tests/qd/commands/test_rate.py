"""``debateqd rate`` as a user meets it, alone in an empty directory, too."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from debateqd.qd.store.directory import RunDirectory
from tests.qd.running import rate as main
from tests.qd.running import train
from tests.qd.tables.test_matches import ARENA, written

ROOT = Path(__file__).parents[3]


@pytest.fixture
def arena(tmp_path: Path) -> Path:
    return written(tmp_path / "arena.csv", ARENA * 5)


def test_a_report_says_what_was_read_and_ends_in_ratings(
    arena: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(arena)]) == 0
    out = capsys.readouterr().out
    assert "first = model_a, second = model_b, winner = winner" in out
    assert "Bradley-Terry ratings in Elo points, their mean = 0, with 95 % intervals" in out
    assert "whether it is model_a or model_b; ties count as half a win for both: 5 tie, 5" in out
    assert "being presented first" in out
    rows = [line.split() for line in out.splitlines() if line.strip()[:2] in ("1 ", "2 ", "3 ")]
    assert sorted(row[1] for row in rows) == ["x", "y", "z"]
    assert rows[-1][1] == "y"  # it has lost everything
    assert all("[" in " ".join(row) and row[-1] == "%" for row in rows)


def test_json_and_csv_hold_the_same(arena: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [str(arena), "--anchor", "y", "--model", "elo", "--k", "16"]
    assert main([*options, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["columns"]["winner"] == "winner"
    assert (data["rows"], data["games"], data["bad_rows"]) == (20, 20, 0)
    assert (data["layout"], data["ties"]) == ("model pairs", {"tie": 5, "tie (bothbad)": 5})
    assert data["rule"] == "winner says whether it is model_a or model_b"
    assert main([*options, "--csv"]) == 0
    captured = capsys.readouterr()
    table = list(csv.DictReader(io.StringIO(captured.out)))
    assert "first = model_a" in captured.err
    for row, player in zip(table, data["players"], strict=True):
        assert row["player"] == player["player"]
        for name in ("rating", "low", "high", "score"):
            assert float(row[name]) == pytest.approx(player[name], abs=1e-4)


def test_bad_rows_are_shown(arena: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with arena.open("a") as file:
        file.write("9,x,y,nobody,u\n")
    assert main([str(arena)]) == 0
    out = capsys.readouterr().out
    assert "warning: 1 row of 21 cannot be read:" in out
    assert "line 22, winner: 'nobody' is neither player nor a tie" in out
    assert main([str(arena), "--max-bad", "0"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "1 of 21 rows cannot be read" in line


def test_hostile_names_control_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"model_a": "\x1b]0;t\x07evil", "model_b": "[red]x\nsecond line", "winner": "a"},
        {"model_a": "[red]x\nsecond line", "model_b": "\x1b]0;t\x07evil", "winner": "\x9bwho"},
    ] * 2
    path = written(tmp_path / "t.csv", rows)
    for options in ([], ["--csv"], ["--json"], ["--max-bad", "0"], ["--anchor", "x"]):
        main([str(path), "--max-bad", "0.9", *options])
        captured = capsys.readouterr()
        for text in (captured.out, captured.err):
            assert not {"\x1b", "\x07", "\x9b"} & set(text)
    assert len(captured.err.splitlines()) == 1


def test_a_run_directory_and_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = tmp_path / "run"
    options = ["--config", "smoke", "--objective", "persuasion", "--wandb", "disabled"]
    assert train([*options, "--generations", "0", "--run-dir", str(run_dir)]) == 0
    capsys.readouterr()
    training = [m for m in RunDirectory.open(run_dir).matches() if m.phase == "train" and m.usable]
    players = {name for m in training for name in m.players}
    for source in (run_dir, run_dir / "matches.jsonl"):
        assert main([str(source), "--where", "phase=train", "--json"]) == 0
        data = json.loads(capsys.readouterr().out)
        assert data["columns"]["side"] == "label"
        assert {p["player"] for p in data["players"]} == players
        assert {e["name"] for e in data["effects"]} >= {
            "being presented first",
            "defending the correct answer",
        }
    assert main([str(run_dir), "--objective", "truth"]) == 0
    assert "difficulty of the average question" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--winer", "x"], ["unknown option --winer", "did you mean '--winner'"]),
        (["--model", "bradley"], ["--model: 'bradley' is not allowed"]),
        (["--winner", "winer"], ["--winner winer: there is no such column", "'winner'"]),
        (["--anchor", "q"], ["--anchor q: no such player; allowed: x, y, z"]),
        (["--where", "judge"], ["--where judge: write it as --where COLUMN=VALUE"]),
        (["--where", "judge=u9"], ["holds no game that can be rated"]),
        (["--objective", "truth"], ["no column of a known name says whether the judge was right"]),
        (["--json", "--csv"], ["--json and --csv exclude each other"]),
    ],
)
def test_what_is_wrong_is_one_line(
    arena: Path, options: Sequence[str], parts: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(arena), *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert all(part in line for part in parts)


def test_it_runs_alone_on_a_bare_table_and_writes_nothing(tmp_path: Path) -> None:
    written(tmp_path / "t.csv", ARENA * 5)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "debateqd", "rate", "t.csv"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Bradley-Terry ratings" in done.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


def test_reading_and_least_squares_load_nothing_of_the_models() -> None:
    code = (
        "import sys, debateqd.qd.commands.launch\n"
        "import debateqd.qd.tables.matches, debateqd.qd.tables.ratings, debateqd.qd.report.rating\n"
        "loaded = {name.split('.')[0] for name in sys.modules} | set(sys.modules)\n"
        "print(sorted(loaded & {'debateqd.agents', 'pydantic', 'openai', 'wandb', 'yaml', 'rich'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert done.stdout == "[]\n"
