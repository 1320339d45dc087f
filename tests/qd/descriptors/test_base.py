import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debate_env.core import protocols
from debate_env.core.protocols import Sequential
from debate_env.core.transcript import Speech
from debate_env.errors import InputError
from debateqd.qd.descriptors.base import BASIC, BehaviourSummary
from debateqd.qd.descriptors.utterances import Utterance, utterances
from debateqd.qd.strategy import Strategy

ME = Strategy("s0001", "refutation", "Argue.")
NUMERIC = [d.name for d in BASIC if d.name != "family"]


def measure(*spoken, strategy=ME):
    return BehaviourSummary.of_match(
        [s if isinstance(s, Utterance) else Utterance(s) for s in spoken]
    ).behaviour(strategy)


def test_nothing_said_is_unmeasured_never_zero():
    behaviour = BehaviourSummary().behaviour(ME)
    assert behaviour == {"family": "refutation"} | dict.fromkeys(NUMERIC)
    # A match without a speech of this strategy changes nothing but the number of matches.
    assert BehaviourSummary.of_match([]).behaviour(ME) == behaviour
    # An empty speech has a length; everything else is still unmeasured.
    assert measure("") == behaviour | {"length": 0.0}


def test_family_is_a_closed_label():
    assert measure("x")["family"] == "refutation"
    assert measure("x", strategy=Strategy("s1", "poetry", "Sing."))["family"] == "unclassified"


@pytest.mark.parametrize(
    ("speech", "share"),
    [
        ("No quotes in here at all.", 0.0),
        ("See <v_quote>one two three</v_quote> now.", 3 / 5),
        ("See <u_quote>one two three</u_quote> now.", 0.0),
        ("<v_quote>one two three</v_quote>", 1.0),
        ("<v_quote>a b</v_quote> <u_quote>c d</u_quote>", 0.5),
    ],
)
def test_verified_quote_share(speech, share):
    assert measure(speech)["verified_quote_share"] == share


def test_length_counts_words_and_not_tags():
    assert measure("one <v_quote>two three</v_quote>", "four")["length"] == 2.0


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        # 6 words, 1 sentence, 6 syllables: 0.39 * 6 + 11.8 - 15.59
        ("The cat sat on the mat.", -1.45),
        # 4 words, 2 sentences, 6 syllables: 0.39 * 2 + 11.8 * 1.5 - 15.59
        ("Table table. Cat cat.", 2.89),
    ],
)
def test_readability_is_the_flesch_kincaid_grade(text, grade):
    assert measure(text)["readability"] == pytest.approx(grade)


def test_longer_sentences_of_longer_words_are_harder():
    easy = measure("He ran. She sat. They ate.")["readability"]
    hard = measure(
        "Notwithstanding considerable uncertainty, the interpretation necessarily presupposes "
        "substantially identical circumstances throughout the narrative."
    )["readability"]
    assert easy < 3 < 15 < hard


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("This is clearly so.", 1.0),
        ("This is perhaps so.", -1.0),
        ("The boat left at noon.", 0.0),
        ("It is clearly so. It left at noon.", 0.5),
        ("It is perhaps clearly so.", 0.0),
        ("It is not certain at all.", -1.0),  # the phrase wins over "certain"
        ("There is no doubt about it.", 1.0),  # and over "doubt"
        ("<v_quote>It may never be certain.</v_quote> It left.", 0.0),  # quotes are not own words
    ],
)
def test_certainty(text, value):
    assert measure(text)["certainty"] == value


@pytest.mark.parametrize(
    ("utterance", "value"),
    [
        (Utterance("The boat left at noon."), 0.0),
        (Utterance("My opponent is silent. The boat left."), 0.5),
        # Denies a word heard.
        (Utterance("There was no storm.", heard=("A storm came.",)), 1.0),
        (Utterance("There wasn't a storm.", heard=("A storm came.",)), 1.0),
        # Agrees with it, or denies something else.
        (Utterance("There was a storm.", heard=("A storm came.",)), 0.0),
        (Utterance("There was no captain.", heard=("A storm came.",)), 0.0),
        # The word was the speaker's own before: it belongs to the topic.
        (Utterance("There was no storm.", heard=("A storm came.",), own=("The storm?",)), 0.0),
        # Four words in a row are taken up without any negation.
        (
            Utterance(
                "He says all sailors fear deep water.", heard=("All sailors fear deep holes.",)
            ),
            1.0,
        ),
        (Utterance("All sailors fear.", heard=("All sailors fear deep holes.",)), 0.0),
        # Quoting the same passage is not taking up the opponent's words.
        (
            Utterance(
                "So <v_quote>no storm came that night</v_quote> it is.",
                heard=("Note <v_quote>no storm came that night</v_quote> here.",),
            ),
            0.0,
        ),
    ],
)
def test_rebuttal_share(utterance, value):
    assert measure(utterance)["rebuttal_share"] == value


SPEECHES = (
    Speech(1, "debater_0", "a1"),
    Speech(1, "debater_1", "b1"),
    Speech(2, "debater_0", "a2"),
    Speech(2, "debater_1", "b2"),
)


def test_exchanges_of_a_simultaneous_debate_hide_the_same_round():
    assert utterances(SPEECHES, "debater_1") == (
        Utterance("b1"),
        Utterance("b2", heard=("a1",), own=("b1",)),
    )


def test_exchanges_of_a_sequential_debate_show_all_that_came_before():
    assert utterances(SPEECHES, "debater_1", "sequential") == (
        Utterance("b1", heard=("a1",)),
        Utterance("b2", heard=("a1", "a2"), own=("b1",)),
    )
    assert utterances(SPEECHES, "debater_0", "sequential")[1].heard == ("b1",)
    assert utterances(SPEECHES, "judge_0") == ()


def test_exchanges_follow_the_rules_of_a_protocol_of_ones_own(monkeypatch):
    class Deaf(Sequential):
        """One after the other, but nobody hears the other side."""

        name = "test_deaf"

        def visible(self, seat, speeches):
            return tuple(s for s in speeches if s.seat == seat)

    monkeypatch.setattr(protocols, "_PROTOCOLS", dict(protocols._PROTOCOLS))
    with pytest.raises(InputError, match="unknown protocol 'test_deaf'"):
        utterances(SPEECHES, "debater_1", "test_deaf")
    protocols.register_protocol(Deaf())
    assert utterances(SPEECHES, "debater_1", "test_deaf") == (
        Utterance("b1"),
        Utterance("b2", own=("b1",)),
    )


def test_exchanges_of_a_debate_that_was_cut_short():
    assert utterances((), "debater_0") == ()
    assert utterances(SPEECHES[:1], "debater_0", "sequential") == (Utterance("a1"),)


def test_counts_are_pooled_so_that_every_word_weighs_the_same():
    long = BehaviourSummary.of_match([Utterance("<v_quote>" + "word " * 30 + "</v_quote>")])
    short = BehaviourSummary.of_match([Utterance("ten " * 10)])
    both = long + short
    assert both.behaviour(ME)["verified_quote_share"] == 0.75
    assert both.behaviour(ME)["length"] == 20.0
    assert (both.matches, both.speeches) == (2, 2)


PIECES = st.sampled_from(
    [
        "It may rain. ",
        "Clearly not. ",
        "<v_quote>a b c</v_quote> ",
        "My opponent errs. ",
        "\n",
        "Dr. X ",
    ]
)


@given(st.lists(st.lists(PIECES, max_size=5).map("".join), max_size=6), st.randoms())
def test_order_and_grouping_of_matches_change_nothing(texts, shuffler: random.Random):
    parts = [BehaviourSummary.of_match([Utterance(t, heard=("It rains.",))]) for t in texts]
    left = sum(parts, BehaviourSummary())
    shuffler.shuffle(parts)
    half = len(parts) // 2
    right = sum(parts[:half], BehaviourSummary()) + sum(parts[half:], BehaviourSummary())
    assert left == right
    assert json.dumps(left.to_dict()) == json.dumps(right.to_dict())
    assert BehaviourSummary.from_dict(json.loads(json.dumps(left.to_dict()))) == left


@given(
    st.text(alphabet="ab .!?'\n<>/vuqote_", max_size=60), st.text(alphabet="ab not.", max_size=30)
)
def test_any_text_gives_values_within_the_documented_ranges(text, heard):
    behaviour = measure(Utterance(text, (heard,)))
    for name, low, high in (
        ("verified_quote_share", 0, 1),
        ("rebuttal_share", 0, 1),
        ("certainty", -1, 1),
        ("length", 0, 60),
    ):
        value = behaviour[name]
        assert value is None or low <= value <= high


def test_summaries_of_different_descriptors_do_not_add_up():
    with pytest.raises(ValueError, match="longer"):
        BehaviourSummary({"x": (1,)}) + BehaviourSummary({"x": (1, 2)})


@pytest.mark.parametrize("data", [{}, {"matches": 1, "speeches": 1, "counts": {"x": ["y"]}}])
def test_unreadable_summaries(data):
    with pytest.raises(InputError, match="behaviour summary"):
        BehaviourSummary.from_dict(data)


def test_a_descriptor_of_ones_own_is_summed_like_the_others():
    class Shouting:
        name = "shouting"
        units = ("marks", "speeches")

        def count(self, facts):
            return (facts.utterance.text.count("!"), 1)

        def value(self, strategy, counts):
            return counts[0] / counts[1] if counts[1] else None

    mine = (Shouting(),)
    summary = BehaviourSummary.of_match([Utterance("Hey!"), Utterance("Hi")], mine)
    assert summary.behaviour(ME, mine) == {"shouting": 0.5}
