"""The most probable parameters at given scales, by Newton's method, whatever solves its steps."""

from __future__ import annotations

from abc import ABC, abstractmethod

from debateqd.qd.ratings.design import Design, Outcomes, Scales, outcomes_at
from debateqd.qd.statistics import Floats, Ints

_STEPS = 60
_HALVINGS = 30


class PosteriorMode(ABC):
    """The most probable parameters, the curvature there, and covariances, in logits.

    Args:
        design: Games and lineages.
        scales: The scales.
        start: Where to begin, (size,).
        small: Stop after the Newton step that promises less than this gain of the log posterior.
            The step squares the distance, so what remains is far smaller.

    Attributes:
        w: The parameters, (size,).
        outcomes: The likelihood there.
        value: Log posterior there, up to what does not depend on the parameters.
    """

    def __init__(self, design: Design, scales: Scales, start: Floats, small: float) -> None:
        self.design, self.scales, self.w = design, scales, start
        y, weight = design.games.outcome, 1 / scales.dispersion
        self.outcomes = outcomes_at(design.predictor(start), y, design.games.weight)
        self.value = self._log_posterior(start, self.outcomes)
        for _ in range(_STEPS):
            gradient = design.score(self.outcomes.residual) * weight - self._prior_times(self.w)
            self._curve(self.outcomes.variance * weight)
            step = self._newton_step(gradient)
            promised = float(gradient @ step)
            length = 1.0
            for _ in range(_HALVINGS):
                w = self.w + length * step
                outcomes = outcomes_at(design.predictor(w), y, design.games.weight)
                reached = self._log_posterior(w, outcomes)
                if reached >= self.value or promised < small:
                    break
                length /= 2
            self.w, self.outcomes, self.value = w, outcomes, reached
            if promised < small:
                break

    def _log_posterior(self, w: Floats, outcomes: Outcomes) -> float:
        pull = float(w @ self._prior_times(w))
        return outcomes.log_likelihood / self.scales.dispersion - 0.5 * pull

    @abstractmethod
    def _prior_times(self, w: Floats) -> Floats:
        """Lambda w."""

    @abstractmethod
    def _curve(self, weights: Floats) -> None:
        """Take the curvature at games' weights p (1 - p) / dispersion, (N,)."""

    @abstractmethod
    def _newton_step(self, gradient: Floats) -> Floats:
        """Solve for the gradient, (size,)."""

    def prepare(self, wanted: Ints) -> None:  # noqa: B027  (nothing is to be done by default)
        """Get ready for covariances of these strategies, each once."""

    @abstractmethod
    def solve(self, right: Floats) -> Floats:
        """Multiply columns, (size, r), by the posterior covariance of all parameters."""

    @abstractmethod
    def block(self, wanted: Ints) -> Floats:
        """Covariance of the prepared strategies and beta, gamma, mu, (l + 3, l + 3)."""

    @abstractmethod
    def question_variances(self) -> Floats:
        """Variances of the questions' deviations, (m,)."""
