from __future__ import annotations

import json

import pytest

from debateqd.agents.models.base import Message, Request, Sampling
from debateqd.agents.models.openai.wire import (
    Dialect,
    body_of,
    can_force,
    choice_schema,
    encode,
    joinable,
    read_choice,
    weakest,
)

ASK = Request((Message("system", "s"), Message("user", "u")), Sampling(64, 0.7, 0.9), 2**52 + 5)
VERDICT = Request(ASK.messages, Sampling(8, 0.0), 3, ("A", "B"))
RICH = Dialect(logprobs=20, seeds="honoured", n=True, choice=True, masked=True, schema=True)
POOR = Dialect(temperature=False, top_p=False, seeds="refused")


def test_a_plain_request() -> None:
    assert body_of("m", ASK, RICH, {}) == {
        "model": "m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "max_tokens": 64,
        "temperature": 0.7,
        "top_p": 0.9,
        "seed": 5,
    }


def test_what_a_server_refuses_is_left_out() -> None:
    body = body_of("m", ASK, POOR, {})
    assert set(body) == {"model", "messages", "max_tokens"}
    body = body_of("m", ASK, Dialect(max_tokens_field="max_completion_tokens"), {})
    assert "max_tokens" not in body
    assert body["max_completion_tokens"] == 64


def test_seeds_fit_into_31_bits_and_deterministic_replies_have_none() -> None:
    body = body_of("m", ASK._replace(seed=2**53 - 1), RICH, {})
    assert 0 <= body["seed"] < 2**31
    assert "seed" not in body_of("m", VERDICT, RICH, {})
    # A server that takes no temperature draws every reply.
    assert "seed" in body_of("m", VERDICT, Dialect(temperature=False), {})


def test_further_fields_come_last() -> None:
    extra = {"chat_template_kwargs": {"enable_thinking": False}, "top_p": 0.5}
    body = body_of("m", ASK, RICH, extra)
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert body["top_p"] == 0.5


@pytest.mark.parametrize(
    ("dialect", "fields"),
    [
        (RICH, {"logprobs"}),
        (Dialect(logprobs=5), {"logprobs"}),
        (Dialect(logprobs=20, choice=True), {"logprobs", "structured_outputs"}),
        (Dialect(choice=True, schema=True), {"structured_outputs"}),
        (Dialect(schema=True), {"response_format"}),
        (Dialect(logprobs=20, schema=True), {"logprobs"}),
        (Dialect(), set()),
    ],
)
def test_verdicts_are_asked_for_in_a_stated_order(dialect: Dialect, fields: set[str]) -> None:
    body = body_of("m", VERDICT, dialect, {})
    assert {"logprobs", "structured_outputs", "response_format"} & set(body) == fields
    if dialect.logprobs:
        assert body["top_logprobs"] == dialect.logprobs
    assert body["max_tokens"] == (32 if "response_format" in fields else 8)


def test_a_verdict_can_be_forced() -> None:
    assert can_force(VERDICT, RICH)
    assert not can_force(ASK, RICH)
    assert not can_force(VERDICT, Dialect(logprobs=20, choice=True))
    body = body_of("m", VERDICT, RICH, {}, forced=True)
    assert body["structured_outputs"] == {"choice": ["A", "B"]}
    assert body["logprobs"]


def test_a_schema_is_sent_where_it_counts() -> None:
    schema = choice_schema(("x", "y"))
    request = ASK._replace(schema=json.dumps(schema))
    body = body_of("m", request, RICH, {})
    assert body["response_format"]["json_schema"]["schema"] == schema
    assert "response_format" not in body_of("m", request, POOR, {})


def test_choices_as_json() -> None:
    assert read_choice('{"answer": "A"}') == "A"
    for text in ("A", "{", '{"answer": 1}', "[]", '{"reply": "A"}'):
        assert read_choice(text) is None


def test_only_drawn_replies_of_servers_without_seeds_are_joined() -> None:
    ignorant = Dialect(n=True, seeds="ignored")
    assert joinable(ASK, ignorant)
    assert joinable(ASK, Dialect(n=True, seeds="refused"))
    assert not joinable(ASK, RICH)
    assert not joinable(ASK, Dialect(seeds="ignored"))
    assert not joinable(VERDICT, ignorant)
    assert not joinable(ASK._replace(sampling=Sampling(64, 0.0)), ignorant)
    body = body_of("m", ASK, ignorant, {}, n=3)
    assert body["n"] == 3
    assert "seed" not in body


def test_any_text_can_be_encoded() -> None:
    request = ASK._replace(messages=(Message("user", 'é\u2028"\\\ud800\x00'),))
    content = json.loads(encode(body_of("m", request, RICH, {})))["messages"][0]["content"]
    assert content == 'é\u2028"\\?\x00'


def test_replicas_agree_on_what_all_understand() -> None:
    common = weakest(
        [
            Dialect(logprobs=20, seeds="honoured", n=True, context_length=8000, choice=True),
            Dialect(logprobs=5, seeds="ignored", schema=True, context_length=4000, top_p=False),
        ]
    )
    assert common == Dialect(logprobs=5, seeds="ignored", context_length=4000, top_p=False)
    assert weakest([RICH]) == RICH
