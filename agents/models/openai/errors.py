"""What came of a request to a server, and what a failure asks of its client. Pure functions.

A :class:`Trouble` says whether the same request can be sent again, and what the failure tells about
the server: that it wants fewer requests, that it cannot be reached, or nothing. Messages of servers
are cut to one line, and keys and logins are taken out of them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NamedTuple

from debateqd.agents.models.options import hide_login
from debateqd.agents.replies import one_line

Fate = Literal[
    "permanent", "filtered", "refused", "timeout", "unreachable", "reset", "broken", "garbage"
]


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
        fate: ``"permanent"``: the same request would fail again. ``"filtered"``: a filter before
            the model refused it, which is a reply and no fault. ``"refused"``: the server wants
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


_PERMANENT = frozenset({*range(400, 408), 410, 411, 413, 414, 415, 422, 451, 501})
_CONTEXT = re.compile(
    r"context.?(length|size|window)|maximum context|max(imum)? (model|sequence) len(gth)?"
    r"|prompt is too long|too many (input )?tokens|exceed\w*.{0,40}(context|max_model_len)"
    r"|maximum number of tokens",
    re.IGNORECASE,
)
_FILTER = re.compile(
    r"content.?(filter|policy|management|exists risk)|responsible.?ai|data.?inspection.?failed"
    r"|(sensitive|prohibited|unsafe|inappropriate).?content|requires moderation|input was flagged",
    re.IGNORECASE,
)
_QUOTA = re.compile(
    r"insufficient.?(quota|balance|funds)|billing|credit balance|exceeded your current quota", re.I
)
_BUSY = re.compile(r"rate.?limit|too many requests|resource.?exhausted|overloaded|quota", re.I)
_CREDENTIALS = re.compile(
    r"\b(?:authorization\b['\"]?\s*[:=]\s*['\"]?(?:(?:basic|bearer)\s+)?|bearer\s+)\S+", re.I
)
_PAGE = re.compile(rb"\s*<(!doctype|html|head|body)", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,100})</title", re.IGNORECASE)
_DURATION = re.compile(r"(?<![\d.])(\d++(?:\.\d++)?)\s*(ms|s|m|h|d)[a-z]*")
_UNIT = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_ASKED = re.compile(
    r"\b(?:retry|try again)\s(?:in|after)\s+((?:\d+(?:\.\d+)?\s*(?:ms|s|m|h|d)[a-z]*\s?)+)", re.I
)
_RAISED: tuple[tuple[str, Fate, str], ...] = (
    (
        *("SSLCertVerificationError", "unreachable"),
        "its certificate is not trusted ({}); name the file of its authority in SSL_CERT_FILE",
    ),
    ("SSLError", "unreachable", "no TLS there ({}); does its address begin with http://?"),
    (".*Proxy.*", "unreachable", "no connection through the proxy: {}"),
    ("ConnectionTimeoutError|ConnectTimeout", "unreachable", "no connection in time"),
    ("ClientConnectorError|ConnectError|.*Url.*|InvalidURL", "unreachable", "no connection: {}"),
    ("TooManyRedirects", "permanent", "it sends from one address to the next without end"),
    (".*Timeout(Error)?", "timeout", "no reply in time"),
    ("", "reset", "the connection broke: {}"),
)
"""Names of exceptions (or of classes above them) to what they mean and what to say."""


def from_status(
    status: int, headers: Mapping[str, str], data: bytes, now: float, key: str = ""
) -> Trouble:
    """Classify a reply with a status of 300 or above, or with the code of an error inside.

    ``headers`` have names in lower case, ``now`` is in seconds since the epoch, for waits that are
    given as a date, and ``key`` must not appear in the message.
    """
    said = scrub(error_message(data), key)
    if 300 <= status < 400:
        where = scrub(headers.get("location", ""), key)
        said = "it wants another address" + (f", {where}; give that one" if where else "")
    line = one_line(f"the server answered {status}" + (f": {said}" if said else ""))
    if status in (400, 403, 413, 422, 451):
        if _CONTEXT.search(said):
            return Trouble("permanent", "context_too_long", line, None, status)
        if _FILTER.search(said):
            return Trouble("filtered", "engine_error", line, None, status)
    if status in _PERMANENT:
        return Trouble("permanent", "engine_error", line, None, status)
    if status == 408:
        return Trouble("timeout", "timeout", line, None, status)
    wait = wanted_wait(headers, now, said)
    if status in (429, 503, 529):
        # A quota that comes back says when, whatever it is called.
        spent = status == 429 and wait is None and _QUOTA.search(said)
        return Trouble("permanent" if spent else "refused", "rate_limited", line, wait, status)
    return Trouble("broken", "engine_error", line, wait, status)


def from_garbage(
    message: str, code: int, headers: Mapping[str, str], now: float, key: str = ""
) -> Trouble:
    """Classify a reply of a good status that is none.

    ``message`` says why, perhaps in the server's words, and ``code`` is the status that it tells
    inside, or 0; the others are as in :func:`from_status`.
    """
    data = message.encode("utf-8", "replace")  # half of a surrogate pair can go nowhere
    if code:
        return from_status(code, headers, data, now, key)
    return Trouble("garbage", "bad_reply", one_line(scrub(data.decode(), key)))


def from_exception(error: BaseException, key: str = "") -> Trouble:
    """Classify what an HTTP client raised, by the names of its classes."""
    kinds = [c.__name__ for e in (error, error.__cause__) if e for c in type(e).__mro__]
    cause = error.__cause__ or error
    said = str(getattr(cause, "strerror", None) or cause) or type(cause).__name__
    said = scrub(" ".join(said.split()), key)
    rows = (row for row in _RAISED if any(re.fullmatch(row[0], k) for k in (*kinds, "")))
    _, fate, lead = next(rows)
    kind = "timeout" if fate == "timeout" else "connection"
    return Trouble(fate, kind, one_line(lead.format(said)))


def error_message(data: bytes) -> str:
    """Find what an error body says; empty where it says nothing readable."""
    if _PAGE.match(data):
        title = _TITLE.search(data)
        shown = f" ({title[1].decode('utf-8', 'replace').strip()})" if title else ""
        return f"a web page instead of JSON{shown}"
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return " ".join(data[:300].decode("utf-8", "replace").split())
    return message_in(body)


def message_in(body: Any) -> str:
    """Find the message in decoded JSON, with its code if that is a word."""
    inner = _error_in(body)
    for name in ("message", "detail", "error", "msg"):
        if inner.get(name):
            found = inner[name]
            text = found if isinstance(found, str) else json.dumps(found)
            words = (inner.get(name) for name in ("code", "type", "status"))
            code = next((w for w in words if w and isinstance(w, str)), "")
            return f"{text} ({code})" if code else text
    return ""


def code_in(body: Any) -> int:
    """Find the HTTP status that an error in decoded JSON stands for; 0 where it tells none."""
    inner = _error_in(body)
    for name in ("code", "status", "status_code"):
        number = _number(str(inner.get(name)))
        if number is not None and 400 <= number < 600:
            return int(number)
    said = message_in(body)
    if _CONTEXT.search(said) or _FILTER.search(said):
        return 400
    return 429 if _BUSY.search(said) else 0


def _error_in(body: Any) -> Mapping[str, Any]:
    for _ in range(4):  # of a list the first, of an object what is under "error"
        if isinstance(body, list):
            body = next((item for item in body if isinstance(item, Mapping)), None)
        elif isinstance(body, Mapping) and isinstance(body.get("error"), Mapping | list):
            body = body["error"]
    return body if isinstance(body, Mapping) else {}


def scrub(text: str, key: str) -> str:
    """Take out of a text a key, whatever follows the word bearer, and the login of a URL."""
    if len(key) >= 4:
        text = text.replace(key, "[key]")
        # Servers echo keys with their middle hidden: the two ends give one away as well.
        text = re.sub(re.escape(key[:4]) + r"\S*" + re.escape(key[-4:]), "[key]", text)
    return _CREDENTIALS.sub("[key]", hide_login(text))


def wanted_wait(headers: Mapping[str, str], now: float, said: str = "") -> float | None:
    """Read how many seconds a server asks to wait; ``None`` where it does not say.

    From ``retry-after-ms``, else ``retry-after`` (seconds or a date), else words such as "try again
    in 20s", else the reset time of whatever ``x-ratelimit-remaining-*`` says is used up.
    """
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        number = _number(text := headers.get(name, ""))
        if number is not None:
            return max(0.0, number * unit)
    if text:
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - now)
        except ValueError:
            pass  # neither a number nor a date: as good as absent
    if asked := _ASKED.search(said):
        return _seconds(asked[1])
    waits = [
        _reset_in(headers.get(name.replace("remaining", "reset"), ""), now)
        for name, value in headers.items()
        if name.startswith("x-ratelimit-remaining") and _number(value) == 0
    ]
    return max((wait for wait in waits if wait is not None), default=None)


def _reset_in(text: str, now: float) -> float | None:
    """Read ``"1m30s"``, ``"250ms"``, seconds, or a time since the epoch in (milli)seconds."""
    number = _number(text)
    if number is None:
        return _seconds(text)
    number = number / 1000 if number > 1e11 else number
    return max(0.0, number - now if number > 1e8 else number)


def _seconds(text: str) -> float | None:
    parts = _DURATION.findall(text.lower())
    return float(sum(float(n) * _UNIT[unit] for n, unit in parts)) if parts else None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
