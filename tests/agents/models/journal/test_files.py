"""What runs have spent is kept beside a finished journal."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debateqd.agents.models.journal.files import read_spending, spending_path, write_spending

NAMES = st.text(st.characters(exclude_categories=()), min_size=1, max_size=6)
SPENDING = st.dictionaries(
    st.tuples(NAMES, NAMES | st.just(""), NAMES), st.integers(1, 2**62) | st.floats(0, 1e9)
).map(lambda found: [(*key, amount) for key, amount in found.items()])


@given(SPENDING)
@settings(  # each waits for the disk
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
def test_spending_is_read_as_it_was_written(tmp_path_factory, spending):
    path = tmp_path_factory.mktemp("spending") / "j.sqlite"
    write_spending(path, [("other", "m", "requests", 1)])
    write_spending(path, spending)
    write_spending(path.with_name("another.sqlite"), [("r", "", "seconds", 1.0)])
    assert sorted(read_spending(path)) == sorted(spending)
    assert [file.name for file in path.parent.iterdir()] == ["telemetry.jsonl"]


def test_no_file_means_nothing_spent(tmp_path):
    assert not read_spending(tmp_path / "j.sqlite")


def line(**fields):
    return json.dumps({"event": "journal_spending", "journal": "j.sqlite", **fields})


@pytest.mark.parametrize(
    "torn", ["", "[]", "\x00", '{"event": "generation"}', line(), line(spent={"r": 1})[:-5]]
)
def test_other_and_torn_lines_of_telemetry_are_passed_over(tmp_path, torn):
    path = tmp_path / "j.sqlite"
    spending = [("r", "m", "requests", 2)]
    spending_path(path).write_text(torn)
    assert not read_spending(path)
    write_spending(path, spending)
    assert read_spending(path) == spending
    with spending_path(path).open("a") as file:
        file.write(torn)
    assert read_spending(path) == spending
