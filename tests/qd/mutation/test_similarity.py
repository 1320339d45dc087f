"""Near-duplicates by meaning: refused from a cosine on, beside those by words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from debate_env.errors import InputError
from debateqd.qd.config.schema import MutationConfig
from debateqd.qd.descriptors.embedding import HashingEmbedder, Rows, unit_rows
from debateqd.qd.mutation.novelty import MeaningPool, StrategyPool
from debateqd.qd.seeds import seed_strategies
from debateqd.qd.training.breeding import novelty_pool


class Synonyms:
    """Places texts by what they are about, whatever the words."""

    name = fingerprint = "synonyms"
    topics = (("quote", "cite"), ("attack", "refute"), ("story", "tale"))

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Rows:
        self.asked += texts
        rows = [[sum(w in t.lower() for w in topic) for topic in self.topics] for t in texts]
        return unit_rows(np.array(rows, dtype=float).reshape(len(texts), len(self.topics)))


def pool(*texts: str, near: float = 0.95) -> MeaningPool:
    found = MeaningPool(StrategyPool(), Synonyms(), near)
    for number, text in enumerate(texts):
        found.add(text, f"s{number}")
    return found


def test_the_same_thing_in_other_words_is_refused():
    refusal = pool("Attack him.", "Quote it often.").check("Cite the passage again and again.")
    assert refusal is not None
    assert refusal.kind == "near_duplicate"
    assert refusal.message == "1.000 similar in meaning to s1"
    assert pool("Quote it often.").check("Tell a story.") is None


def test_copies_by_words_are_refused_first():
    assert pool("Quote it.").check("QUOTE IT").kind == "exact_duplicate"


def test_the_threshold_itself_is_refused():
    # Cosine of (1, 1, 0) and (1, 0, 0): 0.707.
    assert pool("Quote it.", near=0.7).check("Quote and attack.") is not None
    assert pool("Quote it.", near=0.72).check("Quote and attack.") is None


def test_nothing_known_and_texts_without_a_place():
    assert pool().check("Quote.") is None
    assert pool("Quote.").nearest("Sing.") == (0.0, "")
    assert pool("Sing.").check("Dance.") is None


def test_many_texts_grow_the_pool():
    found = MeaningPool(StrategyPool(), HashingEmbedder(), 0.999)
    texts = [f"word{k} other{k * 7} third{k * 13}" for k in range(300)]
    for text in texts:
        assert found.check(text) is None
        found.add(text)
    assert all(found.check(text) for text in texts)
    assert found.nearest(texts[250]) == (1.0, "#250")


def test_a_text_is_embedded_once_when_it_is_checked_and_taken():
    found = pool()
    found.check("Quote.")
    found.add("Quote.")
    assert found._embedder.asked == ["Quote."]


def test_no_seed_means_the_same_as_another():
    config = MutationConfig(embedder="hashing")
    found = novelty_pool(config)
    for seed in seed_strategies():
        assert found.check(seed.text) is None
        found.add(seed.text, seed.strategy_id)
    assert isinstance(novelty_pool(MutationConfig()), StrategyPool)


def test_mistakes_are_named():
    with pytest.raises(InputError, match="near_meaning"):
        pool(near=0.0)
    with pytest.raises(InputError, match="hashing"):
        novelty_pool(MutationConfig(embedder="hashin"))
