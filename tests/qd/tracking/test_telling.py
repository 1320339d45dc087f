from __future__ import annotations

import io
import logging
from pathlib import Path

from rich.console import Console

from debateqd.qd.tracking.console import SELDOM, ConsoleProgress
from debateqd.qd.tracking.events import Listener, Progress, RunFinished, RunStarted
from debateqd.qd.tracking.telling import Listeners

END = RunFinished(Path("runs/x"), "failed", "", {}, ())


class Broken(Listener):
    def progressed(self, event: Progress) -> None:
        raise OSError("disk\nfull")

    def run_finished(self, event: RunFinished) -> None:
        raise ValueError("at the end")


def started() -> RunStarted:
    return RunStarted(Path("runs/x"), "x", {}, "truth", 3, 0, {"train": 2}, simulation=False)


def console() -> Console:
    return Console(file=io.StringIO(), width=60)


def test_a_listener_that_fails_is_warned_of_at_once_and_counted_at_the_end():
    shown = console()
    listeners = Listeners([ConsoleProgress(shown), Broken()])
    listeners.tell("run_started", started())
    for done in (1, 2):
        listeners.tell("progressed", Progress(0, "train", done, 9))
    said = shown.file.getvalue().splitlines()
    assert [line for line in said if "Broken" in line] == [
        "Broken failed in progressed: OSError: disk full (tests/qd/tracking/test_telling.py, line "
        "18, in progressed); the run goes on without what it does"
    ]
    listeners.finish(END)
    last = shown.file.getvalue().splitlines()[-1]
    assert last.startswith(
        "Warning: Broken failed 3 times, first in progressed: OSError: disk full"
    )


def test_a_listener_that_fails_at_the_end_alone_is_shown_too(caplog):
    class Late(Broken):
        def progressed(self, event: Progress) -> None:
            pass

    shown = console()
    listeners = Listeners([ConsoleProgress(shown), Late()])
    listeners.tell("run_started", started())
    with caplog.at_level(logging.WARNING):
        listeners.finish(END)
    assert "Warning: Late failed 1 time, first in run_finished" in shown.file.getvalue()
    assert caplog.records[0].exc_info is not None  # the whole of it is in events.log


def test_long_work_tells_a_file_now_and_then_how_far_it_is():
    now = [0.0]
    shown = console()
    progress = ConsoleProgress(shown, clock=lambda: now[0])
    progress.run_started(started())
    before = shown.file.getvalue()
    for done in range(1, 8):
        now[0] += SELDOM / 2
        progress.progressed(Progress(2, "train", done, 9))
    assert shown.file.getvalue().removeprefix(before).splitlines() == [
        f"gen 2 tournament: {done} of 9" for done in (2, 4, 6)
    ]
