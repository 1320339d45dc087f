"""The batch rating: most probable strengths, their covariance, and every scale from the data.

The model is that of :mod:`debateqd.qd.ratings.design`. :func:`fit_games` needs arrays only; results
are in Elo points, strengths relative to the mean of a panel, by default all strategies without
parents: games tell differences alone, and a panel that everybody is compared with makes them
comparable over time.

Without ``start`` the result is a function of games, lineages and priors alone, whatever was fitted
before. With ``start`` the scales are held and Newton's method begins at the last parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from debateqd.qd.ratings.design import GROUPS, Design, Scales
from debateqd.qd.ratings.games import Games
from debateqd.qd.ratings.large import LargeMode, oldest
from debateqd.qd.ratings.mode import PosteriorMode
from debateqd.qd.ratings.scales import FIRST, estimate, free_groups
from debateqd.qd.statistics import ELO, Floats, Ints

SMALL = 800
"""Of more parameters the scales are those of the oldest so many, as finding them takes long."""


@dataclass(frozen=True)
class Priors:
    """Prior standard deviations in Elo points, and dispersion, as in :class:`.design.Scales`.

    ``None`` is estimated from the data; for side, position and mean, which are single numbers and
    so have no scale to estimate, it is :data:`WIDE`.
    """

    root: float | None = None
    mutation: float | None = None
    question: float | None = None
    side: float | None = None
    position: float | None = None
    mean: float | None = None
    dispersion: float | None = None


WIDE = 300.0
"""Prior standard deviation, in Elo points, of an effect that is a single number."""


@dataclass(frozen=True, eq=False)
class Start:
    """Where a refit begins: scales that are held, and parameters.

    Attributes:
        groups: The scales that were estimated.
        unknown: Covariance of their logarithms, (k, k).
        parameters: Strengths, question deviations and beta, gamma, mu, in logits; not anchored.
    """

    scales: Scales
    groups: tuple[str, ...] = ()
    unknown: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    parameters: tuple[Floats, Floats, Floats] | None = None


@dataclass(frozen=True, eq=False)
class Fit:
    """Ratings of n strategies, in Elo points.

    Attributes:
        strengths: Relative to the panel's mean, (n,).
        living: Strategies whose covariance is known, (l,).
        covariance: Of their strengths relative to the panel's mean, (l, l).
        questions: The questions' deviations b, (m,).
        question_deviations: Their posterior standard deviations, (m,).
        side: beta and its standard deviation; for teams relative to the panel's mean, as strengths
            are.
        position: gamma and its standard deviation.
        mean: mu and its standard deviation.
        scales: Prior standard deviations and dispersion, estimated or given.
        log_deviations: Standard deviation of the logarithm of each estimated scale.
        games: Games of each strategy, (n,).
        panel: The strategies whose mean strength is 0.
        start: For the next refit.
    """

    strengths: Floats
    living: Ints
    covariance: Floats
    questions: Floats
    question_deviations: Floats
    side: tuple[float, float]
    position: tuple[float, float]
    mean: tuple[float, float]
    scales: Scales
    log_deviations: dict[str, float]
    games: Ints
    panel: Ints
    start: Start = field(repr=False)

    @property
    def deviations(self) -> Floats:
        """Posterior standard deviations of the living ones' strengths, (l,)."""
        return np.sqrt(np.maximum(self.covariance.diagonal(), 0))


def fit_games(
    games: Games,
    n: int,
    parents: ArrayLike | Sequence[Sequence[int]] | None = None,
    *,
    priors: Priors = Priors(),
    questions: int | None = None,
    panel: ArrayLike | None = None,
    living: ArrayLike | None = None,
    start: Start | None = None,
) -> Fit:
    """Rate strategies.

    Args:
        games: The games.
        n: Number of strategies; those without games count too.
        parents: Parents of every strategy: (n,) with -1 for none, (n, k) filled up with -1, or a
            sequence of sequences. ``None``: nobody has any.
        priors: Scales that are given; all others are estimated.
        questions: Number of questions, if some were never asked.
        panel: Strategies whose mean is 0; by default those without parents.
        living: Strategies whose covariance is wanted; by default all.
        start: Scales to hold, and where to begin.

    Returns:
        Finite numbers, whatever the games are.

    Raises:
        ValueError: The arrays do not fit together.
    """
    design = Design(games, n, parents, questions)
    anchors = design.roots if panel is None else np.asarray(panel, dtype=np.int64)
    alive = np.arange(n) if living is None else np.asarray(living, dtype=np.int64)
    wanted = np.union1d(anchors, alive)
    small, mode = design.size <= SMALL, None
    if start is None:
        some = design if small else oldest(design, SMALL)
        fixed = [g for g in GROUPS if getattr(priors, g) is not None]
        groups = free_groups(some, fixed)
        mode, unknown = estimate(some, first_scales(priors), groups, priors.dispersion is None)
        start = Start(mode.scales, groups, unknown)
    if mode is None or not small:
        make = PosteriorMode if small else LargeMode
        mode = make(design, start.scales, _parameters(design, start))
    return _fit(mode, start.groups, start.unknown, anchors, alive, wanted)


def first_scales(priors: Priors) -> Scales:
    """Where the search for the scales begins."""
    values: dict[str, Any] = {g: getattr(priors, g) or FIRST for g in GROUPS}
    values |= {name: getattr(priors, name) or WIDE for name in ("side", "position", "mean")}
    return Scales(**values, dispersion=priors.dispersion or 1.0)


def _parameters(design: Design, start: Start) -> Floats:
    """Begin where the last fit ended; who is new begins where the prior says."""
    w = np.zeros(design.size)
    if start.parameters is None:
        return w
    theta, b, effects = start.parameters
    known = min(len(theta), design.n)
    w[:known] = theta[:known]
    asked = min(len(b), design.m)
    w[design.n : design.n + asked] = b[:asked]
    w[design.beta :] = effects
    for new in range(known, design.n):
        family = design.parents[new]
        family = family[family >= 0]
        if len(family):
            w[new] = w[family].mean() + effects[2]
    return w


def _first_order(mode: PosteriorMode, groups: tuple[str, ...], unknown: Floats) -> Floats:
    """What not knowing the scales adds to the covariance, as a factor F: it is F F'.

    To first order the parameters move by dw/d ln sigma = 2 S E'E w / sigma^2 when a scale does
    (Kass and Steffey 1989, "Approximate Bayesian inference in conditionally independent
    hierarchical models").
    """
    design, scales = mode.design, mode.scales
    kept = [k for k, group in enumerate(groups) if design.members(group)]
    if not kept:
        return np.zeros((design.size, 0))
    pulls = [design.pull(mode.w, groups[k]) * (2 / scales.variance(groups[k])) for k in kept]
    moves = mode.solve(np.column_stack(pulls))
    return np.asarray(moves @ np.linalg.cholesky(unknown[np.ix_(kept, kept)]))


def _fit(
    mode: PosteriorMode,
    groups: tuple[str, ...],
    unknown: Floats,
    panel: Ints,
    living: Ints,
    wanted: Ints,
) -> Fit:
    design, w = mode.design, mode.w
    n, beta = design.n, design.beta
    moves = _first_order(mode, groups, unknown)
    rows = moves[np.concatenate([wanted, np.arange(beta, beta + 3)])]
    block = mode.block(wanted) + rows @ rows.T
    own = np.searchsorted(wanted, living)
    covariance, zero = block[np.ix_(own, own)], 0.0
    if len(panel):
        zero = float(w[panel].mean())
        seats = np.searchsorted(wanted, panel)
        along = block[np.ix_(own, seats)].mean(axis=1)
        mean = float(block[np.ix_(seats, seats)].mean())
        covariance = covariance - along[:, None] - along[None, :] + mean
    games = design.games
    level, spread = w[beta], block[-3, -3]
    if len(panel) and games.form == "team":
        # A team's strength stands against the difficulty: both have the panel's mean as their zero.
        level, spread = level - zero, spread + mean - 2 * float(block[seats, -3].mean())
    played = np.bincount(games.first, minlength=n)
    played += np.bincount(games.second[games.second != games.first], minlength=n)
    asked = mode.question_variances() + np.square(moves[n:beta]).sum(axis=1)
    effects = [
        (float(ELO * value), float(ELO * np.sqrt(max(variance, 0.0))))
        for value, variance in zip(
            (level, *w[beta + 1 :]), (spread, *block.diagonal()[-2:]), strict=True
        )
    ]
    logs = np.sqrt(unknown.diagonal())
    return Fit(
        strengths=ELO * (w[:n] - zero),
        living=living,
        covariance=ELO**2 * covariance,
        questions=ELO * w[n:beta],
        question_deviations=ELO * np.sqrt(asked),
        side=effects[0],
        position=effects[1],
        mean=effects[2],
        scales=mode.scales,
        log_deviations={g: float(d) for g, d in zip(groups, logs, strict=True)},
        games=played.astype(np.int64),
        panel=panel,
        start=Start(mode.scales, groups, unknown, (w[:n], w[n:beta], w[beta:])),
    )
