from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace

import pytest

from debateqd.agents.rollout import play_all
from tests.repository import ROOT
from tests.servers import Faults, Settings


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


def test_debates_are_foreseen_wave_by_wave(load: Callable[[str], ModuleType]):
    server, workload = load("engines_server"), load("engines_workload")
    questions = workload.make_questions(1, 2, words=80)
    model = server.Foreseen()
    found = server.foresee(workload.equal_work(questions, model), model)
    assert [[len(wave) for wave in waves] for _, waves in found] == [[2, 2, 2, 2]] * 4
    assert len({key for _, waves in found for wave in waves for key in wave}) == 32
    again = play_all(workload.equal_work(questions, server.Foreseen()))
    spoken = [speeches for speeches, _ in found]
    assert server.wrong_speeches(again, spoken) == 0
    assert server.wrong_speeches(again, spoken[1:] + spoken[:1]) == 24
    assert server.wrong_speeches(again, [speeches[:4] for speeches in spoken]) == 8


def test_debates_in_flight_are_counted(load: Callable[[str], ModuleType]):
    counted = load("engines_load").InFlight()
    jobs: Iterator[int] = counted.begin([1, 2, 3])
    next(jobs), next(jobs)
    counted.end(SimpleNamespace())
    next(jobs)
    assert counted.most == 2


def test_only_speeches_of_the_server_are_speeches(load: Callable[[str], ModuleType]):
    module, server = load("engines_load"), load("engines_server")
    workload = load("engines_workload")
    questions = workload.make_questions(1, 2, words=80)
    records = play_all(workload.equal_work(questions, server.Foreseen()))
    assert module.no_speeches(records) == 0
    spoilt = [s._replace(text=s.text.replace("I hold", "no\x00ise")) for s in records[0].speeches]
    assert module.no_speeches([records[0]._replace(speeches=tuple(spoilt)), records[1]]) == 6


def test_the_same_garbage_twice_is_foreseen(load: Callable[[str], ModuleType]):
    drawn_anew = load("engines_load").drawn_anew
    keys = [bytes([n]) for n in range(200)]
    assert not drawn_anew([keys, keys], Faults())
    assert not drawn_anew([[], keys], Faults(garbage=0.5))  # verdicts are the same in any case
    share = sum(drawn_anew([[key], []], Faults(garbage=0.5)) for key in keys) / len(keys)
    assert 0.15 < share < 0.35  # a quarter


def test_faults_lose_nothing(load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch):
    module = load("engines_load")
    monkeypatch.setattr(module, "TIMEOUT", 1.0)
    monkeypatch.setattr(module, "SECONDS", 0.02)
    figures = module.load(60)
    assert {f.what for f in figures if not f.holds} == set()
    assert figures[0].value == 0


def test_reply_times_depend_on_the_request_alone(load: Callable[[str], ModuleType]):
    settings = Settings(seconds=0.1, slow_share=0.05, slow_factor=10)
    taken = [settings.seconds_for(bytes([a, b])) for a in range(40) for b in range(50)]
    assert set(taken) == {0.1, 1.0}
    assert 0.03 < taken.count(1.0) / len(taken) < 0.07
