"""Debate or judge at the terminal: ``debateqd play --seat debater_0``.

A person takes one seat; the others are played by a chat model with a strategy, by a strategy of a
finished run, or by agents without a model.
"""

from __future__ import annotations

import contextlib
import importlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import click

from debate_env.core.episode import present
from debate_env.core.protocols import get_protocol, protocol_names
from debate_env.core.settings import DebateSettings
from debate_env.core.speeches import clean
from debate_env.errors import InputError, nearest
from debate_env.questions.columns import parse_columns
from debate_env.questions.question import Question
from debate_env.questions.sources import load_questions
from debateqd.agents.base import derive_seed
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.human import HumanAgent, Left, shown_speech
from debateqd.agents.judge import ModelJudge
from debateqd.agents.models.base import ChatModel
from debateqd.agents.models.registry import make_model, model_names
from debateqd.agents.prompts import LETTERS
from debateqd.agents.rollout import DebateJob, DebateRecord, play
from debateqd.agents.scripted import SCRIPTED_DEBATERS, SCRIPTED_JUDGES
from debateqd.agents.stored import from_archive

_NAMES = ", ".join(protocol_names())


@click.command()
@click.option("--seat", help="Yours: one of the protocol's; the first player's if left out.")
@click.option("--questions", default="builtin", show_default=True, help="Where questions are from.")
@click.option("--columns", help="Fields of a file, as passage=article,label=answer.")
@click.option("--index", type=int, help="Which question, from 0; drawn if left out.")
@click.option("--model", default="embedded", show_default=True, help="Chat model of other seats.")
@click.option("--strategy", help="Strategy prompt of the debaters that the model plays.")
@click.option("--run", "run_dir", help="Run directory to take that strategy from, with --id.")
@click.option("--id", "strategy_id", help="Strategy in the run directory, e.g. s0042.")
@click.option(
    "--opponent",
    help=f"Your opponent ({', '.join(SCRIPTED_DEBATERS)} or a model); the last one if you judge.",
)
@click.option("--judge", help=f"The judge: {', '.join(SCRIPTED_JUDGES)} or a model.")
@click.option("--protocol", default="simultaneous", help=f"{_NAMES} or one of your own.")
@click.option("--rounds", type=int, default=2, show_default=True, help="Rounds of speeches.")
@click.option("--words", type=int, default=150, show_default=True, help="Word limit of a speech.")
@click.option("--seed", type=int, help="Repeats a session; drawn and shown if left out.")
def command(
    seat: str | None,
    questions: str,
    columns: str | None,
    index: int | None,
    model: str,
    strategy: str | None,
    run_dir: str | None,
    strategy_id: str | None,
    opponent: str | None,
    judge: str | None,
    protocol: str,
    rounds: int,
    words: int,
    seed: int | None,
) -> None:
    """Debate or judge at the terminal against a model, a stored strategy or a script.

    Ctrl-D or Ctrl-C leaves.
    """
    rules = get_protocol(protocol)
    seats = (*rules.players, *rules.judges)
    if seat is None:
        seat = rules.players[0]
    elif seat not in seats:
        raise InputError(f"--seat '{seat}': {nearest(seat, seats)}")
    if seed is None:
        seed = secrets.randbits(32)
    settings = DebateSettings(protocol=protocol, rounds=rounds, word_limit=words)
    if opponent is not None:
        _known("--opponent", opponent, SCRIPTED_DEBATERS)
    if judge is not None:
        _known("--judge", judge, SCRIPTED_JUDGES)
    question, number = _pick(questions, columns, index, seed)
    person = HumanAgent(settings)
    models: dict[str, ChatModel] = {}

    def model_of(spec: str) -> ChatModel:
        if spec not in models:
            models[spec] = make_model(spec)
        return models[spec]

    def debater(spec: str | None) -> Any:
        if spec is not None and spec in SCRIPTED_DEBATERS:
            return SCRIPTED_DEBATERS[spec](seed)
        chosen = model_of(spec or model)
        if run_dir is None and strategy_id is None:
            return StrategyDebater(chosen, strategy or "")
        if run_dir is None or strategy_id is None or strategy is not None:
            raise InputError("--run and --id belong together and replace --strategy")
        return from_archive(run_dir, strategy_id, chosen)

    agents: dict[str, Any] = {seat: person}
    others = [s for s in rules.players if s != seat]
    for other in others:
        agents[other] = debater(opponent if other == others[-1] else None)
    for other in (s for s in rules.judges if s != seat):
        scripted = SCRIPTED_JUDGES.get(judge or "")
        agents[other] = scripted(seed) if scripted else ModelJudge(model_of(judge or model))
    if seat in rules.judges and judge is not None:
        raise InputError("--judge: you are the judge; leave it out, or take another --seat")
    job = DebateJob(
        "play", question, agents, seed, settings, swap=bool(derive_seed(seed, "side") & 1)
    )
    click.echo(f"You are {seat}. Question {number} of {questions}, seed {seed}. Ctrl-D leaves.")
    with contextlib.suppress(ImportError):
        importlib.import_module("readline")  # line editing; absent on some systems
    try:
        for record in play([job]):
            click.echo(summary(record))
    except (Left, KeyboardInterrupt, click.Abort):
        click.echo("\nYou left; the debate is not finished and nothing was saved.")
    finally:
        for made in models.values():
            made.close()


def summary(record: DebateRecord) -> str:
    """Say how a debate ended, for a terminal: last speeches, verdict, correct answer, quotes."""
    outcome, job = record.outcome, record.job
    label = outcome.label
    correct = f"The correct answer is {LETTERS[label]}: {clean(_presented(record)[label])}"
    lines = ["", "RESULT"]
    if outcome.credence is not None:
        shares = ", ".join(f"{LETTERS[i]} {p:.0%}" for i, p in enumerate(outcome.credence))
        verdict = {1.0: "right", 0.0: "wrong"}.get(outcome.correct or 0.0, "undecided")
        lines += [f"{_judge_name(job)} {shares}: {verdict}."]
    elif outcome.kind == "abstained":
        lines += ["The judge abstained."]
    else:
        lines += [f"No verdict ({outcome.kind}). {clean(outcome.message)}"]
    lines += [correct]
    for seat, (number, verified) in outcome.quotes.items():
        lines += [f"{seat}: {outcome.words[seat]} words, {verified} of {number} quotes verified"]
    last = [s for s in record.speeches if s.round == job.settings.rounds]
    heard = [shown_speech(s) for s in last]
    human_judge = isinstance(_judge(job), HumanAgent)
    return "\n".join([*([] if human_judge else heard), *lines])


def _judge(job: DebateJob) -> Any:
    judges = get_protocol(job.settings.protocol).judges
    return job.agents[judges[-1]] if judges else None


def _judge_name(job: DebateJob) -> str:
    judge = _judge(job)
    if isinstance(judge, HumanAgent):
        return "Your verdict:"
    if not isinstance(judge, ModelJudge):
        return "The judge believes"
    simulated = " (a simulation)" if judge.model.name.startswith("embedded") else ""
    return f"The judge {judge.model.name}{simulated} believes"


def _presented(record: DebateRecord) -> Sequence[str]:
    question = record.job.question
    order = present(question, record.job.swap, record.job.rival)
    return [question.answers[i] for i in order]


def _known(option: str, spec: str, scripted: Mapping[str, object]) -> None:
    if ":" not in spec and spec not in scripted and spec not in model_names():
        raise InputError(f"{option} '{spec}': {nearest(spec, [*scripted, *model_names()])}")


def _pick(spec: str, columns: str | None, index: int | None, seed: int) -> tuple[Question, int]:
    questions = load_questions(spec, parse_columns(columns) if columns else None)
    if index is None:
        index = derive_seed(seed, "question") % len(questions)
    if not 0 <= index < len(questions):
        raise InputError(f"--index {index}: {spec} has questions 0 to {len(questions) - 1}")
    return questions[index], index
