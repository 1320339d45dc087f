from __future__ import annotations

import pytest

from debate_env import DebateSettings, InputError
from debate_env.core.protocols import _PROTOCOLS as PROTOCOLS
from debate_env.core.protocols import Sequential


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ({"protocol": "simultaneus"}, "did you mean 'simultaneous'"),
        ({"protocol": None}, "protocol=None: allowed: sequential, simultaneous"),
        ({"rounds": 0}, "rounds=0"),
        ({"rounds": True}, "rounds=True"),
        ({"word_limit": 1.5}, "word_limit=1.5"),
        ({"max_chars": -1}, "max_chars=-1"),
        ({"quotes": "stric"}, "did you mean 'strict'"),
        ({"objective": "win"}, "persuasion"),
        ({"reward_form": "logodds"}, "did you mean 'log_odds'"),
        ({"mix_weight": 1.1}, "mix_weight=1.1"),
        ({"mix_weight": float("nan")}, "mix_weight=nan"),
        ({"mix_weight": "half"}, "mix_weight='half'"),
    ],
)
def test_a_wrong_setting_is_named(bad, complaint):
    with pytest.raises(InputError, match=complaint):
        DebateSettings(**bad)


def test_a_registered_protocol_is_a_setting(monkeypatch):
    class Mine(Sequential):
        name = "mine"

    with pytest.raises(InputError, match="protocol='mine'"):
        DebateSettings(protocol="mine")
    monkeypatch.setitem(PROTOCOLS, "mine", Mine())
    assert DebateSettings(protocol="mine").protocol == "mine"
