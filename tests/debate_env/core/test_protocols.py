from __future__ import annotations

import pytest

from debate_env.core.protocols import (
    SPEECH,
    VERDICT,
    DebateProtocol,
    Sequential,
    Simultaneous,
    get_protocol,
    protocol_names,
    register_protocol,
)
from debate_env.core.transcript import Speech
from debate_env.errors import InputError


def waves(protocol, rounds):
    found = []
    while (wave := protocol.wave(len(found), (), rounds)) is not None:
        found.append(wave)
    return found


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_simultaneous_takes_one_wave_more_than_rounds(rounds):
    found = waves(Simultaneous(), rounds)
    assert len(found) == rounds + 1
    assert all(w.seats == ("debater_0", "debater_1") and w.phase == SPEECH for w in found[:-1])
    assert [w.round for w in found] == list(range(1, rounds + 2))
    assert found[-1] == (VERDICT, rounds + 1, ("judge_0",))


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_sequential_takes_two_waves_per_round_and_one(rounds):
    found = waves(Sequential(), rounds)
    assert [w.seats for w in found[:-1]] == [("debater_0",), ("debater_1",)] * rounds
    assert found[-1] == (VERDICT, rounds + 1, ("judge_0",))


@pytest.mark.parametrize("name", protocol_names())
def test_who_sees_and_defends_what(name):
    protocol = get_protocol(name)
    assert isinstance(protocol, DebateProtocol)
    seats = (*protocol.players, *protocol.judges)
    assert [protocol.reads_passage(s) for s in seats] == [True, True, False]
    assert [protocol.defends(s) for s in seats] == [0, 1, None]
    said = (Speech(1, "debater_0", "x"),)
    assert all(protocol.visible(s, said) is said for s in seats)


def test_unknown_and_taken_names():
    with pytest.raises(InputError, match="did you mean 'sequential'"):
        get_protocol("sequental")

    class Impostor(Sequential):
        name = "simultaneous"

    with pytest.raises(InputError, match="registered already"):
        register_protocol(Impostor())
    register_protocol(Simultaneous())  # the same class again changes nothing


def test_what_lacks_members_is_no_protocol():
    class Half:
        name = "half"
        players = ("debater_0",)

        def wave(self, index, speeches, rounds):
            return None

    with pytest.raises(InputError) as refused:
        register_protocol(Half())
    assert str(refused.value) == (
        "Half is no protocol: it has no judges, symmetric, visible, reads_passage, defends, "
        "scores, comparisons; see debate_env.core.protocols.DebateProtocol"
    )
    assert "half" not in protocol_names()
