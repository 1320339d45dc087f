from __future__ import annotations

import importlib.util
import math
import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debate_env.errors import InputError
from debateqd.qd.archive.axes import Bins, Labels, default_axes
from debateqd.qd.archive.base import ArchiveEvent, Entry
from debateqd.qd.archive.grid import Archive
from debateqd.qd.archive.slots import SlotArchive
from debateqd.qd.links.ribs import (
    bin_coordinate,
    categories,
    ribs_row,
    ribs_rows,
    to_ribs,
)
from debateqd.qd.strategy import Strategy

FAMILY = Labels("family", ("a", "b", "c"))
SHARE = Bins("share", (0.0, 0.05, 0.15, 0.3, 0.5, 1.0))
LENGTH = Bins("length", (0.0, 40.0, 80.0, 300.0))
GRIDS = {"numeric": (SHARE, LENGTH), "labels": (FAMILY,), "mixed": (FAMILY, SHARE, LENGTH)}

needs_ribs = [
    pytest.mark.bridge,
    pytest.mark.skipif(importlib.util.find_spec("ribs") is None, reason="needs debateqd[ribs]"),
]


def offers(seed: int, count: int, *, beyond: bool = True) -> list[Entry]:
    """Random strategies with many ties, values on edges and, if asked, values beyond them."""
    draw = random.Random(seed)
    low, high = (-0.2, 1.3) if beyond else (0.0, 1.0)
    found = []
    for number in range(count):
        share = draw.choice([draw.uniform(low, high), draw.choice(SHARE.edges)])
        length = draw.choice([draw.uniform(300 * low, 300 * high), draw.choice(LENGTH.edges)])
        behaviour = {"family": draw.choice("abc"), "share": share, "length": length}
        found.append(Entry(f"s{number:04d}", float(draw.randint(-20, 20)), behaviour))
    return found


def status(events: tuple[ArchiveEvent, ...]) -> int:
    """An archive's answer in pyribs' terms: 0 rejected, 1 improved, 2 new."""
    return {"rejected": 0, "replaced": 1, "inserted": 2}[events[0].kind]


class Reference:
    """The insertion rule of pyribs without thresholds, as its documentation states it.

    A solution whose cell is empty is new; one that is strictly better than the elite of its cell
    improves it; any other is not added.
    """

    def __init__(self) -> None:
        self.elites: dict[tuple[float | str, ...], tuple[str, float]] = {}

    def add(self, cell: tuple[float | str, ...], name: str, objective: float) -> int:
        if cell not in self.elites:
            self.elites[cell] = (name, objective)
            return 2
        if objective > self.elites[cell][1]:
            self.elites[cell] = (name, objective)
            return 1
        return 0


@pytest.mark.parametrize("kind", GRIDS)
@pytest.mark.parametrize("seed", range(5))
def test_insertion_by_insertion_our_archive_follows_the_rule_of_pyribs(kind, seed):
    archive, reference = Archive(GRIDS[kind]), Reference()
    for entry in offers(seed, 400):
        row = ribs_row(archive, entry)
        cell = tuple(math.floor(m) if isinstance(m, float) else m for m in row.measures)
        assert status(archive.place(entry)) == reference.add(
            cell, *(entry.strategy_id, row.objective)
        )
        mine = {(e.strategy_id, e.fitness) for e in archive.elites()}
        assert mine == set(reference.elites.values())


@given(st.floats(-1, 2), st.integers(0, 4))
def test_a_bin_coordinate_stays_in_its_bin_and_rises_with_the_value(value, row):
    coordinate = bin_coordinate(SHARE, row, value)
    assert row <= coordinate < row + 1
    assert coordinate <= bin_coordinate(SHARE, row, value + 0.01)


def test_a_bin_coordinate_is_linear_within_a_bin():
    assert bin_coordinate(SHARE, 2, 0.15) == 2.0
    assert bin_coordinate(SHARE, 2, 0.225) == pytest.approx(2.5)
    assert bin_coordinate(SHARE, 4, 1.0) == pytest.approx(5.0, abs=1e-4)


def test_rows_name_cells_and_keep_measured_values():
    archive = Archive(GRIDS["mixed"])
    archive.place(Entry("s1", 2.0, {"family": "b", "share": 0.2, "length": 500.0}))
    archive.place(Entry("s2", 3.0, {"family": "unclassified", "share": 0.2, "length": 5.0}))
    (row,) = ribs_rows(archive)  # what nobody could classify counts nowhere
    assert row.measures == ("b", "0.15-0.3", "80-300")
    assert row.values == {"measured_share": 0.2, "measured_length": 500.0}
    assert (row.strategy_id, row.objective, row.cell) == ("s1", 2.0, (1, 2, 2))


def test_slots_are_a_dimension():
    archive = SlotArchive(2, FAMILY)
    for number in range(5):
        archive.place(Entry(f"s{number}", float(number), {"family": "b"}))
    assert categories(archive) == [["a", "b", "c"], ["slot 1", "slot 2"]]
    assert sorted(row.measures for row in ribs_rows(archive)) == [("b", "slot 1"), ("b", "slot 2")]


def test_bins_that_print_alike_keep_names_apart():
    archive = Archive((FAMILY, Bins("x", (1.0, 1.0000001, 1.0000002))))
    assert len(set(categories(archive)[1])) == 2


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Entry("x", math.nan, {"share": 0.1, "length": 1.0}), "fitness nan"),
        (Entry("x", 1.0, {"share": math.inf, "length": 1.0}), "share: inf"),
        (Entry("x", 1.0, {"length": 1.0}), "share: unmeasured"),
    ],
)
def test_a_bad_row_is_named_before_pyribs_sees_any(entry, reason):
    with pytest.raises(InputError, match=f"strategy x: {reason}"):
        ribs_row(Archive(GRIDS["numeric"]), entry)


def test_without_pyribs_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ribs", None)
    monkeypatch.setitem(sys.modules, "ribs.archives", None)
    with pytest.raises(InputError, match=r"pip install 'debateqd\[ribs\]'"):
        to_ribs(Archive(GRIDS["labels"]))


class TestWithPyribs:
    pytestmark = needs_ribs

    @pytest.mark.parametrize("kind", GRIDS)
    @pytest.mark.parametrize("seed", range(3))
    def test_insertion_by_insertion_both_archives_are_equal(self, kind, seed):
        archive = Archive(GRIDS[kind])
        target = to_ribs(archive, qd_offset=-20.0)
        for entry in offers(seed, 300):
            row = ribs_row(archive, entry)
            told = target.add_single(
                row.strategy_id, row.objective, list(row.measures), text="", **row.values
            )
            assert status(archive.place(entry)) == int(told["status"])
            assert len(target) == len(archive)
        held = target.data(["solution", "objective"], return_type="tuple")
        assert set(zip(*(map(list, held)), strict=True)) == {
            (e.strategy_id, e.fitness) for e in archive.elites()
        }
        assert float(target.stats.coverage) == pytest.approx(archive.coverage())
        assert float(target.stats.qd_score) == pytest.approx(archive.qd_score(-20.0))

    @pytest.mark.parametrize("kind", GRIDS)
    def test_a_copy_holds_the_elites_in_the_same_cells_with_their_texts(self, kind):
        archive = Archive(GRIDS[kind])
        archive.place_all(offers(9, 200))
        strategies = {
            e.strategy_id: Strategy(e.strategy_id, "a", f"text of {e.strategy_id}")
            for e in archive.elites()
        }
        copy = to_ribs(archive, strategies=strategies)
        for row in ribs_rows(archive):
            found, held = copy.retrieve_single(list(row.measures))
            assert found
            assert held["solution"] == row.strategy_id
            assert held["text"] == f"text of {row.strategy_id}"
            cell = copy.int_to_grid_index([copy.index_of_single(list(row.measures))])[0]
            assert tuple(cell) == row.cell
            for name, value in row.values.items():
                assert held[name] == value

    def test_the_default_archive_and_slots(self):
        names = default_axes()[0].labels
        archive, slots = Archive(), SlotArchive(3)
        for number in range(60):
            behaviour = {"family": names[number % 7], "verified_quote_share": number / 60}
            for target in (archive, slots):
                target.place(Entry(f"s{number}", float(number % 11), behaviour))
        for target in (archive, slots):
            copy = to_ribs(target, qd_offset=-5.0)
            assert float(copy.stats.coverage) == pytest.approx(target.coverage())
            assert float(copy.stats.qd_score) == pytest.approx(target.qd_score(-5.0))
            assert float(copy.stats.obj_max) == max(e.fitness for e in target.elites())

    def test_an_empty_archive(self):
        assert len(to_ribs(Archive())) == 0

    def test_its_heat_map_can_be_drawn(self, tmp_path):
        figures = pytest.importorskip("matplotlib.figure")
        from ribs.visualize import grid_archive_heatmap

        archive = Archive(GRIDS["numeric"])
        archive.place_all(offers(4, 100))
        axes = figures.Figure().subplots()
        grid_archive_heatmap(to_ribs(archive), ax=axes)
        axes.figure.savefig(tmp_path / "map.png")
        assert (tmp_path / "map.png").stat().st_size > 1000
