from __future__ import annotations

from typing import Unpack, get_type_hints

import pytest

from debate_env import DebateSettings, InputError, debate_v1
from debate_env.core.protocols import _PROTOCOLS as PROTOCOLS
from debate_env.core.protocols import Sequential
from debate_env.core.settings import SettingsFields
from debate_env.core.solo import SoloDebateEnv


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


@pytest.mark.parametrize("make", [debate_v1.env, debate_v1.raw_env, debate_v1.parallel_env])
@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [("word_limits", "word_limit"), ("question", "questions"), ("render_mod", "render_mode")],
)
def test_a_mistyped_keyword_is_one_line_with_the_nearest(make, mistyped, meant):
    with pytest.raises(InputError) as refused:
        make(**{mistyped: 1})
    assert str(refused.value).startswith(
        f"unknown argument '{mistyped}': did you mean '{meant}'? allowed: max_chars, mix_weight"
    )
    assert "\n" not in str(refused.value)


def test_the_solo_environment_names_its_own_keywords_too():
    with pytest.raises(InputError, match="unknown argument 'oponents': did you mean 'opponents'"):
        SoloDebateEnv(oponents={})


def test_editors_are_told_every_setting():
    told = get_type_hints(SettingsFields)
    assert told == get_type_hints(DebateSettings)
    for make in (debate_v1.env, debate_v1.raw_env.__init__, debate_v1.parallel_env):
        assert get_type_hints(make)["settings"] == Unpack[SettingsFields]
