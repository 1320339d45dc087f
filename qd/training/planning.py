"""What a run will take, before it is paid: debates and model calls, tokens and money.

The passages, questions and rules are the real ones. Debates and calls are bounded from above.
Tokens and money are those of so many debates, as ranges: how long speeches and strategies become
and how many tokens a word or a character is cannot be known beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from debate_env.core.protocols import get_protocol, speeches_of
from debate_env.questions.question import Question
from debateqd.agents.models.base import Message
from debateqd.agents.models.budget import Price
from debateqd.agents.prompts import mutation_messages
from debateqd.qd.config.schema import ROLES, EvolutionConfig, RunConfig
from debateqd.qd.debates.context_limits import debater_prompt, judge_prompt
from debateqd.qd.debates.questions import RunQuestions
from debateqd.qd.mutation.parents import most_children
from debateqd.qd.seeds import FAMILIES, seed_strategies
from debateqd.qd.selection.tournament import Tournament
from debateqd.qd.training.checks import check_names
from debateqd.qd.training.gains import Reporter
from debateqd.qd.training.labeller import label_calls
from debateqd.qd.training.state import new_archive

_PER_CHARACTER = (1 / 5.0, 1 / 3.5)  # tokens of a prompt; English is nearer to the first
_PER_WORD = (1.2, 1.6)  # tokens of a speech
_LABEL_PROMPT = 1400  # characters of a labeller's prompt without the speeches
_SHARE_OF_LIMIT = 0.4  # of the words allowed: a short speech, a short strategy


@dataclass(frozen=True, slots=True)
class RunSize:
    """How many debates and model calls a run will take.

    Attributes:
        first: Debates of the tournament of generation 0; exact.
        players: Most strategies in a later tournament.
        tournament: Debates of a later tournament with that many.
        report: Most debates of one report, of all reports, and of what is played once for them.
        debates: All debates of the run; an upper bound, exact when ``exact``.
        calls_per_debate: Speeches, and verdicts in both orders; the most where it depends on what
            a server can do.
        verdict_calls: How many of them may be the judge's, the fewest and the most.
        mutations: Most model calls for mutation.
        labels: Most model calls for labelling new strategies.
        calls: All model calls; an upper bound as long as verdicts can be read.
        exact: Whether the number of debates is known beforehand.
    """

    first: int
    players: int
    tournament: int
    report: int
    debates: int
    calls_per_debate: int
    verdict_calls: tuple[int, int]
    mutations: int
    labels: int
    calls: int
    exact: bool


def plan_run(config: RunConfig, questions: RunQuestions) -> RunSize:
    """Estimate a run.

    Raises:
        InputError: The configuration names something that does not exist, or cannot be played on
            these questions.
    """
    check_names(config)
    evolution = config.evolution
    later = evolution.generations
    seeds = seed_strategies()
    tournament = Tournament(config, questions)
    first = tournament.debates(len(seeds))
    children = most_children(evolution, len(FAMILIES))
    elites = _most_members(evolution)
    if evolution.archive.keep_per_family:
        elites = min(elites, evolution.archive.keep_per_family * len(FAMILIES))
    players = min(elites, len(seeds) + children * max(0, later - 1)) + children
    each = tournament.debates(players)
    reporter = Reporter(config, questions.report, seeds)
    reports = sum(reporter.due(g) for g in range(later + 1))
    per_report, once = reporter.debates()
    report = reports * per_report + (once if reports else 0)
    debates = first + later * each + report
    fewest, most = verdict_calls(config)
    rules = get_protocol(config.debate.protocol)
    per_debate = speeches_of(rules, config.debate.rounds) + most
    mutations = later * children * evolution.mutation.max_attempts
    labels = label_calls(evolution.archive, len(seeds) + later * children)
    tried = most if config.models.verdict.method == "credence" else 0
    return RunSize(
        first=first,
        players=players,
        tournament=each,
        report=report,
        debates=debates,
        calls_per_debate=per_debate,
        verdict_calls=(fewest, most),
        mutations=mutations,
        labels=labels,
        calls=debates * per_debate + mutations + labels + tried,
        exact=later == 0 and not report,
    )


def _most_members(evolution: EvolutionConfig) -> int:
    """Count elites and challengers of a full archive."""
    archive = new_archive(evolution)
    waiting = evolution.selection.challengers if evolution.archive.kind == "grid" else 0
    return archive.size * (1 + waiting)


def verdict_calls(config: RunConfig) -> tuple[int, int]:
    """Count the calls for one verdict in both answer orders: the fewest and the most.

    With ``auto`` it depends on whether a server gives log-probabilities or must be asked for votes.
    """
    settings = config.models.verdict
    if not get_protocol(config.debate.protocol).judges:
        return 0, 0
    votes = 2 * settings.votes
    if settings.method == "votes":
        return votes, votes
    if settings.method == "auto" and config.models.judge.startswith("openai:"):
        return 2, votes
    return 2, 2


# --- tokens and money -------------------------------------------------------------------------


class Range(NamedTuple):
    """A quantity from below and from above."""

    low: float
    high: float

    def plus(self, other: Range) -> Range:
        """Add."""
        return Range(self.low + other.low, self.high + other.high)

    def times(self, low: float, high: float | None = None) -> Range:
        """Multiply by a number, or by a factor that is itself a range."""
        return Range(self.low * low, self.high * (low if high is None else high))


@dataclass(frozen=True, slots=True)
class RoleCost:
    """What one role will need.

    Prompts include what a prefix cache holds; thinking is not included. ``money`` is ``None`` where
    the price is unknown.
    """

    calls: Range
    prompt: Range
    completion: Range
    money: Range | None


def _characters(prompts: Iterable[Sequence[Message]]) -> float:
    """Mean number of characters of prompts."""
    sizes = [sum(len(m.content) for m in messages) for messages in prompts]
    return math.fsum(sizes) / len(sizes) if sizes else 0.0


def _tokens(characters: float) -> Range:
    return Range(characters * _PER_CHARACTER[0], characters * _PER_CHARACTER[1])


def _words(limit: int, most_tokens: int) -> Range:
    """Tokens of a text of at most ``limit`` words."""
    low, high = limit * _SHARE_OF_LIMIT * _PER_WORD[0], limit * _PER_WORD[1]
    return Range(min(low, most_tokens), min(high, most_tokens))


def estimate_cost(config: RunConfig, questions: RunQuestions, plan: RunSize) -> dict[str, RoleCost]:
    """Estimate what each role will need; prompts are built from the questions."""
    prices = config.models.price_table()
    debate, models = config.debate, config.models
    asked: list[Question] = [*questions.train, *questions.selection, *questions.report]
    speech = _words(debate.word_limit, models.max_tokens)
    strategy = _words(config.evolution.mutation.max_words, 10**9)
    speeches = plan.calls_per_debate - plan.verdict_calls[1]
    per_round = speeches / debate.rounds
    debates = plan.debates

    # A prompt holds the speeches of all rounds before; over a debate that is an arithmetic series.
    reread = per_round * per_round * debate.rounds * (debate.rounds - 1) / 2
    base = _tokens(_characters(debater_prompt(q, config) for q in asked)).plus(strategy)
    debater_prompts = base.times(speeches).plus(speech.times(reread))
    judge_base = _tokens(_characters(judge_prompt(q, config) for q in asked))
    verdict_prompt = judge_base.plus(speech.times(speeches))
    verdicts = Range(*plan.verdict_calls)
    longest_verdict = models.verdict.max_tokens or 32

    seeds = seed_strategies()
    written = _tokens(_characters(mutation_messages(s.text, s.family) for s in seeds))
    written = written.plus(_shown_to_mutator(config, strategy))
    mutations = Range(plan.mutations / config.evolution.mutation.max_attempts, plan.mutations)
    child = _words(config.evolution.mutation.max_words, models.mutator_max_tokens)
    labels = config.evolution.archive.labels
    read = _tokens(_LABEL_PROMPT).plus(speech.times(labels.speeches))

    calls = float(speeches * debates)
    found = {
        "debater": (
            Range(calls, calls),
            debater_prompts.times(debates),
            speech.times(calls),
        ),
        "judge": (
            verdicts.times(debates),
            verdict_prompt.times(*verdicts).times(debates),
            Range(1, longest_verdict).times(*verdicts).times(debates),
        ),
        "mutator": (
            mutations.plus(Range(plan.labels, plan.labels)),
            written.plus(strategy).times(*mutations).plus(read.times(plan.labels)),
            child.times(*mutations).plus(Range(1, labels.max_tokens).times(plan.labels)),
        ),
    }
    return {
        role: RoleCost(*found[role], _money(prices, models.spec(role), *found[role][1:]))
        for role in ROLES
    }


def _shown_to_mutator(config: RunConfig, strategy: Range) -> Range:
    """Tokens of what operators show beside the parent: nothing, or the most that one shows."""
    mutation, debate = config.evolution.mutation, config.debate
    active = {name for name, share in mutation.operators.items() if share > 0}
    most = strategy.high if "crossover" in active else 0.0
    if "reflection" in active:
        words = min(mutation.shown_words, debate.word_limit)
        speeches = (
            2 * mutation.shown_debates * speeches_of(get_protocol(debate.protocol), debate.rounds)
        )
        most = max(most, speeches * words * _PER_WORD[1])
    return Range(0.0, most)


def _money(
    prices: Mapping[str, Price], spec: str, prompt: Range, completion: Range
) -> Range | None:
    """What tokens cost; from below, a prefix cache holds every prompt."""
    price = prices.get(spec)
    if price is None:
        return None
    low, high = (
        {"prompt_tokens": round(p), "completion_tokens": round(c)}
        for p, c in zip(prompt, completion, strict=True)
    )
    low["cached_prompt_tokens"] = low["prompt_tokens"]
    return Range(price.of(low), price.of(high))


def describe_plan(config: RunConfig, questions: RunQuestions, plan: RunSize) -> str:
    """Say what a run will cost, in a few lines."""
    sizes = ", ".join(f"{size} {name}" for name, size in questions.sizes().items())
    bound = "" if plan.exact else "at most "
    lines = [
        f"questions        {sizes} ({questions.source}, {questions.content_hash[:12]})",
        f"generation 0     {plan.first} debates between the {len(seed_strategies())} seeds",
    ]
    if config.evolution.generations:
        lines.append(
            f"generation 1-{config.evolution.generations:<4}at most {plan.tournament} debates with "
            f"at most {plan.players} players"
        )
    if plan.report:
        lines.append(f"reports          at most {plan.report} debates")
    lines += [
        f"debates          {bound}{plan.debates}",
        f"model calls      {bound}{plan.calls}: {plan.calls_per_debate} a debate, "
        f"{plan.mutations} for mutation" + (f", {plan.labels} for labels" if plan.labels else ""),
        *describe_cost(estimate_cost(config, questions, plan)),
    ]
    return "\n".join(lines)


def describe_cost(costs: Mapping[str, RoleCost]) -> list[str]:
    """Say what a run will cost, a line per role and one for all."""
    lines = []
    for role, cost in costs.items():
        money = "price unknown" if cost.money is None else _span(cost.money, _coins)
        lines.append(
            f"{role:<17}{_span(cost.calls)} calls, {_span(cost.prompt)} tokens in, "
            f"{_span(cost.completion)} out; {money}"
        )
    known = [cost.money for cost in costs.values() if cost.money is not None]
    if known:
        total = Range(sum(m.low for m in known), sum(m.high for m in known))
        missing = [role for role, cost in costs.items() if cost.money is None]
        note = f", and an unknown sum for {', '.join(missing)}" if missing else ""
        lines.append(f"{'money':<17}{_span(total, _coins)}{note}")
    lines.append(
        f"{'':<17}(ranges: how long texts become and how many tokens a word has cannot be known;"
    )
    lines.append(f"{'':<17}thinking and replies that are asked for again come on top)")
    return lines


def _short(value: float) -> str:
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e4, " k")):
        if value >= size:
            return f"{value / (1e3 if unit == ' k' else size):.3g}{unit}"
    return f"{value:,.0f}"


def _coins(value: float) -> str:
    return f"{value:,.2f}"


def _span(value: Range, show: Callable[[float], str] = _short) -> str:
    low, high = show(value.low), show(value.high)
    return low if low == high else f"{low} to {high}"
