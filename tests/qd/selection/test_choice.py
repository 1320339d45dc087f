from __future__ import annotations

import numpy as np
import pytest

from debateqd.qd.archive.axes import Bins, Labels
from debateqd.qd.archive.base import Entry
from debateqd.qd.archive.registry import make_archive
from debateqd.qd.ratings.posterior import Posterior
from debateqd.qd.selection.acceptance import Belief, ByRating, Racing
from debateqd.qd.selection.choice import choose, open_decisions
from tests.qd.making import posterior


def entry(name: str, fitness: float, length: float) -> Entry:
    return Entry(name, fitness, {"family": "rationality", "length": length})


def archive(*entries: Entry, challengers: int = 1):
    made = make_archive(
        axes=(Labels("family", ("rationality",)), Bins("length", (0.0, 10.0, 20.0, 30.0))),
        challengers=challengers,
    )
    made.place_all(entries)
    return made


def known(sd: float, *entries: Entry) -> Posterior:
    ids = tuple(e.strategy_id for e in entries)
    mean = np.array([e.fitness for e in entries])
    return posterior(ids, mean, np.eye(len(ids)) * sd * sd / 2)


def test_by_rating_the_higher_one_lives():
    full = archive(entry("e", 5, 5), entry("f", 5, 15))
    children = [entry("a", 9, 5), entry("b", 5, 15), entry("c", 1, 25)]
    choice = choose(full, children, ByRating())
    assert choice.accepted == ("a", "c")
    assert [(v.challenger, v.incumbent, v.decision) for v in choice.challenges] == [
        ("a", "e", "accept"),
        ("b", "f", "reject"),
    ]
    assert [e.strategy_id for e in full.elites()] == ["a", "f", "c"]


def test_the_undecided_wait_and_may_win_later():
    e, c = entry("e", 5, 5), entry("c", 0, 5)
    full = archive(e)
    first = choose(full, [c], Racing(), known(50, e, c))
    assert first.accepted == ()
    assert [x.strategy_id for x in full.challengers()] == ["c"]
    assert 0.3 < (first.challenges[0].belief.better or 0) < 0.5
    full.update([better := entry("c", 60, 5)])
    later = choose(full, [], Racing(), known(20, e, better))
    assert later.accepted == ("c",)
    assert full.challengers() == ()  # the elite that it deposed is hardly the better one


def test_patience_ends():
    e, c = entry("e", 5, 5), entry("c", 0, 5)
    full = archive(e)
    choose(full, [c], Racing(patience=2), known(50, e, c))
    choice = choose(full, [], Racing(patience=2), known(50, e, c), lambda _: 2)
    assert choice.challenges[0].decision == "reject"
    assert full.challengers() == ()


def test_a_deposed_elite_that_may_be_better_waits_and_returns():
    e, c = entry("e", 5, 5), entry("c", 9, 5)
    full = archive(e)
    choice = choose(full, [c], Racing(), known(50, e, c))
    assert choice.accepted == ("c",)
    assert [x.strategy_id for x in full.challengers()] == ["e"]
    full.update([entry("e", 40, 5)])
    back = choose(full, [], Racing(), known(20, entry("e", 40, 5), c))
    assert back.accepted == ("e",)


def test_a_belief_is_about_the_challenger():
    e, c = entry("e", 40, 5), entry("c", 10, 5)
    told = choose(archive(e), [c], Racing(), known(30, e, c), {"c": 2}.__getitem__)
    (challenge,) = told.challenges
    assert (challenge.challenger, challenge.incumbent) == ("c", "e")
    assert challenge.belief.difference == -30
    assert challenge.belief.deviation == pytest.approx(30)
    assert challenge.belief.better == pytest.approx(0.158655, abs=1e-6)
    assert challenge.belief.generations == 2
    (challenge,) = choose(archive(e), [c], ByRating()).challenges
    assert challenge.belief == Belief(-30, None, None, 0)


def rumours(**better: float) -> Posterior:
    """Beliefs that have nothing to do with the ratings in the archive."""
    return known(50, *(entry(name, mean, 0) for name, mean in better.items()))


def test_a_child_that_another_child_deposes_waits_and_is_not_accepted():
    a, b, e = entry("a", 9, 5), entry("b", 8, 5), entry("e", 5, 5)
    full = archive(e, challengers=2)
    choice = choose(full, [b, a], Racing(), rumours(e=0, a=10, b=20))
    assert [(v.challenger, v.incumbent, v.decision) for v in choice.challenges] == [
        ("a", "e", "accept"),
        ("b", "a", "accept"),
    ]
    assert [(event.kind, event.strategy_id, event.other) for event in choice.events] == [
        ("replaced", "a", "e"),
        ("evicted", "e", "a"),
        ("challenging", "e", "a"),
        ("replaced", "b", "a"),
        ("evicted", "a", "b"),
        ("challenging", "a", "b"),
    ]
    assert choice.accepted == ("b",)
    assert [x.strategy_id for x in full.elites()] == ["b"]
    assert {x.strategy_id for x in full.challengers()} == {"a", "e"}


def test_a_child_that_is_deposed_for_good_is_gone():
    a, b, e = entry("a", 9, 5), entry("b", 8, 5), entry("e", 5, 5)
    full = archive(e, challengers=2)
    choice = choose(full, [b, a], Racing(reject=0.5), rumours(e=0, a=100, b=300))
    assert choice.accepted == ("b",)
    assert full.challengers() == ()
    assert {v.strategy_id for v in choice.events if v.kind == "evicted"} == {"a", "e"}


def test_who_only_challenges_or_enters_an_empty_cell():
    e, c, n = entry("e", 5, 5), entry("c", 4, 5), entry("n", 1, 15)
    choice = choose(archive(e), [c, n], Racing(), known(50, e, c, n))
    assert [(event.kind, event.strategy_id) for event in choice.events] == [
        ("challenging", "c"),
        ("inserted", "n"),
    ]
    assert choice.accepted == ("n",)


def test_without_room_nobody_waits():
    e, c = entry("e", 5, 5), entry("c", 9, 5)
    full = archive(e, challengers=0)
    choice = choose(full, [c], Racing(), known(50, e, c))
    assert choice.accepted == ("c",)
    assert [event.kind for event in choice.events] == ["replaced", "evicted"]


def test_open_decisions_change_nothing():
    e, w = entry("e", 5, 5), entry("w", 4, 5)
    full = archive(e)
    full.place(w, lambda *_: "undecided")
    before = full.to_dict()
    children = [entry("a", 9, 5), entry("b", 1, 15), entry("d", 3, 15)]
    assert open_decisions(full, children) == [("w", "e"), ("a", "e"), ("b", "d")]
    assert full.to_dict() == before
