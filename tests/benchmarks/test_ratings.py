from __future__ import annotations

import importlib
import json
from types import ModuleType

import pytest

from tests.repository import ROOT


@pytest.fixture
def ratings(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("ratings")


def test_what_games_show_of_strengths_is_what_the_benchmark_expects(ratings: ModuleType):
    suited = next(kind for kind in ratings.KINDS if kind.shrunk != 1)
    assert 0.92 < suited.shrunk < 0.95


def test_coverage_and_its_bounds(ratings: ModuleType):
    found = ratings.coverage(ratings.KINDS[1], (30, 20, 300), 12)
    assert 0.85 < found.strengths <= 1
    assert 0 < found.strengths_error < 0.05
    assert found.row().startswith("| credences, beta | 30 | 20 | 300 | 9")
    assert found.holds == (ratings.LEAST <= found.strengths <= ratings.MOST)


def test_times_and_memory(ratings: ModuleType):
    cold, warm = ratings.refit_times(2)
    assert 0 < warm < cold
    found = json.loads(ratings.json_of(200, 2000, True))
    assert set(found) == {"seconds", "processor", "memory"}
    assert found["seconds"] > 0
