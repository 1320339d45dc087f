"""Worlds: drawn from documented ranges, reproducible."""

from __future__ import annotations

import re

import pytest

from debate_env.errors import InputError
from debateqd.agents.models.embedded import World
from debateqd.agents.models.embedded.world import PARAMETERS, RANGES, STYLES
from tests.repository import ROOT

DOCUMENT = ROOT / "docs" / "embedded_model.md"


@pytest.mark.parametrize("kind", RANGES)
def test_every_draw_is_within_its_range(kind):
    for seed in range(50):
        world = World(seed, kind)
        for name in PARAMETERS:
            low, high = RANGES[kind][name]
            assert low <= getattr(world, name) <= high
        low, high = RANGES[kind]["style"]
        assert len(world.styles) == len(STYLES)
        assert all(low <= value <= high for value in world.styles)


def test_worlds_are_reproducible_and_differ():
    assert World(3) == World(3)
    assert hash(World(3)) == hash(World(3))
    assert World(3).styles != World(4).styles
    assert World(3).bias == World(3, "null").bias


def test_a_given_world_keeps_its_numbers():
    world = World(0)
    assert world.evidence == 4.712306
    assert world.styles[STYLES.index("certainty")] == 0.982495


def test_the_document_states_the_ranges_in_use():
    rows = re.findall(
        r"^\| `(\w+)` \|[^|]*" + r"\|([^|]*)" * len(RANGES) + r"\|$", DOCUMENT.read_text(), re.M
    )
    stated = {
        name: tuple(tuple(map(float, cell.split(" to "))) for cell in cells)
        for name, *cells in rows
    }
    names = (*PARAMETERS, "style")
    assert stated == {name: tuple(RANGES[k][name] for k in RANGES) for name in names}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, "nul"), "did you mean 'null'"), ((-1,), "integer from 0"), ((True,), "integer from 0")],
)
def test_bad_worlds_are_one_line(arguments, message):
    with pytest.raises(InputError, match=message):
        World(*arguments)
