"""The configuration of a training run: frozen, validated, and complete.

A preset or file (see ``configs/``) overrides the defaults below, named command-line flags override
the file, and ``--set a.b=value`` overrides everything; :mod:`debateqd.qd.config.loading` does that.
``config.yaml`` of a run directory holds the resolved result and reads back as the same object.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema

from debate_env.core.rewards import Objective
from debate_env.core.settings import DebateSettings
from debate_env.errors import FieldError, nearest
from debateqd.agents.models.base import Sampling
from debateqd.agents.models.budget import Limits, Price
from debateqd.agents.models.options import (
    ENGINES,
    OpenAIOptions,
    VllmOptions,
    options_for,
    read_options,
)
from debateqd.agents.verdicts import VerdictSettings

T = TypeVar("T")
Size = int | float
"""A number of questions (integer) or a share of the passages (0.0 to 1.0)."""


class Section(BaseModel):
    """A frozen section; unknown keys and wrong types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _ReadFromMapping:
    """Lets a dataclass be made from a mapping, although everything inside is read strictly."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = handler(source)
        cast("dict[str, Any]", handler.resolve_ref_schema(schema))["strict"] = False
        return schema


Held = Annotated[T, _ReadFromMapping()]
"""A section that is a settings dataclass of another package; it is read like a :class:`Section`."""

OF_RUN = ("objective", "mix_weight")
"""Fields of :class:`debate_env.core.settings.DebateSettings` that are keys of the whole run."""


class QuestionsConfig(Section):
    """Which questions are debated, and how passages are dealt out to the splits."""

    source: str = "builtin"
    columns: Mapping[str, str | list[str]] = Field(default_factory=dict)
    train: Size = Field(default=0.4, ge=0)
    selection: Size = Field(default=0.2, ge=0)
    report: Size = Field(default=0.15, ge=0)
    test: Size = Field(default=0.25, ge=0)
    split_seed: int = Field(default=0, ge=0)
    truncate_passages: bool = False


ROLES = ("debater", "judge", "mutator")


def is_simulated(*specs: str) -> bool:
    """Whether any of these models is the embedded one, whose results say nothing about others."""
    return any(spec.partition(":")[0] == "embedded" for spec in specs)


class ModelsConfig(Section):
    """Which chat models play, how they run, and how their replies are drawn."""

    default: str = "embedded"
    debater: str = ""
    judge: str = ""
    mutator: str = ""
    max_tokens: int = Field(default=512, ge=1)
    temperature: float = Field(default=0.7, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    mutator_max_tokens: int = Field(default=512, ge=1)
    mutator_temperature: float = Field(default=1.0, ge=0)
    max_open: int = Field(default=512, ge=1)
    journal: bool = True
    verdict: Held[VerdictSettings] = VerdictSettings()
    vllm: VllmOptions = Field(default_factory=lambda: VllmOptions())
    openai: OpenAIOptions = Field(default_factory=lambda: OpenAIOptions())
    overrides: dict[str, dict[str, Any]] = Field(default_factory=dict)
    prices: dict[str, Held[Price]] = Field(default_factory=dict)
    # What a run found out about servers when it began, one entry a model; it is not asked again.
    found: tuple[dict[str, Any], ...] = Field(
        default=(), strict=False, exclude_if=lambda found: not found
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_roles(cls, data: Any) -> Any:
        """Give every role without a model of its own the default one."""
        if not isinstance(data, Mapping):
            return data
        default = data.get("default", "embedded")
        if not isinstance(default, str):
            return data  # validation reports it
        filled = dict(data)
        for role in ROLES:
            if filled.get(role) in (None, ""):
                filled[role] = default
        return filled

    @field_validator("overrides")
    @classmethod
    def _known_roles(cls, overrides: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for role in overrides:
            if role not in ROLES:
                raise ValueError(f"unknown role '{role}'; {nearest(role, ROLES)}")
        return overrides

    @model_validator(mode="after")
    def _check_overrides(self) -> ModelsConfig:
        """Refuse options that the engine of a role does not have."""
        for role, own in self.overrides.items():
            spec = self.spec(role)
            engine = spec.partition(":")[0]
            if engine not in ENGINES:
                raise ValueError(
                    f"overrides.{role}: model '{spec}' has no options here; allowed for: "
                    + ", ".join(f"{name}:NAME" for name in sorted(ENGINES))
                )
            read_options(engine, own, f"overrides.{role}")
        return self

    def spec(self, role: str) -> str:
        """Return the specification of a role's model."""
        return str(getattr(self, role))

    def key(self, role: str) -> str:
        """Return the key that names a role's model."""
        return "models." + ("default" if self.spec(role) == self.default else role)

    def options(self, role: str) -> dict[str, Any]:
        """Return the engine options of a role's model, for ``make_model``."""
        return options_for(self.spec(role), role, self.model_dump())

    def price_table(self) -> dict[str, Price]:
        """Return the prices by model name; the embedded model costs nothing."""
        free = {spec: Price(0.0, 0.0) for spec in map(self.spec, ROLES) if is_simulated(spec)}
        return free | self.prices


class AxisConfig(Section):
    """A behaviour axis of a grid archive; without edges the descriptor's own fixed ones."""

    name: str
    edges: tuple[float, ...] | None = Field(default=None, strict=False)


class LabelsConfig(Section):
    """How a model labels what strategies say, where an axis asks for it.

    It is asked ``votes`` times about a strategy, and reads ``speeches`` speeches each time.
    """

    votes: int = Field(default=5, ge=1)
    speeches: int = Field(default=3, ge=1)
    temperature: float = Field(default=1.0, ge=0)
    max_tokens: int = Field(default=16, ge=1)


class EmbeddingConfig(Section):
    """What axis ``embedding_cluster`` embeds speeches with, and the centroids it compares with."""

    embedder: str = "hashing"
    centroids: str = ""


class ArchiveConfig(Section):
    """What the cells of the archive are."""

    kind: Literal["grid", "slots", "population"] = "grid"
    axes: tuple[AxisConfig, ...] = Field(
        default=(AxisConfig(name="family"), AxisConfig(name="certainty")), strict=False
    )
    slots: int = Field(default=5, ge=1)
    keep_per_family: int = Field(default=0, ge=0)
    labels: LabelsConfig = LabelsConfig()
    embedding: EmbeddingConfig = EmbeddingConfig()


class ParentsConfig(Section):
    """Which elites have children."""

    rule: str = "elites"
    per_family: int = Field(default=2, ge=1)
    tournament_size: int = Field(default=2, ge=1)


class EloConfig(Section):
    """The paper's rating; the paper preset counts wins, the default the judge's credence."""

    k: float = Field(default=32.0, gt=0)
    initial: float = 1000.0
    base: float = Field(default=10.0, gt=1)
    scale: float = Field(default=400.0, gt=0)
    score: Literal["credence", "win"] = "credence"
    memory: Literal["reset", "carry", "inherit"] = "reset"


class BradleyTerryConfig(Section):
    """The batch rating; see :mod:`debateqd.qd.ratings.laplace`.

    Prior standard deviations are in Elo points; ``None``: estimated from the games.
    """

    score: Literal["credence", "win"] = "credence"
    root: float | None = Field(default=None, gt=0)
    mutation: float | None = Field(default=None, gt=0)
    question: float | None = Field(default=None, gt=0)
    side: float | None = Field(default=None, gt=0)
    position: float | None = Field(default=None, gt=0)
    mean: float | None = Field(default=None, gt=0)


class TournamentConfig(Section):
    """How training debates are arranged and rated."""

    debates: int | None = Field(default=400, ge=2)
    waves: int = Field(default=4, ge=1)
    pairings: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=lambda: {"parent": 0.5, "informative": 0.4, "anchors": 0.1}
    )
    rounds: int | None = Field(default=None, ge=1)
    questions_per_pairing: int = Field(default=2, ge=1)
    questions_per_wave: int = Field(default=8, ge=1)
    teams: Literal["self", "neighbours"] = "self"
    rating: str = "bradley_terry"
    elo: EloConfig = EloConfig()
    bradley_terry: BradleyTerryConfig = BradleyTerryConfig()


class SelectionConfig(Section):
    """How a child takes a cell from its elite."""

    rule: str = "racing"
    accept: float = Field(default=0.5, gt=0, lt=1)
    reject: float = Field(default=0.3, ge=0, lt=1)
    challengers: int = Field(default=1, ge=0)
    patience: int = Field(default=3, ge=1)

    @model_validator(mode="after")
    def _check_thresholds(self) -> SelectionConfig:
        if self.reject > self.accept:
            raise ValueError(f"reject {self.reject} is above accept {self.accept}")
        return self


class MutationConfig(Section):
    """How children are written."""

    operators: dict[str, float] = Field(
        default={"rewrite": 0.4, "crossover": 0.2, "reflection": 0.2, "target": 0.2}
    )
    floor: float = Field(default=0.05, ge=0, le=1)
    prior_elites: float = Field(default=4.0, gt=0)
    window: int = Field(default=10, ge=0)
    shown_debates: int = Field(default=2, ge=1)
    shown_words: int = Field(default=80, ge=1)
    max_words: int = Field(default=200, ge=1)
    max_attempts: int = Field(default=3, ge=1)
    near_duplicate: float = Field(default=0.9, gt=0, le=1)
    shingle: int = Field(default=2, ge=1)
    leak_words: int = Field(default=8, ge=0)
    leak_content: bool = True
    embedder: str | None = None
    near_meaning: float = Field(default=0.98, gt=0, le=1)
    show_record: bool = True

    @model_validator(mode="after")
    def _check_shares(self) -> MutationConfig:
        """Refuse shares that leave no operator, or floors that leave nothing to adapt."""
        if any(not 0 <= share < math.inf for share in self.operators.values()):
            raise ValueError("the shares of operators are numbers of 0 or more")
        active = sum(share > 0 for share in self.operators.values())
        if not active:
            raise ValueError(
                "no operator has a share above 0; give one, e.g. operators: {rewrite: 1}"
            )
        if self.floor * active > 1:
            raise ValueError(f"floor {self.floor:g} for {active} operators is more than there is")
        return self


class ReportConfig(Section):
    """Debates on questions that no choice ever sees, to say what was gained."""

    every: int = Field(default=1, ge=0)
    questions: int = Field(default=16, ge=0)
    score: Literal["credence", "win"] = "credence"


class LimitsConfig(Section):
    """When a run gives up."""

    unusable_share: float = Field(default=0.5, ge=0, le=1)
    unusable_after: int = Field(default=20, ge=1)


class EvolutionConfig(Section):
    """The loop."""

    generations: int = Field(default=12, ge=0, le=100_000)
    children: int = Field(default=28, ge=1)
    archive: ArchiveConfig = ArchiveConfig()
    parents: ParentsConfig = ParentsConfig()
    tournament: TournamentConfig = TournamentConfig()
    selection: SelectionConfig = SelectionConfig()
    mutation: MutationConfig = MutationConfig()
    report: ReportConfig = ReportConfig()
    limits: LimitsConfig = LimitsConfig()


class TrackingConfig(Section):
    """Weights & Biases."""

    wandb: Literal["auto", "offline", "online", "disabled"] = "auto"
    project: str = "debateqd"
    entity: str | None = None
    tags: tuple[str, ...] = Field(default=(), strict=False)


class RunConfig(Section):
    """Everything that determines a run."""

    version: Literal[1] = 1
    name: str = Field(default="", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    objective: Objective = "persuasion"
    mix_weight: float = Field(default=0.5, ge=0, le=1)
    seed: int = Field(default=0, ge=0)
    questions: QuestionsConfig = QuestionsConfig()
    debate: Held[DebateSettings] = Field(default_factory=dict, validate_default=True)
    models: ModelsConfig = Field(default_factory=lambda: ModelsConfig.model_validate({}))
    evolution: EvolutionConfig = EvolutionConfig()
    budget: Held[Limits] = Limits()
    tracking: TrackingConfig = TrackingConfig()

    @model_validator(mode="before")
    @classmethod
    def _fill_name(cls, data: Any) -> Any:
        """Name a run after its objective and seed where it has no name of its own."""
        if not isinstance(data, Mapping) or data.get("name") not in (None, ""):
            return data
        objective, seed = data.get("objective", "persuasion"), data.get("seed", 0)
        return {**data, "name": f"{objective}-seed{seed}"}

    @field_validator("debate", mode="before")
    @classmethod
    def _fill_objective(cls, rules: Any, info: ValidationInfo) -> Any:
        """Let debates have the objective of the run; it is no key of the section ``debate``."""
        run = {name: info.data[name] for name in OF_RUN if name in info.data}
        if isinstance(rules, DebateSettings):
            return replace(rules, **run)
        if not isinstance(rules, Mapping):
            return rules
        for name in OF_RUN:
            if name in rules:
                raise FieldError(name, rules[name], f"set '{name}' at the top, outside 'debate'")
        return {**rules, **run}

    def debater_sampling(self) -> Sampling:
        """Return how speeches are drawn."""
        models = self.models
        return Sampling(models.max_tokens, models.temperature, models.top_p)

    def mutator_sampling(self) -> Sampling:
        """Return how mutations are drawn."""
        models = self.models
        return Sampling(models.mutator_max_tokens, models.mutator_temperature, models.top_p)

    @property
    def truth_weight(self) -> float:
        """Weight of the truth objective: 0 for persuasion, 1 for truth."""
        return {"persuasion": 0.0, "truth": 1.0, "mix": self.mix_weight}[self.objective]

    def to_json(self) -> dict[str, Any]:
        """Return the resolved configuration as plain data, in the order of its fields."""
        return self.model_dump(mode="json", exclude={"debate": set(OF_RUN)})
