"""What servers say, in the words of several, and what a user sees of it: one table, one runner.

Four debates are played on a server on the loopback interface. A row says what the server answers in
place of its replies, to whom, and what comes of it: the work goes on as if nothing had been, one
debate fails with a kind, the work stops so that it can go on later, or it never begins. The user
is told in one line.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

import pytest

from debate_env.core.settings import DebateSettings
from debate_env.errors import InputError
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.judge import ModelJudge
from debateqd.agents.models.base import ChatModel, Sampling, StoppedError
from debateqd.agents.models.openai import make_openai
from debateqd.agents.models.redraw import RedrawnModel
from debateqd.agents.rollout import DebateJob, DebateRecord, play
from tests.agents.fakes import question
from tests.agents.models.openai.helpers import ask, connected, wait_for
from tests.servers import POOR, Dialect, Said, Settings, serve

KEY = "sk-secret-abcdef-123456"
DEBATES = 4
HIT = 2  # the debate whose requests "one" means
PAGE = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body></body></html>"

Whom = Literal["once", "one", "all", "start"]
Words = Callable[[str, str], Mapping[str, Any] | list[Any]]
"""An error in the form of some server, of its message and its code word."""


def openai(message: str, code: str = "") -> Mapping[str, Any]:
    return {"error": {"message": message, "type": "some_error", "param": None, "code": code}}


def vllm(message: str, code: str = "") -> Mapping[str, Any]:
    return {"object": "error", "message": message, "type": code or "BadRequestError", "code": 400}


def llama(message: str, code: str = "") -> Mapping[str, Any]:
    return {"error": {"code": 400, "message": message, "type": code or "server_error"}}


def ollama(message: str, code: str = "") -> Mapping[str, Any]:
    return {"error": f"{message} {code}".strip()}


def google(message: str, code: str = "") -> list[Any]:
    return [{"error": {"code": 400, "message": message, "status": code.upper()}}]


def fastapi(message: str, code: str = "") -> Mapping[str, Any]:
    return {"detail": f"{message} {code}".strip()}


SERVERS: Mapping[str, tuple[Dialect, Words]] = {
    "openai": (Dialect(structured_choice="refused", tokenize=""), openai),
    "vllm": (Dialect(owner="vllm"), vllm),
    "llama.cpp": (
        Dialect(structured_choice="ignored", tokenize="template", owner="llamacpp"),
        llama,
    ),
    "ollama": (Dialect(logprobs="ignored", n="ignored", structured_choice="ignored"), ollama),
    "google": (Dialect(logprobs="refused", structured_choice="refused"), google),
    "router": (replace(POOR, seed="yes"), fastapi),
}
"""How servers differ: what they understand, and the form of their errors."""


@dataclass(frozen=True)
class Row:
    """What a server says, and what a user sees.

    Attributes:
        name: Of the row.
        says: The status, and the message of an error in the server's own form, with a code word
            after a bar; or a body as it is.
        whom: ``"once"``: every request the first time; ``"one"``: those of one debate, always;
            ``"all"``: all of them, from some moment on; ``"start"``: all of them, always.
        sees: ``"goes on"``, ``"stops"``, ``"never begins"``; of debates that are hit the kind of
            failure, or ``"another verdict"``.
        line: What is in the line that the user sees, if there is one.
        headers: Of what the server says.
        on: Servers that may say so; all by default.
    """

    name: str
    says: tuple[int, str | bytes | Mapping[str, Any] | list[Any]]
    whom: Whom
    sees: str
    line: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    on: tuple[str, ...] = tuple(SERVERS)


def reply(**changes: Any) -> Mapping[str, Any]:
    """A reply that is good but for what is changed."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "It was the lamp."},
        "finish_reason": "stop",
        **changes,
    }
    return {"object": "chat.completion", "choices": [choice], "usage": {"prompt_tokens": 9}}


def text(content: Any, **changes: Any) -> Mapping[str, Any]:
    return reply(message={"role": "assistant", "content": content}, **changes)


OPENAI, ROUTER = ("openai",), ("router",)
FEW = ("vllm", "router")
TROUBLE: Mapping[str, tuple[tuple[int, str | bytes | Mapping[str, Any] | list[Any]], str]] = {
    "a reset connection": ((0, b""), "the connection broke"),
    "a web page with status 502": ((502, PAGE), "502: a web page .*502 Bad Gateway"),
    "a web page with status 200": ((200, PAGE), "a web page .*502 Bad Gateway"),
    "no choices": ((200, {"choices": []}), "no choices"),
    "null for choices": ((200, {"choices": None}), "no choices"),
    "null": ((200, b"null"), "no choices"),
    "an empty body": ((200, b""), "the reply is empty"),
    "half a reply": ((200, json.dumps(reply()).encode()[:60]), "not JSON"),
    "no content": ((200, text(None)), "no content"),
    "an error with status 200": ((200, openai("it broke")), "it broke"),
    "an error with status 500": ((500, "CUDA out of memory"), "500: CUDA out of memory"),
    "a model that is loaded": ((503, "Loading model"), "503: Loading model"),
    "too many requests": ((429, "Rate limit reached|rate_limit_exceeded"), "429: Rate limit"),
    "an overload": ((529, "Overloaded|overloaded_error"), "529: Overloaded"),
    "a gateway without its server": ((504, b"upstream request timeout"), "504: upstream"),
}
"""What passes, and what a user reads of it where it does not."""

PERMANENT: Mapping[str, tuple[tuple[int, str], str, str]] = {
    "no such field": ((400, "Unknown field: top_k"), "engine_error", "400: Unknown field"),
    "a wrong key": ((401, "Incorrect API key"), "engine_error", "401: Incorrect API key"),
    "an account without rights": ((403, "You have no access"), "engine_error", "403: You have no"),
    "another model": ((404, "The model is gone"), "engine_error", "404: The model is gone"),
    "a body too large": ((413, "Request Entity Too Large"), "engine_error", "413: Request"),
    "no credit left": ((402, "Insufficient credits"), "engine_error", "402: Insufficient credits"),
    "a quota that is spent": (
        (429, "You exceeded your current quota|insufficient_quota"),
        "rate_limited",
        "429: You exceeded your current quota",
    ),
}

CONTEXT = {
    "openai": "This model's maximum context length is 8192 tokens. However, your messages resulted "
    "in 9000 tokens.|context_length_exceeded",
    "vllm": "The decoder prompt (length 9000) is longer than the maximum model length of 8192.",
    "llama.cpp": "the request exceeds the available context size, try increasing it"
    "|exceed_context_size_error",
    "ollama": "the input length exceeds the context length",
    "google": "The input token count (9000) exceeds the maximum number of tokens allowed (8192)."
    "|invalid_argument",
    "router": "Requested token count exceeds the model's maximum context length of 8192 tokens.",
}

FILTERS = {
    "of azure": (400, "The response was filtered due to the prompt|content_filter"),
    "of openai": (400, "Your request was rejected by our safety system|content_policy_violation"),
    "of deepseek": (400, "Content Exists Risk|invalid_request_error"),
    "of qwen": (400, "Input data may contain inappropriate content|data_inspection_failed"),
    "of a router": (403, "Your chosen model requires moderation and your input was flagged"),
}

ROWS = [
    *(
        Row(name, says, whom, sees, line, on=tuple(SERVERS) if isinstance(says[1], str) else FEW)
        for trouble, (says, said) in TROUBLE.items()
        for name, whom, sees, line in (
            (f"once {trouble}", "once", "goes on", ""),
            (f"only {trouble}", "all", "stops", said),
            (f"{trouble} at the start", "start", "never begins", said),
        )
    ),
    *(Row(n, says, "one", kind, line) for n, (says, kind, line) in PERMANENT.items()),
    *(
        Row(f"a prompt too long for {n}", (400, words), "one", "context_too_long", "400: ", on=(n,))
        for n, words in CONTEXT.items()
    ),
    *(Row(f"a filter {n}", says, "one", "refused", "refused") for n, says in FILTERS.items()),
    # Waits.
    *(
        Row(f"a day: {says[1]} {headers}", says, "all", "stops", "wait for 86,400 s", headers, FEW)
        for says, headers in (
            ((429, "Too many"), {"retry-after": "86400"}),
            ((503, "Closed"), {"retry-after": "86400"}),
            ((429, "Please try again in 24h."), {}),
            ((429, "Too many"), {"retry-after-ms": "86400000"}),
            (
                (429, "Too many"),
                {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1d"},
            ),
        )
    ),
    *(
        Row(f"a moment: {said} {headers}", (429, said), "once", "goes on", headers=headers, on=FEW)
        for said, headers in (
            ("Too many", {"retry-after": "0.05"}),
            ("Try again in 50ms.", {}),
            ("Too many", {"retry-after": "soon"}),
            ("Too many", {"retry-after": "-5"}),
            ("You exceeded your current quota. Please retry in 0.05s.|insufficient_quota", {}),
        )
    ),
    # Addresses.
    Row(
        "another address",
        (307, b""),
        "all",
        "stops",
        "another address, https://new.test/v1; give that one",
        {"location": "https://new.test/v1"},
    ),
    Row(
        "another address at the start",
        (301, b""),
        "start",
        "never begins",
        "another address, https://[^ ]*new.test/v1; give that one",
        {"location": "https://me:password-123456@new.test/v1"},
    ),
    Row("no chat there", (404, b"Not Found"), "start", "never begins", "ends in /v1"),
    Row(
        "no such method there", (405, "Method Not Allowed"), "start", "never begins", "405: Method"
    ),
    Row(
        "a key is wanted", (401, "No key"), "start", "never begins", "refused the key in OPENAI_API"
    ),
    Row("a key is shown", (401, f"Wrong key {KEY}"), "start", "never begins", r"Wrong key \[key\]"),
    Row(
        "a key is shown in part",
        (401, f"Wrong key {KEY[:5]}****{KEY[-4:]}"),
        "one",
        "engine_error",
        r"Wrong key \[key\]",
    ),
    # How a reply ended.
    *(
        Row(
            f"ended by {word!r}",
            (200, text("A", finish_reason=word)),
            "one",
            "another verdict",
            on=ROUTER,
        )
        for word in ("stop", "eos_token", "end_turn", "STOP", "FinishReason.STOP", "completed")
    ),
    *(
        Row(
            f"refused by {word!r}",
            (200, text("A", finish_reason=word)),
            "one",
            "refused",
            on=OPENAI,
        )
        for word in ("content_filter", "SAFETY", "PROHIBITED_CONTENT", "RECITATION", "guardrail")
    ),
    *(
        Row(
            f"a verdict cut by {word!r}",
            (200, text("A", finish_reason=word)),
            "one",
            "unparsable_verdict",
            on=ROUTER,
        )
        for word in ("length", "MAX_TOKENS", "max_output_tokens", "model_length", "new_word", None)
    ),
    *(
        Row(f"broken off by {word!r}", (200, text("A", finish_reason=word)), "all", "stops", word)
        for word in ("error", "abort", "cancelled", "network_error")
    ),
    # Shapes of a reply.
    Row(
        "content in parts",
        (200, text([{"type": "text", "text": "A"}])),
        "one",
        "another verdict",
        on=ROUTER,
    ),
    Row(
        "thinking in channels",
        (
            200,
            text(
                "<|channel|>analysis<|message|>B or A?<|end|>"
                "<|start|>assistant<|channel|>final<|message|>A"
            ),
        ),
        "one",
        "another verdict",
        on=ROUTER,
    ),
    Row("only thinking", (200, text("<think>A or B? I would")), "one", "truncated", on=ROUTER),
    Row(
        "a call of a tool",
        (200, reply(message={"content": None, "tool_calls": [{}]})),
        "all",
        "stops",
        "no content",
        on=FEW,
    ),
    *(
        Row(f"{whom} {said!r}", (200, text(said)), whom, sees, line, on=FEW)
        for said, line in (
            (" \n", "wrote nothing, which is no language"),
            ("It \ufffd was the lamp.", "no language"),
            ("&*~@###&zx ^qx %$ {}| =+^^ ~~qz", "wrote '&.*no language"),
            ("lamp lamp lamp lamp lamp lamp lamp lamp lamp", "wrote 'lamp.*no language"),
        )
        for whom, sees, line in (("once", "goes on", ""), ("all", "bad_reply", line))
    ),
    Row(
        "a refusal in a field",
        (200, reply(message={"content": None, "refusal": "No."})),
        "one",
        "refused",
        "No.",
    ),
]


def debates(model: ChatModel) -> Iterator[DebateJob]:
    sampling = Sampling(60, 0.8)
    agents = {
        "debater_0": StrategyDebater(model, "Be brief.", sampling=sampling),
        "debater_1": StrategyDebater(model, "Be bold.", sampling=sampling),
        "judge_0": ModelJudge(model),
    }
    rules = DebateSettings(rounds=1)
    for n in range(DEBATES):
        asked = replace(question(n), question=f"What was on the sill of house {n}?")
        yield DebateJob(str(n), asked, agents, n, rules)


def left_by(record: DebateRecord) -> tuple[Any, ...]:
    return record.outcome.credence, record.speeches, record.failure


def connect(url: str, patience: float = 60.0) -> RedrawnModel:
    return RedrawnModel(make_openai("tiny", base_urls=(url,), patience=patience))


@cache
def undisturbed(server: str) -> Mapping[str, tuple[Any, ...]]:
    """What the debates on a server leave when nothing is wrong."""
    with serve(Settings(dialect=SERVERS[server][0])) as running:
        model = connect(running.url)
        found = {record.job.job_id: left_by(record) for record in play(debates(model))}
        model.close()
        return found


def answer_of(row: Row, words: Words) -> Said:
    status, content = row.says
    if isinstance(content, str):
        content = words(*f"{content}|".split("|")[:2])
    return Said(status, content, "".join(f"{n}: {v}\r\n" for n, v in row.headers.items()))


def script(row: Row, words: Words) -> Callable[[str, Any], Said | None]:
    """What the server says in place of its replies."""
    said, seen = answer_of(row, words), Counter[str]()

    def says(path: str, body: Any) -> Said | None:
        if row.whom == "start":
            return said
        if not path.endswith("/chat/completions"):
            return None
        asked = json.dumps([body["messages"], body.get("seed")])
        seen[asked] += 1
        hit = {"once": seen[asked] == 1, "one": f"house {HIT}?" in asked, "all": True}[row.whom]
        return said if hit else None

    return says


def play_row(server: str, row: Row, told: Sequence[str]) -> tuple[str, str]:
    """Play the debates; return what a user sees, and the line that is said."""
    dialect, words = SERVERS[server]
    begun = len(told)  # lines before that are of another server, perhaps on the same port
    with serve(Settings(dialect=dialect)) as running:
        if row.whom == "start":
            running.stand_in.says = script(row, words)
        try:
            model = connect(running.url, 0.3 if row.whom in ("all", "start") else 60.0)
        except InputError as error:
            assert running.stand_in.counts["said"] < 60
            return "never begins", str(error)
        running.stand_in.says = script(row, words)
        try:
            found = {record.job.job_id: record for record in play(debates(model))}
        except StoppedError as error:
            lines = [line for line in told[begun:] if running.url in line]
            assert len(lines) <= 2, f"told in {len(lines)} lines"
            return "stops", str(error)
        finally:
            model.close()
    assert running.stand_in.counts["said"], "nobody was told what the row says"
    others = undisturbed(server)
    hit = {name for name, record in found.items() if left_by(record) != others[name]}
    if not hit:
        return "goes on", ""
    assert hit == ({str(HIT)} if row.whom == "one" else set(others)), f"debates {hit} were hit"
    failure = found[str(HIT)].failure
    return (failure.kind, failure.message) if failure else ("another verdict", "")


def problem(server: str, row: Row, told: Sequence[str]) -> str:
    """Play a row; return what is wrong, if anything."""
    try:
        sees, line = play_row(server, row, told)
    except Exception as error:  # noqa: BLE001  (told with the row that it belongs to)
        return f"{type(error).__name__}: {error}"
    if sees != row.sees or not re.search(row.line, line):
        return f"{sees}: {line}"
    if "\n" in line or len(line) > 700 or KEY in line or "123456" in line:
        return f"not for a user to read: {line}"
    return ""


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.mark.parametrize("server", SERVERS)
def test_a_user_sees_what_there_is_to_see(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    rows = [row for row in ROWS if server in row.on]
    assert len({row.name for row in rows}) == len(rows)
    undisturbed(server)
    handler, log = Lines(), logging.getLogger("debateqd.agents.models.openai")
    log.addHandler(handler)
    try:
        with ThreadPoolExecutor(16) as pool:  # nearly all the time is spent on waiting
            found = pool.map(lambda row: problem(server, row, handler.lines), rows)
            problems = {row.name: said for row, said in zip(rows, found, strict=True) if said}
    finally:
        log.removeHandler(handler)
    assert not problems, "\n".join(f"{name}: {said}" for name, said in problems.items())


def test_a_server_in_trouble_is_told_at_once_and_then_now_and_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    closed = Said(503, openai("Closed for the night"), "retry-after: 50\r\n")
    with connected(patience=60.0) as (model, server):
        server.stand_in.says = lambda path, body: closed
        model.submit([(0, ask())])
        wait_for(lambda: caplog.records)
        worker = model._worker
        (replica,) = worker.queue.replicas
        begun, replica.paused_until = worker._loop.time(), float("inf")
        for quarter in range(4 * 600):  # ten minutes go by
            worker._tell(replica, begun + quarter / 4)
        said = [record.getMessage() for record in caplog.records]
        assert 3 <= len(said) <= 6
        assert all("503: Closed for the night" in line for line in said)
        assert all("for 60 seconds at most" in line for line in said)
