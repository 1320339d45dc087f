"""The whole method in one file: debates, ratings, an archive, mutation.

``python examples/evolve_in_one_file.py``, after ``pip install -e .``; with a model of your own
``--model openai:NAME`` or ``--model vllm:NAME``. What ``train.py`` adds to this: direct decisions
between posteriors, allocation of debates, guards against leaks, a journal, a log, and resuming.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from debate_env import DebateSettings, Question, load_questions
from debate_env.core import Speech
from debateqd.agents import (
    ChatModel,
    Reply,
    Request,
    Sampling,
    Thought,
    derive_seed,
    make_model,
    run_thoughts,
)
from debateqd.agents.prompts import mutation_messages, parse_mutation
from debateqd.qd import Strategy
from debateqd.qd.archive import Archive, Entry, default_axis
from debateqd.qd.config import RunConfig
from debateqd.qd.debates import EvaluationPlanner, Match, Plan, Players, RunPlanner, play_plans
from debateqd.qd.debates.counting import contest_scores, mean_of, measured
from debateqd.qd.descriptors import BASIC, BehaviourSummary, utterances
from debateqd.qd.ratings import Ratings, make_rating
from debateqd.qd.seeds import seed_strategies

SEED = 0


@dataclass
class Run:
    """What has happened so far.

    Attributes:
        players: The model, and the rules of every debate.
        strategies: Every strategy ever made, by id.
        matches: Every debate that was played; ratings are recomputed from it.
        behaviour: What was counted in everybody's speeches.
        archive: The best strategy of each family and degree of certainty.
    """

    players: Players
    strategies: dict[str, Strategy] = field(default_factory=dict)
    matches: list[Match] = field(default_factory=list)
    behaviour: dict[str, BehaviourSummary] = field(
        default_factory=lambda: defaultdict(BehaviourSummary)
    )
    archive: Archive = field(
        default_factory=lambda: Archive([default_axis("family"), default_axis("certainty")])
    )

    def hear(self, match: Match, speeches: tuple[Speech, ...]) -> None:
        """Log a debate, and count how its players behaved."""
        self.matches.append(match)
        for seat, name in match.seats.items():
            spoken = utterances(speeches, seat, self.players.settings.protocol)
            self.behaviour[name] += BehaviourSummary.of_match(spoken, BASIC)


def breed(run: Run, model: ChatModel, generation: int, count: int) -> list[Strategy]:
    """Rewrite elites, each in turn, by a mutation prompt."""
    elites = [run.strategies[entry.strategy_id] for entry in run.archive.elites()]
    parents = [elites[number % len(elites)] for number in range(count)]

    def rewrite(number: int, parent: Strategy) -> Thought[str | None]:
        seed = derive_seed(SEED, "mutation", generation, number)
        messages = mutation_messages(parent.text, parent.family)
        reply: Reply
        (reply,) = yield [Request(messages, Sampling(max_tokens=400, temperature=1.0), seed)]
        return parse_mutation(reply.text)

    texts = run_thoughts(model, [rewrite(n, parent) for n, parent in enumerate(parents)])
    known = {strategy.text for strategy in run.strategies.values()}
    return [
        Strategy(f"g{generation}-{n}", p.family, text, (p.strategy_id,), generation, "rewrite")
        for n, (p, text) in enumerate(zip(parents, texts, strict=True))
        if text and text not in known
    ]


def tournament(
    run: Run, strategies: Sequence[Strategy], questions: Sequence[Question], generation: int
) -> Iterable[Plan]:
    """Everybody meets three others, each pair on one question, in both seats."""
    planner = RunPlanner(run.players.rules, SEED)
    order = sorted(strategies, key=lambda s: derive_seed(SEED, "table", generation, s.strategy_id))
    for distance in (1, 2, 3):
        for place, strategy in enumerate(order):
            question = questions[(generation * len(order) + place * distance) % len(questions)]
            other = order[(place + distance) % len(order)]
            yield from planner.contest("train", generation, question, (strategy, other), distance)


def rate(run: Run, generation: int) -> Ratings:
    """Fit Bradley-Terry to all debates so far, with the seeds' mean as zero."""
    view = make_rating(RunConfig().evolution, truth_weight=0.0)
    return view.fit(run.matches, run.strategies, generation)


def main() -> None:
    """Evolve strategies for persuasion, then measure the elites on questions they never saw."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n", 1)[0])
    parser.add_argument("--model", default="embedded", help="chat model of all roles")
    parser.add_argument("--questions", default="builtin", help="source of questions")
    parser.add_argument("--generations", type=int, default=3)
    parser.add_argument("--children", type=int, default=12, help="a generation")
    options = parser.parse_args()
    questions = load_questions(options.questions)
    passages = sorted(questions.passages)
    train, test = (
        [q for q in questions if (q.passage_id in passages[::3]) == held_out]
        for held_out in (False, True)
    )
    model = make_model(options.model)
    run = Run(Players(model, model, DebateSettings(rounds=1), Sampling(temperature=0.7)))
    seeds = seed_strategies()
    born: Sequence[Strategy] = seeds
    for generation in range(options.generations + 1):
        if generation:
            born = breed(run, model, generation, options.children)
        run.strategies |= {strategy.strategy_id: strategy for strategy in born}
        alive = [run.strategies[entry.strategy_id] for entry in run.archive.members()]
        plans = tournament(run, [*alive, *born], train, generation)
        play_plans(sorted(plans, key=lambda p: p.question.passage_id), run.players, run.hear)
        ratings = rate(run, generation).strategies
        entries = [
            Entry(name, ratings[name], run.behaviour[name].behaviour(run.strategies[name], BASIC))
            for name in (strategy.strategy_id for strategy in [*alive, *born])
        ]
        run.archive.update(entry for entry in entries if entry.strategy_id in run.archive)
        run.archive.place_all([e for e in entries if e.strategy_id not in run.archive])
        best = max(run.archive.elites(), key=lambda entry: entry.fitness)
        print(
            f"generation {generation}: {len(run.matches)} debates, {len(run.archive)} elites, best "
            f"{best.fitness:+.0f} Elo over the seeds: {run.strategies[best.strategy_id].text[:60]}"
        )
    elites = [run.strategies[e.strategy_id] for e in run.archive.elites()]
    plans = EvaluationPlanner(run.players.rules, SEED, "test").against("panel", elites, seeds, test)
    shares = contest_scores(measured(play_plans(list(plans), run.players, run.hear)), "win")
    won = mean_of(shares.values())
    print(
        f"elites win {won.value:.1%} [{won.low:.1%}, {won.high:.1%}] of debates with seeds on "
        f"{len(test)} unseen questions (95 %, clustered by passage)"
    )
    if options.model.startswith("embedded"):
        print("All roles are the embedded model: a simulation.")


if __name__ == "__main__":
    main()
