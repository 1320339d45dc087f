from __future__ import annotations

import pytest

from tests.debate_env.support import episode, speak


def ended(kind):
    one = speak(episode(rounds=1))
    if kind in ("verdict", "abstained"):
        one.act("judge_0", [0.8, 0.2] if kind == "verdict" else [0, 0])
    else:
        one.abort(kind, "what happened")
    return one.outcome


@pytest.mark.parametrize(
    ("kind", "ok", "label", "verdict"),
    [
        ("verdict", True, 0, [0.8, 0.2]),
        ("abstained", False, 0, None),
        ("unusable", False, None, None),
        ("error", False, None, None),
    ],
)
def test_info_tells_the_label_only_after_a_verdict(kind, ok, label, verdict):
    info = ended(kind).info()
    assert (info["kind"], info["verdict_ok"], info["label"]) == (kind, ok, label)
    assert info["verdict"] == pytest.approx(verdict)
    assert set(info["scores"]) == {"persuasion", "truth", "judge"}


def test_an_outcome_is_frozen():
    with pytest.raises(AttributeError):
        ended("verdict").kind = "error"
