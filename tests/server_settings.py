"""How the stand-in server behaves, and what goes wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field

from debate_env.draws import Draws, digest
from tests.server_dialects import Dialect


@dataclass(frozen=True)
class Faults:
    """Shares of chat requests that go wrong. The same request may go well the next time.

    Attributes:
        too_many: 429.
        error: 500.
        reset: The connection is reset when the reply is due.
        garbage: A reply that is none: HTML, cut-off JSON, no choices, no content, nothing, noise.
        signs: A reply that is one, but whose text is no language.
        hang: No reply ever.
        retry_after: Seconds that a 429 asks to wait; ``None``: it does not say.
        seed: Of the draws.
        spare: Chat requests at the start that go well in any case.
    """

    too_many: float = 0.0
    error: float = 0.0
    reset: float = 0.0
    garbage: float = 0.0
    signs: float = 0.0
    hang: float = 0.0
    retry_after: float | None = None
    seed: int = 0
    spare: int = 0

    def draw(self, key: bytes, time_seen: int) -> str:
        """Say what goes wrong with a request that comes for the n-th time; ``""``: nothing."""
        draws = Draws(digest(key.hex(), str(self.seed), str(time_seen)))
        at = draws.uniform()
        for name in ("too_many", "error", "reset", "garbage", "signs", "hang"):
            at -= getattr(self, name)
            if at < 0:
                return name
        return ""


@dataclass(frozen=True)
class Settings:
    """How the server behaves.

    Attributes:
        model: Name of its model.
        key: The key it demands; ``None``: none.
        slots: Requests worked on at once; others wait in line.
        most: Requests in flight beyond which it answers 429; ``None``: no limit.
        retry_after: Seconds that such a 429 asks to wait.
        seconds: Time that a reply takes.
        context: Tokens of prompt and reply together.
        cached_passages: System messages that its prefix cache holds.
        uncached_seconds: Further time per prompt token that is not cached.
        dialect: What it understands.
        faults: What goes wrong.
        keep_bodies: Whether the log keeps whole requests.
    """

    model: str = "tiny"
    key: str | None = None
    slots: int = 32
    most: int | None = None
    retry_after: float | None = None
    seconds: float = 0.0
    context: int = 16384
    cached_passages: int = 1000
    uncached_seconds: float = 0.0
    dialect: Dialect = field(default_factory=Dialect)
    faults: Faults = field(default_factory=Faults)
    keep_bodies: bool = True
