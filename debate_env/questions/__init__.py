"""Questions about passages: what one is, where they come from, how they are split.

``load_questions(spec)`` takes ``builtin``, ``synthetic:...``, ``quality:PATH?...``, a file, or
whatever was added with ``register_source``; :mod:`debate_env.questions.sources` lists them.
"""

from debate_env.questions.builtin import builtin_questions
from debate_env.questions.quality import QualityOptions, load_quality
from debate_env.questions.question import Question, QuestionSet, Splits, require_passages
from debate_env.questions.reading import QuestionFile, QuestionPair, load_file, read_questions
from debate_env.questions.sources import load_questions, register_source, source_names

__all__ = [
    "QualityOptions",
    "Question",
    "QuestionFile",
    "QuestionPair",
    "QuestionSet",
    "Splits",
    "builtin_questions",
    "load_file",
    "load_quality",
    "load_questions",
    "read_questions",
    "register_source",
    "require_passages",
    "source_names",
]
