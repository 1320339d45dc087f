from __future__ import annotations

import io
import math
from typing import Any

from rich.console import Console, Group

from debateqd.qd.report.evaluation import comparison_report, run_report
from debateqd.qd.report.measures import (
    archive_table,
    diversity_table,
    few_note,
    gaps_table,
    interval,
    length_lines,
    number,
    payoff_lines,
    percent,
    position_table,
    progress_table,
    thinned,
)
from debateqd.qd.statistics import NOTHING, Estimate

HOSTILE = "s1\x1b[31m[bold]x[/bold]\u202e"


def known(value: float, half: float = 0.1) -> dict[str, Any]:
    return Estimate(value, value - half, value + half, 9, 8).to_json()


def show(*parts: Any) -> str:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    console.print(Group(*parts))
    return console.file.getvalue()  # type: ignore[attr-defined]


def archive(**changes: Any) -> dict[str, Any]:
    base = {
        "unit": "percentage points of score above the seeds",
        "offset": -0.5,
        "elites": 12,
        "measured": 11,
        "cells": 35,
        "reported_qd_score": 7.5,
        "qd_score": known(6.0),
        "illusion": known(1.5),
        "qd_score_in_place": known(6.2),
        "reported_mean": 0.12,
        "mean": known(0.04),
        "reported_coverage": 0.34,
        "coverage": known(0.3),
        "coverage_illusion": known(0.04),
        "stability": known(0.7),
        "questions": 24,
        "passages": 8,
        "warnings": [HOSTILE],
    }
    return {**base, **changes}


def test_numbers_that_do_not_exist_are_dashes() -> None:
    assert number(None) == number(math.nan) == "-"
    assert number(0.123, 100) == "12.3"
    assert percent(None) == percent(NOTHING.to_json()) == "-"
    assert percent(known(0.5)) == "50.0 % [40.0, 60.0]"
    assert percent(known(0.5), signed=True) == "+50.0 % [+40.0, +60.0]"
    unknown = Estimate(0.5, -math.inf, math.inf, 1, 1).to_json()
    assert interval(unknown, 100) == "50.0 [-inf, inf]*"


def test_few_passages_are_starred_and_explained() -> None:
    few = {**known(0.5), "clusters": 5}
    assert percent(few) == "50.0 % [40.0, 60.0]*"
    assert "fewer than 6 passages" in show(*few_note({"splits": [{"accuracy": few}]}))
    assert few_note({"splits": [{"accuracy": known(0.5)}], "seed": 3}) == []
    rows = [{"generation": 0, "reported": few, "corrected": few}]
    assert show(*progress_table(rows)).count("]*") == 1  # ratings count no passages


def test_the_archive_names_unit_and_offset() -> None:
    shown = show(*archive_table(archive()))
    for words in ("score above the seeds", "offset of the QD-score -50", "11 of 12 elites"):
        assert words in shown
    assert "750.0" in shown
    assert "+150.0 [+140.0, +160.0]" in shown
    assert show(*archive_table(archive(reported_qd_score=None, illusion=None))).count(" - ") >= 2
    assert archive_table(None) == []


def test_cycles_stand_beside_chance() -> None:
    circles = {
        "strategies": 5,
        "debates": 40,
        "pairs": 10,
        "decided": 10,
        "cyclic": 2,
        "share": known(0.2),
    }
    found = {"log": 30, "fresh": 10, "cycles": circles, "nash": {HOSTILE: 0.7, "b": 0.3}}
    shown = show(*payoff_lines(found))
    assert "20.0 % [10.0, 30.0] of 10 decided triples" in shown
    assert "at most 25 %" in shown
    nothing = {**found, "cycles": {**circles, "decided": 0}, "nash": {}}
    assert "nothing is known" in show(*payoff_lines(nothing))
    assert payoff_lines(None) == []


def test_no_text_controls_the_terminal() -> None:
    circles = {"strategies": 0, "debates": 0, "pairs": 0, "decided": 0}
    found = {"log": 0, "fresh": 0, "cycles": circles, "nash": {HOSTILE: 1.0}}
    shown = show(*archive_table(archive()), *payoff_lines(found))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold]x[/bold]" in shown  # shown as it is, not taken for markup


def test_long_runs_are_thinned_out_between_their_ends() -> None:
    rows = [{"generation": k} for k in range(100)]
    kept = [row["generation"] for row in thinned(rows)]
    assert kept[0] == 0
    assert kept[-1] == 99
    assert len(kept) == 13
    assert thinned(rows[:13]) == rows[:13]


def test_tables_show_what_there_is() -> None:
    row = {
        "generation": 3,
        "families": 7.0,
        "effective_families": 5.5,
        "ancestors": 12.0,
        "effective_ancestors": 9.25,
        "mean_depth": 1.5,
        "text_distance": 0.98,
        "nearest_text_distance": 0.8,
    }
    assert "5.5" in show(*diversity_table([row]))
    progress = {"generation": 3, "reported": known(90, 20), "corrected": None}
    assert "+90 [+70, +110]" in show(*progress_table([progress]))
    assert diversity_table([]) == progress_table([]) == gaps_table({}, "truth") == []
    gap = {key: known(0.1) for key in ("elites", "seeds", "over_seeds", "objective")}
    assert "train - test" in show(*gaps_table({"train-test": gap}, "truth"))
    rates = {"first": known(0.6), "second": known(0.4), "difference": known(0.2)}
    position = {"accuracy": rates, "win_rate": rates, "seat": rates, "orders_agree": known(0.8)}
    assert "+20.0 %" in show(*position_table(position, "test"))
    length = {
        "words": 50,
        "strategies": [
            {"id": "a", "before": 70, "after": 48},
            {"id": "b", "before": 9, "after": 9},
        ],
        "whole": known(0.6),
        "cut": known(0.5),
        "difference": known(0.1),
        "said_whole": 80.0,
        "said_cut": None,
    }
    shown = show(*length_lines(length))
    assert "1 of 2 elites cut" in shown
    assert "22 words less" in shown
    assert length_lines(None) == []


def test_groups_show_gaps_train_accuracy_and_the_relative_difference() -> None:
    group = {"levels": {"train": known(0.7)}, "gaps": {"train-test": known(0.05)}}
    pair = {
        "first": "persuasion",
        "second": HOSTILE,
        "levels": {"train": known(-0.02)},
        "gaps": {"train-test": known(-0.01)},
        "relative_gaps": {"train-test": Estimate(-0.14, -math.inf, math.inf, 9, 3).to_json()},
    }
    measure = {
        "groups": [{"name": n, "runs": ["a"], **group} for n in ("persuasion", HOSTILE)],
        "comparisons": [pair],
    }
    report = {
        "simulation": True,
        "warnings": ["one run"],
        "runs": [{"run": "a", "group": "persuasion", "seed": 3}],
        "measures": {"accuracy": measure},
    }
    shown = show(comparison_report(report))
    for words in ("Simulation", "a (seed 3)", "one run", "gap train - test"):
        assert words in shown
    assert "-14" not in shown  # the divisor may be 0
    bounded = Estimate(-0.14, -0.3, 0.1, 9, 8).to_json()
    measure["comparisons"] = [{**pair, "relative_gaps": {"train-test": bounded}}]
    assert "-14.0 % [-30.0, +10.0]" in show(comparison_report(report))
    assert "\x1b" not in shown


def test_strategies_are_shown_as_text() -> None:
    rates = {"first": known(0.6), "second": known(0.4), "difference": known(0.2)}
    report = {
        "run": HOSTILE,
        "objective": "truth",
        "simulation": False,
        "elites": ["s1"],
        "splits": {},
        "gaps": {},
        "position": {
            "accuracy": rates,
            "win_rate": rates,
            "seat": rates,
            "orders_agree": known(0.8),
        },
        "against": "seeds",
        "strategies_split": "test",
        "strategies": [
            {
                "id": "s1",
                "family": HOSTILE,
                "win_rate": known(0.5),
                "accuracy": known(0.5),
                "text": f"Obey. {HOSTILE} <script>alert(1)</script>",
            }
        ],
    }
    shown = show(run_report(report))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "Obey." in shown
