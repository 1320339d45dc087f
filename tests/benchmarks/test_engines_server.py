from __future__ import annotations

import importlib
import random
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


@pytest.fixture
def waiting(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("engines_waiting")


def chains(seed: int, number: int) -> list[list[list[float]]]:
    draw = random.Random(seed)
    return [
        [[draw.choice((1.0, 1.0, 10.0)) for _ in range(2)] for _ in range(draw.randint(1, 4))]
        for _ in range(number)
    ]


def test_one_slot_does_everything_in_turn(waiting: ModuleType):
    debates = chains(0, 9)
    total = sum(s for chain in debates for wave in chain for s in wave)
    assert waiting.list_schedule(debates, 1) == pytest.approx(total)


def test_many_slots_leave_the_longest_debate(waiting: ModuleType):
    debates = chains(1, 9)
    longest = max(sum(max(wave) for wave in chain) for chain in debates)
    assert waiting.list_schedule(debates, 1000) == pytest.approx(longest)


@pytest.mark.parametrize("oldest_first", [True, False])
def test_a_list_scheduler_is_within_grahams_bound(waiting: ModuleType, oldest_first: bool):
    for seed in range(10):
        debates = chains(seed, 20)
        work = sum(s for chain in debates for wave in chain for s in wave)
        longest = max(sum(max(wave) for wave in chain) for chain in debates)
        took = waiting.list_schedule(debates, 4, oldest_first=oldest_first)
        assert waiting.least_time(debates, 4) <= took + 1e-9
        assert took <= work / 4 + (1 - 1 / 4) * longest + 1e-9


def test_waves_wait_for_all_of_the_one_before(waiting: ModuleType):
    assert waiting.list_schedule([[[1.0, 3.0], [1.0]]], 2) == 4.0
    assert waiting.list_schedule([[[1.0, 3.0], [1.0]], [[1.0]]], 2) == 4.0
    # The first debate's second wave is ready last, but it is the first debate.
    two = [[[1.0], [2.0]], [[1.0]], [[2.0]]]
    assert waiting.list_schedule(two, 1, oldest_first=False) == 6.0


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


def test_waiting_is_measured_on_a_real_server(waiting: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(waiting, "SECONDS", 0.04)
    figures = {f.what: f for f in waiting.waiting(64)}
    assert figures["speeches that differ from what was said"].value == 0
    assert figures["no scheduler can beat"].value <= figures["ideal list scheduler"].value


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
