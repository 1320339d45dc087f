"""``train.py`` as a user meets it, with the embedded model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from debateqd.agents.models.base import StoppedError
from debateqd.qd.store.directory import RunDirectory
from tests.qd.running import train as main
from tests.qd.training.test_start import contents
from tests.repository import ROOT

SMOKE = ["--config", "smoke", "--wandb", "disabled"]


def test_a_run_and_going_on(tmp_path, capsys):
    run_dir = tmp_path / "run"
    options = [*SMOKE, "--objective", "mix", "--seed", "3", "--set", "evolution.children=3"]
    assert main([*options, "--generations", "1", "--run-dir", str(run_dir)]) == 0
    out = capsys.readouterr().out
    assert "Simulation" in out
    assert "evaluate" in out
    run = RunDirectory.open(run_dir)
    assert (run.config.objective, run.config.seed, run.config.name) == ("mix", 3, "mix-seed3")
    assert run.config.evolution.children == 3
    assert str(run_dir) not in (run_dir / "config.yaml").read_text()
    assert main(["--resume", str(run_dir), "--generations", "2", "--wandb", "disabled"]) == 0
    assert RunDirectory.open(run_dir).generations() == [0, 1, 2]


def test_flags_reach_the_configuration(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = (
        "--objective truth --questions synthetic:passages=40 --model embedded:world=1 "
        "--judge-model embedded:world=2 --generations 3 --rounds 4 --max-tokens 99 --seed 5 "
        "--name mine --wandb offline --set evolution.tournament.elo.k=24 --dry-run"
    )
    assert main(flags.split()) == 0
    out = capsys.readouterr().out
    for line in (
        "name: mine",
        "objective: truth",
        "source: synthetic:passages=40",
        "debater: embedded:world=1",
        "judge: embedded:world=2",
        "generations: 3",
        "rounds: 4",
        "max_tokens: 99",
        "mutator_max_tokens: 99",
        "seed: 5",
        "wandb: offline",
        "k: 24",
    ):
        assert line in out
    assert "model calls      at most" in out
    assert list(tmp_path.iterdir()) == []


def test_the_default_directory_is_named_and_never_overwritten(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*SMOKE, "--generations", "0"]) == 0
    assert (tmp_path / "runs" / "persuasion-seed0" / "summary.json").exists()
    capsys.readouterr()
    assert main([*SMOKE, "--generations", "0"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--resume runs/persuasion-seed0" in line


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--objektive", "truth"], ["--objektive", "did you mean '--objective'"]),
        (["--objective", "trut"], ["--objective", "did you mean 'truth'"]),
        (["--wandb", "onlin"], ["--wandb", "'online'"]),
        (["--rounds", "x"], ["--rounds", "not a valid integer"]),
        (["--rounds", "0"], ["--rounds", "a whole number from 1"]),
        (["--set", "evolution.childen=3"], ["evolution.childen", "did you mean 'children'"]),
        (["--set", "seed"], ["--set seed", "section.key=value"]),
        (["--config", "smok"], ["--config", "did you mean 'smoke'"]),
        (["--model", "embeded"], ["embeded", "did you mean 'embedded'"]),
        (["--model", "embeded:world=3"], ["models.default", "did you mean 'embedded'"]),
        (["--judge-model", "embeded:world=3"], ["models.judge", "did you mean 'embedded'"]),
        (["--model", "embedded:wrld=3"], ["'wrld'", "did you mean 'world'"]),
        (["--model", "vllm"], ["models.default", "give its name or path"]),
        (["--model", "opnai:gpt"], ["models.default", "did you mean 'openai'"]),
        (["--gpus", "0"], ["--gpus", "greater than or equal to 1"]),
        (["--budget", "money=3", "--model", "vllm:x"], ["budget.money", "price of 'vllm:x'"]),
        (["--budget", "cals=3"], ["--budget cals=3", "did you mean 'calls'"]),
        (["--budget", "calls"], ["--budget calls=1000"]),
        (["--budget", "calls=many"], ["--budget calls=many", "a whole number"]),
        (["--set", "models.vllm.dtipe=x"], ["models.vllm.dtipe", "did you mean 'dtype'"]),
        (["--set", "models.overrides.juge.dtype=x"], ["unknown role 'juge'", "'judge'"]),
        (["--model", "no_such_package.x:make"], ["unknown model", "package.module:factory"]),
        (["--set", "evolution.mutation.operators.rewrit=1"], ["rewrit", "mean 'rewrite'"]),
        (["--set", "debate.protocol=simultanous"], ["debate.protocol", "did you mean 'simult"]),
        (["--set", "questions.train=1"], ["train=1", "number of questions"]),
        (["--questions", "builtn"], ["builtn", "builtin"]),
        (["--resume", "nowhere"], ["nowhere", "does not exist"]),
        (["--resume", "nowhere", "--seed", "1"], ["--seed cannot be changed"]),
        (["--log-level", "loud"], ["--log-level", "debug"]),
        (["extra"], ["extra"]),
    ],
)
def test_mistakes_are_one_line_and_status_2(options, parts, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dry = [] if "--resume" in options else ["--dry-run"]  # which goes with no --resume
    said = set()
    for more in ([], dry):
        assert main([*options, *more]) == 2
        captured = capsys.readouterr()
        (line,) = captured.err.splitlines()
        said.add(line)
        assert captured.out == ""
        assert list(tmp_path.iterdir()) == []
    assert len(said) == 1
    assert line.startswith("error: ")
    for part in parts:
        assert part in line


def test_a_dry_run_imports_no_model_of_ones_own(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_model").mkdir()
    mark = tmp_path / "imported"
    source = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n"
    (tmp_path / "own_model" / "__init__.py").write_text(source)
    (tmp_path / "own_model" / "client.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["--model", "own_model.client:make:x", "--dry-run"]) == 0
    assert "default: own_model.client:make:x" in capsys.readouterr().out
    assert not mark.exists()
    assert main(["--model", "own_model.client:make:x", "--wandb", "disabled"]) == 2
    assert "has no attribute 'make'" in capsys.readouterr().err
    assert mark.exists()


def start(run_dir: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "train.py", *SMOKE, "--generations", "5", "--run-dir", str(run_dir)]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def stop(process: subprocess.Popen[str], run_dir: Path, generation: int, how: int) -> str:
    """Send a signal as soon as a generation is committed; return what went to standard error."""
    mark = run_dir / "generations" / f"{generation:04d}.json"
    deadline = time.monotonic() + 600
    while not mark.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, how)
    return process.communicate(timeout=600)[1]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("runs") / "whole"
    assert main([*SMOKE, "--generations", "5", "--run-dir", str(run_dir)]) == 0
    return run_dir


def test_ctrl_c_says_how_to_go_on_and_loses_nothing(undisturbed, tmp_path):
    process = start(run_dir := tmp_path / "run")
    error = stop(process, run_dir, 1, signal.SIGINT)
    assert process.returncode == 130
    assert error == f"Interrupted; continue with: python train.py --resume {run_dir}\n"
    assert main(["--resume", str(run_dir), "--wandb", "disabled"]) == 0
    assert contents(run_dir) == contents(undisturbed)


def test_a_killed_run_ends_with_the_same_bytes(undisturbed, tmp_path):
    process = start(run_dir := tmp_path / "run")
    stop(process, run_dir, 2, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (run_dir / "summary.json").exists()
    assert main(["--resume", str(run_dir), "--wandb", "disabled"]) == 0
    assert contents(run_dir) == contents(undisturbed)


def test_a_run_that_gives_up_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    def give_up(config, run_dir, **more):
        run_dir.mkdir()
        (run_dir / "config.yaml").touch()
        raise StoppedError("the server is away")

    monkeypatch.setattr("debateqd.qd.commands.train.train", give_up)
    run_dir = tmp_path / "a run"
    assert main(["--config", "smoke", "--run-dir", str(run_dir), "--wandb", "disabled"]) == 1
    assert capsys.readouterr().err == (
        f"error: the server is away; continue with: debateqd train --resume '{run_dir}'\n"
    )


def test_a_broken_wandb_stops_nobody_who_did_not_ask_for_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "debateqd.qd.tracking.wandb", None)  # cannot be imported
    small = ("--config", "smoke", "--set", "evolution.generations=0", "--run-dir")
    assert main([*small, str(tmp_path / "a"), "--wandb", "auto"]) == 0
    shown = capsys.readouterr()
    assert "warning: nothing goes to Weights & Biases: ModuleNotFoundError(" in shown.err
    assert (tmp_path / "a" / "summary.json").exists()
    with pytest.raises(ModuleNotFoundError):
        main([*small, str(tmp_path / "b"), "--wandb", "offline"])
    assert not (tmp_path / "b").exists()
