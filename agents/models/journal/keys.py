"""The key of a request: 16 bytes made from everything that determines its reply.

Two requests have the same key exactly if the same model would give the same reply to both, rounding
aside. Every part is preceded by its length or is a digest of fixed length, so no two requests run
together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from debateqd.agents.models.base import Request

_FORMAT = b"debateqd-reply/1"
"""Personalises the hash; a key made in another way must have another one (at most 16 bytes)."""

_LONG = 4096  # characters from which on looking for a digest is faster than making it
_REMEMBERED = 256  # long texts


class RequestKeys:
    """Makes the keys of one model's requests.

    Digests of long texts are remembered, so a passage that many requests share is hashed once.
    """

    def __init__(self, fingerprint: str, *, seeded_when_greedy: bool = False) -> None:
        self._head = _digest(fingerprint)
        self._seeded_when_greedy = seeded_when_greedy
        self._long_digest = lru_cache(_REMEMBERED)(_digest)

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
            digest = _digest if len(content) < _LONG else self._long_digest
            parts += _ROLES[role], digest(content)
        parts.append(_prefixed(numbers))
        parts += (b"\0",) if choices is None else (b"\1", _listed(choices))
        parts += (b"\0",) if schema is None else (b"\1", _digest(schema))
        if stop:  # nothing where there is none, as in the keys of earlier journals
            parts.append(_listed(stop))
        return blake2b(b"".join(parts), digest_size=16, person=_FORMAT).digest()


def _count(parts: Sequence[object]) -> bytes:
    return len(parts).to_bytes(8, "little")


def _listed(texts: tuple[str, ...]) -> bytes:
    return _count(texts) + b"".join(map(_prefixed, texts))


def _prefixed(text: str) -> bytes:
    # Model output may hold lone surrogates, and becomes part of later prompts.
    data = text.encode("utf-8", "surrogatepass")
    return _count(data) + data


_ROLES = {role: _prefixed(role) for role in ("system", "user", "assistant")}


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).digest()
