from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest

from tests.repository import ROOT


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


def test_passages_are_what_prompts_have_in_common(load: Callable[[str], ModuleType]):
    module = load("engines_vllm")
    first, second = tuple(range(2000)), tuple(range(5000, 6500))
    prompts = [(*first, 1, 2), (*second, 3), (*first, 7), (9, 9), (*second, 4)]
    found = module.with_passages(prompts, [0, 32, 1984, 0, 1472])
    by_length = sorted((c.tokens, c.cached, c.head_computed) for c in found)
    assert by_length == [
        (2, 0, 2),
        (1501, 32, 1468),
        (1501, 1472, 28),
        (2001, 1984, 16),
        (2002, 0, 2000),
    ]
    times = load("engines_equal").passage_times(found)
    assert times == max((2000 + 16) / 2000, (1468 + 28) / 1500)


def test_the_engine_is_watched_and_not_changed(load: Callable[[str], ModuleType]):
    sent = []
    engine = SimpleNamespace(
        facts="facts",
        send=lambda key, ask, rank: sent.append((key, rank)),
        step=lambda: [SimpleNamespace(key=1, cached=32)],
    )
    watched = load("engines_vllm").WatchedRunner(engine)
    watched.send(1, SimpleNamespace(ids=[4, 5]), 3)
    assert [one.key for one in watched.step()] == [1]
    assert (sent, watched.prompts, watched.cached) == ([(1, 3)], {1: (4, 5)}, {1: 32})
    assert watched.facts == "facts"


@pytest.mark.vllm
def test_vllm_computes_little_more_than_it_must(load: Callable[[str], ModuleType]):
    pytest.importorskip("vllm")
    figures = load("engines_vllm").vllm_prefill(8)
    assert {f.what for f in figures if not f.holds} == set()
    by_name = {f.what: f.value for f in figures}
    assert by_name["vLLM: token-trie bound"] <= by_name["vLLM: computed prompt tokens"]
    assert by_name["vLLM: a passage computed, worst"] >= 1
