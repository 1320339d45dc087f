"""Worlds: what the embedded judge is susceptible to, drawn from a seed.

A world is a handful of numbers. The embedded judge is a simulation, and these numbers are its
psychology; nothing but the judge may read them. Their ranges are :data:`RANGES`, which
``docs/embedded_model.md`` repeats in one table (a test compares the two).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from debate_env.errors import InputError, nearest

STYLES = (
    "logic",
    "authority",
    "emotion",
    "story",
    "questioning",
    "refutation",
    "certainty",
    "structure",
    "fairness",
    "length",
)
"""What the judge measures in a speech beside its quotes, in the order of ``World.styles``."""

_MIXED: dict[str, tuple[float, float]] = {
    "evidence": (3.0, 5.0),
    "scepticism": (0.3, 0.8),
    "rebuttal": (0.3, 0.8),
    "warrant": (0.0, 0.4),
    "unverified": (-0.8, 0.1),
    "noise": (0.4, 0.8),
    "leaning": (0.1, 0.4),
    "bias": (0.0, 0.5),
    "reading": (6.0, 9.0),
    "style": (-1.0, 1.0),
}

_NULL = _MIXED | dict.fromkeys(
    ("evidence", "rebuttal", "warrant", "unverified", "style"), (0.0, 0.0)
)

PARAMETERS = tuple(name for name in _MIXED if name != "style")

RANGES: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "mixed": _MIXED,
    "rhetoric": {**_MIXED, "evidence": (0.5, 1.5), "style": (-1.0, 2.5)},
    "null": _NULL,
    "noise": _NULL,
    "coin": _NULL | {"noise": (20.0, 20.0), "leaning": (0.0, 0.0), "bias": (0.0, 0.0)},
}
"""Uniform range of every parameter, for each kind of world; ``style`` is that of each style."""


@dataclass(frozen=True, slots=True)
class World:
    """One draw of the judge's susceptibilities.

    Worlds with the same seed and another kind use the same uniform numbers, so that they lean the
    same way within their ranges.

    Attributes:
        seed: Names the world; any integer from 0.
        kind: ``"mixed"``, ``"rhetoric"``, or one in which no strategy is better than another:
            ``"null"`` (verdicts do not depend on what is said), ``"noise"`` (they do, at random) or
            ``"coin"`` (what is said tosses a coin).
        evidence: Log-odds of the strongest possible evidence.
        scepticism: Share of a quote's weight lost when it reports hearsay or a mere plan.
        rebuttal: Further share lost by weak quotes that the opponent rebuts.
        warrant: Extra weight of quotes in a speech that reasons from them.
        unverified: Log-odds of many unverified quotes.
        noise: Standard deviation, per answer, of the judgement noise in log-odds.
        leaning: Standard deviation, per answer, of what the judge feels before any speech.
        bias: Log-odds towards the answer shown first.
        reading: Log-odds of the strongest evidence when the judge reads the passage itself.
        styles: Log-odds of each of :data:`STYLES` at full strength.
    """

    seed: int = 0
    kind: str = "mixed"
    evidence: float = field(init=False)
    scepticism: float = field(init=False)
    rebuttal: float = field(init=False)
    warrant: float = field(init=False)
    unverified: float = field(init=False)
    noise: float = field(init=False)
    leaning: float = field(init=False)
    bias: float = field(init=False)
    reading: float = field(init=False)
    styles: tuple[float, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Draw every parameter from its range."""
        if self.kind not in RANGES:
            raise InputError(f"unknown kind of world {self.kind!r}; {nearest(self.kind, RANGES)}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise InputError(f"the seed of a world is an integer from 0, not {self.seed!r}")
        ranges = RANGES[self.kind]
        # generate_state is part of NumPy's compatibility guarantee; generators' streams are not.
        state = np.random.SeedSequence(self.seed).generate_state(
            len(PARAMETERS) + len(STYLES), np.uint64
        )
        uniform = [int(s) / 2.0**64 for s in state]
        drawn = []
        for name, u in zip([*PARAMETERS, *["style"] * len(STYLES)], uniform, strict=True):
            low, high = ranges[name]
            drawn.append(round(low + (high - low) * u, 6))
        for name, value in zip(PARAMETERS, drawn, strict=False):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "styles", tuple(drawn[len(PARAMETERS) :]))
