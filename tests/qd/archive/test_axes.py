import math
import re

import pytest

from debate_env.errors import InputError
from debateqd.qd.archive.axes import (
    DEFAULT_EDGES,
    FAMILY_AXES,
    Bins,
    Labels,
    Placement,
    Unplaceable,
    axis_from_dict,
    default_axes,
    default_axis,
)
from debateqd.qd.descriptors.base import DESCRIPTORS
from debateqd.qd.seeds import FAMILIES
from tests.repository import ROOT


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (0.0, Placement(0)),
        (0.0499, Placement(0)),
        (0.05, Placement(1)),
        (0.15, Placement(2)),
        (0.999, Placement(4)),
        (1.0, Placement(4)),
        (1, Placement(4)),
        (1.01, Placement(4, outside=True)),
        (-0.01, Placement(0, outside=True)),
    ],
)
def test_bins_hold_their_lower_edge_and_report_values_outside(value, place):
    assert default_axis("verified_quote_share").place(value) == place


@pytest.mark.parametrize(
    ("value", "reason"),
    [(None, "unmeasured"), (math.nan, "finite"), (math.inf, "finite"), ("high", "finite")],
)
def test_what_cannot_be_placed_on_bins(value, reason):
    found = default_axis("length").place(value)
    assert isinstance(found, Unplaceable)
    assert found.reason.startswith("length: ")
    assert reason in found.reason


def test_labels_and_their_overflow_row():
    axis = Labels("family", ("a", "b"))
    assert axis.place("b") == Placement(1)
    assert axis.place("unclassified") == Placement(2)
    assert (axis.size, axis.overflow, axis.describe(2)) == (2, 2, "unclassified")
    assert axis.place("c") == Unplaceable("family: unknown label 'c'")
    assert axis.place(None) == Unplaceable("family: unmeasured")
    assert isinstance(axis.place(1.0), Unplaceable)


def test_every_descriptor_has_a_default_axis_of_seven_families_or_five_bins():
    for name in DESCRIPTORS.names():
        if name != "embedding_cluster":  # its labels are those of its file
            assert default_axis(name).size == (7 if name in FAMILY_AXES else 5)
    assert set(DEFAULT_EDGES) == set(DESCRIPTORS.names()) - {*FAMILY_AXES, "embedding_cluster"}
    assert [a.name for a in default_axes()] == ["family", "verified_quote_share"]
    assert default_axes()[0] == Labels("family", FAMILIES)


def test_the_page_of_descriptors_lists_every_axis_with_its_bins():
    page = ROOT / "docs" / "descriptors.md"
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", page.read_text(), re.MULTILINE))
    assert set(rows) == set(DESCRIPTORS.names())
    for name, edges in DEFAULT_EDGES.items():
        assert rows[name] == ", ".join(f"{edge:g}" for edge in edges)


def test_axes_survive_json():
    far = Labels("z", ("a",), "far", beyond=True, source="a file")
    for axis in (Bins("x", (0.0, 0.1, 2.0)), Labels("y", ("a",), "other"), far):
        assert axis_from_dict(axis.to_dict()) == axis
    assert set(Labels("y", ("a",)).to_dict()) == {"name", "labels", "catch_all"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bins("x", (0.0,)), "two or more increasing"),
        (lambda: Bins("x", (0.0, 0.0)), "two or more increasing"),
        (lambda: Bins("x", (0.0, math.inf)), "two or more increasing"),
        (lambda: Bins("x", (0.0, math.nan, 1.0)), "two or more increasing"),
        (lambda: Labels("x", ()), "axis .x.: labels .* must be distinct"),
        (lambda: Labels("x", ("a", "a")), "axis 'x': labels .* must be distinct"),
        (lambda: Labels("x", ("unclassified",)), "axis 'x': labels .* must be distinct"),
        (lambda: default_axis("family", [0, 1]), "axis 'family' has labels, not edges"),
        (lambda: axis_from_dict({"name": "x"}), r"axis with the fields \['name'\]: allowed"),
    ],
)
def test_unusable_axes(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_unknown_axis_says_what_is_near():
    with pytest.raises(InputError, match="did you mean 'readability'"):
        default_axis("readabilty")
    assert default_axis("my_own", [0, 1, 2]) == Bins("my_own", (0.0, 1.0, 2.0))
