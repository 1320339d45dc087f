from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debate_env.errors import InputError
from debateqd.qd.store.history import ancestors, descendants, record
from debateqd.qd.store.word_diff import share_kept, word_diff
from debateqd.qd.strategy import Strategy
from tests.qd.making import match, strategy

TEXTS = st.text(alphabet="ab \n", max_size=40)


def players(*made: Strategy) -> dict[str, Strategy]:
    return {s.strategy_id: s for s in made}


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_a_diff_holds_both_texts(old: str, new: str) -> None:
    found = word_diff(old, new)
    assert "".join(s.text for s in found if s.change != "removed") == new
    before = [s.text for s in found if s.change != "added"]
    assert " ".join(before).split() == old.split()


def test_a_diff_tells_kept_removed_and_added_words() -> None:
    found = word_diff("quote the best line", "always quote the line")
    assert [(s.change, s.text.strip()) for s in found] == [
        ("added", "always"),
        ("kept", "quote the"),
        ("removed", "best"),
        ("kept", "line"),
    ]
    assert share_kept(found) == 3 / 4


def test_reflowed_text_has_changed_nothing() -> None:
    assert [s.change for s in word_diff("one two\nthree", "one\ntwo three")] == ["kept"]
    assert share_kept(word_diff("", "new")) == 1.0


def test_ancestors_hold_every_parent_once_and_before_its_children() -> None:
    made = players(
        strategy("a"),
        strategy("b"),
        strategy("x"),
        strategy("c", "a"),
        strategy("d", "a", "b"),
        strategy("e", "d", "c"),
    )
    assert [s.strategy_id for s in ancestors("e", made)] == ["a", "b", "c", "d", "e"]
    assert [s.strategy_id for s in ancestors("x", made)] == ["x"]


def test_a_long_line_needs_no_deep_stack() -> None:
    made = {"s0": strategy("s0")} | {
        f"s{n}": strategy(f"s{n}", f"s{n - 1}") for n in range(1, 5000)
    }
    assert len(ancestors("s4999", made)) == 5000
    assert descendants("s0", made)[-1].depth == 4999


def test_damaged_parents_are_named() -> None:
    with pytest.raises(InputError, match="parent 'z' of 'b' is missing"):
        ancestors("b", players(strategy("a"), strategy("b", "z")))
    with pytest.raises(InputError, match="parent 'c' of 'b' comes after it"):
        ancestors("b", players(strategy("b", "c"), strategy("c", "b")))


def test_descendants_by_the_shortest_way() -> None:
    made = players(
        strategy("a"),
        strategy("b"),
        strategy("c", "a"),
        strategy("d", "c", "a"),
        strategy("e", "b"),
    )
    found = [(d.strategy.strategy_id, d.depth) for d in descendants("a", made)]
    assert found == [("c", 1), ("d", 1)]


def test_a_record_counts_sides_seats_and_self_play() -> None:
    played = [
        match("a", "b", 0.9, label=0, question="q1"),
        match("b", "a", 0.9, label=0, question="q1"),
        match("b", "a", 0.2, label=1, question="q2"),
        match("a", "b", 0.5, label=1, question="q3"),
        match("a", "b", 0.7, label=2, question="q4"),
        match("a", "a", 0.8, label=0, question="q1"),
        match("a", "a", 0.8, label=1, question="q2"),
        match("a", "b", None, kind="unusable"),
        match("b", "c", 0.9),
    ]
    found = record("a", played)

    def counts(name: str) -> tuple[int, int, int]:
        tally = getattr(found, name)
        return tally.won, tally.lost, tally.tied

    assert counts("overall") == (3, 1, 1)
    assert counts("correct") == (2, 0, 0)
    assert counts("wrong") == (0, 1, 1)
    assert counts("neither") == (1, 0, 0)
    assert counts("first") == (2, 0, 1)
    assert counts("second") == (1, 1, 0)
    assert counts("self_play") == (1, 1, 0)
    assert found.unusable == 1
    assert found.overall.rate.value == pytest.approx(0.7)
    assert found.overall.rate.clusters == 4
    assert found.overall.rate.low <= 0.7 <= found.overall.rate.high
