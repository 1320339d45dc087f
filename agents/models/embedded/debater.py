"""The embedded model as debater: retrieve, quote, rebut, and speak as the strategy asks.

A speech is built from units of text. The strategy's intensities divide the words of the speech
among the units; the share of evidence and precision also decides how well quotes are chosen.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from debate_env.core.quotes import MARKED_QUOTE
from debate_env.core.speeches import TRUNCATION_MARK, clip
from debate_env.core.words import count_words
from debate_env.draws import Draws
from debateqd.agents import prompts
from debateqd.agents.models.embedded.retrieval import (
    SpanIndex,
    distinguishing,
    is_hedged,
    relevance,
    terms_of,
)
from debateqd.agents.models.embedded.style import AXES, Intensities, intensities
from debateqd.agents.models.embedded.words import banks, load

_LIMIT = re.compile(r"at most (\d+) words")
_ROUND = re.compile(r"Round (\d+) of")
_CANDIDATES = 14
_UNIT_WORDS = 13.0
_QUOTE_UNIT_WORDS = 24.0
_WORDS = dict(load("debater"))
STYLED = banks(_WORDS.pop("styled"))
"""Sentences by style."""
PHRASES = banks(_WORDS)
"""All others, by what they are for."""
_STYLED_AXES = tuple(a for a in AXES if a in STYLED)


class SpeechTask(NamedTuple):
    """A debater's prompt, read."""

    question: str
    own: str
    other: str
    strategy: str
    own_speeches: tuple[str, ...]
    opposing_speeches: tuple[str, ...]
    round: int
    limit: int


class Candidate(NamedTuple):
    """A span that could be quoted for an answer.

    Attributes:
        score: How well it fits question and answer by BM25, the best being 1.
    """

    text: str
    score: float
    first: int
    last: int


def read_task(user: str) -> SpeechTask | None:
    """Read the user message of a debater's prompt; ``None`` when a section is missing."""
    parts = [prompts.section(user, name) for name in ("question", "strategy", "instruction")]
    side, answers = prompts.side_of(user), prompts.contested_answers(user)
    if any(p is None for p in parts) or side is None or len(answers) < 2:
        return None
    question, strategy, instruction = (p or "" for p in parts)
    limit, number = _LIMIT.search(instruction), _ROUND.search(instruction)
    own = [(names.split("+"), answer) for names, answer in answers if side in names.split("+")]
    team = {side}.union(*(names for names, _ in own))
    blocks = prompts.speeches(user)
    return SpeechTask(
        question,
        " ".join(answer for _, answer in own),
        " ".join(answer for names, answer in answers if side not in names.split("+")),
        strategy,
        tuple(b.text for b in blocks if b.speaker in team),
        tuple(b.text for b in blocks if b.speaker not in team),
        int(number.group(1)) if number else 1,
        int(limit.group(1)) if limit else 150,
    )


def candidates(index: SpanIndex, question: str, own: str, other: str) -> tuple[Candidate, ...]:
    """Return the spans that support ``own`` best, by descending score.

    The score is BM25 of the terms of the question and, with double weight, those that set the own
    answer apart, less those of the other answer; spans with both count more.
    """
    asked = terms_of(question)
    mine, theirs = distinguishing((own, other), question)
    found = index.scores(((asked, 1.0), (mine, 1.5), (theirs, -0.75)))
    fit = {
        i: score * (0.4 + relevance(index.spans[i].terms, asked, mine, theirs))
        for i, score in found.items()
    }
    ranked = sorted(fit, key=lambda i: (-fit[i], i))[:_CANDIDATES]
    best = fit[ranked[0]] if ranked else 0.0
    if best <= 0.0:
        return tuple(
            Candidate(s.text, 0.0, s.sentence, s.sentence) for s in index.spans[:_CANDIDATES]
        )
    spans = ((index.spans[i], fit[i] / best) for i in ranked)
    return tuple(Candidate(span.text, score, span.sentence, span.last) for span, score in spans)


def quality(asked: Intensities) -> float:
    """Return how carefully quotes are chosen and copied, in ``[0, 1)``."""
    return 1.0 - math.exp(-0.8 * asked["evidence"] - 3.0 * asked["precision"])


def compose(task: SpeechTask, pool: Sequence[Candidate], draws: Draws) -> str:
    """Write one speech of at most ``task.limit`` words."""
    asked = intensities(task.strategy)
    budget = asked.fill * task.limit
    own, other = short(task.own), short(task.other)
    opening = draws.pick(PHRASES["further" if task.own_speeches else "openings"]).replace(
        "{a}", own
    )
    room = max(0.0, budget - count_words(opening))

    units: list[str] = []
    care = quality(asked)
    count = min(4, draws.round(asked["evidence"] * room / _QUOTE_UNIT_WORDS))
    chosen = _choose(task, pool, count, care, draws)
    pointers = draws.round(asked["precision"] * room / _UNIT_WORDS)
    for quote in chosen:
        unit = draws.pick(PHRASES["leads"]).replace("{q}", f"<quote>{quote}</quote>")
        if pointers > 0:
            unit += " " + draws.pick(PHRASES["pointers"])
            pointers -= 1
        units.append(unit)
    rebuttals = draws.round(asked["refutation"] * room / _UNIT_WORDS)
    units += _rebuttals(task, rebuttals, other, draws)
    for axis in _STYLED_AXES:
        number = draws.round(asked[axis] * room / _UNIT_WORDS)
        if number:
            units += draws.sample(STYLED[axis], number)

    limit = min(task.limit, max(int(budget), count_words(opening)))
    speech, used = [opening], count_words(opening)
    for unit in draws.shuffle(units):
        size = count_words(unit)
        if used + size <= limit:
            speech.append(unit)
            used += size
    closing = draws.pick(PHRASES["closings"]).replace("{a}", own)
    if used + count_words(closing) <= limit:
        speech.append(closing)
    return clip(" ".join(speech), task.limit)[0].removesuffix(TRUNCATION_MARK)


@lru_cache(maxsize=8192)
def short(answer: str) -> str:
    """Return an answer as it can stand inside a sentence, at most 12 words of it."""
    words = answer.replace('"', "'").replace("<", "‹").split()
    text = " ".join(words[:12]).rstrip(".,;: ")
    return text + " ..." if len(words) > 12 else text


def _choose(
    task: SpeechTask, pool: Sequence[Candidate], count: int, care: float, draws: Draws
) -> list[str]:
    """Return quotes, the best first; the less care, the more chance in choice and wording."""
    if count == 0 or not pool:
        return []
    said = " ".join(task.own_speeches)
    slack = 1.3 * (1.0 - care)
    ranked = sorted((-(c.score + slack * draws.uniform()), k) for k, c in enumerate(pool))
    quotes: list[str] = []
    taken: set[int] = set()
    for _, k in ranked:
        candidate = pool[k]
        sentences = range(candidate.first, candidate.last + 1)
        if candidate.text in said or not taken.isdisjoint(sentences):
            continue
        taken.update(sentences)
        text = candidate.text
        if draws.uniform() < 0.3 * (1.0 - care) ** 2:
            text = _misquote(text, task.own, draws)
        quotes.append(text)
        if len(quotes) == count:
            break
    return quotes


def _misquote(text: str, own: str, draws: Draws) -> str:
    """Return a quote from careless memory: the answer's words slip into it."""
    words = text.split()
    where = draws.below(len(words))
    return " ".join([*words[:where], *short(own).split()[:4], *words[where + 2 :]])


def _rebuttals(task: SpeechTask, number: int, other: str, draws: Draws) -> list[str]:
    if number == 0:
        return []
    if not task.opposing_speeches:
        return [s.replace("{o}", other) for s in draws.sample(PHRASES["rebut_first"], number)]
    quoted = [text for _, text in MARKED_QUOTE.findall(task.opposing_speeches[-1])]
    result = []
    for text in draws.sample(quoted, number):
        words = text.replace('"', "'").replace("<", "‹").split()
        bank = PHRASES["rebut_hedged" if is_hedged(text) else "rebut_quoted"]
        result.append(draws.pick(bank).replace("{t}", " ".join(words[:7])))
    return result + draws.sample(PHRASES["rebut_claimed"], number - len(result))
