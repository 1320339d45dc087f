from __future__ import annotations

import dataclasses

import pytest

from debate_env.errors import InputError
from debateqd.agents.models.openai import OpenAIModel, make_openai
from debateqd.agents.models.openai.wire import Dialect as Found
from tests.agents.models.openai.helpers import connected
from tests.servers import POOR, Dialect, Faults, Settings, serve

RICH = Found(
    logprobs=20,
    seeds="honoured",
    n=True,
    choice=True,
    masked=True,
    schema=True,
    context_length=16384,
    tokenizes=True,
)
PLAIN = Found(seeds="ignored", usage=False)


def found(model: OpenAIModel) -> Found:
    return model._worker.dialect


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
        ({"n": "ignored"}, dataclasses.replace(RICH, n=False)),
        ({"n": "refused"}, dataclasses.replace(RICH, n=False)),
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
        ({"sampling": False}, dataclasses.replace(RICH, temperature=False, top_p=False)),
        (
            {"sampling": False, "max_tokens": False},
            dataclasses.replace(
                RICH, temperature=False, top_p=False, max_tokens_field="max_completion_tokens"
            ),
        ),
        ({"models": 500}, dataclasses.replace(RICH, context_length=None)),
        ({"models": 404}, dataclasses.replace(RICH, context_length=None)),
        ({"usage": False}, dataclasses.replace(RICH, usage=False)),
        ({"tokenize": False}, dataclasses.replace(RICH, tokenizes=False)),
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
        assert "log-probabilities no, seed ignored, n no, structured choice no" in note
        assert "verdicts come from the letter in the reply" in note


def test_a_server_that_refuses_everything_is_found_out() -> None:
    dialect = Dialect(
        logprobs="refused",
        seed="refused",
        n="refused",
        structured_choice="refused",
        json_schema="refused",
        max_tokens=False,
        sampling=False,
        models=404,
        tokenize=False,
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
            f"openai:tiny at {server.url}: log-probabilities yes (20), seed yes, n yes, structured "
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


def test_a_probe_is_a_handful_of_tiny_requests() -> None:
    with serve(Settings()) as server:
        make_openai("tiny", base_urls=[server.url]).close()
        log = server.stand_in.log
        assert len(log) <= 8
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
    assert "no such model" in message


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


def test_a_web_page_is_no_chat_server() -> None:
    with serve(Settings()) as server:
        server.stand_in.handle = (  # type: ignore[method-assign]
            lambda connection, *request: connection.send(200, b"<html>Welcome</html>")
        )
        with pytest.raises(InputError, match="a web page"):
            make_openai("tiny", base_urls=[server.url], patience=0.5)


def test_a_server_that_stays_busy() -> None:
    message = refusal(Settings(most=0, retry_after=0.1), patience=0.3)
    assert "429" in message
    assert "try again later" in message


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
