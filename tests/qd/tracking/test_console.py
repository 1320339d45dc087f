from __future__ import annotations

import io
import json
import logging

import pytest
from rich.console import Console

from debateqd.qd.debates.referee import TrainingStoppedError
from debateqd.qd.statistics import Estimate
from debateqd.qd.tracking.console import ConsoleProgress, gain_lines, signed
from debateqd.qd.tracking.events import Progress
from debateqd.qd.tracking.run_log import RunLog
from tests.qd.stand_ins import StandIn
from tests.qd.training.test_start import config, play


def test_plain_lines_where_there_is_no_terminal(tmp_path):
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=False)
    play(config(), tmp_path / "run", None, ConsoleProgress(console, "evaluate"))
    text = out.getvalue()
    assert "\x1b" not in text
    assert [line[:7] for line in text.splitlines() if line.startswith("gen ")] == [
        "gen 0/2",
        "gen 1/2",
        "gen 2/2",
    ]
    assert f"Results: {tmp_path / 'run'}" in text
    assert f"Evaluate: evaluate {tmp_path / 'run'}" in text
    assert "persuasion:" in text
    assert "Simulation" not in text  # the stand-in is not the embedded model


def test_a_bar_on_a_terminal(tmp_path):
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=True)
    play(config(), tmp_path / "run", None, ConsoleProgress(console))
    assert "tournament" in out.getvalue()
    assert "gen 2/2" in out.getvalue()


def test_nothing_is_learned_from_a_run_that_failed(tmp_path):
    out = io.StringIO()
    watcher = ConsoleProgress(Console(file=out, force_terminal=False))
    watcher.progressed(Progress(0, "train", 1, 2))  # before a start: nothing to show
    with pytest.raises(TrainingStoppedError, match="have no usable verdict"):
        play(config(), tmp_path / "run", StandIn(broken=1), watcher)
    assert "Results" not in out.getvalue()


class Complaining(StandIn):
    def submit(self, tickets):
        logging.getLogger("debateqd.agents.models").warning("the [server] is in trouble")
        super().submit(tickets)


def test_what_models_warn_of_is_shown_while_a_run_is_on(tmp_path):
    out = io.StringIO()
    watcher = ConsoleProgress(Console(file=out, width=100, force_terminal=False))
    play(config(), tmp_path / "run", Complaining(), watcher)
    assert "\nthe [server] is in trouble\n" in out.getvalue()
    before = out.getvalue()
    logging.getLogger("debateqd.agents.models").warning("later")
    assert out.getvalue() == before


def test_gains_with_and_without_an_interval():
    assert signed(Estimate(0.074, 0.027, 0.111, 9, 6)) == "+7.4 [+2.7, +11.1]"
    assert signed(Estimate(0.074, 0.027, 0.111, 9, 5)) == "+7.4 [+2.7, +11.1] (passages: 5)"
    assert signed(Estimate(-0.074, -1, 1, 1, 1)) == "-7.4 (passages: 1)"
    unknown = {"value": 0.1, "low": None, "high": None, "n": 3, "clusters": 1}
    (line,) = gain_lines({"gain": {"truth": unknown}})
    assert line.startswith("truth: +10.0 (passages: 1), judge's credence")


def test_what_depends_on_the_clock_is_kept_apart(tmp_path):
    before = logging.getLogger("debateqd").level
    play(config(), tmp_path / "run", None, RunLog("info"))
    events = (tmp_path / "run" / "events.log").read_text()
    assert "run persuasion-seed0 starts with generation 0" in events
    assert "run finished" in events
    lines = (tmp_path / "run" / "telemetry.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    told = ["started", *["generation"] * 3, "ended", "journal_spending"]
    assert [r["event"] for r in records] == told
    assert all(r["seconds"] > 0 for r in records if r["event"] == "generation")
    logger = logging.getLogger("debateqd")
    assert logger.level == before
    assert not logger.handlers


def test_a_failure_is_logged(tmp_path):
    with pytest.raises(TrainingStoppedError, match="have no usable verdict"):
        play(config(), tmp_path / "run", StandIn(broken=1), RunLog("error"))
    events = (tmp_path / "run" / "events.log").read_text()
    assert "ERROR debateqd.qd.tracking.run_log: run failed: TrainingStoppedError" in events
    assert "INFO" not in events


def test_an_interruption_is_no_error(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        play(config(), tmp_path / "run", StandIn(stop_at=9), RunLog())
    last = (tmp_path / "run" / "events.log").read_text().splitlines()[-1]
    assert last.endswith(
        "WARNING debateqd.qd.tracking.run_log: run interrupted by the user; it can be resumed"
    )


def test_a_run_that_ends_well_says_so(tmp_path):
    play(config(generations=0), tmp_path / "run", None, RunLog())
    last = (tmp_path / "run" / "events.log").read_text().splitlines()[-1]
    assert last.endswith("INFO debateqd.qd.tracking.run_log: run finished")
