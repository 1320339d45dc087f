from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.repository import ROOT
from tests.servers import Seen


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("kills")


@pytest.mark.long
@pytest.mark.parametrize("model", ["embedded", "server"])
def test_ten_kills_change_nothing(kills: ModuleType, model: str):
    reference, findings = kills.kill_runs(model, 10, seed=1)
    assert findings.errors == []
    assert findings.kills >= 10
    assert findings.runs >= 1
    assert findings.different == []
    assert {"summary.json", "journal.sqlite", "matches.jsonl"} <= reference.files.keys()
    figures = kills.figures(model, reference, findings)
    assert {f.what for f in figures if not f.holds} == set()
    if model == "server":
        assert reference.calls > 100
        assert max(findings.again) <= kills.IN_FLIGHT, "only what was in flight is paid for again"


def seen(key: bytes, at: float) -> Seen:
    return Seen(key, at, "ok", 0.0, {})


def test_a_call_sent_again_is_explained_by_the_kill_in_between(kills: ModuleType):
    log = [seen(b"a", 1), seen(b"b", 2), seen(b"a", 4), seen(b"b", 7), seen(b"c", 8)]
    assert kills.paid_twice(log, [3.0, 6.0]) == ([2, 0], 0)
    assert kills.paid_twice(log, [1.5, 6.0]) == ([1, 1], 0)
    assert kills.paid_twice(log, [5.0]) == ([1], 1)
    assert kills.paid_twice(log, []) == ([], 2)
    # A call lost twice was paid for three times.
    thrice = [seen(b"a", 1), seen(b"a", 3), seen(b"a", 5)]
    assert kills.paid_twice(random.Random(0).sample(thrice, 3), [2.0, 4.0]) == ([1, 1], 0)


def test_files_that_differ_or_are_missing_are_named(kills: ModuleType, tmp_path: Path):
    for name in ("run/a", "run/generations/b", "run/events.log", "run/telemetry.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    found = kills.files_of(tmp_path / "run")
    assert found == {"a": b"run/a", "generations/b": b"run/generations/b"}
    assert kills.differences(found, {"a": b"", "c": b""}) == ["a", "c", "generations/b"]
    assert kills.differences(found, dict(found)) == []


@pytest.mark.parametrize(
    ("write", "torn"),
    [
        (lambda run: (run / ".summary.json.tmp").touch(), True),
        (lambda run: (run / "matches.jsonl").write_text("{}\n{"), True),
        (lambda run: (run / "matches.jsonl").write_text("{}\n"), False),
        (lambda run: (run / "matches.jsonl").touch(), False),
        (lambda run: None, False),
    ],
)
def test_a_torn_write_is_recognised(
    kills: ModuleType, tmp_path: Path, write: Callable[[Path], object], torn: bool
):
    write(tmp_path)
    assert kills.is_torn(tmp_path) is torn
