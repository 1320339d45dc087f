from __future__ import annotations

import pytest

from debate_env.errors import InputError
from qd.archive_base import Entry
from qd.archives import make_archive
from qd.breeding import Breeder, keep_best, last_record
from qd.config import RunConfig
from qd.mutation import Child
from qd.parents import best_of_family, most_children, random_elites
from qd.seeds import FAMILIES, seed_strategies
from qd.splits import split_questions
from qd.training_state import TrainingState
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
    breeder = Breeder(config(), questions, StandIn(), SEEDS)
    told: list[tuple[int, int]] = []
    births = breeder.breed(state(), 1, lambda done, total: told.append((done, total)))
    assert told == [(0, 40), (40, 40)]
    texts = [b.text for b in births if isinstance(b, Child)]
    assert len(texts) == 40
    again = Breeder(config(), questions, StandIn(), SEEDS)
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
        Breeder(config(operators={"rewrit": 1.0}), questions, StandIn(), SEEDS)
    wrong = RunConfig.model_validate({"evolution": {"parents": {"rule": "elite"}}})
    with pytest.raises(InputError, match="did you mean 'elites'"):
        Breeder(wrong, questions, StandIn(), SEEDS)
