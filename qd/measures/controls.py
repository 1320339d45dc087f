"""Two controls: is it where an answer stands, or how long a strategy is, that wins?

*Position.* The judge is asked about every debate twice, with the answers in either order. Here the
two are kept apart: how often it is right when the correct answer comes first and when it comes
second; how often a strategy wins when its own answer comes first and when second; and in either
seat. The seat decides whose answer is presented first and, in sequential debates, who speaks first.

*Length.* A strategy may win by saying more. Every elite that is longer than the mean seed is cut:
whole sentences are kept from the beginning while they hold no more words than the mean seed, but at
least the first sentence. Then it debates again: the same questions, seats and opponents. Nothing
else is cut; how many words were said is reported beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from debate_env.core.words import count_words
from debate_env.questions.question import Question
from debateqd.qd.debates.counting import (
    Measure,
    by_question,
    observed,
    paired,
    position_bias,
    rate,
    won,
)
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.plans import EvaluationPlanner, Plan
from debateqd.qd.descriptors.words import sentences
from debateqd.qd.measures.scores import objective_scores
from debateqd.qd.statistics import difference_interval, mean_interval
from debateqd.qd.strategy import Strategy

FEWEST = 20
"""Debates that a judge's preference for a place is looked for in."""

MUCH_BIAS = 0.15
"""Mean excess credence of a place that deserves a warning; the simulation has up to 0.12."""

NEARLY_ALL = 0.9
"""Share of replies for one place that deserves one, too."""


def _verdict(order: Sequence[float], place: int) -> float:
    own, other = order[place], order[1 - place]
    return 0.5 if own == other else float(own > other)


def _shown(first: bool, *, correct: bool) -> Measure:
    """Whether the correct answer, or the strategy's own, won when shown first, or second."""

    def value(match: Match) -> float | None:
        place = match.label if correct else match.side(match.subject)
        if match.orders is None or len(match.orders) != 2 or place is None or place > 1:
            return None
        # As presented, answer 0 comes first; reversed, it comes last.
        return _verdict(match.orders[0 if (place == 0) == first else 1], place)

    return value


def _agree(match: Match) -> float | None:
    if match.orders is None or len(match.orders) != 2:
        return None
    return float(_verdict(match.orders[0], 0) == _verdict(match.orders[1], 0))


def _contrast(matches: Sequence[Match], one: Measure, other: Measure) -> dict[str, Any]:
    """Two rates and their difference, paired by question."""
    return {
        "first": rate(matches, one).to_json(),
        "second": rate(matches, other).to_json(),
        "difference": difference_interval(
            *paired(by_question(matches, one), by_question(matches, other))
        ).to_json(),
    }


def position_control(matches: Iterable[Match]) -> dict[str, Any]:
    """Keep answer orders and seats apart; every rate with a 95 % interval clustered by passage.

    Returns:
        A JSON-able mapping. ``accuracy``: of elites in self-play, with the correct answer shown
        first, second, and the difference; ``win_rate``: of elites against the panel, with their own
        answer shown first and second; ``seat``: the same, in the first and in the second seat, over
        both orders; ``orders_agree``: share of all debates in which both orders have one winner;
        ``favoured``: what :func:`favoured_place` says, where it says something.
    """
    kept = [m for m in matches if m.usable]
    favoured = favoured_place(kept)
    alone = [m for m in kept if m.phase == "elites"]
    panel = [m for m in kept if m.phase == "panel"]

    def seated(*, first: bool) -> Measure:
        return lambda m: (
            won(m) if (m.seats_of(m.subject)[0] == next(iter(m.seats))) == first else None
        )

    return {
        "accuracy": _contrast(alone, _shown(True, correct=True), _shown(False, correct=True)),
        "win_rate": _contrast(panel, _shown(True, correct=False), _shown(False, correct=False)),
        "seat": _contrast(panel, seated(first=True), seated(first=False)),
        "orders_agree": rate(kept, _agree).to_json(),
        **({"favoured": favoured} if favoured else {}),
    }


def favoured_place(matches: Iterable[Match]) -> str:
    """Say that a judge favours the answer that it is shown first, or last, where that is certain.

    It is where the interval of its mean bias lies beyond :data:`MUCH_BIAS`, or nearly all of its
    verdicts, of :data:`FEWEST` debates or more, are for that place. Empty where it is not.
    """
    kept = [m for m in matches if m.usable and m.bias is not None and m.orders is not None]
    if len(kept) < FEWEST:
        return ""
    bias = position_bias(kept)
    # Every order is in the presented one; the second was shown reversed.
    steps = (1, -1)
    shown = [o[::step] for m in kept for o, step in zip(m.orders or (), steps, strict=False)]
    for place, name, beyond in ((0, "first", bias.low), (-1, "last", -bias.high)):
        chosen = sum(order[place] == max(order) > min(order) for order in shown)
        if beyond > MUCH_BIAS or chosen >= NEARLY_ALL * len(shown):
            return (
                f"the judge favours the answer shown {name}: it names that in {chosen} of "
                f"{len(shown)} replies, and gives the first {100 * bias.value:+.0f} points "
                f"[{100 * bias.low:+.0f}, {100 * bias.high:+.0f}] more than its even share; both "
                "orders together take most of that out, and move every credence towards an even "
                "share: take a larger model as judge, or another models.verdict.method"
            )
    return ""


@dataclass(frozen=True, slots=True)
class Cut:
    """A strategy with the text that is left, and its words before and after."""

    strategy: Strategy
    before: int
    after: int

    @property
    def shorter(self) -> bool:
        """Whether anything was cut."""
        return self.after < self.before


def cut_at_sentence(text: str, words: int) -> str:
    """Keep whole sentences from the beginning, up to a number of words but at least the first.

    Returns:
        The text as it is where it is short enough; otherwise the sentences kept, a space between.
    """
    if count_words(text) <= words:
        return text
    kept: list[str] = []
    for sentence in sentences(text):
        if kept and count_words(" ".join([*kept, sentence])) > words:
            break
        kept.append(sentence)
    return " ".join(kept)


def mean_words(strategies: Sequence[Strategy]) -> int:
    """Return the mean number of words of strategies, rounded."""
    return round(sum(count_words(s.text) for s in strategies) / len(strategies))


def cut_strategies(strategies: Sequence[Strategy], words: int) -> list[Cut]:
    """Cut strategies at a sentence's end; see :func:`cut_at_sentence`."""
    cuts = []
    for strategy in strategies:
        text = cut_at_sentence(strategy.text, words)
        cuts.append(
            Cut(replace(strategy, text=text), count_words(strategy.text), count_words(text))
        )
    return cuts


def length_plans(
    cuts: Sequence[Cut],
    seeds: Sequence[Strategy],
    questions: Sequence[Question],
    truth_weight: float,
    planner: EvaluationPlanner,
) -> list[Plan]:
    """Return the debates of strategies that were cut, arranged like those of the whole ones."""
    strategies = [cut.strategy for cut in cuts]
    shorter = {cut.strategy.strategy_id for cut in cuts if cut.shorter}
    found = planner.objective("length", strategies, seeds, questions, truth_weight)
    return [plan for plan in found if plan.subject in shorter]


def length_control(
    whole: Sequence[Match],
    cut: Sequence[Match],
    cuts: Sequence[Cut],
    words: int,
    score: str,
    truth_weight: float,
) -> dict[str, Any]:
    """Compare strategies as they are with the same cut; paired by strategy and question.

    ``whole`` are debates of kinds ``panel`` and ``elites``, ``cut`` of kind ``length``.

    Returns:
        A JSON-able mapping: ``words`` allowed, ``strategies`` with their words before and after,
        the objective's ``score`` ``whole`` and ``cut``, their ``difference`` (whole minus cut: what
        length alone may have earned), and words per speech ``said_whole`` and ``said_cut``. A
        strategy that was short enough counts with a difference of 0.
    """
    known = objective_scores(whole, score, truth_weight)
    again = objective_scores(cut, score, truth_weight, "length", "length")
    shorter = {c.strategy.strategy_id for c in cuts if c.shorter}
    both = [
        (seen, again[key] if key[0] in shorter else seen)
        for key, seen in known.items()
        if key[0] not in shorter or key in again
    ]
    before, after = observed(one for one, _ in both), observed(other for _, other in both)
    return {
        "words": words,
        "strategies": [
            {"id": c.strategy.strategy_id, "before": c.before, "after": c.after} for c in cuts
        ],
        "score": score,
        "whole": mean_interval(*before).to_json(),
        "cut": mean_interval(*after).to_json(),
        "difference": difference_interval(before, after).to_json(),
        "said_whole": words_per_speech(m for m in whole if m.phase in ("panel", "elites")),
        "said_cut": words_per_speech(cut),
    }


def words_per_speech(matches: Iterable[Match]) -> float | None:
    """Return the mean words per speech of the strategies measured; ``None`` for no speech."""
    said = [(m.words.get(s, 0), m.speeches[s]) for m in matches for s in m.seats_of(m.subject)]
    speeches = sum(n for _, n in said)
    return sum(w for w, _ in said) / speeches if speeches else None
