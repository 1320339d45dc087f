from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from debate_env.errors import InputError
from debateqd.agents.models.vllm import files as vllm_files
from debateqd.agents.models.vllm.files import content_digest, locate

WHERE = "model 'vllm:x'"
LARGE = 3 << 20


def make_folder(folder, weights=b"w" * 100):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "tiny"}))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def test_a_folder_keeps_its_digest_when_it_moves(tmp_path):
    folder = make_folder(tmp_path / "a")
    before = content_digest(folder)
    (folder / "README.md").write_text("Words about it.")
    (folder / ".cache").write_text("x")
    (folder / "adapter").mkdir()
    moved = folder.rename(tmp_path / "b")
    assert content_digest(moved) == before
    assert content_digest(make_folder(tmp_path / "c")) == before


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "chat_template.jinja", "x.py"])
def test_a_changed_setting_changes_the_digest(tmp_path, name):
    folder = make_folder(tmp_path / "a")
    before = content_digest(folder)
    (folder / name).write_text("changed")
    assert content_digest(folder) != before


def test_changed_weights_change_the_digest(tmp_path):
    weights = bytearray(b"w" * LARGE)
    digests = {content_digest(make_folder(tmp_path / "a", bytes(weights)))}
    digests.add(content_digest(make_folder(tmp_path / "longer", bytes(weights) + b"w")))
    weights[5] = 0  # in the head
    digests.add(content_digest(make_folder(tmp_path / "head", bytes(weights))))
    weights[-1] = 0  # in the last piece
    digests.add(content_digest(make_folder(tmp_path / "end", bytes(weights))))
    for place in range(1 << 20, LARGE, 1000):  # as training would
        weights[place] = 1
    digests.add(content_digest(make_folder(tmp_path / "trained", bytes(weights))))
    assert len(digests) == 5


def test_names_of_files_count(tmp_path):
    folder = make_folder(tmp_path / "a")
    before = content_digest(folder)
    (folder / "config.json").rename(folder / "other.json")
    assert content_digest(folder) != before


def test_a_folder_is_found(tmp_path):
    folder = make_folder(tmp_path / "a")
    found = f"content:{content_digest(folder)}"
    assert locate(str(folder), where=WHERE) == (folder, found)
    weights = folder / "model.gguf"
    weights.write_bytes(b"weights")
    assert locate(str(weights), where=WHERE).identity.startswith("content:")


@pytest.mark.parametrize(
    "name", ["/nowhere/model", "./model", "../model", "~/no-such-model", "a/b/c", "a\\b"]
)
def test_a_path_that_leads_nowhere_is_told(name):
    with pytest.raises(InputError, match="there is no folder") as caught:
        locate(name, where=WHERE)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_holds_no_model_is_told(tmp_path):
    with pytest.raises(InputError, match=r"has no config\.json"):
        locate(str(tmp_path), where=WHERE)


def hub_error(*names):
    """An error of the hub's library: told by the names of its classes."""
    kind = Exception
    for name in reversed(names):
        kind = type(name, (kind,), {})
    return kind("some\nlong text")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (hub_error("GatedRepoError", "RepositoryNotFoundError"), "gated"),
        (hub_error("RepositoryNotFoundError"), "no such model"),
        (hub_error("HFValidationError"), "no such model"),
        (hub_error("RevisionNotFoundError"), "no revision 'v9'"),
        (hub_error("LocalEntryNotFoundError", "EntryNotFoundError"), "cannot be reached"),
        (hub_error("OfflineModeIsEnabled"), "hf download some/model"),
        (hub_error("EntryNotFoundError"), "has no config.json"),
        (hub_error("SomethingNew"), "SomethingNew: some long text"),
    ],
)
def test_troubles_of_the_hub_are_explained(monkeypatch, error, expected):
    def refuse(*args, **options):
        raise error

    monkeypatch.setattr(vllm_files, "_hub", lambda: SimpleNamespace(hf_hub_download=refuse))
    with pytest.raises(InputError) as caught:
        locate("some/model", where=WHERE, revision="v9")
    assert str(caught.value).startswith(WHERE)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_hub_tells_the_commit(monkeypatch, tmp_path):
    asked = []

    def download(name, file, **options):
        asked.append((name, file, options))
        return str(tmp_path / "snapshots" / "abc123" / file)

    monkeypatch.setattr(vllm_files, "_hub", lambda: SimpleNamespace(hf_hub_download=download))
    assert locate("some/model", where=WHERE, revision="main", cache="c") == (
        None,
        "some/model@abc123",
    )
    assert asked == [("some/model", "config.json", {"revision": "main", "cache_dir": "c"})]
