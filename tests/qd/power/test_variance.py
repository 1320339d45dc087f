from __future__ import annotations

import numpy as np
import pytest

from debate_env.errors import InputError
from debateqd.qd.power.variance import Study, Variances, Verdicts, estimate_variances
from tests.qd.verdicts import draw_verdicts


def measured(sample: Verdicts) -> Variances:
    return estimate_variances(sample).variances


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
    values = [1.0, 1.0, 0.0, 0.0, 1.0, 1.0]
    found = estimate_variances(Verdicts(values, list("aabbcc"), list("ppppqq")))
    assert found.variances.debate == 0
    assert found.study == Study(questions=3, per_passage=pytest.approx(5 / 3), debates=2)
    # Half the mean squared difference: 4 pairs of 8 between passages differ.
    assert found.variances.total == pytest.approx(0.25)


def test_equal_names_on_different_passages_are_different_questions() -> None:
    found = estimate_variances(Verdicts([1.0, 0.0, 1.0, 0.0], list("1212"), list("ppqq")))
    assert found.study.questions == 4
    assert not found.repeats


def test_without_repeats_the_noise_of_debates_is_assumed() -> None:
    sample = draw_verdicts(
        Variances.of(0.6, 0.1, 0.5), Study(60, per_passage=2), np.random.default_rng(0)
    )
    found = estimate_variances(sample, assumed_repeat=0.25)
    assert not found.repeats
    assert found.variances.repeat == pytest.approx(0.25)


def test_what_cannot_be_measured_is_said() -> None:
    with pytest.raises(InputError, match="at least two passages"):
        estimate_variances(Verdicts([1.0, 0.0], list("ab"), list("pp")))
    with pytest.raises(InputError, match="all 3 verdicts are 1"):
        estimate_variances(Verdicts([1.0, 1.0, 1.0], list("abc"), list("pqr")))
