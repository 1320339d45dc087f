"""Corrected quality-diversity metrics: what an archive is worth, beside what it says.

An archive keeps whatever looked best, and what looks best was lucky. So every elite debates anew on
questions that no choice depended on. Its fitness and its behaviour are measured in those debates
alone, and it enters an *empty* archive of the same axes: that archive's QD-score and coverage are
the corrected ones (Flageat and Cully 2023, "Uncertain Quality-Diversity: Evaluation Methodology and
New Methods for Quality-Diversity in Uncertain Domains"). The *illusion* is the reported value minus
the corrected one.

Both are in the same unit: score above the seeds, see :mod:`debateqd.qd.measures.score_units`.
Ratings are translated into it; fresh debates are counted. The QD-score is the sum over filled cells
of (score - offset); the default offset is the worst possible score, so that a filled cell never
counts less than an empty one, and it is reported with the score.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debateqd.qd.archive.axes import Unplaceable, Value
from debateqd.qd.archive.base import ArchiveProtocol, Entry
from debateqd.qd.archive.registry import archive_from_dict
from debateqd.qd.descriptors.base import BehaviourSummary, Descriptor
from debateqd.qd.measures.score_units import (
    UNIT,
    ReportRow,
    Scale,
    corrected_progress,
    reported_progress,
)
from debateqd.qd.statistics import Estimate, plain, spread_interval, wilson
from debateqd.qd.strategy import Strategy

__all__ = [
    "UNIT",
    "FreshLook",
    "QDMetrics",
    "ReportRow",
    "Scale",
    "corrected_progress",
    "corrected_qd",
    "empty_like",
    "refill",
    "reported_progress",
    "worst_score",
]

Floats = NDArray[np.float64]


def worst_score(truth_weight: float, seed_truth: float = 0.5) -> float:
    """Return the lowest score above the seeds that there is: losing everything.

    Args:
        truth_weight: 0 for persuasion, 1 for truth, between them for the mix.
        seed_truth: What the seeds reach in debates with themselves.
    """
    return -(1 - truth_weight) * 0.5 - truth_weight * seed_truth


@dataclass(frozen=True)
class FreshLook:
    """An elite as the run reported it, and as fresh debates show it.

    Attributes:
        strategy: The strategy.
        reported: Its reported score above the seeds; ``None`` where the rating says nothing of it.
        scores: Fresh scores above the seeds.
        passages: Passage of each of them.
        behaviours: What was counted in its fresh speeches, by passage.
    """

    strategy: Strategy
    reported: float | None
    scores: Sequence[float]
    passages: Sequence[str]
    behaviours: Mapping[str, BehaviourSummary]


@dataclass(frozen=True, slots=True)
class QDMetrics:
    """Reported beside corrected metrics; every estimate with a 95 % interval over passages.

    Attributes:
        unit: Unit of fitness, as in ``UNIT``; values are shares, 0.01 for a percentage point.
        offset: Offset of all QD-scores.
        elites: Elites of the archive.
        measured: Those of them with fresh scores.
        cells: Cells that count.
        reported_qd_score: QD-score of the archive as reported; ``None`` where ratings say nothing.
        qd_score: QD-score of the corrected archive.
        illusion: Reported minus corrected.
        qd_score_in_place: QD-score with fresh scores, but everybody in the reported cell; what
            is between this and ``qd_score`` was lost to other cells and to better elites there.
        reported_mean: Mean reported score of the measured elites.
        mean: Mean fresh score of the measured elites.
        reported_coverage: Coverage as reported.
        coverage: Coverage of the corrected archive.
        coverage_illusion: Reported minus corrected coverage.
        stability: Share of the measured elites whose fresh behaviour falls into their cell.
        out_of_place: Elites whose fresh behaviour could not be placed.
        carried_over: Axes whose value cannot be measured anew and was taken as reported.
    """

    unit: str
    offset: float
    elites: int
    measured: int
    cells: int
    reported_qd_score: float | None
    qd_score: Estimate
    illusion: Estimate | None
    qd_score_in_place: Estimate
    reported_mean: float | None
    mean: Estimate
    reported_coverage: float
    coverage: Estimate
    coverage_illusion: Estimate
    stability: Estimate
    out_of_place: int
    carried_over: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping."""
        return {f.name: plain(getattr(self, f.name)) for f in fields(self)}


def empty_like(archive: ArchiveProtocol) -> ArchiveProtocol:
    """Return an empty archive of the same kind and axes.

    Raises:
        InputError: The archive is none of the built-in ones.
    """
    return archive_from_dict({**archive.to_dict(), "cells": [], "out_of_range": {}})


def refill(archive: ArchiveProtocol, entries: Sequence[Entry]) -> ArchiveProtocol:
    """Put entries into an empty archive like this one; the fittest of a cell stays, ties by id."""
    fresh = empty_like(archive)
    fresh.place_all(sorted(entries, key=lambda e: (-e.fitness, e.strategy_id)))
    return fresh


@dataclass(frozen=True)
class _Rules:
    """How everybody is measured."""

    offset: float
    descriptors: Sequence[Descriptor] | None
    carried_over: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Elite:
    """An elite's fresh figures by passage, as arrays over the passages of all."""

    look: FreshLook
    entry: Entry
    home: tuple[int, ...]
    sums: Floats
    counts: Floats
    behaviour: Mapping[str, NDArray[np.int64]]

    def measured(self, weights: NDArray[np.int64], rules: _Rules) -> Entry | None:
        """Return the elite as measured on passages with these weights; ``None`` if on none."""
        number = float(weights @ self.counts)
        if not number:
            return None
        counted = {
            name: tuple(int(c) for c in weights @ table) for name, table in self.behaviour.items()
        }
        fresh: dict[str, Value] = BehaviourSummary(counted).behaviour(
            self.look.strategy, rules.descriptors
        )
        fresh |= {name: self.entry.behaviour[name] for name in rules.carried_over}
        fitness = float(weights @ self.sums) / number
        return Entry(self.look.strategy.strategy_id, fitness, fresh)


def corrected_qd(
    archive: ArchiveProtocol,
    looks: Sequence[FreshLook],
    *,
    offset: float,
    descriptors: Sequence[Descriptor] | None = None,
    resamples: int = 400,
    seed: int = 0,
) -> QDMetrics:
    """Measure an archive from fresh debates.

    Intervals resample passages, for all elites alike, and repeat the whole procedure: fitness,
    behaviour, insertion. They are the bootstrap's standard error times t, around the value (see
    :func:`debateqd.qd.statistics.spread_interval`). The reported values are taken as the claims
    they are.

    Args:
        archive: The archive as reported.
        looks: Its elites, as reported and as fresh debates show them; all of them, or nearly.
        offset: Offset of the QD-scores, in the unit of the scores.
        descriptors: What was counted; the default descriptors if not given.
        resamples: Bootstrap resamples.
        seed: Seed of the resampling.

    Raises:
        ValueError: A strategy is no elite of the archive.
        InputError: The archive is none of the built-in ones.
    """
    passages = sorted({p for look in looks for p in look.passages})
    elites = [_prepare(archive, look, passages) for look in looks]
    rules = _Rules(offset, descriptors)
    rules = replace(rules, carried_over=_carried_over(elites, rules))
    everything = np.ones(len(passages), dtype=np.int64)
    point = _measure(archive, elites, everything, rules)
    g = len(passages)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(g, np.full(g, 1 / g), size=resamples) if g > 1 else ()
    draws = np.array([_measure(archive, elites, row, rules) for row in weights])
    draws = draws.reshape(len(weights), len(point))
    n = sum(len(look.scores) for look in looks)
    values = [
        spread_interval(value, draws[:, k], n, g) if not math.isnan(value) else _none(n, g)
        for k, value in enumerate(point)
    ]
    score, in_place, mean, coverage, stability = values
    everybody = all(look.reported is not None for look in looks) and len(looks) > 0
    reported = [
        Entry(e.strategy_id, look.reported or 0.0, e.behaviour)
        for look in looks
        if (e := archive.get(look.strategy.strategy_id)) is not None
    ]
    reported_score = refill(archive, reported).qd_score(offset) if everybody else None
    known = [look.reported for look in looks if look.reported is not None and look.scores]
    measured = sum(bool(look.scores) for look in looks)
    return QDMetrics(
        unit=UNIT,
        offset=offset,
        elites=len(archive.elites()),
        measured=measured,
        cells=archive.size,
        reported_qd_score=reported_score,
        qd_score=score,
        illusion=None if reported_score is None else _minus(reported_score, score),
        qd_score_in_place=in_place,
        reported_mean=math.fsum(known) / len(known) if everybody and known else None,
        mean=mean,
        reported_coverage=archive.coverage(),
        coverage=_share(coverage),
        coverage_illusion=_minus(archive.coverage(), coverage),
        stability=_unanimous(_share(stability), measured),
        out_of_place=sum(
            isinstance(archive.cell_of(entry.behaviour), Unplaceable)
            for elite in elites
            if (entry := elite.measured(everything, rules)) is not None
        ),
        carried_over=rules.carried_over,
    )


def _prepare(archive: ArchiveProtocol, look: FreshLook, passages: Sequence[str]) -> _Elite:
    entry = archive.get(look.strategy.strategy_id)
    if entry is None:
        raise ValueError(f"{look.strategy.strategy_id} is not in the archive")
    spot = archive.cell_of(entry.behaviour)
    place = {passage: k for k, passage in enumerate(passages)}
    where = [place[p] for p in look.passages]
    sums = np.bincount(where, weights=np.asarray(look.scores, dtype=float), minlength=len(place))
    counts = np.bincount(where, minlength=len(place)).astype(float)
    names = {name for summary in look.behaviours.values() for name in summary.counts}
    tables: dict[str, NDArray[np.int64]] = {}
    for name in sorted(names):
        rows = {p: s.counts[name] for p, s in look.behaviours.items() if name in s.counts}
        width = len(next(iter(rows.values())))
        table = np.zeros((len(passages), width), dtype=np.int64)
        for passage, row in rows.items():
            if passage in place:
                table[place[passage]] = row
        tables[name] = table
    home = () if isinstance(spot, Unplaceable) else spot.cell
    return _Elite(look, entry, home, sums.astype(float), counts, tables)


def _measure(
    archive: ArchiveProtocol,
    elites: Sequence[_Elite],
    weights: NDArray[np.int64],
    rules: _Rules,
) -> tuple[float, float, float, float, float]:
    """QD-score, QD-score in place, mean score, coverage and stability on weighted passages."""
    fresh: list[Entry] = []
    in_place: list[Entry] = []
    kept = 0
    for elite in elites:
        entry = elite.measured(weights, rules)
        if entry is None:
            continue
        fresh.append(entry)
        in_place.append(Entry(entry.strategy_id, entry.fitness, elite.entry.behaviour))
        spot = archive.cell_of(entry.behaviour)
        kept += not isinstance(spot, Unplaceable) and spot.cell == elite.home
    refilled = refill(archive, fresh)
    scores = [entry.fitness for entry in fresh]
    return (
        refilled.qd_score(rules.offset),
        refill(archive, in_place).qd_score(rules.offset),
        math.fsum(scores) / len(scores) if scores else math.nan,
        refilled.coverage(),
        kept / len(fresh) if fresh else math.nan,
    )


def _none(n: int, clusters: int) -> Estimate:
    return Estimate(math.nan, math.nan, math.nan, n, clusters)


def _minus(reported: float, corrected: Estimate) -> Estimate:
    """A fixed claim minus an estimate."""
    return Estimate(
        reported - corrected.value,
        reported - corrected.high,
        reported - corrected.low,
        corrected.n,
        corrected.clusters,
    )


def _share(estimate: Estimate) -> Estimate:
    low, high = max(0.0, estimate.low), min(1.0, estimate.high)
    return Estimate(estimate.value, low, high, estimate.n, estimate.clusters)


def _unanimous(estimate: Estimate, elites: int) -> Estimate:
    """Where no resample moved any elite, the spread is unknown and Wilson's interval stands in."""
    if estimate.high > estimate.low or math.isnan(estimate.value):
        return estimate
    low, high = wilson(estimate.value * elites, elites)
    return Estimate(estimate.value, low, high, estimate.n, estimate.clusters)


def _carried_over(elites: Sequence[_Elite], rules: _Rules) -> tuple[str, ...]:
    """Name the behaviour that no elite's fresh speeches measure, e.g. because a model labels it."""
    names = {name for elite in elites for name in elite.entry.behaviour}
    for elite in elites:
        counted = {
            name: tuple(map(int, table.sum(axis=0))) for name, table in elite.behaviour.items()
        }
        fresh = BehaviourSummary(counted).behaviour(elite.look.strategy, rules.descriptors)
        names -= {name for name, value in fresh.items() if value is not None}
    return tuple(sorted(name for name in names if all(name in e.entry.behaviour for e in elites)))
