"""A power calculation as a whole: assumed or measured variances in, a table of effects out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
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
    """

    name: str
    unit: Unit
    error: float
    half_width: float
    detectable: float


@dataclass(frozen=True, slots=True)
class Need:
    """How much is needed to tell an effect of a quantity from zero.

    ``count`` is that of ``"questions per set"``, ``"questions"`` or ``"direct games"``; ``None``
    when no number is enough.
    """

    name: str
    target: float
    unit: Unit
    count: int | None
    of: str


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
    needs: tuple[Need, ...]
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
    quantities = _quantities(setting, targets)
    return PowerPlan(
        source=setting.source,
        facts=setting.facts(),
        assumed=setting.assumed,
        power=power,
        confidence=confidence,
        rows=tuple(_rows(quantities, setting.games, power, confidence)),
        needs=tuple(_needs(quantities, targets.rating, power, confidence)),
        order=tuple((d, c, games_to_order(d, c)) for d in ORDERED for c in ORDER_CONFIDENCES),
    )


@dataclass(frozen=True, slots=True)
class _Quantity:
    """What is measured on one set of questions, or as the gap between two.

    ``difference``: of two objectives or strategies on the same questions.
    """

    name: str
    sets: tuple[tuple[Variances, Study], ...]
    difference: bool = False
    target: float | None = None

    def precision(self, questions: int | None = None) -> Precision:
        """Return its precision, as planned or with other numbers of questions per set."""
        sets = self.sets
        if questions is not None:
            sets = tuple((v, replace(study, questions=questions)) for v, study in sets)
        return precision_of(*sets, difference=self.difference)


def _quantities(inputs: PowerInputs, targets: PowerTargets) -> list[_Quantity]:
    train, test, wins = (inputs.sets[name] for name in ("train", "test", "wins"))
    both = (train, test)
    return [
        _Quantity("accuracy, training questions", (train,)),
        _Quantity("accuracy, test questions", (test,)),
        _Quantity("gap, train minus test", both, target=targets.gap),
        _Quantity("difference of two objectives' gaps", both, True, targets.gap_difference),
        _Quantity("win rate, above one half", (wins,)),
        _Quantity("difference of two win rates", (wins,), True, targets.win_difference),
    ]


def _rows(
    quantities: Sequence[_Quantity], games: int, power: float, confidence: float
) -> Iterator[Detectable]:
    for quantity in quantities:
        found = quantity.precision()
        yield Detectable(
            quantity.name,
            "points",
            100 * found.error,
            100 * found.half_width(confidence),
            100 * found.detectable(power, confidence),
        )
    yield Detectable(
        f"rating difference, {games} direct games",
        "elo",
        rating_error(games),
        Precision(rating_error(games)).half_width(confidence),
        rating_of(0.5 + _games_precision(games).detectable(power, confidence)),
    )


def _games_precision(games: int) -> Precision:
    """Precision of the win rate in direct games of two even strategies."""
    return Precision(0.5 / math.sqrt(games))


def _needs(
    quantities: Sequence[_Quantity], rating: float | None, power: float, confidence: float
) -> Iterator[Need]:
    for quantity in quantities:
        if quantity.target is not None:
            count = questions_needed(
                quantity.target / 100,
                quantity.precision,
                power=power,
                confidence=confidence,
                step=math.ceil(quantity.sets[0][1].per_passage),
            )
            of = "questions per set" if len(quantity.sets) > 1 else "questions"
            yield Need(quantity.name, quantity.target, "points", count, of)
    if rating is not None:
        count = questions_needed(
            win_rate_of(rating) - 0.5, _games_precision, power=power, confidence=confidence
        )
        yield Need("rating difference", rating, "elo", count, "direct games")
