from __future__ import annotations

import pytest

from debate_env.errors import InputError
from debateqd.qd.config.schema import QuestionsConfig
from debateqd.qd.debates.questions import SPLITS, draw_questions, open_questions, split_questions
from tests.qd.stand_ins import question_set

COUNTS = {"train": 11, "selection": 7, "report": 5, "test": 9}


@pytest.mark.parametrize("sizes", [{}, COUNTS, {**COUNTS, "selection": 0}])
def test_no_passage_is_on_two_sides(sizes):
    dealt = split_questions(question_set(), QuestionsConfig.model_validate(sizes))
    passages = [set(dealt.split(name).passages) for name in SPLITS]
    assert sum(map(len, passages)) == len(set().union(*passages))
    assert {k: dealt.sizes()[k] for k in sizes} == sizes


def test_shares_are_of_all_passages():
    sizes = split_questions(question_set(40), QuestionsConfig()).sizes()
    assert sizes == {"train": 32, "selection": 16, "report": 12, "test": 20}


def test_test_and_selection_do_not_depend_on_the_rest():
    one = split_questions(question_set(), QuestionsConfig.model_validate(COUNTS))
    other = split_questions(
        question_set(), QuestionsConfig.model_validate({**COUNTS, "train": 3, "report": 8})
    )
    assert (one.test, one.selection) == (other.test, other.selection)
    moved = split_questions(
        question_set(), QuestionsConfig.model_validate({**COUNTS, "split_seed": 1})
    )
    assert one.test != moved.test


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"train": 0.9}, "add up to 1.5"),
        ({**COUNTS, "train": 99}, "train=99, selection=7, report=5, test=9"),
        ({**COUNTS, "train": 0}, "no question is left to train on"),
        ({**COUNTS, "train": 0.5}, "share"),
        (
            {"train": 1},
            r"^questions: split sizes mix a share \(selection=0.2\) with a number of questions "
            r"\(train=1\); give all as shares \(such as 0.4 or 1.0\)",
        ),
    ],
)
def test_impossible_splits_are_one_line(sizes, message):
    with pytest.raises(InputError, match=message) as error:
        split_questions(question_set(), QuestionsConfig.model_validate(sizes))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "sizes", [{"selection": 0}, {**COUNTS, "report": 0.0}, {**COUNTS, "selection": 0.0}]
)
def test_nothing_is_a_share_and_a_number(sizes):
    dealt = split_questions(question_set(), QuestionsConfig.model_validate(sizes))
    assert sorted(dealt.sizes().values())[0] == 0


def test_draws_depend_on_names_alone():
    questions = list(question_set())
    drawn = draw_questions(questions, 6, 1, "x")
    assert drawn == draw_questions(questions[::-1], 6, 1, "x")
    assert len({q.question_id for q in drawn}) == 6
    assert draw_questions(questions, 6, 2, "x") != drawn
    assert len(draw_questions(questions, 999, 1)) == len(questions)
    places = [q.passage_id for q in draw_questions(questions, 999, 1)]
    assert len([k for k in range(1, len(places)) if places[k] != places[k - 1]]) == 19


def test_the_configuration_opens_its_source():
    dealt = open_questions(QuestionsConfig())
    assert dealt.source == "builtin"
    assert all(dealt.sizes().values())
