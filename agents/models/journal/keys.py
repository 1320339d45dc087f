"""The key of a request: 16 bytes made from everything that determines its reply.

Two requests have the same key exactly if the same model would give the same reply to both, rounding
aside. Every part is preceded by its length or is a digest of fixed length, so no two requests run
together.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from debateqd.agents.models.base import Request

_FORMAT = b"debateqd-reply/1"
"""Personalises the hash; a key made in another way must have another one (at most 16 bytes)."""

_LONG = 4096  # characters from which on remembering a digest is worth a look-up
_ROOM = 8_000_000  # characters of long texts whose digests are remembered: some 300 passages


class RequestKeys:
    """Makes the keys of one model's requests.

    Digests of long texts are remembered, so a passage that many requests share is hashed once.
    """

    def __init__(self, fingerprint: str, *, seeded_when_greedy: bool = False) -> None:
        self._head = _digest(fingerprint)
        self._seeded_when_greedy = seeded_when_greedy
        self._long: dict[str, bytes] = {}
        self._held = 0  # characters of its texts

    def key(self, request: Request) -> bytes:
        """Return the key of a request, 16 bytes.

        The seed counts where a reply is drawn (temperature above 0), and at temperature 0 for a
        model that is seeded even then.
        """
        messages, sampling, seed, choices, schema, stop = request
        temperature = sampling.temperature
        seed_matters = temperature > 0 or self._seeded_when_greedy
        # 0.0 is added because 0.0 and -0.0 are equal, and so are 0 and 0.0.
        numbers = (
            f"{sampling.max_tokens:d} {(temperature + 0.0).hex()} {(sampling.top_p + 0.0).hex()} "
            f"{f'{seed:d}' if seed_matters else '-'}"
        )
        parts = [self._head, _count(messages)]
        for role, content in messages:
            parts += _prefixed(role), self._digest(content)
        parts.append(_prefixed(numbers))
        if choices is None:
            parts.append(b"\0")
        else:
            parts += b"\1", _count(choices)
            parts += map(_prefixed, choices)
        if schema is None:
            parts.append(b"\0")
        else:
            parts += b"\1", self._digest(schema)
        if stop:  # nothing where there is none, as in the keys of earlier journals
            parts.append(_count(stop))
            parts += map(_prefixed, stop)
        return blake2b(b"".join(parts), digest_size=16, person=_FORMAT).digest()

    def _digest(self, text: str) -> bytes:
        if len(text) < _LONG:
            return _digest(text)
        found = self._long.get(text)
        if found is None:
            found = _digest(text)
            self._held += len(text)
            while self._held > _ROOM and self._long:
                oldest = next(iter(self._long))
                del self._long[oldest]
                self._held -= len(oldest)
            self._long[text] = found
        return found


def _count(parts: Sequence[object]) -> bytes:
    return len(parts).to_bytes(8, "little")


def _prefixed(text: str) -> bytes:
    # Model output may hold lone surrogates, and becomes part of later prompts.
    data = text.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "little") + data


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).digest()
