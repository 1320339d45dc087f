from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debateqd.agents.models.vllm.choices import ChoiceTree, choice_tree, draw, weigh


def by_character(text):
    """Encode every character as a token of its own."""
    return [ord(character) for character in text]


def letters(text):
    """Encode like a vocabulary in which "A" and " A" are tokens."""
    return [ord(text[-1]) + (1000 if text[0] == " " else 0)] if text else []


def test_letters_need_one_question_and_both_ways_of_writing_them_count():
    tree = choice_tree(("A", "B"), letters, lambda text: None)
    assert tree.paths == (((65,), (1065,)), ((66,), (1066,)))
    assert tree.forks == {(): (65, 1065, 66, 1066)}
    assert tree.depth == 1
    seen = {65: 0.1, 1065: 0.2, 66: 0.05, 1066: 0.05}
    weights = weigh(tree, {(): {token: math.log(p) for token, p in seen.items()}})
    assert weights.probabilities == pytest.approx((0.75, 0.25))
    assert weights.missing_mass == pytest.approx(0.6)


def test_a_token_that_is_the_choice_itself_counts_too():
    tree = choice_tree(("A", "B"), lambda text: [1000 + ord(text[-1])], {"A": 7, "B": 8}.get)
    assert tree.forks == {(): (1065, 7, 1066, 8)}


def test_ways_that_take_more_tokens_are_left_out():
    tree = choice_tree(("A", "B"), by_character, lambda text: None)
    assert tree.paths == (((65,),), ((66,),))
    tokens = {"no": (1, 2), " no": (3,), "yes": (4,), " yes": (5,)}
    tree = choice_tree(("no", "yes"), tokens.__getitem__, lambda text: None)
    assert tree.paths == (((1, 2), (3,)), ((4,), (5,)))


def test_no_way_of_writing_belongs_to_two_choices():
    tree = choice_tree(("A", " A"), by_character, lambda text: None)
    assert tree.paths == (((65,),), ((32, 65),))
    with pytest.raises(ValueError, match="cannot be told"):
        choice_tree(("A", "A"), by_character, lambda text: None)


def test_a_choice_that_no_token_writes_is_refused():
    with pytest.raises(ValueError, match="'A'"):
        choice_tree(("A", "B"), lambda text: [], lambda text: None)


TOKENS = 4
words = st.lists(st.integers(0, TOKENS - 1), min_size=1, max_size=3).map(tuple)


@st.composite
def trees(draw):
    paths = draw(st.lists(words, min_size=2, max_size=6, unique=True))
    forks = {(): {}}
    for path in paths:
        for place, token in enumerate(path):
            forks.setdefault(path[:place], {})[token] = None
    return ChoiceTree(
        tuple((path,) for path in paths), {key: tuple(tokens) for key, tokens in forks.items()}
    )


@given(trees(), st.data())
@settings(max_examples=100, deadline=None)
def test_probabilities_are_those_of_the_model(tree, data):
    # What follows a prefix: a distribution over the tokens and the end of the text.
    following = {
        prefix: data.draw(
            st.lists(st.floats(0.01, 1.0), min_size=TOKENS + 1, max_size=TOKENS + 1).map(
                lambda raw: [value / sum(raw) for value in raw]
            )
        )
        for prefix in tree.forks
    }
    seen = {
        prefix: {token: math.log(following[prefix][token]) for token in tokens}
        for prefix, tokens in tree.forks.items()
    }

    def reach(path):
        return math.prod(following[path[:place]][token] for place, token in enumerate(path))

    exact = [
        reach(path) - sum(reach((*path, token)) for token in tree.forks.get(path, ()))
        for ((path,),) in zip(tree.paths, strict=True)
    ]
    weights = weigh(tree, seen)
    assert sum(weights.probabilities) == pytest.approx(1.0)
    assert weights.missing_mass == pytest.approx(1.0 - sum(exact), abs=1e-9)
    for probability, mass in zip(weights.probabilities, exact, strict=True):
        assert probability * sum(exact) == pytest.approx(mass, abs=1e-9)


def test_probabilities_too_small_for_a_number_still_compare():
    tree = choice_tree(("A", "B"), by_character, lambda text: None)
    seen = {prefix: dict.fromkeys(tokens, -5000.0) for prefix, tokens in tree.forks.items()}
    seen[()][ord("A")] += 1.0
    weights = weigh(tree, seen)
    assert weights.probabilities[0] == pytest.approx(1 / (1 + math.exp(-1)))
    assert weights.missing_mass == 1.0


def test_a_model_that_gives_no_choice_any_probability_is_told():
    tree = choice_tree(("A", "B"), letters, lambda text: None)
    with pytest.raises(ValueError, match="none of the choices"):
        weigh(tree, {(): dict.fromkeys(tree.forks[()], -math.inf)})


@pytest.mark.parametrize("value", [None, math.nan, math.inf, 5.0])
def test_probabilities_that_are_none_are_told(value):
    tree = choice_tree(("A", "B"), letters, lambda text: None)
    seen = dict.fromkeys(tree.forks[()], -1.0) | {65: value}
    if value is None:
        del seen[65]
    with pytest.raises(ValueError, match="gave no probabilities"):
        weigh(tree, {(): seen})


def test_the_most_probable_choice_is_drawn_at_temperature_0():
    assert draw((0.2, 0.5, 0.3), 0.0, seed=1) == 1
    assert draw((0.4, 0.4, 0.2), 0.0, seed=1) == 0


@pytest.mark.parametrize(("temperature", "expected"), [(1.0, 0.8), (0.5, 16 / 17), (2.0, 2 / 3)])
def test_draws_follow_the_temperature_and_the_seed(temperature, expected):
    drawn = [draw((0.8, 0.2), temperature, seed) for seed in range(4000)]
    assert drawn == [draw((0.8, 0.2), temperature, seed) for seed in range(4000)]
    assert drawn.count(0) / len(drawn) == pytest.approx(expected, abs=0.03)
    assert any(a != b for a, b in pairwise(drawn))
