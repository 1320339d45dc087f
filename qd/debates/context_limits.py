"""Passages and context lengths: whether every prompt of a run fits its model, found beforehand.

Nothing is cut in silence. A passage that does not fit is an error that says by how much, unless
the user asked for passages to be cut (``questions.truncate_passages``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from debate_env.core.episode import Episode
from debate_env.core.protocols import get_protocol, speeches_of
from debate_env.errors import InputError
from debate_env.questions.question import Question, QuestionSet
from debateqd.agents.base import Turn
from debateqd.agents.models.base import ChatModel, Message, TokenCounter, capabilities_of
from debateqd.agents.prompts import debater_messages, judge_messages
from debateqd.agents.rollout import PrefixRoom
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.questions import SPLITS, RunQuestions

TOKENS_PER_WORD = 1.6
"""Of speeches and strategies that are not written yet; English needs about 1.3."""

# Of models that count no tokens, from above. English has 3.6 to 4.7 characters to a token with the
# vocabularies of today; other scripts have far fewer, but never more tokens than bytes.
_TOKENS_PER_CHARACTER = 1 / 3
_MARGIN = 1.15  # on what a probe has measured
_TEMPLATE_TOKENS = 24  # around each message

VERDICT_TOKENS = 64
"""Room for a verdict, unless the configuration says how long it may be."""

_SHOWN = 3  # passages named in an error


def counter_of(model: ChatModel) -> Callable[[Sequence[Message]], int]:
    """Return what counts the tokens of a prompt: the model itself, or an estimate from above."""
    if isinstance(model, TokenCounter):
        return model.count_tokens
    measured = capabilities_of(model).tokens_per_character
    rate = _TOKENS_PER_CHARACTER if measured is None else _MARGIN * measured

    def estimate(messages: Sequence[Message]) -> int:
        texts = [message.content for message in messages]
        size = sum(len(text.encode("utf-8", "replace")) for text in texts)
        ascii_only = sum(len(text.encode("ascii", "ignore")) for text in texts)
        others = size - ascii_only
        return math.ceil(_TEMPLATE_TOKENS * len(texts) + rate * ascii_only + others)

    return estimate


def room_for_text(config: RunConfig) -> tuple[int, int]:
    """Return the most tokens that a strategy, and that all speeches of a debate, may need."""
    debate = config.debate
    words = debate.word_limit * TOKENS_PER_WORD
    speech = min(config.models.max_tokens, math.ceil(words))
    strategy = math.ceil(config.evolution.mutation.max_words * TOKENS_PER_WORD)
    return strategy, speeches_of(get_protocol(debate.protocol), debate.rounds) * speech


def prefix_room(config: RunConfig, debater: ChatModel) -> PrefixRoom | None:
    """Return how many passages may be open at once; ``None`` where the cache size is not known."""
    cache = capabilities_of(debater).cache_tokens
    if cache is None:
        return None
    count = counter_of(debater)
    strategy, speeches = room_for_text(config)
    players = len(get_protocol(config.debate.protocol).players)
    return PrefixRoom(
        capacity=cache,
        passage_tokens=lambda question: count(debater_prompt(question, config)),
        # Each player reads the speeches behind its own strategy, and the judge in both orders.
        debate_tokens=players * strategy + (players + 2) * speeches,
    )


def debater_prompt(question: Question, config: RunConfig) -> tuple[Message, ...]:
    """Return the prompt of a first speech, with an empty strategy."""
    settings = config.debate
    seat = get_protocol(settings.protocol).players[0]
    turn = Turn(seat, 1, settings, 0)
    return debater_messages(Episode(question, settings).observe(seat), turn, "")


def judge_prompt(question: Question, config: RunConfig) -> tuple[Message, ...]:
    """Return a judge's prompt about a debate in which nothing was said."""
    episode = Episode(question, config.debate)
    return judge_messages(episode.observe(episode.seats[-1]), range(len(question.answers)))


def fit_questions(questions: RunQuestions, config: RunConfig, models: Models) -> RunQuestions:
    """Check that every passage fits the debaters' context; cut those that do not, if asked to.

    A model that does not tell its context length is taken to have room. One that has a length but
    cannot count tokens is checked by an estimate from above, and the error says so.

    Returns:
        The questions, the same object when nothing had to be cut.

    Raises:
        InputError: Names the passages, how long the prompts with them are, and what to do; or a
            whole debate does not fit the judge's context.
    """
    _check_judge(questions, config, models.judge)
    context = capabilities_of(models.debater).context_length
    if context is None:
        return questions
    count = counter_of(models.debater)
    strategy, speeches = room_for_text(config)
    reserved = strategy + speeches + config.models.max_tokens
    found = _misfits(questions, config, count, context - reserved)
    if not found:
        return questions
    if not config.questions.truncate_passages:
        raise InputError(_explain(found, config, models.debater, context, reserved))
    cut = {q.passage_id: _cut(q, config, count, context - reserved) for q, _ in found}
    whole = {q.passage_id: len(q.passage) for q in _all(questions)}
    splits: dict[str, Any] = {n: _with_passages(questions.split(n), cut) for n in SPLITS}
    return replace(
        questions,
        **splits,
        truncated={passage: (len(text), whole[passage]) for passage, text in sorted(cut.items())},
    )


def _check_judge(questions: RunQuestions, config: RunConfig, judge: ChatModel) -> None:
    context = capabilities_of(judge).context_length
    if context is None or not get_protocol(config.debate.protocol).judges:
        return
    longest = max(_all(questions), key=_length)
    speeches = room_for_text(config)[1]
    reply = config.models.verdict.max_tokens or VERDICT_TOKENS
    needed = counter_of(judge)(judge_prompt(longest, config)) + speeches + reply
    if needed > context:
        raise InputError(
            f"the context of {context:,} tokens of the judge, '{config.models.judge}', cannot hold "
            f"a debate of {config.debate.rounds} rounds, which may need {needed:,}"
            f"{_estimated(judge)}; lower debate.rounds or debate.word_limit, or take another judge "
            f"or a longer context{_setting(judge)}"
        )


def _all(questions: RunQuestions) -> Iterator[Question]:
    for name in SPLITS:
        yield from questions.split(name)


def _misfits(
    questions: RunQuestions, config: RunConfig, count: Callable[[Sequence[Message]], int], room: int
) -> list[tuple[Question, int]]:
    """Find passages without room: the question of the longest prompt, and that prompt's tokens."""
    longest: dict[str, Question] = {}
    for question in _all(questions):
        known = longest.setdefault(question.passage_id, question)
        if _length(question) > _length(known):
            longest[question.passage_id] = question
    sizes = [(question, count(debater_prompt(question, config))) for question in longest.values()]
    return [(question, tokens) for question, tokens in sizes if tokens > room]


def _length(question: Question) -> int:
    return len(question.question) + sum(map(len, question.answers))


def _estimated(model: ChatModel) -> str:
    if isinstance(model, TokenCounter):
        return ""
    return (
        " by an estimate from above, as the model counts no tokens (a larger "
        "models.openai.context_length overrules it)"
    )


def _setting(model: ChatModel) -> str:
    hint = capabilities_of(model).longer_context
    return f" ({hint})" if hint else ""


def _explain(
    found: Sequence[tuple[Question, int]],
    config: RunConfig,
    model: ChatModel,
    context: int,
    reserved: int,
) -> str:
    misfits = sorted((-tokens, question.passage_id) for question, tokens in found)
    room = context - reserved
    shown = ", ".join(f"{name} by {-tokens - room:,} tokens" for tokens, name in misfits[:_SHOWN])
    more = f" and {len(misfits) - _SHOWN} more" if len(misfits) > _SHOWN else ""
    spec = config.models.debater
    wanted = reserved - misfits[0][0]
    return (
        f"the context of {context:,} tokens of '{spec}' is too short for {len(misfits)} "
        f"passages{_estimated(model)}: {shown}{more} ({reserved:,} tokens are kept for strategy, "
        f"speeches and reply); take a context of {wanted:,}{_setting(model)}, shorter speeches or "
        "fewer rounds, leave those passages out, or have them cut with --truncate-passage"
    )


def _cut(
    question: Question, config: RunConfig, count: Callable[[Sequence[Message]], int], room: int
) -> str:
    """Return the longest beginning of a passage, in whole words, that fits."""

    def fits(end: int) -> bool:
        return count(debater_prompt(replace(question, passage=text[:end] or " "), config)) <= room

    text = question.passage
    if not fits(1):
        raise InputError(
            f"the context of '{config.models.debater}' has no room for any passage: speeches, "
            "strategy and reply fill it; lower debate.word_limit, debate.rounds or "
            "models.max_tokens"
        )
    low, high = 1, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    end = text.rfind(" ", 0, low)
    return text[: end if end > 0 else low].rstrip()


def _with_passages(split: QuestionSet, passages: Mapping[str, str]) -> QuestionSet:
    return QuestionSet(
        replace(q, passage=passages[q.passage_id]) if q.passage_id in passages else q for q in split
    )
