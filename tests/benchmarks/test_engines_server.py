from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace

import pytest

from debateqd.agents.rollout import play_all
from tests.repository import ROOT
from tests.servers import Settings


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


def test_debates_in_flight_are_counted(load: Callable[[str], ModuleType]):
    counted = load("engines_load").InFlight()
    jobs: Iterator[int] = counted.begin([1, 2, 3])
    next(jobs), next(jobs)
    counted.end(SimpleNamespace())
    next(jobs)
    assert counted.most == 2


def test_only_speeches_of_the_server_are_speeches(load: Callable[[str], ModuleType]):
    good = "I hold that it is so. <v_quote>The lamp was lit.</v_quote> So read it again."
    texts = [good, good.replace("v_", "u_"), good.replace("hold", "h\x00ld"), "&*~@#", ""]
    records = [SimpleNamespace(speeches=[SimpleNamespace(text=text) for text in texts])] * 2
    assert load("engines_load").no_speeches(records) == 2 * 3


def test_faults_lose_nothing(load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch):
    module = load("engines_load")
    monkeypatch.setattr(module, "TIMEOUT", 1.0)
    monkeypatch.setattr(module, "SECONDS", 0.02)
    figures = module.load(60)
    assert {f.what for f in figures if not f.holds} == set()
    assert figures[0].value == 0


def test_what_faults_change_is_seen(
    load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
):
    module, workload = load("engines_load"), load("engines_workload")
    played: list[str] = []

    def play_on(settings: Settings, questions: list[object]) -> object:
        records = play_all(workload.equal_work(questions, workload.ScriptedModel()))
        if played:  # one debate says something else, one is lost, and one came twice
            records = [records[0]._replace(calls=9), *records[2:], records[2]]
        played.append("")
        return module.Loaded(records, 7, Counter(), Counter(), 1.0)

    monkeypatch.setattr(module, "play_on", play_on)
    wrong = {f.what: f.value for f in module.load(8) if not f.holds}
    assert wrong == {
        "debates in flight, fewer than all": 1,
        "debates lost": 1,
        "debates counted twice": 1,
        "calls counted, other than made": 7,
        "debates that differ from those without faults": 1,
        "garbage kept as a speech": 7 * 6,
    }
