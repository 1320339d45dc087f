"""Matches and strategies for tests that play no debate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from debate_env.core.protocols import Comparison, Ending, convincing, finding
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.plans import Plan
from debateqd.qd.ratings.design import Scales
from debateqd.qd.ratings.posterior import Effect, Posterior
from debateqd.qd.strategy import Strategy

SIDES = {"debater_0": 0, "debater_1": 1}


def strategy(name: str, *parents: str, family: str = "rationality") -> Strategy:
    return Strategy(name, family, f"text of {name}", parents, 0 if not parents else 1)


def ids(plan: Plan) -> tuple[str, ...]:
    """The strategies of a plan by seat."""
    return tuple(strategy.strategy_id for strategy in plan.seats.values())


def compared(label: int, credence: tuple[float, ...] | None) -> tuple[Comparison, ...]:
    """What a debate between two says of them."""
    ending = Ending(label, credence)
    return convincing(SIDES, ending) + finding(SIDES, ending)


def match(
    a: str,
    b: str,
    first: float | None,
    *,
    label: int = 0,
    question: str = "q1",
    generation: int = 0,
    phase: str = "train",
    kind: str = "verdict",
    number: int = 0,
    subject: str = "",
) -> Match:
    """A match in which the judge gave ``debater_0``'s answer the credence ``first``."""
    rest = (0.0,) * (label - 1)
    credence = None if first is None else (first, 1 - first, *rest)
    return Match(
        match_id=f"{a}{b}{question}{generation}{number}",
        pool="pool",
        generation=generation,
        phase=phase,  # type: ignore[arg-type]
        split=phase,
        passage="p-" + question,
        question=question,
        seats=dict(zip(SIDES, (a, b), strict=True)),
        sides=SIDES,
        subject=subject,
        label=label,
        swap=False,
        seed=1,
        kind=kind,
        message="",
        credence=credence,
        orders=None,
        bias=None,
        comparisons=compared(label, credence if kind == "verdict" else None),
        speeches={"debater_0": 1, "debater_1": 1},
        words={"debater_0": 5, "debater_1": 6},
        quotes={"debater_0": (1, 1), "debater_1": (0, 0)},
        clipped={"debater_0": 0, "debater_1": 0},
        tokens={"debater_0": (10, 2, 0), "debater_1": (10, 2, 0), "judge_0": (20, 2, 0)},
        calls=4,
    )


_SCALES = Scales(100.0, 60.0, 150.0, 300.0, 100.0, 50.0, dispersion=1.0)


def posterior(
    ids: tuple[str, ...], mean: NDArray[np.float64], covariance: NDArray[np.float64]
) -> Posterior:
    """What ratings might know of some strategies, in Elo points."""
    nothing = Effect(0.0, 1.0)
    return Posterior(ids, mean, covariance, {}, nothing, nothing, nothing, _SCALES)
