import json
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from debate_env.errors import InputError
from debateqd.qd.descriptors.embedding import (
    EMBEDDERS,
    HashingEmbedder,
    TextEmbedder,
    make_embedder,
    unit_rows,
)

LAMP = "She kept a lamp on the sill and set it burning every evening."
LAMPS = "Every evening she set the lamp burning; she kept it on the sill."
STORM = "Nobody expected such heavy weather before the harvest was brought home."


def cosine(embedder, a, b):
    first, second = embedder.embed([a, b])
    return float(first @ second)


def check_embedder(embedder):
    """What every text embedder promises."""
    assert isinstance(embedder, TextEmbedder)
    assert embedder.fingerprint
    assert "\n" not in embedder.fingerprint
    texts = [LAMP, STORM, "", "...", LAMP, "🙂 \ud800 x"]
    rows = embedder.embed(texts)
    assert rows.dtype == np.float32
    assert rows.ndim == 2
    assert np.array_equal(rows, np.concatenate([embedder.embed([text]) for text in texts]))
    assert np.array_equal(rows[0], rows[4])
    lengths = np.linalg.norm(rows.astype(float), axis=1)
    assert lengths[:2] == pytest.approx(1)
    assert lengths[2] == 0
    assert embedder.embed([]).shape == (0, rows.shape[1])
    assert cosine(embedder, LAMP, LAMPS) > cosine(embedder, LAMP, STORM) + 0.3


def test_the_hashing_embedder_keeps_the_contract():
    check_embedder(HashingEmbedder())
    check_embedder(make_embedder("hashing:64"))


@pytest.mark.parametrize("spec", ["hashing", "hashing:64"])
def test_specifications_say_the_dimension(spec):
    made = make_embedder(spec)
    assert make_embedder(f" {spec} ").fingerprint == made.fingerprint
    assert made.embed([LAMP]).shape == (1, 512 if spec == "hashing" else 64)


def test_rows_are_the_same_on_every_machine_and_in_every_process():
    row = HashingEmbedder(16).embed(["the lamp the sill"])[0]
    assert [round(float(x), 4) for x in row] == PINNED
    code = (
        "from debateqd.qd.descriptors.embedding import HashingEmbedder as H; "
        "print(H(16).embed(['the lamp the sill']).tobytes().hex())"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        )
        assert done.stdout.strip() == row.tobytes().hex()


# The weights are 1, 1 and, for the word that occurs twice, the root of 2.
PINNED = [0.0] * 4 + [-0.5, 0.0, 0.0, -0.5] + [0.0] * 7 + [-0.7071]


@given(st.lists(st.sampled_from(["one", "two", "three", "four"]), min_size=1, max_size=30))
def test_hashing_knows_words_and_not_their_order_or_case(words):
    shuffled = random.Random(0).sample(words, len(words))
    rows = HashingEmbedder().embed([" ".join(words), ", ".join(shuffled).upper() + "!"])
    assert np.array_equal(rows[0], rows[1])


def test_unit_rows_leave_nothing_nothing():
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0], [-1e-30, 0.0]]))
    assert rows.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0, 0], [-1, 0]]


class Own:
    name = "own"
    fingerprint = "own/1"

    def __init__(self, rest):
        assert rest == ""

    def embed(self, texts):
        return np.ones((len(texts), 1), dtype=np.float32)


def test_one_of_ones_own():
    assert make_embedder(f"{__name__}:Own").fingerprint == "own/1"
    assert EMBEDDERS.names() == ("hashing", "model2vec")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("hashin", "unknown embedder 'hashin': did you mean 'hashing'"),
        ("hashing:many", "dimension 'many' must be a whole number"),
        ("hashing:1", "dimension 1 must be 2 or more"),
        ("model2vec", "'' is not a folder"),
        ("model2vec:/no/such/folder", "'/no/such/folder' is not a folder"),
        ("no.such:thing", "cannot be imported"),
        (f"{__name__}:LAMP", "a str is no embedder"),
    ],
)
def test_specifications_that_make_no_embedder(spec, said):
    with pytest.raises(InputError, match=said):
        make_embedder(spec)


def test_without_the_extra_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "model2vec", None)
    with pytest.raises(InputError, match=r"pip install \"debateqd\[embeddings\]\""):
        make_embedder(f"model2vec:{tmp_path}")


def test_no_embedding_library_is_imported_unasked():
    code = (
        "import sys, debateqd.qd.descriptors.base, debateqd.qd.descriptors.embedding\n"
        "import debateqd.qd.descriptors.clusters\n"
        "print([m for m in ('model2vec', 'tokenizers', 'torch', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def static_model(tmp_path_factory):
    """A tiny model of model2vec in a folder, every word with a vector of its own."""
    model2vec = pytest.importorskip("model2vec")
    tokenizers = pytest.importorskip("tokenizers")
    words = sorted({w.strip(".;") for t in (LAMP, LAMPS, STORM) for w in t.lower().split()})
    vocabulary = {word: number for number, word in enumerate(["[UNK]", *words])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    vectors = np.random.default_rng(0).normal(size=(len(vocabulary), 48)).astype(np.float32)
    vectors[0] = 0
    folder = tmp_path_factory.mktemp("models") / "tiny"
    model2vec.StaticModel(vectors, tokenizer).save_pretrained(folder)
    return folder


@pytest.mark.bridge
def test_a_static_model_keeps_the_contract(static_model):
    embedder = make_embedder(f"model2vec:{static_model}")
    check_embedder(embedder)
    assert make_embedder(f"model2vec:{static_model}").fingerprint == embedder.fingerprint


@pytest.mark.bridge
def test_the_fingerprint_of_a_static_model_is_that_of_its_files(static_model, tmp_path):
    import shutil

    moved = tmp_path / "elsewhere"
    shutil.copytree(static_model, moved)
    here, there = (make_embedder(f"model2vec:{p}") for p in (static_model, moved))
    assert here.fingerprint == there.fingerprint
    config = json.loads((moved / "config.json").read_text())
    (moved / "config.json").write_text(json.dumps(config | {"remark": 1}))
    assert make_embedder(f"model2vec:{moved}").fingerprint != here.fingerprint


@pytest.mark.bridge
def test_a_folder_without_a_static_model(static_model, tmp_path):
    with pytest.raises(InputError, match="no model2vec model"):
        make_embedder(f"model2vec:{tmp_path}")
