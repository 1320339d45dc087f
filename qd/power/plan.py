"""A power calculation as a whole: assumed or measured variances in, a table of effects out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from debateqd.qd.power.analysis import (
    Precision,
    games_to_order,
    precision_of,
    questions_needed,
    rating_error,
    rating_of,
    win_rate_of,
)
from debateqd.qd.power.inputs import Assumptions, PowerInputs, power_inputs
from debateqd.qd.power.variance import Study, Variances

Unit = Literal["points", "elo"]

ORDERED = (25.0, 50.0, 100.0, 200.0)
"""Rating differences whose ordering is told in every plan, in Elo points."""
ORDER_CONFIDENCES = (0.8, 0.95)


@dataclass(frozen=True, slots=True)
class PowerTargets:
    """Effects for which a size is asked, in percentage points; a rating's in Elo points."""

    gap: float | None = None
    gap_difference: float | None = None
    win_difference: float | None = None
    rating: float | None = None


@dataclass(frozen=True, slots=True)
class Detectable:
    """What can be told about one quantity.

    Attributes:
        unit: ``"points"`` (percentage points) or ``"elo"``.
        detectable: Effect that is told from zero with the power asked for; infinite if none is.
        of: What ``needed`` counts: ``"questions per set"``, ``"questions"`` or ``"direct games"``.
        target: Effect for which a size was asked.
        needed: How many tell it from zero; ``None`` when no number is enough.
    """

    name: str
    unit: Unit
    error: float
    half_width: float
    detectable: float
    of: str
    target: float | None = None
    needed: int | None = None


@dataclass(frozen=True, slots=True)
class PowerPlan:
    """The answer.

    Attributes:
        source: Where variances are from.
        facts: Every number that went in, by name.
        assumed: Names of those that nobody measured.
        power: Probability of telling a detectable effect.
        order: Direct games to order two strategies, by Elo difference and one-sided confidence.
    """

    source: str
    facts: Mapping[str, float]
    assumed: tuple[str, ...]
    power: float
    confidence: float
    rows: tuple[Detectable, ...]
    order: tuple[tuple[float, float, int], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON-able data; what is infinite becomes ``None``."""
        data = asdict(self)
        for row in data["rows"]:
            row |= {k: None for k, v in row.items() if v == math.inf}
        data["order"] = [{"difference": d, "confidence": c, "games": n} for d, c, n in self.order]
        return data


def plan_power(
    assumed: Assumptions,
    targets: PowerTargets,
    *,
    data: Path | None = None,
    power: float = 0.8,
    confidence: float = 0.95,
) -> PowerPlan:
    """Calculate what can be told from zero; variances are taken from ``data`` where it is given.

    Raises:
        InputError: Numbers contradict each other, or the data cannot be used.
    """
    setting = power_inputs(assumed, data)
    return PowerPlan(
        source=setting.source,
        facts=setting.facts(),
        assumed=setting.assumed,
        power=power,
        confidence=confidence,
        rows=tuple(_rows(setting, targets, power, confidence)),
        order=tuple((d, c, games_to_order(d, c)) for d in ORDERED for c in ORDER_CONFIDENCES),
    )


def _rows(
    inputs: PowerInputs, targets: PowerTargets, power: float, confidence: float
) -> Iterator[Detectable]:
    train, test, wins = (inputs.sets[name] for name in ("train", "test", "wins"))
    # A difference is that of two objectives or strategies on the same questions.
    for name, sets, difference, target in (
        ("accuracy, training questions", (train,), False, None),
        ("accuracy, test questions", (test,), False, None),
        ("gap, train minus test", (train, test), False, targets.gap),
        ("difference of two objectives' gaps", (train, test), True, targets.gap_difference),
        ("win rate, above one half", (wins,), False, None),
        ("difference of two win rates", (wins,), True, targets.win_difference),
    ):
        precision = partial(_precision, sets, difference)
        found, step = precision(), math.ceil(sets[0][1].per_passage)
        yield Detectable(
            name,
            "points",
            100 * found.error,
            100 * found.half_width(confidence),
            100 * found.detectable(power, confidence),
            "questions per set" if len(sets) > 1 else "questions",
            target,
            None
            if target is None
            else questions_needed(target / 100, precision, power, confidence, step),
        )
    games, rating = inputs.games, targets.rating
    yield Detectable(
        f"rating difference, {games} direct games",
        "elo",
        rating_error(games),
        Precision(rating_error(games)).half_width(confidence),
        rating_of(0.5 + _games_precision(games).detectable(power, confidence)),
        "direct games",
        rating,
        None
        if rating is None
        else questions_needed(win_rate_of(rating) - 0.5, _games_precision, power, confidence),
    )


def _precision(
    sets: Sequence[tuple[Variances, Study]], difference: bool, questions: int | None = None
) -> Precision:
    """Precision on sets as planned, or with other numbers of questions per set."""
    if questions is not None:
        sets = [(v, replace(study, questions=questions)) for v, study in sets]
    return precision_of(*sets, difference=difference)


def _games_precision(games: int) -> Precision:
    """Precision of the win rate in direct games of two even strategies."""
    return Precision(0.5 / math.sqrt(games))
