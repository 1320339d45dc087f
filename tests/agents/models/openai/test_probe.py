from __future__ import annotations

import dataclasses

import pytest

from debate_env.errors import InputError
from debateqd.agents.models.openai import OpenAIModel, make_openai
from debateqd.agents.models.openai import probe as probing
from debateqd.agents.models.openai.wire import Dialect as Found
from tests.agents.models.openai.helpers import connected
from tests.servers import POOR, Dialect, Faults, Settings, serve

RICH = Found(
    logprobs=20,
    seeds="honoured",
    choice=True,
    masked=True,
    schema=True,
    context_length=16384,
    counts="messages",
    stop=16,
    neutral={
        "top_k": 0,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "repeat_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "top_p": 1.0,
    },
)
PLAIN = Found(seeds="ignored", usage=False, stop=16, neutral=RICH.neutral)


def without(*names: str) -> dict[str, float]:
    return {name: value for name, value in RICH.neutral.items() if name not in names}


def found(model: OpenAIModel) -> Found:
    """What the probe found, but for the length of tokens, which has its own test."""
    return dataclasses.replace(model._worker.dialect, tokens_per_character=0.0)


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ({}, RICH),
        ({"logprobs": "ignored"}, dataclasses.replace(RICH, logprobs=0, masked=False)),
        ({"logprobs": "refused"}, dataclasses.replace(RICH, logprobs=0, masked=False)),
        ({"top_logprobs": 8}, dataclasses.replace(RICH, logprobs=8)),
        ({"top_logprobs": 5}, dataclasses.replace(RICH, logprobs=5)),
        ({"masked": False}, dataclasses.replace(RICH, masked=False)),
        ({"seed": "ignored"}, dataclasses.replace(RICH, seeds="ignored")),
        ({"seed": "refused"}, dataclasses.replace(RICH, seeds="refused")),
        (
            {"structured_choice": "ignored"},
            dataclasses.replace(RICH, choice=False, masked=False),
        ),
        (
            {"structured_choice": "refused"},
            dataclasses.replace(RICH, choice=False, masked=False),
        ),
        ({"json_schema": "ignored"}, dataclasses.replace(RICH, schema=False)),
        ({"json_schema": "refused"}, dataclasses.replace(RICH, schema=False)),
        (
            {"max_tokens": False},
            dataclasses.replace(RICH, max_tokens_field="max_completion_tokens"),
        ),
        (
            {"sampling": False},
            dataclasses.replace(RICH, temperature=False, top_p=False, neutral=without("top_p")),
        ),
        (
            {"sampling": False, "max_tokens": False},
            dataclasses.replace(
                RICH,
                temperature=False,
                top_p=False,
                neutral=without("top_p"),
                max_tokens_field="max_completion_tokens",
            ),
        ),
        ({"stops": 4}, dataclasses.replace(RICH, stop=4)),
        ({"fields": ("stop",)}, dataclasses.replace(RICH, stop=0)),
        (
            {"fields": ("top_k", "repetition_penalty")},
            dataclasses.replace(RICH, neutral=without("top_k", "repetition_penalty")),
        ),
        (
            {"fields": ("min_p", "frequency_penalty"), "vague": True},
            dataclasses.replace(RICH, neutral=without("min_p", "frequency_penalty")),
        ),
        ({"thinking": "text"}, dataclasses.replace(RICH, stop=0)),
        ({"thinking": "field"}, dataclasses.replace(RICH, stop=0)),
        ({"models": 500}, dataclasses.replace(RICH, context_length=None)),
        ({"models": 404}, dataclasses.replace(RICH, context_length=None)),
        ({"usage": False}, dataclasses.replace(RICH, usage=False)),
        ({"tokenize": ""}, dataclasses.replace(RICH, counts="")),
        (
            {"owner": "vllm"},
            dataclasses.replace(RICH, server="vllm", neutral=without("repeat_penalty")),
        ),
        (
            {"owner": "llamacpp", "tokenize": "template"},
            dataclasses.replace(RICH, server="llamacpp", counts="template"),
        ),
        (
            {"owner": "library", "tokenize": ""},
            dataclasses.replace(RICH, server="ollama", counts=""),
        ),
    ],
)
def test_every_dialect_is_recognised(dialect: dict[str, object], expected: Found) -> None:
    with connected(Settings(dialect=Dialect(**dialect))) as (model, _):  # type: ignore[arg-type]
        assert found(model) == expected


def test_a_server_that_ignores_everything_is_found_out() -> None:
    with connected(Settings(dialect=POOR)) as (model, _):
        assert found(model) == PLAIN
        assert not model.capabilities.probabilities
        (note,) = model.notes
        assert "log-probabilities no, seed ignored, structured choice no" in note
        assert "verdicts come from the letter in the reply" in note


def test_a_server_that_refuses_everything_is_found_out() -> None:
    dialect = Dialect(
        logprobs="refused",
        seed="refused",
        structured_choice="refused",
        json_schema="refused",
        max_tokens=False,
        sampling=False,
        models=404,
        tokenize="",
        fields=(*RICH.neutral, "stop"),
    )
    with connected(Settings(dialect=dialect)) as (model, _):
        assert found(model) == Found(
            max_tokens_field="max_completion_tokens",
            temperature=False,
            top_p=False,
            seeds="refused",
        )


def test_the_note_says_what_was_found() -> None:
    with connected() as (model, server):
        assert model.notes == (
            f"openai:tiny at {server.url}: log-probabilities yes (20), seed yes, structured "
            "choice yes (vLLM), context 16384; verdicts come from log-probabilities",
        )
        assert model.capabilities.probabilities
        assert model.capabilities.schema
        assert model.capabilities.context_length == 16384


def test_the_context_length_can_be_given() -> None:
    with connected(Settings(dialect=Dialect(models=500)), context_length=5000) as (model, _):
        assert model.capabilities.context_length == 5000


def test_what_passes_is_never_taken_for_a_lack() -> None:
    # Whatever comes in between, the same is found in the end.
    for seed in range(2):
        faults = Faults(too_many=0.2, error=0.05, reset=0.05, garbage=0.03, seed=seed)
        with connected(Settings(faults=faults)) as (model, _):
            assert found(model) == RICH


@dataclasses.dataclass(frozen=True)
class HangsAtFirst(Faults):
    """The first replies to every request never come."""

    def draw(self, key: bytes, time_seen: int) -> str:
        return "hang" if time_seen < 4 else ""


def test_a_slow_server_is_not_taken_for_a_poor_one() -> None:
    with connected(Settings(faults=HangsAtFirst(spare=1)), timeout=0.2) as (model, _):
        assert found(model) == RICH


def test_a_server_that_does_not_answer_in_time() -> None:
    message = refusal(Settings(faults=Faults(hang=1.0, spare=1)), timeout=0.1, patience=1.0)
    assert "no reply within" in message
    assert "models.openai.patience is 1 seconds; try again later" in message


def test_a_probe_is_a_handful_of_tiny_requests() -> None:
    with serve(Settings()) as server:
        make_openai("tiny", base_urls=[server.url]).close()
        log = server.stand_in.log
        assert len(log) <= 10
        assert all(seen.body["max_tokens"] <= 64 for seen in log)
        assert all(len(str(seen.body["messages"])) < 300 for seen in log)


def refusal(settings: Settings, name: str = "tiny", url: str = "", **options: object) -> str:
    with serve(settings) as server:
        with pytest.raises(InputError) as info:
            make_openai(name, base_urls=[url or server.url], **options)
        message = str(info.value)
        assert "\n" not in message
        return message


def test_an_unknown_model_is_named_with_what_there_is() -> None:
    message = refusal(Settings(), "tinny")
    assert "openai:tinny" in message
    assert "did you mean 'tiny'?" in message
    message = refusal(Settings(dialect=Dialect(models=500)), "tinny")
    assert "the server has no model 'tinny'" in message


def test_a_key_is_asked_for_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    message = refusal(Settings(key="sk-right-123456"))
    assert "set OPENAI_API_KEY" in message
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-123456")
    message = refusal(Settings(key="sk-right-123456"))
    assert "refused the key in OPENAI_API_KEY" in message
    assert "sk-wrong" not in message
    monkeypatch.setenv("OTHER", "sk-right-123456")
    with connected(Settings(key="sk-right-123456"), key_variable="OTHER") as (model, _):
        assert "sk-right" not in repr(vars(model)) + str(model.notes) + model.fingerprint


def test_nobody_there() -> None:
    message = refusal(Settings(), url="http://127.0.0.1:1/v1")
    assert "no connection" in message
    assert "is the server running" in message


def test_no_chat_server() -> None:
    with serve(Settings()) as server, pytest.raises(InputError, match="usually ends in /v1"):
        make_openai("tiny", base_urls=[server.url.replace("/v1", "/api")])


EMPTY = {"message": {"role": "assistant", "content": None}, "finish_reason": "stop"}
SILENT = {"message": {"role": "assistant", "content": " "}, "finish_reason": "stop"}


@pytest.mark.parametrize(
    ("status", "content", "said"),
    [
        (200, b"<html><title>Welcome</title></html>", "a web page instead of JSON (Welcome)"),
        (502, b"<html>Bad gateway</html>", "answered 502: a web page instead of JSON"),
        (200, {"choices": []}, "the reply holds no choices"),
        (200, {"choices": [EMPTY]}, "the reply holds no content"),
        (200, {"choices": [SILENT]}, "the reply holds no text"),
        (301, {}, "it wants another address"),
        (200, {"choices": None}, "the reply holds no choices"),
        (200, b"hello", "the reply is not JSON"),
        (200, b"", "the reply is empty"),
        (200, {"error": {"message": "the model is gone"}}, "the model is gone"),
    ],
)
def test_what_never_gives_a_reply_is_reported_after_a_few_tries(
    monkeypatch: pytest.MonkeyPatch, status: int, content: bytes | dict[str, object], said: str
) -> None:
    monkeypatch.setattr(probing, "_TRIES", 3)
    asked = []
    with serve(Settings()) as server:

        def answer(connection, method, path, headers, data):  # type: ignore[no-untyped-def]
            asked.append(path)
            connection.send(status, content)

        server.stand_in.handle = answer  # type: ignore[method-assign]
        with pytest.raises(InputError) as info:
            make_openai("tiny", base_urls=[server.url])
    assert said in str(info.value)
    assert asked.count("/v1/chat/completions") == 3


@pytest.mark.parametrize(
    ("status", "headers", "content", "said"),
    [
        (429, "retry-after: 86400\r\n", {}, "asks to wait 86400 seconds, but models.openai.pat"),
        (503, "retry-after: 301\r\n", {}, "asks to wait 301 seconds"),
        (200, "", {"error": {"code": 429, "message": "Try again in 2 hours."}}, "7200 seconds"),
        (429, "", {"error": {"message": "You exceeded your current quota"}}, "quota"),
    ],
)
def test_what_need_not_be_tried_again_is_reported_at_once(
    status: int, headers: str, content: dict[str, object], said: str
) -> None:
    asked = []
    with serve(Settings()) as server:

        def answer(connection, method, path, head, data):  # type: ignore[no-untyped-def]
            asked.append(path)
            connection.send(status, content, headers)

        server.stand_in.handle = answer  # type: ignore[method-assign]
        with pytest.raises(InputError) as info:
            make_openai("tiny", base_urls=[server.url])
    assert said in str(info.value)
    assert asked.count("/v1/chat/completions") == 1


def test_a_server_that_stays_busy() -> None:
    message = refusal(Settings(most=0, retry_after=0.1), patience=0.3)
    assert "429" in message
    assert "try again later" in message


def test_a_server_that_falls_silent_is_not_taken_to_lack_anything() -> None:
    message = refusal(Settings(faults=Faults(hang=1.0, spare=1)), patience=1.0)
    assert "no reply within 1 seconds, but models.openai.patience is 1 seconds" in message


def test_what_the_user_sends_is_not_asked_for() -> None:
    own = {"top_k": 7, "stop": ["x"]}
    with connected(extra_body=own) as (model, _):
        assert found(model) == dataclasses.replace(RICH, neutral=without("top_k"), stop=0)


def test_the_length_of_tokens_is_what_usage_tells() -> None:
    with connected() as (model, _):  # the stand-in has four characters to a token
        assert model._worker.dialect.tokens_per_character == pytest.approx(0.25, abs=0.01)
    with connected(Settings(dialect=POOR)) as (model, _):
        assert model._worker.dialect.tokens_per_character == 0


def test_openai_itself_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="set OPENAI_API_KEY"):
        make_openai("gpt")


def test_a_server_that_answers_to_any_name_is_reported() -> None:
    with serve(Settings()) as server:
        refused = server.stand_in.handle
        server.stand_in.settings = dataclasses.replace(server.stand_in.settings, model="other")

        def rename(connection, method, path, headers, data):  # type: ignore[no-untyped-def]
            data = data.replace(b'"model":"tiny"', b'"model":"other"')
            return refused(connection, method, path, headers, data)

        server.stand_in.handle = rename  # type: ignore[method-assign]
        model = make_openai("tiny", base_urls=[server.url])
        model.close()
        assert any("the server lists other and not 'tiny'" in note for note in model.notes)
