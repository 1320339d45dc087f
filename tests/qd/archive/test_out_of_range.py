from debateqd.qd.archive.axes import Bins, Labels
from debateqd.qd.archive.base import Entry, outside_counts, outside_warnings
from debateqd.qd.archive.grid import Archive

AXES = (Bins("length", (0.0, 40.0, 300.0)), Labels("kind", ("a",), "far", beyond=True))


def entry(name, length, kind="a", fitness=0.0):
    return Entry(name, fitness, {"length": length, "kind": kind})


def test_every_strategy_counts_once_whatever_happens_to_it():
    archive = Archive(AXES)
    events = [
        *archive.place(entry("s1", 500.0)),
        *archive.place(entry("s2", 20.0)),
        *archive.place(entry("s3", -1.0, fitness=1.0)),  # takes the cell of s2
        *archive.place(entry("s4", 20.0, "far")),
    ]
    assert outside_counts(events) == {"kind": 1, "length": 2}
    assert outside_counts([]) == {}
    moved = archive.update([entry("s3", 400.0, fitness=1.0)])
    assert [e.kind for e in moved] == ["moved", "replaced", "evicted"]
    assert outside_counts(moved) == {"length": 1}
    assert archive.out_of_range == {"kind": 1, "length": 3}


def test_a_line_for_every_axis_that_was_too_narrow():
    assert outside_warnings({}, AXES) == []
    first, second = outside_warnings({"kind": 1, "length": 7, "gone": 2}, AXES)
    assert first == (
        "out of range: length lay 7 times beyond 0 to 300, and was put into the nearest bin; wider "
        "edges (evolution.archive.axes.0.edges) would tell such strategies apart"
    )
    assert second.startswith("out of range: kind was once beyond all its labels (far)")
    assert "\n" not in first + second
