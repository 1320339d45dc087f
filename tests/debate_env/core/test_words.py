from __future__ import annotations

import pytest

from debate_env.core.words import count_words, word_ends
from debate_env.errors import InputError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        (" \n . , !", 0),
        ("One two, three.", 3),
        ("don't stop at five o'clock", 5),
        ("they\u2019ll see l\u2019eau", 3),
        ("3.5 of 1,200 at 12:30", 5),
        ("3rd of A4", 3),
        ("_".join(["word"] * 600), 600),
        ("/".join(["word"] * 600), 600),
        ("-".join(["word"] * 600), 600),
        (".".join(["word"] * 600), 600),
        ("'".join(["word"] * 600), 600),
        ("\u2800".join(["word"] * 600), 600),
        ("\u3164".join(["word"] * 600), 600),
        ("\u4e2d\u56fd\u4eba\u6c11\u7ad9\u8d77\u6765\u4e86", 4),
        ("\u4e2d\u56fd\u4eba\u3002\u7ad9", 3),
        ("\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", 3),
        ("\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e", 2),
        ("cafe\u0301 au lait", 3),
        ("\uc548\ub155 \uc138\uc0c1", 2),
        ("<quote>the keeper</quote> <v_quote>says</v_quote>", 3),
    ],
)
def test_words_of_a_reader(text: str, words: int) -> None:
    assert count_words(text) == words


def test_pieces_between_white_space() -> None:
    assert count_words("a_b c-d  <quote>e", "whitespace") == 3
    assert list(word_ends("a b", "whitespace")) == [1, 3]
    assert list(word_ends("one, two")) == [3, 8]


def test_an_unknown_mode_is_one_line() -> None:
    with pytest.raises(InputError, match="did you mean 'reader'"):
        count_words("a", "readers")  # type: ignore[arg-type]
