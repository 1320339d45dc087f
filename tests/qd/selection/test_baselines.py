from __future__ import annotations

from pathlib import Path

from debateqd.agents.base import derive_seed
from debateqd.qd.archive.base import Entry
from debateqd.qd.config.loading import load_config
from debateqd.qd.config.schema import EvolutionConfig, RunConfig, SelectionConfig
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.questions import split_questions
from debateqd.qd.mutation.parents import PARENTS, frozen_seeds
from debateqd.qd.selection.acceptance import Belief, Coin, make_rule
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.strategy import Strategy
from debateqd.qd.training.start import train
from tests.qd.stand_ins import StandIn, question_set

SEEDS = [Strategy(f"s{n}", "rationality", f"text {n}") for n in range(5)]
CHILD = Strategy("c", "rationality", "text of a child", ("s0",), 1, "rewrite")
KNOWN = {s.strategy_id: s for s in (*SEEDS, CHILD)}


def seeds_drawn(children: int, seed: int) -> list[str]:
    config = EvolutionConfig(children=children)
    elites = [Entry("c", 2000.0)]  # the best there is, and yet no parent
    return [s.strategy_id for s in frozen_seeds(config, elites, KNOWN, seed)]


def test_children_of_frozen_seeds_alone():
    assert PARENTS.get("seeds") is frozen_seeds
    assert set(seeds_drawn(12, 1)) == {"s0", "s1", "s2", "s3", "s4"}


def test_no_seed_has_two_children_before_all_have_one():
    first, second = seeds_drawn(10, 1)[:5], seeds_drawn(10, 1)[5:]
    assert sorted(first) == sorted(second) == ["s0", "s1", "s2", "s3", "s4"]
    assert len({tuple(seeds_drawn(5, seed)) for seed in range(20)}) > 10


def test_a_coin_is_fair_and_blind():
    coin = make_rule(SelectionConfig(rule="coin"))
    assert isinstance(coin, Coin)
    names = [f"s{n:04d}" for n in range(2000)]
    tossed = {
        sign: [coin.decide(Entry(n, sign), Entry("e", 0.0), Belief(sign)) for n in names]
        for sign in (-1.0, 1.0)
    }
    assert tossed[-1.0] == tossed[1.0]
    assert 900 < tossed[1.0].count("accept") < 1100
    assert tossed[1.0] != [coin.decide(Entry(n, 1.0), Entry("f", 0.0), Belief(1.0)) for n in names]


def run(folder: Path, **evolution: dict[str, object]) -> RunDirectory:
    config = RunConfig.model_validate(
        {
            "seed": 3,
            "debate": {"rounds": 1},
            "evolution": {"generations": 2, "children": 6, "report": {"questions": 0}, **evolution},
        }
    )
    model = StandIn()
    questions = split_questions(question_set(), config.questions)
    train(config, folder, models=Models(model, model, model), questions=questions)
    return RunDirectory(folder)


def test_best_of_n_in_the_whole_loop(tmp_path: Path):
    preset = load_config("best-of-n").evolution
    parts = {"parents": preset.parents, "mutation": preset.mutation}
    done = run(tmp_path / "run", **{k: part.model_dump() for k, part in parts.items()})
    strategies = done.strategies()
    children = [s for s in strategies.values() if s.generation == 2]
    assert children
    assert all(strategies[p].generation == 0 for c in children for p in c.parents)


def test_random_acceptance_in_the_whole_loop(tmp_path: Path):
    done = run(tmp_path / "run", selection={"rule": "coin"})
    found = [d for g in (1, 2) for d in done.generation(g)["decisions"]]
    assert any(m.phase == "selection" for m in done.matches())
    assert [d["decision"] == "accept" for d in found] != [d["difference"] > 0 for d in found]
    for d in found:
        coin = bool(derive_seed("win", d["challenger"], d["incumbent"]) & 1)
        assert (d["decision"] == "accept") == coin
