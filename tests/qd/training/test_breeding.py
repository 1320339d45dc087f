from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from debate_env.core.transcript import Speech
from debate_env.errors import InputError
from debateqd.agents.prompts import (
    debates_shown,
    mutation_messages,
    operator_of,
    second_strategy,
    section,
    wishes_of,
)
from debateqd.qd.archive.base import Entry
from debateqd.qd.archive.registry import make_archive
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.questions import split_questions
from debateqd.qd.debates.referee import TrainingStoppedError
from debateqd.qd.mutation.mutate import Child
from debateqd.qd.mutation.operator_shares import OperatorSuccesses
from debateqd.qd.mutation.operators import RewriteMutator
from debateqd.qd.mutation.parents import best_of_family, most_children, random_elites
from debateqd.qd.seeds import FAMILIES, seed_strategies
from debateqd.qd.training.breeding import Breeder, keep_best, last_record, leak_guard
from debateqd.qd.training.state import TrainingState
from tests.qd.making import match
from tests.qd.stand_ins import StandIn, question_set

SEEDS = seed_strategies()
STRATEGIES = {s.strategy_id: s for s in SEEDS}


def entries() -> list[Entry]:
    return [Entry(s.strategy_id, float(n % 5), {"family": s.family}) for n, s in enumerate(SEEDS)]


def state() -> TrainingState:
    archive = make_archive("slots")
    archive.place_all(entries())
    return TrainingState(archive, dict(STRATEGIES))


def config(**mutation: object) -> RunConfig:
    return RunConfig.model_validate({"evolution": {"children": 40, "mutation": mutation}})


def test_every_cell_has_a_child_before_any_has_two():
    chosen = random_elites(config().evolution, entries(), STRATEGIES, 1)
    assert len(chosen) == 40
    assert len({s.strategy_id for s in chosen[:35]}) == 35
    assert chosen != random_elites(config().evolution, entries(), STRATEGIES, 2)


def test_the_best_of_each_family():
    chosen = best_of_family(config().evolution, entries(), STRATEGIES, 1)
    assert len(chosen) == 14
    assert {int(s.strategy_id[1:]) % 5 for s in chosen} == {3, 4}
    assert most_children(config().evolution, len(FAMILIES)) == 40


def test_keep_best():
    run = state()
    keep_best(run, 0)
    assert len(run.archive) == 35
    keep_best(run, 3)
    assert {int(e.strategy_id[1:]) % 5 for e in run.archive.elites()} == {2, 3, 4}


def test_children_are_made_and_copies_refused():
    questions = split_questions(question_set(), config().questions)
    breeder = Breeder(config(), questions, StandIn(), SEEDS, lambda _: {})
    told: list[tuple[int, int]] = []
    births = breeder.breed(state(), 1, lambda done, total: told.append((done, total)))
    assert told == [(0, 40), (40, 40)]
    texts = [b.text for b in births if isinstance(b, Child)]
    assert len(texts) == 40
    again = Breeder(config(), questions, StandIn(), SEEDS, lambda _: {})
    again.admit([b.strategy(f"x{n}") for n, b in enumerate(births) if isinstance(b, Child)])
    repeated = again.breed(state(), 1, lambda done, total: None)
    assert not {b.text for b in repeated if isinstance(b, Child)} & set(texts)


def test_the_record_tells_of_the_last_tournament_only():
    log = [
        match("s0000", "s0001", 0.9),
        match("s0001", "s0000", 0.8, generation=2, label=1),
        match("s0000", "s0002", 0.5, generation=2),
        match("s0000", "s0002", None, generation=2, kind="unusable"),
    ]
    seed = SEEDS[0]
    assert last_record(seed, log, 0.0) == "The judge sided with it in 0.5 of 2 debates."
    assert last_record(seed, log, 1.0) == (
        "The judge found the correct answer in 0.5 of 2 of its debates."
    )
    assert last_record(SEEDS[9], log, 0.0) == ""


def test_unknown_parts_are_named():
    questions = split_questions(question_set(), config().questions)
    with pytest.raises(InputError, match="rewrite"):
        Breeder(config(operators={"rewrit": 1.0}), questions, StandIn(), SEEDS, lambda _: {})
    wrong = RunConfig.model_validate({"evolution": {"parents": {"rule": "elite"}}})
    with pytest.raises(InputError, match="did you mean 'elites'"):
        Breeder(wrong, questions, StandIn(), SEEDS, lambda _: {})


# --- operators --------------------------------------------------------------------------------

QUESTIONS = split_questions(question_set(), RunConfig().questions)
SAID = (Speech(1, "debater_0", "I say so."), Speech(1, "debater_1", "And I do not."))


def grid() -> TrainingState:
    """Half of the cells are empty."""
    archive = make_archive("grid")
    archive.place_all(
        Entry(s.strategy_id, n / 10, {"family": s.family, "verified_quote_share": n % 3 / 10})
        for n, s in enumerate(SEEDS)
    )
    return TrainingState(archive, dict(STRATEGIES))


def log(phase: str = "train") -> list[Match]:
    """Every seed has lost one debate and won another."""
    question = QUESTIONS.train[0].question_id
    return [
        match(a.strategy_id, b.strategy_id, first, question=question, phase=phase, number=n)
        for n, first in enumerate((0.1, 0.9))
        for a, b in zip(SEEDS, SEEDS[1:] + SEEDS[:1], strict=True)
    ]


class Shelf:
    """Transcripts; remembers which were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, matches: Sequence[Match]) -> dict[str, tuple[Speech, ...]]:
        self.asked += [m.match_id for m in matches]
        return {m.match_id: SAID for m in matches}


def bred(run: TrainingState, model: StandIn, shelf: Shelf | None = None, **mutation: object):
    breeder = Breeder(config(**mutation), QUESTIONS, model, SEEDS, shelf or Shelf())
    births = breeder.breed(run, 1, lambda done, total: None)
    return births, [request.messages[1].content for request in model.seen]


def test_every_operator_gets_its_share_and_what_it_needs():
    run, shelf, model = grid(), Shelf(), StandIn()
    run.matches += log()
    births, prompts = bred(run, model, shelf, floor=0.0)
    asked = [birth.operator for birth in births]
    assert {name: asked.count(name) for name in set(asked)} == {
        "rewrite": 16,
        "crossover": 8,
        "reflection": 8,
        "target": 8,
    }
    for prompt in prompts:
        operator = operator_of(prompt)
        if operator == "crossover":
            assert second_strategy(prompt) != section(prompt, "strategy")
        elif operator == "reflection":
            assert {r.won for r in debates_shown(prompt)} == {True, False}
        elif operator == "target":
            assert any(wishes_of(prompt))
    for birth in births:
        if birth.operator == "crossover":
            first, second = birth.task.parents
            assert first.family != second.family
    assert len(set(shelf.asked)) > 8


def test_yields_move_the_shares():
    run = grid()
    run.yields = OperatorSuccesses({1: {"rewrite": (30, 1), "target": (30, 12)}})
    births, _ = bred(run, StandIn(), operators={"rewrite": 0.5, "target": 0.5})
    asked = [birth.operator for birth in births]
    assert asked.count("target") > 2 * asked.count("rewrite") > 0


def test_what_cannot_work_for_a_parent_is_left_to_another_operator():
    only = {"reflection": 1.0, "rewrite": 0.0001}
    for matches in (log("selection"), []):
        run = state()
        run.matches += matches
        births, prompts = bred(run, StandIn(), operators=only, floor=0.0)
        assert {birth.operator for birth in births} == {"rewrite"}
        assert not any(debates_shown(prompt) for prompt in prompts)


def test_a_run_without_a_working_operator_stops_with_a_reason():
    with pytest.raises(TrainingStoppedError, match="no mutation operator can work"):
        bred(state(), StandIn(), operators={"reflection": 1.0})


def test_children_are_the_same_again():
    def once(order: int):
        run = state()
        run.matches += log()[::order]
        return bred(run, StandIn(), Shelf())[0]

    assert once(1) == once(1)
    assert once(1) == once(-1)  # what is shown does not depend on the order of the log


def test_a_second_parent_of_ones_own_operator_may_be_of_the_same_family():
    run = state()
    keep_best(run, 1)
    family = SEEDS[0].family
    for entry in run.archive.elites():
        if run.strategies[entry.strategy_id].family != family:
            run.archive.evict(entry.strategy_id, "test")
    with pytest.raises(TrainingStoppedError, match="no mutation operator can work"):
        bred(run, StandIn(), operators={"crossover": 1.0})


def test_what_held_out_questions_hold_is_not_even_looked_at():
    marked = dataclasses.replace(
        QUESTIONS,
        report=None,  # type: ignore[arg-type]
        test=None,  # type: ignore[arg-type]
    )
    Breeder(config(), marked, StandIn(), SEEDS, lambda _: {})


def test_leaks_are_refused_as_configured():
    questions = [*QUESTIONS.train, *QUESTIONS.selection]
    mutation = config().evolution.mutation
    text = "Say: " + questions[0].passage
    assert leak_guard(mutation, questions).check(text) is not None
    never = config(leak_words=0, leak_content=False).evolution.mutation
    assert leak_guard(never, questions).check(text) is None


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.strategy_id)
def test_what_a_mutator_is_told_is_refused_and_strategies_are_not(seed):
    mutation = config(max_words=120).evolution.mutation
    guard = leak_guard(mutation, [])
    assert guard.check(seed.text) is None
    _, told = mutation_messages(seed.text, seed.family, "Won 3 of 8.", 120)
    piece = (section(told.content, "instruction") or "").split()[-12:]
    refusal = guard.check(f"{seed.text} {' '.join(piece)}")
    assert refusal is not None
    assert refusal.kind == "prompt"
    assert "quotes the instruction: 'most 120 words reply" in refusal.message
    assert guard.check(f"{seed.text} It must not mention a particular passage, please.") is None


class Second(RewriteMutator):
    name = "second"


def test_an_operator_of_ones_own_is_counted_under_its_name():
    run = state()
    run.yields = OperatorSuccesses({1: {"rewrite": (30, 1), "second": (30, 12)}})
    key = f"{__name__}:Second"
    births, _ = bred(run, StandIn(), operators={"rewrite": 0.5, key: 0.5})
    asked = [birth.operator for birth in births]
    assert asked.count("second") > 2 * asked.count("rewrite") > 0
    with pytest.raises(InputError, match="a name of its own"):
        bred(
            run,
            StandIn(),
            operators={"rewrite": 0.5, "debateqd.qd.mutation.operators:RewriteMutator": 0.5},
        )
