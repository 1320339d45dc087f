"""A stand-in for OpenAI-compatible servers on the loopback interface, for tests and benchmarks.

Its replies are a function of the request, its dialect and its faults are settings, and it counts
what it receives. It runs in a thread of its own (:func:`serve`) or in a process of its own
(:func:`serve_process`, or ``python -m tests.servers JSON``), speaks HTTP/1.1 with connections kept
alive, and holds thousands of requests in flight.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, NamedTuple

from debate_env.draws import Draws, digest
from tests.server_dialects import (
    POOR,
    Dialect,
    answer,
    beside,
    error_body,
    garbage,
    refusal,
    saying,
    signs,
)
from tests.server_replies import Body, Replier, count_tokens, request_key, speak
from tests.server_settings import Faults, Settings

__all__ = ["POOR", "Dialect", "Faults", "Seen", "Settings", "StandIn", "serve", "serve_process"]


class Seen(NamedTuple):
    """One chat request as the server saw it.

    Attributes:
        key: Digest of its messages and its seed.
        at: When it came, in seconds of ``time.monotonic``.
        outcome: ``"ok"``, ``"busy"`` (429 beyond the limit), ``"bad"`` (4xx), ``"gone"`` (the
            client left first), or the fault.
        seconds: From its arrival to its end.
        body: The request; empty unless bodies are kept.
    """

    key: bytes
    at: float
    outcome: str
    seconds: float
    body: Body


class Said(NamedTuple):
    """What the server says in place of a reply.

    Attributes:
        status: Of HTTP; 0: the connection is reset instead.
        content: JSON, or bytes as they are.
        headers: Lines of headers, each with its line end.
    """

    status: int
    content: Mapping[str, Any] | list[Any] | bytes = b""
    headers: str = ""


class _Work:
    """One chat request being worked on."""

    __slots__ = ("at", "body", "cached", "connection", "fault", "key", "timer")

    def __init__(self, connection: _Connection, body: Body, key: bytes, at: float) -> None:
        self.connection = connection
        self.body = body
        self.key = key
        self.at = at
        self.fault = ""
        self.cached = 0
        self.timer: asyncio.TimerHandle | None = None


class StandIn:
    """The server itself. Attributes may be read from any thread.

    Attributes:
        settings: May be replaced while it runs.
        counts: ``requests`` (chat), every outcome of :class:`Seen`, ``most_in_flight``,
            ``most_running``, ``connections`` (made), ``prompt_tokens``, ``computed_tokens``.
        log: Every chat request that ended, in that order.
        connections: Those that are open.
        says: Asked before anything else what to say to a path and a body; ``None``: what it would
            say anyway. May be replaced while it runs.
    """

    def __init__(
        self,
        settings: Settings,
        reply: Replier = speak,
    ) -> None:
        self.settings = settings
        self.says: Callable[[str, Body], Said | None] = lambda path, body: None
        self.counts: Counter[str] = Counter()
        self.log: list[Seen] = []
        self.connections: set[_Connection] = set()
        self._reply = reply
        self._times_seen: Counter[bytes] = Counter()
        self._waiting: deque[_Work] = deque()
        self._running: set[_Work] = set()
        self._hanging: set[_Work] = set()
        self._cached: OrderedDict[str, None] = OrderedDict()
        self._unseeded = 0

    # --- requests ---------------------------------------------------------------------------------

    def handle(
        self, connection: _Connection, method: str, path: str, headers: bytes, data: bytes
    ) -> None:
        """Answer one request, now or later."""
        settings = self.settings
        if path == "/health":
            return connection.send(200, {})
        if path == "/stats":
            return connection.send(200, {"counts": dict(self.counts)})
        said = self.says(path, json.loads(data) if data else {})
        if said is not None:
            self.counts["said"] += 1
            return connection.send(*said) if said.status else connection.transport.abort()
        expected = f"authorization: bearer {settings.key}".lower().encode()
        if settings.key is not None and expected not in headers.lower().split(b"\r\n"):
            return connection.send(401, error_body("Incorrect API key provided: " + _said(headers)))
        if (method, path) == ("GET", "/v1/models"):
            return self._models(connection)
        dialect = settings.dialect
        if (method, path) == ("POST", "/v1/chat/completions"):
            return self._chat(connection, data)
        found = beside(dialect, settings.model, settings.context, path, data)
        if found is not None:
            return connection.send(200, found)
        return connection.send(404, {"detail": "Not Found"})

    def _models(self, connection: _Connection) -> None:
        settings = self.settings
        if settings.dialect.models != 200:
            return connection.send(settings.dialect.models, error_body("no list of models"))
        entry: dict[str, Any] = {"id": settings.model, "owned_by": settings.dialect.owner}
        if settings.dialect.owner in ("", "vllm"):
            entry["max_model_len"] = settings.context
        return connection.send(200, {"object": "list", "data": [entry]})

    def _chat(self, connection: _Connection, data: bytes) -> None:
        settings, body = self.settings, json.loads(data)
        seed = body.get("seed") if body.get("temperature", 1) > 0 else None
        key = request_key(body["messages"], seed)
        work = _Work(connection, body, key, time.monotonic())
        connection.work = work
        self.counts["requests"] += 1
        self._times_seen[key] += 1
        in_flight = len(self._running) + len(self._waiting) + 1
        self.counts["most_in_flight"] = max(self.counts["most_in_flight"], in_flight)
        refused = refusal(body, settings.dialect, settings.model, settings.context)
        if refused is not None:
            return self._end(work, "bad", *refused)
        faults = settings.faults
        if self.counts["requests"] > faults.spare:
            work.fault = faults.draw(key, self._times_seen[key])
        if settings.most is not None and in_flight > settings.most:
            headers = _retry_after(settings.retry_after)
            return self._end(work, "busy", 429, error_body("too many requests in flight"), headers)
        if work.fault == "too_many":
            headers = _retry_after(faults.retry_after)
            return self._end(work, "too_many", 429, error_body("rate limit reached"), headers)
        if work.fault == "error":
            return self._end(work, "error", 500, error_body("internal server error"))
        if work.fault == "hang":
            self._hanging.add(work)
            return None
        self._waiting.append(work)
        return self._start()

    # --- slots ------------------------------------------------------------------------------------

    def _start(self) -> None:
        while self._waiting and len(self._running) < self.settings.slots:
            work = self._waiting.popleft()
            self._running.add(work)
            self.counts["most_running"] = max(self.counts["most_running"], len(self._running))
            seconds = self._seconds(work)
            if seconds > 0:
                loop = asyncio.get_running_loop()
                work.timer = loop.call_later(seconds, self._finish, work)
            else:
                self._finish(work)

    def _seconds(self, work: _Work) -> float:
        settings, messages = self.settings, work.body["messages"]
        prompt = count_tokens(messages)
        system = messages[0]["content"]
        hit = system in self._cached
        self._cached[system] = None
        self._cached.move_to_end(system)
        while len(self._cached) > settings.cached_passages:
            self._cached.popitem(last=False)
        computed = prompt - (count_tokens(messages[:1]) if hit else 0)
        self.counts["prompt_tokens"] += prompt
        self.counts["computed_tokens"] += computed
        work.cached = prompt - computed
        return settings.seconds + settings.uncached_seconds * computed

    def _finish(self, work: _Work) -> None:
        self._running.discard(work)
        if work.fault == "reset":
            self._end(work, "reset")
        elif work.fault in ("garbage", "signs"):  # others every time
            draws = Draws(digest(work.key.hex(), str(self._times_seen[work.key])))
            said = self._answer(work)
            is_noise = work.fault == "garbage"
            spoilt = garbage(said, draws) if is_noise else saying(said, signs(draws))
            self._end(work, work.fault, 200, spoilt)
        else:
            self._end(work, "ok", 200, self._answer(work))
        self._start()

    def left(self, work: _Work) -> None:
        """Take note that a client has gone away before its reply."""
        if work.timer is not None:
            work.timer.cancel()
        if work in self._waiting:
            self._waiting.remove(work)
        self._running.discard(work)
        hung = work in self._hanging
        self._hanging.discard(work)
        self._note(work, "hang" if hung else "gone")
        self._start()

    def _end(
        self,
        work: _Work,
        outcome: str,
        status: int = 0,
        content: Mapping[str, Any] | bytes = b"",
        headers: str = "",
    ) -> None:
        self._note(work, outcome)
        work.connection.work = None
        if status:
            work.connection.send(status, content, headers)
        else:
            work.connection.transport.abort()

    def _note(self, work: _Work, outcome: str) -> None:
        self.counts[outcome] += 1
        body = work.body if self.settings.keep_bodies else {}
        self.log.append(Seen(work.key, work.at, outcome, time.monotonic() - work.at, body))

    def _answer(self, work: _Work) -> Mapping[str, Any]:
        body, dialect = work.body, self.settings.dialect
        seeded = dialect.seed == "yes" and "seed" in body

        def key_of_choice(index: int) -> bytes:
            if seeded or body.get("temperature", 1) == 0:
                return work.key
            self._unseeded += 1
            return digest(work.key.hex(), str(self._unseeded))

        return answer(body, dialect, key_of_choice, self._reply, work.cached)


def _retry_after(seconds: float | None) -> str:
    return "" if seconds is None else f"retry-after: {seconds:g}\r\n"


def _said(headers: bytes) -> str:
    lines = [line for line in headers.decode("latin-1").split("\r\n") if ":" in line]
    return next((x for x in lines if x.lower().startswith("authorization")), "none")


class _Connection(asyncio.Protocol):
    """One connection; one request at a time, as clients without pipelining send them."""

    def __init__(self, server: StandIn) -> None:
        self.server = server
        self.buffer = bytearray()
        self.work: _Work | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.counts["connections"] += 1
        self.server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end])
        length = 0
        for line in head.split(b"\r\n"):
            if line[:15].lower() == b"content-length:":
                length = int(line[15:])
        if len(self.buffer) < end + 4 + length:
            return
        body = bytes(self.buffer[end + 4 : end + 4 + length])
        del self.buffer[: end + 4 + length]
        first, _, headers = head.partition(b"\r\n")
        method, path, _ = first.decode("latin-1").split(" ")
        self.server.handle(self, method, path, headers, body)

    def send(
        self, status: int, content: Mapping[str, Any] | list[Any] | bytes, headers: str = ""
    ) -> None:
        """Write one reply."""
        kind = "text/html" if isinstance(content, bytes) else "application/json"
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        head = (
            f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n"
            f"content-length: {len(data)}\r\n{headers}\r\n"
        )
        self.transport.write(head.encode() + data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.connections.discard(self)
        work, self.work = self.work, None
        if work is not None:
            self.server.left(work)


# --- running it -----------------------------------------------------------------------------------


class ThreadServer:
    """The server in a thread of this process.

    Attributes:
        stand_in: The server; see :class:`StandIn` for what it counts and logs.
        port: Its port.
        url: Its base URL.
    """

    def __init__(self, stand_in: StandIn, port: int = 0) -> None:
        self.stand_in = stand_in
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self.port = port
        self._thread = threading.Thread(target=self._run, name="stand-in server", daemon=True)
        self._thread.start()
        assert self._ready.wait(300)
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def _run(self) -> None:
        async def listen() -> asyncio.Server:
            return await self._loop.create_server(
                lambda: _Connection(self.stand_in), "127.0.0.1", self.port, backlog=4096
            )

        server = self._loop.run_until_complete(listen())
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for connection in list(self.stand_in.connections):
            connection.transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def stop(self) -> None:
        """Stop listening and reset every connection, as a server that dies."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)


@contextmanager
def serve(
    settings: Settings | None = None,
    reply: Replier = speak,
    port: int = 0,
) -> Iterator[ThreadServer]:
    """Run the server in a thread.

    Args:
        settings: How it behaves.
        reply: Makes the replies.
        port: Where it listens; 0: anywhere.
    """
    server = ThreadServer(StandIn(settings or Settings(), reply), port)
    try:
        yield server
    finally:
        server.stop()


class ProcessServer(NamedTuple):
    """The server in a process of its own, with the default replies.

    Attributes:
        url: Its base URL.
        pid: Its process.
    """

    url: str
    pid: int

    def counts(self) -> Counter[str]:
        """What it counted so far."""
        with urllib.request.urlopen(self.url.removesuffix("/v1") + "/stats") as reply:
            return Counter(json.load(reply)["counts"])


@contextmanager
def serve_process(settings: Settings) -> Iterator[ProcessServer]:
    """Run the server in a process of its own, so that it takes no time of this one."""
    command = [sys.executable, "-m", "tests.servers", json.dumps(asdict(settings))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port, "the server did not start"
        yield ProcessServer(f"http://127.0.0.1:{port}/v1", process.pid)
    finally:
        process.terminate()
        process.wait(10)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _main(text: str) -> None:
    values = json.loads(text)
    dialect, faults = Dialect(**values.pop("dialect", {})), Faults(**values.pop("faults", {}))
    server = ThreadServer(StandIn(Settings(**values, dialect=dialect, faults=faults)))
    print(server.port, flush=True)
    sys.stdin.read()  # ends with the process that started this one


if __name__ == "__main__":
    _main(sys.argv[1])
