from __future__ import annotations

import gc
import json
import os
import signal
import threading
from pathlib import Path
from typing import Literal

import pytest

from debate_env.errors import InputError
from debateqd.agents.models.base import (
    Capabilities,
    ChatModel,
    Message,
    MeteredModel,
    PatientModel,
    Reply,
    TokenCounter,
    Usage,
    delivery_of,
    notes_of,
)
from debateqd.agents.models.openai import make_openai
from debateqd.agents.models.openai.wire import choice_schema
from debateqd.agents.testing import CHECKS
from tests.agents.models.openai.helpers import LONG, answers, ask, connected, wait_for
from tests.server_replies import Body, Draws, Spoken
from tests.servers import POOR, Dialect, Settings, serve


@pytest.mark.parametrize("dialect", [Dialect(), Dialect(logprobs="ignored"), POOR])
@pytest.mark.parametrize("check", CHECKS)
def test_the_contract_of_every_chat_model(check: str, dialect: Dialect) -> None:
    with connected(Settings(dialect=dialect)) as (model, _):
        CHECKS[check](model)


def test_it_keeps_the_interfaces() -> None:
    with connected() as (model, _):
        assert isinstance(model, ChatModel)
        assert isinstance(model, PatientModel)
        assert isinstance(model, MeteredModel)
        assert isinstance(model, TokenCounter)
        assert isinstance(model.capabilities, Capabilities)
        assert not model.capabilities.seeded_when_greedy
        assert notes_of(model) == model.notes
    with connected(Settings(dialect=Dialect(tokenize=""))) as (model, _):
        assert not isinstance(model, TokenCounter)


def test_names_and_fingerprints() -> None:
    name = "org/llama3:8b"
    prints = set()
    with serve(Settings(model=name)) as one, serve(Settings(model=name)) as two:
        for url, options in (
            (one.url, {}),
            (two.url, {}),
            (one.url, {"revision": "r2"}),
            (one.url, {"extra_body": {"top_k": 4}}),
            (one.url, {"thinking_tags": ("[T]", "[/T]")}),
        ):
            model = make_openai(name, base_urls=[url], **options)
            assert model.name == "openai:org/llama3:8b"
            prints.add(model.fingerprint)
            assert "127.0.0.1" not in model.fingerprint
            model.close()
    assert len(prints) == 4


def test_options_are_checked() -> None:
    with pytest.raises(InputError, match="unknown option 'atempts'"):
        make_openai("tiny", atempts=3)


def test_replies_depend_on_messages_and_seed() -> None:
    with connected() as (model, _):
        first = answers(model, [ask(seed=s) for s in range(6)] + [ask("Other.", seed=0)])
        again = answers(model, [ask(seed=s) for s in range(6)] + [ask("Other.", seed=0)])
        assert first == again
        assert len({reply.text for reply in first}) == 7
        assert all(reply.finish_reason == "stop" for reply in first)
        assert first[0].usage == Usage(4 + 3 + 4 + 3, 16)


def test_every_request_is_sent_once() -> None:
    with connected() as (model, server):
        answers(model, [ask(seed=s) for s in range(300)])
        keys = [seen.key for seen in server.stand_in.log]
        assert len(keys) == len(set(keys)) == 300
        assert delivery_of(model)["requests"] == 300
        assert delivery_of(model)["retries"] == 0


def test_what_is_counted() -> None:
    with connected() as (model, server):
        answers(model, [ask(seed=s, system=LONG) for s in range(20)])
        counted = delivery_of(model)
        assert counted["prompt_tokens"] == server.stand_in.counts["prompt_tokens"]
        cached = server.stand_in.counts["prompt_tokens"] - server.stand_in.counts["computed_tokens"]
        assert counted["cached_prompt_tokens"] == cached > 0
        assert counted["completion_tokens"] == 20 * 16
        assert counted["failed"] == counted["rejected"] == 0


def test_a_reply_that_reaches_its_limit() -> None:
    with connected() as (model, _):
        (reply,) = answers(model, [ask(max_tokens=3)])
        assert reply.finish_reason == "length"
        assert len(reply.text.split()) == 3


def test_verdicts_come_from_log_probabilities() -> None:
    def reply(body: Body, draws: Draws) -> Spoken:
        return Spoken("A", (("A", 0.5), (" A", 0.1), ("B", 0.2), ("The", 0.2)))

    for dialect in (Dialect(), Dialect(masked=False), Dialect(structured_choice="ignored")):
        with serve(Settings(dialect=dialect), reply) as server:
            model = make_openai("tiny", base_urls=[server.url])
            (verdict,) = answers(model, [ask(choices=("A", "B"), temperature=0.0)])
            model.close()
            assert verdict.text == "A"
            assert verdict.probabilities == pytest.approx((0.75, 0.25))
            assert verdict.missing_mass == pytest.approx(0.2)


def test_a_verdict_that_shows_no_letter_is_asked_for_once_more_with_letters_only() -> None:
    def reply(body: Body, draws: Draws) -> Spoken:
        return Spoken("Well now", (("Well", 0.9), ("So", 0.1)))

    with serve(Settings(), reply) as server:
        model = make_openai("tiny", base_urls=[server.url])
        server.stand_in.log.clear()
        (verdict,) = answers(model, [ask(choices=("A", "B"), temperature=0.0)])
        model.close()
        assert verdict.text in ("A", "B")
        assert verdict.probabilities is not None
        assert sum(verdict.probabilities) == pytest.approx(1)
        assert verdict.missing_mass is None
        assert ["structured_outputs" in s.body for s in server.stand_in.log] == [False, True]
        assert verdict.usage.prompt_tokens == 2 * (4 + 3 + 4 + 3)
        assert delivery_of(model)["retries"] == 0


@pytest.mark.parametrize(
    ("dialect", "field"),
    [
        (Dialect(logprobs="ignored"), "structured_outputs"),
        (Dialect(logprobs="refused", structured_choice="refused"), "response_format"),
        (POOR, ""),
    ],
)
def test_without_log_probabilities_verdicts_are_letters(dialect: Dialect, field: str) -> None:
    with connected(Settings(dialect=dialect)) as (model, server):
        (verdict,) = answers(model, [ask(choices=("A", "B"), temperature=0.0)])
        assert verdict.probabilities is None
        fields = {"structured_outputs", "response_format"} & set(server.stand_in.log[0].body)
        assert fields == ({field} if field else set())
        if field:
            assert verdict.text in ("A", "B")


def test_a_schema_is_enforced_where_the_server_can() -> None:
    schema = json.dumps(choice_schema(("left", "right")))
    with connected() as (model, _):
        (reply,) = answers(model, [ask(schema=schema)])
        assert json.loads(reply.text)["answer"] in ("left", "right")
    with connected(Settings(dialect=POOR)) as (model, server):
        answers(model, [ask(schema=schema)])
        assert "response_format" not in server.stand_in.log[0].body


@pytest.mark.parametrize("thinking", ["text", "field"])
def test_thinking_is_no_part_of_a_reply(thinking: str) -> None:
    dialect = Dialect(thinking=thinking)  # type: ignore[arg-type]
    with connected(Settings(dialect=dialect)) as (model, _):
        speech, verdict = answers(model, [ask(), ask(choices=("A", "B"), temperature=0.0)])
        assert "hm" not in speech.text
        assert "think" not in speech.text
        assert speech.usage.thinking_tokens > 0
        assert delivery_of(model)["thinking_tokens"] > 0
        assert "hm" not in verdict.text
        (cut,) = answers(model, [ask(max_tokens=3)])
        assert (cut.text, cut.finish_reason) == ("", "length")


def test_a_refusal_is_a_reply() -> None:
    def reply(body: Body, draws: Draws) -> Spoken:
        return Spoken("", refusal="I would rather not.")

    with connected() as (model, server):
        server.stand_in._reply = reply
        (refused,) = answers(model, [ask()])
        assert (refused.finish_reason, refused.text) == ("refused", "I would rather not.")


def test_what_a_filter_refuses_is_a_refusal_and_asked_for_once() -> None:
    error = {"error": {"message": "The prompt was filtered.", "code": "content_filter"}}
    with connected() as (model, server):

        def answer(connection, method, path, headers, data):  # type: ignore[no-untyped-def]
            server.stand_in.counts["requests"] += 1
            connection.send(400, error)

        server.stand_in.handle = answer  # type: ignore[method-assign]
        (refused,) = answers(model, [ask()])
        assert refused == Reply("", "refused")
        assert server.stand_in.counts["requests"] == 1
        assert model.delivery["failed"] == 0


def test_ends_that_nobody_knows_are_counted() -> None:
    def reply(body: Body, draws: Draws) -> Spoken:
        return Spoken("So it is.", finish="whatever")

    with serve(Settings(), reply) as server:
        model = make_openai("tiny", base_urls=[server.url])
        try:
            said = answers(model, [ask(seed=seed) for seed in range(3)])
            assert {r.finish_reason for r in said} == {"unknown"}
            assert model.delivery["unknown_ends"] == 3
        finally:
            model.close()


def test_a_prompt_that_is_too_long_fails_at_once_with_the_numbers() -> None:
    with connected(Settings(context=500)) as (model, server):
        long, short = answers(model, [ask(system=LONG), ask()])
        assert (long.finish_reason, long.error_kind) == ("error", "context_too_long")
        assert "500" in long.error
        assert "\n" not in long.error
        assert short.finish_reason == "stop"
        assert server.stand_in.counts["requests"] == 2
        assert delivery_of(model)["failed"] == 1


@pytest.mark.parametrize("way", ["messages", "template"])
def test_counting_tokens(way: Literal["messages", "template"]) -> None:
    with connected(Settings(dialect=Dialect(tokenize=way))) as (model, _):
        assert isinstance(model, TokenCounter)
        messages = (Message("system", "x" * 400), Message("user", "y" * 40))
        assert model.count_tokens(messages) == 104 + 14


@pytest.mark.parametrize(
    ("owner", "setting"),
    [("vllm", "--max-model-len"), ("llamacpp", "-np"), ("library", "num_ctx"), ("", "context_len")],
)
def test_the_setting_for_a_longer_context_is_that_of_the_server(owner: str, setting: str) -> None:
    with connected(Settings(dialect=Dialect(owner=owner))) as (model, _):
        assert setting in model.capabilities.longer_context


def test_seeds_differ_from_text_that_no_utf8_can_hold() -> None:
    with connected() as (model, _):
        (reply,) = answers(model, [ask("half a \ud83d pair")])
        assert reply.finish_reason == "stop"


def test_poll_without_anything_outstanding_returns_at_once() -> None:
    with connected() as (model, _):
        assert model.poll() == []
        assert model.poll_for(3600) == []


def test_poll_for_waits_no_longer_than_told() -> None:
    with connected() as (model, server):
        server.stand_in.settings = Settings(seconds=3600)
        model.submit([(1, ask())])
        assert model.poll_for(0) == []
        assert model.poll_for(0.1) == []
        server.stand_in.settings = Settings()
        model.submit([(2, ask(seed=2))])
        assert [ticket for ticket, _ in model.poll()] == [2]


def test_ctrl_c_gets_through_while_waiting() -> None:
    with connected() as (model, server):
        server.stand_in.settings = Settings(seconds=3600)
        model.submit([(1, ask())])
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            model.poll()
        timer.join()


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_close_ends_everything_promptly_and_leaks_nothing() -> None:
    gc.collect()
    threads = set(threading.enumerate())
    with serve(Settings()) as server:
        before = open_files()
        model = make_openai("tiny", base_urls=[server.url])
        server.stand_in.settings = Settings(seconds=3600, slots=4)
        model.submit([(i, ask(seed=i)) for i in range(50)])
        assert model.poll_for(0.2) == []
        model.close()
        model.close()
        assert model.poll() == []
        with pytest.raises(RuntimeError, match="closed"):
            model.submit([(1, ask())])
        wait_for(lambda: not server.stand_in.connections)
        assert [t.name for t in set(threading.enumerate()) - threads] == ["stand-in server"]
        assert open_files() <= before
    assert not set(threading.enumerate()) - threads


def test_a_model_that_nobody_keeps_ends_its_thread() -> None:
    gc.collect()
    threads = set(threading.enumerate())
    with serve(Settings()) as server:
        make_openai("tiny", base_urls=[server.url])
        gc.collect()
        assert [t.name for t in set(threading.enumerate()) - threads] == ["stand-in server"]
    with pytest.raises(InputError, match="no connection"):
        make_openai("tiny", base_urls=["http://127.0.0.1:1/v1"])
    assert not set(threading.enumerate()) - threads


def test_a_mistake_in_the_thread_reaches_the_caller() -> None:
    with connected() as (model, _):

        def broken(now: float) -> None:
            raise ZeroDivisionError("a mistake")

        model._worker.queue.next = broken  # type: ignore[assignment,method-assign]
        model.submit([(1, ask())])
        with pytest.raises(RuntimeError, match="client of openai:tiny broke"):
            model.poll()
