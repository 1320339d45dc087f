import json
import random
from dataclasses import replace

import numpy as np
import pytest

from debate_env.errors import InputError
from debateqd.qd.descriptors.clusters import Centroids, fit_centroids, own_words
from debateqd.qd.descriptors.embedding import HashingEmbedder

EMBEDDER = HashingEmbedder()
TOPICS = {
    name: tuple(words.split())
    for name, words in (
        ("sea", "boat harbour sail storm wave anchor captain tide mast rope"),
        ("law", "court judge verdict witness oath trial jury clause appeal plea"),
        ("food", "bread oven salt butter knife soup apple flour sugar spoon"),
    )
}


def speeches(seed=0, each=20):
    draw = random.Random(seed)
    return [" ".join(draw.choices(words, k=12)) for words in TOPICS.values() for _ in range(each)]


def nearest(centroids, text):
    row = EMBEDDER.embed([text])[0].astype(float)
    return int(np.argmax(np.array(centroids.vectors) @ row))


def quality(rows, centres):
    return float(np.sum(np.max(rows @ centres.T, axis=1)))


def test_topics_that_share_no_words_are_found():
    found = fit_centroids(EMBEDDER, speeches(), 3)
    for number, words in enumerate(TOPICS.values()):
        of_topic = {nearest(found, text) for text in speeches()[20 * number : 20 * number + 20]}
        assert len(of_topic) == 1
        assert nearest(found, " ".join(words)) in of_topic
    assert found.labels == ("c1", "c2", "c3")
    assert all(0.3 < reach < 1 for reach in found.reach)


def test_the_order_of_speeches_and_copies_change_nothing_and_the_seed_little():
    texts = speeches()
    found = fit_centroids(EMBEDDER, texts, 3, seed=5)
    again = fit_centroids(EMBEDDER, random.Random(1).sample(texts, len(texts)) * 2, 3, seed=5)
    assert found == again
    assert found.digest == again.digest
    rows = EMBEDDER.embed(texts).astype(float)
    other = fit_centroids(EMBEDDER, texts, 3, seed=6)
    assert quality(rows, np.array(other.vectors)) == pytest.approx(
        quality(rows, np.array(found.vectors)), rel=1e-4
    )


def test_it_is_as_good_as_another_implementation():
    cluster = pytest.importorskip("sklearn.cluster")
    rows = EMBEDDER.embed(speeches(3)).astype(float)
    for k in (2, 3, 5):
        ours = np.array(fit_centroids(EMBEDDER, speeches(3), k).vectors)
        theirs = cluster.KMeans(k, n_init=8, random_state=0).fit(rows).cluster_centers_
        theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
        assert quality(rows, ours) > 0.99 * quality(rows, theirs)


def test_the_largest_cluster_comes_first():
    texts = speeches()[:20] + speeches()[20:30] + speeches()[40:45]
    found = fit_centroids(EMBEDDER, texts, 3, labels=("big", "middle", "small"))
    assert nearest(found, texts[0]) == found.labels.index("big")
    assert nearest(found, texts[-1]) == found.labels.index("small")


def test_quotes_are_not_the_speakers_words():
    marked = 'I say <v_quote>the boat left</v_quote> so.\n <u_quote>"x"</u_quote>'
    assert own_words(marked) == "I say so."
    assert own_words("<v_quote>the boat left</v_quote>") == ""
    quoted = [f"{text} <v_quote>one and the same quote</v_quote>" for text in speeches()]
    assert fit_centroids(EMBEDDER, quoted, 3) == fit_centroids(EMBEDDER, speeches(), 3)


def test_a_file_reads_back_and_is_never_replaced(tmp_path):
    found = fit_centroids(EMBEDDER, speeches(), 3)
    path = tmp_path / "c.json"
    found.write(path)
    assert Centroids.read(path) == found
    with pytest.raises(InputError, match="exists already, and centroids never move"):
        found.write(path)
    # The layout of a file is nobody's business.
    path.write_text(json.dumps(json.loads(path.read_text()), indent=3))
    assert Centroids.read(path).digest == found.digest


def test_the_digest_names_everything():
    base = fit_centroids(EMBEDDER, speeches(), 2)
    changes = (
        {"labels": ("a", "b")},
        {"reach": (0.1, *base.reach[1:])},
        {"embedder": "another"},
        {"vectors": base.vectors[::-1]},
    )
    digests = {replace(base, **change).digest for change in changes}
    assert len({base.digest, *digests}) == 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "version 2 of centroids; readable is 1"),
        ({"labels": ["a"]}, "two or more, distinct"),
        ({"labels": ["a", "a"]}, "two or more, distinct"),
        ({"labels": ["a", "b", "c"]}, "3 labels need 3 vectors"),
        ({"reach": [0.1]}, "2 labels need 2 vectors"),
        ({"vectors": [[1.0, 0.0], [1.0]]}, "of one length"),
        ({"vectors": [["x"], [1.0]]}, "valid number"),
        ({"vectors": 7}, "valid tuple"),
    ],
)
def test_files_that_hold_no_centroids(tmp_path, change, said):
    path = tmp_path / "c.json"
    Centroids("e", ("a", "b"), ((1.0, 0.0), (0.0, 1.0)), (0.5, 0.5)).write(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=said) as caught:
        Centroids.read(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_files_that_are_none(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        Centroids.read(tmp_path / "none.json")
    for text in ("{", "[]", "\x00", "null"):
        path = tmp_path / "bad.json"
        path.write_text(text)
        with pytest.raises(InputError, match=r"bad\.json: "):
            Centroids.read(path)
