"""Simulated verdicts with known variances."""

from __future__ import annotations

import numpy as np

from debateqd.qd.power.variance import Study, Variances, Verdicts


def draw_verdicts(variances: Variances, study: Study, rng: np.random.Generator) -> Verdicts:
    """Draw 0/1 verdicts, debates of a question next to each other.

    Chances are beta distributed, between passages and then between questions of a passage, with
    exactly the variances of ``spread``.
    """
    m, debates = int(study.per_passage), int(study.debates)
    passages = study.questions // m
    p, icc, repeat = variances.mean, variances.icc, variances.repeat
    chances = np.full(passages, p)
    if icc > 0:
        weight = 1 / icc - 1
        chances = rng.beta(weight * p, weight * (1 - p), size=passages)
    chances = np.clip(np.repeat(chances, m), 1e-9, 1 - 1e-9)
    if repeat > icc:
        weight = (1 - icc) / (repeat - icc) - 1
        chances = rng.beta(weight * chances, weight * (1 - chances))
    verdicts = rng.random((len(chances), debates)) < chances[:, None]
    numbers = np.repeat(np.arange(len(chances)), debates)
    return Verdicts(
        values=[float(v) for v in verdicts.ravel()],
        questions=[f"q{n}" for n in numbers],
        passages=[f"p{n // m}" for n in numbers],
    )
