"""Generated passages with known evidence: an unlimited supply of questions.

Every passage is a small chronicle of an invented place. Each question asks for one detail of one
event. Its two answers are two fillers drawn alike from the same bank, and a coin decides which is
true *before* anything is written, so that question and answers alone carry no information. The
passage then states the true one (the evidence), and mentions the wrong one in other connections
(the decoys: hearsay, another event, an earlier plan).

``difficulty`` from 0 to 1 sets how far the evidence's wording is from the question's, how many
decoys there are and how close to the question they come, and how often the evidence takes two
sentences.

Passage number ``i`` depends on the seed and ``i`` alone: a longer set starts with the shorter one.
"""

from __future__ import annotations

from debate_env.draws import Draws
from debate_env.errors import InputError
from debate_env.questions.question import Question, QuestionSet
from debate_env.questions.synthetic_facts import Fact, draw_facts
from debate_env.questions.synthetic_text import Setting, filler

MAX_QUESTIONS = 12


def synthetic_questions(
    passages: int,
    *,
    words: int = 350,
    difficulty: float = 0.5,
    questions_per_passage: int = 2,
    seed: int = 0,
) -> QuestionSet:
    """Generate passages and questions about them.

    Args:
        passages: Number of passages, from 1.
        words: Length of each passage in words, about; at least what its facts take.
        difficulty: From 0 (evidence in the question's words) to 1.
        questions_per_passage: From 1 to 12.
        seed: The same seed gives the same text.

    Returns:
        The questions, passage by passage; ``metadata["evidence"]`` lists the sentences that state
        the correct answer, ``metadata["decoys"]`` those that mention the wrong one, each verbatim.

    Raises:
        InputError: An argument is out of range.
    """
    if passages < 1:
        raise InputError(f"synthetic: passages={passages}; allowed: a whole number from 1")
    if words < 1:
        raise InputError(f"synthetic: words={words}; allowed: a whole number from 1")
    if not 0.0 <= difficulty <= 1.0:
        raise InputError(f"synthetic: difficulty={difficulty}; allowed: 0 to 1")
    if not 1 <= questions_per_passage <= MAX_QUESTIONS:
        raise InputError(
            f"synthetic: questions_per_passage={questions_per_passage}; "
            f"allowed: 1 to {MAX_QUESTIONS}"
        )
    if seed < 0:
        raise InputError(f"synthetic: seed={seed}; allowed: a whole number from 0")
    return QuestionSet(
        question
        for number in range(passages)
        for question in _passage(number, words, difficulty, questions_per_passage, seed)
    )


def _passage(number: int, words: int, difficulty: float, count: int, seed: int) -> list[Question]:
    # Separate streams: another length keeps the facts, another difficulty keeps the place.
    key = f"debateqd synthetic 1|{seed}|{number}|"
    setting = Setting.draw(Draws(f"{key}setting".encode()))
    facts = draw_facts(Draws(f"{key}facts".encode()), setting, count, difficulty)
    passage = _write(Draws(f"{key}text".encode()), setting, facts, words)
    passage_id = f"synthetic-{seed}-{number:05d}"
    return [
        Question(
            question_id=f"{passage_id}-q{index + 1}",
            passage_id=passage_id,
            passage=passage,
            question=fact.question,
            answers=fact.answers,
            label=fact.label,
            source="synthetic",
            metadata={
                "evidence": list(fact.evidence),
                "decoys": list(fact.decoys),
                "kind": fact.kind,
                "difficulty": difficulty,
            },
        )
        for index, fact in enumerate(facts)
    ]


def _write(draws: Draws, setting: Setting, facts: list[Fact], words: int) -> str:
    """Mix evidence, decoys and filler into paragraphs of about the wanted length."""
    # A block stays together: evidence in two sentences must not be torn apart.
    blocks = [" ".join(f.evidence) for f in facts]
    blocks += [sentence for f in facts for sentence in (*f.decoys, *f.mentions)]
    opening = setting.opening(draws)
    length = sum(len(b.split()) for b in (opening, *blocks))
    seen = {opening, *blocks}
    repeats = 0
    while length < words:
        sentence = filler(draws, setting)
        # Very long passages run out of new sentences in the end; some repetition is no harm then.
        if sentence in seen and repeats < 1000:
            repeats += 1
            continue
        seen.add(sentence)
        blocks.append(sentence)
        length += len(sentence.split())
    paragraphs: list[list[str]] = [[opening]]
    room = 3 + draws.below(4)
    for block in draws.shuffle(blocks):
        if len(paragraphs[-1]) >= room:
            paragraphs.append([])
            room = 3 + draws.below(4)
        paragraphs[-1].append(block)
    return "\n\n".join(" ".join(p) for p in paragraphs)
