from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from debateqd.agents.models.base import Message, Request, Sampling
from debateqd.agents.prompts import task_of
from debateqd.agents.rollout import play
from tests.repository import ROOT


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


@pytest.fixture
def cache(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("engines_cache")


@pytest.fixture
def workload(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("engines_workload")


def random_prompts(draw: random.Random, number: int) -> list[tuple[int, ...]]:
    """Prompts of a small alphabet that share many prefixes."""
    found = [tuple(draw.randrange(3) for _ in range(draw.randrange(40))) for _ in range(number)]
    return found + [p + (7,) * draw.randrange(20) for p in found] + found[:3]


# --- the trie and the cache -----------------------------------------------------------------------


def test_the_trie_has_a_node_for_every_distinct_prefix(cache: ModuleType):
    for seed in range(20):
        prompts = random_prompts(random.Random(seed), 30)
        prefixes = {p[:n] for p in prompts for n in range(1, len(p) + 1)}
        assert cache.trie_size(prompts) == len(prefixes)
    assert cache.trie_size([()]) == 0


def test_the_common_prefix_is_the_longest_one(cache: ModuleType):
    for a in random_prompts(random.Random(1), 20):
        for b in random_prompts(random.Random(2), 20):
            n = cache.common_prefix(a, b)
            assert a[:n] == b[:n]
            assert n in (len(a), len(b)) or a[n] != b[n]


def test_words_and_punctuation_marks_are_tokens(cache: ModuleType):
    tokens = cache.WordTokens()
    assert len(tokens("Isn't it, Ed?  Yes.")) == 9
    assert tokens("it Ed") == (tokens("it")[0], tokens("Ed")[0])
    request = Request((Message("system", "a b"), Message("user", "b a")), Sampling(), 0)
    a, b = tokens("a b")
    assert tokens.prompt(request) == (a, b, b, a)


def test_a_cache_holds_no_more_than_its_capacity(cache: ModuleType):
    blocks = cache.BlockCache(capacity=8 * 16)
    first, second = tuple(range(64)), tuple(range(100, 164))
    keys = blocks.keys(first)
    assert len(keys) == 4
    assert blocks.hits(keys, 64) == 0
    assert blocks.take(keys, 1)
    assert blocks.hits(keys, 64) == 3  # the last token is computed in any case
    assert blocks.hits(keys, 65) == 4
    other = blocks.keys(second)
    assert not blocks.take(other, 0)  # 4 + 1 are in use
    blocks.give_back(keys, 1)
    assert blocks.hits(keys, 65) == 4
    assert blocks.take(other, 2)
    assert blocks.hits(keys, 65) == 2  # something had to go, and the end goes first
    assert not blocks.take(keys, 0)
    assert blocks.hits(other, 65) == 4


def test_blocks_in_use_are_never_forgotten(cache: ModuleType):
    blocks = cache.BlockCache(capacity=4 * 16)
    used, idle = blocks.keys(tuple(range(32))), blocks.keys(tuple(range(50, 82)))
    assert blocks.take(used, 0)
    assert blocks.take(idle, 0)
    blocks.give_back(idle, 0)
    assert blocks.take(blocks.keys(tuple(range(90, 106))), 0)
    assert blocks.hits(used, 33) == 2
    assert blocks.hits(idle, 33) == 1
    assert not blocks.take(blocks.keys(tuple(range(200, 248))), 0)


def test_an_engine_computes_at_least_the_trie_and_little_more(
    cache: ModuleType, workload: ModuleType
):
    engine = cache.SimulatedEngine(cache.WordTokens(), workload.scripted_reply)
    questions = workload.make_questions(2, 2, words=700)
    records = list(play(workload.equal_work(questions, engine)))
    assert {r.outcome.kind for r in records} == {"verdict"}
    assert len(engine.prompts) == len(engine.computed) == 8 * len(records)
    computed = sum(c.tokens - c.cached for c in engine.computed)
    bound = cache.trie_size(engine.prompts)
    assert bound <= computed <= bound + cache.BLOCK * len(engine.prompts)


def test_a_small_cache_computes_passages_again(
    load: Callable[[str], ModuleType], cache: ModuleType, workload: ModuleType
):
    prefill = load("engines_prefill")
    questions = workload.make_questions(6, 1, words=700)
    worst = []
    for capacity in (100_000, 3_000):
        engine = cache.SimulatedEngine(
            cache.WordTokens(), workload.scripted_reply, cache.BlockCache(capacity)
        )
        list(play(workload.equal_work(questions, engine)))
        worst.append(prefill.passage_times(engine.computed))
    assert worst[0] == pytest.approx(1, abs=0.05)
    assert worst[1] > 1.5


# --- the workload ---------------------------------------------------------------------------------


def test_the_workload_is_fixed(workload: ModuleType):
    assert workload.make_questions(2, 2) == workload.make_questions(2, 2)
    assert workload.make_questions(1, 1, seed=1) != workload.make_questions(1, 1)
    (question,) = workload.make_questions(1, 1)
    assert len(question.passage.split()) == workload.PASSAGE_WORDS
    speeches = [
        s
        for record in play(workload.equal_work([question], workload.ScriptedModel()))
        for s in record.speeches
    ]
    assert len({s.text for s in speeches}) == len(speeches) == 12
    assert all(90 <= len(s.text.split()) <= 110 for s in speeches)


def test_seats_are_exchanged_and_strategies_are_not_lost(workload: ModuleType):
    questions = workload.make_questions(2, 2, words=50)
    jobs = list(workload.equal_work(questions, workload.ScriptedModel()))
    assert len(jobs) == 8
    for first, second in zip(jobs[::2], jobs[1::2], strict=True):
        assert first.question is second.question
        assert first.agents["debater_0"].strategy == second.agents["debater_1"].strategy
    assert len({job.agents["debater_0"].strategy for job in jobs}) == 8
    bare = workload.equal_work(questions, workload.ScriptedModel(), strategies=False)
    assert {job.agents["debater_0"].strategy for job in bare} == {""}


def test_one_order_asks_a_judge_once(workload: ModuleType):
    asked = []
    for both_orders in (True, False):
        model = workload.ScriptedModel()
        jobs = workload.equal_work(
            workload.make_questions(1, 1, words=50), model, both_orders=both_orders
        )
        assert {r.outcome.kind for r in play(jobs)} == {"verdict"}
        tasks = [task_of(r.messages) for batch in model.requests for r in batch]
        asked.append((tasks.count("debate"), tasks.count("judge")))
    assert asked == [(12, 4), (12, 2)]


def test_real_stories_are_taken_where_they_are(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, workload: ModuleType
):
    questions, source = workload.fixed_questions()
    assert source == "real stories"
    assert len(questions) == 32
    assert len({q.passage_id for q in questions}) == 8
    monkeypatch.delenv("DEBATEQD_DATA")
    assert workload.real_questions() is None


# --- the order of parts ---------------------------------------------------------------------------


def test_every_order_is_counted_as_by_brute_force(
    load: Callable[[str], ModuleType], cache: ModuleType, workload: ModuleType
):
    orders = load("engines_orders")
    model = workload.ScriptedModel()
    list(play(workload.equal_work(workload.make_questions(2, 2, words=60), model)))
    requests = [r for batch in model.requests for r in batch]
    for task in ("debate", "judge"):
        chosen = [r for r in requests if task_of(r.messages) == task]
        parts = [list(orders.parts_of(r).values()) for r in chosen]
        for request, (system, *user) in zip(chosen, parts, strict=True):
            assert (system, "".join(user)) == tuple(m.content for m in request.messages)
        tokens = cache.WordTokens()
        counted = dict(orders.Orders(parts, tokens).all())
        assert len(counted) == len(list(permutations(parts[0])))
        for order in random.Random(0).sample(sorted(counted), 12):
            prompts = [tuple(t for k in order for t in tokens(part[k])) for part in parts]
            assert counted[order] == cache.trie_size(prompts)


def test_a_tournament_round_pairs_all_seeds(workload: ModuleType):
    questions = workload.make_questions(2, 1, words=50)
    jobs = list(workload.tournament(questions, workload.ScriptedModel()))
    assert len(jobs) == 2 * 17 * 2
    assert len({job.job_id for job in jobs}) == len(jobs)
    assert len({job.agents["debater_0"].strategy for job in jobs}) == 34


# --- waves, figures, the command ------------------------------------------------------------------


@pytest.mark.parametrize("method", ["probabilities", "credence", "votes"])
def test_rounds_and_the_verdict_are_waves(load: Callable[[str], ModuleType], method: str):
    assert load("engines_waves").count_waves(2, method) == 3


def test_bounds_that_do_not_hold_fail_the_check(
    load: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    engines, figure = load("engines"), load("engines_table").Figure
    parts: dict[str, Any] = {
        "good": lambda debates: [figure("lost", 0, 0), figure("seen", debates or 7)],
        "bad": lambda debates: [
            figure("ratio", 1.0712, 1.05, "", 3),
            figure("nan", float("nan"), 1),
        ],
    }
    monkeypatch.setattr(engines, "PARTS", parts)
    assert engines.main(["good", "--check"]) == 0
    assert engines.main(["bad"]) == 0
    assert engines.main(["--check", "--debates", "3"]) == 1
    said = capsys.readouterr()
    assert "1.071  at most 1.050  DOES NOT HOLD" in said.out
    assert said.err.strip() == "bounds that do not hold: ratio; nan"
    with pytest.raises(SystemExit):
        engines.main(["god"])
    with pytest.raises(SystemExit):
        engines.main(["good", "--debates", "0"])


def test_overhead_and_replay_are_measured(load: Callable[[str], ModuleType]):
    overhead = load("engines_overhead")
    outside = {f.what: f for f in overhead.overhead(40, 1)}
    assert outside["processor time a debate"].value > 0
    assert outside["processor time a debate"].most == 1000
    replayed = overhead.replay(40, 20)
    assert [f.most for f in replayed] == [100.0, 100.0]
    assert all(f.value > 0 for f in replayed)
