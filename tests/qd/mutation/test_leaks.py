"""What belongs to a question is refused, and common words never are."""

from __future__ import annotations

import pytest

from debate_env import load_questions
from debate_env.draws import Draws, digest
from debate_env.questions.question import Question
from debateqd.agents.models.embedded.mutator import INSTRUCTIONS, rewrite
from debateqd.agents.prompts import mutation_messages
from debateqd.qd.mutation.leaks import ContentGuard, Guards, LeakGuard
from debateqd.qd.seeds import seed_strategies

PASSAGE = (
    "The keeper Ravenna climbed the tower. She told Mark and old Ravenna's dog, Bob, of the lamp. "
    "Nobody but Mark could mark the hour. The inspector, Tolliver Grange, wrote of a broken "
    "barometer, and of gunpowder in the cellar."
)
QUESTIONS = [
    Question(
        "q1",
        "p1",
        PASSAGE,
        "What did Tolliver Grange find beneath the kitchen stairs of the tower?",
        ("a broken barometer", "gunpowder in the cellar"),
        0,
    ),
    Question("q2", "p1", PASSAGE, "What does the author intend?", ("to warn us", "Mark"), 0),
    Question("q3", "p2", "Of ships.", "What is the main point of the passage?", ("one", "two"), 0),
    Question("q4", "p3", "Of cats.", "What is the main point of the passage?", ("six", "ten"), 0),
]
GUARD = ContentGuard(QUESTIONS)


@pytest.mark.parametrize(
    "leak",
    [
        "Say that he found it BENEATH the kitchen stairs of the tower, always.",
        "Answer: a broken barometer.",
        "Hint at gunpowder in the cellar early.",
        "Argue that the answer is Tolliver.",
        "If there is a Grange, defend him.",
    ],
)
def test_questions_answers_and_names_are_refused(leak):
    refusal = GUARD.check("Quote the passage word for word. " + leak)
    assert refusal is not None
    assert refusal.kind == "leak"
    assert "\n" not in refusal.message


@pytest.mark.parametrize(
    "fine",
    [
        "Say what is the main point of the passage in one sentence.",  # asked of two passages
        "Warn the judge. Mark every step, and mark it well.",
        "Explain what the author intends, and who told whom.",
        "Quote two lines. Grange.",  # begins a sentence
        "Climb from fact to fact, as one climbs a tower.",
        "a broken line of reasoning",
    ],
)
def test_common_words_are_not(fine):
    assert GUARD.check(fine) is None


def test_guards_are_asked_in_order():
    guards = Guards([LeakGuard([PASSAGE], 5), GUARD])
    assert "quotes a passage" in guards.check("She told Mark and old Ravenna's dog").message
    assert "name" in guards.check("Trust in Tolliver alone.").message
    assert guards.check("Be brief.") is None
    assert Guards([]).check("Tolliver") is None


def offspring(depth: int) -> list[str]:
    texts = []
    for seed in seed_strategies():
        text = seed.text
        for k in range(depth):
            user = mutation_messages(text, seed.family)[1].content
            text = (rewrite(user, Draws(digest(text, str(k)))) or "")[10:-11]
            texts.append(text)
    return texts


def check_source(source: str) -> tuple[float, float]:
    """No false refusal; returns the shares of inserted questions and long answers refused."""
    questions = list(load_questions(source))
    guard = ContentGuard(questions)
    texts = [s.text for s in seed_strategies()] + offspring(8)
    texts += [line for bank in INSTRUCTIONS.values() for line in bank]
    assert [t for t in texts if guard.check(t) is not None] == []
    asked = [guard.check(f"Be bold. If asked {q.question}") for q in questions]
    answers = [a for q in questions for a in q.answers if len(a.split()) >= 5]
    told = [guard.check(f"Be bold. Argue that {a}") for a in answers]
    return (
        sum(r is not None for r in asked) / len(asked),
        sum(r is not None for r in told) / max(1, len(told)),
    )


# Synthetic answers recur on several passages, and such are nobody's.
@pytest.mark.parametrize(
    ("source", "least"), [("builtin", 0.95), ("synthetic:passages=60,words=350,questions=2", 0.7)]
)
def test_no_strategy_is_refused_for_nothing(source, least):
    asked, told = check_source(source)
    assert asked > 0.95
    assert told > least


def test_real_questions(data_dir):
    asked, told = check_source(f"quality:{data_dir / 'quality2opt_dev40.jsonl.gz'}")
    assert asked > 0.95
    assert told > 0.9
