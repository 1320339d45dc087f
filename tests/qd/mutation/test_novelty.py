import pytest
from hypothesis import given
from hypothesis import strategies as st

from debate_env.errors import InputError
from debateqd.qd.mutation.leaks import LeakGuard
from debateqd.qd.mutation.novelty import StrategyPool, normal_words
from debateqd.qd.seeds import seed_strategies

TEXT = " ".join(f"word{i}" for i in range(50))


def changed(text, *positions):
    words = text.split()
    for position in positions:
        words[position] = f"new{position}"
    return " ".join(words)


def kind(refusal):
    return refusal.kind if refusal else None


def test_copies_are_refused_whatever_their_case_punctuation_and_layout():
    pool = StrategyPool()
    pool.add("Quote the passage, word for word!", "s0007")
    refusal = pool.check(" quote THE passage\nword-for-word ")
    assert kind(refusal) == "exact_duplicate"
    assert "s0007" in refusal.message
    assert pool.check("Quote the passage and nothing else at all.") is None


def test_one_changed_word_is_a_near_copy_and_three_are_not():
    pool = StrategyPool([TEXT])
    refusal = pool.check(changed(TEXT, 20))
    assert kind(refusal) == "near_duplicate"
    assert refusal.message == "0.922 similar to #0"  # 47 of 51 pairs of words
    assert pool.check(changed(TEXT, 10, 20, 30)) is None


def test_the_threshold_itself_is_refused():
    # 10 words, 9 pairs; the last word differs: 8 shared of 10.
    base = "a b c d e f g h i j"
    pool = StrategyPool([base], near_duplicate=0.8)
    assert kind(pool.check("a b c d e f g h i x")) == "near_duplicate"
    assert StrategyPool([base], near_duplicate=0.81).check("a b c d e f g h i x") is None


def test_no_seed_is_near_another():
    texts = [s.text for s in seed_strategies()]
    for number, text in enumerate(texts):
        assert StrategyPool(texts[:number] + texts[number + 1 :], 0.3).check(text) is None


def test_texts_shorter_than_a_shingle():
    pool = StrategyPool(["Attack!", ""], shingle=3)
    assert kind(pool.check("attack")) == "exact_duplicate"
    assert kind(pool.check("...")) == "exact_duplicate"
    assert pool.check("attack twice") is None


WORDS = st.lists(st.sampled_from("abcd"), max_size=12).map(" ".join)


@given(
    st.lists(WORDS, max_size=8),
    WORDS,
    st.sampled_from([0.3, 0.5, 0.6, 0.75, 0.9, 1.0]),
    st.integers(1, 3),
)
def test_the_nearest_of_all_is_found(texts, new, threshold, n):
    def shingles(text):
        words = normal_words(text)
        return {words[i : i + n] for i in range(max(1, len(words) - n + 1))}

    def jaccard(a, b):
        return len(shingles(a) & shingles(b)) / len(shingles(a) | shingles(b))

    pool = StrategyPool(texts, threshold, n)
    expected = max((jaccard(new, t) for t in texts), default=0.0)
    similarity, name = pool.nearest(new)
    assert similarity == expected
    if texts:
        assert name == f"#{[jaccard(new, t) for t in texts].index(expected)}"
    assert (pool.check(new) is None) == (
        expected < threshold and normal_words(new) not in map(normal_words, texts)
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"near_duplicate": 0}, "near_duplicate 0: must be above 0, at most 1"),
        ({"near_duplicate": 1.1}, r"near_duplicate 1\.1: must be above 0, at most 1"),
        ({"shingle": 0}, "shingle 0: must be 1 or more words"),
    ],
)
def test_unusable_pools(options, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        StrategyPool(**options)


# --- leaks ------------------------------------------------------------------------------------

PASSAGE = (
    "The old keeper climbed the stairs at dusk, lit the lamp, and watched the grey sea darken."
)


def test_a_strategy_that_quotes_a_passage_is_refused():
    guard = LeakGuard(["Another passage.", PASSAGE], words=8)
    leak = "Say: the keeper... no. THE OLD KEEPER climbed the stairs -- at dusk! Then stop."
    refusal = guard.check(leak)
    assert kind(refusal) == "leak"
    assert refusal.message == "quotes a passage: 'the old keeper climbed the stairs at dusk'"
    assert guard.check("The old keeper climbed the stairs at noon, then lit the lamp.") is None
    assert LeakGuard([PASSAGE], words=7).check("old keeper climbed the stairs at dusk") is not None


def test_words_do_not_run_from_one_passage_into_the_next():
    guard = LeakGuard(["a b c d", "e f g h"], words=8)
    assert guard.check("a b c d e f g h") is None


def test_seeds_are_never_leaks_of_an_unrelated_passage():
    guard = LeakGuard([PASSAGE])
    assert all(guard.check(s.text) is None for s in seed_strategies())
    with pytest.raises(InputError, match=r"^leak_words 0: must be 1 or more$"):
        LeakGuard([], words=0)
