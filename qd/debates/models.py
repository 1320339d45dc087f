"""The chat models of a run: engines under a budget, garbage asked for again, journalled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from debate_env.errors import InputError
from debateqd.agents.models.base import ChatModel, delivery_of, notes_of
from debateqd.agents.models.budget import Budget, BudgetedModel
from debateqd.agents.models.journal import Journal, JournalledModel
from debateqd.agents.models.redraw import RedrawnModel
from debateqd.agents.models.registry import make_model
from debateqd.qd.config.schema import ROLES, ModelsConfig, RunConfig, is_simulated

JOURNAL = "journal.sqlite"
"""Name of a run's own journal in its directory."""


@dataclass(frozen=True)
class Models:
    """The chat models of a run; roles may share one.

    ``budget`` is what all of them may spend; their replies are kept in ``journal``.
    """

    debater: ChatModel
    judge: ChatModel
    mutator: ChatModel
    budget: Budget = field(default_factory=Budget)
    journal: Journal | None = None

    def distinct(self) -> list[ChatModel]:
        """Return the models, each once."""
        return list({id(m): m for m in (self.debater, self.judge, self.mutator)}.values())

    def notes(self) -> list[str]:
        """Return what the models have to say at the start, a line each."""
        lines = [line for model in self.distinct() for line in notes_of(model)]
        return list(dict.fromkeys(lines))

    def delivery(self) -> dict[str, Counter[str]]:
        """Return what delivery took in this process so far, by model name."""
        found: dict[str, Counter[str]] = {}
        for model in self.distinct():
            found.setdefault(model.name, Counter()).update(delivery_of(model))
        return found

    def note_time(self) -> None:
        """Write down in the journal how long the run has taken, for a budget in seconds."""
        if self.journal is not None:
            self.journal.note_seconds(self.budget.seconds)

    def close(self) -> None:
        """Release all of them, each once, and close the journal."""
        try:
            for model in self.distinct():
                model.close()
        finally:
            if self.journal is not None:
                self.journal.close()


def make_models(config: RunConfig, roles: Sequence[str] = ROLES) -> Models:
    """Make the models of a configuration; :func:`equip` puts them to work.

    No model is loaded for a role that is not named; that of the first role stands in its place.

    Raises:
        InputError: A specification is unknown or wrong, or a model cannot be made; or the budget
            is in money and the price of a model is unknown.
    """
    settings = config.models
    check_prices(config, roles)
    made: dict[str, ChatModel] = {}
    found: dict[str, ChatModel] = {}
    try:
        for role in roles:
            key = repr((settings.spec(role), sorted(settings.options(role).items())))
            if key not in made:
                made[key] = _make(settings, role)
            found[role] = made[key]
    except BaseException:
        for model in made.values():
            model.close()
        raise
    first = found[roles[0]]
    debater, judge, mutator = (found.get(role, first) for role in ROLES)
    return Models(debater, judge, mutator)


def note_found(config: RunConfig, models: Models) -> RunConfig:
    """Return a configuration that holds what was found out about the servers of its models."""
    entries: list[dict[str, Any]] = []
    for model in models.distinct():
        roles = [role for role in ROLES if getattr(models, role) is model]
        if found := getattr(model, "found", None):
            entries.append({"model": config.models.spec(roles[0]), "roles": roles, **found})
    return with_found(config, entries) if entries else config


def with_found(config: RunConfig, entries: Sequence[dict[str, Any]]) -> RunConfig:
    """Return a configuration that knows this of its servers; nothing: they are asked again."""
    models = config.models.model_copy(update={"found": tuple(entries)})
    return config.model_copy(update={"models": models})


def _make(settings: ModelsConfig, role: str) -> ChatModel:
    spec, options = settings.spec(role), settings.options(role)
    for entry in settings.found:
        if entry.get("model") == spec and role in entry.get("roles", ()):
            names = {k: v for k, v in entry.items() if k not in ("model", "roles")}
            options = {**options, "found": names}
    try:
        return make_model(spec, **options)
    except InputError as error:
        raise InputError(f"{settings.key(role)}: {error}") from None


def equip(models: Models, config: RunConfig, journal: Path | None, run: str = "") -> Models:
    """Put models under the budget of a configuration, and their replies into a journal.

    Args:
        models: The bare models.
        config: The configuration.
        journal: The file that keeps every reply; ``None``: none is kept.
        run: Names the run in a journal that several runs share.

    Returns:
        The same models, wrapped; closing them closes the bare ones and the journal.

    Raises:
        InputError: The file is no journal, or cannot be opened.
    """
    book = Journal(journal, run) if journal is not None else None
    budget = Budget(
        config.budget,
        config.models.price_table(),
        spent=book.spent() if book is not None else None,
        seconds=book.seconds() if book is not None else 0.0,
    )
    wrapped: dict[int, ChatModel] = {}
    for model in models.distinct():
        limited: ChatModel = BudgetedModel(model, budget)
        if not is_simulated(model.name):  # whose words are ours
            limited = RedrawnModel(limited)
        wrapped[id(model)] = limited if book is None else JournalledModel(limited, book)
    debater, judge, mutator = (wrapped[id(getattr(models, role))] for role in ROLES)
    return Models(debater, judge, mutator, budget, book)


def check_prices(config: RunConfig, roles: Sequence[str] = ROLES) -> None:
    """Refuse a budget in money where a price is unknown."""
    if config.budget.money is None:
        return
    for role in roles:
        spec = config.models.spec(role)
        if spec not in config.models.price_table():
            raise InputError(
                f"budget.money: the price of '{spec}' is unknown; give it under models.prices, as "
                f"in {{'{spec}': {{prompt: 0.5, completion: 1.5}}}} per million tokens"
            )
