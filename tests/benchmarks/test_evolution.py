from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from debate_env.questions.question import Question
from debateqd.qd.statistics import Estimate
from tests.repository import ROOT


def benchmark(folder: Path, *options: str) -> tuple[str, dict[str, Any]]:
    """Run the benchmark; returns what it prints and writes."""
    file = folder / "figures.json"
    command = [sys.executable, "benchmarks/evolution.py", "--quick", "--json", str(file), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, json.loads(file.read_text())


@pytest.mark.long
def test_the_whole_benchmark_in_small(tmp_path: Path):
    text, data = benchmark(tmp_path, "--jobs", "2", "--markdown")
    assert text.startswith("SIMULATION")
    assert "| paper " in text
    for objective in ("persuasion", "truth"):
        assert f"- {objective}: default beats the seeds, all elites: " in text
        assert f"- {objective}: default beats best-of-N (" in text
        assert f"- null world, {objective}: gain differs from 0, reported: " in text
    kinds = Counter((r["kind"], r["objective"], r["procedure"]) for r in data["runs"])
    mixed = {(k, o, p) for k, o, p in kinds if k == "mixed"}
    assert len(mixed) == 14
    assert {n for (_, _, p), n in kinds.items() if p != "oracle"} == {2}
    assert all("% [" in line for line in text.splitlines() if "of what the oracle does" in line)
    assert text.count("of what the oracle does") == 4
    assert data["simulation"] is True
    by_name = {(r["kind"], r["objective"], r["world"], r["procedure"]): r for r in data["runs"]}
    for world in (20, 21):
        own = by_name["mixed", "persuasion", world, "default"]
        for other in ("best-of-N", "random"):
            ratio = by_name["mixed", "persuasion", world, other]["calls"] / own["calls"]
            assert 0.8 < ratio < 1.2
        # In the null world speeches do not count, so that all self-debates end alike.
        assert by_name["null", "truth", world, "default"]["reported"] == 0


@pytest.mark.long
def test_figures_do_not_depend_on_the_number_of_processes(tmp_path: Path):
    options = ("--worlds=2", "--objectives=truth", "--procedures=random", "--kinds=mixed")
    assert benchmark(tmp_path, *options) == benchmark(tmp_path, *options, "--jobs=2")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import evolution_table

    return evolution_table


@pytest.fixture
def gains(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import evolution_gains

    return evolution_gains


def result(table: ModuleType, world: int, gain: float, **fields: Any) -> Any:
    basis = table.Result(
        kind="mixed",
        objective="truth",
        world=world,
        procedure="default",
        generations=6,
        debates=100,
        calls=600,
        elites=20,
        elites_gain=gain,
        champions_gain=gain,
        cells_gain=gain,
        as_reported=gain,
        reported=gain,
        reported_low=gain - 0.01,
        reported_high=gain + 0.01,
    )
    return replace(basis, **fields)


def test_verdicts_hide_nothing(table: ModuleType):
    assert table.verdict(Estimate(0.2, 0.1, 0.3, 20, 20)) == "yes"
    assert table.verdict(Estimate(0.2, -0.1, 0.5, 20, 20)) == "NOT SHOWN"
    assert table.verdict(Estimate(-0.2, -0.3, -0.1, 20, 20)) == "NO, they are worse"


def test_a_gain_in_the_null_world_is_called_out(table: ModuleType):
    good = [result(table, w, 0.01 * (-1) ** w, kind="null") for w in range(10)]
    bad = [result(table, w, 0.05 + 0.001 * w, kind="null") for w in range(10)]
    assert not any("MUST NOT" in line for line in table.null_verdicts("truth", good))
    assert all("MUST NOT" in line for line in table.null_verdicts("truth", bad)[:-2])


def test_differences_are_paired_by_world(table: ModuleType):
    first = [result(table, w, 0.1 * w + 0.02) for w in range(5)]
    second = [result(table, w, 0.1 * w, procedure="random") for w in reversed(range(5))]
    gap = table.ahead(first, second, lambda r: r.elites_gain)
    assert gap.value == pytest.approx(0.02)
    assert gap.high - gap.low == pytest.approx(0, abs=1e-9)


def test_reports_that_promise_too_much_are_called_out(table: ModuleType):
    honest = [result(table, w, 0.05) for w in range(6)]
    boasting = [result(table, w, 0.05, as_reported=0.001 * w) for w in range(6)]
    assert "WHICH IS NOT 0" not in table.honesty("truth: default", honest)
    assert "6 of 6" in table.honesty("truth: default", honest)
    assert "WHICH IS NOT 0" in table.honesty("truth: default", boasting)
    assert "0 of 6" in table.honesty("truth: default", boasting)
    # In a null world the true gain is known: 0, whatever was measured.
    assert result(table, 0, 0.0, kind="null", as_reported=0.2).covered


def test_tables_line_up(table: ModuleType):
    shown = table.table(["a", "bb"], [["1", "2"], ["333", "4"]], markdown=True).splitlines()
    assert shown == ["| a   | bb |", "| --- | -- |", "| 1   | 2  |", "| 333 | 4  |"]
    report = table.report([result(table, w, 0.1) for w in range(3)], held_out=7, markdown=False)
    assert "on 7 held-out passages" in report
    assert math.isclose(float(report.split("default    6.0")[1].split()[1]), 10.0)


def test_the_share_of_an_oracle_is_a_ratio_over_the_worlds_of_both(table: ModuleType):
    own = [result(table, w, 0.05 + 0.001 * (w % 3)) for w in range(9)]
    oracle = [result(table, w, 0.1 + 0.002 * (w % 3)) for w in range(6)]
    line = table.share_of_oracle("truth: default", own, oracle, *table.MEASURES[0])
    assert line.startswith("truth: default reaches 50 % [50, 50]")
    assert "(6 worlds)" in line


def test_ratios_of_means_cover(table: ModuleType):
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        b = rng.normal(1.0, 0.3, 8)
        a = 0.7 * b + rng.normal(0.0, 0.15, 8)
        found = table.ratio_interval(list(zip(a, b, strict=True)))
        held += found.low <= 0.7 <= found.high
    assert 0.92 < held / 400 < 0.98
    lost = table.ratio_interval([(1.0, 0.5), (1.1, -0.6), (0.9, 0.2)])
    assert (lost.low, lost.high) == (-math.inf, math.inf)


def questions(count: int) -> list[Question]:
    return [Question(f"q{n}", f"p{n}", f"Text {n}.", "What?", ("a", "b"), 0) for n in range(count)]


def test_strategies_take_turns(gains: ModuleType):
    turns = list(gains.rotation(gains.SEEDS, questions(70), 4))
    assert set(Counter(s.strategy_id for _, s in turns).values()) == {8}
    assert set(Counter(q.question_id for q, _ in turns).values()) == {4}
    assert len({(q.question_id, s.strategy_id) for q, s in turns}) == 280


def test_nobody_meets_himself(gains: ModuleType):
    seed = gains.SEEDS[3]
    met = Counter(gains.drawn(q, seed, gains.SEEDS).strategy_id for q in questions(700))
    assert seed.strategy_id not in met
    assert len(met) == 34
    assert max(met.values()) < 50


def test_an_interval_over_worlds(table: ModuleType):
    estimate = table.t_interval([1.0, 2.0, 3.0, 4.0])
    half = 3.182 * math.sqrt(5 / 3) / 2
    assert (estimate.low, estimate.high) == pytest.approx((2.5 - half, 2.5 + half), abs=0.03)
    assert estimate.excludes(0.0)
    assert not table.t_interval([1.0]).excludes(0.0)
