"""Where a server is and with which key: both from outside, the key never shown to anybody."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from debate_env.errors import InputError

OPENAI_URL = "https://api.openai.com/v1"
_NAME = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


class Secret:
    """A key that does not show itself when it is printed, logged or compared in an assertion."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the key, for the one place that sends it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(***)" if self._value else "Secret()"

    def __reduce__(self) -> str:
        raise TypeError("a key is not stored")


def find_key(
    variable: str, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Secret:
    """Find a key in the environment, or else in ``.env`` of the folder; empty where there is none.

    Raises:
        InputError: The key holds characters that no header can carry.
    """
    value = (os.environ if environment is None else environment).get(variable, "").strip()
    if not value:
        path = (folder or Path()) / ".env"
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            text = ""  # no such file, or none that could hold a key
        value = read_dotenv(text).get(variable, "").strip()
    if not all("!" <= c <= "~" for c in value):
        raise InputError(
            f"the key in {variable} holds spaces or characters that are not ASCII; copy it again"
        )
    return Secret(value)


def read_dotenv(text: str) -> dict[str, str]:
    """Read ``KEY=VALUE`` lines; quotes around a value, ``export`` and comments are allowed."""
    found = {}
    for line in text.splitlines():
        match = _NAME.fullmatch(line.strip())
        if match is None:
            continue
        name, value = match.groups()
        if value[:1] in ("'", '"') and value.find(value[0], 1) > 0:
            value = value[1 : value.index(value[0], 1)]
        else:
            value = re.split(r"\s+#", value, maxsplit=1)[0].strip()
        found[name] = value
    return found


def find_urls(
    given: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Find the base URLs of a server and its replicas, and check them.

    Returns:
        The URLs, without a slash at the end and without doubles: those given, else
        ``OPENAI_BASE_URL``, else ``OPENAI_URL``, else OpenAI's own.

    Raises:
        InputError: One of them cannot be a base URL.
    """
    variables = os.environ if environment is None else environment
    urls = [url for url in given if url.strip()]
    if not urls:
        text = variables.get("OPENAI_BASE_URL", "").strip() or variables.get("OPENAI_URL", "")
        urls = [url for url in re.split(r"[,\s]+", text) if url]
    return tuple(dict.fromkeys(check_url(url) for url in urls or [OPENAI_URL]))


def check_url(url: str) -> str:
    """Return a base URL without its last slash.

    Raises:
        InputError: It has no scheme or host, holds a user or a password, or names no folder of the
            server, or one request of it.
    """
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InputError(f"base URL {_shown(url)} cannot be read; needed: {_EXAMPLE}") from None
    if parts.username is not None or parts.password is not None:
        raise InputError(
            f"base URL {_shown(url)} holds a user or a password; leave it out and put the key into "
            "the environment variable OPENAI_API_KEY"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        hint = f"; did you mean http://{url}?" if re.match(r"[\w.-]+(:\d+)?(/|$)", url) else ""
        raise InputError(f"base URL {_shown(url)} must start with http:// or https://{hint}")
    if parts.query or parts.fragment:
        raise InputError(f"base URL {_shown(url)} must end with its path, such as {_EXAMPLE}")
    for ending in ("/chat/completions", "/completions", "/models", "/responses"):
        if parts.path.endswith(ending):
            raise InputError(
                f"base URL {url} is the address of one request; give {url.removesuffix(ending)}"
            )
    if not parts.path:
        where = parts.hostname + (f":{port}" if port else "")
        raise InputError(
            f"base URL {url} has no path; did you mean {parts.scheme}://{where}/v1? Most servers "
            "answer there"
        )
    return url


_EXAMPLE = "http://127.0.0.1:8000/v1"


def _shown(url: str) -> str:
    """A URL for a message, without a user and a password."""
    before, at, after = url.rpartition("@")
    scheme, colon, _ = before.partition("://")
    return url if not at else f"{scheme}://[hidden]@{after}" if colon else f"[hidden]@{after}"
