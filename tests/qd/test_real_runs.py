"""Complete runs on real engines and real passages: train, evaluate, resume, replay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from debateqd.qd.store.directory import RunDirectory
from tests.qd.running import evaluate
from tests.qd.running import train as main
from tests.qd.training.test_start import contents
from tests.real_servers import transformers_server, vllm_server

SMALL = {
    "debate": {"rounds": 1, "word_limit": 40},
    "evolution": {
        "generations": 1,
        "children": 2,
        "report": {"questions": 1},
    },
    "tracking": {"wandb": "disabled"},
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    pytest.importorskip("vllm")
    from tests.tiny_model import make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def configured(data_dir, tmp_path):
    """Write a small configuration on real passages; return what makes train.py use it."""

    def write(debates=24, **models):
        source = f"quality:{data_dir / 'quality2opt_spare16.jsonl.gz'}"
        splits = {"source": source, "train": 4, "selection": 2, "report": 2, "test": 4}
        file = tmp_path / "small.yaml"
        evolution = {**SMALL["evolution"], "tournament": {"debates": debates, "waves": 2}}
        asked = {"max_tokens": 40, **models}
        config = {**SMALL, "questions": splits, "evolution": evolution, "models": asked}
        file.write_text(yaml.safe_dump(config))
        return ["--config", str(file)]

    return write


def check(run_dir: Path) -> None:
    """A finished run, every debate of which has a verdict, and its evaluation."""
    run = RunDirectory.open(run_dir)
    summary = run.summary()
    assert summary is not None
    assert summary["complete"]
    assert summary["totals"]["unusable"] == 0
    assert summary["verdict_methods"].keys() == {"probabilities"}
    report = run_dir / "evaluation" / "report.json"
    assert set(json.loads(report.read_text())["splits"]) == {"train", "selection", "test"}


@pytest.mark.vllm
def test_a_run_on_vllm(tiny, configured, tmp_path):
    options = configured(
        default=f"vllm:{tiny}",
        mutator="embedded",
        vllm={
            "dtype": "float32",
            "max_model_len": 16384,
            "max_num_seqs": 32,
            "extra": {"kv_cache_memory_bytes": 1 << 28},
        },
    )
    run_dir = tmp_path / "run"
    assert main([*options, "--run-dir", str(run_dir)]) == 0
    assert evaluate([str(run_dir), "--elites", "2", "--archive-questions", "0"]) == 0
    check(run_dir)
    # Random weights would rather say anything than a letter, and that is reported.
    assert RunDirectory.open(run_dir).summary()["missing_mass"] > 0.9
    # With its journal the same run asks no model, and leaves the same files.
    again = tmp_path / "again"
    journal = ["--journal", str(run_dir / "journal.sqlite")]
    assert main([*options, *journal, "--run-dir", str(again)]) == 0
    kept = {n: b for n, b in contents(run_dir).items() if not n.startswith(("evaluation", "jour"))}
    assert contents(again) == kept
    events = map(json.loads, (again / "telemetry.jsonl").read_text().splitlines())
    delivery = [e["delivery"][f"vllm:{tiny}"] for e in events if e["event"] == "generation"]
    assert all(set(counts) == {"replayed"} for counts in delivery)


@pytest.mark.server
def test_a_run_on_a_vllm_server(tiny, configured, tmp_path):
    options = configured(default="openai:tiny", mutator="embedded")
    run_dir = tmp_path / "run"
    with vllm_server(tiny, tmp_path / "log") as url:
        stopped = [*options, "--base-url", url, "--run-dir", str(run_dir), "--budget", "calls=60"]
        assert main(stopped) == 3
    with vllm_server(tiny, tmp_path / "log") as url:  # at another address, as after a night
        going_on = ["--base-url", url, "--budget", "calls=100000", "--wandb", "disabled"]
        assert main(["--resume", str(run_dir), *going_on]) == 0
        assert evaluate([str(run_dir), "--elites", "2", "--archive-questions", "0"]) == 0
    check(run_dir)


@pytest.mark.server
def test_a_run_on_a_server_without_log_probabilities(tiny, configured, tmp_path, capsys):
    # This server answers one request after another, and much of what random weights say is redrawn.
    few = {"debates": 8, "default": f"openai:{tiny}", "max_tokens": 16}
    options = configured(**few, judge="embedded", mutator="embedded")
    run_dir = tmp_path / "run"
    with transformers_server(tiny, tmp_path / "log") as url:
        assert main([*options, "--base-url", url, "--run-dir", str(run_dir)]) == 0
        assert evaluate([str(run_dir), "--elites", "1", "--archive-questions", "0"]) == 0
        assert "log-probabilities no" in capsys.readouterr().out
        check_debates = RunDirectory.open(run_dir).matches()
        assert all(match.usable for match in check_debates)
        # Random weights name no letter: the run gives up early, with the reason and an example.
        asked = configured(**few, mutator="embedded", verdict={"votes": 3})
        status = main([*asked, "--base-url", url, "--run-dir", str(tmp_path / "hopeless")])
    assert status == 1
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert "no usable verdict" in line
    assert "unparsable_verdict" in line
