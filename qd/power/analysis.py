r"""What a study can tell from zero: standard errors, detectable effects, sizes.

A verdict is 1 (right, or won) or 0. Its variance v = p (1 - p) has three parts: rho v between
passages, (r - rho) v between questions on a passage, and (1 - r) v between debates on a question.
rho is the correlation of verdicts on two questions of one passage, r of two debates on one
question. With n questions, m of them on each passage, and d debates on each in each of S runs
(seeds, on the same questions), the mean has the variance ::

    v [ rho m / n + (r - rho) / n + (1 - r) / (n d S) ]

For d = S = 1 this is v / n times the design effect 1 + (m - 1) rho of Kish (1965, "Survey
Sampling", chapter 5). Two sets of different passages add their variances. For two objectives on
the same questions only the share 1 - c of the first two parts counts, twice, where c is the
correlation of their passage and question effects. A quantity that itself varies between seeds
with standard deviation tau adds tau^2 / S for each objective.

An effect can be told from zero when its interval excludes zero. It will do so with probability
``power`` if the true effect is the *minimum detectable effect* (Bloom 1995, "Minimum detectable
effects", Evaluation Review 19) ::

    (t_{(1 + confidence) / 2} + t_power) SE

with the t quantiles that :mod:`debateqd.qd.statistics` uses: passages of the smaller set, less 1,
are its degrees of freedom.

Ratings: R = (400 / ln 10) logit(win rate), so n even games between two strategies leave a
standard error of (400 / ln 10) / sqrt(n / 4) = 347 / sqrt(n) of their difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from debateqd.qd.power.variance import Study, Variances
from debateqd.qd.statistics import ELO, t_quantile

MOST_QUESTIONS = 10_000_000
"""Studies that would need more are called impossible."""


@dataclass(frozen=True, slots=True)
class Precision:
    """How well something is known.

    Attributes:
        df: Degrees of freedom of its t quantiles; infinite for a normal distribution.
    """

    error: float
    df: float = math.inf

    def quantile(self, p: float) -> float:
        """Quantile of the standardised error; infinite where there are no degrees of freedom."""
        if math.isinf(self.df):
            return NormalDist().inv_cdf(p)
        return t_quantile(p, self.df) if self.df >= 1 else math.inf

    def half_width(self, confidence: float = 0.95) -> float:
        """Half the width of the two-sided interval."""
        return self.quantile(0.5 + confidence / 2) * self.error

    def detectable(self, power: float = 0.8, confidence: float = 0.95) -> float:
        """Effect that is told from zero with probability ``power``."""
        return self.half_width(confidence) + self.quantile(power) * self.error


def mean_variance(variances: Variances, study: Study, own: float = 1.0) -> float:
    """Variance of the mean verdict on one set of questions; see the top of this module.

    ``own`` is the share of the questions' and passages' effects that counts.
    """
    n = study.questions
    clustered = own * (variances.passage * study.per_passage + variances.question)
    return clustered / n + variances.debate / (n * study.debates * study.seeds)


def precision_of(*sets: tuple[Variances, Study], difference: bool = False) -> Precision:
    """Precision of a mean on one set of questions, or of the gap between two sets.

    The degrees of freedom are those of :func:`debateqd.qd.statistics.difference_interval` (passages
    of the smaller set, less 1), joined with those of the seeds by Welch and Satterthwaite.

    Args:
        sets: Each set's variances and size; the seeds are those of the first one.
        difference: Whether two objectives, or strategies, are compared on the same questions.
    """
    study = sets[0][1]
    times, own = (2, 1 - study.paired) if difference else (1, 1.0)
    variance = times * sum(mean_variance(*one, own) for one in sets)
    df = min(study.passages for _, study in sets) - 1
    between = times * study.seed_deviation**2 / study.seeds
    if between:
        seeds = max(study.seeds - 1, 1)
        joined = variance**2 / df + between**2 / seeds if df > 0 else math.inf
        df = (variance + between) ** 2 / joined
    return Precision(math.sqrt(variance + between), df)


def questions_needed(
    target: float,
    precision: Callable[[int], Precision],
    power: float = 0.8,
    confidence: float = 0.95,
    step: int = 1,
) -> int | None:
    """Find the fewest questions, a multiple of ``step``, that tell an effect from zero.

    Returns:
        Questions per set; ``None`` when even :data:`MOST_QUESTIONS` are too few.
    """

    def enough(steps: int) -> bool:
        return precision(steps * step).detectable(power, confidence) <= target

    high = 2
    while not enough(high):
        high *= 2
        if high * step > MOST_QUESTIONS:
            return None
    low = 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high * step


def win_rate_of(difference: float) -> float:
    """Expected score of a strategy that is rated ``difference`` Elo points higher."""
    return 1 / (1 + math.exp(-difference / ELO))


def rating_of(win_rate: float) -> float:
    """Rating difference in Elo points that belongs to an expected score; infinite at 0 and 1."""
    if win_rate <= 0:
        return -math.inf
    return math.inf if win_rate >= 1 else ELO * math.log(win_rate / (1 - win_rate))


def rating_error(games: float, difference: float = 0.0) -> float:
    """Standard error of a rating difference after independent direct games, by the delta method.

    All in Elo points; for strategies that are even (``difference`` 0) it is 347 / sqrt(n).
    """
    share = win_rate_of(difference)
    return ELO / math.sqrt(games * share * (1 - share))


def games_to_order(difference: float, confidence: float) -> int:
    """Direct games after which the better of two strategies is ahead with a given probability.

    The true difference is in Elo points, above 0; the probability above 1/2 (one-sided).
    """
    z = NormalDist().inv_cdf(confidence)
    return math.ceil((z * rating_error(1, difference) / difference) ** 2)
