"""What came of a request to a server, and what a failure asks of its client. Pure functions.

A :class:`Trouble` says whether the same request can be sent again, and what the failure tells about
the server: that it wants fewer requests, that it cannot be reached, or nothing. Messages of servers
are cut to one line, and the key is taken out of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NamedTuple

from debateqd.agents.replies import one_line

Fate = Literal["permanent", "refused", "timeout", "unreachable", "reset", "broken", "garbage"]


class Answer(NamedTuple):
    """A reply with a status that is no error.

    Attributes:
        headers: Its headers, names in lower case.
    """

    data: bytes
    headers: Mapping[str, str]


class Trouble(NamedTuple):
    """Why there is no usable reply.

    Attributes:
        fate: ``"permanent"``: the same request would fail again. ``"refused"``: the server wants
            fewer requests (429, 503). ``"timeout"``: no reply in time. ``"unreachable"``: no
            connection. ``"reset"``: the connection broke. ``"broken"``: any other server error.
            ``"garbage"``: a reply that is none.
        kind: The ``error_kind`` of :class:`debateqd.agents.models.base.Reply`.
        wait: Seconds that the server asks to wait; ``None`` where it does not say.
        status: HTTP status; 0 where there was none.
    """

    fate: Fate
    kind: str
    message: str
    wait: float | None = None
    status: int = 0


_PERMANENT = frozenset({400, 401, 402, 403, 404, 405, 406, 410, 411, 413, 414, 415, 422, 501})
_CONTEXT = re.compile(
    r"context.?(length|size|window)|maximum context|max(imum)? (model|sequence) len(gth)?"
    r"|prompt is too long|too many (input )?tokens|exceed\w*.{0,40}(context|max_model_len)"
    r"|maximum number of tokens",
    re.IGNORECASE,
)
_QUOTA = re.compile(r"insufficient_quota|billing|credit balance|exceeded your current quota", re.I)
_CREDENTIALS = re.compile(
    r"\b(?:authorization\b['\"]?\s*[:=]\s*['\"]?(?:(?:basic|bearer)\s+)?|bearer\s+)\S+",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"(?<=://)[^\s/@]+@")
_RAISED: tuple[tuple[tuple[str, ...], Fate, str], ...] = (
    (
        ("SSLCertVerificationError", "ServerFingerprintMismatch"),
        "unreachable",
        "its certificate is not trusted ({}); where an authority of your own signed it, name the "
        "file of that authority in SSL_CERT_FILE, else check that variable",
    ),
    (("SSLError",), "unreachable", "no TLS there ({}); does its address begin with http://?"),
    (
        ("ClientProxyConnectionError", "ClientHttpProxyError", "ProxyError"),
        "unreachable",
        "no connection through the proxy: {}",
    ),
    (("ConnectionTimeoutError", "ConnectTimeout"), "unreachable", "no connection in time"),
    (
        ("ClientConnectorError", "ConnectError", "InvalidURL", "NonHttpUrlClientError"),
        "unreachable",
        "no connection: {}",
    ),
    (("TooManyRedirects",), "permanent", "it sends from one address to the next without end"),
    (("TimeoutError", "ReadTimeout", "WriteTimeout", "PoolTimeout"), "timeout", "no reply in time"),
)
"""Names of exceptions (or of classes above them) to what they mean and what to say."""

_HTML = re.compile(rb"\s*<(!doctype|html|head|body)", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNIT = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def from_status(
    status: int, headers: Mapping[str, str], data: bytes, now: float, key: str = ""
) -> Trouble:
    """Classify a reply with an error status.

    Args:
        status: HTTP status, 400 or above (or the code of an error inside a reply).
        headers: Of the reply; names in lower case.
        data: Its body.
        now: Seconds since the epoch, for waits that are given as a date.
        key: What must not appear in the message.
    """
    message = scrub(error_message(data), key)
    line = one_line(f"the server answered {status}" + (f": {message}" if message else ""))
    if status in (400, 413, 422) and _CONTEXT.search(message):
        return Trouble("permanent", "context_too_long", line, None, status)
    if status in (429, 503, 529):
        if status == 429 and _QUOTA.search(message):
            return Trouble("permanent", "rate_limited", line, None, status)
        return Trouble("refused", "rate_limited", line, wanted_wait(headers, now), status)
    if status == 408:
        return Trouble("timeout", "timeout", line, None, status)
    if status in _PERMANENT:
        return Trouble("permanent", "engine_error", line, None, status)
    if 300 <= status < 400:
        line = one_line(f"the server answered {status}: it wants another address")
        return Trouble("permanent", "engine_error", line, None, status)
    return Trouble("broken", "engine_error", line, wanted_wait(headers, now), status)


def from_exception(error: BaseException, key: str = "") -> Trouble:
    """Classify what an HTTP client raised when there was no reply.

    By the names of its classes, so that no client need be imported here.
    """
    kinds = [c.__name__ for e in (error, error.__cause__) if e for c in type(e).__mro__]
    cause = error.__cause__ or error
    said = str(getattr(cause, "strerror", None) or cause) or type(cause).__name__
    said = scrub(" ".join(said.split()), key)
    for names, fate, lead in _RAISED:
        if any(name in kinds for name in names):
            kind = "timeout" if fate == "timeout" else "connection"
            return Trouble(fate, kind, one_line(lead.format(said)))
    return Trouble("reset", "connection", one_line(f"the connection broke: {said}"))


def error_message(data: bytes) -> str:
    """Find what an error body says; empty where it says nothing readable."""
    if _HTML.match(data):
        return "a web page instead of JSON"
    try:
        body = json.loads(data)
    except ValueError:
        return " ".join(data[:300].decode("utf-8", "replace").split())
    return message_in(body)


def message_in(body: Any) -> str:
    """Find the message in decoded JSON: ``error.message``, ``message`` or ``detail``."""
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        if isinstance(inner, str):
            return inner
        if isinstance(inner, Mapping):
            for name in ("message", "detail", "error", "msg"):
                if inner.get(name):
                    found = inner[name]
                    text = found if isinstance(found, str) else json.dumps(found)
                    code = inner.get("code") or inner.get("type")
                    return f"{text} ({code})" if isinstance(code, str) and code else text
    return ""


def scrub(text: str, key: str) -> str:
    """Take out of a text a key, whatever follows the word bearer, and the login of a URL."""
    if len(key) >= 4:
        text = text.replace(key, "[key]")
        # Servers echo keys with their middle hidden: the two ends give one away as well.
        text = re.sub(re.escape(key[:4]) + r"\S*" + re.escape(key[-4:]), "[key]", text)
    return _CREDENTIALS.sub("[key]", _LOGIN.sub("[hidden]@", text))


def wanted_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Read how long a server asks to wait.

    ``retry-after-ms``, then ``retry-after`` (seconds or a date), then the reset time of whatever
    ``x-ratelimit-remaining-*`` says is used up.

    Returns:
        Seconds, not negative; ``None`` where it does not say.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    text = headers.get("retry-after", "")
    seconds = _number(text)
    if seconds is not None:
        return max(0.0, seconds)
    if text:
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - now)
        except ValueError:
            pass  # neither a number nor a date: as good as absent
    return exhausted(headers, now)


def exhausted(headers: Mapping[str, str], now: float) -> float | None:
    """Read from any reply's rate-limit headers how long nothing more can be sent.

    Returns:
        Seconds until the limit that is used up is reset; ``None`` where none is.
    """
    waits = []
    for name, value in headers.items():
        if name.startswith("x-ratelimit-remaining") and _number(value) == 0:
            reset = headers.get(name.replace("remaining", "reset"), "")
            wait = _reset_in(reset, now)
            if wait is not None:
                waits.append(wait)
    return max(waits, default=None)


def _reset_in(text: str, now: float) -> float | None:
    """Read ``"1m30s"``, ``"250ms"``, seconds, or a time since the epoch in (milli)seconds."""
    number = _number(text)
    if number is not None:
        if number > 1e11:
            return max(0.0, number / 1000 - now)
        return max(0.0, number - now) if number > 1e8 else max(0.0, number)
    parts = _DURATION.findall(text)
    if parts and "".join(a + b for a, b in parts) == text.strip():
        return float(sum(float(amount) * _UNIT[unit] for amount, unit in parts))
    return None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None
