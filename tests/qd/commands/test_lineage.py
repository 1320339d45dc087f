"""``debateqd lineage`` on a real run and on hand-made ones."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from debateqd.qd.report.lineage import print_lineage
from debateqd.qd.store.directory import RunDirectory, strategy_line
from debateqd.qd.store.history import history_of
from debateqd.qd.store.storage import json_text
from debateqd.qd.strategy import Strategy
from tests.qd.running import lineage as main
from tests.qd.running import train


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("lineage") / "run"
    make_run(found, "tournament.rating=elo", "selection.rule=rating")
    return found


def make_run(run_dir: Path, *settings: str) -> None:
    options = ["--config", "smoke", "--objective", "persuasion", "--wandb", "disabled"]
    for setting in settings:
        options += ["--set", f"evolution.{setting}"]
    assert train([*options, "--run-dir", str(run_dir)]) == 0


def rewritten(run_dir: Path, tmp_path: Path, *more: Strategy) -> Path:
    """A copy of the run with more strategies than it made."""
    copied = tmp_path / "copied"
    shutil.copytree(run_dir, copied)
    with (copied / "strategies.jsonl").open("a") as file:
        file.writelines(json_text(strategy_line(s), indent=None) for s in more)
    return copied


def shown(run_dir: Path, strategy_id: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main([str(run_dir), strategy_id]) == 0
    return capsys.readouterr().out


def on_a_terminal(run_dir: Path, strategy_id: str) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system="truecolor", width=100)
    print_lineage(history_of(RunDirectory.open(run_dir), strategy_id), console)
    return file.getvalue()


def child_of(run_dir: Path) -> Strategy:
    return next(s for s in RunDirectory.open(run_dir).strategies().values() if s.parents)


def test_a_child_with_its_parent_record_and_rating(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    child = child_of(run_dir)
    out = shown(run_dir, child.strategy_id, capsys)
    assert "Simulation" in out
    assert f"{child.parents[0]}: seed, {child.family}" in out
    parents = " and ".join(child.parents)
    assert f"generation {child.generation}, {child.operator} of {parents}" in " ".join(out.split())
    assert "{+" in out
    assert "all" in out
    assert "rating" in out


def test_json_agrees_with_the_logs(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = RunDirectory.open(run_dir)
    child = child_of(run_dir)
    assert main([str(run_dir), child.parents[0], "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert child.strategy_id in [d["strategy"]["strategy_id"] for d in data["descendants"]]
    for phase, found in data["records"].items():
        own = [m for m in run.matches() if m.phase == phase and child.parents[0] in m.players]
        counted = found["overall"]
        assert counted["won"] + counted["lost"] + counted["tied"] + found["unusable"] == len(own)
    assert data["standing"]["games"] > 0
    assert (data["standing"]["view"], data["standing"]["low"]) == ("elo", None)


def test_a_view_with_intervals_shows_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path / "run", "tournament.rating=bradley_terry")
    best = RunDirectory.open(tmp_path / "run").archive()["elites"][0]
    capsys.readouterr()
    assert main([str(tmp_path / "run"), best["strategy_id"], "--json"]) == 0
    rating = json.loads(capsys.readouterr().out)["standing"]
    assert rating["view"] == "bradley_terry"
    assert rating["low"] < rating["value"] < rating["high"]


def test_the_living_and_the_dead(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = RunDirectory.open(run_dir)
    elites = {row["strategy_id"]: row["cell"] for row in run.archive()["elites"]}
    for strategy_id in run.strategies():
        assert main([str(run_dir), strategy_id, "--json"]) == 0
        fate = json.loads(capsys.readouterr().out)["fate"]
        if strategy_id in elites:
            assert (fate["role"], fate["cell"]) == ("elite", elites[strategy_id])
        else:
            assert fate["role"] in ("dead", "challenger")
            assert fate["role"] == "challenger" or fate["reason"]


def test_the_rating_of_the_living_is_the_one_in_the_archive(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunDirectory.open(run_dir)
    last = run.generations()[-1]
    ratings = run.generation(last)["ratings"]
    for row in run.archive()["elites"]:
        assert main([str(run_dir), row["strategy_id"], "--json"]) == 0
        rating = json.loads(capsys.readouterr().out)["standing"]
        if rating["generation"] == last:
            assert rating["value"] == pytest.approx(ratings[row["strategy_id"]])


def test_crossover_shows_both_parents(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strategies = RunDirectory.open(run_dir).strategies()
    a, b = list(strategies)[:2]
    text = strategies[a].text[:40] + " " + strategies[b].text[:40]
    child = Strategy("s9000", "authority", text, (a, b), 1, "crossover")
    out = shown(rewritten(run_dir, tmp_path, child), "s9000", capsys)
    assert f"crossover of {a} and {b}" in out
    assert f"of the words of {a} kept" in out
    assert f"of the words of {b} kept" in out
    assert "Ancestry, 3 strategies" in out
    assert "no rating" in out


def hostile_text() -> str:
    return "[bold]shout[/bold] [link=file:///etc]here[/link] \x1b]0;title\x07\x9b2J \u202eright"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_hostile_strategy_controls_nothing(
    run_dir: Path, tmp_path: Path, terminal: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    parent = next(iter(RunDirectory.open(run_dir).strategies()))
    child = Strategy("s9000", "[red]fam\x1b[31m", hostile_text(), (parent,), 1, "op[/]\x1b")
    copied = rewritten(run_dir, tmp_path, child)
    out = on_a_terminal(copied, "s9000") if terminal else shown(copied, "s9000", capsys)
    flat = " ".join(out.split())
    assert "[bold]shout[/bold]" in flat
    assert "\\x1b]0;title\\x07\\x9b2J" in flat
    for forbidden in ("\x1b]0", "\x07", "\x9b", "\u202e", "\x1b[31mfam"):
        assert forbidden not in out
    if not terminal:
        assert "\x1b" not in out
    assert main([str(copied), "s9000", "--json"]) == 0
    raw = capsys.readouterr().out
    assert raw.isascii()
    assert "\x1b" not in raw
    assert json.loads(raw)["strategy"]["text"] == hostile_text()


def test_colours_on_a_terminal_and_marks_elsewhere(
    run_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    child = child_of(run_dir).strategy_id
    coloured = on_a_terminal(run_dir, child)
    assert "\x1b[1;32m" in coloured
    assert "{+" not in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert "{+" in on_a_terminal(run_dir, child)
    out = shown(run_dir, child, capsys)
    assert "{+" in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["s00001"], ["holds no strategy 's00001'", "did you mean 's0001'?", "s0000 to s00"]),
        (["completely else"], ["holds no strategy", "allowed: the"]),
        ([], ["Missing argument 'ID'"]),
        (["s0001", "--jason"], ["--jason", "did you mean '--json'"]),
    ],
)
def test_what_is_wrong_is_one_line(
    run_dir: Path,
    arguments: Sequence[str],
    parts: Sequence[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([str(run_dir), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert all(part in line for part in parts)


def test_damaged_and_missing_files(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "none"), "s0001"]) == 2
    assert "is not a run directory" in capsys.readouterr().err
    orphan = Strategy("s9000", "authority", "text", ("s8000",), 1, "rewrite")
    copied = rewritten(run_dir, tmp_path, orphan)
    assert main([str(copied), "s9000"]) == 2
    assert "strategies.jsonl: parent 's8000' of 's9000' is missing" in capsys.readouterr().err
    (copied / "archive.json").write_text('{"version": 1}')
    assert main([str(copied), "s0001"]) == 2
    assert "archive.json: field 'archive' is missing" in capsys.readouterr().err


def test_damaged_matches_are_named_by_their_line(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = rewritten(run_dir, tmp_path)
    log = copied / "matches.jsonl"
    first, second, *rest = log.read_text().splitlines(keepends=True)
    strange = json.loads(second)
    strange["seats"]["debater_1"] = "s9999"
    for line, what in (
        ("[1, 2]\n", "is no JSON object"),
        (json.dumps(json.loads(second) | {"quotes": [1]}) + "\n", "not a match"),
        (json.dumps(strange) + "\n", "'s9999' is no strategy of this run"),
    ):
        log.write_text("".join((first, line, *rest)))
        assert main([str(copied), "s0001"]) == 2
        (said,) = capsys.readouterr().err.splitlines()
        assert f"{log}, line 2: " in said
        assert what in said


def test_a_run_without_a_committed_generation(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = rewritten(run_dir, tmp_path)
    shutil.rmtree(copied / "generations")
    (copied / "matches.jsonl").write_text("")
    out = shown(copied, "s0001", capsys)
    assert "no generation has been committed yet" in out
    assert "Record" not in out
