import copy
import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debate_env.errors import InputError
from debateqd.qd.archive.axes import Bins, Labels, Unplaceable
from debateqd.qd.archive.base import ArchiveEvent, Entry, Spot, better
from debateqd.qd.archive.grid import Archive
from debateqd.qd.archive.registry import ARCHIVES, archive_from_dict, make_archive
from debateqd.qd.archive.slots import SlotArchive
from debateqd.qd.seeds import FAMILIES

AXES = (Labels("family", ("a", "b")), Bins("share", (0.0, 0.5, 1.0)))


def entry(name, fitness, family="a", share=0.2):
    return Entry(name, fitness, {"family": family, "share": share})


def undecided(challenger, incumbent):
    return "undecided"


def accept(challenger, incumbent):
    return "accept"


def kinds(events):
    return [(e.kind, e.strategy_id) for e in events]


def check(archive):
    """What must hold after any sequence of operations."""
    members = archive.members()
    names = [e.strategy_id for e in members]
    assert len(set(names)) == len(names)
    assert len(archive.elites()) == len(archive)
    for member in members:
        assert member.strategy_id in archive
        assert archive.get(member.strategy_id) == member
        cell = archive.locate(member.strategy_id)
        spot = archive.cell_of(member.behaviour)
        assert isinstance(spot, Spot)
        assert cell[: len(spot.cell)] == spot.cell
    assert 0 <= archive.coverage() <= 1
    again = archive_from_dict(json.loads(json.dumps(archive.to_dict())))
    assert again.to_dict() == archive.to_dict()
    assert type(again) is type(archive)


# --- placing ----------------------------------------------------------------------------------


def test_a_cell_keeps_the_better_and_says_what_happened():
    archive = Archive(AXES)
    assert archive.place(entry("s1", 1.0)) == (ArchiveEvent("inserted", "s1", (0, 0)),)
    assert archive.place(entry("s2", 2.0)) == (
        ArchiveEvent("replaced", "s2", (0, 0), "s1"),
        ArchiveEvent("evicted", "s1", (0, 0), "s2", reason="replaced by s2"),
    )
    assert archive.place(entry("s3", 1.5)) == (
        ArchiveEvent("rejected", "s3", (0, 0), "s2", reason="lost to s2"),
    )
    assert archive.place(entry("s4", 0.1, "b", 0.9))[0].cell == (1, 1)
    assert [e.strategy_id for e in archive.elites()] == ["s2", "s4"]
    assert "s1" not in archive
    check(archive)


def test_ties_keep_the_incumbent():
    archive = Archive(AXES)
    archive.place(entry("s1", 1.0))
    assert kinds(archive.place(entry("s2", 1.0))) == [("rejected", "s2")]
    assert better(entry("s2", 1.0), entry("s1", 1.0)) == "reject"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (entry("x", math.nan), "fitness nan"),
        (entry("x", math.inf), "fitness inf"),
        (entry("x", 1.0, "c"), "unknown label 'c'"),
        (entry("x", 1.0, share=math.nan), "not a finite number"),
        (entry("x", 1.0, share=None), "share: unmeasured"),
        (Entry("x", 1.0, {"family": "a"}), "share: unmeasured"),
    ],
)
def test_a_bad_strategy_is_refused_alone(bad, reason):
    archive = Archive(AXES)
    events = archive.place_all([entry("s1", 1.0), bad, entry("s2", 2.0, "b")])
    assert kinds(events) == [("inserted", "s1"), ("rejected", "x"), ("inserted", "s2")]
    assert reason in events[1].reason
    assert events[1].cell is None
    assert len(archive) == 2


def test_values_out_of_range_are_placed_at_the_edge_and_counted():
    archive = Archive(AXES)
    (event,) = archive.place(entry("s1", 1.0, share=1.7))
    assert (event.cell, event.outside) == ((0, 1), ("share",))
    assert archive.out_of_range == {"share": 1}
    assert archive_from_dict(archive.to_dict()).out_of_range == {"share": 1}
    archive.place(entry("s2", 1.0, share=1.0))
    assert archive.out_of_range == {"share": 1}


def test_a_member_cannot_be_placed_twice():
    archive = Archive(AXES)
    archive.place(entry("s1", 1.0))
    with pytest.raises(ValueError, match="s1 is in the archive already"):
        archive.place(entry("s1", 2.0))


# --- challengers ------------------------------------------------------------------------------


def test_undecided_strategies_challenge_where_there_is_room():
    archive = Archive(AXES, challengers=1)
    archive.place(entry("s1", 5.0))
    assert archive.place(entry("s2", 2.0), undecided) == (
        ArchiveEvent("challenging", "s2", (0, 0), "s1"),
    )
    # No room: a better newcomer takes the weakest challenger's place, an equal one does not.
    assert kinds(archive.place(entry("s3", 3.0), undecided)) == [
        ("challenging", "s3"),
        ("evicted", "s2"),
    ]
    (event,) = archive.place(entry("s4", 3.0), undecided)
    assert (event.kind, event.reason) == (
        "rejected",
        "undecided against s1, and no room for a challenger",
    )
    assert [e.strategy_id for e in archive.members()] == ["s1", "s3"]
    assert (archive.locate("s3"), len(archive)) == ((0, 0), 1)
    check(archive)


def test_without_room_for_challengers_undecided_keeps_the_incumbent():
    archive = Archive(AXES)
    archive.place(entry("s1", 1.0))
    assert kinds(archive.place(entry("s2", 9.0), undecided)) == [("rejected", "s2")]


def test_settling_promotes_keeps_and_drops_challengers():
    archive = Archive(AXES, challengers=3)
    archive.place(entry("s1", 1.0))
    for number, fitness in ((2, 0.5), (3, 4.0), (4, 1.0)):
        archive.place(entry(f"s{number}", fitness), undecided)

    def rule(challenger, incumbent):
        if challenger.fitness == incumbent.fitness:
            return "undecided"
        return better(challenger, incumbent)

    events = archive.settle(rule)
    assert kinds(events) == [
        ("evicted", "s2"),
        ("replaced", "s3"),
        ("evicted", "s1"),
        ("evicted", "s4"),  # faced the new elite
    ]
    assert [e.strategy_id for e in archive.members()] == ["s3"]
    assert archive.settle(rule) == ()
    check(archive)


def test_an_evicted_elite_is_followed_by_its_best_challenger():
    archive = Archive(AXES, challengers=2)
    archive.place(entry("s1", 9.0))
    archive.place(entry("s2", 1.0), undecided)
    archive.place(entry("s3", 2.0), undecided)
    assert kinds(archive.evict("s1", "budget")) == [("evicted", "s1"), ("inserted", "s3")]
    assert kinds(archive.evict("s2", "budget")) == [("evicted", "s2")]
    assert kinds(archive.evict("s3", "budget")) == [("evicted", "s3")]
    assert (len(archive), archive.members()) == (0, ())
    with pytest.raises(ValueError, match="s3 is not in the archive"):
        archive.evict("s3", "again")


# --- re-labelling -----------------------------------------------------------------------------


def test_update_renews_in_place_and_nobody_leaves_for_a_worse_fitness():
    archive = Archive(AXES, challengers=1)
    archive.place(entry("s1", 5.0))
    archive.place(entry("s2", 1.0), undecided)
    assert archive.update([entry("s1", 0.0, share=0.4), entry("s2", 7.0)]) == ()
    assert archive.get("s1") == entry("s1", 0.0, share=0.4)
    assert [e.strategy_id for e in archive.elites()] == ["s1"]
    assert kinds(archive.settle()) == [("replaced", "s2"), ("evicted", "s1")]


def test_a_strategy_whose_behaviour_changed_moves():
    archive = Archive(AXES)
    archive.place(entry("s1", 1.0))
    assert archive.update([entry("s1", 1.0, share=0.7)]) == (
        ArchiveEvent("moved", "s1", (0, 1), origin=(0, 0)),
        ArchiveEvent("inserted", "s1", (0, 1)),
    )
    assert (archive.locate("s1"), len(archive)) == ((0, 1), 1)
    check(archive)


def test_a_mover_faces_the_elite_of_its_new_cell_and_leaves_when_it_loses():
    for fitness, expected in (
        (1.0, [("moved", "s1"), ("evicted", "s1")]),
        (3.0, [("moved", "s1"), ("replaced", "s1"), ("evicted", "s2")]),
    ):
        archive = Archive(AXES)
        archive.place_all([entry("s1", fitness), entry("s2", 2.0, share=0.7)])
        assert kinds(archive.update([entry("s1", fitness, share=0.7)])) == expected
        assert len(archive) == 1
        check(archive)


def test_two_elites_can_change_places():
    archive = Archive(AXES)
    archive.place_all([entry("s1", 1.0), entry("s2", 2.0, share=0.7)])
    events = archive.update([entry("s1", 1.0, share=0.7), entry("s2", 2.0)])
    assert kinds(events) == [
        ("moved", "s2"),
        ("inserted", "s2"),
        ("moved", "s1"),
        ("inserted", "s1"),
    ]
    assert (archive.locate("s1"), archive.locate("s2")) == ((0, 1), (0, 0))
    check(archive)


def test_a_vacated_cell_goes_to_its_best_challenger_before_movers_enter():
    archive = Archive(AXES, challengers=2)
    archive.place(entry("s1", 5.0))
    archive.place(entry("s2", 1.0), undecided)
    archive.place(entry("s3", 2.0), undecided)
    archive.place(entry("s4", 1.5, share=0.7))
    events = archive.update([entry("s1", 5.0, "b"), entry("s4", 1.5)])
    assert kinds(events) == [
        ("inserted", "s3"),
        ("moved", "s1"),
        ("inserted", "s1"),
        ("moved", "s4"),
        ("evicted", "s4"),  # lost to s3
    ]
    assert [e.strategy_id for e in archive.members()] == ["s3", "s1", "s2"]
    check(archive)


def test_the_order_of_updates_does_not_matter():
    def outcome(order):
        archive = Archive(AXES)
        archive.place_all([entry("s1", 1.0), entry("s2", 2.0, "b"), entry("s3", 3.0, "b", 0.7)])
        new = [entry("s1", 1.0, share=0.8), entry("s2", 2.0, share=0.9), entry("s3", 3.0, "b")]
        return archive.update([new[i] for i in order]), archive.to_dict()

    assert outcome((0, 1, 2)) == outcome((2, 1, 0)) == outcome((1, 2, 0))


def test_an_update_that_cannot_be_placed_changes_nothing():
    archive = Archive(AXES)
    archive.place(entry("s1", 1.0))
    (event,) = archive.update([entry("s1", 1.0, share=math.nan)])
    assert (event.kind, event.cell) == ("rejected", (0, 0))
    assert archive.get("s1") == entry("s1", 1.0)
    with pytest.raises(ValueError, match="s9 is not in the archive"):
        archive.update([entry("s9", 1.0)])


# --- statistics -------------------------------------------------------------------------------


def test_score_coverage_and_heat_map_leave_the_overflow_row_out():
    archive = Archive(AXES)
    archive.place_all(
        [entry("s1", 3.0), entry("s2", 1.0, "b", 0.9), entry("s3", 7.0, "unclassified")]
    )
    assert archive.size == 4
    assert archive.coverage() == 0.5
    assert archive.qd_score(offset=2.0) == (3 - 2) + (1 - 2)
    assert len(archive) == 3
    found = archive.heat_map()
    assert found.values == ((3.0, None), (None, 1.0))
    assert (found.axis, found.rows, found.columns) == ("share", ("a", "b"), ("0-0.5", "0.5-1"))
    assert archive.describe((2, 1)) == "unclassified, share 0.5-1"


def test_heat_map_of_one_and_of_three_axes():
    one = Archive(AXES[:1])
    one.place(entry("s1", 3.0, "b"))
    assert one.heat_map().values == ((None,), (3.0,))
    assert one.heat_map().columns == ("elite",)
    three = Archive((*AXES, Bins("length", (0, 10, 20, 30))))
    three.place(Entry("s1", 2.0, {"family": "b", "share": 0.7, "length": 15}))
    assert three.heat_map().axis == "share x length"
    assert [len(row) for row in three.heat_map().values] == [6, 6]
    assert three.heat_map().values[1][4] == 2.0
    assert three.heat_map().columns[4] == "0.5-1, 10-20"


def test_default_archive_is_seven_families_by_five_bins():
    archive = make_archive()
    assert archive.size == 35
    assert [len(row) for row in archive.heat_map().values] == [5] * 7
    behaviour = {"family": "refutation", "verified_quote_share": 0.2, "length": None}
    assert archive.cell_of(behaviour) == Spot((4, 2), ())
    assert isinstance(archive.cell_of({}), Unplaceable)


# --- slots ------------------------------------------------------------------------------------


def family_entry(name, fitness, family="authority"):
    return Entry(name, fitness, {"family": family, "verified_quote_share": None})


def test_slots_keep_the_best_of_each_family():
    archive = SlotArchive(slots=2)
    events = archive.place_all(family_entry(f"s{i}", i) for i in (3, 1, 2))
    assert kinds(events) == [
        ("inserted", "s3"),
        ("inserted", "s1"),
        ("replaced", "s2"),
        ("evicted", "s1"),
    ]
    assert kinds(archive.place(family_entry("s0", 2))) == [("rejected", "s0")]  # tie
    archive.place(family_entry("s9", 1, "rationality"))
    assert [e.strategy_id for e in archive.elites()] == ["s9", "s3", "s2"]
    assert (archive.size, archive.coverage()) == (14, 3 / 14)
    assert archive.heat_map().values[1] == (3.0, 2.0)
    assert archive.heat_map().columns == ("rank 1", "rank 2")
    assert archive.qd_score(1.0) == 2 + 1 + 0
    assert archive.describe(archive.locate("s3")) == "authority, slot 1"
    check(archive)


def test_the_newest_of_equally_weak_strategies_faces_the_newcomer():
    archive = SlotArchive(slots=2)
    archive.place_all([family_entry("s1", 1), family_entry("s2", 1)])
    assert kinds(archive.place(family_entry("s3", 2))) == [("replaced", "s3"), ("evicted", "s2")]


def test_slots_follow_a_change_of_family():
    archive = SlotArchive(slots=1)
    archive.place_all([family_entry("s1", 1), family_entry("s2", 2, "refutation")])
    assert archive.update([family_entry("s1", 5)]) == ()
    assert kinds(archive.update([family_entry("s1", 5, "refutation")])) == [
        ("moved", "s1"),
        ("replaced", "s1"),
        ("evicted", "s2"),
    ]
    assert archive.locate("s1") == (FAMILIES.index("refutation"), 0)
    assert kinds(archive.place(family_entry("s3", 0), accept)) == [("inserted", "s3")]
    check(archive)


# --- any history ------------------------------------------------------------------------------

STEP = st.tuples(
    st.sampled_from(["place", "update", "settle", "evict"]),
    st.integers(0, 9),
    st.integers(0, 3),
    st.sampled_from(["a", "b", "unclassified", "zzz"]),
    st.sampled_from([0.1, 0.6, 1.5, None]),
    st.sampled_from([better, undecided, accept]),
)


@given(st.lists(STEP, max_size=40), st.sampled_from(["grid", "slots"]))
def test_any_history_keeps_the_archive_consistent_and_every_departure_reported(steps, kind):
    archive = Archive(AXES, challengers=2) if kind == "grid" else SlotArchive(slots=2, axis=AXES[0])
    inside: set[str] = set()
    for operation, number, fitness, family, share, rule in steps:
        new = entry(f"s{number}", float(fitness), family, share)
        member = new.strategy_id in archive
        if operation == "place" and not member:
            events = archive.place(new, rule)
        elif operation == "update" and member:
            events = archive.update([new], rule)
        elif operation == "evict" and member:
            events = archive.evict(new.strategy_id, "test")
        else:
            events = archive.settle(rule)
        for event in events:
            json.dumps(dataclasses.asdict(event))
            if event.kind in ("inserted", "replaced", "challenging"):
                inside.add(event.strategy_id)
            elif event.kind == "evicted":
                inside.remove(event.strategy_id)
        assert inside == {e.strategy_id for e in archive.members()}
    check(archive)
    assert copy.deepcopy(archive).to_dict() == archive.to_dict()


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ab"), st.sampled_from([0.1, 0.9]))))
def test_on_noise_free_data_every_cell_ends_with_the_first_best(offers):
    archive = Archive(AXES)
    best: dict[tuple[str, float], tuple[int, str]] = {}
    for number, (fitness, family, share) in enumerate(offers):
        archive.place(entry(f"s{number}", fitness, family, share))
        if fitness > best.get((family, share), (-1, ""))[0]:
            best[family, share] = (fitness, f"s{number}")
    assert {e.strategy_id for e in archive.elites()} == {name for _, name in best.values()}


# --- files and names --------------------------------------------------------------------------


def filled():
    archive = Archive(AXES, challengers=1)
    archive.place(entry("s1", 0.1))
    archive.place(entry("s2", 0.2), undecided)
    return archive.to_dict()


def test_the_file_format_says_what_it_is():
    data = filled()
    assert (data["format"], data["version"], data["kind"]) == ("debateqd-archive", 1, "grid")
    assert data["cells"][0]["name"] == "a, share 0-0.5"


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda d: d.update(version=2), "this program reads"),
        (lambda d: d.update(kind="tree"), "this program reads"),
        (lambda d: d.pop("cells"), "field is missing"),
        (lambda d: d.pop("challengers"), "field is missing"),
        (lambda d: d["cells"][0]["elite"].pop("fitness"), "field is missing"),
        (lambda d: d["cells"][0].update(cell="a"), "of the wrong kind"),
    ],
)
def test_a_broken_file_is_refused_in_one_line(break_it, message):
    data = filled()
    break_it(data)
    with pytest.raises(InputError, match=message) as error:
        archive_from_dict(data)
    assert "\n" not in str(error.value)


def test_archives_by_name():
    assert ARCHIVES.names() == ("grid", "slots", "population")
    assert isinstance(make_archive("slots", slots=3), SlotArchive)
    assert make_archive("slots", slots=3).size == 21
    with pytest.raises(InputError, match="did you mean 'slots'"):
        make_archive("slot")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Archive(()), r"^archive axes \[\]: give one or more axes, each once$"),
        (lambda: Archive((AXES[0], AXES[0])), "give one or more axes, each once"),
        (lambda: Archive(AXES, challengers=-1), "^archive challengers -1: must be 0 or more$"),
        (lambda: SlotArchive(0), "^archive slots 0: must be 1 or more$"),
    ],
)
def test_unusable_options(make, message):
    with pytest.raises(InputError, match=message):
        make()
