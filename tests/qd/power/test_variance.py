from __future__ import annotations

import numpy as np
import pytest

from debate_env.errors import InputError
from debateqd.qd.power.analysis import Study
from debateqd.qd.power.variance import (
    Variances,
    Verdicts,
    effect_correlation,
    estimate_variances,
)
from tests.qd.verdicts import draw_verdicts


def measured(sample: Verdicts) -> Variances:
    return estimate_variances(sample.values, sample.questions, sample.passages).variances


def test_known_variances_are_found_without_bias() -> None:
    true = Variances.of(0.65, 0.2, 0.5)
    rng = np.random.default_rng(3)
    found = [
        measured(draw_verdicts(true, Study(120, per_passage=3, debates=3), rng)) for _ in range(300)
    ]
    for part in ("mean", "passage", "question", "debate"):
        values = [getattr(one, part) for one in found]
        error = np.std(values) / np.sqrt(len(values))
        assert np.mean(values) == pytest.approx(getattr(true, part), abs=4 * error), part


def test_a_hand_made_table() -> None:
    # Two passages; verdicts agree within questions, and differ between and within passages.
    values = [1, 1, 0, 0, 1, 1]
    found = estimate_variances(
        values, ["a", "a", "b", "b", "c", "c"], ["p", "p", "p", "p", "q", "q"]
    )
    assert found.variances.debate == 0
    assert (found.verdicts, found.questions, found.passages) == (6, 3, 2)
    assert found.per_passage == pytest.approx(5 / 3)
    assert found.per_question == 2
    # Half the mean squared difference: 4 pairs of 8 between passages differ.
    assert found.variances.total == pytest.approx(0.25)


def test_equal_names_on_different_passages_are_different_questions() -> None:
    found = estimate_variances([1, 0, 1, 0], ["1", "2", "1", "2"], ["p", "p", "q", "q"])
    assert found.questions == 4
    assert not found.repeats


def test_without_repeats_the_noise_of_debates_is_assumed() -> None:
    sample = draw_verdicts(
        Variances.of(0.6, 0.1, 0.5), Study(60, per_passage=2), np.random.default_rng(0)
    )
    found = estimate_variances(
        sample.values, sample.questions, sample.passages, assumed_repeat=0.25
    )
    assert not found.repeats
    assert found.variances.repeat == pytest.approx(0.25)


def test_what_cannot_be_measured_is_said() -> None:
    with pytest.raises(InputError, match="at least two passages"):
        estimate_variances([1, 0], ["a", "b"], ["p", "p"])
    with pytest.raises(InputError, match="all 3 verdicts are 1"):
        estimate_variances([1, 1, 1], ["a", "b", "c"], ["p", "q", "r"])


def test_correlation_of_two_conditions() -> None:
    rng = np.random.default_rng(4)
    ease = rng.uniform(0.1, 0.9, 300)
    other = rng.uniform(0.1, 0.9, 300)

    def debates(chances: np.ndarray) -> dict[str, list[float]]:
        drawn = rng.random((300, 6)) < chances[:, None]
        return {f"q{n}": [float(v) for v in row] for n, row in enumerate(drawn)}

    same = effect_correlation(debates(ease), debates(ease))
    apart = effect_correlation(debates(ease), debates(other))
    assert same == pytest.approx(1.0, abs=0.12)
    assert apart == pytest.approx(0.0, abs=0.2)


def test_an_unknown_correlation_is_none() -> None:
    assert effect_correlation({}, {}) is None
    once = {f"q{n}": [1.0] for n in range(5)}
    assert effect_correlation(once, once) is None
    equal = {f"q{n}": [1.0, 0.0] for n in range(5)}
    assert effect_correlation(equal, equal) is None
