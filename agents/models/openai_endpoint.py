"""One base URL: sends a request once and says what came back, never raising for a failure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from agents.models.openai_errors import Trouble, from_exception, from_status
from agents.models.openai_keys import Secret
from agents.models.openai_transport import LeanTransport, http_module, uses_proxy

PLACEHOLDER = "none"
"""Sent where there is no key; servers that need none ignore it."""


class Answer(NamedTuple):
    """A reply that is no error.

    Attributes:
        data: Its body.
        headers: Its headers, names in lower case.
    """

    data: bytes
    headers: Mapping[str, str]


class Endpoint:
    """A client of one base URL; lives on one event loop.

    Args:
        url: The base URL.
        key: The key; may be empty.
    """

    def __init__(self, url: str, key: Secret) -> None:
        import openai

        http = http_module()
        self.url = url
        self._key = key
        self._response = http.Response
        # Time-outs are the caller's business: it cancels what takes too long.
        options: dict[str, Any] = {"timeout": None}
        if uses_proxy(url):
            options["limits"] = http.Limits(max_connections=None, max_keepalive_connections=256)
        else:
            options["transport"] = LeanTransport()
        self._client = openai.AsyncOpenAI(
            api_key=key.reveal() or PLACEHOLDER,
            base_url=url,
            max_retries=0,
            timeout=None,
            http_client=openai.DefaultAsyncHttpxClient(**options),
        )
        self._root = urlsplit(url)._replace(path="", query="", fragment="").geturl()

    async def chat(self, body: bytes) -> Answer | Trouble:
        """Ask for a chat completion.

        Args:
            body: The request as JSON.
        """
        return await self._send("post", "/chat/completions", body)

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
