from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from debateqd.qd.measures.payoffs import (
    Meeting,
    beats,
    count_triples,
    cycles,
    meetings_of,
    nash_weights,
    payoffs,
)
from debateqd.qd.statistics import as_json
from tests.qd.making import match


def meet(a: str, b: str, share: float, passage: str = "p") -> Meeting:
    return Meeting(a, b, share, passage)


def circle(passages: int = 6) -> list[Meeting]:
    return [meet(a, b, 0.9, f"p{k}") for a, b in ("rp", "ps", "sr") for k in range(passages)]


def world(
    strengths: list[float],
    questions: int,
    seed: int,
    *,
    credences: bool = False,
    circular: float = 0.0,
) -> list[Meeting]:
    """Round robin, sides exchanged; ``circular`` adds a game of rock, paper and scissors."""
    rng = np.random.default_rng(seed)
    found = []
    for question in range(questions):
        effect = rng.normal(0.5, 0.5)
        for i, j in itertools.combinations(range(len(strengths)), 2):
            for side in (1, -1):
                z = strengths[i] - strengths[j] + side * effect
                z += circular * (0, 1, -1)[(j - i) % 3]
                p = 1 / (1 + math.exp(-z))
                share = float(rng.beta(6 * p, 6 * (1 - p)) if credences else rng.random() < p)
                found.append(Meeting(f"s{i}", f"s{j}", share, f"p{question // 2}"))
    return found


def test_the_matrix_counts_both_ways() -> None:
    found = payoffs([meet("a", "b", 0.75), meet("b", "a", 0.5), meet("a", "c", 1.0)], "abcd")
    assert found.counts.tolist()[0] == [0, 2, 1, 0]
    shares = found.shares()
    assert shares[0, 1] == pytest.approx((0.75 + 0.5) / 2)
    assert shares[1, 0] == pytest.approx(1 - shares[0, 1])
    assert math.isnan(shares[0, 3])
    shown = found.to_json()
    assert shown["shares"][0][3] is None
    assert shown["ids"] == list("abcd")


def test_only_usable_debates_between_two_of_them_count() -> None:
    log = [
        match("a", "b", 0.8),
        match("b", "a", 0.8, label=1),
        match("a", "a", 0.8),
        match("a", "x", 0.8),
        match("a", "b", None, kind="unusable"),
    ]
    assert meetings_of(log, "ab", "credence") == [
        Meeting("a", "b", 0.8, "p-q1"),
        Meeting("b", "a", 0.8, "p-q1"),
    ]
    assert meetings_of(log, "ab", "win")[0].share == 1.0


@pytest.mark.parametrize("seed", range(20))
def test_triples_are_counted_as_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 7
    won = rng.integers(0, 3, size=(n, n)).astype(float)
    ahead = beats(won)
    cyclic = decided = 0
    for a, b, c in itertools.combinations(range(n), 3):
        if all(ahead[x, y] + ahead[y, x] for x, y in ((a, b), (b, c), (a, c))):
            decided += 1
            cyclic += bool(ahead[a, b] == ahead[b, c] == ahead[c, a])
    assert count_triples(ahead) == (cyclic, decided)


def test_complete_tournaments_agree_with_the_formula_of_kendall() -> None:
    rng = np.random.default_rng(2)
    ahead = np.triu(rng.integers(0, 2, size=(9, 9)), 1).astype(float)
    ahead += np.tril(1 - ahead.T, -1)
    scores = ahead.sum(axis=1)
    cyclic, decided = count_triples(ahead)
    assert decided == math.comb(9, 3)
    assert cyclic == math.comb(9, 3) - sum(s * (s - 1) / 2 for s in scores)


def test_equal_sums_decide_nothing() -> None:
    found = cycles([meet("a", "b", 0.1), meet("a", "b", 0.2), meet("b", "a", 0.3)] * 3)
    assert found.pairs == 1
    even = payoffs([meet("a", "b", 0.1 + 0.2), meet("b", "a", 0.3)], "ab")
    assert beats(even.won).sum() == 0


def test_rock_paper_scissors_is_a_circle_that_noise_does_not_explain() -> None:
    found = cycles(circle(), seed=1)
    assert (found.decided, found.cyclic) == (1, 1)
    assert (found.share.value, found.share.high) == (1.0, 1.0)
    assert found.share.low == pytest.approx(0.025)  # one of one (Clopper and Pearson)
    big = cycles(world([0.0] * 9, 12, 3, circular=1.5))
    assert big.share.low > 0.25


@pytest.mark.parametrize("credences", [False, True])
@pytest.mark.parametrize("scale", [0.0, 0.2, 1.0])
def test_noise_alone_makes_at_most_a_quarter_of_the_triples_cyclic(
    credences: bool, scale: float
) -> None:
    rng = np.random.default_rng(0)
    shares, above = [], 0
    for seed in range(40):
        strengths = rng.normal(0, scale, 8).tolist()
        found = cycles(world(strengths, 6, seed, credences=credences), resamples=100)
        shares.append(found.share.value)
        above += found.share.low > 0.25
    error = np.std(shares, ddof=1) / math.sqrt(len(shares))
    assert np.mean(shares) < 0.25 + 3 * error
    assert above <= 2  # of 40, one is expected at most


def test_noise_alone_makes_circles() -> None:
    found = cycles(world([0.0] * 10, 4, 5))
    assert found.share.value > 0.1
    assert found.share.low <= found.share.value <= found.share.high


def test_nobody_met_anybody() -> None:
    found = cycles([])
    assert found.decided == 0
    assert math.isnan(found.share.value)
    assert as_json(found)["share"]["value"] is None


def test_the_same_debates_give_the_same_figures() -> None:
    assert cycles(circle(), seed=3) == cycles(circle(), seed=3)


def test_nash_weights_of_known_games() -> None:
    even = nash_weights(payoffs(circle(), ["p", "r", "s"]))
    assert list(even.values()) == pytest.approx([1 / 3] * 3)
    best = nash_weights(payoffs([meet("a", "b", 0.9), meet("a", "c", 0.6)], "abc"))
    assert best["a"] == pytest.approx(1.0)
    assert nash_weights(payoffs([], [])) == {}
    assert sum(nash_weights(payoffs([], "ab")).values()) == pytest.approx(1.0)


def test_no_mixture_beats_the_nash_weights() -> None:
    rng = np.random.default_rng(7)
    names = [f"s{k}" for k in range(8)]
    rows = [meet(a, b, float(rng.random())) for a, b in itertools.combinations(names, 2)]
    matrix = payoffs(rows, names)
    weights = np.array(list(nash_weights(matrix).values()))
    game = np.nan_to_num(matrix.shares() - 0.5)
    assert (weights @ game).min() >= -1e-9
