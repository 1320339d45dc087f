"""``debateqd questions``: what a file of questions was understood as, and what is wrong with it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from debate_env.errors import InputError
from debate_env.questions.columns import parse_columns
from debate_env.questions.formats import SUFFIXES, suffix_of
from debate_env.questions.question import Question
from debate_env.questions.reading import QuestionFile, read_questions
from debate_env.questions.sources import load_questions
from debateqd.agents.distractors import add_wrong_answers
from debateqd.agents.models.registry import make_model
from debateqd.qd.config.schema import is_simulated
from debateqd.qd.report.questions import questions_report
from debateqd.qd.store.storage import json_text, write_atomic


@click.command()
@click.argument("source", metavar="FILE")
@click.option("--columns", help="Fields of the file, as passage=article,label=answer.")
@click.option("--to", "target", metavar="NEW.jsonl", help="Write the questions in our format.")
@click.option(
    "--distractors", metavar="MODEL", help="Has it write wrong answers where there are none."
)
@click.option(
    "--wrong", type=click.IntRange(1, 9), default=1, show_default=True, help="How many of them."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Repeats what is drawn.")
def command(
    source: str,
    columns: str | None,
    target: str | None,
    distractors: str | None,
    wrong: int,
    seed: int,
) -> None:
    """Show what FILE holds, what was taken for what, and every problem in it.

    FILE is a file of questions or another source, such as builtin. The exit status is 2 where
    something is wrong with it.
    """
    new = None if target is None else _new_file(target)
    if distractors is not None and (target is None or is_simulated(distractors)):
        raise InputError("--distractors takes a language model and goes with --to NEW.jsonl")
    found = _read(source, columns)
    for note in found.notes:
        click.echo(f"{source}: {note}")
    questions, problems = list(found.questions), list(found.problems)
    if found.pairs and distractors is not None:
        questions, failed = _with_wrong_answers(found, distractors, wrong, seed)
        problems = [*problems[1:], *failed]  # the first was that there are no wrong answers
    elif distractors is not None:
        raise InputError(f"--distractors: {source} has wrong answers, or none can be made of it")
    elif found.pairs:
        click.echo(f"{len(found.pairs)} questions with their right answers and no others")
    if questions:
        click.echo(questions_report(questions))
    for problem in problems:
        click.echo(f"problem: {problem}", err=True)
    if new is not None and questions and (distractors is not None or not problems):
        write_atomic(new, "".join(map(_line, questions)))
        click.echo(f"{len(questions)} questions written to {target}")
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        nothing = "" if target is None or distractors is not None else "; nothing was written"
        raise InputError(f"{source}: {count}{nothing}")


def _read(source: str, columns: str | None) -> QuestionFile:
    given = parse_columns(columns) if columns is not None else None
    if suffix_of(source) in SUFFIXES and ":" not in source.split("/")[0]:
        return read_questions(source, given)
    loaded = load_questions(source, given)
    return QuestionFile(source, questions=tuple(loaded), notes=loaded.notes)


def _with_wrong_answers(
    found: QuestionFile, spec: str, wrong: int, seed: int
) -> tuple[list[Question], list[str]]:
    model = make_model(spec)
    try:
        click.echo(f"{model.name} writes {wrong} wrong answers for each of {len(found.pairs)}")
        return add_wrong_answers(model, found.pairs, wrong=wrong, seed=seed)
    finally:
        model.close()


def _new_file(name: str) -> Path:
    """Check where questions are to be written, before anything is done or paid for.

    Raises:
        InputError: The file is there already, or cannot be made.
    """
    path = Path(name).expanduser()
    if path.suffix != ".jsonl":
        raise InputError(f"--to {name}: must end in .jsonl")
    if path.exists():
        raise InputError(f"--to {name}: is there already; choose another name")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"--to {name}: nothing can be written to the folder {path.parent}")
    return path


def _line(question: Question) -> str:
    record = {
        "question_id": question.question_id,
        "passage_id": question.passage_id,
        "passage": question.passage,
        "question": question.question,
        "answers": list(question.answers),
        "label": question.label,
        "source": question.source,
        # Dates and the like become texts; what no JSON holds is refused.
        "metadata": json.loads(json.dumps(dict(question.metadata), default=str)),
    }
    try:
        text = json_text(record, indent=None)
        text.encode()
    except ValueError as error:
        raise InputError(f"question {question.question_id!r} cannot be written: {error}") from None
    return text
