"""What every chat model has in common that puts something around another one."""

from __future__ import annotations

from collections import Counter

from debateqd.agents.models.base import (
    Capabilities,
    ChatModel,
    MeteredModel,
    PatientModel,
    TokenCounter,
    capabilities_of,
    notes_of,
)


class WrappedModel:
    """Says of itself what the model inside says, and can count tokens if that can."""

    def __init__(self, inner: ChatModel) -> None:
        self._inner = inner
        self._patient = inner if isinstance(inner, PatientModel) else None
        self._metered = inner if isinstance(inner, MeteredModel) else None
        if isinstance(inner, TokenCounter):
            self.count_tokens = inner.count_tokens

    @property
    def name(self) -> str:
        """Name of the inner model."""
        return self._inner.name

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the inner model."""
        return self._inner.fingerprint

    @property
    def capabilities(self) -> Capabilities:
        """What the inner model can do."""
        return capabilities_of(self._inner)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the inner model has to say."""
        return notes_of(self._inner)

    @property
    def inner_delivery(self) -> Counter[str]:
        """What the inner model has counted; empty where it counts nothing."""
        return self._metered.delivery if self._metered is not None else Counter()
