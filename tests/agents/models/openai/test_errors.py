from __future__ import annotations

import json
import ssl
from email.utils import formatdate

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey, RequestInfo
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from debateqd.agents.models.openai.errors import (
    Trouble,
    code_in,
    from_exception,
    from_garbage,
    from_status,
    scrub,
    wanted_wait,
)

NOW = 1_800_000_000.0


def status(code: int, message: str = "", headers: dict[str, str] | None = None) -> Trouble:
    body = json.dumps({"error": {"message": message}}).encode()
    return from_status(code, headers or {}, body, NOW, "sk-secret-abcdef")


@pytest.mark.parametrize(
    ("code", "fate", "kind"),
    [
        (400, "permanent", "engine_error"),
        (401, "permanent", "engine_error"),
        (403, "permanent", "engine_error"),
        (404, "permanent", "engine_error"),
        (413, "permanent", "engine_error"),
        (422, "permanent", "engine_error"),
        (408, "timeout", "timeout"),
        (429, "refused", "rate_limited"),
        (503, "refused", "rate_limited"),
        (529, "refused", "rate_limited"),
        (500, "broken", "engine_error"),
        (502, "broken", "engine_error"),
        (504, "broken", "engine_error"),
        (307, "broken", "engine_error"),
    ],
)
def test_a_status_decides_what_happens_next(code: int, fate: str, kind: str) -> None:
    trouble = status(code, "no")
    assert (trouble.fate, trouble.kind, trouble.status) == (fate, kind, code)
    assert "\n" not in trouble.message


@pytest.mark.parametrize(
    ("message", "numbers"),
    [
        (
            "This model's maximum context length is 16384 tokens. However, your prompt contains "
            "20,001 input tokens, which exceeds this limit even without any output tokens.",
            (16384, 20001),
        ),
        ("Input length (1500) exceeds model's maximum context length (1024).", (1024, 1500)),
        (
            "This model's maximum context length is 8192 tokens. However, you requested 9000 "
            "tokens (8900 in the messages, 100 in the completion).",
            (8192, 9000),
        ),
        (
            "the request exceeds the available context size. try increasing it (n_ctx 4096, "
            "n_prompt_tokens 5000)",
            (4096, 5000),
        ),
        ("prompt is too long: 210000 tokens > 200000 maximum", (200000, 210000)),
    ],
)
def test_an_overflow_is_recognised_with_its_context(message: str, numbers: tuple[int, int]) -> None:
    trouble = status(400, message)
    assert trouble.kind == "context_too_long"
    assert trouble.fate == "permanent"
    assert str(numbers[0]) in trouble.message.replace(",", "")


def test_other_refusals_are_no_overflow() -> None:
    assert status(400, "Unsupported parameter: 'seed'").kind == "engine_error"


def test_a_spent_quota_is_permanent_unless_it_comes_back() -> None:
    said = "You exceeded your current quota, please check your plan and billing"
    trouble = status(429, said)
    assert (trouble.fate, trouble.kind) == ("permanent", "rate_limited")
    for message, headers in (
        (said, {"retry-after": "40"}),
        (said + ". Please retry in 40s.", {}),
        (said, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "40s"}),
    ):
        trouble = status(429, message, headers)
        assert (trouble.fate, trouble.kind, trouble.wait) == ("refused", "rate_limited", 40.0)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, {"code": "content_filter", "message": "The response was filtered."}),
        (400, {"code": "content_policy_violation", "message": "Rejected by our safety system."}),
        (400, {"message": "x", "innererror": {}, "type": "ResponsibleAIPolicyViolation"}),
        (400, {"message": "Content Exists Risk", "type": "invalid_request_error"}),
        (400, {"code": "data_inspection_failed", "message": "Input may be unsuitable."}),
        (403, {"code": 403, "message": "Your input was flagged: it requires moderation."}),
        (422, {"message": "sensitive content in the prompt"}),
    ],
)
def test_a_filter_before_the_model_is_no_fault_of_the_engine(
    code: int, error: dict[str, object]
) -> None:
    trouble = from_status(code, {}, json.dumps({"error": error}).encode(), NOW)
    assert (trouble.fate, trouble.status) == ("filtered", code)


@pytest.mark.parametrize("message", ["unknown field: safety_identifier", "no filter named x"])
def test_other_refusals_are_no_filter(message: str) -> None:
    assert status(400, message).fate == "permanent"


@pytest.mark.parametrize("code", [0, 429])
def test_garbage_in_the_words_of_a_server_holds_no_key_and_any_character(code: int) -> None:
    said = "no\nlight for sk-secret-abcdef \ud83d"
    trouble = from_garbage(said, code, {"retry-after": "7"}, NOW, "sk-secret-abcdef")
    assert (trouble.fate, trouble.wait) == (("refused", 7.0) if code else ("garbage", None))
    assert "no light for [key] ?" in trouble.message


def test_a_redirect_says_where_to() -> None:
    trouble = from_status(308, {"location": "https://u:pw@new.test/v1"}, b"", NOW)
    assert (trouble.fate, trouble.status) == ("broken", 308)
    assert "https://[hidden]@new.test/v1; give that one" in trouble.message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": {"message": "busy", "code": 429}}, 429),
        ({"error": {"message": "busy", "code": "503"}}, 503),
        ({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, 429),
        ({"error": {"message": "x", "status": "RESOURCE_EXHAUSTED", "code": 8}}, 429),
        ([{"error": {"message": "overloaded", "code": 529}}], 529),
        ({"error": {"message": "no", "code": "content_filter"}}, 400),
        ({"error": {"message": "no", "code": "context_length_exceeded"}}, 400),
        ({"error": "it broke"}, 0),
        ({"message": "no", "status_code": 404}, 404),
        (None, 0),
        ([[[[[]]]]], 0),
    ],
)
def test_an_error_stands_for_a_status(body: object, code: int) -> None:
    assert code_in(body) == code


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": formatdate(NOW + 30, usegmt=True)}, 30.0),
        ({"retry-after": formatdate(NOW - 30, usegmt=True)}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"}, 90.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "9s"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int((NOW + 8) * 1000))}, 8.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW + 8))}, 8.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "8"}, 8.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "whenever"}, None),
        ({"x-ratelimit-remaining": "0"}, None),
    ],
)
def test_how_long_to_wait_in_headers(headers: dict[str, str], wait: float | None) -> None:
    found = wanted_wait(headers, NOW)
    assert found == (None if wait is None else pytest.approx(wait))
    assert status(429, "slow down", headers).wait == (None if wait is None else pytest.approx(wait))


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("Rate limit reached. Please try again in 1.5s. Visit us.", 1.5),
        ("Please try again in 6m0s.", 360.0),
        ("please retry after 26 seconds", 26.0),
        ("Retry in 250ms", 0.25),
        ("try again in 1 hour 30 minutes", 5400.0),
        ("try again later", None),
        ("try again in a moment", None),
    ],
)
def test_how_long_to_wait_in_words(said: str, wait: float | None) -> None:
    assert status(429, said).wait == wait
    assert wanted_wait({"retry-after": "7"}, NOW, said) == 7.0


HOST = ConnectionKey("example.test", 443, True, True, None, None, None)
REQUEST = RequestInfo(URL("http://u:pass@proxy.test"), "CONNECT", CIMultiDictProxy(CIMultiDict()))


@pytest.mark.parametrize(
    ("error", "fate", "said"),
    [
        (
            aiohttp.ClientConnectorError(HOST, OSError(111, "Connect call failed")),
            "unreachable",
            "no connection: Connect call failed",
        ),
        (
            aiohttp.ClientConnectorDNSError(HOST, OSError(-2, "Name or service not known")),
            "unreachable",
            "no connection: Name or service not known",
        ),
        (
            aiohttp.ClientProxyConnectionError(HOST, OSError(111, "Connect call failed")),
            "unreachable",
            "no connection through the proxy",
        ),
        (
            aiohttp.ClientHttpProxyError(REQUEST, (), status=407, message="login"),
            "unreachable",
            "no connection through the proxy: 407",
        ),
        (aiohttp.InvalidURL("http://"), "unreachable", "no connection: http://"),
        (aiohttp.ConnectionTimeoutError("x"), "unreachable", "no connection in time"),
        (
            aiohttp.ClientConnectorCertificateError(HOST, ssl.SSLCertVerificationError("self")),
            "unreachable",
            "its certificate is not trusted",
        ),
        (
            aiohttp.ClientConnectorSSLError(HOST, ssl.SSLError(1, "WRONG_VERSION_NUMBER")),
            "unreachable",
            "no TLS there (WRONG_VERSION_NUMBER); does its address begin with http://?",
        ),
        (aiohttp.SocketTimeoutError("x"), "timeout", "no reply in time"),
        (TimeoutError(), "timeout", "no reply in time"),
        (aiohttp.TooManyRedirects(REQUEST, ()), "permanent", "without end"),
        (aiohttp.ServerDisconnectedError(), "reset", "Server disconnected"),
        (aiohttp.ClientPayloadError("not all of it"), "reset", "broke: not all of it"),
        (aiohttp.ClientOSError(104, "Connection reset by peer"), "reset", "reset by peer"),
        (ConnectionResetError(), "reset", "broke: ConnectionResetError"),
    ],
)
def test_what_a_client_raises_is_classified(error: Exception, fate: str, said: str) -> None:
    outer = RuntimeError("Connection error.")
    outer.__cause__ = error
    for raised in (error, outer):
        trouble = from_exception(raised)
        assert trouble.fate == fate
        assert trouble.kind == ("timeout" if fate == "timeout" else "connection")
        assert said in trouble.message
        assert "pass" not in trouble.message


def test_no_key_is_ever_echoed() -> None:
    key = "sk-secret-abcdef"
    for text in (
        f"Incorrect API key provided: {key}.",
        "Incorrect API key provided: sk-s****cdef.",
        f"headers: Authorization: Bearer {key}",
        "authorization=Basic dXNlcjpwdw==",
        f"bearer {key[:10]}",
        "GET http://me:dXNlcjpwdw@proxy.test/v1",
    ):
        shown = scrub(text, key)
        assert key[:10] not in shown
        assert "cdef" not in shown
        assert "dXNl" not in shown
    assert "sk-secret" not in status(401, f"bad key {key}").message
    assert scrub("none of this", "") == "none of this"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", ""),
        (b"<!DOCTYPE html><html></html>", "a web page instead of JSON"),
        (b"<html><title>502 Bad\nGateway</title>", "a web page instead of JSON (502 Bad Gateway)"),
        (b'[{"error": {"message": "no", "status": "NOT_FOUND"}}]', "no (NOT_FOUND)"),
        (b'{"error": "Bad Request", "message": "no seed here"}', "no seed here"),
        (b'{"error": [{"message": "first"}, {"message": "second"}]}', "first"),
        (b"upstream gone\n", "upstream gone"),
        (b'{"error": "model not found"}', "model not found"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b'{"message": "no"}', "no"),
        (b'{"error": {"message": "no", "code": "bad"}}', "no (bad)"),
        (b'{"detail": [{"msg": "field required"}]}', "field required"),
        (b"[1, 2]", ""),
        (b"\xff\xfe", ""),
    ],
)
def test_every_error_body_is_survived(data: bytes, said: str) -> None:
    trouble = from_status(500, {}, data, NOW)
    assert said in trouble.message
    assert len(trouble.message) <= 300
