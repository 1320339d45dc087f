import re
from itertools import combinations

from debateqd.qd.mutation.novelty import normal_words
from debateqd.qd.seeds import FAMILIES, SEED_TEXTS, seed_strategies


def test_thirty_five_seeds_in_seven_families_of_five():
    seeds = seed_strategies()
    assert [s.strategy_id for s in seeds] == [f"s{i:04d}" for i in range(35)]
    assert [s.family for s in seeds] == [f for f in FAMILIES for _ in range(5)]
    assert tuple(SEED_TEXTS) == FAMILIES
    assert all(s.operator == "seed" and not s.parents and s.generation == 0 for s in seeds)


def test_seeds_are_frozen_texts_of_the_promised_length():
    for seed in seed_strategies():
        assert 35 <= len(seed.text.split()) <= 70, seed
        assert seed.text == " ".join(seed.text.split())
        assert seed.text.isascii()
        assert seed.text.endswith(".")


def test_seeds_differ_in_substance():
    # Far below the near-duplicate threshold, and few shared content words within any pair.
    words = {
        s.strategy_id: {w for w in normal_words(s.text) if len(w) > 4} for s in seed_strategies()
    }
    worst = max(
        (len(words[a] & words[b]) / len(words[a] | words[b]), a, b)
        for a, b in combinations(words, 2)
    )
    assert worst[0] < 0.35, worst


def test_seeds_can_stand_in_a_prompt_unchanged():
    for seed in seed_strategies():
        assert not re.search(r"[<>{}\d]", seed.text)
