from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from debateqd.qd.selection import allocation
from debateqd.qd.selection.allocation import (
    AllocationSettings,
    Beliefs,
    ContestForm,
    IndexedContest,
    allocate,
    telling,
)

FREE = AllocationSettings(anchors=0.0)


def beliefs(
    mean: list[float], deviation: float = 60.0, questions: int = 40, seed: int = 0
) -> Beliefs:
    random = np.random.default_rng(seed)
    n = len(mean)
    return Beliefs(
        mean=np.array(mean),
        covariance=deviation**2 * np.eye(n),
        effect=random.normal(100, 150, questions),
        deviation=np.full(questions, 30.0),
    )


def players(contests: list[IndexedContest]) -> Counter[int]:
    return Counter(p for a, b, _ in contests for p in (a, b))


def test_gives_as_many_contests_as_asked_for_and_repeats_none():
    found = allocate(beliefs([0, 10, 20, 30]), [(1, 0), (3, 2)], 30, 1, settings=FREE)
    assert len(found) == 30
    assert len({(min(a, b), max(a, b), q) for a, b, q in found}) == 30
    assert all(a != b and 0 <= q < 40 for a, b, q in found)


def test_depends_on_nothing_but_its_arguments():
    known = beliefs([0, 10, 20, 30])
    kept = known.covariance.copy()
    first = allocate(known, [(1, 0), (3, 2)], 20, 5)
    assert allocate(known, [(1, 0), (3, 2)], 20, 5) == first
    assert allocate(known, [(1, 0), (3, 2)], 20, 6) != first
    assert np.array_equal(known.covariance, kept)


def test_spends_nothing_on_what_is_decided():
    # Cell 0 is open, cell 1 as good as decided, and the decided challenger is known no better.
    known = beliefs([0, 5, 0, -400])
    found = allocate(known, [(1, 0), (3, 2)], 20, 1, settings=FREE)
    assert players(found)[3] == 0
    assert players(found)[1] == 20


def test_a_contest_between_challengers_counts_for_both_where_incumbents_are_known():
    known = beliefs([0.0, 0.0, 0.0, 0.0])
    known.covariance[0, 0] = known.covariance[2, 2] = 1.0
    found = allocate(known, [(1, 0), (3, 2)], 4, 1, settings=FREE)
    assert Counter((a, b) for a, b, _ in found) == {(1, 3): 4}


def test_own_share_keeps_contests_for_child_against_incumbent():
    known = beliefs([0.0, 0.0, 0.0, 0.0])
    known.covariance[0, 0] = known.covariance[2, 2] = 1.0
    settings = AllocationSettings(own=0.5, anchors=0.0)
    found = allocate(known, [(1, 0), (3, 2)], 10, 1, settings=settings)
    counted = Counter((a, b) for a, b, _ in found)
    assert counted[0, 1] + counted[2, 3] >= 5
    assert len(found) == 10


def test_takes_more_of_the_open_variance_than_chance_does():
    random = np.random.default_rng(3)
    factor = random.normal(0, 30, (20, 20))
    known = Beliefs(
        random.normal(0, 60, 20),
        factor @ factor.T / 4 + 400 * np.eye(20),
        random.normal(100, 150, 50),
        np.full(50, 40.0),
    )
    decisions = [(k, k + 1) for k in range(0, 20, 2)]

    def value(contests: list[IndexedContest]) -> float:
        """Expected gain of deciding after the contests, by simulation of what they would tell."""
        covariance = known.covariance.copy()
        for a, b, q in contests:
            u = covariance[:, a] - covariance[:, b]
            precision = telling(known, known.mean[a] - known.mean[b], "duel")[q]
            covariance -= np.outer(u, u) / (u[a] - u[b] + 1 / precision)
        gained = known.covariance - covariance
        total = 0.0
        for i, j in decisions:
            s = np.sqrt(gained[i, i] + gained[j, j] - 2 * gained[i, j])
            m = known.mean[i] - known.mean[j]
            draws = m + s * np.random.default_rng(0).normal(size=4000)
            total += float(np.maximum(draws, 0).mean() - max(m, 0.0))
        return total

    chosen = value(allocate(known, decisions, 60, 0, settings=FREE))
    chance = []
    for _ in range(20):
        pairs = [random.choice(20, 2, replace=False) for _ in range(60)]
        chance.append(value([(int(a), int(b), int(random.integers(50))) for a, b in pairs]))
    own = [(*decisions[k % 10], int(random.integers(50))) for k in range(60)]
    assert chosen > 1.3 * max(chance)
    assert chosen > 1.1 * value(own)


def test_asks_telling_questions_and_not_one_alone():
    known = beliefs([0.0, 0.0], questions=40)
    found = allocate(known, [(1, 0)], 20, 1, settings=FREE)
    asked = Counter(q for _, _, q in found)
    assert set(asked.values()) == {1}
    by_effect = np.argsort(np.abs(known.effect))
    assert set(asked) == {int(q) for q in by_effect[:20]}


def test_asks_every_question_alike_where_nothing_is_known_of_them():
    known = beliefs([0.0] * 6, questions=12)
    known.effect[:] = 80.0
    settings = AllocationSettings(anchors=0.0, questions=1.0)
    asked = Counter(
        q for _, _, q in allocate(known, [(1, 0), (3, 2), (5, 4)], 24, 1, settings=settings)
    )
    assert set(asked.values()) <= {1, 2, 3}
    assert len(asked) == 12


def test_nothing_is_repeated_and_nothing_is_left_at_the_end():
    known = beliefs([0.0, 0.0], questions=6)
    found = allocate(known, [(1, 0)], 10, 1, settings=FREE)
    assert sorted(q for _, _, q in found) == [0, 1, 2, 3, 4, 5]
    assert allocate(known, [(1, 0)], 0, 1) == []


def test_ties_incumbents_to_the_anchors():
    # 0 and 1 are anchors, 2 and 4 incumbents, 3 and 5 their challengers.
    known = beliefs([0, 0, 50, 50, 20, 20])
    settings = AllocationSettings(anchors=0.25)
    found = allocate(known, [(3, 2), (5, 4)], 20, 1, anchors=[0, 1], settings=settings)
    to_panel = [(a, b) for a, b, _ in found if {a, b} & {0, 1}]
    assert len(to_panel) == 5
    assert {a for a, _ in to_panel} == {2, 4}
    assert {b for _, b in to_panel} == {0, 1}
    assert len(found) == 20


def test_incumbents_that_are_the_anchors_need_no_tie():
    known = beliefs([0, 0, 0, 0])
    found = allocate(known, [(2, 0), (3, 1)], 12, 1, anchors=[0, 1])
    assert len(found) == 12


def test_without_decisions_contests_go_where_least_is_known():
    known = beliefs([0.0] * 4)
    known.covariance[3, 3] = 250.0**2
    assert players(allocate(known, [], 6, 1, settings=FREE)).most_common(1)[0][0] == 3


@pytest.mark.parametrize("form", ["duel", "self"])
def test_many_players_are_dealt_into_groups(form: ContestForm, monkeypatch):
    sizes, score = [], allocation._Search._score

    def scored(self):
        found = score(self)
        sizes.append(found.size)
        return found

    monkeypatch.setattr(allocation._Search, "_score", scored)
    random = np.random.default_rng(0)
    n = 1000
    known = Beliefs(
        random.normal(0, 50, n), 3600 * np.eye(n), random.normal(0, 150, 100), np.full(100, 30.0)
    )
    decisions = [(k, k + 1) for k in range(0, n, 2)]
    found = allocate(known, decisions, 1000, 1, form=form, settings=FREE)
    assert len(found) == 1000
    assert len(players(found)) > 250
    # A contest is chosen among the pairs of a group, not among half a million.
    assert len(sizes) <= 1100
    assert max(sizes) <= 100**2


def test_self_debates_go_to_the_open_decisions_and_fitting_questions():
    known = beliefs([0, 5, 0, -500], questions=40)
    found = allocate(known, [(1, 0), (3, 2)], 20, 1, form="self", settings=FREE)
    assert players(found)[3] == 0
    asked = {q for _, _, q in found}
    # A question far above or below all strengths tells nothing.
    assert max(abs(known.effect[list(asked)])) < max(abs(known.effect))
    assert len(asked) == 20


def test_self_debates_of_two_challengers_count_for_both():
    known = beliefs([0.0, 0.0, 0.0, 0.0])
    known.covariance[0, 0] = known.covariance[2, 2] = 1.0
    found = allocate(known, [(1, 0), (3, 2)], 4, 1, form="self", settings=FREE)
    assert Counter((a, b) for a, b, _ in found) == {(1, 3): 4}


def test_information_of_a_contest():
    known = Beliefs(np.zeros(2), np.eye(2), np.array([0.0, 400.0]), np.zeros(2))
    logit = 400 / np.log(10)
    even, lopsided = telling(known, 0.0, "duel")
    assert even == pytest.approx(0.5 / logit**2)
    assert lopsided == pytest.approx(2 * (10 / 11) * (1 / 11) / logit**2)
    assert telling(known, 0.0, "self")[0] == pytest.approx(0.25 / logit**2)
    # Sharing the dispersion of the outcomes, and less where a question is unknown.
    noisy = Beliefs(np.zeros(2), np.eye(2), np.zeros(1), np.array([200.0]), dispersion=2.0)
    assert telling(noisy, 0.0, "duel")[0] < 0.25 / logit**2


@pytest.mark.parametrize(("mean", "questions"), [([0.0], 3), ([0.0, 0.0], 0)])
def test_nothing_to_play_with_is_an_error(mean: list[float], questions: int):
    with pytest.raises(ValueError, match="two players and a question"):
        allocate(beliefs(mean, questions=questions), [], 1, 0)
