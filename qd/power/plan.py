"""A power calculation as a whole: assumed or measured variances in, a table of effects out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from debateqd.qd.power.analysis import (
    Precision,
    Study,
    contrast_precision,
    games_to_order,
    gap_contrast_precision,
    gap_precision,
    mean_precision,
    questions_needed,
    rating_error,
    rating_of,
    win_rate_of,
)
from debateqd.qd.power.inputs import Assumptions, PowerInputs, assumed_inputs, measured_inputs

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
        data["assumed"] = list(self.assumed)
        data["rows"] = [
            {k: None if isinstance(v, float) and math.isinf(v) else v for k, v in row.items()}
            for row in data["rows"]
        ]
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
    setting = assumed_inputs(assumed) if data is None else measured_inputs(assumed, data)
    return PowerPlan(
        source=setting.source,
        facts=setting.facts(),
        assumed=setting.assumed,
        power=power,
        confidence=confidence,
        rows=tuple(_rows(setting, power, confidence)),
        needs=tuple(_needs(setting, targets, power, confidence)),
        order=tuple((d, c, games_to_order(d, c)) for d in ORDERED for c in ORDER_CONFIDENCES),
    )


def _rows(setting: PowerInputs, power: float, confidence: float) -> list[Detectable]:
    s = setting

    def points(name: str, precision: Precision) -> Detectable:
        return Detectable(
            name,
            "points",
            100 * precision.error,
            100 * precision.half_width(confidence),
            100 * precision.detectable(power, confidence),
        )

    direct = Precision(0.5 / math.sqrt(s.games))
    return [
        points("accuracy, training questions", mean_precision(s.train, s.study)),
        points("accuracy, test questions", mean_precision(s.test, s.test_study)),
        points("gap, train minus test", gap_precision(s.train, s.test, s.study, s.test_study)),
        points(
            "difference of two objectives' gaps",
            gap_contrast_precision(s.train, s.test, s.study, s.test_study),
        ),
        points("win rate, above one half", mean_precision(s.wins, s.win_study)),
        points("difference of two win rates", contrast_precision(s.wins, s.win_study)),
        Detectable(
            f"rating difference, {s.games} direct games",
            "elo",
            rating_error(s.games),
            Precision(rating_error(s.games)).half_width(confidence),
            rating_of(0.5 + direct.detectable(power, confidence)),
        ),
    ]


def _needs(
    setting: PowerInputs, targets: PowerTargets, power: float, confidence: float
) -> list[Need]:
    s = setting
    needs = []

    def questions(
        name: str, target: float | None, of: str, precision: Callable[[int], Precision], step: float
    ) -> None:
        if target is not None:
            count = questions_needed(
                target / 100, precision, power=power, confidence=confidence, step=math.ceil(step)
            )
            needs.append(Need(name, target, "points", count, of))

    questions(
        "gap, train minus test",
        targets.gap,
        "questions per set",
        lambda n: gap_precision(s.train, s.test, *_both(s, n)),
        s.study.per_passage,
    )
    questions(
        "difference of two objectives' gaps",
        targets.gap_difference,
        "questions per set",
        lambda n: gap_contrast_precision(s.train, s.test, *_both(s, n)),
        s.study.per_passage,
    )
    questions(
        "difference of two win rates",
        targets.win_difference,
        "questions",
        lambda n: contrast_precision(s.wins, replace(s.win_study, questions=n)),
        s.win_study.per_passage,
    )
    if targets.rating is not None:
        count = questions_needed(
            win_rate_of(targets.rating) - 0.5,
            lambda n: Precision(0.5 / math.sqrt(n)),
            power=power,
            confidence=confidence,
        )
        needs.append(Need("rating difference", targets.rating, "elo", count, "direct games"))
    return needs


def _both(setting: PowerInputs, questions: int) -> tuple[Study, Study]:
    return (
        replace(setting.study, questions=questions),
        replace(setting.test_study, questions=questions),
    )
