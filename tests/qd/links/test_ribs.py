from __future__ import annotations

import importlib.util
import random
import sys

import pytest

from debate_env.errors import InputError
from debateqd.qd.archive.axes import Bins, Labels, default_axes
from debateqd.qd.archive.base import ArchiveEvent, Entry
from debateqd.qd.archive.grid import Archive
from debateqd.qd.archive.slots import PopulationArchive, SlotArchive
from debateqd.qd.links.ribs import to_ribs
from debateqd.qd.strategy import Strategy

FAMILY = Labels("family", ("a", "b", "c"))
SHARE = Bins("share", (0.0, 0.05, 0.15, 0.3, 0.5, 1.0))
LENGTH = Bins("length", (0.0, 40.0, 80.0, 300.0))
GRIDS = {"numeric": (SHARE, LENGTH), "labels": (FAMILY,), "mixed": (FAMILY, SHARE, LENGTH)}

needs_ribs = [
    pytest.mark.bridge,
    pytest.mark.skipif(importlib.util.find_spec("ribs") is None, reason="needs debateqd[ribs]"),
]


def offers(seed: int, count: int) -> list[Entry]:
    """Random strategies with many ties, and values on and beyond edges."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        share = draw.choice([draw.uniform(-0.2, 1.3), draw.choice(SHARE.edges)])
        length = draw.choice([draw.uniform(-60, 390), draw.choice(LENGTH.edges)])
        behaviour = {"family": draw.choice("abc"), "share": share, "length": length}
        found.append(Entry(f"s{number:04d}", float(draw.randint(-20, 20)), behaviour))
    return found


def status(events: tuple[ArchiveEvent, ...]) -> int:
    """An archive's answer in pyribs' terms: 0 rejected, 1 improved, 2 new."""
    return {"rejected": 0, "replaced": 1, "inserted": 2}[events[0].kind]


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
        measured = {f"measured_{axis.name}": "" for axis in archive.axes if axis is FAMILY}
        measured |= {f"measured_{axis.name}": 0.0 for axis in archive.axes if axis is not FAMILY}
        for entry in offers(seed, 300):
            place = [row + 0.5 for row in archive.cell_of(entry.behaviour).cell]
            told = target.add_single(entry.strategy_id, entry.fitness, place, text="", **measured)
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
        assert len(copy) == len(archive)
        for entry in archive.elites():
            cell = archive.locate(entry.strategy_id)
            found, held = copy.retrieve_single([row + 0.5 for row in cell])
            assert found
            assert held["solution"] == entry.strategy_id
            assert held["text"] == f"text of {entry.strategy_id}"
            assert tuple(copy.int_to_grid_index([held["index"]])[0]) == cell
            for axis in archive.axes:
                assert held[f"measured_{axis.name}"] == entry.behaviour[axis.name]

    def test_what_nobody_could_classify_is_left_out(self):
        archive = Archive(GRIDS["mixed"])
        archive.place(Entry("s1", 2.0, {"family": "b", "share": 0.2, "length": 500.0}))
        archive.place(Entry("s2", 3.0, {"family": "unclassified", "share": 0.2, "length": 5.0}))
        assert list(to_ribs(archive).data("solution")) == ["s1"]

    def test_the_default_archive_slots_and_a_population(self):
        names = default_axes()[0].labels
        archives = Archive(), SlotArchive(3), PopulationArchive(9)
        for number in range(60):
            behaviour = {"family": names[number % 7], "verified_quote_share": number / 60}
            for target in archives:
                target.place(Entry(f"s{number}", float(number % 11), behaviour))
        for target in archives:
            copy = to_ribs(target, qd_offset=-5.0)
            assert float(copy.stats.coverage) == pytest.approx(target.coverage())
            assert float(copy.stats.qd_score) == pytest.approx(target.qd_score(-5.0))
            assert float(copy.stats.obj_max) == max(e.fitness for e in target.elites())

    def test_an_empty_archive(self):
        assert len(to_ribs(Archive())) == 0

    def test_its_heat_map_and_data_frame_can_be_made(self, tmp_path):
        figures = pytest.importorskip("matplotlib.figure")
        from ribs.visualize import grid_archive_heatmap

        archive = Archive((FAMILY, SHARE))
        archive.place_all(offers(4, 100))
        copy, axes = to_ribs(archive), figures.Figure().subplots()
        grid_archive_heatmap(copy, ax=axes)
        axes.figure.savefig(tmp_path / "map.png")
        assert (tmp_path / "map.png").stat().st_size > 1000
        assert set(copy.data(return_type="pandas")["measured_family"]) == {"a", "b", "c"}
