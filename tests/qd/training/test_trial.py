"""Stated credences are tried before a run begins; what is decided then is decided for good."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from debateqd.agents.models.base import Capabilities, Reply, Request, StoppedError
from debateqd.agents.models.budget import BudgetReachedError
from debateqd.agents.prompts import asks_credence, listed_answers
from debateqd.qd.config.loading import dump_config
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.models import Models
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.tracking.events import RunStarted
from debateqd.qd.training.planning import plan_run
from debateqd.qd.training.start import resume, train
from tests.qd.stand_ins import StandIn
from tests.qd.training.test_start import Watcher, config, contents, questions

OBVIOUS = "on the sill"
Script = Callable[[Request], Reply | str]


def believing(share: int) -> Script:
    """Believe the obvious answer that much, and in debates always the first-shown one."""

    def script(request: Request) -> str:
        shown = listed_answers(request.messages[1].content)
        sure = share if OBVIOUS not in shown or shown[0] == OBVIOUS else 100 - share
        return json.dumps({"A": sure})

    return script


class Stating(StandIn):
    """A judge without probabilities on a server that enforces schemas; remembers its trials."""

    capabilities = Capabilities(probabilities=False, schema=True)

    def __init__(self, script: Script, **options: Any) -> None:
        super().__init__(**options)
        self.script = script
        self.trials: list[Request] = []

    def _reply(self, request: Request) -> Reply:
        reply = super()._reply(request)
        user = request.messages[1].content
        if OBVIOUS in user:
            self.trials.append(request)
        if request.choices is not None:
            return Reply("A", usage=reply.usage)
        if asks_credence(user):
            said = self.script(request)
            return said if isinstance(said, Reply) else Reply(said, usage=reply.usage)
        return reply


def settings(**verdict: Any) -> RunConfig:
    plain = config(generations=1, children=2, tournament={"debates": 40}).to_json()
    plain["models"]["verdict"] |= verdict
    return RunConfig.model_validate(plain)


def start(model: StandIn, folder: Path, asked: RunConfig | None = None) -> list[RunStarted]:
    watcher, asked = Watcher(), asked or settings()
    train(
        asked,
        folder,
        listeners=[watcher],
        models=Models(model, model, model),
        questions=questions(asked),
    )
    return watcher.of(RunStarted)


def method(folder: Path) -> str:
    return RunDirectory.open(folder).config.models.verdict.method


def test_a_judge_that_can_state_credences_does(tmp_path):
    model = Stating(believing(90))
    (started,) = start(model, tmp_path / "run")
    assert started.notes == ()
    assert method(tmp_path / "run") == started.config["models"]["verdict"]["method"] == "credence"
    first, second = model.trials
    assert listed_answers(first.messages[1].content)[0] == OBVIOUS
    assert listed_answers(second.messages[1].content)[-1] == OBVIOUS
    judged = RunDirectory.open(tmp_path / "run").matches()
    assert {m.verdict["method"] for m in judged} == {"credence"}
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["complete"]


@pytest.mark.parametrize(
    ("script", "reason", "calls"),
    [
        (believing(50), "50 % likely shown first, 50 % last", 2),
        (believing(10), "10 % likely shown first, 10 % last", 2),
        (lambda r: '{"A": 100}', "100 % likely shown first, 0 % last", 2),
        (lambda r: '{"A": 100, "B": 100}', "unparsable_verdict: no credence", 4),
        (lambda r: Reply("", "refused"), "refused: the model refused", 2),
        (lambda r: Reply("", "error", error="no schemas here"), "engine_error: no schemas", 2),
    ],
)
def test_one_that_cannot_is_asked_for_votes_and_that_is_said(tmp_path, script, reason, calls):
    model = Stating(script)
    (started,) = start(model, tmp_path / "run")
    (note,) = started.notes
    assert reason in note
    assert note.endswith("verdicts are obtained by votes")
    assert "\n" not in note
    assert len(model.trials) == calls
    assert method(tmp_path / "run") == "votes"
    judged = RunDirectory.open(tmp_path / "run").matches()
    assert {m.verdict["method"] for m in judged} == {"votes"}


def test_a_method_that_was_asked_for_by_name_is_kept(tmp_path):
    (started,) = start(Stating(believing(50)), tmp_path / "run", settings(method="credence"))
    assert "models.verdict.method=credence is used all the same" in started.notes[0]
    assert method(tmp_path / "run") == "credence"


@pytest.mark.parametrize("name", ["probabilities", "votes"])
def test_other_methods_need_no_trial(tmp_path, name):
    model = Stating(believing(50))
    (started,) = start(model, tmp_path / "run", settings(method=name))
    assert (model.trials, started.notes) == ([], ())


def test_a_run_that_goes_on_does_not_try_again(tmp_path):
    whole = Stating(believing(50))
    start(whole, tmp_path / "whole")
    first = Stating(believing(50), stop_at=whole.calls * 2 // 3)
    with pytest.raises(KeyboardInterrupt):
        start(first, tmp_path / "run")
    assert method(tmp_path / "run") == "votes"
    second = Stating(believing(90))  # it would pass by now
    for asked in (None, settings()):  # the second is a run that is already complete
        resume(
            tmp_path / "run",
            config=asked,
            models=Models(second, second, second),
            questions=questions(settings()),
        )
    assert second.trials == []
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_a_kill_before_it_is_decided_costs_the_trial_once(tmp_path):
    first = Stating(believing(50), stop_at=3)  # the third call is the first after the trial
    with pytest.raises(KeyboardInterrupt):
        start(first, tmp_path / "run")
    undecided = RunDirectory.open(tmp_path / "run").config.to_json()
    undecided["models"]["verdict"]["method"] = "auto"
    (tmp_path / "run" / "config.yaml").write_text(dump_config(RunConfig.model_validate(undecided)))
    second = Stating(believing(90))
    resume(
        tmp_path / "run",
        models=Models(second, second, second),
        questions=questions(settings()),
    )
    assert second.trials == []  # from the journal, with the outcome that it had
    assert method(tmp_path / "run") == "votes"


def test_no_answer_decides_nothing(tmp_path):
    lost = Reply("", "error", error="gone", error_kind="connection")
    with pytest.raises(StoppedError, match=r"could not be asked .*connection: gone"):
        start(Stating(lambda r: lost), tmp_path / "run")
    assert method(tmp_path / "run") == "auto"
    model = Stating(believing(90))
    resume(tmp_path / "run", models=Models(model, model, model), questions=questions(settings()))
    assert len(model.trials) == 2
    assert method(tmp_path / "run") == "credence"


def test_the_budget_and_the_estimate_know_of_it(tmp_path):
    asked = settings(method="credence")
    plan, other = plan_run(asked, questions(asked)), plan_run(settings(), questions(asked))
    assert plan.calls == other.calls + 2
    limited = RunConfig.model_validate({**asked.to_json(), "budget": {"calls": 1}})
    with pytest.raises(BudgetReachedError, match="the budget of 1 "):
        start(Stating(believing(90)), tmp_path / "poor", limited)
    assert RunDirectory.open(tmp_path / "poor").generations() == []
