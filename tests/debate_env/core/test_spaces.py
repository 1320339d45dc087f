from __future__ import annotations

import numpy as np
import pytest
from gymnasium.spaces import Dict, Discrete

from debate_env.core.spaces import UnicodeText
from tests.debate_env.support import through_pickle


def test_contains_is_about_type_and_length_only():
    space = UnicodeText(4)
    assert space.contains("äöü€")
    assert space.contains("\n\u2028")
    assert space.contains("")
    assert not space.contains("12345")
    assert not space.contains(np.str_("abc"))
    assert not space.contains(b"abc")
    assert not space.contains(None)


@pytest.mark.parametrize("high", [0, 3, 10**9])
def test_samples_are_contained_and_short(high):
    space = UnicodeText(high, seed=1)
    samples = [space.sample() for _ in range(50)]
    assert all(space.contains(s) for s in samples)
    assert max(map(len, samples)) <= 32


def test_sampling_is_seeded_and_ignores_masks():
    first, second = UnicodeText(100, seed=3), UnicodeText(100, seed=3)
    draws = [first.sample() for _ in range(5)]
    assert draws == [second.sample(mask=np.ones(3), probability=None) for _ in range(5)]
    assert len(set(draws)) > 1


def test_equality_repr_pickle_and_flatness():
    space = UnicodeText(9)
    assert space == UnicodeText(9)
    assert space != UnicodeText(8)
    assert space != Discrete(9)
    assert repr(space) == "UnicodeText(9)"
    assert through_pickle(space) == space
    assert not space.is_np_flattenable
    assert Dict({"a": space}) == Dict({"a": UnicodeText(9)})
    assert space.from_jsonable(space.to_jsonable(["ab", "cd"])) == ["ab", "cd"]
