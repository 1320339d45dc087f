"""How many requests of a debate must wait for one another."""

from __future__ import annotations

from engines_table import Figure
from engines_workload import ScriptedModel, equal_work, make_questions

from debateqd.agents.prompts import task_of
from debateqd.agents.rollout import play
from debateqd.agents.verdicts import METHODS, Method, VerdictSettings

ROUNDS = range(1, 6)


def count_waves(rounds: int, method: Method) -> int:
    """Play some debates in step; return the batches of requests that it took.

    The model answers a batch only when nothing more is asked, so batches are dependent waves.

    Args:
        rounds: Simultaneous rounds of the debates.
        method: How verdicts are obtained.
    """
    model = ScriptedModel()
    questions = make_questions(2, 2, words=50)
    verdict = VerdictSettings(method=method, votes=3)
    jobs = list(equal_work(questions, model, rounds=rounds, verdict=verdict))
    played = sum(record.outcome.kind == "verdict" for record in play(jobs))
    assert played == len(jobs), "every debate of the benchmark must reach its verdict"
    asked = [[task_of(request.messages) for request in batch] for batch in model.requests]
    for batch in asked[:-1]:
        assert batch == ["debate"] * (2 * len(jobs)), "both debaters of a round are asked together"
    number = 2 * (verdict.votes if method == "votes" else 1)
    assert asked[-1] == ["judge"] * (number * len(jobs)), "all orders and votes are asked together"
    return len(asked)


def waves() -> list[Figure]:
    """Return the depth of debates of 1 to 5 rounds, for every way to obtain a verdict."""
    print("waves: dependent batches of requests, all verdicts in both answer orders")
    methods: tuple[Method, ...] = ("probabilities", "credence", "votes")
    assert set(methods) == set(METHODS), "every method is counted"
    return [
        Figure(f"waves of {rounds} rounds, {method}", count_waves(rounds, method), rounds + 1)
        for method in methods
        for rounds in ROUNDS
    ]
