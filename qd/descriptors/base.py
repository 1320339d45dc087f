"""What every descriptor has in common: the Protocol, the registry, and summaries of behaviour."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import index
from typing import Any, Protocol, cast

from debate_env.errors import InputError, brief
from debate_env.plug_ins import make_part, misfit, wrong_result
from debateqd.qd.archive.axes import Axis, Bins, Labels, Value, default_axis
from debateqd.qd.config.schema import ArchiveConfig
from debateqd.qd.descriptors.basic import (
    Certainty,
    Family,
    Length,
    Readability,
    RebuttalShare,
    VerifiedQuoteShare,
)
from debateqd.qd.descriptors.clusters import make_embedding_cluster
from debateqd.qd.descriptors.labelling import LabelledFamily
from debateqd.qd.descriptors.utterances import SpeechFacts, Utterance
from debateqd.qd.registry import Registry
from debateqd.qd.strategy import Strategy


class Descriptor(Protocol):
    """One measured property of a strategy's behaviour. Pure: equal input, equal output."""

    @property
    def name(self) -> str:
        """Name in configuration files and of the axis."""

    @property
    def units(self) -> tuple[str, ...]:
        """What the counts count; empty when the value needs no speech."""

    def count(self, facts: SpeechFacts) -> tuple[int, ...]:
        """Count in one speech; one integer per unit."""

    def value(self, strategy: Strategy, counts: tuple[int, ...]) -> Value:
        """Turn the summed counts into the value; ``None`` when they do not suffice."""


DescriptorFactory = Callable[[ArchiveConfig], Descriptor]
"""Makes a descriptor from the section ``evolution.archive`` of a configuration."""

BASIC: tuple[Descriptor, ...] = (
    Family(),
    VerifiedQuoteShare(),
    RebuttalShare(),
    Length(),
    Readability(),
    Certainty(),
)
"""Descriptors that are measured in every run, in this order."""

DESCRIPTORS: Registry[Descriptor | DescriptorFactory] = Registry("descriptor")
for _descriptor in (*BASIC, LabelledFamily()):
    DESCRIPTORS.register(_descriptor.name, _descriptor)
DESCRIPTORS.register("embedding_cluster", make_embedding_cluster)


def needs_labels(archive: ArchiveConfig) -> bool:
    """Whether an axis rests on labels, so that a model has to be asked for them."""
    return any(axis.name == LabelledFamily.name for axis in archive.axes)


def make_descriptors(archive: ArchiveConfig) -> tuple[Descriptor, ...]:
    """Make what a run measures: the basic descriptors, then those that axes name beside them.

    Raises:
        InputError: An axis names no descriptor, one that cannot be made, or two of one name.
    """
    found = {d.name: d for d in BASIC}
    for number, axis in enumerate(archive.axes):
        descriptor = _make(axis.name, archive, f"evolution.archive.axes.{number}.name")
        if found.setdefault(descriptor.name, descriptor) is not descriptor:
            raise InputError(
                f"evolution.archive.axes.{number}.name: {axis.name!r} calls itself "
                f"{descriptor.name!r}, as another descriptor does; give it a name of its own"
            )
    return tuple(found.values())


def make_axes(archive: ArchiveConfig) -> tuple[Axis, ...]:
    """Make the axes of a configured archive.

    An axis has the edges of the configuration; without any, those of its descriptor: the default
    ones of :mod:`debateqd.qd.archive.axes`, or what the descriptor says in an attribute ``axis``.

    Raises:
        InputError: As for :func:`make_descriptors`; or an axis has unusable edges, or none.
    """
    axes: list[Axis] = []
    for number, wanted in enumerate(archive.axes):
        where = f"evolution.archive.axes.{number}"
        descriptor = _make(wanted.name, archive, f"{where}.name")
        own: Any = getattr(descriptor, "axis", None)
        try:
            if own is None or (isinstance(own, Bins) and wanted.edges is not None):
                axes.append(default_axis(descriptor.name, wanted.edges))
            elif not isinstance(own, Bins | Labels) or own.name != descriptor.name:
                raise InputError(
                    f"{wanted.name!r}: its attribute axis must be qd.archive.axes.Bins or .Labels "
                    f"of the name {descriptor.name!r}"
                )
            elif wanted.edges is not None:
                raise InputError(f"{wanted.name!r} has labels, not edges: leave its edges out")
            else:
                axes.append(own)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    return tuple(axes)


def _make(name: str, archive: ArchiveConfig, where: str) -> Descriptor:
    """Find a descriptor by name or import path, or have its factory make it."""
    try:
        part: Any = DESCRIPTORS.get(name)
        # A class is called without arguments, a function with the section evolution.archive.
        if isinstance(part, type):
            part = make_part("descriptor", name, part)
        elif callable(part) and not hasattr(part, "count"):
            part = make_part("descriptor", name, part, archive)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    flaw = misfit(part, Descriptor)
    if not flaw and not (
        isinstance(part.units, tuple | list) and all(isinstance(u, str) for u in part.units)
    ):
        flaw = f"has units {brief(part.units)}, which must be a tuple of texts"
    if flaw:
        raise InputError(
            f"{where}: {name!r} is no descriptor: a {type(part).__name__} that {flaw}; see "
            "docs/descriptors.md"
        )
    return cast("Descriptor", part)


def _counted(descriptor: Descriptor, facts: SpeechFacts) -> tuple[int, ...]:
    counts = descriptor.count(facts)
    try:
        whole = tuple(map(index, counts))
    except TypeError:
        whole = ()
    if len(whole) != len(descriptor.units):
        needed = f"{len(descriptor.units)} whole numbers, of {', '.join(descriptor.units)}"
        raise wrong_result(descriptor, "count", counts, needed)
    return whole


def _valued(descriptor: Descriptor, strategy: Strategy, counts: tuple[int, ...]) -> Value:
    value = descriptor.value(strategy, counts)
    number = isinstance(value, int | float) and math.isfinite(value)
    if value is not None and not isinstance(value, str) and not number:
        raise wrong_result(descriptor, "value", value, "a finite number, a text or None")
    return value


@dataclass(frozen=True, slots=True)
class BehaviourSummary:
    """Everything counted so far about one strategy; summaries of matches are added.

    Counts are integers and sums are exact: any order and grouping gives the same summary. The empty
    summary is the neutral element, and stands for a strategy that has not spoken.

    Attributes:
        counts: Summed counts by descriptor name.
    """

    counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    speeches: int = 0
    matches: int = 0

    @classmethod
    def of_match(
        cls, spoken: Sequence[Utterance], descriptors: Sequence[Descriptor] | None = None
    ) -> BehaviourSummary:
        """Count the speeches of one strategy in one match, those of both seats if it held both."""
        chosen = BASIC if descriptors is None else descriptors
        facts = [SpeechFacts.of(utterance) for utterance in spoken]
        counts = {
            d.name: tuple(map(sum, zip(*(_counted(d, f) for f in facts), strict=True)))
            for d in chosen
            if facts and d.units
        }
        return cls(counts, len(facts), 1)

    def __add__(self, other: BehaviourSummary) -> BehaviourSummary:
        """Add the counts of two summaries.

        Raises:
            ValueError: A descriptor's counts differ in number.
        """
        merged = dict(self.counts)
        for name, counts in other.counts.items():
            old = merged.get(name, (0,) * len(counts))
            merged[name] = tuple(a + b for a, b in zip(old, counts, strict=True))
        return BehaviourSummary(
            {name: merged[name] for name in sorted(merged)},
            self.speeches + other.speeches,
            self.matches + other.matches,
        )

    def behaviour(
        self, strategy: Strategy, descriptors: Sequence[Descriptor] | None = None
    ) -> dict[str, Value]:
        """Return the value of every descriptor, ``None`` where it is unmeasured."""
        chosen = BASIC if descriptors is None else descriptors
        return {
            d.name: _valued(d, strategy, self.counts.get(d.name, (0,) * len(d.units)))
            for d in chosen
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON-able data."""
        return {
            "matches": self.matches,
            "speeches": self.speeches,
            "counts": {name: list(self.counts[name]) for name in sorted(self.counts)},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BehaviourSummary:
        """Read what :meth:`to_dict` returned.

        Raises:
            InputError: A field is missing or of the wrong kind.
        """
        try:
            return cls(
                {str(n): tuple(int(v) for v in c) for n, c in data["counts"].items()},
                int(data["speeches"]),
                int(data["matches"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"behaviour summary {error!r}: it needs matches, speeches and counts (integers)"
            ) from error
