from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debate_env.core.quotes import mark, read_quotes
from debate_env.core.speeches import TRUNCATION_MARK, clean, clip, cut
from debate_env.core.words import count_words
from tests.debate_env.support import FAST, PASSAGE, any_text


@pytest.mark.parametrize(
    "end", ["\r\n", "\r", "\v", "\f", "\x1c", "\x1e", "\x85", "\u2028", "\u2029"]
)
def test_every_line_end_becomes_a_line_feed(end):
    assert clean(f"one{end}two") == "one\ntwo"


@pytest.mark.parametrize("hidden", ["\x00", "\x1b", "\u202e", "\u2066", "\u200b", "\ufeff", "\xad"])
def test_what_hides_or_reorders_text_is_dropped(hidden):
    assert clean(f"<qu{hidden}ote>") == "<quote>"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "two\nlines\n",
        "tab\there",
        "नमस्\u200dते",
        "\U0001f468\u200d\U0001f33e",
        "a\xa0b",
    ],
)
def test_ordinary_text_is_left_alone(text):
    assert clean(text) == text


@FAST
@given(any_text)
def test_clean_text_can_be_written_and_cleaning_again_changes_nothing(text):
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert clean(cleaned) == cleaned
    assert len(cleaned) <= len(text)
    assert len(cleaned.replace("\n", "").splitlines()) <= 1


@FAST
@given(any_text, st.integers(1, 8))
def test_clipped_text_keeps_its_beginning(text, limit):
    shown, words, cut = clip(text, limit)
    assert words == min(limit, count_words(text))
    assert cut == (count_words(text) > limit)
    assert count_words(shown) == words
    if cut:
        body = shown.removesuffix(TRUNCATION_MARK)
        assert body != shown
        body = body if text.startswith(body) else body.removesuffix("</quote>")
        assert text.startswith(body)
        assert count_words(body) == limit
    else:
        assert shown == text


def test_a_quote_that_the_cut_leaves_open_is_closed_and_checked():
    text = "Look: <quote>set it seven minutes slow so that no boat</quote> and more and more"
    shown, words, cut = clip(text, 6)
    assert shown == "Look: <quote>set it seven minutes slow</quote>" + TRUNCATION_MARK
    assert (words, cut) == (6, True)
    assert read_quotes(mark(shown, PASSAGE).text) == [("set it seven minutes slow", True)]
    assert clip(text, 12)[0].count("</quote>") == 1


@FAST
@given(any_text, st.integers(1, 40))
def test_cut_text_fits(text, limit):
    assert len(cut(text, limit)) <= limit
    assert "<quote" not in mark(cut(text, limit), PASSAGE).text


@pytest.mark.parametrize("limit", range(14, 30))
def test_a_cut_through_a_tag_leaves_no_piece_of_it(limit):
    shown = mark(cut("A <quote>set it seven</quote> and so on", limit), PASSAGE).text
    assert "‹" not in shown
