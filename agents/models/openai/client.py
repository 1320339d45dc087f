"""One base URL: sends a request once and says what came back, never raising for a failure."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import certifi
from pydantic import SecretStr
from yarl import URL

from debate_env.errors import InputError
from debateqd.agents.models.openai.errors import Answer, Trouble, from_exception, from_status

PLACEHOLDER = "none"
"""Sent where there is no key; servers that need none ignore it."""

_CONNECT_SECONDS = 15.0  # to connect, TLS included; a port that says nothing is told apart so
_IDLE_SECONDS = 4.0  # before a connection is closed: uvicorn, below vLLM's server, does so after 5
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Endpoint:
    """A client of one base URL; lives on one event loop.

    Args:
        url: The base URL.
        key: Sent with every request.

    Raises:
        InputError: What the environment says of proxies and certificates cannot be used.
    """

    def __init__(self, url: str, key: SecretStr) -> None:
        self.url = url
        self._key = key
        self._chat = URL(f"{url}/chat/completions")
        self._root = urlsplit(url)._replace(path="", query="", fragment="").geturl()
        self._proxy = proxy_for(url)
        tls = tls_context() if url.startswith("https://") else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=tls, keepalive_timeout=_IDLE_SECONDS),
            # How long a reply may take is the caller's business: it cancels what takes too long.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            headers={
                "Authorization": f"Bearer {key.get_secret_value() or PLACEHOLDER}",
                "Content-Type": "application/json",
                "User-Agent": "debateqd",
            },
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def chat(self, body: bytes, session: str = "") -> Answer | Trouble:
        """Ask for a chat completion.

        Args:
            body: JSON.
            session: Names what the request shares with others, so that a router that knows
                ``x-session-id`` sends all of them to the same engine; empty: nothing.
        """
        headers = {"x-session-id": session} if session else None
        return await self._send("POST", self._chat, body, headers)

    async def get(self, path: str, *, root: bool = False) -> Answer | Trouble:
        """Get a resource.

        Args:
            path: Below the base URL.
            root: Whether it is below the root of the server instead.
        """
        return await self._send("GET", URL((self._root if root else self.url) + path))

    async def post_to_root(self, path: str, body: bytes) -> Answer | Trouble:
        """Post JSON to a path below the root of the server."""
        return await self._send("POST", URL(self._root + path), body)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def _send(
        self,
        method: str,
        url: URL,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer | Trouble:
        try:
            async with self._session.request(
                # A redirect would lose the body or the key; where it leads is for the user to say.
                *(method, url),
                data=body,
                headers=headers,
                proxy=self._proxy,
                allow_redirects=False,
            ) as response:
                data = await response.read()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return from_exception(error, self._key.get_secret_value())
        found = {name.lower(): value for name, value in response.headers.items()}
        if response.status < 300:
            return Answer(data, found)
        return from_status(response.status, found, data, time.time(), self._key.get_secret_value())

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for a URL; none for this machine itself.

    Raises:
        InputError: It is no HTTP proxy.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _LOCAL or host.startswith("127.") or proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy:
        return None
    kind = urlsplit(proxy).scheme
    if kind not in ("http", "https"):
        raise InputError(
            f"the environment names a proxy of the kind '{kind}' for {url} ({parts.scheme}_proxy "
            "or all_proxy); only http and https proxies can be used: name one of those, or set "
            f"no_proxy={host} to go without"
        )
    return proxy


def tls_context() -> ssl.SSLContext:
    """Trust what this machine trusts and what browsers trust.

    Raises:
        InputError: ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` names nothing that is there, or no
            certificates.
    """
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        named = os.environ.get(variable)
        if named and not Path(named).exists():
            raise InputError(
                f"the environment variable {variable} names {named}, which is not there; correct "
                "it or unset it"
            )
    try:
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
    except (ssl.SSLError, OSError) as error:
        raise InputError(f"the certificates of this machine cannot be read: {error}") from None
    return context
