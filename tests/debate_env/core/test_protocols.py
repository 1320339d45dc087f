from __future__ import annotations

import pytest

from debate_env.core.protocols import (
    DEBATERS,
    SPEECH,
    VERDICT,
    Comparison,
    DebateProtocol,
    Ending,
    Sequential,
    Simultaneous,
    check_comparisons,
    get_protocol,
    protocol_names,
    register_protocol,
)
from debate_env.core.settings import DebateSettings
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


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"players": ()}, "there must be players"),
        ({"players": ("debater_0", "debater_0")}, "seats must be different"),
        ({"players": ("pro", "con")}, "not 'pro', 'con'"),
        ({"judges": ("judge_0", "judge_1")}, "one judge gives the verdict; there are 2"),
    ],
)
def test_what_cannot_be_played_is_refused(change, said):
    wrong = type("Wrong", (Sequential,), {"name": "wrong", **change})
    with pytest.raises(InputError, match=said):
        register_protocol(wrong())


@pytest.mark.parametrize(
    "found",
    [
        None,
        (Comparison("persuasion", ("judge_0",), (), 0.5, 0.5),),
        (Comparison("persuasion", ("debater_0",), ("ghost_1",), 0.5, 0.5),),
        (Comparison("truth", ("debater_0",), (), 3.5, 1.0),),
        (Comparison("truth", ("debater_0",), (), float("nan"), 1.0),),
        (Comparison("truth", ("debater_0",), (), 0.5, 1.0, weight=-1.0),),
        (Comparison("taste", ("debater_0",), (), 0.5, 1.0),),
    ],
)
def test_comparisons_that_cannot_be_counted_are_refused(found):
    with pytest.raises(InputError, match="comparison"):
        check_comparisons(found, DEBATERS)


def test_a_protocol_of_ones_own_is_named_by_its_module():
    settings = DebateSettings(protocol="tests.free_seats:Consultancy")
    assert get_protocol(settings.protocol).players == ("consultant_0",)
    for name, said in (
        ("tests.nowhere:X", "tests.nowhere:X' cannot be imported: No module"),
        ("tests.free_seats:Nobody", "no attribute 'Nobody'"),
        ("tests.free_seats:ALL", "tuple is no protocol"),
    ):
        with pytest.raises(InputError, match=said):
            DebateSettings(protocol=name)


def test_three_sides_are_paid_by_their_lead_over_the_strongest_other():
    three = type("Three", (Simultaneous,), {"players": ("a_0", "a_1", "a_2")})()
    scores = three.scores(Ending(1, (0.2, 0.5, 0.3)))
    assert scores["persuasion"] == pytest.approx({"a_0": -0.3, "a_1": 0.2, "a_2": -0.2})
    assert scores["truth"] == dict.fromkeys(three.players, 0.5)
