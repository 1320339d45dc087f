"""The passages written for this project: three two-answer questions on each.

Each line of ``builtin_passages.jsonl`` is one passage: ``passage_id``, ``title``, ``passage`` and
``questions``, each of these with ``question``, ``answers``, ``label`` (from 0) and ``evidence``,
a stretch of the passage, word for word, that decides the question.
"""

from __future__ import annotations

from pathlib import Path

from debate_env.questions.files import FilePlace, described, json_lines
from debate_env.questions.question import Question, QuestionSet
from debate_env.questions.records import (
    QuestionCollector,
    integer_field,
    list_field,
    text_field,
    texts_field,
)

PASSAGES = Path(__file__).with_name("builtin_passages.jsonl")


def builtin_questions(path: str | Path = PASSAGES) -> QuestionSet:
    """Load the built-in passages; ids are the passage's with ``-1``, ``-2``, ... added.

    ``metadata`` holds ``title`` and ``evidence`` (a tuple of texts).
    """
    collector = QuestionCollector(path)
    for place, record in json_lines(path):
        passage_id = text_field(record, "passage_id", place)
        for number, entry in enumerate(list_field(record, "questions", place), start=1):
            question_id = f"{passage_id}-{number}"
            spot = FilePlace(place.path, place.line, question_id)
            if not isinstance(entry, dict):
                raise spot.error(f"must be an object, got {described(entry)}", "questions")
            answers = texts_field(entry, "answers", spot)
            with collector.at(spot):
                question = Question(
                    question_id=question_id,
                    passage_id=passage_id,
                    passage=collector.share(text_field(record, "passage", place)),
                    question=text_field(entry, "question", spot),
                    answers=answers,
                    label=integer_field(entry, "label", spot, 0, len(answers) - 1),
                    source="builtin",
                    metadata={
                        "title": text_field(record, "title", place),
                        "evidence": (text_field(entry, "evidence", spot),),
                    },
                )
                collector.add(question)
    return collector.finish()
