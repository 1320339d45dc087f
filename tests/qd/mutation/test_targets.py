"""Cells to aim at: empty and weak ones, not too far away."""

from __future__ import annotations

from collections import Counter

from debateqd.qd.archive.axes import Bins, Labels, default_axis
from debateqd.qd.archive.base import Entry
from debateqd.qd.archive.registry import make_archive
from debateqd.qd.mutation.targets import Targets

SHARE = "verified_quote_share"


def entry(name: str, family: str, share: float | None, fitness: float = 1000.0) -> Entry:
    return Entry(name, fitness, {"family": family, SHARE: share})


def grid(*entries: Entry):
    archive = make_archive("grid", axes=[default_axis("family"), default_axis(SHARE)])
    archive.place_all(entries)
    return archive


def drawn(targets: Targets, parent: Entry, n: int = 400):
    return [targets.choose(parent, seed) for seed in range(n)]


def test_a_target_is_another_cell_and_its_aims_lead_there():
    parent = entry("a", "refutation", 0.2)
    archive = grid(parent)
    targets = Targets(archive)
    for target in drawn(targets, parent, 100):
        assert target.cell != archive.locate("a")
        wanted = {"family": "refutation", SHARE: 0.2}
        for aim in target.aims:
            if aim.axis == "family":
                wanted["family"] = aim.family
            else:
                wanted[aim.axis] = (aim.low + aim.high) / 2
                assert aim.current == 0.2
        assert archive.cell_of(wanted).cell == target.cell
        assert target.family("refutation") == wanted["family"]


def test_near_cells_are_aimed_at_more_often_than_far_ones():
    parent = entry("a", "refutation", 0.01)
    cells = Counter(t.cell for t in drawn(Targets(grid(parent)), parent))
    row = grid(parent).locate("a")[0]
    assert cells[row, 1] > cells[row, 2] > cells[row, 4] > 0
    moved = sum(n for cell, n in cells.items() if cell[0] != row)
    assert 0 < moved < 400


def test_empty_cells_come_before_weak_ones_and_weak_ones_before_strong_ones():
    parent = entry("a", "refutation", 0.2, 1000)
    weak, strong = entry("b", "refutation", 0.1, 900), entry("c", "refutation", 0.4, 1200)
    cells = Counter(t.cell for t in drawn(Targets(grid(parent, weak, strong)), parent))
    row = grid(parent).locate("a")[0]
    assert cells[row, 1] > 0
    assert cells[row, 3] == 0  # nobody is better than the best
    assert cells[row, 4] > 0
    # As far away, but empty.
    assert cells[row, 0] + cells[row, 4] > cells[row, 1]


def test_the_draw_is_determined_by_its_seed():
    parent = entry("a", "refutation", 0.2)
    targets = Targets(grid(parent))
    assert drawn(targets, parent, 20) == drawn(Targets(grid(parent)), parent, 20)


def test_without_a_measured_behaviour_there_is_no_target():
    parent = entry("a", "refutation", 0.2)
    assert Targets(grid(parent)).choose(entry("b", "refutation", None), 1) is None


def test_a_family_archive_aims_at_other_families():
    archive = make_archive("slots")
    parent = Entry("a", 1000.0, {"family": "authority"})
    archive.place_all([parent])
    target = Targets(archive).choose(parent, 3)
    (aim,) = target.aims
    assert aim.family == target.family("authority") != "authority"


def test_what_words_cannot_ask_for_is_left_alone():
    axes = [Labels("cluster", ("one", "two")), Bins("length", (0.0, 50.0, 100.0))]
    archive = make_archive("grid", axes=axes)
    parent = Entry("a", 1000.0, {"cluster": "one", "length": 20.0})
    archive.place_all([parent])
    assert {t.cell for t in drawn(Targets(archive), parent, 30)} == {(0, 1)}
    only = make_archive("grid", axes=axes[:1])
    only.place_all([parent])
    assert Targets(only).choose(parent, 1) is None


def test_a_population_without_cells_has_no_target():
    archive = make_archive("population", slots=3)
    parent = Entry("a", 1000.0, {"family": "authority"})
    archive.place_all([parent])
    assert Targets(archive).choose(parent, 1) is None
