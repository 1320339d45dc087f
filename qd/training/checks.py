"""What can be wrong with a configuration beyond the types of its values, found before a run begins.

Nothing here makes a file, plays a debate or loads a model, so that a dry run and the start of a
real one refuse the same mistakes, and neither leaves anything behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import debateqd.qd.ratings.bradley_terry
import debateqd.qd.ratings.elo  # noqa: F401  (registers itself)
from debate_env.errors import InputError
from debateqd.agents.models.registry import check_model
from debateqd.qd.config.schema import ROLES, RunConfig
from debateqd.qd.descriptors.base import make_descriptors
from debateqd.qd.descriptors.embedding import make_embedder
from debateqd.qd.mutation.mutate import MutationSettings
from debateqd.qd.mutation.operators import make_mutator
from debateqd.qd.mutation.parents import parent_rule
from debateqd.qd.ratings import make_rating
from debateqd.qd.selection.acceptance import make_rule
from debateqd.qd.selection.pairing import PAIRINGS
from debateqd.qd.training.state import new_archive


def check_names(config: RunConfig) -> None:
    """Resolve every name of a part that a configuration holds, and its archive.

    Raises:
        InputError: Something goes by no such name, cannot be imported or cannot be called; says
            which key names it, and what is allowed.
    """
    for key, name, find in _named_parts(config):
        try:
            find(name)
        except InputError as error:
            raise InputError(f"{key}: {error}") from None
    selection, rating = config.evolution.selection, config.evolution.tournament.rating
    if make_rule(selection).needs_posterior and rating == "elo":
        raise InputError(
            f"evolution.selection.rule: '{selection.rule}' needs a rating that knows its own "
            "uncertainty; use evolution.tournament.rating=bradley_terry, or the rule 'rating'"
        )
    settings = config.evolution.archive
    make_descriptors(settings)
    try:
        new_archive(config.evolution)
    except InputError as error:
        where = "" if str(error).startswith("evolution.") else "evolution.archive: "
        raise InputError(f"{where}{error}") from None


def _named_parts(config: RunConfig) -> Iterator[tuple[str, str, Callable[[str], object]]]:
    """Key and name of every part that is chosen by name, and what makes it."""
    evolution = config.evolution
    tournament = evolution.tournament
    yield "evolution.parents.rule", evolution.parents.rule, parent_rule
    for name in tournament.pairings:
        yield f"evolution.tournament.pairings.{name}", name, lambda n: PAIRINGS.make(n, evolution)
    weight = config.truth_weight
    yield "evolution.tournament.rating", tournament.rating, lambda _: make_rating(evolution, weight)
    selection, settings = evolution.selection, MutationSettings()
    yield "evolution.selection.rule", selection.rule, lambda _: make_rule(selection)
    for name in evolution.mutation.operators:
        yield f"evolution.mutation.operators.{name}", name, lambda n: make_mutator(n, settings)
    if evolution.mutation.embedder:
        yield "evolution.mutation.embedder", evolution.mutation.embedder, make_embedder


def check_models(config: RunConfig) -> None:
    """Refuse specifications of models that would be refused when the run starts.

    A model of somebody's own is not imported for this; see
    :func:`debateqd.agents.models.registry.check_model`.

    Raises:
        InputError: Names the key and the specification.
    """
    for role in ROLES:
        try:
            check_model(config.models.spec(role))
        except InputError as error:
            raise InputError(f"{config.models.key(role)}: {error}") from None
