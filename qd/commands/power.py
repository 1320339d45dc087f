"""``debateqd power``: what a study of a given size can tell from zero."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from debateqd.qd.power.inputs import Assumptions
from debateqd.qd.power.plan import PowerTargets, plan_power
from debateqd.qd.report.layout import say
from debateqd.qd.report.power import power_report
from debateqd.qd.report.visible import visible_errors

_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
_PART = click.FloatRange(0, 1)
_COUNT = click.IntRange(min=1)
_POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command()
@click.argument("data", metavar="[DATA]", required=False, type=click.Path(path_type=Path))
@click.option("--questions", type=click.IntRange(min=2), help="Training questions.  [100]")
@click.option("--test-questions", type=click.IntRange(min=2), help="Test questions.  [as many]")
@click.option("--per-passage", type=click.FloatRange(min=1), help="Questions per passage.  [1]")
@click.option("--debates", type=click.FloatRange(min=1), help="Debates per question and seed.  [1]")
@click.option("--seeds", default=1, show_default=True, type=_COUNT, help="Runs, same questions.")
@click.option(
    "--seed-sd",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 100),
    help="SD between seeds, points.",
)
@click.option("--accuracy", type=_SHARE, help="Share of right verdicts.  [0.7]")
@click.option("--icc", type=_PART, help="Correlation of questions on one passage.  [0.1]")
@click.option("--repeat", type=_PART, help="Correlation of debates on one question.  [0.5]")
@click.option("--paired", type=_PART, help="Correlation of two objectives' questions.  [0.5]")
@click.option("--power", default=0.8, show_default=True, type=_SHARE, help="Chance to tell it.")
@click.option("--confidence", default=0.95, show_default=True, type=_SHARE, help="Of intervals.")
@click.option("--gap", type=_POSITIVE, metavar="POINTS", help="How many questions for this gap?")
@click.option(
    "--gap-difference", type=_POSITIVE, metavar="POINTS", help="For this difference of gaps?"
)
@click.option(
    "--win-difference", type=_POSITIVE, metavar="POINTS", help="For this difference of win rates?"
)
@click.option(
    "--rating", type=_POSITIVE, metavar="ELO", help="How many games for this rating difference?"
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def command(data: Path | None, as_json: bool, **options: Any) -> None:
    """Say what gap, win-rate difference and rating difference a study can tell from zero.

    Variances are computed from what the options assume or, with DATA, from a run directory or a
    file of matches; options then say what is to be different.
    """
    wanted = {name: options.pop(name) for name in PowerTargets.__dataclass_fields__}
    levels = {name: options.pop(name) for name in ("power", "confidence")}
    assumed = Assumptions(**options)
    with visible_errors():
        plan = plan_power(assumed, PowerTargets(**wanted), data=data, **levels)
    if as_json:
        click.echo(json.dumps(plan.to_json(), indent=2, sort_keys=True))
        return
    say(power_report(plan))
