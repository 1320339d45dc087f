import numpy as np
import pytest

from debate_env.errors import InputError
from debateqd.qd.archive.axes import Labels, Placement
from debateqd.qd.archive.base import Entry
from debateqd.qd.archive.grid import Archive
from debateqd.qd.config.schema import ArchiveConfig
from debateqd.qd.descriptors.base import BehaviourSummary
from debateqd.qd.descriptors.clusters import EmbeddingCluster, fit_centroids, make_embedding_cluster
from debateqd.qd.descriptors.embedding import HashingEmbedder
from debateqd.qd.descriptors.testing import check_descriptor
from debateqd.qd.descriptors.utterances import Utterance
from debateqd.qd.strategy import Strategy
from tests.qd.descriptors.test_clusters import TOPICS, speeches

EMBEDDER = HashingEmbedder()
CENTROIDS = fit_centroids(EMBEDDER, speeches(), 3)
CLUSTER = EmbeddingCluster(EMBEDDER, CENTROIDS)
ME = Strategy("s0001", "authority", "Argue.")
FAR = "Violin trumpet orchestra, melody rhythm chorus!"


def measure(*texts):
    chosen = (CLUSTER,)
    return BehaviourSummary.of_match(list(map(Utterance, texts)), chosen).behaviour(ME, chosen)[
        "embedding_cluster"
    ]


def test_it_keeps_the_contract():
    check_descriptor(CLUSTER, CLUSTER.axis)
    check_descriptor(CLUSTER, CLUSTER.axis, [Utterance(text) for text in speeches()])


def test_speeches_of_a_topic_belong_together():
    labels = [measure(*speeches()[start : start + 20]) for start in (0, 20, 40)]
    assert sorted(map(str, labels)) == ["c1", "c2", "c3"]
    assert measure(*speeches(9)[20:40]) == labels[1]  # speeches that it has not seen


def test_it_is_the_centroid_nearest_to_the_mean_embedding():
    for texts in (speeches()[15:30], speeches()[35:45], speeches()[10:50:3]):
        mean = EMBEDDER.embed(texts).astype(float).mean(axis=0)
        near = np.array(CENTROIDS.vectors) @ mean
        expected = CENTROIDS.labels[int(np.argmax(near))]
        if (near < CENTROIDS.reach).all():
            expected = "out_of_range"
        assert measure(*texts) == expected


def test_far_from_all_centroids_is_reported_and_not_clipped():
    assert measure(FAR) == "out_of_range"
    assert CLUSTER.axis.place("out_of_range") == Placement(3, outside=True)
    archive = Archive([CLUSTER.axis])
    near, far = measure(*speeches()[:9]), measure(FAR)
    (event,) = archive.place(Entry("s1", 1.0, {"embedding_cluster": far}))
    assert event.kind == "inserted"
    assert event.outside == ("embedding_cluster",)
    archive.place(Entry("s2", 1.0, {"embedding_cluster": near}))
    assert archive.out_of_range == {"embedding_cluster": 1}
    assert (len(archive), archive.coverage(), archive.qd_score(0.0)) == (2, 1 / 3, 1.0)
    assert archive.describe((3,)) == "out_of_range"


def test_quotes_do_not_place_a_strategy():
    sea, law = " ".join(TOPICS["sea"]), " ".join(TOPICS["law"])
    assert measure(f"{sea} <v_quote>{law}, {law}, {law}</v_quote>") == measure(sea)
    assert measure(f"<v_quote>{sea}</v_quote>", "...") is None


def test_the_axis_names_what_decides():
    assert isinstance(CLUSTER.axis, Labels)
    assert CENTROIDS.digest in CLUSTER.axis.source
    assert EMBEDDER.fingerprint in CLUSTER.axis.source
    moved = EmbeddingCluster(EMBEDDER, fit_centroids(EMBEDDER, speeches(4), 3))
    assert moved.axis.labels == CLUSTER.axis.labels
    assert moved.axis != CLUSTER.axis


def test_it_is_made_from_a_configuration(tmp_path):
    path = tmp_path / "c.json"
    CENTROIDS.write(path)
    config = ArchiveConfig.model_validate({"embedding": {"centroids": str(path)}})
    assert make_embedding_cluster(config).axis == CLUSTER.axis
    other = {"embedding": {"centroids": str(path), "embedder": "hashing:64"}}
    with pytest.raises(InputError, match="belong to the embedder"):
        make_embedding_cluster(ArchiveConfig.model_validate(other))
    with pytest.raises(InputError, match="fit new ones"):
        EmbeddingCluster(HashingEmbedder(64), CENTROIDS)
