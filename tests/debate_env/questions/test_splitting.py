"""Who gets which passages, in small numbers that one can count."""

from __future__ import annotations

import pytest

from debate_env.errors import InputError
from debate_env.questions.splitting import are_shares, split_counts, split_shares

GROUPS = [[f"{p}{k}" for k in range(2)] for p in "abcdefghij"]


@pytest.mark.parametrize(
    ("sizes", "shares"),
    [
        ({"test": 0.5, "train": 0.5}, True),
        ({"test": 1.0}, True),
        ({"test": 0.0, "train": 1.0}, True),
        ({"test": 0, "train": 0}, True),
        ({"test": 0, "train": 0.3}, True),  # none of one part is both
        ({"test": 0.0, "train": 3}, False),
        ({"test": 1, "train": 0}, False),
        ({"test": 0.1, "selection": 0.2, "train": 0.7 + 1e-10}, True),
    ],
)
def test_shares_and_numbers(sizes, shares):
    assert are_shares(sizes) is shares


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"test": -1}, "split size test=-1: must be 0 or more questions"),
        ({"test": 1.01}, r"split size test=1\.01: a share of the passages is 0\.0 to 1\.0"),
        ({"test": 0.5, "train": 0.51}, r"split shares add up to 1\.01; they may add up to 1"),
        ({"test": 0.5, "train": 0.50000001}, "split shares add up to 1;"),
        ({"test": 1, "train": 0.5}, r"mix a share \(train=0\.5\) with a number of questions \(te"),
    ],
)
def test_sizes_that_cannot_be(sizes, message):
    with pytest.raises(InputError, match=message):
        are_shares(sizes)


def counted(groups, **sizes):
    return {name: len(keys) // 2 for name, keys in split_shares(groups, sizes).items()}


def test_shares_are_dealt_out_in_order_and_whole():
    assert split_shares(GROUPS[:4], {"test": 0.25, "selection": 0.0, "train": 0.5}) == {
        "test": ["a0", "a1"],
        "selection": [],
        "train": ["b0", "b1", "c0", "c1"],
    }


@pytest.mark.parametrize(
    ("number", "sizes", "expected"),
    [
        (10, (0.25, 0.25, 0.5), (3, 2, 5)),  # running sums 2.5, 5, 10: halves go up
        (10, (0.24, 0.24, 0.52), (2, 3, 5)),
        (10, (0.15, 0.1, 0.2), (2, 1, 2)),  # 1.5, and 2.5 in binary fractions, go up
        (10, (0.01, 0.01, 0.98), (1, 1, 8)),  # at least one each
        (3, (0.9, 0.05, 0.05), (1, 1, 1)),  # the largest gives to those that would get nothing
        (4, (0.9, 0.05, 0.05), (2, 1, 1)),
        (10, (0.0, 0.0, 1.0), (0, 0, 10)),
        (7, (0.5, 0.0, 0.5), (4, 0, 3)),
    ],
)
def test_how_many_passages_a_share_is(number, sizes, expected):
    parts = dict(zip(("test", "selection", "train"), sizes, strict=True))
    assert tuple(counted(GROUPS[:number], **parts).values()) == expected


def test_as_many_parts_as_passages_are_enough():
    assert counted(GROUPS[:2], test=0.1, train=0.1) == {"test": 1, "train": 1}
    with pytest.raises(InputError, match=r"2 parts \(test, train\) .* the set holds 1$"):
        split_shares(GROUPS[:1], {"test": 0.1, "empty": 0.0, "train": 0.1})


def test_numbers_take_whole_passages_and_cut_the_last():
    assert split_counts(GROUPS[:4], {"test": 3, "selection": 0, "train": 4}, 8) == {
        "test": ["a0", "a1", "b0"],
        "selection": [],
        "train": ["c0", "c1", "d0", "d1"],
    }
    with pytest.raises(
        InputError, match=r"wanted 3 train, 1 test .* holds 4 on 2 .* train got onl"
    ):
        split_counts(GROUPS[:2], {"test": 1, "train": 3}, 4)
