"""Generated questions: reproducible, known evidence, nothing given away by the answers."""

from __future__ import annotations

import pytest

from debate_env.draws import Draws
from debate_env.errors import InputError
from debate_env.questions.synthetic import KINDS, MAX_QUESTIONS, synthetic_questions
from debate_env.questions.synthetic_scene import Scene
from tests.debate_env.answer_only import answer_only_accuracy


def test_same_arguments_same_text_and_other_seed_other_text():
    a = synthetic_questions(5, seed=3)
    assert a.content_hash == synthetic_questions(5, seed=3).content_hash
    assert not set(a.passages.values()) & set(synthetic_questions(5, seed=4).passages.values())


def test_a_longer_set_starts_with_the_shorter_one():
    assert list(synthetic_questions(9))[:8] == list(synthetic_questions(4))


PINNED_QUESTION = "Where was the Sandhurst hour machine cleaned?"
PINNED_ANSWERS = ("Behind the mossy toll house", "Beneath the broken ropewalk")


def test_a_given_seed_keeps_its_text_across_versions():
    question = synthetic_questions(1, words=60, questions_per_passage=1)[0]
    assert question.question_id == "synthetic-0-00000-q1"
    assert question.question == PINNED_QUESTION
    assert question.answers == PINNED_ANSWERS


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_evidence_and_decoys_stand_in_the_passage(difficulty):
    for q in synthetic_questions(40, difficulty=difficulty, questions_per_passage=3):
        true, wrong = q.answers[q.label], q.answers[1 - q.label]
        evidence, decoys = q.metadata["evidence"], q.metadata["decoys"]
        assert " ".join(evidence) in q.passage
        assert any(true.lower() in sentence.lower() for sentence in evidence)
        assert not any(wrong.lower() in sentence.lower() for sentence in evidence)
        assert decoys
        for sentence in decoys:
            assert sentence in q.passage
            assert wrong.lower() in sentence.lower()
            assert true.lower() not in sentence.lower()


def test_length_is_controllable_and_keeps_the_facts():
    short = synthetic_questions(6, words=150, questions_per_passage=1)
    long = synthetic_questions(6, words=900, questions_per_passage=1)
    for a, b in zip(short, long, strict=True):
        assert (a.question, a.answers, a.label) == (b.question, b.answers, b.label)
        assert 150 <= len(a.passage.split()) <= 200
        assert 900 <= len(b.passage.split()) <= 930


def test_passages_longer_than_the_supply_of_filler_still_end():
    assert len(synthetic_questions(1, words=20_000)[0].passage.split()) >= 20_000


def test_difficulty_moves_the_evidence_away_and_the_decoys_closer():
    def shared(sentences, question):
        asked = set(question.lower().rstrip("?").split())
        return max(len(asked & set(s.lower().replace(",", "").split())) for s in sentences)

    def margin(q):
        decoys = shared(q.metadata["decoys"], q.question)
        return shared(q.metadata["evidence"], q.question) - decoys

    margins = []
    for difficulty in (0.0, 0.5, 1.0):
        questions = synthetic_questions(150, difficulty=difficulty, questions_per_passage=1)
        margins.append(sum(map(margin, questions)) / len(questions))
    assert margins[0] > margins[1] + 0.5 > margins[2] + 1.0


def test_every_kind_of_question_occurs_and_all_are_in_range():
    kinds = {
        q.metadata["kind"] for q in synthetic_questions(4, questions_per_passage=MAX_QUESTIONS)
    }
    assert kinds == set(KINDS)


def test_labels_are_balanced():
    questions = synthetic_questions(500, questions_per_passage=2)
    # Four standard errors of a fair coin.
    assert abs(sum(q.label for q in questions) / len(questions) - 0.5) < 4 * 0.5 / 1000**0.5


@pytest.mark.long
def test_question_and_answers_alone_are_at_chance():
    questions = synthetic_questions(200, words=1, questions_per_passage=2, seed=11)
    result = answer_only_accuracy(questions, seed=0)
    assert result.low <= result.accuracy <= result.high, result


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"passages": 0}, "passages=0"),
        ({"passages": 1, "words": 0}, "words=0"),
        ({"passages": 1, "difficulty": 1.5}, "difficulty=1.5"),
        ({"passages": 1, "difficulty": float("nan")}, "difficulty=nan"),
        ({"passages": 1, "questions_per_passage": 13}, "questions_per_passage=13"),
        ({"passages": 1, "seed": -1}, "seed=-1"),
    ],
)
def test_out_of_range_is_one_line(arguments, named):
    with pytest.raises(InputError, match=named) as error:
        synthetic_questions(**arguments)
    assert "allowed" in str(error.value)
    assert "\n" not in str(error.value)


def test_names_of_a_place_are_all_different():
    for number in range(4000):
        setting = Scene.draw(Draws(f"place {number}".encode()))
        names = [setting.town, *setting.far, *setting.people]
        assert len(set(names)) == len(names) == 10


def test_a_seed_whose_places_once_shared_a_name_ends():
    assert len(synthetic_questions(150, seed=2)) == 300
