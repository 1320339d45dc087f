"""A mutator that cannot write: generations without children, and what comes of several of them."""

from __future__ import annotations

import re

import pytest

from debateqd.agents.models.base import Reply
from debateqd.agents.prompts import section, task_of
from debateqd.qd.debates.referee import TrainingStoppedError
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.tracking.events import GenerationFinished, RunFinished
from debateqd.qd.tracking.run_log import RunLog
from debateqd.qd.training.breeding import BARREN, BarrenError, barrenness
from tests.qd.stand_ins import StandIn
from tests.qd.training.test_start import Watcher, again, config, contents, play

SMALL = {"children": 2, "tournament": {"debates": 40}, "report": {"every": 0}}


class Parrot(StandIn):
    """Repeats its instruction in the first generations, and writes from then on."""

    def __init__(self, until: int = 99, **options):
        super().__init__(**options)
        self.until = until * 2 * 3  # children and attempts of a generation
        self.drafts = 0

    def _reply(self, request):
        reply = super()._reply(request)
        if task_of(request.messages) != "mutate":
            return reply
        self.drafts += 1
        user = request.messages[1].content
        if self.drafts > self.until:
            return reply
        if self.drafts % 2:
            return Reply("I reply with it between <strategy> and </strategy>.")
        told = (section(user, "instruction") or "").partition(" between")[0]
        return Reply(f"<strategy>{told}.</strategy>")


def test_a_generation_without_children_is_no_end(tmp_path):
    watcher = Watcher()
    settings = config(**SMALL, generations=BARREN)
    summary = play(settings, tmp_path / "run", Parrot(until=1), watcher, RunLog())
    first, second, third, _ = (e.stats for e in watcher.of(GenerationFinished))
    assert first.warnings == {}
    assert (second.children, third.children > 0) == (0, True)
    assert sum(second.refused.values()) == 2 * 3
    assert set(second.refused) == {"too_short", "prompt"}
    warning = second.warnings["children"]
    assert warning.startswith("no children: every draft was refused (prompt 3, too_short 3), e.g.")
    assert "\n" not in warning
    assert "children" not in third.warnings
    assert summary["childless"] == 1
    log = (tmp_path / "run" / "events.log").read_text()
    assert len(re.findall(r"WARNING .*generation 1: no children", log)) == 1


def test_several_in_a_row_end_the_run_which_goes_on_with_new_drafts(tmp_path):
    model, watcher = Parrot(), Watcher()
    with pytest.raises(BarrenError) as caught:
        play(config(**SMALL, generations=8), tmp_path / "run", model, watcher)
    message = str(caught.value)
    assert f"{BARREN} generations in a row, 1 to {BARREN}, have no children" in message
    assert "too_short 3" in message
    assert "\n" not in message
    assert model.drafts == BARREN * 2 * 3
    run = RunDirectory.open(tmp_path / "run")
    assert run.generations() == list(range(BARREN + 1))
    (ended,) = watcher.of(RunFinished)
    assert (ended.status, ended.summary["complete"]) == ("stopped", False)
    assert ended.summary["childless"] == BARREN
    before = contents(tmp_path / "run")

    # Nothing is asked again; as many generations more may fail.
    second = Parrot()
    with pytest.raises(BarrenError, match=f"{2 * BARREN} generations in a row, 1 to {2 * BARREN}"):
        again(tmp_path / "run", second)
    assert second.drafts == BARREN * 2 * 3
    after = contents(tmp_path / "run")
    assert all(after[name] == before[name] for name in before if name.startswith("generations"))
    third = Parrot(until=0)
    assert again(tmp_path / "run", third)["complete"]
    assert run.generations() == list(range(9))


def test_an_interruption_on_the_way_changes_nothing(tmp_path):
    settings = config(**SMALL, generations=8)
    whole = Parrot()
    with pytest.raises(BarrenError, match="generations in a row"):
        play(settings, tmp_path / "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        play(settings, tmp_path / "run", Parrot(stop_at=whole.calls - 20))
    with pytest.raises(BarrenError, match="generations in a row"):
        again(tmp_path / "run", Parrot())
    found, expected = contents(tmp_path / "run"), contents(tmp_path / "whole")
    for files in (found, expected):
        files.pop("journal.sqlite")  # put in order when a run is complete
    assert found == expected


def test_the_last_generations_of_a_run_may_be_barren(tmp_path):
    assert play(config(**SMALL, generations=BARREN), tmp_path / "run", Parrot())["complete"]


def test_an_engine_that_fails_has_refused_nothing(tmp_path):
    class Down(StandIn):
        def _reply(self, request):
            reply = super()._reply(request)
            return Reply("", "error", error="gone") if "<record>" in str(request) else reply

    with pytest.raises(TrainingStoppedError, match="gave no reply for any of 2 children") as caught:
        play(config(**SMALL), tmp_path / "run", Down())
    assert not isinstance(caught.value, BarrenError)
    assert RunDirectory.open(tmp_path / "run").generations() == [0]
    assert again(tmp_path / "run")["complete"]  # it is asked again


def test_no_children_asked_for_are_none_missed():
    assert barrenness([]) == ""
