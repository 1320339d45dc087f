"""A run that is stopped by its budget, killed, or out of disk keeps what it has, and goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from debateqd.agents.models.base import StoppedError
from debateqd.agents.models.budget import BudgetReachedError
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.questions import split_questions
from debateqd.qd.store import logs
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.training.start import resume, train
from tests.qd.stand_ins import StandIn, question_set
from tests.qd.training.test_start import Watcher, config, contents


def limited(settings: RunConfig, **budget: Any) -> RunConfig:
    return RunConfig.model_validate({**settings.to_json(), "budget": budget})


def models(model: StandIn) -> Models:
    return Models(model, model, model)


def questions(settings: RunConfig):
    return split_questions(question_set(), settings.questions)


def start(settings: RunConfig, folder: Path, model: StandIn, **options: Any) -> dict[str, Any]:
    return train(settings, folder, models=models(model), questions=questions(settings), **options)


def go_on(folder: Path, model: StandIn, **options: Any) -> dict[str, Any]:
    settings = options.get("config") or RunDirectory.open(folder).config
    return resume(folder, models=models(model), questions=questions(settings), **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """An undisturbed run, and its number of calls."""
    folder, model = tmp_path_factory.mktemp("whole") / "run", StandIn()
    start(config(), folder, model)
    return folder, model.calls


def test_a_journal_of_its_own_is_part_of_the_run(whole):
    folder, _ = whole
    assert "journal.sqlite" in contents(folder)
    assert not list(folder.rglob("*-wal"))


@pytest.mark.parametrize("share", [0.1, 0.6, 0.9])
def test_a_used_budget_leaves_results_and_the_run_goes_on_for_free(whole, tmp_path, share):
    reference, calls = whole
    allowed = int(calls * share)
    first, watcher = StandIn(), Watcher()
    with pytest.raises(BudgetReachedError) as caught:
        start(limited(config(), calls=allowed), tmp_path / "run", first, listeners=[watcher])
    assert first.calls <= allowed
    assert caught.value.limit == "calls"
    (finished,) = watcher.of(type(watcher.events[-1]))[-1:]
    assert finished.status == "stopped"
    run = RunDirectory.open(tmp_path / "run")
    done = run.generations()
    summary = run.summary()
    if done:
        assert summary is not None
        assert not summary["complete"]
        assert summary["generations"] == done[-1]
        assert {m.generation for m in run.matches()} == set(done), "nothing of an open generation"
        assert finished.summary == {k: v for k, v in summary.items() if k != "version"}
    second = StandIn()
    go_on(tmp_path / "run", second, config=config())
    # Everything that was paid for before is taken from the journal.
    assert first.calls + second.calls == calls
    assert contents(tmp_path / "run") == contents(reference)


def test_spending_is_counted_over_all_parts_of_a_run(whole, tmp_path):
    _, calls = whole
    settings = limited(config(), calls=calls // 2)
    with pytest.raises(BudgetReachedError, match=f"the budget of {calls // 2} "):
        start(settings, tmp_path / "run", StandIn())
    again = StandIn()
    with pytest.raises(BudgetReachedError, match=f"the budget of {calls // 2} "):
        go_on(tmp_path / "run", again, config=settings)
    assert again.calls == 0


def test_a_run_may_be_replayed_from_a_journal_alone(whole, tmp_path):
    reference, calls = whole
    shared = tmp_path / "shared.sqlite"
    first, second = StandIn(), StandIn()
    start(config(), tmp_path / "a", first, journal=shared)
    start(config(), tmp_path / "b", second, journal=shared)
    assert (first.calls, second.calls) == (calls, 0)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert set(contents(reference)) - set(contents(tmp_path / "a")) == {"journal.sqlite"}


def test_a_run_without_a_journal_leaves_none(tmp_path):
    settings = RunConfig.model_validate(
        {**config().to_json(), "models": {"default": "stand-in", "journal": False}}
    )
    start(settings, tmp_path / "run", StandIn())
    assert "journal.sqlite" not in contents(tmp_path / "run")


def test_an_interrupted_generation_is_replayed_and_not_paid_for_again(whole, tmp_path):
    reference, calls = whole
    first = StandIn(stop_at=calls * 2 // 3)
    with pytest.raises(KeyboardInterrupt):
        start(config(), tmp_path / "run", first)
    second = StandIn()
    go_on(tmp_path / "run", second)
    # The stand-in answers a batch at once, and only the batch that broke off is asked again.
    assert first.calls + second.calls <= calls + 64
    assert contents(tmp_path / "run") == contents(reference)


def test_a_full_disk_is_one_line_and_loses_nothing(whole, tmp_path, monkeypatch):
    reference, _ = whole
    write, calls = logs.AppendLog.append, 0

    def full(self, line):
        nonlocal calls
        calls += 1
        if calls > 150:
            raise OSError(28, "No space left on device")
        write(self, line)

    monkeypatch.setattr(logs.AppendLog, "append", full)
    with pytest.raises(StoppedError) as caught:
        start(config(), tmp_path / "run", StandIn())
    message = str(caught.value)
    assert "\n" not in message
    assert "No space left on device" in message
    assert "make room" in message
    monkeypatch.undo()
    go_on(tmp_path / "run", StandIn())
    assert contents(tmp_path / "run") == contents(reference)


def test_the_summary_says_what_each_role_used_in_each_generation(whole):
    summary = json.loads((whole[0] / "summary.json").read_text())
    assert summary["complete"]
    rows = summary["by_generation"]
    assert [row["generation"] for row in rows] == [0, 1, 2]
    for role, used in summary["totals"]["tokens"].items():
        for kind, total in used.items():
            assert sum(row["tokens"][role][kind] for row in rows) == total
