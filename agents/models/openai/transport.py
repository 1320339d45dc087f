"""HTTP/1.1 for the client of OpenAI-compatible servers, with a tenth of the usual overhead.

The ``openai`` package lets its HTTP client be given another transport. The default one spends two
to five milliseconds of processor time on a request when hundreds are in flight, more than the rest
of a debate; this one writes a request in one piece, reads the reply with one protocol object per
connection, keeps connections open, and takes a tenth of a millisecond. Behind a proxy the default
one is used.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import urllib.request
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

_CONNECT_SECONDS = 15.0
_MAX_HEAD = 2**16
_MAX_BODY = 2**28
# Servers close idle connections, many after 5 seconds; a request sent at that moment is lost. Over
# TLS, where a new connection costs two round trips, servers and their gateways wait much longer.
_IDLE_SECONDS = {False: 4.0, True: 30.0}
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104  (never bound to)

RawReply = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers and body of a reply."""


class Server(NamedTuple):
    """Where a connection goes: host, port (``None``: the usual one), and whether over TLS."""

    host: str
    port: int | None
    secure: bool


def http_module() -> Any:
    """Return the HTTP package that the installed ``openai`` is built on (httpx2 or httpx)."""
    import openai

    kinds = openai.DefaultAsyncHttpxClient.__mro__
    base = next(kind for kind in kinds if kind.__name__ == "AsyncClient")
    return sys.modules[base.__module__.partition(".")[0]]


def uses_proxy(url: str) -> bool:
    """Tell whether the environment wants requests to ``url`` to go through a proxy."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _LOOPBACK or host.startswith("127."):
        return False
    proxies = urllib.request.getproxies()
    if parts.scheme not in proxies and "all" not in proxies:
        return False
    return not urllib.request.proxy_bypass(host)


class LeanTransport:
    """A transport for one server, with any number of connections.

    It has the methods of an asynchronous transport of httpx; all of them belong to one event loop.
    Failures are the exceptions that httpx has for them.
    """

    def __init__(self) -> None:
        self._http = http_module()
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._tls: Any = None

    async def handle_async_request(self, request: Any) -> Any:
        """Send one request of an httpx client and read its whole reply."""
        url = request.url
        lines = [f"{request.method} {url.raw_path.decode('ascii')} HTTP/1.1\r\n".encode("ascii")]
        for name, value in request.headers.raw:
            lines += (name, b": ", value, b"\r\n")
        lines += (b"\r\n", await request.aread())
        server = Server(url.host, url.port, url.scheme == "https")
        status, headers, body = await self.exchange(server, lines, request.method == "HEAD")
        return self._http.Response(status, headers=headers, content=body)

    async def exchange(self, server: Server, lines: list[bytes], bare: bool = False) -> RawReply:
        """Send one request, already in the words of HTTP, and read its whole reply.

        Args:
            server: Where to.
            lines: The whole request; its parts are sent as they are.
            bare: Whether the reply has no body, whatever its head says.
        """
        connection = self._reusable()
        if connection is None:
            connection = await self._connect(server)
        try:
            answer = await connection.ask(lines, bare)
        except _BrokenError as error:
            raise self._http.ReadError(str(error)) from None
        except BaseException:
            connection.drop()  # given up: the reply that may still come belongs to nobody
            raise
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.drop()
        return answer

    def _reusable(self) -> _Connection | None:
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.reusable and connection.idle_since > connection.clock() - connection.keep:
                return connection
            connection.drop()
        return None

    async def _connect(self, server: Server) -> _Connection:
        loop = asyncio.get_running_loop()
        host, port, secure = server
        if secure and self._tls is None:
            self._tls = self._http.create_ssl_context()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self._open, _IDLE_SECONDS[secure]),
                    host,
                    port or (443 if secure else 80),
                    ssl=self._tls if secure else None,
                    happy_eyeballs_delay=0.25,
                )
        except TimeoutError:
            raise self._http.ConnectTimeout("nobody answered at this address") from None
        except OSError as error:  # TLS errors are among them
            raise self._http.ConnectError(error.strerror or str(error)) from None
        return connection

    async def aclose(self) -> None:
        """Close every connection."""
        for connection in list(self._open):
            connection.drop()
        self._idle.clear()
        await asyncio.sleep(0)  # sockets are closed in the loop's next turn

    async def __aenter__(self) -> LeanTransport:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()


class _BrokenError(Exception):
    """The connection ended, or what came is not HTTP."""


class _Connection(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self, register: set[_Connection], keep: float) -> None:
        self.keep = keep
        self.reusable = False
        self.idle_since = 0.0
        self.clock = asyncio.get_running_loop().time
        self._register = register
        self._reply: asyncio.Future[RawReply] | None = None
        self._buffer = bytearray()
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._length: int | None = -1  # of the body; -1: before the head, None: until the end
        self._chunks: list[bytes] | None = None
        self._bare = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._register.add(self)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            # A reply may take minutes, during which nothing else is heard from the other side.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def ask(self, lines: list[bytes], bare: bool) -> asyncio.Future[RawReply]:
        """Send a request."""
        reply = self._reply = asyncio.get_running_loop().create_future()
        self._length, self._bare, self.reusable = -1, bare, False
        if self._transport.is_closing():
            self._fail("closed by the server")
        else:
            self._transport.write(b"".join(lines))
        return reply

    def drop(self) -> None:
        """Close the connection at once."""
        self.reusable = False
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take in a part of a reply."""
        if self._reply is None or self._reply.done():
            self.drop()  # nobody asked
            return
        self._buffer += data
        try:
            if self._length == -1 and not self._read_head():
                return
            self._read_body()
        except _BrokenError as error:
            self._fail(str(error))
            self.drop()

    def _read_head(self) -> bool:
        buffer = self._buffer
        while True:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(buffer) > _MAX_HEAD:
                    raise _BrokenError("the head of the reply is too long")
                return False
            lines = bytes(buffer[:end]).split(b"\r\n")
            del buffer[: end + 4]
            first = lines[0]
            if not first.startswith(b"HTTP/1.") or not first[9:12].isdigit():
                raise _BrokenError("what answers does not speak HTTP")
            self._status = int(first[9:12])
            if self._status >= 200:
                break  # otherwise only a note that the reply is under way
        self._headers, names = [], {}
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon:
                raise _BrokenError("a header of the reply cannot be read")
            self._headers.append((name, value.strip()))
            names[name.lower()] = value.strip().lower()
        self.reusable = first.startswith(b"HTTP/1.1") and names.get(b"connection") != b"close"
        self._chunks = None
        if self._bare or self._status in (204, 304):
            self._length = 0
        elif b"chunked" in names.get(b"transfer-encoding", b""):
            self._length, self._chunks = None, []
        elif b"content-length" in names:
            text = names[b"content-length"]
            if not text.isdigit() or int(text) > _MAX_BODY:
                raise _BrokenError("the length of the reply cannot be true")
            self._length = int(text)
        else:
            self._length, self.reusable = None, False
        return True

    def _read_body(self) -> None:
        if self._chunks is not None:
            self._read_chunks(self._chunks)
        elif self._length is not None and len(self._buffer) >= self._length:
            body = bytes(self._buffer[: self._length])
            if len(self._buffer) > self._length:
                self.reusable = False  # more than was promised: whose is it?
            self._finish(body)
        elif len(self._buffer) > _MAX_BODY:
            raise _BrokenError("the reply is too long")

    def _read_chunks(self, chunks: list[bytes]) -> None:
        buffer = self._buffer
        while True:
            end = buffer.find(b"\r\n")
            if end < 0:
                return
            try:
                size = int(bytes(buffer[:end]).partition(b";")[0], 16)
            except ValueError:
                raise _BrokenError("a chunk of the reply cannot be read") from None
            if size == 0:
                tail = buffer.find(b"\r\n\r\n", end)
                if tail >= 0:
                    self._finish(b"".join(chunks))
                return
            if not 0 < size <= _MAX_BODY:
                raise _BrokenError("a chunk of the reply is too long")
            if len(buffer) < end + size + 4:
                return
            chunks.append(bytes(buffer[end + 2 : end + 2 + size]))
            del buffer[: end + size + 4]

    def _finish(self, body: bytes) -> None:
        self._buffer.clear()
        self._length = -1
        self.idle_since = self.clock()
        reply, self._reply = self._reply, None
        if reply is not None and not reply.done():
            reply.set_result((self._status, self._headers, body))

    def _fail(self, why: str) -> None:
        reply, self._reply = self._reply, None
        if reply is not None and not reply.done():
            reply.set_exception(_BrokenError(why))

    def eof_received(self) -> bool:
        """End what the end of the connection ends."""
        if self._reply is not None and self._length is None and self._chunks is None:
            self._finish(bytes(self._buffer))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request that was under way."""
        self.reusable = False
        self._register.discard(self)
        self._fail("closed by the server before its reply" if exc is None else str(exc))
