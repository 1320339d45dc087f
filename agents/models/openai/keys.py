"""Where a server is and with which key: both from outside, the key never shown to anybody."""

from __future__ import annotations

import os
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import SecretStr

from debate_env.errors import InputError
from debateqd.agents.models.options import hide_login

OPENAI_URL = "https://api.openai.com/v1"
_URL_VARIABLES = ("OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_URL")  # the first that is set
_EXAMPLE = "http://127.0.0.1:8000/v1"


def find_key(
    variable: str, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> SecretStr:
    """Find a key in the environment, or else in ``.env`` of the folder; empty where there is none.

    Raises:
        InputError: The key holds characters that no header can carry.
    """
    value = (os.environ if environment is None else environment).get(variable, "").strip()
    if not value:
        path = (folder or Path()) / ".env"
        data = path.read_bytes() if path.is_file() else b""
        wide = data.startswith((BOM_UTF16_LE, BOM_UTF16_BE))  # as Windows' own tools write
        text = data.decode("utf-16" if wide else "utf-8-sig", "replace")
        value = (
            dotenv_values(stream=StringIO(text), interpolate=False).get(variable) or ""
        ).strip()
    if not all("!" <= c <= "~" for c in value):
        raise InputError(
            f"the key in {variable} holds spaces or characters that are not ASCII; copy it again"
        )
    return SecretStr(value)


def find_urls(
    given: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Find the base URLs of a server and its replicas, and check them.

    Those given, else those of the first of ``OPENAI_BASE_URL``, ``OPENAI_API_BASE`` and
    ``OPENAI_URL`` that is set, else OpenAI's own; without a slash at the end and without doubles.
    """
    variables = os.environ if environment is None else environment
    urls = [url for url in given if url.strip()]
    if not urls:
        text = next((t for name in _URL_VARIABLES if (t := variables.get(name, "").strip())), "")
        urls = [url for url in re.split(r"[,\s]+", text) if url]
    return tuple(dict.fromkeys(check_url(url) for url in urls or [OPENAI_URL]))


def check_url(url: str) -> str:
    """Return a base URL without its last slash; refuse what cannot be one, and every login."""
    url = url.strip().rstrip("/")
    shown = hide_login(url if "://" in url or "@" not in url else f"://{url}")
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is none
    except ValueError:
        raise InputError(f"base URL {shown} cannot be read; needed: {_EXAMPLE}") from None
    if "@" in parts.netloc:
        raise InputError(
            f"base URL {shown} holds a user or a password; put the key into OPENAI_API_KEY instead"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        hint = f"; did you mean http://{url}?" if re.match(r"[\w.-]+(:\d+)?(/|$)", url) else ""
        raise InputError(f"base URL {shown} must start with http:// or https://{hint}")
    if parts.query or parts.fragment:
        bare = re.split("[?#]", shown)[0]  # a key may stand behind it
        raise InputError(f"base URL {bare}?... must end with its path, such as {_EXAMPLE}")
    for ending in ("/chat/completions", "/completions", "/models", "/responses"):
        if parts.path.endswith(ending):
            raise InputError(
                f"base URL {url} is the address of one request; give {url.removesuffix(ending)}"
            )
    if not parts.path:
        raise InputError(f"base URL {url} has no path; did you mean {url}/v1?")
    return url
