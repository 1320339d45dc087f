"""Records with four answers, in the format of QuALITY, from the file to the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from debate_env.questions.sources import load_questions
from debateqd.qd.store.directory import RunDirectory
from tests.debate_env.questions.test_quality import validator, write
from tests.qd.running import evaluate, train

PLACES = ("mill", "harbour", "orchard", "library", "quarry", "bakery", "tower", "garden")
THINGS = ("lantern", "ledger", "kettle", "compass")
PEOPLE = ("Ida", "Bruno", "Clara", "Emil")


def record(number: int) -> dict[str, Any]:
    """A passage of our own, with one question on each of two of its facts."""
    place = PLACES[number]
    facts = [
        f"{person} left the {thing} in the {place} on day {number + k}."
        for k, (person, thing) in enumerate(
            zip(PEOPLE, THINGS[number % 4 :] + THINGS[: number % 4], strict=True)
        )
    ]
    text = f"The {place} stood empty all winter. " + " ".join(facts) + " Nobody came back for it."
    questions = []
    for k in (number % 4, (number + 1) % 4):
        thing = (THINGS[number % 4 :] + THINGS[: number % 4])[k]
        gold = THINGS.index(thing) + 1
        questions.append(
            {
                "question": f"What did {PEOPLE[k]} leave in the {place}?",
                "question_unique_id": f"own{number}-{k}",
                "options": [f"The {name}" for name in THINGS],
                "writer_label": gold,
                "gold_label": gold,
                "validation": [validator(gold, vote=gold % 4 + 1) for _ in range(3)],
                "speed_validation": [{"speed_answer": gold}],
                "difficult": 0,
            }
        )
    return {
        "article_id": f"own{number}",
        "set_unique_id": f"own{number}_x",
        "source": "own",
        "title": f"The {place}",
        "author": "Nobody",
        "article": text,
        "questions": questions,
    }


@pytest.mark.parametrize("objective", ["persuasion", "truth"])
def test_four_answers_from_training_to_the_report(objective, tmp_path, capsys):
    path = write(tmp_path / "records.jsonl", *(record(n) for n in range(len(PLACES))))
    source = f"quality:{path}?distractor=all"
    loaded = load_questions(source)
    assert {len(q.answers) for q in loaded} == {4}
    assert {q.label for q in loaded} == {0, 1, 2, 3}

    run_dir = tmp_path / "run"
    argv = ["--config=smoke", "--wandb=disabled", "--generations=1", f"--questions={source}"]
    argv += [f"--objective={objective}", f"--run-dir={run_dir}", "--set=evolution.children=3"]
    sizes = {"train": 0.4, "selection": 0.2, "report": 0.2, "test": 0.2}
    argv += [f"--set=questions.{name}={size}" for name, size in sizes.items()]
    assert train(argv) == 0
    run = RunDirectory.open(run_dir)
    played = [m for m in run.matches() if m.usable]
    assert played
    labels = {q.question_id: q for q in loaded}
    for match in played:
        assert match.credence is not None
        assert len(match.credence) == 4
        assert sum(match.credence) == pytest.approx(1)
        assert match.label in (0, 1)  # the correct answer is one of the two that are defended
        assert match.question in labels
        assert match.orders is not None
        assert {len(order) for order in match.orders} == {4}
    # Both seats defend the correct answer now and then.
    assert {m.label for m in played} == {0, 1}

    capsys.readouterr()
    assert evaluate([str(run_dir), "--elites=2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    for split in ("train", "test"):
        measured = report["splits"][split]
        assert measured["questions"] == len(run.questions().splits[split])
        assert 0 <= measured["accuracy"]["value"] <= 1
        assert measured["unusable"]["value"] == 0
    # Reading the passage answers such plain questions; guessing is right one time in four.
    assert report["splits"]["train"]["reading"]["value"] > 0.5
    assert Path(run_dir / "evaluation" / "report.json").exists()
