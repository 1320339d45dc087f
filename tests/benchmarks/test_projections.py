from __future__ import annotations

import gzip
import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from debateqd.qd.config.loading import load_config
from tests.repository import ROOT


@pytest.fixture
def projections(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("projections")


@pytest.fixture
def views(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("projections_views")


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def match(match_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "v": 2,
        "id": match_id,
        "pool": "pool",
        "generation": 0,
        "phase": "train",
        "split": "train",
        "passage": "p",
        "question": f"q-{match_id}",
        "seats": {"debater_0": "s0000", "debater_1": "s0001"},
        "label": 1,
        "swap": False,
        "seed": 5,
        "kind": "verdict",
        "message": "",
        "credence": [0.25, 0.75],
        "orders": [[0.25, 0.75], [0.25, 0.75]],
        "bias": 0.0,
        "right": 1.0,
        "words": {"debater_0": 2, "debater_1": 3},
        "quotes": {"debater_0": [0, 0], "debater_1": [1, 1]},
        "clipped": {"debater_0": 0, "debater_1": 0},
        "tokens": {"judge_0": [9, 2, 0]},
        "calls": 4,
        "verdict": {"method": "probabilities"},
        **changes,
    }


def trial(**changes: Any) -> dict[str, Any]:
    return {
        "phase": "panel",
        "question": "q",
        "passage": "p",
        "seats": {"debater_0": "s0001", "debater_1": "s0000"},
        "subject": "s0000",
        "label": 1,
        "kind": "verdict",
        "message": "",
        "credence": [0.25, 0.75],
        "orders": None,
        "bias": None,
        "right": 1.0,
        **changes,
    }


def make_run(
    folder: Path, matches: Sequence[Mapping[str, Any]], trials: Sequence[Mapping[str, Any]] = ()
) -> Path:
    """Write as much of a run directory as is projected from logs."""
    for name in ("transcripts", "evaluation"):
        (folder / name).mkdir(parents=True)
    write_lines(folder / "matches.jsonl", matches)
    said = [
        {"match": row["id"], "speeches": [[1, "debater_0", f"on {row['question']}"]]}
        for row in matches
    ]
    data = "".join(json.dumps(row) + "\n" for row in said).encode()
    (folder / "transcripts" / "0000.jsonl.gz").write_bytes(gzip.compress(data))
    write_lines(folder / "evaluation" / "test.jsonl", trials)
    report = {"version": 2, "run": "name", "splits": {"test": {"low": 0.1234567, "high": None}}}
    (folder / "evaluation" / "report.json").write_text(json.dumps(report))
    return folder


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (0.1 + 0.2, 0.3),
        (1.0, 1),
        (-0.0, 0),
        (3e-17, 0),
        ({"a": [0.1234567, True, None, "b"]}, {"a": [0.123457, True, None, "b"]}),
    ],
)
def test_numbers_are_rounded(views: ModuleType, value: Any, rounded: Any):
    found = views.canonical(value, views.ESTIMATE)
    assert json.dumps(found) == json.dumps(rounded)


def test_order_identifiers_and_versions_do_not_matter(views: ModuleType, tmp_path: Path):
    first = [match("a"), match("b")]
    other = [
        match("y", question="q-b", pool="other", seed=6, v=3),
        match("z", question="q-a", pool="other", seed=7, v=3),
    ]
    runs = [make_run(tmp_path / str(n), rows) for n, rows in enumerate((first, other))]
    for view in (views.matches, views.transcripts, views.evaluation):
        assert view(runs[0]) == view(runs[1]) != ""


@pytest.mark.parametrize(
    "change",
    [
        {"credence": [0.25, 0.75 - 1e-9]},
        {"seats": {"debater_0": "s0001", "debater_1": "s0000"}},
        {"tokens": {"judge_0": [9, 3, 0]}},
        {"swap": True},
        {"kind": "abstained"},
    ],
)
def test_a_changed_outcome_changes_the_hash(
    projections: ModuleType, views: ModuleType, tmp_path: Path, change: dict[str, Any]
):
    texts = [
        views.matches(make_run(tmp_path / str(n), [match("a", **changes), match("b")]))
        for n, changes in enumerate(({}, change))
    ]
    assert projections.digest(texts[0]) != projections.digest(texts[1])
    shown = projections.shown_difference(*texts)
    assert "q-a" in shown, "what differs is shown"
    assert "q-b" not in shown, "and nothing else"


def test_debates_of_an_evaluation_are_told_by_seat(views: ModuleType, tmp_path: Path):
    mirrored = trial(subject="s0001")
    texts = [
        views.evaluation(make_run(tmp_path / str(n), [], [row]))
        for n, row in enumerate((trial(), mirrored))
    ]
    assert texts[0] == texts[1]
    assert "debate panel q s0001 s0000 " in texts[0]
    assert '"correct": 1' in texts[0]
    assert "report /splits/test/low 0.123457\n" in texts[0]
    assert "version" not in texts[0]


def test_a_difference_is_named(projections: ModuleType, tmp_path: Path):
    before, after = (
        projections.Played("smoke", {"matches": text, "ratings": "r\n"}, {}, 0.0)
        for text in ("same\nold\n", "same\nnew\n")
    )
    projections.dump(tmp_path, [before])
    dumped = projections.read_dump(tmp_path)
    assert dumped == {"smoke": before.texts}
    recorded = {"smoke": before.hashes()}
    assert projections.complaints([before], recorded, dumped) == []
    first = "smoke: matches differs from before"
    assert projections.complaints([after], recorded, {}) == [first]
    assert projections.complaints([after], recorded, dumped) == [first, "    + new\n    - old"]
    assert len(projections.complaints([after], {}, {})) == 2, "what was never recorded differs"


def test_records_of_other_runs_stay(projections: ModuleType, tmp_path: Path):
    path = tmp_path / "record.json"
    for name in ("resumed", "smoke"):
        projections.write_record(path, [projections.Played(name, {"matches": name}, {}, 0.0)])
    found, then = projections.read_record(path)
    assert then == projections.made_with()
    assert list(found) == ["smoke", "resumed"]
    assert found["smoke"] == {"matches": projections.digest("smoke")}


def test_the_runs_cover_what_there_is(projections: ModuleType, views: ModuleType):
    found: dict[str, set[str]] = {"objective": set(), "archive": set(), "source": set()}
    for run in projections.RUNS:
        given = dict(zip(run.train[::2], run.train[1::2], strict=True))
        config = load_config((given["--config"],))
        found["objective"].add(given["--objective"])
        found["archive"].add(config.evolution.archive.kind)
        found["source"].add(given["--questions"].partition(":")[0])
    assert found == {
        "objective": {"persuasion", "truth", "mix"},
        "archive": {"grid", "slots", "population"},
        "source": {"builtin", "synthetic"},
    }
    recorded, _ = projections.read_record(projections.RECORD)
    assert list(recorded) == [run.name for run in projections.RUNS]
    for run in projections.RUNS:
        left_out = set() if run.evaluate else {"evaluation"}
        assert set(recorded[run.name]) == set(views.PROJECTIONS) - left_out
    assert any(run.killed for run in projections.RUNS)


@pytest.mark.long
def test_a_run_twice_is_projected_alike(projections: ModuleType, views: ModuleType, tmp_path: Path):
    options = ("--config", "smoke", "--objective", "persuasion", "--generations", "2")
    evaluate = ("--split", "train", "--elites", "1", "--archive-questions", "0")
    run = projections.Run("twice", options, evaluate, killed=True)
    played = projections.play(run, tmp_path)
    assert set(played.texts) == set(views.PROJECTIONS)
    assert all(played.texts.values())
    assert played.texts == played.undisturbed
    assert projections.resumed_otherwise([played]) == []
    other = projections.Played("twice", {**played.texts, "matches": "x"}, played.undisturbed, 0.0)
    assert "twice: matches differs" in projections.resumed_otherwise([other])[0]


def test_a_run_that_fails_says_why(projections: ModuleType, tmp_path: Path):
    broken = projections.Run("broken", ("--config", "nonsense"), killed=True)
    with pytest.raises(RuntimeError, match="nonsense"):
        projections.play(broken, tmp_path)


def test_unknown_runs_are_refused(projections: ModuleType, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        projections.main(["--only", "smokes"])
    assert "unknown run 'smokes'; choose from smoke, resumed" in capsys.readouterr().err
