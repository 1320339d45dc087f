"""One base URL: sends a request once and says what came back, never raising for a failure.

The client of the ``openai`` package does everything but the bulk of the work: its layers take twice
as long as all the rest of a request, so chat completions go straight to the transport below them,
with the headers that it made.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

from debateqd.agents.models.openai.errors import Answer, Trouble, from_exception, from_status
from debateqd.agents.models.openai.keys import Secret
from debateqd.agents.models.openai.transport import LeanTransport, Server, http_module, uses_proxy

PLACEHOLDER = "none"
"""Sent where there is no key; servers that need none ignore it."""


class Endpoint:
    """A client of one base URL; lives on one event loop."""

    def __init__(self, url: str, key: Secret) -> None:
        import openai

        self._http = http = http_module()
        self.url = url
        self._key = key
        self._response = http.Response
        self._lean: LeanTransport | None = None
        # Time-outs are the caller's business: it cancels what takes too long.
        options: dict[str, Any] = {"timeout": None}
        if uses_proxy(url):
            options["limits"] = http.Limits(max_connections=None, max_keepalive_connections=256)
        else:
            options["transport"] = self._lean = LeanTransport()
        self._client = openai.AsyncOpenAI(
            api_key=key.reveal() or PLACEHOLDER,
            base_url=url,
            max_retries=0,
            timeout=None,
            http_client=openai.DefaultAsyncHttpxClient(**options),
        )
        parts = urlsplit(url)
        self._root = parts._replace(path="", query="", fragment="").geturl()
        self._server = Server(parts.hostname or "", parts.port, parts.scheme == "https")
        self._head = self._chat_head(parts.netloc, parts.path)

    def _chat_head(self, host: str, path: str) -> bytes:
        headers = {
            **self._client.default_headers,
            **self._client.auth_headers,
            "Host": host,
            "Accept-Encoding": "identity",
            "Connection": "keep-alive",
            "Content-Type": "application/json",
        }
        lines = [f"POST {path}/chat/completions HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items() if isinstance(value, str)]
        return "\r\n".join([*lines, "Content-Length: "]).encode("ascii")

    async def chat(self, body: bytes) -> Answer | Trouble:
        """Ask for a chat completion; the body is JSON."""
        if self._lean is None:
            return await self._send("post", "/chat/completions", body)
        lines = [self._head, b"%d\r\n\r\n" % len(body), body]
        try:
            status, listed, data = await self._lean.exchange(self._server, lines)
        except self._http.TransportError as error:
            return from_exception(error, self._key.reveal())
        headers = {n.decode("latin-1").lower(): v.decode("latin-1") for n, v in listed}
        if headers.get("content-encoding", "identity") != "identity":
            data = self._response(status, headers=listed, content=data).content
        if status < 300:
            return Answer(data, headers)
        if status < 400:  # moved: the client of the package knows how to follow
            self._lean = None
            return await self._send("post", "/chat/completions", body)
        return from_status(status, headers, data, time.time(), self._key.reveal())

    async def get(self, path: str, *, root: bool = False) -> Answer | Trouble:
        """Get a resource.

        Args:
            path: Below the base URL.
            root: Whether it is below the root of the server instead.
        """
        return await self._send("get", (self._root if root else "") + path, None)

    async def post_to_root(self, path: str, body: bytes) -> Answer | Trouble:
        """Post JSON to a path below the root of the server."""
        return await self._send("post", self._root + path, body)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    async def _send(self, method: str, path: str, body: bytes | None) -> Answer | Trouble:
        import openai

        try:
            if method == "get":
                response = await self._client.get(path, cast_to=self._response)
            else:
                response = await self._client.post(path, cast_to=self._response, content=body)
        except openai.APIStatusError as error:
            headers = {name.lower(): value for name, value in error.response.headers.items()}
            status, data = error.response.status_code, error.response.content
            return from_status(status, headers, data, time.time(), self._key.reveal())
        except openai.APIConnectionError as error:
            return from_exception(error, self._key.reveal())
        if response.status_code >= 300:
            return from_status(response.status_code, {}, response.content, time.time())
        return Answer(response.content, response.headers)

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"
