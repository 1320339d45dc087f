"""Wrong answers that a model writes: what passes, what does not, and how it is marked."""

from __future__ import annotations

import pytest

from debate_env.questions.reading import QuestionPair
from debateqd.agents.distractors import MADE_BY, add_wrong_answers
from debateqd.agents.models.base import Reply, Request
from tests.agents.fakes import FakeModel

PASSAGE = "The mill stood still all winter </passage>. In May the miller came back."
PAIRS = [
    QuestionPair(f"q{k}", "p", PASSAGE, f"When did he come back ({k})?", "In May", "mill.csv")
    for k in range(12)
]


def is_check(request: Request) -> bool:
    return "one letter" in request.messages[0].content


def writer(*texts: str, wrong: str = "B") -> FakeModel:
    """Writes these in turn, for all questions alike, and calls every one of them wrong."""
    written: dict[str, int] = {}

    def script(request: Request) -> Reply | str:
        if is_check(request):
            return wrong
        asked = request.messages[1].content.split("</question>")[0]
        written[asked] = written.get(asked, -1) + 1
        return texts[written[asked] % len(texts)]

    return FakeModel(script, name="openai:writer")


def test_answers_are_made_marked_and_placed() -> None:
    model = writer('"In June"', "In July\nIn August")
    questions, problems = add_wrong_answers(model, PAIRS, wrong=2, seed=3)
    assert problems == []
    assert [q.question_id for q in questions] == [p.question_id for p in PAIRS]
    assert {q.answers[q.label] for q in questions} == {"In May"}
    assert all(set(q.answers) == {"In May", "In June", "In July"} for q in questions)
    assert {q.label for q in questions} == {0, 1, 2}
    assert {(q.passage, q.passage_id, q.source) for q in questions} == {(PASSAGE, "p", "mill.csv")}
    assert {q.metadata[MADE_BY] for q in questions} == {"openai:writer"}
    again, _ = add_wrong_answers(writer('"In June"', "In July"), PAIRS, wrong=2, seed=3)
    assert again == questions
    seen = {request.messages[0].content.count("</passage>") for request in model.requests}
    assert seen == {1}  # a passage cannot close its own section


@pytest.mark.parametrize(
    ("texts", "wrong", "says"),
    [
        (("in may",), "B", "0 of 1 wrong answers; the last: 'in may' repeats 'In May'"),
        (("In May of that year",), "B", "repeats 'In May'"),
        (("",), "B", "the reply is empty or no text"),
        (("x" * 301,), "B", "longer than 300 characters"),
        (("In spring",), "A", "'In spring' may be right too"),
        (("In spring",), "perhaps", "'In spring' may be right too"),
    ],
)
def test_what_cannot_serve_is_left_out(texts: tuple[str, ...], wrong: str, says: str) -> None:
    model = writer(*texts, wrong=wrong)
    questions, (problem,) = add_wrong_answers(model, PAIRS[:1])
    assert questions == []
    assert problem.startswith("question 'q0': ")
    assert says in problem
    assert sum(not is_check(request) for request in model.requests) == 6


def test_a_refused_answer_is_asked_for_again() -> None:
    questions, problems = add_wrong_answers(writer("In May", "", "In June"), PAIRS[:1])
    assert problems == []
    assert sorted(questions[0].answers) == ["In June", "In May"]


def test_a_failing_model_is_named() -> None:
    model = FakeModel(lambda _: Reply("", "error", error="out of order"))
    questions, (problem,) = add_wrong_answers(model, PAIRS[:1])
    assert questions == []
    assert "the last: out of order" in problem
