from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from pydantic import SecretStr

from debate_env.errors import InputError
from debateqd.agents.models.openai.client import Endpoint, proxy_for, tls_context
from debateqd.agents.models.openai.errors import Answer, Trouble

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Wire:
    """A server that writes given bytes in given pieces, whatever it is asked."""

    def __init__(self, *pieces: bytes, end: bool = False, swallow: bool = False):
        self.pieces, self.end, self.swallow = pieces, end, swallow
        self.connections = 0
        self.requests: list[bytes] = []
        self.closed = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line[15:])
                self.requests.append(head + await reader.readexactly(length))
                for piece in self.pieces:
                    writer.write(piece)
                    await writer.drain()
                    await turns()
                if self.end:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        self.closed += 1
        writer.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that happens in this loop; :func:`talk` ends what never does."""
    while not condition():
        await asyncio.sleep(0.001)


async def turns() -> None:
    """Let the loop go round, so that its other end reads what has been sent."""
    for _ in range(4):
        await asyncio.sleep(0)


def talk(wire: Wire, work: Callable[[Endpoint], Awaitable[object]], key: str = "") -> object:
    async def main() -> object:
        server = await asyncio.start_server(wire.handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        endpoint = Endpoint(f"http://127.0.0.1:{port}/v1", SecretStr(key))
        try:
            return await asyncio.wait_for(work(endpoint), 300)
        finally:
            await endpoint.close()
            server.close()

    return asyncio.run(main())


def ask(wire: Wire, key: str = "") -> Answer | Trouble:
    reply = talk(wire, lambda endpoint: endpoint.chat(b'{"x": 1}'), key)
    assert isinstance(reply, Answer | Trouble)
    return reply


@pytest.mark.parametrize(
    "pieces",
    [
        (OK,),
        tuple(OK[i : i + 1] for i in range(len(OK))),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK,),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n",
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            b"2\r\n{",
            b"}\r\n0\r\n",
            b"A: b\r\n",
            b"\r\n",
        ),
    ],
)
def test_replies_are_read_whole_however_they_come(pieces: tuple[bytes, ...]) -> None:
    wire = Wire(*pieces)
    answer = ask(wire)
    assert isinstance(answer, Answer)
    assert answer.data == b"{}"


def test_a_body_may_last_until_the_end() -> None:
    for head in (b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"):
        answer = ask(Wire(head + b"{}", end=True))
        assert isinstance(answer, Answer)
        assert answer.data == b"{}"


def test_compressed_replies_are_unpacked() -> None:
    import gzip

    data = gzip.compress(b'{"a": 1}')
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data)
    answer = ask(Wire(head + data))
    assert isinstance(answer, Answer)
    assert answer.data == b'{"a": 1}'


def test_the_request_is_well_formed_and_carries_the_key() -> None:
    wire = Wire(OK)
    ask(wire, "sk-secret-abcdef")
    (request,) = wire.requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /v1/chat/completions HTTP/1.1"
    names = [line.partition(b":")[0].lower() for line in lines[1:]]
    assert len(names) == len(set(names))
    assert b"Authorization: Bearer sk-secret-abcdef" in lines
    assert b"Content-Type: application/json" in lines
    assert any(line.startswith(b"Host: 127.0.0.1:") for line in lines)
    assert body == b'{"x": 1}'


def test_connections_are_used_again() -> None:
    wire = Wire(OK)

    async def several(endpoint: Endpoint) -> None:
        for _ in range(5):
            assert isinstance(await endpoint.chat(b"{}"), Answer)
        await asyncio.gather(*[endpoint.chat(b"{}") for _ in range(3)])

    talk(wire, several)
    assert len(wire.requests) == 8
    assert wire.connections == 3


def test_a_connection_that_the_server_closes_is_not_used_again() -> None:
    close = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    for wire in (Wire(close), Wire(OK, end=True)):

        async def twice(endpoint: Endpoint, wire: Wire = wire) -> None:
            for number in (1, 2):
                assert isinstance(await endpoint.chat(b"{}"), Answer)
                await until(lambda: wire.closed == number)  # noqa: B023
                await turns()

        talk(wire, twice)
        assert wire.connections == 2


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (OK[:20],),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nbroken\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",),
        (b"x" * 70_000,),
    ],
)
def test_a_broken_reply_is_a_broken_connection(pieces: tuple[bytes, ...]) -> None:
    trouble = ask(Wire(*pieces, end=True))
    assert isinstance(trouble, Trouble)
    assert (trouble.fate, trouble.kind) == ("reset", "connection")


def test_a_status_is_classified_and_its_body_read() -> None:
    body = b'{"error": {"message": "slow down"}}'
    head = b"HTTP/1.1 429 X\r\nRetry-After: 3\r\nContent-Length: %d\r\n\r\n" % len(body)
    trouble = ask(Wire(head + body))
    assert isinstance(trouble, Trouble)
    assert (trouble.fate, trouble.wait) == ("refused", 3.0)
    assert "slow down" in trouble.message


def test_nobody_there_is_unreachable() -> None:
    async def main() -> Answer | Trouble:
        endpoint = Endpoint("http://127.0.0.1:1/v1", SecretStr(""))
        try:
            return await endpoint.chat(b"{}")
        finally:
            await endpoint.close()

    trouble = asyncio.run(main())
    assert isinstance(trouble, Trouble)
    assert trouble.fate == "unreachable"


def test_a_request_that_is_given_up_takes_its_connection_along() -> None:
    wire = Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")

    async def give_up(endpoint: Endpoint) -> None:
        asked = asyncio.ensure_future(endpoint.chat(b"{}"))
        await until(lambda: wire.requests)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        wire.pieces = (OK,)
        assert isinstance(await endpoint.chat(b"{}"), Answer)

    talk(wire, give_up)
    assert wire.connections == 2


def test_a_moved_address_is_for_the_user_to_follow() -> None:
    moved = b"HTTP/1.1 308 X\r\nLocation: https://elsewhere/v2\r\nContent-Length: 0\r\n\r\n"
    wire = Wire(moved)
    trouble = ask(wire)
    assert isinstance(trouble, Trouble)
    assert "308" in trouble.message
    assert len(wire.requests) == 1


def test_requests_on_one_passage_name_it_for_routers() -> None:
    wire = Wire(OK)

    async def several(endpoint: Endpoint) -> None:
        await endpoint.chat(b"{}", "0123abcd")
        await endpoint.chat(b"{}")

    talk(wire, several)
    assert [b"x-session-id: 0123abcd" in request for request in wire.requests] == [True, False]


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def test_a_proxy_is_used_for_what_is_far_away_only(no_proxies: pytest.MonkeyPatch) -> None:
    assert proxy_for("https://api.openai.com/v1") is None
    no_proxies.setenv("HTTPS_PROXY", "http://proxy:3128")
    no_proxies.setenv("HTTP_PROXY", "http://proxy:3129")
    no_proxies.setenv("NO_PROXY", "inside.example")
    assert proxy_for("https://api.openai.com/v1") == "http://proxy:3128"
    assert proxy_for("http://far.example/v1") == "http://proxy:3129"
    assert proxy_for("http://127.0.0.1:8000/v1") is None
    assert proxy_for("http://localhost:8000/v1") is None
    assert proxy_for("https://inside.example/v1") is None


def test_a_socks_proxy_is_one_clear_line(no_proxies: pytest.MonkeyPatch) -> None:
    no_proxies.setenv("ALL_PROXY", "socks5://user:secret@proxy:1080")
    with pytest.raises(InputError, match=r"kind 'socks5' for https://api\.example/v1") as caught:
        proxy_for("https://api.example/v1")
    assert "no_proxy=api.example" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert proxy_for("http://127.0.0.1:8000/v1") is None


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_not_there_are_one_clear_line(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "/gone/bundle.pem")
    with pytest.raises(InputError, match=f"{variable} names /gone/bundle.pem, which is not there"):
        tls_context()
    monkeypatch.delenv(variable)
    assert tls_context().get_ca_certs()


def test_a_port_that_never_shakes_hands_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("debateqd.agents.models.openai.client._CONNECT_SECONDS", 0.2)

    async def main() -> Answer | Trouble:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        endpoint = Endpoint(f"https://127.0.0.1:{port}/v1", SecretStr(""))
        try:
            return await endpoint.chat(b"{}")
        finally:
            await endpoint.close()
            server.close()

    trouble = asyncio.run(main())
    assert isinstance(trouble, Trouble)
    assert trouble.fate == "unreachable"
    assert "\n" not in trouble.message


def test_no_socket_is_left_open() -> None:
    wire = Wire(OK)

    async def several(endpoint: Endpoint) -> None:
        await asyncio.gather(*[endpoint.chat(b"{}") for _ in range(10)])
        await endpoint.close()
        await until(lambda: wire.closed == 10)
        assert wire.connections == 10

    talk(wire, several)
