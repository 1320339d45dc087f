"""Questions about passages: what one is, where they come from, how they are split.

``load_questions(spec)`` takes ``builtin``, ``synthetic:...``, ``quality:PATH?...``, a ``.jsonl`` or
``.csv`` file, or whatever was added with ``register_source``; :mod:`debate_env.questions.sources`
lists them.
"""

from debate_env.questions.builtin import builtin_questions
from debate_env.questions.quality import QualityOptions, load_quality
from debate_env.questions.question import Question, QuestionSet, Splits
from debate_env.questions.records import load_csv, load_jsonl
from debate_env.questions.sources import load_questions, register_source, source_names

__all__ = [
    "QualityOptions",
    "Question",
    "QuestionSet",
    "Splits",
    "builtin_questions",
    "load_csv",
    "load_jsonl",
    "load_quality",
    "load_questions",
    "register_source",
    "source_names",
]
