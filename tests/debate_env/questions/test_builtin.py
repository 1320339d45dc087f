from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from debate_env.errors import InputError
from debate_env.questions.builtin import builtin_questions
from debate_env.questions.question import fold
from tests.debate_env.answer_only import answer_only_accuracy, plant

QUESTIONS = builtin_questions()


def test_enough_passages_of_the_right_length() -> None:
    assert len(QUESTIONS.passages) >= 40
    for name, passage in QUESTIONS.passages.items():
        assert 300 <= len(passage.split()) <= 900, name
    per_passage = Counter(q.passage_id for q in QUESTIONS)
    assert min(per_passage.values()) >= 2
    assert len({fold(passage) for passage in QUESTIONS.passages.values()}) == len(per_passage)
    assert len({fold(q.question) for q in QUESTIONS}) == len(QUESTIONS)


def test_evidence_is_in_the_passage_word_for_word() -> None:
    for q in QUESTIONS:
        assert q.source == "builtin"
        assert q.metadata["title"]
        assert q.metadata["evidence"]
        for sentence in q.metadata["evidence"]:
            assert sentence in q.passage, q.question_id
            assert len(sentence.split()) >= 4, q.question_id


def test_two_answers_each_and_labels_in_balance() -> None:
    assert {len(q.answers) for q in QUESTIONS} == {2}
    n = len(QUESTIONS)
    first = sum(q.label == 0 for q in QUESTIONS)
    assert abs(first - n / 2) <= 1.96 * (n / 4) ** 0.5
    # Neither order nor length tells: answers stand in alphabetical order and are about as long.
    assert all(list(q.answers) == sorted(q.answers, key=str.casefold) for q in QUESTIONS)
    longer = [
        len(q.answers[q.label]) > len(q.answers[1 - q.label])
        for q in QUESTIONS
        if len(q.answers[0]) != len(q.answers[1])
    ]
    assert abs(sum(longer) - len(longer) / 2) <= 1.96 * (len(longer) / 4) ** 0.5


def test_answers_alone_do_not_tell() -> None:
    accuracy, low, high, n = answer_only_accuracy(QUESTIONS)
    assert n == len(QUESTIONS)
    assert low <= accuracy <= high


@pytest.mark.parametrize(
    "give_away",
    [lambda a: f"{a} indeed", lambda a: a.upper(), lambda a: a[: len(a) * 2 // 3]],
    ids=["a word", "capitals", "length"],
)
def test_the_check_finds_a_planted_give_away(give_away) -> None:
    every_other = iter(range(len(QUESTIONS)))

    def change(answer: str) -> str:
        return give_away(answer) if next(every_other) % 2 else answer

    found = answer_only_accuracy(plant(QUESTIONS, change), repeats=1)
    assert found.accuracy > found.high


def test_the_check_handles_more_answers() -> None:
    third = [replace(q, answers=(*q.answers, "Something else")) for q in QUESTIONS]
    found = answer_only_accuracy(third, repeats=1)
    assert found.low < 1 / 3 < found.high
    # The third answer is never right, which is easily learnt.
    assert found.accuracy > found.high


def test_a_damaged_passage_file_is_refused(tmp_path: Path) -> None:
    record = {
        "passage_id": "p",
        "title": "T",
        "passage": "The kettle was blue.",
        "questions": [{"question": "Colour?", "answers": ["Blue", "Red"], "label": 0}],
    }
    path = tmp_path / "passages.jsonl"
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"line 1, question 'p-1', field 'evidence': is missing"):
        builtin_questions(path)
    record["questions"][0] |= {"evidence": "blue", "label": 2}
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"'p-1', field 'label': must be an integer from 0 to 1"):
        builtin_questions(path)
    record["questions"] = ["q"]
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match="field 'questions': must be an object, got 'q'"):
        builtin_questions(path)
