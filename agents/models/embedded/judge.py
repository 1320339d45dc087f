"""The embedded model as judge: what it makes of a transcript, or of the passage itself.

The judge reads its prompt and nothing else. Its opinion of each answer is a sum, in log-odds::

    u = evidence * E + sum_k styles[k] * strength[k] + unverified * U + leaning + noise

and the verdict is their softmax, with ``bias`` added to the answer shown first. ``E`` saturates in
the support that the verified quotes give the answer; support needs the terms of the question and
of the answer together (:func:`debateqd.agents.models.embedded.retrieval.relevance`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from debate_env.core.quotes import MARKED_QUOTE
from debate_env.draws import digest, gauss
from debateqd.agents import prompts
from debateqd.agents.models.embedded.retrieval import (
    SpanIndex,
    coverage,
    distinguishing,
    is_hedged,
    relevance,
    terms_of,
)
from debateqd.agents.models.embedded.style import strength, style_counts
from debateqd.agents.models.embedded.world import STYLES, World

_LOGIC = STYLES.index("logic")
_REFUTATION = STYLES.index("refutation")
_FADE = 0.4
"""Each further quote counts this much of the one before it."""
_SCALE = 1.5
"""Support at which evidence reaches ``1 - 1/e``."""
_SEED_PART = 0.25
"""Share of the noise that another seed redraws; the rest belongs to the content."""
_READING_NOISE = 0.5


class Features(NamedTuple):
    """What the judge notices in one speech."""

    verified: tuple[str, ...]
    unverified: int
    counts: tuple[float, ...]
    words: int


@lru_cache(maxsize=16384)
def features(speech: str) -> Features:
    """Read one speech as the transcript shows it."""
    verified, unverified = [], 0
    for mark, text in MARKED_QUOTE.findall(speech):
        if mark == "v":
            verified.append(text)
        else:
            unverified += 1
    plain = MARKED_QUOTE.sub(" ", speech) if verified or unverified else speech
    return Features(tuple(verified), unverified, style_counts(plain), len(speech.split()))


class _Side(NamedTuple):
    strong: list[float]
    weak: list[float]
    strengths: tuple[float, ...]
    unverified: float


def _side(
    speeches: Sequence[str], asked: frozenset[str], own: frozenset[str], others: frozenset[str]
) -> _Side:
    seen = [features(s) for s in speeches]
    n = len(seen)
    strong: list[float] = []
    weak: list[float] = []
    for text in dict.fromkeys(q for f in seen for q in f.verified):
        terms = terms_of(text)
        value = relevance(terms, asked, own, others)
        if value > 0.0:
            off = coverage(asked, terms) < 0.5
            (weak if off or is_hedged(text) else strong).append(value)
    counts = tuple(sum(column) / n for column in zip(*(f.counts for f in seen), strict=True))
    strengths = strength(counts, sum(f.words for f in seen) / n)
    return _Side(strong, weak, strengths, 1.0 - math.exp(-sum(f.unverified for f in seen) / n))


def _saturate(values: list[float]) -> float:
    values.sort(reverse=True)
    total, factor = 0.0, 1.0
    for value in values:
        total += factor * value
        factor *= _FADE
    return 1.0 - math.exp(-total / _SCALE)


def debate_log_odds(world: World, user: str, seed: int) -> list[float] | None:
    """Return the judge's log-odds of each answer, in the order shown, after a debate."""
    question = prompts.section(user, "question")
    answers = prompts.listed_answers(user)
    if question is None or len(answers) < 2:
        return None
    by_answer: list[list[str]] = [[] for _ in answers]
    for block in prompts.speeches(user):
        number = prompts.LETTERS.find(block.speaker)
        if 0 <= number < len(answers):
            by_answer[number].append(block.text)
    if world.kind == "null":
        # Nothing that a speech says reaches the verdict of this world, not even through the noise.
        by_answer = [[] for _ in answers]
    opinion = _before(world, question, answers, by_answer, seed, world.noise)
    sets = distinguishing(answers, question)
    asked = terms_of(question)
    sides: list[_Side | None] = []
    for i, speeches in enumerate(by_answer):
        others = frozenset[str]().union(*(s for j, s in enumerate(sets) if j != i))
        sides.append(_side(speeches, asked, sets[i], others) if speeches else None)
    for i, side in enumerate(sides):
        if side is None:
            continue
        rebutted = max(
            (s.strengths[_REFUTATION] for j, s in enumerate(sides) if j != i and s is not None),
            default=0.0,
        )
        kept = (1.0 - world.scepticism) * (1.0 - world.rebuttal * rebutted)
        reasoned = 1.0 + world.warrant * side.strengths[_LOGIC]
        support = [v * reasoned for v in side.strong] + [v * reasoned * kept for v in side.weak]
        opinion[i] += world.evidence * _saturate(support) + world.unverified * side.unverified
        for susceptibility, value in zip(world.styles, side.strengths, strict=True):
            opinion[i] += susceptibility * value
    opinion[0] += world.bias
    return opinion


def reading_log_odds(
    world: World, index: SpanIndex | None, user: str, seed: int
) -> list[float] | None:
    """Return them without a debate; ``index`` is ``None`` where the judge reads nothing."""
    question = prompts.section(user, "question")
    answers = prompts.listed_answers(user)
    if question is None or len(answers) < 2:
        return None
    empty: list[list[str]] = [[] for _ in answers]
    scale = world.noise if index is None else world.noise * _READING_NOISE
    opinion = _before(world, question, answers, empty, seed, scale)
    if index is not None:
        for i, value in enumerate(read(index, question, tuple(answers))):
            opinion[i] += world.reading * value
    opinion[0] += world.bias
    return opinion


def read(index: SpanIndex, question: str, answers: tuple[str, ...]) -> list[float]:
    """Return the support in ``[0, 1)`` that a passage gives each answer, alike for all answers."""
    asked = terms_of(question)
    sets = distinguishing(answers, question)
    near = index.scores(((frozenset[str]().union(*sets), 1.0),))
    result = []
    for i, own in enumerate(sets):
        others = frozenset[str]().union(*(s for j, s in enumerate(sets) if j != i))
        best: dict[int, float] = {}
        for number in near:
            span = index.spans[number]
            value = relevance(span.terms, asked, own, others) * (0.25 if span.hedged else 1.0)
            if value > best.get(span.sentence, 0.0):
                best[span.sentence] = value
        result.append(_saturate(list(best.values())))
    return result


def _before(
    world: World,
    question: str,
    answers: Sequence[str],
    by_answer: Sequence[Sequence[str]],
    seed: int,
    noise: float,
) -> list[float]:
    """Return leaning and noise of each answer.

    Noise belongs to the content, whatever the order of the answers, so that asking again does not
    average it away; a small part belongs to the seed.
    """
    cases = ["\x1e".join((a, *s)) for a, s in zip(answers, by_answer, strict=True)]
    whole = digest(str(world.seed), question, *sorted(cases))
    lasting = math.sqrt(1.0 - _SEED_PART**2)
    result = []
    for answer, case in zip(answers, cases, strict=True):
        leaning = gauss(digest("leaning", str(world.seed), question, answer))
        content = gauss(whole + digest(case))
        fresh = gauss(whole + digest(case, str(seed)))
        result.append(world.leaning * leaning + noise * (lasting * content + _SEED_PART * fresh))
    return result


def softmax(values: Sequence[float]) -> tuple[float, ...]:
    """Return probabilities proportional to the exponentials of ``values``."""
    top = max(values)
    weights = [math.exp(v - top) for v in values]
    total = sum(weights)
    return tuple(w / total for w in weights)


def tempered(weights: Sequence[float], temperature: float) -> list[float]:
    """Return weights to draw by: sharper below temperature 1, as they are at 1, flatter above."""
    top = max(weights)
    return [(w / top) ** (1.0 / temperature) for w in weights]


def stated_credences(shares: Sequence[float]) -> str:
    """Say in JSON what each answer is believed in whole per cents that sum to 100.

    Of two answers the first says it all.
    Per cents are rounded down; what is missing goes to the largest remainders (Hamilton's method).
    """
    exact = [100.0 * share for share in shares]
    whole = [int(x) for x in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: whole[i] - exact[i])
    for i in by_remainder[: 100 - sum(whole)]:
        whole[i] += 1
    said = whole[:1] if len(whole) == 2 else whole
    return json.dumps(dict(zip(prompts.LETTERS, said, strict=False)))
