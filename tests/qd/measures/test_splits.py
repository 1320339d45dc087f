from __future__ import annotations

import pytest

from debateqd.agents.models.registry import make_model
from debateqd.qd.debates.counting import by_question, paired, right
from debateqd.qd.measures.splits import JudgeAlone, read_alone, report_split
from tests.qd.debates.test_plans import questions
from tests.qd.measures.test_scores import trial


def test_baselines_are_read_with_and_without_the_passage() -> None:
    readings = read_alone(questions(6), make_model("embedded"), seed=1)
    assert [r.passage for r in readings] == [q.passage_id for q in questions(6)]
    assert all(r.no_debate in (0.0, 0.5, 1.0) and r.reading in (0.0, 0.5, 1.0) for r in readings)


def test_unusable_verdicts_are_counted_and_left_out() -> None:
    trials = [
        trial("elites", question="q1", passage="p1"),
        trial("elites", 0.2, question="q2", passage="p2"),
        trial("elites", None, question="q2", passage="p2", message="no letter"),
        trial("seeds", 0.2, question="q1", passage="p1"),
        trial("panel", None, question="q2", passage="p2", kind="abstained"),
        trial("panel", 0.5, question="q1", passage="p1"),
    ]
    readings = [JudgeAlone("p1", 1.0, 1.0), JudgeAlone("p2", None, 1.0)]
    report = report_split(questions(2), trials, readings)
    assert report["accuracy"].value == 0.5
    assert (report["accuracy"].n, report["accuracy"].clusters) == (2, 2)
    assert report["win_rate"].value == 0.5
    assert report["accuracy_gain"].value == 1.0  # q1 alone has both
    assert report["unusable"].value == pytest.approx(2 / 6)
    assert report["unusable_kinds"] == {"abstained": 1, "unusable": 1}
    assert report["no_debate"].n == 1
    assert report["reading"].value == 1.0


def test_differences_are_paired_by_question() -> None:
    first = [trial("elites", p, question=q) for q, p in (("q1", 0.9), ("q1", 0.1), ("q3", 0.9))]
    second = [trial("elites", 0.1, question="q1"), trial("elites", question="q2")]
    assert paired(by_question(first, right), by_question(second, right)) == (
        ([0.5], ["p1"]),
        ([0.0], ["p1"]),
    )
