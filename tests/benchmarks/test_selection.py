from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.repository import ROOT


def benchmark(folder: Path, *options: str) -> tuple[str, dict[str, Any]]:
    """Run the benchmark; returns what it prints and writes."""
    file = folder / "figures.json"
    command = [sys.executable, "benchmarks/selection.py", "--json", str(file), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, json.loads(file.read_text())


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import picking
    import selection
    import selection_elo
    import selection_table
    import selection_trainer
    import selection_world

    return {
        "main": selection,
        "elo": selection_elo,
        "picking": picking,
        "table": selection_table,
        "trainer": selection_trainer,
        "world": selection_world,
    }


def test_the_whole_benchmark_in_small(tmp_path: Path):
    text, data = benchmark(tmp_path, "--quick", "--markdown", "--jobs", "2")
    assert text.startswith("SIMULATION")
    assert data["simulation"] is True
    assert "| default " in text
    names = {(r["kind"], r["procedure"], r["matches"]) for r in data["runs"]}
    assert len(names) == 12 * 2 + 3 * 3 * 2
    own = [r for r in data["runs"] if r["procedure"] == "default"]
    assert all(r["deviation"] > 0 and r["mutation"] > 0 for r in own)
    elo = [r for r in data["runs"] if r["procedure"].startswith("Elo")]
    assert all(r["deviation"] is None for r in elo)


def test_figures_do_not_depend_on_the_number_of_processes(tmp_path: Path):
    options = ("--quick", "--procedures", "default;perfect", "--kinds", "plain,tastes")
    assert benchmark(tmp_path, *options) == benchmark(tmp_path, *options, "--jobs=2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--procedures", "defalt"], "unknown name 'defalt'; did you mean 'default'?"),
        (["--matches", "many"], "--matches: numbers from 2"),
        (["--quick", "--check"], "--check needs more than a quick run"),
    ],
)
def test_wrong_options_are_named(options: list[str], message: str):
    command = [sys.executable, "benchmarks/selection.py", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert message in done.stderr


def test_perfect_selection_is_that_of_the_reference(modules: dict[str, ModuleType]):
    world, elo = modules["world"].World, modules["elo"]
    gains = [elo.perfect(world(seed), 210).true for seed in range(20)]
    assert float(np.mean(gains)) == pytest.approx(501, abs=1)
    assert float(np.std(gains, ddof=1)) / math.sqrt(20) == pytest.approx(6, abs=0.5)


def test_inherited_elo_reports_what_is_not_there(modules: dict[str, ModuleType]):
    world, elo = modules["world"].World, modules["elo"].Elo
    runs = [elo()(world(seed), 700) for seed in range(3)]
    assert all(run.reported > run.true + 500 for run in runs)
    assert all(0.4 < run.worse / run.accepted < 0.55 for run in runs)


def test_default_beats_elo_and_says_so_in_a_small_world(modules: dict[str, ModuleType]):
    size = modules["world"].Size(cells=12, questions=30, generations=8)
    world = modules["world"].World
    own = [modules["trainer"].trained(world(s, size=size), 240) for s in range(4)]
    elo = [modules["elo"].Elo()(world(s, size=size), 240) for s in range(4)]
    assert np.mean([r.true for r in own]) > np.mean([r.true for r in elo]) + 20
    assert all(abs(r.true - r.reported) < 3 * r.deviation for r in own)


def test_the_default_plays_the_tournaments_of_the_preset(modules: dict[str, ModuleType]):
    world = modules["world"].World(1, size=modules["world"].Size(generations=1))
    run = modules["trainer"].SimulatedRun(
        world, modules["trainer"].preset("evolution.tournament.debates=80")
    )
    run.play_generation(0)
    run.play_generation(1)
    matches = [m for m in run.state.matches if m.generation == 1]
    assert (len(run.state.matches), len(matches)) == (160, 80)
    children = {s for s, strategy in run.state.strategies.items() if strategy.parents}
    assert len(children) == 35
    of_parents = [
        m
        for m in matches
        if any(run.state.strategies[c].parents[:1] in ((p,) for p in m.players) for c in m.players)
    ]
    # Half against the parent, and 40 % decide on selection questions, as the preset has it.
    assert 36 <= len([m for m in of_parents if m.phase == "train"]) <= 48
    assert 28 <= sum(m.phase == "selection" for m in matches) <= 32
    train, selection = (
        {m.question for m in run.state.matches if m.phase == phase}
        for phase in ("train", "selection")
    )
    assert not train & selection


@pytest.mark.parametrize("kind", ["noise", "coin"])
def test_luck_is_picked_where_nobody_is_better(kind: str, modules: dict[str, ModuleType]):
    """Ratings of the picked rise although nothing is gained; fresh debates say so."""
    runs = [modules["picking"].play(kind, seed, 1, 200, 40) for seed in range(8)]
    assert all(run.rated.value > 0 for run in runs)
    fresh = [run.fresh for run in runs]
    assert sum(one.excludes(0) for one in fresh) <= 2
    text, held = modules["picking"].line("on fresh questions", fresh)
    assert held == sum(not one.excludes(0) for one in fresh) / 8
    assert f"hold 0: {held:.1%}" in text


@pytest.mark.parametrize("kind", ["plain", "drift", "cycles", "tastes"])
def test_debates_are_won_as_often_as_the_strengths_say(kind: str, modules: dict[str, ModuleType]):
    size = modules["world"].Size(cells=6, questions=40, generations=2)
    world = modules["world"].World(3, kind, size)
    child = world.child(0)
    assert list(world.parents) == [-1] * 6 + [0]
    strengths = world.strengths()
    assert strengths[:6].mean() == pytest.approx(0)
    # Over all questions and both sides, who is stronger than the roots beats them more often.
    question = np.tile(np.arange(40), 50)
    share = []
    for player in (int(np.argmax(strengths[:6])), int(np.argmin(strengths[:6])), child):
        won = [
            world.debates(
                np.full(2000, player), np.full(2000, root), question, np.full(2000, correct)
            ).mean()
            for root in range(6)
            if root != player
            for correct in (1, -1)
        ]
        share.append(float(np.mean(won)))
    assert share[0] > 0.5 > share[1]
    assert math.isfinite(strengths[child])


def test_swiss_pairs_neighbours_that_have_not_met(modules: dict[str, ModuleType]):
    pair = modules["elo"].swiss_round
    met: set[tuple[int, int]] = set()
    assert pair([3, 1, 2, 0], met) == [(3, 1), (2, 0)]
    assert pair([3, 1, 2, 0], met) == [(3, 2), (1, 0)]
    assert pair([3, 1, 2, 0], met) == [(3, 0), (1, 2)]
    # Everybody has met: the next free one.
    assert pair([3, 1, 2, 0], met) == [(3, 1), (2, 0)]


def runs_of(modules: dict[str, ModuleType], true: float, reported: float) -> list[Any]:
    table, evolved = modules["table"], modules["world"].Evolved
    return [
        table.Run("plain", "default", 700, k, evolved(true + k, reported + k, 5.0, 10, 4))
        for k in (-2, -1, 0, 1, 2)
    ]


@pytest.mark.parametrize(
    ("true", "reported", "holds"),
    [(230, 240, True), (230, 300, False), (210, 215, False)],
)
def test_says_whether_the_targets_hold(
    true: float, reported: float, holds: bool, modules: dict[str, ModuleType]
):
    text, all_hold = modules["table"].report(runs_of(modules, true, reported), markdown=True)
    assert all_hold is holds
    assert ("- NO: " in text) is not holds
    assert "| default " in text
    assert "40%" in text


def test_a_figure_is_reproduced_within_three_combined_standard_errors(
    modules: dict[str, ModuleType],
):
    table = modules["table"]
    runs = [
        replace(
            r, procedure="Elo, Swiss, reset", evolved=replace(r.evolved, reported=21.0 + r.seed)
        )
        for r in runs_of(modules, 51 + 20, 0)
    ]
    assert table.report(runs, markdown=False)[1] is True
    off = [replace(r, evolved=replace(r.evolved, true=r.evolved.true + 10)) for r in runs]
    assert table.report(off, markdown=False)[1] is False
