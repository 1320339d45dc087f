"""Weights & Biases: a training run as a real W&B run, offline when nobody is logged in.

Nothing here ever asks for a login. ``auto`` means online for somebody who is logged in (an API key
in the environment or in ``.netrc``) and offline for everybody else; an offline run lies in
``wandb/`` and can be sent later with ``wandb sync``.
"""

from __future__ import annotations

import json
import math
import netrc
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import click
import wandb
from wandb.errors import Error as WandbError

from debate_env.errors import InputError
from debateqd.qd.config.schema import TrackingConfig
from debateqd.qd.report.heat_map import heat_map_html
from debateqd.qd.statistics import Estimate
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.tracking.events import (
    SIMULATION_NOTICE,
    UNSAFE,
    EliteRow,
    GenerationFinished,
    Listener,
    RunFinished,
    RunStarted,
    Tokens,
)
from debateqd.qd.tracking.run_log import last_noted

ELITE_COLUMNS = (
    *("id", "family", "cell", "rating", "matches", "generation", "operator"),
    *("lineage", "behaviour", "text"),
)
PATIENCE = 30.0
"""Seconds to wait for the W&B server when a run starts."""


def logged_in(environment: Mapping[str, str], base_url: str, netrc_file: Path) -> bool:
    """Whether W&B credentials are at hand; ``netrc_file`` is where ``wandb login`` keeps keys."""
    if environment.get("WANDB_API_KEY") or environment.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    try:
        entries = netrc.netrc(netrc_file)
    except (OSError, netrc.NetrcParseError):
        return False
    return entries.authenticators(urlsplit(base_url).netloc) is not None


def _logged_in_here() -> bool:
    """Whether this process has W&B credentials at hand."""
    base_url = os.environ.get("WANDB_BASE_URL") or str(wandb.setup().settings.base_url)
    home = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    return logged_in(os.environ, base_url, home)


_MODES: Mapping[str, Literal["offline", "online", "disabled"]] = {
    "offline": "offline",
    "dryrun": "offline",
    "online": "online",
    "run": "online",
    "shared": "online",
    "disabled": "disabled",
}
"""Values of ``WANDB_MODE``, and what they mean."""


def resolve_mode(mode: str) -> Literal["offline", "online", "disabled"]:
    """Turn a ``--wandb`` option into what W&B is told.

    ``WANDB_MODE`` and ``WANDB_DISABLED`` are honoured in ``auto``.

    Raises:
        InputError: ``WANDB_MODE`` is none of W&B's, which then cannot be started.
    """
    chosen = os.environ.get("WANDB_MODE", "")
    if not chosen.strip():
        os.environ.pop("WANDB_MODE", None)  # nothing is chosen, and W&B would stumble over it
    if mode == "disabled" or (mode == "auto" and _is_disabled()):
        return "disabled"
    if chosen.strip() and chosen not in _MODES:
        raise InputError(
            f"the environment variable WANDB_MODE is {chosen!r}; allowed: {', '.join(_MODES)}; "
            "unset it, or go without Weights & Biases by --wandb disabled"
        )
    if mode == "auto":
        return _MODES.get(chosen) or ("online" if _logged_in_here() else "offline")
    return _MODES[mode]


def _is_disabled() -> bool:
    return os.environ.get("WANDB_DISABLED", "").lower() in ("1", "true")


_PLACES = {
    "generation": "generation",
    "objective": "objective",
    "gain": "gain",
    "win_rate": "win_rate",
    "reported_progress": "not_safe_from_selection/progress",
    "corrected_progress": "progress/corrected",
    "qd_score": "not_safe_from_selection/qd_score",
    "coverage": "archive/coverage",
    "accepted": "archive/accepted",
    "children": "archive/children",
    "outside": "archive/outside",
    "diversity": "diversity",
    "best_rating": "not_safe_from_selection/best_rating",
    "mean_rating": "not_safe_from_selection/mean_rating",
    "judge_accuracy": "judge/accuracy",
    "position_bias": "judge/position_bias",
    "missing_mass": "judge/missing_mass",
    "unusable": "judge/unusable",
    "unusable_share": "judge/unusable_share",
    "debates": "debates/played",
    "calls": "debates/calls",
    "tokens": "tokens",
    "refused": "mutation/refused",
    "operators": "mutation",
}
"""Results of a generation, and where a dashboard shows them."""


def _numbers(place: str, value: Any) -> Iterator[tuple[str, float]]:
    """Yield the numbers of a result by their place, intervals with ``/low`` and ``/high``."""
    if isinstance(value, Estimate):
        yield from _numbers(place, value.value)
        yield from _numbers("", {f"{place}/low": value.low, f"{place}/high": value.high})
    elif isinstance(value, Tokens):
        yield from _numbers(place, asdict(value))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _numbers(f"{place}/{name}".lstrip("/"), item)
    elif value is not None and math.isfinite(value):
        yield place, value


def generation_metrics(event: GenerationFinished) -> dict[str, float]:
    """Flatten one generation's results into the scalars of a dashboard.

    Keys are those of the table above, and ``speeches/*`` (what was wrong with them), ``labels/*``,
    ``delivery/*``, ``cost/*``, ``time/*``. Numbers that do not exist are left out.
    """
    stats, timing = event.stats, event.timing
    found = {place: getattr(stats, name) for name, place in _PLACES.items()}
    found["speeches"] = sum(map(Counter, stats.troubles.values()), Counter[str]())
    found["time"] = {"seconds": timing.seconds, "calls_per_second": timing.calls_per_second}
    found["delivery"] = timing.delivery
    if timing.delivery:
        found["cost"] = {"generation": timing.money, "so_far": timing.money_so_far}
    if stats.labels:
        agreement = stats.labels["agreement"]
        found["labels/agreement"] = agreement and agreement["value"]
        found["labels"] = {name: stats.labels[name] for name in ("unreadable", "drifted")}
    return dict(_numbers("", found))


ProgressRow = Mapping[str, Any]
"""``generation``, and ``reported`` and ``corrected`` as JSON-able estimates or ``None``."""


def progress_series(rows: Sequence[ProgressRow]) -> dict[str, list[tuple[int, float]]]:
    """Return the lines of the chart of reported against corrected progress.

    Returns:
        (generation, Elo points over the seeds) by name of the line; lines without points are left
        out.
    """
    lines: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        for name, key, part in (
            ("ratings, not safe from selection", "reported", "value"),
            ("corrected", "corrected", "value"),
            ("corrected, 95 % low", "corrected", "low"),
            ("corrected, 95 % high", "corrected", "high"),
        ):
            value = (row[key] or {}).get(part)
            if value is not None:
                lines.setdefault(name, []).append((int(row["generation"]), float(value)))
    return lines


def progress_chart(rows: Sequence[ProgressRow]) -> Any:
    """Return the chart of reported against corrected progress for W&B; ``None`` without points."""
    lines = progress_series(rows)
    if not lines:
        return None
    return wandb.plot.line_series(
        xs=[[x for x, _ in line] for line in lines.values()],
        ys=[[y for _, y in line] for line in lines.values()],
        keys=list(lines),
        title="Progress of the champions over the seeds (Elo): by ratings, and on fresh questions",
        xname="generation",
    )


def elite_table(elites: tuple[EliteRow, ...]) -> wandb.Table:
    """The archive's living strategies with text and lineage, as a W&B table."""
    rows = []
    for elite in elites:
        shown = {
            **asdict(elite),
            "id": elite.strategy_id,
            "rating": float(elite.rating),
            "lineage": " > ".join(elite.lineage),
            "behaviour": json.dumps(dict(elite.behaviour), sort_keys=True),
        }
        rows.append([shown[name] for name in ELITE_COLUMNS])
    return wandb.Table(columns=list(ELITE_COLUMNS), data=rows)


class WandbListener(Listener):
    """Sends what happens to W&B."""

    def __init__(self, mode: Literal["offline", "online"], settings: TrackingConfig) -> None:
        self._mode = mode
        self._settings = settings
        self._run: wandb.Run | None = None
        self._progress: list[ProgressRow] = []

    def run_started(self, event: RunStarted) -> None:
        """Start the W&B run, or continue that of an interrupted training run."""
        if event.first_generation:  # the chart shows the whole run, not what is left of it
            self._progress = [
                row
                for row in RunDirectory.open(event.run_dir).progress()
                if row["generation"] < event.first_generation
            ]
        telemetry = event.run_dir / "telemetry.jsonl"
        known = last_noted(telemetry, "wandb", "id")  # of an earlier part of the run
        try:
            self._run = self._start(event, known)
        except WandbError as error:
            if self._mode == "offline":
                raise
            # A run must not go untracked in silence because a server is away.
            click.echo(
                "Weights & Biases cannot be reached; this run is tracked offline "
                f"({str(error).partition(chr(10))[0]})",
                err=True,
            )
            self._mode = "offline"
            self._run = self._start(event, known)
        self._run.define_metric("generation")
        self._run.define_metric("*", step_metric="generation")
        with telemetry.open("a", encoding="utf-8") as file:
            record = {"event": "wandb", "id": self._run.id, "mode": self._mode}
            file.write(json.dumps(record, sort_keys=True) + "\n")

    def _start(self, event: RunStarted, known: str | None) -> wandb.Run:
        tags = [*self._settings.tags, event.objective]
        return wandb.init(
            project=self._settings.project,
            entity=self._settings.entity,
            name=event.name,
            id=known,
            resume="allow" if known else None,
            tags=[*tags, "simulation"] if event.simulation else tags,
            notes=SIMULATION_NOTICE if event.simulation else None,
            config={**event.config, "simulation": event.simulation, **dict(event.questions)},
            mode=self._mode,
            dir=os.environ.get("WANDB_DIR") or event.run_dir,
            settings=wandb.Settings(
                silent=True, console="off", disable_git=True, save_code=False, init_timeout=PATIENCE
            ),
        )

    def generation_finished(self, event: GenerationFinished) -> None:
        """Log the generation's figures, progress so far, the archive's heat map and its elites."""
        if self._run is None:
            return
        stats = event.stats
        found = {"reported": stats.reported_progress, "corrected": stats.corrected_progress}
        row = {name: estimate and estimate.to_json() for name, estimate in found.items()}
        if any(row.values()):
            self._progress.append({"generation": stats.generation, **row})
        chart = progress_chart(self._progress)
        title = f"Generation {stats.generation}: rating of the elite in each cell (Elo)"
        self._run.log(
            {
                **generation_metrics(event),
                "archive/heat_map": wandb.Html(heat_map_html(event.heat_map, title), inject=False),
                "archive/elites": elite_table(event.elites),
                **({} if chart is None else {"progress": chart}),
            }
        )

    def run_finished(self, event: RunFinished) -> None:
        """Log the archive as an artifact and close the run with its true status."""
        if self._run is None:
            return
        archive = event.run_dir / "archive.json"
        if archive.exists():
            artifact = wandb.Artifact(f"archive-{self._run.id}", type="archive")
            for name in ("archive.json", "strategies.jsonl", "config.yaml", "summary.json"):
                if (event.run_dir / name).exists():
                    artifact.add_file(str(event.run_dir / name))
            self._run.log_artifact(artifact)
        for key, value in event.summary.items():
            if isinstance(value, (int, float, str, bool)):
                place = f"not_safe_from_selection/{key}" if key in UNSAFE else key
                self._run.summary[f"final/{place}"] = value
        self._run.finish(exit_code=0 if event.status == "finished" else 1)
        click.echo(f"Weights & Biases ({self._mode}): {self._where()}")

    def _where(self) -> str:
        if self._run is None:
            return "not started"
        folder = Path(self._run.dir).parent
        if self._mode == "online":
            return str(self._run.url)
        shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
        return f"{shown} (send it with: wandb sync {shown})"


def wandb_listener(mode: str, settings: TrackingConfig) -> WandbListener | None:
    """Make the listener for a ``--wandb`` option; ``None`` when tracking is off.

    Raises:
        InputError: ``online`` is asked for and nobody is logged in.
    """
    resolved = resolve_mode(mode)
    if resolved == "disabled":
        return None
    if mode == "online" and not _logged_in_here():
        raise InputError(
            "--wandb online: nobody is logged in to Weights & Biases; run 'wandb login', set "
            "WANDB_API_KEY, or use --wandb offline"
        )
    return WandbListener(resolved, settings)
