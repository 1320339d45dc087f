# ruff: noqa: S101 - asserting is what these functions are for
"""Contract checks for any descriptor, yours included.

For a plug-in's test-suite::

    from debateqd.qd.descriptors.testing import check_descriptor

    def test_my_descriptor():
        check_descriptor(my_package.Questions())

A check that fails raises ``AssertionError``, or what a run raises that cannot go on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from debateqd.qd.archive.axes import Axis, Unplaceable
from debateqd.qd.descriptors.base import BehaviourSummary, Descriptor
from debateqd.qd.descriptors.utterances import SpeechFacts, Utterance
from debateqd.qd.strategy import Strategy

_STRATEGY = Strategy("s0000", "rationality", "Argue.")

SPOKEN: tuple[Utterance, ...] = (
    Utterance("It was the lamp. <v_quote>She kept a lamp on the sill.</v_quote> Clearly so."),
    Utterance(
        "My opponent is wrong: no rope hung there. Perhaps nobody looked?",
        heard=("A rope hung in the hall. <u_quote>the rope</u_quote>",),
        own=("It was the lamp.",),
    ),
    Utterance("Imagine the evening! The boats come in, and there it burns.", heard=("No.",)),
    Utterance("<v_quote>She kept a lamp on the sill.</v_quote>"),
    Utterance("one"),
    Utterance(""),
    Utterance("\n ...", heard=("", "?!")),
    Utterance("<v_quote>never closed … 🙂 “quoted” ‹speech› \ud800 İ", heard=("\x00",)),
)
"""Speeches of one match, among them awkward ones."""


def check_descriptor(
    descriptor: Descriptor, axis: Axis | None = None, spoken: Sequence[Utterance] = SPOKEN
) -> None:
    """Check that a descriptor is what an archive relies on.

    It counts integers, as many as it has units; gives equal counts for equal speeches; its value
    follows from the sums alone, in any order of matches and after a round through a file; is finite
    or a label; is ``None`` where nothing was counted; and has a place on the axis, if one is given.

    Raises:
        AssertionError: A check failed; says how.
    """
    name = descriptor.name
    assert isinstance(name, str), "the name is no text"
    assert name, "the name is empty"
    assert all(isinstance(unit, str) for unit in descriptor.units), f"{name}: units are texts"
    counts = [descriptor.count(SpeechFacts.of(utterance)) for utterance in spoken]
    for utterance, found in zip(spoken, counts, strict=True):
        where = f"{name}, speech {utterance.text[:30]!r}"
        assert isinstance(found, tuple), f"{where}: counts are a {type(found).__name__}"
        assert len(found) == len(descriptor.units), f"{where}: {len(found)} counts, not one a unit"
        assert all(type(c) is int for c in found), f"{where}: counts {found} are not integers"
    again = [descriptor.count(SpeechFacts.of(utterance)) for utterance in reversed(spoken)]
    assert again[::-1] == counts, f"{name}: equal speeches were counted differently"

    chosen = (descriptor,)
    matches = [BehaviourSummary.of_match([utterance], chosen) for utterance in spoken]
    together = BehaviourSummary.of_match(spoken, chosen)
    forwards = sum(matches, BehaviourSummary())
    backwards = sum(matches[::-1], BehaviourSummary())
    stored = BehaviourSummary.from_dict(json.loads(json.dumps(together.to_dict())))
    values = [s.behaviour(_STRATEGY, chosen)[name] for s in (together, forwards, backwards, stored)]
    assert all(v == values[0] for v in values), f"{name}: the order of matches changed {values}"
    if descriptor.units:
        nothing = BehaviourSummary().behaviour(_STRATEGY, chosen)[name]
        assert nothing is None, f"{name}: {nothing!r} for a strategy that said nothing"

    alone = [m.behaviour(_STRATEGY, chosen)[name] for m in matches]
    for value in (*values, *alone):
        assert not isinstance(value, bool), f"{name}: value {value!r} is neither number nor label"
        if axis is not None and value is not None:
            place = axis.place(value)
            assert not isinstance(place, Unplaceable), place
