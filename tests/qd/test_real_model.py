"""A run on a real language model that is far too small: two servers, kills, and what is promised.

What the model says is up to it, and mostly nonsense. Asserted is what holds whatever it says.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from debateqd.qd.store.directory import RunDirectory
from tests.qd.running import evaluate, train
from tests.qd.training.test_start import contents
from tests.real_servers import llama_server, real_model_folder
from tests.repository import ROOT

pytestmark = pytest.mark.real_model

PLAY = {
    "questions": {
        "source": "synthetic:passages=8,words=60,questions=1",
        "train": 2,
        "selection": 2,
        "report": 1,
        "test": 1,
    },
    "debate": {"rounds": 1, "word_limit": 30},
    "models": {"default": "openai:smollm2", "max_tokens": 40, "mutator_max_tokens": 200},
    "evolution": {
        "generations": 2,
        "children": 2,
        "archive": {"axes": [{"name": "certainty", "edges": [-1.0, 1.0]}]},
        "tournament": {"debates": 4, "waves": 1},
        "report": {"questions": 1, "every": 0},
    },
    "tracking": {"wandb": "disabled"},
}


@dataclass(frozen=True)
class Played:
    """A run that was killed, went on, lost a server, and was evaluated.

    Attributes:
        folder: Its directory.
        options: What it was started with.
        said: What it printed, killed and resumed.
        statuses: How the two parts ended.
        before: Replies in the journal when it was killed.
        after: Replies when it had ended, before the evaluation.
        files: What it had left by then.
        computed: Prompt tokens that each server computed until the kill.
    """

    folder: Path
    options: Sequence[str]
    said: tuple[str, str]
    statuses: tuple[int, int]
    before: dict[bytes, tuple[object, ...]]
    after: dict[bytes, tuple[object, ...]]
    files: dict[str, bytes]
    computed: tuple[int, int]


def replies(run: Path) -> dict[bytes, tuple[object, ...]]:
    """What the journal of a run holds by now, by key; empty before there is one."""
    file = run / "journal.sqlite"
    if not file.exists():
        return {}
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as journal:
        tables = {name for (name,) in journal.execute("SELECT name FROM sqlite_master")}
        rows = journal.execute("SELECT * FROM replies").fetchall() if "replies" in tables else []
    return {row[0]: row[1:] for row in rows}


def start(options: Sequence[str], said: Path) -> subprocess.Popen[bytes]:
    """Begin ``train.py`` in a process of its own."""
    with said.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "train.py"), *options],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def wait(process: subprocess.Popen[bytes], enough: Callable[[], bool]) -> None:
    """Wait until something has come about, or the process has ended."""
    while process.poll() is None and not enough():
        time.sleep(0.2)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    real_model_folder()
    scratch = tmp_path_factory.mktemp("real")
    run, config, said = scratch / "run", scratch / "play.yaml", scratch / "said"
    config.write_text(yaml.safe_dump(PLAY))
    options = ["--config", "smoke", "--config", str(config), "--objective", "persuasion"]
    with ExitStack() as stack:
        servers = [stack.enter_context(llama_server(scratch / f"server{n}")) for n in range(2)]
        for server in servers:
            options += ["--base-url", server.url]
        process = start([*options, "--run-dir", str(run)], said)
        wait(process, lambda: len(replies(run)) >= 6)
        process.kill()
        killed = (said.read_text(), process.wait(), replies(run))
        computed = tuple(server.prompt_tokens() for server in servers)
        process = start(["--resume", str(run), "--wandb", "disabled"], said)
        wait(process, lambda: len(replies(run)) >= len(killed[2]) + 8)
        os.killpg(servers[1].pid, signal.SIGKILL)
        resumed = (process.wait(), said.read_text(), replies(run))
        files = contents(run)
        play = [str(run), "--elites", "1", "--archive-questions", "0", "--split", "test"]
        assert evaluate(play) == 0, resumed[1]
        yield Played(
            run,
            options,
            (killed[0], resumed[1]),
            (killed[1], resumed[0]),
            killed[2],
            resumed[2],
            files,
            computed,
        )


def test_a_killed_run_goes_on_and_pays_for_nothing_twice(played):
    assert played.statuses == (-signal.SIGKILL, 0), played.said
    assert played.before
    assert played.after.items() >= played.before.items()
    assert len(played.after) > len(played.before)
    summary = RunDirectory.open(played.folder).summary()
    assert summary["complete"]
    assert summary["generations"] == 2


def test_both_replicas_are_used(played):
    assert all(computed > 200 for computed in played.computed)  # a probe computes less


def test_with_its_journal_a_run_asks_no_server_and_leaves_the_same_files(played, tmp_path):
    again = tmp_path / "again"
    journal = ["--journal", str(played.folder / "journal.sqlite")]
    assert train([*played.options, *journal, "--run-dir", str(again)]) == 0
    kept = {n: b for n, b in played.files.items() if not n.startswith("journal")}
    assert contents(again) == kept
    events = map(json.loads, (again / "telemetry.jsonl").read_text().splitlines())
    delivery = [e["delivery"]["openai:smollm2"] for e in events if e["event"] == "generation"]
    assert delivery
    assert all(set(counts) == {"replayed"} for counts in delivery)


def test_every_debate_has_a_verdict_or_says_what_it_lacks(played):
    run = RunDirectory.open(played.folder)
    matches = run.matches()
    assert len(matches) == sum(g["debates"] for g in run.summary()["by_generation"])
    for match in matches:
        if not match.usable:
            assert match.kind == "unusable"  # an error would be the client's
            assert match.message
            continue
        assert match.verdict["method"] == "probabilities"
        assert sum(match.credence) == pytest.approx(1.0)
        assert all(0.0 <= p <= 1.0 for order in match.orders for p in order)
        for speech in run.transcript(match):
            assert not re.search(r"</?(side|strategy|instruction|question|answer)\b", speech.text)


def test_the_evaluation_counts_what_the_run_promises(played):
    report = json.loads((played.folder / "evaluation" / "report.json").read_text())
    assert set(report["splits"]) == {"test"}


def dense(number: int) -> str:
    """A text with few characters to a token: names, dates and sums."""
    return " ".join(
        f"No. {7919 * k % 9973:04d}/{number}: Kjærsgaard ({k % 28 + 1}.{k % 12 + 1}.1897) owed "
        f"£{613 * k % 8191}.{k % 100:02d}, xq-{k * k % 997}."
        for k in range(60)
    )


def test_a_passage_has_room_or_the_run_says_so_before_the_first_debate(tmp_path, capsys):
    real_model_folder()
    questions = [
        {
            "question_id": f"q{n}",
            "passage_id": f"p{n}",
            "passage": dense(n),
            "question": "Who owed the most?",
            "answers": ["Kjærsgaard", "nobody"],
            "label": n % 2,
        }
        for n in range(3)
    ]
    file, config = tmp_path / "dense.jsonl", tmp_path / "play.yaml"
    file.write_text("\n".join(map(json.dumps, questions)))
    splits = {"source": str(file), "train": 1, "selection": 1, "report": 0, "test": 1}
    evolution = {**PLAY["evolution"], "generations": 0, "tournament": {"debates": 2, "waves": 1}}
    config.write_text(yaml.safe_dump({**PLAY, "questions": splits, "evolution": evolution}))
    with llama_server(tmp_path / "server", slots=2, context=2 * 1536) as server:
        options = ["--config", "smoke", "--config", str(config), "--base-url", server.url]
        assert train([*options, "--run-dir", str(tmp_path / "refused")]) == 2
        (line,) = capsys.readouterr().err.splitlines()[-1:]
        assert re.search(r"1,536 .*-c of llama-server, which its -np slots share", line)
        run = tmp_path / "cut"
        assert train([*options, "--run-dir", str(run), "--truncate-passage"]) == 0
    said = capsys.readouterr()
    matches = RunDirectory.open(run).matches()
    assert len(matches) == 2
    assert {m.message for m in matches if "context" in m.message} == set(), said
    read = json.loads((run / "questions.json").read_text())
    assert read["truncated"]
