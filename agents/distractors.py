"""Has a model write wrong answers to questions that have none but the right one.

Each is checked: it differs from every other answer, neither holds the other, and the model, asked
apart, does not take it for correct too. What comes out is still a model's work and is marked so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from debate_env.questions.question import Question, fold
from debate_env.questions.reading import QuestionPair
from debateqd.agents.base import Thought, derive_seed
from debateqd.agents.models.base import ChatModel, Message, Request, Sampling
from debateqd.agents.prompts import LETTERS
from debateqd.agents.prompts.debate import neutralise
from debateqd.agents.replies import read_letter, reply_failure
from debateqd.agents.rollout.thoughts import run_thoughts

MADE_BY = "answers_made_by"
"""Field of a question's metadata that names the model."""

_ATTEMPTS = 6
_LONGEST = 300  # characters
_RULES = """\
You write wrong answers for multiple-choice questions. A good one is plausible to somebody who has \
not read the passage, clearly wrong to somebody who has, and like the right answer in length, \
wording and kind. Reply with the answer alone, on one line.
"""
_CHECK = """\
You check multiple-choice questions. Reply with one letter.
"""
_SAME = (
    "Could the second answer be accepted as correct too, or does it say the same as the first? "
    "A: yes. B: no, it is wrong."
)


class WrongAnswers(NamedTuple):
    """What a model wrote for one question.

    Attributes:
        answers: Those that passed every check.
        problem: Why there are too few; empty if there are enough.
    """

    answers: tuple[str, ...]
    problem: str = ""


def add_wrong_answers(
    model: ChatModel, pairs: Sequence[QuestionPair], *, wrong: int = 1, seed: int = 0
) -> tuple[list[Question], list[str]]:
    """Make questions of pairs.

    Args:
        model: Writes and checks.
        pairs: Questions with their right answers.
        wrong: Wrong answers each.
        seed: Decides what is drawn, and where the right answer stands.

    Returns:
        The questions for which enough answers were made, and why the others are left out.
    """
    thoughts = [wrong_answers(pair, wrong, seed) for pair in pairs]
    questions, problems = [], []
    for pair, made in zip(pairs, run_thoughts(model, thoughts), strict=True):
        if made.problem:
            problems.append(f"question {pair.question_id!r}: {made.problem}")
            continue
        label = derive_seed(seed, "place of the right answer", pair.question_id) % (wrong + 1)
        answers = [*made.answers[:label], pair.answer.strip(), *made.answers[label:]]
        questions.append(
            Question(
                pair.question_id,
                pair.passage_id,
                pair.passage,
                pair.question,
                tuple(answers),
                label,
                pair.source,
                {MADE_BY: model.name},
            )
        )
    return questions, problems


def wrong_answers(pair: QuestionPair, wrong: int, seed: int) -> Thought[WrongAnswers]:
    """Write and check wrong answers, with some attempts for each."""
    made: list[str] = []
    refused = ""
    for attempt in range(_ATTEMPTS * wrong):
        draw = derive_seed(seed, "wrong answer", pair.question_id, attempt)
        (reply,) = yield [Request(_ask(pair, made), Sampling(128, 0.9), draw, stop=("\n",))]
        failure = reply_failure(reply)
        text = reply.text.strip().split("\n")[0].strip(" \"'“”")
        refused = failure.message if failure else _flaw(text, [pair.answer, *made])
        if refused:
            continue
        request = Request(_compare(pair, text), Sampling(8, 0.0), draw)
        (verdict,) = yield [request]
        if reply_failure(verdict) is not None or read_letter(verdict.text, 2) != 1:
            refused = f"{text!r} may be right too"
            continue
        made.append(text)
        if len(made) == wrong:
            return WrongAnswers(tuple(made))
    return WrongAnswers(tuple(made), f"{len(made)} of {wrong} wrong answers; the last: {refused}")


def _flaw(text: str, others: Sequence[str]) -> str:
    if not text.strip() or not text.isprintable():
        return "the reply is empty or no text"
    if len(text) > _LONGEST:
        return f"longer than {_LONGEST} characters"
    for other in others:
        one, two = fold(text).strip(" ."), fold(other).strip(" .")
        if one in two or two in one:
            return f"{text!r} repeats {other!r}"
    return ""


def _ask(pair: QuestionPair, made: Sequence[str]) -> tuple[Message, ...]:
    shown = "".join(
        f"<answer {kind}>\n{neutralise(text)}\n</answer>\n"
        for kind, text in [("right", pair.answer), *(("wrong", text) for text in made)]
    )
    another = "another wrong answer, unlike those" if made else "a wrong answer"
    return (
        Message("system", _RULES + _passage(pair)),
        Message("user", f"{_question(pair)}{shown}Write {another}."),
    )


def _compare(pair: QuestionPair, text: str) -> tuple[Message, ...]:
    shown = "".join(
        f"<answer {kind}>\n{neutralise(answer)}\n</answer>\n"
        for kind, answer in (("first, correct", pair.answer), ("second", text))
    )
    return (
        Message("system", _CHECK + _passage(pair)),
        Message("user", f"{_question(pair)}{shown}{_SAME}\nReply {LETTERS[0]} or {LETTERS[1]}."),
    )


def _passage(pair: QuestionPair) -> str:
    return f"<passage>\n{neutralise(pair.passage)}\n</passage>" if pair.passage else ""


def _question(pair: QuestionPair) -> str:
    return f"<question>\n{neutralise(pair.question)}\n</question>\n"
