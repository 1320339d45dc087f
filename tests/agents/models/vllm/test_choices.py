from __future__ import annotations

import math
from itertools import pairwise

import pytest

from debateqd.agents.models.vllm.choices import choice_tokens, draw, weigh


def by_character(text):
    """Encode every character as a token of its own."""
    return [ord(character) for character in text]


def letters(text):
    """Encode like a vocabulary in which "A" and " A" are tokens."""
    return [ord(text[-1]) + (1000 if text[0] == " " else 0)] if text else []


def test_both_ways_of_writing_a_letter_count():
    tokens = choice_tokens(("A", "B"), letters, lambda text: None)
    assert tokens == ((65, 1065), (66, 1066))
    seen = {65: 0.1, 1065: 0.2, 66: 0.05, 1066: 0.05}
    shares, missing = weigh(tokens, {token: math.log(p) for token, p in seen.items()})
    assert shares == pytest.approx((0.75, 0.25))
    assert missing == pytest.approx(0.6)


def test_a_token_that_is_the_choice_itself_counts_too():
    tokens = choice_tokens(("A", "B"), lambda text: [1000 + ord(text[-1])], {"A": 7, "B": 8}.get)
    assert tokens == ((1065, 7), (1066, 8))


def test_ways_that_take_several_tokens_are_left_out():
    assert choice_tokens(("A", "B"), by_character, lambda text: None) == ((65,), (66,))
    tokens = {"no": (1, 2), " no": (3,), "yes": (4,), " yes": (5,)}
    assert choice_tokens(("no", "yes"), tokens.__getitem__, lambda text: None) == ((3,), (4, 5))


def test_no_token_belongs_to_two_choices():
    tokens = {"A": (1,), " A": (2,), " B": (2,), "B": (3,)}
    assert choice_tokens(("A", "B"), tokens.__getitem__, lambda text: None) == ((1, 2), (3,))
    with pytest.raises(ValueError, match="tells it from the others"):
        choice_tokens(("A", "A"), by_character, lambda text: None)


@pytest.mark.parametrize("encode", [lambda text: [], lambda text: [1, 2]])
def test_a_choice_that_no_single_token_writes_is_refused(encode):
    with pytest.raises(ValueError, match="'A'"):
        choice_tokens(("A", "B"), encode, lambda text: None)


def test_probabilities_too_small_for_a_number_still_compare():
    shares, missing = weigh(((65,), (66,)), {65: -4999.0, 66: -5000.0})
    assert shares[0] == pytest.approx(1 / (1 + math.exp(-1)))
    assert missing == 1.0


def test_a_model_that_gives_no_choice_any_probability_is_told():
    with pytest.raises(ValueError, match="none of the choices"):
        weigh(((65,), (66,)), {65: -math.inf, 66: -math.inf})


@pytest.mark.parametrize("seen", [{}, {65: math.nan}, {65: math.inf}, {65: 5.0}])
def test_probabilities_that_are_none_are_told(seen):
    with pytest.raises(ValueError, match="gave no probabilities"):
        weigh(((65,), (66,)), {66: -1.0} | seen)


def test_the_most_probable_choice_is_drawn_at_temperature_0():
    assert draw((0.2, 0.5, 0.3), 0.0, seed=1) == 1
    assert draw((0.4, 0.4, 0.2), 0.0, seed=1) == 0


@pytest.mark.parametrize(("temperature", "expected"), [(1.0, 0.8), (0.5, 16 / 17), (2.0, 2 / 3)])
def test_draws_follow_the_temperature_and_the_seed(temperature, expected):
    drawn = [draw((0.8, 0.2), temperature, seed) for seed in range(4000)]
    assert drawn == [draw((0.8, 0.2), temperature, seed) for seed in range(4000)]
    assert drawn.count(0) / len(drawn) == pytest.approx(expected, abs=0.03)
    assert any(a != b for a, b in pairwise(drawn))
