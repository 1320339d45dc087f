"""How much of the prompts an engine with a prefix cache must compute, by arithmetic.

The workload: 8 long passages, 4 questions on each, each debated in both seatings; 3 simultaneous
rounds, speeches of about 100 words. A token is a word or a punctuation mark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engines_cache import BLOCK, CAPACITY, Computed, SimulatedEngine, WordTokens, trie_size
from engines_orders import order_figures
from engines_table import Figure
from engines_workload import equal_work, fixed_questions, scripted_reply

from debate_env.questions.question import Question
from debateqd.agents.rollout import play

ONE_CALL, BOTH_ORDERS = 2_600, 3_400
"""Most computed prompt tokens a debate, by how the judge is asked."""

PASSAGE_TIMES = 1.1


@dataclass(frozen=True)
class Prefill:
    """What a workload costs.

    Attributes:
        debates: Debates played.
        requests: Prompts.
        prompt_tokens: Tokens of all prompts.
        trie: Nodes of their trie: what must be computed at least.
        computed: Tokens that the engine computed.
        passage_times: How often the passage that fared worst was computed.
    """

    debates: int
    requests: int
    prompt_tokens: int
    trie: int
    computed: int
    passage_times: float


def passage_times(prompts: Sequence[Computed]) -> float:
    """Return how often the passage that fared worst was computed.

    First messages that are less than half as long as the longest one hold no passage.
    """
    spent: Counter[int] = Counter()
    heads: dict[int, int] = {}
    for prompt in prompts:
        spent[prompt.name] += prompt.head_computed
        heads[prompt.name] = prompt.head
    least = max(heads.values()) / 2
    return max(spent[name] / head for name, head in heads.items() if head >= least)


def simulate(
    questions: Sequence[Question], *, strategies: bool = True, both_orders: bool = True
) -> Prefill:
    """Play the workload on a simulated engine."""
    engine = SimulatedEngine(WordTokens(), scripted_reply)
    jobs = list(equal_work(questions, engine, strategies=strategies, both_orders=both_orders))
    played = sum(record.outcome.kind == "verdict" for record in play(jobs))
    assert played == len(jobs), "every debate of the benchmark must reach its verdict"
    computed = engine.computed
    return Prefill(
        len(jobs),
        len(computed),
        sum(prompt.tokens for prompt in computed),
        trie_size(engine.prompts),
        sum(prompt.tokens - prompt.cached for prompt in computed),
        passage_times(computed),
    )


def prefill() -> list[Figure]:
    """Return the figures of the fixed workload and of the order of prompt parts."""
    questions, source = fixed_questions()
    found = simulate(questions)
    print(
        f"prefill: {found.debates} debates on {source}, {found.requests} prompts; simulated cache "
        f"of {CAPACITY:,} tokens in blocks of {BLOCK}"
    )
    figures = [
        Figure("prompt tokens", found.prompt_tokens),
        Figure("token-trie bound", found.trie),
        Figure("computed prompt tokens", found.computed, found.trie + BLOCK * found.requests),
        Figure("a passage computed, worst", found.passage_times, PASSAGE_TIMES, "times", 3),
        Figure("computed a debate, both judge orders", found.computed / found.debates),
    ]
    # Debaters of other systems have no strategies, so the comparison with them is made without.
    for title, both_orders, most in (
        ("computed a debate, no strategies, both judge orders", True, BOTH_ORDERS),
        ("computed a debate, no strategies, one judge call", False, ONE_CALL),
    ):
        plain = simulate(questions, strategies=False, both_orders=both_orders)
        figures.append(Figure(title, plain.computed / plain.debates, most))
    return figures + order_figures(questions)
