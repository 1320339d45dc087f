from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from debate_env.agent import from_callable
from debate_env.core.settings import DebateSettings
from debate_env.errors import InputError
from debateqd.agents.base import Decision, Turn, derive_seed, request_seed
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.judge import ModelJudge
from debateqd.agents.models.base import Reply, Request, Sampling, Usage
from debateqd.agents.prompts import task_of
from debateqd.agents.rollout import (
    DebateJob,
    DebateRecord,
    PrefixRoom,
    play,
    play_all,
    run_thoughts,
)
from debateqd.agents.scripted import KeywordJudge, QuotingDebater, RandomAgent
from tests.agents.fakes import FakeModel, ShuffledModel, question, speak

SETTINGS = DebateSettings(rounds=2)


def jobs(model, number=8, settings=SETTINGS, judge_model=None, seed=0):
    judge = ModelJudge(judge_model or model)
    return [
        DebateJob(
            f"job{i}",
            question(i // 2),
            {
                "debater_0": StrategyDebater(model, f"strategy {i}"),
                "debater_1": StrategyDebater(model, f"other {i}"),
                "judge_0": judge,
            },
            seed + i,
            settings,
            swap=bool(i % 2),
        )
        for i in range(number)
    ]


def facts(record: DebateRecord) -> str:
    """Everything in a record but its job, as bytes would be written."""
    return json.dumps(
        {
            "id": record.job.job_id,
            "outcome": record.outcome.info(),
            "speeches": record.speeches,
            "details": record.details,
            "usage": record.usage,
            "calls": record.calls,
            "failure": None if record.failure is None else asdict(record.failure),
        }
    )


def one(model, debater_0=None, debater_1=None, judge=None, settings=SETTINGS) -> DebateRecord:
    agents = {
        "debater_0": debater_0 or StrategyDebater(model, "a"),
        "debater_1": debater_1 or StrategyDebater(model, "b"),
        "judge_0": judge or ModelJudge(model),
    }
    (record,) = play([DebateJob("only", question(), agents, 5, settings)])
    return record


# --- waves ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rounds", [1, 2, 5])
@pytest.mark.parametrize("number", [1, 7])
def test_simultaneous_rounds_are_one_wave_each_and_the_verdict_is_one(rounds, number):
    model = FakeModel()
    play_all(jobs(model, number, DebateSettings(rounds=rounds)))
    assert model.polls == rounds + 1
    assert model.batches == [2 * number] * (rounds + 1)  # both debaters; both judge orders


def test_sequential_rounds_are_two_waves_each():
    model = FakeModel()
    play_all(jobs(model, 3, DebateSettings(protocol="sequential", rounds=2)))
    assert model.polls == 2 * 2 + 1


def test_a_finished_debate_never_waits_for_a_slow_one():
    class Slow(FakeModel):
        """Answers everything but the first debate's first speech at once."""

        def poll(self):
            held = [e for e in self.open if e[1] is self.requests[0]]
            rest = [e for e in self.open if e[1] is not self.requests[0]]
            done, self.open = (rest, held) if rest else (held, [])
            return [(ticket, self.answer(request)) for ticket, request in done]

    order = [record.job.job_id for record in play(jobs(Slow(), 6), max_open=2)]
    assert order == ["job1", "job2", "job3", "job4", "job5", "job0"]


def test_requests_keep_the_order_of_jobs_when_replies_come_in_another():
    model = ShuffledModel(1, most=50)
    play_all(jobs(model, 20))
    rank = {f"strategy {i}": i for i in range(20)} | {f"other {i}": i for i in range(20)}
    start = 0
    for size in model.batches:
        batch = model.requests[start : start + size]
        start += size
        ranks = [
            rank[r.messages[1].content.split("<strategy>\n")[1].split("\n")[0]]
            for r in batch
            if task_of(r.messages) == "debate"
        ]
        assert ranks == sorted(ranks)


# --- independence of order ------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["simultaneous", "sequential"])
def test_results_do_not_depend_on_batches_orders_or_arrival(protocol):
    settings = DebateSettings(protocol=protocol, rounds=2)
    expected = {r.job.job_id: facts(r) for r in play_all(jobs(FakeModel(), 8, settings))}
    assert len(set(expected.values())) == 8
    for trial in range(6):
        model = ShuffledModel(trial, most=1 + trial)
        shuffled = jobs(model, 8, settings)
        random.Random(trial).shuffle(shuffled)
        found = {r.job.job_id: facts(r) for r in play(shuffled, max_open=(1, 2, 3, 100)[trial % 4])}
        assert found == expected


def test_a_failure_is_the_same_whichever_reply_comes_first():
    def script(request: Request) -> Reply | str:
        text = request.messages[1].content
        if "strategy 3" in text or "other 3" in text:
            side = "first" if "strategy 3" in text else "second"
            return Reply("", "error", error=f"{side} is down")
        return speak(request)

    expected = [facts(r) for r in play_all(jobs(FakeModel(script), 5))]
    assert "first is down" in expected[3]
    for trial in range(6):
        assert [facts(r) for r in play_all(jobs(ShuffledModel(trial, script), 5))] == expected


def test_seeds_derive_from_job_seat_and_round():
    model = FakeModel()
    one(model)
    spoken = [r.seed for r in model.requests if r.choices is None]
    assert spoken == [
        request_seed(derive_seed(5, seat, number))
        for number in (1, 2)
        for seat in ("debater_0", "debater_1")
    ]
    judge = derive_seed(5, "judge_0", 3)
    assert [r.seed for r in model.judge_requests()] == [
        request_seed(judge),
        request_seed(judge, 1),
    ]


def test_play_all_returns_the_order_of_jobs():
    records = play_all(jobs(ShuffledModel(3), 9))
    assert [r.job.job_id for r in records] == [f"job{i}" for i in range(9)]


# --- laziness and bounds --------------------------------------------------------------------------


def test_jobs_are_taken_when_there_is_room_and_after_earlier_records_were_seen():
    taken = []
    seen = []

    def source() -> Iterator[DebateJob]:
        for i, job in enumerate(jobs(FakeModel(), 10)):
            assert i - len(seen) < 3
            taken.append(i)
            yield job

    for record in play(source(), max_open=3):
        seen.append(record.job.job_id)
        assert len(taken) - len(seen) <= 3
    assert len(seen) == 10


def test_no_jobs_no_records():
    assert play_all([]) == []


def test_max_open_must_be_positive():
    with pytest.raises(InputError, match="max_open"):
        list(play([], max_open=0))


def test_a_missing_agent_is_named():
    job = DebateJob("j", question(), {"debater_0": QuotingDebater()}, 0, SETTINGS)
    with pytest.raises(InputError, match=r"'j'.*'debater_1'"):
        list(play([job]))


# --- accounting -----------------------------------------------------------------------------------


def test_usage_is_counted_per_seat():
    record = one(FakeModel())
    assert record.usage == {
        "debater_0": Usage(20, 6),
        "debater_1": Usage(20, 6),
        "judge_0": Usage(40, 2),
    }
    assert record.calls == 6


def test_long_replies_are_clipped_not_refused():
    settings = DebateSettings(rounds=1, max_chars=50, word_limit=1000)
    record = one(FakeModel(), from_callable(lambda o: "word " * 100), settings=settings)
    assert record.failure is None
    assert record.outcome.clipped["debater_0"] == 1
    assert len(record.speeches[0].text) <= 50


# --- mixing ---------------------------------------------------------------------------------------


def test_thinking_and_plain_agents_mix_within_a_debate():
    model = FakeModel()
    record = one(model, QuotingDebater(), judge=KeywordJudge())
    assert record.outcome.kind == "verdict"
    assert record.calls == 2
    assert record.outcome.quotes["debater_0"][1] == 2


def test_a_plain_agent_is_asked_once_for_all_debates_that_wait():
    sizes = []

    class Counting(QuotingDebater):
        def act(self, observations):
            sizes.append(len(observations))
            return super().act(observations)

    agent = Counting()
    agents = {"debater_0": agent, "debater_1": agent, "judge_0": RandomAgent(1)}
    batch = [DebateJob(str(i), question(i), agents, i, SETTINGS) for i in range(5)]
    assert all(r.outcome.kind == "verdict" for r in play_all(batch))
    assert sizes == [10, 10]


def test_debaters_and_judge_may_have_models_of_their_own():
    debaters, judge = FakeModel(name="d"), ShuffledModel(0)
    records = play_all(jobs(debaters, 6, judge_model=judge))
    assert all(r.failure is None for r in records)
    assert len(debaters.requests) == 24
    assert all(task_of(r.messages) == "judge" for r in judge.requests)
    assert len(judge.requests) == 12


def test_a_model_that_waits_does_not_hold_up_another():
    """Two patient models: one finishes everything while the other has finished nothing."""

    class Patient(FakeModel):
        def __init__(self, ready):
            super().__init__()
            self.ready = ready

        def poll_for(self, seconds):
            return self.poll() if self.ready() else []

    finished: list[str] = []
    quick = Patient(lambda: True)
    stuck = Patient(lambda: len(finished) == 4)
    batch = jobs(stuck, 1) + jobs(quick, 4, seed=10)
    for record in play(batch):
        finished.append(record.job.job_id)
    assert len(finished) == 5
    assert finished[-1] == "job0"


def test_several_models_take_turns():
    """A model that always has something to say must not keep another from being polled."""
    busy, other = ShuffledModel(0, most=1), ShuffledModel(1, most=1)
    batch = [*jobs(other, 2), *jobs(busy, 20, seed=50)]
    polls = []
    for record in play(batch):
        if record.job.seed < 50:
            polls.append(busy.polls)
    assert max(polls) < 20 * 6 / 2


# --- failures are data ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "kind", "end"),
    [
        (Reply("", "error", error="connection\nreset"), "engine_error", "error"),
        (Reply("I would rather not.", "refused"), "refused", "unusable"),
        (Reply("  ", "length"), "truncated", "unusable"),
    ],
)
def test_unusable_replies_are_typed_and_recorded(reply, kind, end):
    def script(request):
        return reply if "strategy 1" in request.messages[1].content else speak(request)

    records = play_all(jobs(FakeModel(script), 3))
    assert [r.outcome.kind for r in records] == ["verdict", end, "verdict"]
    failed = records[1]
    assert failed.failure is not None
    assert failed.failure.kind == kind
    assert failed.outcome.message.startswith(kind)
    assert "\n" not in failed.outcome.message
    assert failed.outcome.credence is None
    assert failed.calls == 2


def test_a_reply_cut_at_the_token_limit_is_used_and_noted():
    record = one(FakeModel(lambda r: Reply("half a", "length") if not r.choices else speak(r)))
    assert record.failure is None
    assert record.details["debater_0"] == {
        "1": {"token_limit_reached": True},
        "2": {"token_limit_reached": True},
    }


def boom(observation):
    raise LookupError("no such\nthing")


class BadThinker:
    def __init__(self, model, how):
        self.model = model
        self.how = how

    def think(self, observation, turn: Turn):
        if self.how == "raises at once":
            raise LookupError("no such\nthing")
        return self._think(turn)

    def _think(self, turn):
        if self.how == "raises first":
            raise LookupError("no such thing")
        request = Request((), Sampling(), turn.seed)
        if self.how == "yields one request":
            yield request
        if self.how == "yields text":
            yield ["hello"]
        yield [request]
        if self.how == "raises later":
            raise LookupError("no such thing")
        if self.how == "bad details":
            return Decision("hello", details=["x"])  # type: ignore[arg-type]
        if self.how == "no decision":
            return "hello"
        return Decision(None)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("raises at once", "debater_0: LookupError: no such thing"),
        ("raises first", "debater_0: LookupError: no such thing"),
        ("raises later", "debater_0: LookupError: no such thing"),
        ("yields one request", "TypeError: a thought must yield a list of requests"),
        ("yields text", "TypeError: a thought must yield requests"),
        ("bad details", "TypeError: details must be a mapping"),
        ("no decision", "TypeError: think\\(\\) must return a Decision, not str"),
        ("no action", "InputError: debater_0: a speech is a str"),
    ],
)
def test_an_agent_that_breaks_ends_its_own_debate_alone(how, message):
    model = FakeModel(lambda r: speak(r) if r.messages else "x")
    good = jobs(model, 3)
    bad = DebateJob(
        "bad", question(), {**good[0].agents, "debater_0": BadThinker(model, how)}, 0, SETTINGS
    )
    records = play_all([good[0], bad, good[1], good[2]])
    assert [r.outcome.kind for r in records] == ["verdict", "error", "verdict", "verdict"]
    failure = records[1].failure
    assert failure is not None
    assert failure.kind == "agent_error"
    assert "\n" not in failure.message
    assert re.search(message, failure.message)


@pytest.mark.parametrize(
    ("agent", "message"),
    [
        (from_callable(boom), "debater_0: LookupError: no such thing"),
        (from_callable(lambda o: 7), "a speech is a str, not int"),
    ],
)
def test_a_plain_agent_that_raises_or_answers_nonsense(agent, message):
    record = one(FakeModel(), agent)
    assert record.outcome.kind == "error"
    assert record.failure is not None
    assert record.failure.kind == "agent_error"
    assert message in record.failure.message


def test_a_plain_agent_that_fails_on_one_observation_spoils_no_other_debate():
    def picky(observation):
        if observation["question"].endswith("sill?") and "house 2" in observation["passage"]:
            raise ValueError("not this one")
        return "fine"

    agents = {"debater_0": from_callable(picky), "debater_1": QuotingDebater()}
    batch = [
        DebateJob(str(i), question(i), {**agents, "judge_0": KeywordJudge()}, i, SETTINGS)
        for i in range(4)
    ]
    kinds = [r.outcome.kind for r in play_all(batch)]
    assert kinds == ["verdict", "verdict", "error", "verdict"]


def test_a_plain_agent_that_returns_too_few_actions():
    class Short:
        def act(self, observations):
            return []

    record = one(FakeModel(), Short())
    assert record.failure is not None
    assert "0 actions for 1 observations" in record.failure.message


@pytest.mark.parametrize("where", ["plain", "thinking"])
def test_a_keyboard_interrupt_passes_through(where):
    def interrupt(*_):
        raise KeyboardInterrupt

    agent = from_callable(interrupt) if where == "plain" else None
    model = FakeModel(speak if where == "plain" else interrupt)
    with pytest.raises(KeyboardInterrupt):
        one(model, agent)


def test_feedback_reaches_agents_that_learn():
    told = []

    class Learner(QuotingDebater):
        def feedback(self, episode_id, reward, seat):
            told.append((episode_id, reward))

    record = one(FakeModel(), Learner(), judge=from_callable(lambda o: [0.75, 0.25]))
    assert told == [("only", pytest.approx(0.5))]
    assert record.failure is None


def test_feedback_that_raises_is_noted_and_harms_nothing():
    class Learner(QuotingDebater):
        def feedback(self, episode_id, reward, seat):
            raise RuntimeError("full")

    record = one(FakeModel(), Learner())
    assert record.outcome.kind == "verdict"
    assert record.details["debater_0"]["feedback_error"] == "RuntimeError('full')"


def test_a_model_that_breaks_its_promise_is_reported_not_polled_for_ever():
    class Silent(FakeModel):
        def poll(self):
            return []

    with pytest.raises(RuntimeError, match="'fake' returned nothing while 2 requests"):
        one(Silent())


def test_late_replies_of_an_abandoned_run_are_ignored():
    model = ShuffledModel(0, most=1)
    abandoned = play(jobs(model, 5), max_open=5)
    next(abandoned)
    abandoned.close()
    assert model.open
    assert [r.outcome.kind for r in play(jobs(model, 5))] == ["verdict"] * 5


# --- thoughts outside debates ---------------------------------------------------------------------


def count_down(number):
    texts = []
    for k in range(number):
        (reply,) = yield [Request((), Sampling(), 100 * number + k)]
        texts.append(reply.text)
    return texts


def test_run_thoughts_returns_results_in_order_and_shares_waves():
    model = FakeModel(lambda request: str(request.seed))
    results = run_thoughts(model, [count_down(n) for n in (3, 0, 1)])
    assert results == [["300", "301", "302"], [], ["100"]]
    assert model.batches == [2, 1, 1]


def test_run_thoughts_bounds_what_is_open():
    model = FakeModel(lambda request: "x")
    run_thoughts(model, [count_down(1) for _ in range(7)], max_open=3)
    assert model.batches == [3, 3, 1]


def test_run_thoughts_raises_what_a_thought_raises():
    def bad():
        yield [Request((), Sampling(), 0)]
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        run_thoughts(FakeModel(lambda request: "x"), [count_down(2), bad()])


# --- how many debates are open --------------------------------------------------------------------


def most_outstanding(model):
    """Play 300 debates; return the most requests that were ever outstanding."""
    most = 0
    submit = model.submit

    def counting(tickets):
        nonlocal most
        submit(tickets)
        most = max(most, len(model.open))

    model.submit = counting
    records = play_all(jobs(model, 300, DebateSettings(rounds=1)), max_open=200)
    assert all(r.outcome.kind == "verdict" for r in records)
    return most


def test_as_many_debates_are_open_as_allowed():
    """From the start: an engine that waits for the first reply has nothing to do meanwhile."""
    assert most_outstanding(FakeModel()) == 2 * 200
    assert most_outstanding(ShuffledModel(0, most=8)) == 2 * 200


def test_requests_are_handed_over_before_all_prompts_are_written():
    model = ShuffledModel(0, most=500)
    play_all(jobs(model, 200, DebateSettings(rounds=1)))
    assert max(model.batches) <= 64 + 1  # the two requests of a judge are never torn apart


@pytest.mark.parametrize(("capacity", "passages"), [(100, 1), (260, 2), (10_000, 8)])
def test_no_more_passages_are_open_than_a_prefix_cache_holds(capacity, passages):
    model = ShuffledModel(3)
    room = PrefixRoom(capacity, lambda question: 100, 10)
    seen: list[set[str]] = []
    model_submit = model.submit

    def submit(tickets):
        model_submit(tickets)
        seen.append({request.messages[0].content for _, request in model.open})

    model.submit = submit
    bound = play_all(jobs(model, 16), max_open=16, room=room)
    systems = [{text for text in texts if "<passage>" in text} for texts in seen]
    assert max(map(len, systems)) <= passages
    free = play_all(jobs(ShuffledModel(4), 16))
    assert list(map(facts, bound)) == list(map(facts, free))
