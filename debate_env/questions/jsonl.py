"""Questions from a JSONL file: one JSON object per line, plain or gzip.

==============  ========  =================================================================
field           type      meaning
==============  ========  =================================================================
question_id     text      unique in the file
passage         text      the full passage; repeated on every line of the same passage
question        text      the question
answers         list      two or more different texts; or fields answer_1, answer_2, ...
label           integer   which answer is right, **counted from 0**
passage_id      text      optional; questions of one passage share it; default: from its text
source          text      optional; default: the file name
metadata        object    optional; never shown to an agent
anything else             becomes part of the metadata
==============  ========  =================================================================
"""

from __future__ import annotations

from pathlib import Path

from debate_env.questions.question import QuestionSet
from debate_env.questions.records import QuestionCollector, json_lines, question_from


def load_jsonl(path: str | Path) -> QuestionSet:
    """Load a JSONL file in the columns that this module's documentation lists.

    Raises:
        InputError: Anything in the file is wrong; then nothing is loaded.
    """
    collector = QuestionCollector(path)
    for place, record in json_lines(path):
        collector.add(question_from(record, place, collector, Path(path).name), place)
    return collector.finish()
