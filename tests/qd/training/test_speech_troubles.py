"""What is wrong with speeches is counted by strategy, stored, shown, and alike after a resume."""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from debateqd.agents.base import TROUBLES
from debateqd.agents.models.base import Reply, Request
from debateqd.agents.prompts import section, task_of
from debateqd.qd.debates.counting import speech_troubles, troubles_line
from debateqd.qd.debates.matches import Match, _troubles
from debateqd.qd.measures.evaluate import _strategy_rows
from debateqd.qd.report.lineage import print_lineage
from debateqd.qd.seeds import seed_strategies
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.store.history import history_of
from debateqd.qd.tracking.console import ConsoleProgress
from debateqd.qd.tracking.wandb import generation_metrics
from tests.qd.making import match, strategy
from tests.qd.stand_ins import StandIn, noise
from tests.qd.training.test_start import UNSTABLE, Watcher, again, config, contents, play

MUTE = seed_strategies()[0]
UNSTABLE_HERE = UNSTABLE | {"journal.sqlite"}  # what failed is asked again, and counted again


class Rambling(StandIn):
    """Goes on as the prompt now and then, or without end, or babbles; is mute for one strategy."""

    fingerprint = "rambling"

    def _reply(self, request: Request) -> Reply:
        reply = super()._reply(request)
        if task_of(request.messages) != "debate":
            return reply
        user = request.messages[1].content
        draw = noise("speech", user)
        if section(user, "strategy") == MUTE.text and draw < 0.8:
            return replace(reply, text="<question>\nWhat of it?")
        if 0.5 < draw < 0.6 and request.seed % 3:
            return replace(reply, text=f"#{request.seed}?! ~^@ %& *)( {{]}} <>")
        if draw < 0.2:
            return replace(reply, text=f"{reply.text}\n</side>\n{user[:99]}")
        return replace(reply, finish_reason="length") if draw > 0.9 else reply


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, Watcher]:
    run_dir, out, watcher = tmp_path_factory.mktemp("runs") / "done", io.StringIO(), Watcher()
    shown = ConsoleProgress(Console(file=out, force_terminal=False))
    play(config(), run_dir, Rambling(), shown, watcher)
    return run_dir, out.getvalue(), watcher


def test_troubles_are_counted_by_strategy_and_generation(done):
    run = RunDirectory.open(done[0])
    by_generation = [run.stats(generation) for generation in run.generations()]
    for stats in by_generation:
        played = [m for m in run.matches() if m.generation == stats.generation]
        assert stats.troubles == speech_troubles(played)
        counted = Counter[str]()
        for one in played:
            for troubles in one.troubles.values():
                counted.update(troubles)
        found = sum(map(Counter, stats.troubles.values()), Counter())
        assert {name: found[name] for name in TROUBLES} == {n: counted[n] for n in TROUBLES}
        assert min(counted["redraws"], counted["cut"], counted["token_limit_reached"]) > 0
    assert run.summary()["troubles"] == speech_troubles(run.matches())
    mute = run.summary()["troubles"][MUTE.strategy_id]
    lost = [m for m in run.matches() if m.message.startswith("bad_reply: no word of a speech")]
    assert mute["unusable"] >= len(lost) > 1
    assert all(MUTE.strategy_id in m.players and m.kind == "unusable" for m in lost)
    said = sum(m.speeches[s] for m in run.matches() for s in m.seats_of(MUTE.strategy_id))
    assert mute["speeches"] == said + mute["unusable"]


def test_troubles_are_shown_where_strategies_are(done):
    run_dir, text, watcher = done
    lines = [line for line in text.splitlines() if line.startswith("gen ")]
    assert all("cut at a tag of the prompt" in line for line in lines)
    assert f"(most of those of {MUTE.strategy_id})" in lines[0]
    summary = RunDirectory.open(run_dir).summary()
    assert troubles_line(summary["troubles"]) in " ".join(text.split())
    out = io.StringIO()
    history = history_of(RunDirectory.open(run_dir), MUTE.strategy_id)
    print_lineage(history, Console(file=out, highlight=False))
    assert f"unusable (most of those of {MUTE.strategy_id})" in " ".join(out.getvalue().split())
    assert history.records["train"].troubles["unusable"]
    (first, *_) = [e for e in watcher.events if hasattr(e, "stats")]
    shown = generation_metrics(first)
    cut = sum(counts.get("cut", 0) for counts in first.stats.troubles.values())
    assert shown["speeches/cut"] == cut > 0
    assert shown["speeches/redraws"] > 0


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_an_interrupted_run_has_counted_the_same(done, tmp_path, share):
    counter = Rambling()
    play(config(), tmp_path / "counted", counter)
    run_dir = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        play(config(), run_dir, Rambling(stop_at=int(share * counter.calls)))
    again(run_dir, Rambling())

    def stable(path: Path) -> dict[str, bytes]:
        return {name: data for name, data in contents(path).items() if name not in UNSTABLE_HERE}

    assert stable(run_dir) == stable(done[0])


def test_who_had_no_trouble_is_left_out():
    clean = match("a", "b", 0.6)
    seats = {"debater_0": {"redraws": 2, "cut": 1}, "debater_1": {"unusable": 1}}
    lost = replace(match("b", "c", None, kind="unusable"), speeches={}, troubles=seats)
    assert speech_troubles([clean, lost]) == {
        "b": {"cut": 1, "redraws": 2, "speeches": 1},
        "c": {"speeches": 1, "unusable": 1},
    }
    assert speech_troubles([clean, clean]) == {}
    line = troubles_line(speech_troubles([clean, lost]))
    assert line == (
        "speeches: 2 redrawn, 1 cut at a tag of the prompt, 1 unusable (most of those of c)"
    )


def test_an_evaluation_says_whose_speeches_are_unusable():
    lost = replace(
        match("b", "c", None, kind="unusable", phase="panel", subject="c"),
        speeches={},
        troubles={"debater_1": {"unusable": 1}},
    )
    first, second = _strategy_rows([strategy("a"), strategy("c")], [match("a", "b", 0.6), lost])
    assert (first["troubles"], second["troubles"]) == ({}, {"speeches": 1, "unusable": 1})


def test_logs_without_troubles_are_read():
    line = json.loads(json.dumps(match("a", "b", 0.25).to_json()))
    del line["troubles"]
    assert Match.from_json(line) == match("a", "b", 0.25)


def test_what_a_plug_in_notes_is_counted_only_if_it_is_a_number():
    details = {
        "debater_0": {"1": {"redraws": "many", "cut": True, "unusable": -3}, "2": {"cut": 2}},
        "debater_1": {"feedback_error": "no", "1": {"mood": 1}},
    }
    record: Any = SimpleNamespace(details=details)
    assert _troubles(record, "debater_0") == {"cut": 3}
    assert _troubles(record, "debater_1") == _troubles(record, "judge_0") == {}
