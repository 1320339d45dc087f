from __future__ import annotations

import dataclasses
import json

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

from debateqd.agents.models.base import Message, Request, Sampling
from debateqd.agents.models.openai.wire import (
    Dialect,
    body_of,
    choice_schema,
    encode,
    read_choice,
    weakest,
)

ASK = Request((Message("system", "s"), Message("user", "u")), Sampling(64, 0.7, 0.9), 2**52 + 5)
VERDICT = Request(ASK.messages, Sampling(8, 0.0), 3, ("A", "B"))
RICH = Dialect(
    logprobs=20,
    seeds="honoured",
    choice=True,
    masked=True,
    schema=True,
    stop=4,
    neutral={"top_k": 0, "min_p": 0.0, "top_p": 1.0},
)
POOR = Dialect(temperature=False, top_p=False, seeds="refused")


def test_a_plain_request() -> None:
    assert body_of("m", ASK, RICH, {}) == {
        "model": "m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "max_tokens": 64,
        "temperature": 0.7,
        "top_p": 0.9,
        "seed": 5,
        "top_k": 0,
        "min_p": 0.0,
    }


def test_sampling_is_sent_and_not_assumed() -> None:
    plain = ASK._replace(sampling=Sampling(64, 1.0, 1.0))
    body = body_of("m", plain, RICH, {})
    assert (body["temperature"], body["top_p"], body["top_k"], body["min_p"]) == (1.0, 1.0, 0, 0.0)
    assert "top_p" not in body_of("m", plain, Dialect(), {})  # not where 1.0 is refused
    assert body_of("m", VERDICT, RICH, {})["temperature"] == 0.0
    assert body_of("m", plain, RICH, {"top_k": 20, "temperature": 0.3})["top_k"] == 20


def test_stop_strings_are_sent_as_far_as_they_are_taken() -> None:
    request = ASK._replace(stop=tuple("abcdef"))
    assert body_of("m", request, RICH, {})["stop"] == list("abcd")
    assert "stop" not in body_of("m", request, POOR, {})
    assert "stop" not in body_of("m", ASK, RICH, {})
    assert body_of("m", request, RICH, {"stop": ["z"]})["stop"] == ["z"]


@pytest.mark.parametrize("request_", [ASK, VERDICT, ASK._replace(stop=("x",), schema="{}")])
def test_requests_are_what_the_package_takes(request_: Request) -> None:
    """In any of its versions: by its types, and by what its client makes of the fields."""
    dialect = dataclasses.replace(RICH, neutral={}, masked=True)
    body = body_of("m", request_, dialect, {})
    checked = TypeAdapter(CompletionCreateParamsNonStreaming).validate_python(body)
    assert {**checked, "messages": [*checked["messages"]]} == body


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


def test_any_text_can_be_encoded() -> None:
    request = ASK._replace(messages=(Message("user", 'é\u2028"\\\ud800\x00'),))
    content = json.loads(encode(body_of("m", request, RICH, {})))["messages"][0]["content"]
    assert content == 'é\u2028"\\?\x00'


def test_replicas_agree_on_what_all_understand() -> None:
    common = weakest(
        [
            Dialect(
                server="vllm",
                logprobs=20,
                seeds="honoured",
                context_length=8000,
                choice=True,
                neutral={"top_k": 0, "min_p": 0.0, "top_p": 1.0},
                stop=16,
                counts="messages",
                tokens_per_character=0.25,
            ),
            Dialect(
                logprobs=5,
                schema=True,
                context_length=4000,
                cache_tokens=9,
                top_p=False,
                masked=True,
                neutral={"top_p": 1.0, "top_k": -1, "min_p": 0.0},
                stop=4,
                tokens_per_character=0.3,
                max_tokens_field="max_completion_tokens",
            ),
        ]
    )
    assert common == Dialect(
        logprobs=5,
        context_length=4000,
        cache_tokens=9,
        top_p=False,
        masked=True,
        neutral={"min_p": 0.0, "top_p": 1.0},
        stop=4,
        tokens_per_character=0.3,
    )
    assert list(common.neutral) == sorted(common.neutral)
    assert weakest([RICH]) == RICH
