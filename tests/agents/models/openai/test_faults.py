from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from debateqd.agents.models.base import ChatModel, Reply, StoppedError, delivery_of
from debateqd.agents.models.openai import make_openai
from debateqd.agents.models.redraw import RedrawnModel
from tests.agents.models.openai.helpers import LONG, answers, ask, connected, wait_for
from tests.servers import Dialect, Faults, Settings, serve

QUICK = {"timeout": 2.0}


def break_down(server: Any, **faults: Any) -> None:
    """Let things go wrong from now on."""
    settings = server.stand_in.settings
    server.stand_in.settings = dataclasses.replace(settings, faults=Faults(**faults))


@dataclasses.dataclass(frozen=True)
class RefusesAll(Faults):
    """Everybody is refused until the wait is over that the first was asked for."""

    begun: list[float] = dataclasses.field(default_factory=list)

    def draw(self, key: bytes, time_seen: int) -> str:
        now = time.monotonic()
        self.begun.append(now)
        assert self.retry_after is not None
        return "too_many" if now - self.begun[0] < self.retry_after else ""


def test_nothing_is_lost_doubled_or_spoilt() -> None:
    requests = [ask(seed=s, system=LONG if s % 2 else "Short.") for s in range(300)]
    with connected(Settings(seconds=0.02), **QUICK) as (bare, server):
        model = RedrawnModel(bare)  # some of the garbage is text
        expected = answers(model, requests)
        server.stand_in.log.clear()
        server.stand_in.counts.clear()
        break_down(server, too_many=0.05, error=0.02, reset=0.01, garbage=0.01, hang=0.01, seed=7)
        before = delivery_of(model)
        replies = answers(model, requests)
        counted = delivery_of(model)
        counts = server.stand_in.counts
        assert {"too_many", "error", "reset", "garbage", "hang"} <= set(counts)
        for reply, good in zip(replies, expected, strict=True):
            assert (reply.text, reply.finish_reason) == (good.text, "stop")
        # Each was answered well once; nothing was asked again that had been answered.
        good = Counter(seen.key for seen in server.stand_in.log if seen.outcome == "ok")
        assert set(good.values()) == {1}
        assert len(good) == 300
        assert counted["requests"] - before["requests"] == counts["requests"]
        assert counted["retries"] - before["retries"] <= counts["requests"] - 300
        assert counted["rejected"] - before["rejected"] == counts["garbage"]
        assert counted["failed"] == 0


def until_it_stops(model: ChatModel) -> Iterator[tuple[int, Reply]]:
    while True:
        yield from model.poll()


KINDS = {
    "too_many": "rate_limited",
    "error": "engine_error",
    "reset": "connection",
    "garbage": "bad_reply",
    "hang": "timeout",
}


@pytest.mark.parametrize("fault", KINDS)
def test_a_request_that_never_stops_failing_becomes_an_error_of_its_kind(fault: str) -> None:
    with connected(attempts=3, timeout=0.5 if fault == "hang" else 60.0) as (model, server):
        break_down(server, **{fault: 1.0})
        (reply,) = answers(model, [ask("Speak.")])
        assert (reply.finish_reason, reply.text) == ("error", "")
        assert reply.error_kind == KINDS[fault]
        assert reply.error
        assert "\n" not in reply.error
        assert delivery_of(model)["failed"] == 1
        assert server.stand_in.counts["requests"] == 3
        break_down(server)
        assert answers(model, [ask()])[0].finish_reason == "stop"


@pytest.mark.parametrize("fault", KINDS)
def test_a_server_that_fails_everybody_ends_the_work_and_what_was_answered_is_handed_out(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    timeout = 2.0 if fault == "hang" else 60.0
    with connected(attempts=20, patience=1.0, timeout=timeout) as (model, server):
        server.stand_in.settings = Settings(seconds=0.3)
        model.submit([(i, ask(seed=i)) for i in range(10)])
        wait_for(lambda: len(server.stand_in._running) == 10)
        break_down(server, **{fault: 1.0})
        model.submit([(i, ask(seed=i)) for i in range(10, 30)])
        found: list[tuple[int, Reply]] = []
        with pytest.raises(StoppedError, match="openai:tiny: no reply for 1 seconds") as end:
            found.extend(until_it_stops(model))
        assert {ticket for ticket, reply in found if reply.text} >= set(range(10))
        assert "what was answered is kept" in str(end.value)
        assert "\n" not in str(end.value)
        assert "http://127.0.0.1:" in str(end.value)
        with pytest.raises(StoppedError, match="no reply for 1 seconds"):
            model.poll()
        told = [r.message for r in caplog.records if "trying again" in r.message]
        assert told[0].startswith("openai:tiny at http://127.0.0.1:")
        assert len(told) <= 2


def test_permanent_failures_are_not_repeated() -> None:
    with connected() as (model, server):
        server.stand_in.settings = Settings(model="other")
        (reply,) = answers(model, [ask()])
        assert (reply.finish_reason, reply.error_kind) == ("error", "engine_error")
        assert "does not exist" in reply.error
        assert server.stand_in.counts["requests"] == 1


def test_no_key_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-first-123456")
    with connected(Settings(key="sk-first-123456")) as (model, server):
        server.stand_in.settings = Settings(key="sk-second-123456")
        (reply,) = answers(model, [ask()])
        assert "401" in reply.error
        assert "sk-first" not in reply.error
        assert "3456" not in reply.error


def test_retry_after_is_respected() -> None:
    with connected() as (model, server):
        server.stand_in.settings = Settings(faults=RefusesAll(retry_after=0.6))
        (reply,) = answers(model, [ask()])
        assert reply.finish_reason == "stop"
        first, second = server.stand_in.log
        assert second.at - first.at >= 0.6


def test_a_server_that_asks_to_be_left_alone_is_left_alone() -> None:
    with connected(Settings(seconds=0.01)) as (model, server):
        server.stand_in.settings = Settings(seconds=0.01, faults=RefusesAll(retry_after=0.8))
        answers(model, [ask(seed=i) for i in range(100)])
        counts = server.stand_in.counts
        assert counts["too_many"] <= 105  # those that were under way already
        assert counts["requests"] == 100 + counts["too_many"]
        assert counts["ok"] == 100


def test_a_wait_that_is_too_long_is_not_waited_for() -> None:
    with connected(patience=60.0) as (model, server):
        break_down(server, too_many=1.0, retry_after=86400)
        model.submit([(1, ask())])
        with pytest.raises(StoppedError, match=r"wait for 86,400 seconds.*429: rate limit reached"):
            model.poll()
        assert server.stand_in.counts["requests"] == 1


def test_trouble_is_told_at_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    with connected(patience=60.0) as (model, server):
        server.stand_in.settings = Settings(faults=RefusesAll(retry_after=3.6))
        (reply,) = answers(model, [ask()])
        assert reply.finish_reason == "stop"
        wait_for(lambda: len(caplog.records) == 2)
        told = [record.message for record in caplog.records]
        assert "429: rate limit reached" in told[0]
        assert "seconds, for 60 seconds at most" in told[0]


def test_a_limit_on_requests_in_flight_is_found() -> None:
    with connected(Settings(seconds=0.03, slots=1000)) as (model, server):
        server.stand_in.settings = Settings(seconds=0.03, slots=1000, most=32)
        replies = answers(model, [ask(seed=s) for s in range(1200)])
        assert all(reply.finish_reason == "stop" for reply in replies)
        counts = server.stand_in.counts
        assert counts["ok"] == 1200
        assert counts["busy"] < 600
        assert counts["most_running"] == 32


# --- replicas -------------------------------------------------------------------------------------


def test_replicas_share_the_load_and_passages_stay_together() -> None:
    with (
        serve(Settings(seconds=0.02, slots=8)) as one,
        serve(Settings(seconds=0.02, slots=8)) as two,
    ):
        model = make_openai("tiny", base_urls=[one.url, two.url])
        for server in (one, two):
            server.stand_in.log.clear()
        requests = [ask(seed=s, system=f"{s // 20} {LONG}") for s in range(400)]
        replies = answers(model, requests)
        model.close()
        assert all(reply.finish_reason == "stop" for reply in replies)
        logs = [server.stand_in.log for server in (one, two)]
        assert sum(map(len, logs)) == 400
        assert min(map(len, logs)) >= 100
        readers = Counter[str]()
        for log in logs:
            readers.update({seen.body["messages"][0]["content"] for seen in log})
        assert sum(readers.values()) <= 20 + 6  # few passages were read by both


def test_the_same_texts_come_from_one_server_and_from_several() -> None:
    with serve(Settings()) as one, serve(Settings()) as two:
        requests = [ask(seed=s, system=f"{s // 5} {LONG}") for s in range(40)]
        texts = []
        for urls in ([one.url], [two.url, one.url]):
            model = make_openai("tiny", base_urls=urls)
            texts.append([reply.text for reply in answers(model, requests)])
            model.close()
        assert texts[0] == texts[1]


def test_a_replica_that_dies_loses_nothing_and_comes_back() -> None:
    with serve(Settings(seconds=0.02)) as one:
        with serve(Settings(seconds=0.02)) as two:
            model = make_openai("tiny", base_urls=[one.url, two.url])
            requests = [ask(seed=s, system=f"{s // 20} {LONG}") for s in range(600)]
            model.submit(list(enumerate(requests)))
            found: dict[int, str] = {}
            while len(found) < 100:
                found |= {t: r.finish_reason for t, r in model.poll()}
            two.stop()
            while len(found) < 600:
                for ticket, reply in model.poll():
                    assert ticket not in found
                    found[ticket] = reply.finish_reason
            assert set(found.values()) == {"stop"}
            port = two.port
        with serve(Settings(), port=port) as again:

            def asked_again() -> int:
                answers(model, [ask(seed=s, system=f"{s} {LONG}") for s in range(20)])
                return again.stand_in.counts["ok"]

            wait_for(asked_again)
        model.close()


def test_a_server_that_is_away_is_waited_for() -> None:
    with serve(Settings()) as server:
        port = server.port
        model = make_openai("tiny", base_urls=[server.url], patience=20.0)
    model.submit([(i, ask(seed=i)) for i in range(30)])
    assert model.poll_for(0.5) == []
    with serve(Settings(), port=port):
        done = []
        while len(done) < 30:
            done += model.poll()
    model.close()
    assert {reply.finish_reason for _, reply in done} == {"stop"}


def test_a_server_that_stays_away_ends_the_work() -> None:
    with serve(Settings()) as server:
        model = make_openai("tiny", base_urls=[server.url], patience=0.6)
    model.submit([(s, ask(seed=s)) for s in range(100)])
    with pytest.raises(StoppedError, match="no connection"):
        model.poll()
    model.close()


def test_a_replica_that_cannot_be_reached_at_the_start_is_left_out_and_reported() -> None:
    with serve(Settings()) as server:
        model = make_openai("tiny", base_urls=["http://127.0.0.1:1/v1", server.url])
        assert any("no connection; left out" in note for note in model.notes)
        replies = answers(model, [ask(seed=s, system=f"{s} {LONG}") for s in range(50)])
        model.close()
        assert {reply.finish_reason for reply in replies} == {"stop"}


def test_replicas_that_differ_use_what_both_understand() -> None:
    with serve(Settings()) as one, serve(Settings(dialect=Dialect(logprobs="refused"))) as two:
        model = make_openai("tiny", base_urls=[one.url, two.url])
        assert not model.capabilities.probabilities
        assert any("the replicas differ" in note for note in model.notes)
        verdicts = answers(model, [ask(f"{s}?", choices=("A", "B")) for s in range(30)])
        model.close()
        assert {v.finish_reason for v in verdicts} == {"stop"}
        assert {v.probabilities for v in verdicts} == {None}
