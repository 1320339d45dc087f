import pytest
from hypothesis import given
from hypothesis import strategies as st

from debate_env.core.quotes import mark, read_quotes
from debateqd.qd.descriptors.words import (
    count_words,
    read_speech,
    segments,
    sentences,
    syllables,
    tokens,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Mr. Smith met Dr. Who. They spoke.", ["Mr. Smith met Dr. Who.", "They spoke."]),
        ("J. R. Brown left. Then I. So what", ["J. R. Brown left.", "Then I.", "So what"]),
        ("He paid 3.50 for it.", ["He paid 3.50 for it."]),
        ("See no. 4 there. I said no. Go.", ["See no. 4 there.", "I said no.", "Go."]),
        ("'Stop!' he cried. \"Why?\" Ah…", ["'Stop!'", "he cried.", '"Why?"', "Ah…"]),
        ("First line\n\nsecond line", ["First line", "second line"]),
        ("... -- !", []),
        ("", []),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("cat", 1),
        ("the", 1),
        ("make", 1),
        ("makes", 1),
        ("table", 2),
        ("tables", 2),
        ("whole", 1),
        ("houses", 2),
        ("walked", 1),
        ("wanted", 2),
        ("judge", 1),
        ("judges", 2),
        ("happy", 2),
        ("evidence", 3),
        ("opponent", 3),
        ("don't", 1),
        ("1984", 1),
        ("rhythm", 1),
    ],
)
def test_syllables(word, count):
    assert syllables(word) == count


def test_tokens_and_words():
    assert tokens("Don’t STOP — it's well-known (1984).") == (
        *("don't", "stop", "it's", "well", "known", "1984"),
    )
    assert count_words("well-known - yes , 2 !") == 4


def test_reading_of_a_marked_speech():
    reading = read_speech(
        "He says <v_quote>the cat sat.</v_quote> So <u_quote>dogs bark</u_quote> is wrong."
    )
    assert (reading.words, reading.verified_words, reading.sentences) == (10, 3, 2)
    # A quote that closes a sentence ends the sentence around it; another one does not.
    assert reading.own == (("he", "says"), ("so", "is", "wrong"))


def test_touching_quotes_never_make_the_quoted_words_outnumber_the_words():
    reading = read_speech("x<v_quote>one two three</v_quote><v_quote>four five six</v_quote>y")
    assert (reading.words, reading.verified_words) == (8, 6)


def test_a_speech_of_quotes_alone_has_no_own_sentence():
    assert read_speech("<v_quote>The cat sat on the mat.</v_quote>").own == ()
    assert read_speech("").words == 0


PASSAGE = "the old man sat by the river and watched the boats go down to the sea"


@given(
    st.lists(
        st.sampled_from(
            [
                "<quote>",
                "</quote>",
                "<v_quote>",
                "</u_quote>",
                "the old man sat",
                " by ",
                "x.",
                "\n",
                "<",
            ]
        ),
        max_size=12,
    )
)
def test_segments_agree_with_the_environment_on_what_a_quote_is(pieces):
    marked = mark("".join(pieces), PASSAGE).text
    mine = [(text, state) for text, state in segments(marked) if state is not None]
    assert mine == [(text, state) for text, state in read_quotes(marked) if text]
    reading = read_speech(marked)
    assert 0 <= reading.verified_words <= reading.words
