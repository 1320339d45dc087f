from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debate_env.errors import InputError
from debateqd.qd.archive.base import Entry, Spot
from debateqd.qd.archive.registry import archive_from_dict, make_archive
from debateqd.qd.archive.slots import PopulationArchive
from debateqd.qd.seeds import seed_strategies


def names(archive):
    return [e.strategy_id for e in archive.elites()]


@given(st.lists(st.integers(0, 8), max_size=40), st.integers(1, 6))
def test_the_best_of_all_live_on_and_of_equals_the_older(values, size):
    archive = PopulationArchive(size)
    for number, value in enumerate(values):
        archive.place(Entry(f"s{number:03d}", float(value)))
    ranked = sorted(range(len(values)), key=lambda n: (-values[n], n))
    # Of equals at the border, whoever came first stays.
    assert {archive.get(s).fitness for s in names(archive)} == {
        float(values[n]) for n in ranked[:size]
    }
    assert sorted(archive.get(s).fitness for s in names(archive)) == sorted(
        float(values[n]) for n in ranked[:size]
    )
    again = archive_from_dict(json.loads(json.dumps(archive.to_dict())))
    assert isinstance(again, PopulationArchive)
    assert again.to_dict() == archive.to_dict()


def test_behaviour_and_family_do_not_matter():
    archive = PopulationArchive(2)
    archive.place(Entry("a", 1.0, {"family": "authority"}))
    archive.place(Entry("b", 2.0, {}))
    events = archive.place(Entry("c", 3.0, {"family": "nobody's", "length": None}))
    assert [(e.kind, e.strategy_id) for e in events] == [("replaced", "c"), ("evicted", "a")]
    assert names(archive) == ["c", "b"]
    assert archive.cell_of({}) == Spot((0,), ())
    assert archive.describe((0, 1)) == "place 2"
    assert archive.describe((0,)) == "population"


def test_ratings_are_renewed_and_the_weakest_gives_way():
    archive = PopulationArchive(2)
    archive.place_all([Entry("a", 1.0), Entry("b", 2.0)])
    archive.update([Entry("a", 5.0), Entry("b", 0.0)])
    archive.place(Entry("c", 1.0))
    assert names(archive) == ["a", "c"]


def test_its_size_is_that_of_the_seeds_by_default():
    archive = make_archive("population")
    assert isinstance(archive, PopulationArchive)
    assert archive.size == len(seed_strategies()) == 35
    archive.place_all([Entry(s.strategy_id, 0.0) for s in seed_strategies()])
    assert archive.coverage() == 1.0
    assert archive.qd_score(-1.0) == 35.0
    assert [len(row) for row in archive.heat_map().values] == [35]


def test_a_population_holds_somebody():
    with pytest.raises(InputError, match="population of 0"):
        PopulationArchive(0)
