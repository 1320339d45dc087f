"""What belongs to a question is refused, and common words never are."""

from __future__ import annotations

import pytest

from debate_env import load_questions
from debate_env.draws import Draws, digest
from debate_env.questions.question import Question
from debateqd.agents.models.embedded.mutator import INSTRUCTIONS, rewrite
from debateqd.agents.prompts import mutation_messages
from debateqd.qd.mutation.leaks import ContentGuard, Guards, LeakGuard
from debateqd.qd.mutation.novelty import Refusal
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
        "Always Mark a step.",  # which the passage writes small as well
        "Explain what the author intends, and who told whom.",
        "Quote two lines. Grange.",  # begins a sentence
        "Climb from fact to fact, as one climbs a tower.",
        "a broken line of reasoning",
    ],
)
def test_common_words_are_not(fine):
    assert GUARD.check(fine) is None


NAMED = ContentGuard(
    [
        Question(
            "q5",
            "p5",
            "Nobody saw Harrow. Then Pell spoke to Elspeth about Ox and the Fens: Quill was late.",
            "Where did Harrow, Pell and Ox leave Quill?",
            ("with Elspeth", "at the Fens"),
            0,
        )
    ]
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Doubt what Harrow says.", "Harrow"),
        ("Doubt what Pell says.", "Pell"),  # inside a sentence of the passage
        ("Doubt (if you must) the Fens.", "Fens"),
        ("Doubt 12 Elspeth.", "Elspeth"),
        ("doubt what harrow says of pell", None),  # written small
        ("Doubt it. Harrow was there", None),  # begins a sentence, a line, a quote, a point
        ("Harrow", None),
        ("Doubt it:\nHarrow", None),
        ('Say "Harrow" first.', None),
        ("- Harrow * Pell # Fens", None),
        ("Doubt (Harrow) at once.", None),
        ("Doubt what Ox says.", None),  # too short to be told from an abbreviation
        ("Doubt what Quill says.", None),  # the passage has it after a colon only
        ("Doubt HARROW, harrow and Harrower.", None),  # not as the passage writes it
    ],
)
def test_names_count_as_the_passage_writes_them_and_not_where_a_sentence_begins(text, name):
    refusal = NAMED.check(text)
    assert (refusal and refusal.message) == (name and f"a name from a question or answer: {name!r}")


def asked(number: int, question: str, passage: str = "") -> Question:
    return Question(f"q{number}", f"p{number}", passage or f"Of {number}.", question, ("x", "y"), 0)


WORDY = ContentGuard([asked(1, "gather seven violet pebbles beneath arches tonight quietly")])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "gather seven violet pebbles beneath arches",
            "gather seven violet pebbles beneath arches",
        ),
        ("pebbles beneath arches tonight quietly", None),  # five of eight words
        ("beneath arches tonight quietly", None),
        (
            "violet pebbles beneath arches tonight quietly",
            "violet pebbles beneath arches tonight quietly",
        ),
        (
            "Gather, seven VIOLET pebbles: beneath arches!",
            "gather seven violet pebbles beneath arches",
        ),
    ],
)
def test_six_words_in_a_row_give_a_long_question_away(text, said):
    refusal = WORDY.check(text)
    assert (refusal and refusal.message) == (said and f"words of a question or answer: {said!r}")


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("violet pebbles", False),  # two words are never enough
        ("violet pebbles gather", True),
        ("the violet pebbles", True),
        ("of the pebbles", False),  # one content word
        ("where the quote was and", False),
        ("admit the logic", False),  # two, but both of them in seeds
        ("admit the mystery of logic", True),  # of five words three are enough
        ("admit mystery of logic", False),  # of four they are not
        ("admit the mystery of the", False),  # nor are two of five
    ],
)
def test_shorter_ones_count_whole_and_with_enough_content(question, told):
    guard = ContentGuard([asked(1, question)])
    assert (guard.check(f"Now: {question}!") is not None) is told


@pytest.mark.parametrize(("number", "told"), [(3, True), (4, False), (30, False), (31, True)])
def test_a_word_of_many_passages_points_to_no_question(number, told):
    """Of three passages at least, and of a tenth of them."""
    held = min(3, number - 1)
    passages = ["Violet pebbles were there."] * held + ["Of cats."] * (number - 1 - held)
    others = [asked(k, f"q{k}", passage) for k, passage in enumerate(passages, 2)]
    guard = ContentGuard([*others, asked(1, "the violet pebbles")])
    assert (guard.check("Of the violet pebbles") is not None) is told


def test_a_run_of_two_passages_is_nobodys():
    shared = [asked(k, "violet pebbles gather") for k in (1, 2)]
    assert ContentGuard(shared).check("violet pebbles gather") is None
    twice = [asked(1, "violet pebbles gather"), shared[0]]
    assert ContentGuard(twice).check("violet pebbles gather") is not None


def test_a_quote_is_as_long_as_it_is_said_to_be():
    guard = LeakGuard(["One two three four five.", "One two three four five."], words=3)
    assert guard.check("two THREE, four") == Refusal("leak", "quotes a passage: 'two three four'")
    assert guard.check("two three") is None
    assert guard.check("five one two") is None
    assert LeakGuard(["a b"], words=1).check("b") is not None
    instruction = LeakGuard(["Answer in one line."], 3, "echo")
    assert instruction.check("answer in one") == Refusal(
        "echo", "quotes the instruction: 'answer in one'"
    )
    assert LeakGuard([]).words == 8
    seven, eight = "a b c d e f g", "a b c d e f g h"
    assert [LeakGuard([eight]).check(text) is None for text in (seven, eight)] == [True, False]


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
