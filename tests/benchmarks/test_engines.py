from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from debateqd.agents.models.base import Message, Reply, Request, Sampling
from debateqd.agents.models.options import OpenAIOptions
from debateqd.agents.prompts import task_of
from debateqd.agents.rollout import play
from tests.repository import ROOT


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


@pytest.fixture
def cache(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("engines_simulated")


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


class Clockwork:
    """Replies of a length that the prompt says."""

    def __call__(self, request: Request) -> Reply:
        return Reply(" ".join(["word"] * int(request.messages[-1].content.split()[0])))


def asked(words: int, prompt: str) -> Request:
    return Request((Message("system", prompt), Message("user", f"{words} ?")), Sampling(), 0)


def test_prompts_are_computed_one_after_another_and_replies_written_side_by_side(
    cache: ModuleType,
):
    engine = cache.SimulatedEngine(Clockwork())
    long = " ".join(f"w{n}" for n in range(3998))
    engine.submit([(1, asked(100, long)), (2, asked(50, long)), (3, asked(5, "other"))])
    assert engine.poll(0.25) == []
    first = 4000 / cache.PREFILL
    second = first + (4000 - 3984) / cache.PREFILL  # whole blocks are in the cache
    ends = {2: second + 1.0, 3: second + 3 / cache.PREFILL + 0.1, 1: first + 2.0}
    found = []
    while done := engine.poll():
        found += [(ticket, engine.now) for ticket, _ in done]
    assert [ticket for ticket, _ in found] == sorted(ends, key=ends.__getitem__) == [3, 2, 1]
    assert [at for _, at in found] == pytest.approx([ends[3], ends[2], ends[1]])


def test_an_engine_without_room_lets_requests_wait(cache: ModuleType):
    engine = cache.SimulatedEngine(Clockwork(), cache=cache.BlockCache(capacity=6 * 16))
    texts = [" ".join(f"{name}{n}" for n in range(40)) for name in "ab"]
    engine.submit([(1, asked(20, texts[0])), (2, asked(20, texts[1]))])
    at = []
    while engine.poll():
        at.append(engine.now)
    assert len(at) == 2
    assert at[1] == pytest.approx(2 * at[0])


def test_a_small_cache_computes_passages_again(
    load: Callable[[str], ModuleType], cache: ModuleType, workload: ModuleType
):
    passage_times = load("engines_equal").passage_times
    questions = workload.make_questions(6, 1, words=700)
    worst = []
    for capacity in (100_000, 4_000):
        engine = cache.SimulatedEngine(workload.scripted_reply, cache=cache.BlockCache(capacity))
        records = list(play(workload.equal_work(questions, engine)))
        assert {r.outcome.kind for r in records} == {"verdict"}
        assert len(engine.prompts) == len(engine.computed) == 8 * len(records)
        computed = sum(c.tokens - c.cached for c in engine.computed)
        assert computed >= cache.trie_size(engine.prompts)
        worst.append(passage_times(engine.computed))
    assert worst[0] == pytest.approx(1, abs=0.05)
    assert worst[1] > 1.5


# --- equal work -----------------------------------------------------------------------------------


def test_scheduler_and_client_are_as_good_as_a_bare_schedule(
    load: Callable[[str], ModuleType], workload: ModuleType
):
    equal = load("engines_equal")
    questions = workload.make_questions(3, 2, words=2_000)
    for both_orders, per_debate in ((False, 7), (True, 8)):
        ours, bare = equal.ours_and_bare(questions, both_orders=both_orders)
        assert ours.debates == bare.debates == 12
        assert ours.requests == bare.requests == per_debate * 12
        assert (ours.trie, ours.prompt_tokens) == (bare.trie, bare.prompt_tokens)
        assert bare.computed >= bare.trie
        assert ours.computed <= equal.COMPUTED * bare.computed
        assert ours.seconds <= equal.SLOWER * bare.seconds


def test_a_bare_schedule_asks_a_wave_when_the_one_before_is_over(
    load: Callable[[str], ModuleType], cache: ModuleType
):
    engine = cache.SimulatedEngine(Clockwork())
    a, b, c = asked(50, "a"), asked(100, "b"), asked(25, "c")
    load("engines_equal").bare_schedule([[[a, b], [c]], [[a]]], engine)
    assert len(engine.computed) == 4
    assert engine.now == pytest.approx(2.5, abs=0.01)


def test_requests_held_back_take_longer(
    load: Callable[[str], ModuleType], workload: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    equal = load("engines_equal")
    questions = workload.make_questions(2, 2, words=500)
    ours, _ = equal.ours_and_bare(questions)
    monkeypatch.setattr(equal, "OpenAIOptions", lambda: OpenAIOptions(max_concurrency=4))
    slow, bare = equal.ours_and_bare(questions)
    assert slow.seconds > 1.5 * ours.seconds
    assert slow.seconds > equal.SLOWER * bare.seconds


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


def test_a_second_seating_has_the_answers_exchanged_and_other_strategies(workload: ModuleType):
    questions = workload.make_questions(2, 2, words=50)
    jobs = list(workload.equal_work(questions, workload.ScriptedModel()))
    assert len(jobs) == 8
    for first, second in zip(jobs[::2], jobs[1::2], strict=True):
        assert first.question is second.question
        assert (first.swap, second.swap) == (False, True)
    assert len({job.agents[s].strategy for job in jobs for s in ("debater_0", "debater_1")}) == 16


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


# --- figures, the command ------------------------------------------------------------------


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
    for arguments in (["god"], ["good", "--debates", "0"]):
        with pytest.raises(SystemExit):
            engines.main(arguments)
        assert arguments[-1] in capsys.readouterr().err


def test_what_a_request_costs_is_measured(load: Callable[[str], ModuleType]):
    failed, cost = load("engines_client").client(8)
    assert failed.value == 0
    assert cost.value > 0


def test_overhead_and_replay_are_measured(load: Callable[[str], ModuleType]):
    overhead = load("engines_overhead")
    bare, recorded, _ = overhead.overhead(40, 1)
    assert bare.most == 300.0
    assert bare.value > 0 < recorded.value
    replayed = overhead.replay(40, 20)
    assert [f.most for f in replayed] == [300.0, 300.0]
    assert all(f.value > 0 for f in replayed)
