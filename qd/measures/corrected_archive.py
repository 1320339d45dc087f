"""Corrected quality-diversity metrics: what an archive is worth, beside what it says.

An archive keeps whatever looked best, and what looks best was lucky. So every elite debates anew on
questions that no choice depended on. Its fitness and its behaviour are measured in those debates
alone, and it enters an *empty* archive of the same axes: that archive's QD-score and coverage are
the corrected ones (Flageat and Cully 2023, "Uncertain Quality-Diversity: Evaluation Methodology and
New Methods for Quality-Diversity in Uncertain Domains"). The *illusion* is the reported value minus
the corrected one.

Both are in the same unit: score above the seeds, see :mod:`debateqd.qd.measures.scores`.
Ratings are translated into it; fresh debates are counted. The QD-score is the sum over filled cells
of (score - offset); the default offset is the worst possible score, so that a filled cell never
counts less than an empty one, and it is reported with the score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from debateqd.qd.archive.axes import Unplaceable, Value
from debateqd.qd.archive.base import Entry, Spot
from debateqd.qd.archive.grid import Archive
from debateqd.qd.archive.registry import archive_from_dict
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.counting import contest_scores, measured, self_scores
from debateqd.qd.debates.matches import Match
from debateqd.qd.descriptors.base import BehaviourSummary, Descriptor, make_descriptors
from debateqd.qd.measures.scores import UNIT, Scale, above_seeds
from debateqd.qd.ratings import Ratings, make_rating
from debateqd.qd.statistics import ELO, NOTHING, Estimate, Floats, spread_interval
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.strategy import Strategy

OFFSET = -0.5
"""Offset of every QD-score: losing every debate. Fixed, so that runs can be compared."""

Play = Callable[[Sequence[Strategy], Sequence[Descriptor]], Sequence[Match]]
"""Plays the debates that measure strategies anew, and counts their behaviour."""


@dataclass(frozen=True)
class FreshLook:
    """An elite as the run reported it, and as fresh debates show it.

    ``reported`` and ``scores``, with a passage each, are scores above the seeds; ``reported`` is
    ``None`` where the rating says nothing of it. ``behaviours`` were counted in its fresh speeches,
    by passage.
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
        measured: Elites of the archive with fresh scores.
        reported_qd_score: QD-score of the archive as reported; ``None`` where ratings say nothing.
        qd_score: QD-score of the corrected archive.
        illusion: Reported minus corrected.
        qd_score_in_place: QD-score with fresh scores, but every elite in its reported cell; what
            is between this and ``qd_score`` was lost to other cells and to better elites there.
        reported_mean: Mean reported score of the measured elites.
        mean: Mean fresh score of the measured elites.
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


def refill(archive: Archive, entries: Sequence[Entry]) -> Archive:
    """Put entries into an empty archive like this one; the fittest of a cell stays, ties by id."""
    fresh = archive_from_dict({**archive.to_dict(), "cells": [], "out_of_range": {}})
    fresh.place_all(sorted(entries, key=lambda e: (-e.fitness, e.strategy_id)))
    return fresh


@dataclass(frozen=True)
class _Elite:
    """An elite's fresh figures by passage, as arrays over the passages of all."""

    look: FreshLook
    entry: Entry
    home: tuple[int, ...]
    sums: Floats
    counts: Floats
    behaviour: Mapping[str, NDArray[np.int64]]

    def shown(
        self, weights: NDArray[np.int64], descriptors: Sequence[Descriptor] | None
    ) -> dict[str, Value]:
        """Return its behaviour on passages with these weights."""
        counted = {name: tuple(map(int, weights @ t)) for name, t in self.behaviour.items()}
        return dict(BehaviourSummary(counted).behaviour(self.look.strategy, descriptors))


def corrected_qd(
    archive: Archive,
    looks: Sequence[FreshLook],
    *,
    offset: float,
    reach: float = 0.5,
    descriptors: Sequence[Descriptor] | None = None,
    resamples: int = 400,
    seed: int = 0,
) -> QDMetrics:
    """Measure an archive from fresh debates.

    Intervals resample passages, for all elites alike, and repeat the whole procedure: fitness,
    behaviour, insertion; see :func:`debateqd.qd.statistics.spread_interval`. No formula knows how
    elites move between cells and displace each other. The reported values are taken as the claims
    they are.

    ``looks`` are all elites of the archive, or nearly; ``offset`` is in the unit of their scores,
    which lie between ``-reach`` and ``reach``;
    ``descriptors`` say what was counted (the default ones).

    Raises:
        ValueError: A strategy is no elite of the archive.
        InputError: The archive is none of the built-in ones.
    """
    passages = sorted({p for look in looks for p in look.passages})
    elites = [_prepare(archive, look, passages) for look in looks]
    everything = np.ones(len(passages), dtype=np.int64)
    carried_over = _carried_over(elites, everything, descriptors)

    def remeasured(weights: NDArray[np.int64]) -> list[tuple[_Elite, Entry]]:
        """Elites as measured on passages with these weights, if on any."""
        found = []
        for elite in elites:
            if number := float(weights @ elite.counts):
                fresh = elite.shown(weights, descriptors)
                fresh |= {name: elite.entry.behaviour[name] for name in carried_over}
                fitness = float(weights @ elite.sums) / number
                found.append((elite, replace(elite.entry, fitness=fitness, behaviour=fresh)))
        return found

    def figures(weights: NDArray[np.int64]) -> tuple[float, ...]:
        """QD-score, QD-score in place, mean score, coverage, stability on weighted passages."""
        both = remeasured(weights)
        spots = [(elite.home, archive.cell_of(entry.behaviour)) for elite, entry in both]
        kept = sum(isinstance(spot, Spot) and spot.cell == home for home, spot in spots)
        refilled = refill(archive, [entry for _, entry in both])
        in_place = [replace(elite.entry, fitness=entry.fitness) for elite, entry in both]
        return (
            refilled.qd_score(offset),
            refill(archive, in_place).qd_score(offset),
            math.fsum(entry.fitness for _, entry in both) / len(both) if both else math.nan,
            refilled.coverage(),
            kept / len(both) if both else math.nan,
        )

    point = figures(everything)
    g = len(passages)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(g, np.full(g, 1 / g), size=resamples) if g > 1 else ()
    draws = np.array([figures(row) for row in weights])
    draws = draws.reshape(len(weights), len(point))
    n = sum(len(look.scores) for look in looks)

    measured = sum(bool(look.scores) for look in looks)
    most = len(archive.elites())
    whole = (min(0.0, most * (-reach - offset)), most * (reach - offset))
    ranges = (whole, whole, (-reach, reach), (0.0, 1.0), (0.0, 1.0))
    score, in_place, mean, coverage, stability = (
        replace(NOTHING, n=n, clusters=g)
        if math.isnan(value)
        else spread_interval(value, draws[:, figure], n, g, within)
        for figure, (value, within) in enumerate(zip(point, ranges, strict=True))
    )
    claimed = all(look.reported is not None for look in looks) and len(looks) > 0
    reported = [replace(elite.entry, fitness=elite.look.reported or 0.0) for elite in elites]
    reported_score = refill(archive, reported).qd_score(offset) if claimed else None
    known = [look.reported for look in looks if look.reported is not None and look.scores]
    return QDMetrics(
        unit=UNIT,
        offset=offset,
        elites=most,
        measured=measured,
        cells=archive.size,
        reported_qd_score=reported_score,
        qd_score=score,
        illusion=None if reported_score is None else _minus(reported_score, score),
        qd_score_in_place=in_place,
        reported_mean=math.fsum(known) / len(known) if claimed and known else None,
        mean=mean,
        reported_coverage=archive.coverage(),
        coverage=coverage,
        coverage_illusion=_minus(archive.coverage(), coverage),
        stability=stability,
        out_of_place=sum(
            isinstance(archive.cell_of(entry.behaviour), Unplaceable)
            for _, entry in remeasured(everything)
        ),
        carried_over=carried_over,
    )


def _prepare(archive: Archive, look: FreshLook, passages: Sequence[str]) -> _Elite:
    entry = archive.get(look.strategy.strategy_id)
    if entry is None:
        raise ValueError(f"{look.strategy.strategy_id} is not in the archive")
    spot = archive.cell_of(entry.behaviour)
    place = {passage: k for k, passage in enumerate(passages)}
    where = [place[p] for p in look.passages]
    sums = np.bincount(where, weights=np.asarray(look.scores, dtype=float), minlength=len(place))
    counts = np.bincount(where, minlength=len(place)).astype(float)
    tables: dict[str, NDArray[np.int64]] = {}
    for passage, summary in look.behaviours.items():
        for name, row in summary.counts.items():
            table = tables.setdefault(name, np.zeros((len(place), len(row)), dtype=np.int64))
            if passage in place:
                table[place[passage]] = row
    home = spot.cell if isinstance(spot, Spot) else ()
    return _Elite(look, entry, home, sums.astype(float), counts, tables)


def _minus(reported: float, corrected: Estimate) -> Estimate:
    """A fixed claim minus an estimate."""
    low, high = reported - corrected.high, reported - corrected.low
    return replace(corrected, value=reported - corrected.value, low=low, high=high)


def _carried_over(
    elites: Sequence[_Elite],
    everything: NDArray[np.int64],
    descriptors: Sequence[Descriptor] | None,
) -> tuple[str, ...]:
    """Name the behaviour that no elite's fresh speeches measure, e.g. because a model labels it."""
    names = {name for elite in elites for name in elite.entry.behaviour}
    for elite in elites:
        fresh = elite.shown(everything, descriptors)
        names -= {name for name, value in fresh.items() if value is not None}
    return tuple(sorted(name for name in names if all(name in e.entry.behaviour for e in elites)))


def fit_ratings(run: RunDirectory, config: RunConfig, living: Sequence[str]) -> Ratings:
    """Rate the run's strategies from its log, in the view that the run selects by."""
    rated = [match for match in run.matches() if match.phase != "report"]
    view = make_rating(config.evolution, config.truth_weight)
    return view.fit(rated, run.strategies(), run.archive()["generation"], living=living)


def scale_of(ratings: Ratings, seeds: Sequence[Strategy], config: RunConfig) -> Scale | None:
    """Return what translates ratings into score; ``None`` where they say nothing of the seeds.

    Plain Elo rates all players. Where no seed is rated in the same view, a rating of 1100 is 100
    points above nobody in particular.
    """
    rated = [
        ratings.strategies[s.strategy_id] for s in seeds if s.strategy_id in ratings.strategies
    ]
    if not rated:
        return None
    points = ELO
    if config.evolution.tournament.rating == "elo":
        elo = config.evolution.tournament.elo
        points = elo.scale / math.log(elo.base)
    return Scale(tuple(rated), tuple(ratings.questions.values()), config.truth_weight, points)


def rated_score(config: RunConfig) -> str:
    """Return what a debate counts in the ratings of a run: ``"credence"`` or ``"win"``."""
    tournament = config.evolution.tournament
    known = {"elo": tournament.elo.score, "bradley_terry": tournament.bradley_terry.score}
    return known.get(tournament.rating, config.evolution.report.score)


def looks_of(
    elites: Sequence[Strategy],
    archive: Archive,
    scale: Scale | None,
    matches: Sequence[Match],
    seed_matches: Sequence[Match],
    score: str,
    truth_weight: float,
) -> list[FreshLook]:
    """Sum up what fresh debates show of every elite.

    ``matches`` are fresh, of phase ``archive``; ``seed_matches`` are the seeds' debates with
    themselves on the same questions.
    """
    found = above_seeds(
        contest_scores(measured(matches), score),
        self_scores(measured(matches), score),
        self_scores(measured(seed_matches), score),
        truth_weight,
    )
    shown: dict[str, dict[str, BehaviourSummary]] = {}
    for match in matches:
        if match.behaviour is not None:
            own = shown.setdefault(match.subject, {})
            own[match.passage] = own.get(match.passage, BehaviourSummary()) + match.behaviour
    looks = []
    for strategy in elites:
        entry = archive.get(strategy.strategy_id)
        own_scores = [seen for (name, _), seen in found.items() if name == strategy.strategy_id]
        looks.append(
            FreshLook(
                strategy,
                None if scale is None or entry is None else scale.score(entry.fitness),
                [value for value, _ in own_scores],
                [passage for _, passage in own_scores],
                shown.get(strategy.strategy_id, {}),
            )
        )
    return looks


def measure_archive(
    run: RunDirectory,
    config: RunConfig,
    seeds: Sequence[Strategy],
    seed_matches: Sequence[Match],
    play: Play,
) -> tuple[QDMetrics, tuple[str, ...]]:
    """Measure all elites of a run anew.

    ``seed_matches`` are the seeds' debates with themselves on these questions.

    Returns:
        The metrics, and what to be careful about.
    """
    archive, strategies = run.living(), run.strategies()
    elites = [strategies[entry.strategy_id] for entry in archive.elites()]
    weight, score = config.truth_weight, rated_score(config)
    ratings = fit_ratings(run, config, [s.strategy_id for s in elites])
    scale = scale_of(ratings, seeds, config)
    descriptors = make_descriptors(config.evolution.archive)
    matches = play(elites, descriptors)
    looks = looks_of(elites, archive, scale, matches, seed_matches, score, weight)
    metrics = corrected_qd(
        archive,
        looks,
        offset=OFFSET,
        reach=(1 + weight) / 2,  # persuasion counts from one half, truth from what seeds reach
        descriptors=descriptors,
        seed=config.seed,
    )
    return metrics, (*_warnings(config, scale, metrics), *ratings.warnings)


def _warnings(config: RunConfig, scale: Scale | None, metrics: QDMetrics) -> list[str]:
    found = []
    if scale is None:
        found.append(
            "No seed was rated in the view that this run selects by, so that its ratings promise "
            "nothing that could be checked; only the corrected figures are given."
        )
    elif 0 < config.truth_weight < 1:
        found.append("A mixed rating is translated approximately: it stands for both strengths.")
    if metrics.carried_over:
        names = ", ".join(metrics.carried_over)
        found.append(f"Not measured anew, but taken as reported: {names}.")
    if metrics.measured < metrics.elites:
        found.append(
            f"{metrics.elites - metrics.measured} of {metrics.elites} elites have no usable fresh "
            "debate and are left out of the corrected archive."
        )
    return found
