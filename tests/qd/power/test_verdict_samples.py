from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from debate_env.errors import InputError
from debateqd.qd.power.verdicts import read_verdicts
from debateqd.qd.store.storage import json_text
from tests.qd.making import match
from tests.qd.tables.test_matches import ARENA, written


def test_a_match_log_measures_the_same_player_in_both_seats(tmp_path: Path) -> None:
    log = [
        match("a", "b", 0.9, label=0, question="q1"),
        match("a", "b", None, kind="unusable", question="q1"),
        match("champion", "seed", 0.9, question="q2", phase="report"),
        match("seed", "champion", 0.2, question="q2", phase="report"),
        match("seed", "champion", 0.8, question="q3", phase="report"),
        match("a", "a", 0.8, question="q2", phase="report"),
    ]
    path = tmp_path / "matches.jsonl"
    path.write_text("".join(json_text(m.to_json(), indent=None) for m in log))
    for where in (path, tmp_path):
        _, found = read_verdicts(where)
        assert found["train"].values == [1.0]
        assert found["wins"].values == [1.0, 1.0, 1.0]
        assert found["wins"].questions == ["q2", "q2", "q3"]
        assert found["wins"].passages == ["p-q2", "p-q2", "p-q3"]
        assert not found["test"].values


@pytest.mark.parametrize(
    ("change", "what"),
    [(None, "no JSON object"), ({"quotes": [1]}, "not a match"), ({"v": 9}, "version 9")],
)
@pytest.mark.parametrize("name", ["matches.jsonl", "evaluation/test.jsonl"])
def test_a_damaged_line_is_named(
    name: str, change: Mapping[str, Any] | None, what: str, tmp_path: Path
) -> None:
    (tmp_path / "evaluation").mkdir()
    good = match("a", "b", 0.9, phase="panel", subject="a").to_json()
    bad = [good] if change is None else {**good, **change}
    for file in (name, *(["evaluation/train.jsonl"] if "/" in name else [])):
        lines = (good, bad) if file == name else (good,)
        (tmp_path / file).write_text("".join(json_text(x, indent=None) for x in lines))
    with pytest.raises(InputError, match=f"{name}, line 2: .*{what}"):
        read_verdicts(tmp_path)


def test_a_table_of_wins_is_seen_from_one_player(tmp_path: Path) -> None:
    rows = [
        {"model_a": "x", "model_b": "y", "winner": "x", "story": "s1"},
        {"model_a": "y", "model_b": "x", "winner": "x", "story": "s1"},
    ]
    _, found = read_verdicts(written(tmp_path / "t.csv", rows))
    assert found["wins"].values == [1.0, 1.0]
    assert len(set(found["wins"].questions)) == 2  # no column names them
    assert found["wins"].passages == ["s1", "s1"]
    assert not found["train"].values


def test_a_table_with_neither_is_an_error(tmp_path: Path) -> None:
    rows = [{key: row[key] for key in ("model_a", "model_b")} for row in ARENA]
    with pytest.raises(InputError, match="no column of a known name says who won"):
        read_verdicts(written(tmp_path / "t.csv", rows))
    with pytest.raises(InputError, match="holds neither evaluation/ nor matches"):
        read_verdicts(tmp_path)


def test_the_nyu_table(data_dir: Path) -> None:
    _, found = read_verdicts(data_dir / "nyu_matches.csv")
    assert len(found["train"].values) == 505
    assert len(set(found["train"].passages)) > 90
    assert 0.78 < sum(found["train"].values) / 505 < 0.83
