"""What a training run tells those who watch it: progress display, Weights & Biases, telemetry.

Everything that is part of the results follows from seed and replies and lives in
:class:`GenerationStats`; what depends on the machine (seconds) is kept apart in :class:`Timing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PlainSerializer, TypeAdapter

from debateqd.qd.archive.base import HeatMap
from debateqd.qd.statistics import Estimate

Status = Literal["finished", "stopped", "interrupted", "failed"]
"""``stopped``: the budget is used up, or generations in a row had no children."""

SIMULATION_NOTICE = (
    "Simulation: the embedded model has no weights; these results say nothing about language "
    "models."
)

Stored = Annotated[Estimate, BeforeValidator(Estimate.from_json), PlainSerializer(Estimate.to_json)]
"""An estimate, in files as :meth:`debateqd.qd.statistics.Estimate.to_json` says it."""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins, or goes on.

    ``config`` is exactly as in ``config.yaml``. Generations are played from the first one, above 0
    when a run is resumed, to the last; generation 0 evaluates the seeds. ``questions`` are numbers
    per split; in a ``simulation`` any model is the embedded one; ``notes`` of models are a
    line each.
    """

    run_dir: Path
    name: str
    config: Mapping[str, Any]
    objective: str
    generations: int
    first_generation: int
    questions: Mapping[str, int]
    simulation: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Debates finished within the phase being played.

    ``phase`` is that of debates, ``"mutation"`` or ``"labelling"``; one may be followed by another
    of its name. What is done are debates, children or strategies.
    """

    generation: int
    phase: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens used by one role, as its engine counts them; thinking is part of completion."""

    prompt: int = 0
    completion: int = 0
    thinking: int = 0


@dataclass(frozen=True, slots=True)
class EliteRow:
    """One living strategy of the archive.

    ``cell`` is its label, e.g. ``"authority / quote_share 0.2-0.4"``; ``rating`` and ``deviation``
    are in Elo points in the view that the run selects by, resting on ``matches`` usable debates;
    ``lineage`` leads from its seed to itself by first parents.
    """

    strategy_id: str
    family: str
    cell: str
    rating: float
    deviation: float | None
    matches: int
    generation: int
    operator: str
    lineage: tuple[str, ...]
    behaviour: Mapping[str, float | None]
    text: str


@dataclass(frozen=True, slots=True)
class GenerationStats:
    """The results of one generation; the same for every run of the same configuration.

    These fields are the schema of ``stats`` in ``generations/NNNN.json``, too.

    Attributes:
        refused: Children refused before any match, by reason.
        challenges: Decisions between a challenger and an elite.
        accepted: Strategies that became elites.
        debates: Debates played (results taken over from earlier generations not counted).
        unusable: Debates without a usable verdict, by kind.
        tokens: Tokens by role: debater, judge, mutator.
        best_rating: Highest rating in the archive (Elo points).
        mean_rating: Mean rating of the archive (Elo points).
        qd_score: Sum over cells of the ratings (Elo points).
        coverage: Filled cells / all cells.
        judge_accuracy: Share of usable training verdicts for the correct answer.
        position_bias: Mean credence that the judge gave to whichever answer it was shown first,
            minus 0.5, over usable verdicts in both orders; ``None`` if no verdict has both orders.
        verdict_methods: How the judge's probabilities were obtained, and how often.
        missing_mass: Mean probability that the judge's next word was no answer's letter, over the
            verdicts where that is known; ``None`` if it is known of none.
        objective: Named values of what is maximised, on report questions that no choice ever
            sees: ``"persuasion"`` (share won against the seed panel), ``"truth"`` (judge's credence
            in the correct answer when champions debate themselves) and, for mix, their weighted
            mean ``"mix"``; empty when this generation played no report.
        gain: The same relative to the seeds: persuasion minus 0.5; truth minus that of the seeds on
            the same questions; with 95 % intervals clustered by passage.
        win_rate: Share of debates that the champions win against the seed panel on report
            questions, in both seats, a tie counting as half; measured under every objective, with
            a 95 % interval clustered by passage. ``None`` when this generation played no report.
        champions: The strategies that the report was played with.
        operators: By mutation operator: its ``share`` of this generation's children, how many were
            ``asked`` of it, and over the generations that shares adapt to, its ``children``, those
            that became ``elites``, and its ``relative_yield`` (1: average); see
            :mod:`debateqd.qd.mutation.operator_shares`.
        labels: What a model's votes say about the new strategies: ``strategies``, ``votes``,
            ``unreadable``, ``agreement``, ``families`` and ``drifted``, see
            :class:`debateqd.qd.descriptors.labelling.Labelling`; empty where no axis asks for
            labels.
        reported_progress: Mean rating of the champions above that of the panel (Elo points), with
            the interval of the posterior where there is one; not safe from selection, see
            :data:`UNSAFE`.
        corrected_progress: The same in Elo points from report debates, which no choice depended on,
            with a 95 % interval clustered by passage; ``None`` without a report.
        diversity: Families, ancestors and depth of the archive; see
            :mod:`debateqd.qd.measures.diversity`.
        rating_effects: What else the ratings have found: effects of side and position, the mean
            and the scale of mutations (Elo points), and the dispersion of outcomes.
        outside: Strategies offered or moved in this generation whose behaviour lay beyond the outer
            edges, by axis.
        troubles: What was wrong with speeches in this generation's debates, by strategy; see
            :func:`debateqd.qd.debates.counting.speech_troubles`.
        warnings: What is wrong with the run, a line each, by what it is about: ``"children"`` of
            every generation without any, ``"position"`` when a judge is first found to favour one.
    """

    generation: int
    players: int
    children: int
    refused: Mapping[str, int]
    challenges: int
    accepted: int
    debates: int
    unusable: Mapping[str, int]
    calls: int
    tokens: Mapping[str, Tokens]
    best_rating: float
    mean_rating: float
    qd_score: float
    coverage: float
    judge_accuracy: float | None
    position_bias: float | None
    verdict_methods: Mapping[str, int]
    missing_mass: float | None
    objective: Mapping[str, float]
    gain: Mapping[str, Stored]
    win_rate: Stored | None
    champions: tuple[str, ...]
    operators: Mapping[str, Mapping[str, int | float]] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)
    outside: Mapping[str, int] = field(default_factory=dict)
    troubles: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    reported_progress: Stored | None = None
    corrected_progress: Stored | None = None
    diversity: Mapping[str, float] = field(default_factory=dict)
    rating_effects: Mapping[str, float] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)

    @property
    def unusable_share(self) -> float:
        """Share of this generation's debates without a usable verdict."""
        return sum(self.unusable.values()) / self.debates if self.debates else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return JSON-able data, and which of it is not safe from selection."""
        data: dict[str, Any] = _SCHEMA.dump_python(self, mode="json")
        return data | {"not_safe_from_selection": list(UNSAFE)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> GenerationStats:
        """Read what :meth:`to_json` returned."""
        return _SCHEMA.validate_python(data)


_SCHEMA = TypeAdapter(GenerationStats)

UNSAFE = ("best_rating", "mean_rating", "qd_score", "reported_progress")
"""Results that rest on the ratings by which strategies were picked. Whoever is picked was lucky,
too, so that they rise where nothing is gained; ``docs/selection.md`` says by how much."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What a generation took here; goes to ``telemetry.jsonl`` and W&B, never into results.

    ``delivery`` is what it took by model name: requests sent, retries, rejected replies, replays,
    tokens as billed; see :class:`debateqd.agents.models.base.MeteredModel`. Money is ``None`` where
    a price is unknown; ``money_so_far`` includes earlier parts of the run.
    """

    seconds: float
    calls_per_second: float
    delivery: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    money: float | None = None
    money_so_far: float | None = None


@dataclass(frozen=True, slots=True)
class GenerationFinished:
    """A generation has been committed to disk.

    ``elites`` are best first; ``generations`` is the last one of the run.
    """

    stats: GenerationStats
    elites: tuple[EliteRow, ...]
    heat_map: HeatMap
    generations: int
    timing: Timing


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run ends.

    ``message`` is one line, empty when it finished. ``summary`` is what ``summary.json`` holds,
    empty unless it finished, or stopped after at least one generation. Elites are those of the last
    committed generation, best first. ``failures`` are listeners that failed, a line each.
    """

    run_dir: Path
    status: Status
    message: str
    summary: Mapping[str, Any]
    elites: tuple[EliteRow, ...]
    failures: tuple[str, ...] = ()


class Listener:
    """Watches a run. Subclass it and override what is of interest.

    Listeners cannot change a run; each call must return soon.
    """

    def run_started(self, event: RunStarted) -> None:
        """The run's files exist and the first generation is about to be played."""

    def progressed(self, event: Progress) -> None:
        """Another debate of the current phase has finished."""

    def generation_finished(self, event: GenerationFinished) -> None:
        """A generation has been committed."""

    def run_finished(self, event: RunFinished) -> None:
        """The run ends; called exactly once after ``run_started``, also when it failed."""
