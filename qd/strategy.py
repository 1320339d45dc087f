"""The genome: a strategy prompt with its lineage."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy prompt, frozen: results of earlier matches stay valid.

    Attributes:
        strategy_id: ``"s0007"``-like, in order of creation within a run.
        family: One of the seven families of :mod:`debateqd.qd.seeds`.
        parents: Identifiers of the strategies it was made from; empty for a seed.
        generation: Generation that created it; 0 for a seed.
        operator: ``"seed"``, or the name of the mutation operator.
    """

    strategy_id: str
    family: str
    text: str
    parents: tuple[str, ...] = ()
    generation: int = 0
    operator: str = "seed"
