"""Scales of the priors from the data: maximum of the Laplace evidence, by Fisher scoring.

Scales and dispersion are found together: look at the data, step, and find the mode again.

For a group of m parameters with deviations d = E w and scale sigma (Lambda holds E'E / sigma^2),
and S = H^-1 at the mode, the derivative of the log evidence by ln sigma is (MacKay 1992, "Bayesian
Interpolation", section 4; the last term, what moving the mode does to the curvature, is the part
that Laplace's approximation adds for a likelihood that is not Gaussian)::

    |E w|^2 / sigma^2 + tr(E S E') / sigma^2 - m  -  1/2 sum_games h (dV/dz) (dz / d ln sigma)

with h the posterior variance of a game's predictor z. Its expected curvature is that of restricted
maximum likelihood::

    I_kl = 2 |E_k S E_l'|_F^2 / (sigma_k sigma_l)^2  (k != l)
    I_kk = 2 (m_k - 2 tr(E_k S E_k') / sigma_k^2 + |E_k S E_k'|_F^2 / sigma_k^4)

Every scale has the prior p(sigma) ~ sigma / (1 + (sigma / 200)^2)^2, in Elo points. Up to some
hundred points it is flat in sigma^2, like Stein's harmonic prior, which makes intervals of
hierarchical normal models cover (Morris and Tang 2011, "Estimating random effects via adjustment
for density maximization", Statistical Science 26); beyond, it falls off. ln sigma has the density
sigma p(sigma), so that its mode is never 0: it is 200 where the data say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from debateqd.qd.ratings.design import GROUPS, Design, Scales
from debateqd.qd.ratings.dispersion import clusters_of, dispersion_of
from debateqd.qd.ratings.mode import PosteriorMode
from debateqd.qd.statistics import Floats

POWER = 2.0
_LEAST = 0.25
WIDTH = 200.0
"""Where the prior of the scales begins to fall off, in Elo points."""
FIRST = 100.0
"""Where the search for the scales begins."""
LOWEST, HIGHEST = 1.0, 3000.0
"""Scales are kept between these, in Elo points."""
_ROUNDS = 60
_SETTLED = 1e-3  # a change of the logarithms that is small enough not to be made


def free_groups(design: Design, fixed: Sequence[str]) -> tuple[str, ...]:
    """Groups whose scales are to be estimated: neither fixed nor empty."""
    return tuple(g for g in GROUPS if g not in fixed and design.members(g))


def predictor_variance(design: Design, covariance: Floats) -> Floats:
    """Posterior variance of every game's z, (N,)."""
    games, inverse = design.games, covariance
    n, m, beta, gamma = design.n, design.m, design.beta, design.gamma
    i, j, q = games.first, games.second, design.asked
    a, b, c, s = design.a, design.b, games.side, games.position
    # What c multiplies is beta + b_q; games without a question have beta alone.
    sided = np.empty((n + 1, m + 1))
    sided[:, :m] = inverse[[*range(n), gamma], n:beta]
    sided[:, m] = 0.0
    sided += inverse[[*range(n), gamma], beta][:, None]
    question = np.append(inverse.diagonal()[n:beta] + 2 * inverse[beta, n:beta], 0.0)
    question += inverse[beta, beta]
    strengths = inverse[:n, :n]
    own = strengths.diagonal()
    at_gamma = inverse[:n, gamma]
    out: Floats = a * a * own[i] + b * b * own[j] + 2 * a * b * strengths[i, j]
    out += c * c * question[q] + s * s * inverse[gamma, gamma]
    out += 2 * c * (a * sided[i, q] + b * sided[j, q] + s * sided[n, q])
    out += 2 * s * (a * at_gamma[i] + b * at_gamma[j])
    return out


def scale_step(
    mode: PosteriorMode, groups: tuple[str, ...], leverage: Floats
) -> tuple[Floats, Floats]:
    """Differentiate the log evidence by the log scales; ``leverage`` is every game's, (N,).

    Returns:
        Gradient of log evidence and prior, (k,), and expected curvature, (k, k).
    """
    design, scales = mode.design, mode.scales
    inverse = mode.covariance
    spread = {group: design.along(inverse, group) for group in groups}  # E_k S, (m_k, size)

    count = len(groups)
    gradient, curvature = np.zeros(count), np.zeros((count, count))
    bending = -0.5 * leverage * mode.outcomes.skew / scales.dispersion
    for k, group in enumerate(groups):
        variance = scales.variance(group)
        deviation = design.deviations(mode.w, group)
        block = design.along(spread[group].T, group)
        trace = float(np.trace(block))
        members = design.members(group)
        move = 2 * (spread[group].T @ deviation) / variance
        gradient[k] = (deviation @ deviation + trace) / variance - members
        gradient[k] += bending @ design.predictor(move)
        curvature[k, k] = 2 * (members - 2 * trace / variance + (block**2).sum() / variance**2)
        for other in range(k):
            crossed = design.along(spread[group].T, groups[other])
            value = 2 * (crossed**2).sum() / (variance * scales.variance(groups[other]))
            curvature[k, other] = curvature[other, k] = value
        far = (getattr(scales, group) / WIDTH) ** 2
        gradient[k] += POWER * (1 - far) / (1 + far)
        curvature[k, k] += max(POWER * 4 * far / (1 + far) ** 2, _LEAST)
    return gradient, curvature


def estimate(
    design: Design, scales: Scales, groups: tuple[str, ...], loose: bool
) -> tuple[PosteriorMode, Floats]:
    """Step until the scales settle, their logarithms to within about 0.001.

    Steps are those of Fisher scoring on a leash, which gets shorter where they turn.

    Args:
        design: Games and lineages.
        scales: Where to begin.
        groups: Scales to estimate.
        loose: Whether the dispersion is to be estimated, too.

    Returns:
        The mode, and the covariance of the estimated log scales, (k, k).
    """
    clusters = clusters_of(design)
    longest, before = np.full(len(groups), 0.75), np.zeros(len(groups))
    mode = PosteriorMode(design, scales, np.zeros(design.size))
    for _ in range(_ROUNDS):
        leverage = predictor_variance(design, mode.covariance)
        gradient, curvature = scale_step(mode, groups, leverage)
        dispersion = dispersion_of(mode, clusters, leverage) if loose else scales.dispersion
        step = np.asarray(np.linalg.solve(curvature, gradient))
        turned = step * before < 0
        longest[~turned] *= 2
        longest[turned] = np.minimum(longest[turned], np.abs(before[turned])) / 2
        before = step = np.clip(step, -longest, longest)
        changes = np.append(step, np.log(dispersion / mode.scales.dispersion))
        if np.abs(changes).max() < _SETTLED:
            break
        moved = {
            group: float(np.clip(getattr(mode.scales, group) * np.exp(by), LOWEST, HIGHEST))
            for group, by in zip(groups, step, strict=True)
        }
        mode = PosteriorMode(design, replace(scales, **moved, dispersion=dispersion), mode.w)
    return mode, np.asarray(np.linalg.inv(curvature))
