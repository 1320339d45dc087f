"""A judge that favours a place is found, and told of once; one that does not is left alone."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from math import exp

import pytest
from rich.console import Console

from debateqd.agents.models.embedded import World
from debateqd.qd.debates.matches import Match
from debateqd.qd.measures.controls import MUCH_BIAS, favoured_place, position_control
from debateqd.qd.report.measures import position_table
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.tracking.console import ConsoleProgress
from debateqd.qd.tracking.events import GenerationFinished
from debateqd.qd.tracking.run_log import RunLog
from tests.qd.making import match
from tests.qd.stand_ins import StandIn
from tests.qd.training.test_start import Watcher, again, config, play


def judged(shown: Sequence[tuple[float, ...]], number: int) -> Match:
    """A debate whose judge gave these credences, as shown, in the two orders."""
    orders = (shown[0], shown[1][::-1])
    n = len(shown[0])
    return replace(
        match("s1", "s2", sum(order[0] for order in orders) / 2, question=f"q{number}"),
        orders=orders,
        bias=(shown[0][0] + shown[1][0]) / 2 - 1 / n,
    )


def test_a_judge_that_names_what_it_is_shown_first_is_found():
    line = favoured_place([judged([(0.79, 0.21)] * 2, n) for n in range(28)])
    assert "favours the answer shown first: it names that in 56 of 56 replies" in line
    assert "+29 points [+8, +42]" in line
    assert "models.verdict.method" in line
    assert "\n" not in line


def test_a_slight_but_constant_preference_is_found_too():
    assert "in 40 of 40" in favoured_place([judged([(0.55, 0.45)] * 2, n) for n in range(20)])
    last = favoured_place([judged([(0.1, 0.2, 0.7)] * 2, n) for n in range(20)])
    assert "favours the answer shown last: it names that in 40 of 40 replies" in last


def test_a_preference_for_the_last_counts_alike():
    # Named first in a quarter of the replies, but never with much.
    shown = [[(0.05, 0.95), (0.55, 0.45)], [(0.1, 0.9), (0.1, 0.9)]]
    line = favoured_place([judged(shown[n % 2], n) for n in range(40)])
    assert "shown last: it names that in 60 of 80 replies" in line
    assert "-30 points" in line


def test_what_may_be_chance_or_is_small_is_passed_over():
    constant = [judged([(0.9, 0.1)] * 2, n) for n in range(40)]
    assert favoured_place(constant[:19]) == ""
    assert favoured_place([replace(m, bias=None) for m in constant]) == ""
    assert favoured_place([replace(m, orders=None) for m in constant]) == ""
    assert favoured_place([replace(m, kind="unusable") for m in constant]) == ""
    # All on one passage: nothing is known of others.
    found = [judged([(0.9, 0.1), ((0.9, 0.1), (0.45, 0.55))[n % 2]], n) for n in range(40)]
    assert favoured_place(found) != ""
    assert favoured_place([replace(m, passage="p") for m in found]) == ""
    fair = [judged([(p, 1 - p), (1 - p, p)], n) for n, p in enumerate([0.9, 0.2, 0.6, 0.5] * 20)]
    assert favoured_place(fair) == ""
    assert favoured_place([judged([(0.5, 0.5)] * 2, n) for n in range(40)]) == ""


def test_the_simulation_has_less():
    most = max(World(seed).bias for seed in range(300))
    assert 1 / (1 + exp(-most)) - 0.5 < MUCH_BIAS


def test_an_evaluation_says_it():
    found = position_control([judged([(0.79, 0.21)] * 2, n) for n in range(28)])
    out = io.StringIO()
    for part in position_table(found, "test"):
        Console(file=out, width=400).print(part)
    assert "Warning: the judge favours the answer shown first" in out.getvalue()
    fair = position_control([judged([(0.6, 0.4), (0.4, 0.6)], n) for n in range(28)])
    assert "favoured" not in fair
    assert len(position_table(fair, "test")) == 1


class Partial(StandIn):
    """Its judge believes whatever it is shown first."""

    @staticmethod
    def _first_wins(user: str, seed: int) -> float:
        return 0.79


@pytest.mark.parametrize("stopped", [False, True])
def test_a_run_says_it_once(tmp_path, stopped):
    settings, out, watcher = (
        config(children=2, tournament={"debates": 40}),
        io.StringIO(),
        Watcher(),
    )
    listeners = (watcher, ConsoleProgress(Console(file=out, width=400)), RunLog())
    whole = Partial()
    play(settings, tmp_path / "whole", whole)
    if stopped:
        with pytest.raises(KeyboardInterrupt):
            play(settings, tmp_path / "run", Partial(stop_at=whole.calls - 9), *listeners)
        again(tmp_path / "run", Partial(), listeners=listeners)
    else:
        play(settings, tmp_path / "run", Partial(), *listeners)
    told = [e.stats for e in watcher.of(GenerationFinished) if e.stats.warnings]
    assert [stats.generation for stats in told] == [0]
    assert out.getvalue().count("Warning: the judge favours the answer shown first") == 1
    assert (tmp_path / "run" / "events.log").read_text().count("the judge favours") == 1
    run, other = RunDirectory.open(tmp_path / "run"), RunDirectory.open(tmp_path / "whole")
    assert run.summary() == other.summary()
    assert run.summary()["warnings"][-1] == told[0].warnings["position"]
