"""Retrieval: terms, spans, BM25, support."""

from __future__ import annotations

from debate_env.core.quotes import passage_index
from debateqd.agents.models.embedded.retrieval import (
    QUOTE_WORDS,
    SpanIndex,
    distinguishing,
    is_hedged,
    relevance,
    stem,
    terms_of,
)

PASSAGE = (
    """The miller of Oakby stole the silver bell on rent day.
It rained a good deal. Dr. Vane saw it all, "and more," he said! Some rumours named the baker.

Another paragraph follows here, about geese. """
    + "long words " * 60
    + "end."
)


def test_endings_do_not_matter():
    assert stem("quotes") == stem("quoted") == stem("quoting") == "quot"
    assert stem("carries") == stem("carried")
    assert stem("dog") == "dog"


def test_every_span_is_a_verified_quote_and_short_enough():
    spans = SpanIndex(PASSAGE).spans
    assert spans
    for span in spans:
        assert passage_index(PASSAGE).holds(span.text, "strict")
        assert passage_index(PASSAGE).holds(span.text, "khan")
        assert span.words == len(span.text.split()) <= QUOTE_WORDS


def test_spans_do_not_cross_paragraphs_or_repeat_tags():
    spans = SpanIndex(PASSAGE + "\n\nA line with <quote> marks <b> in it.").spans
    assert not any("baker" in s.text and "Another" in s.text for s in spans)
    assert not any("<" in s.text for s in spans)


def test_bm25_ranks_the_sentence_with_all_terms_first():
    index = SpanIndex(PASSAGE)
    scores = index.scores([(terms_of("Who stole the bell of Oakby?"), 1.0)])
    best = index.spans[max(scores, key=scores.__getitem__)]
    assert "stole the silver bell" in best.text


def test_empty_and_tiny_passages_have_nothing_to_quote():
    assert SpanIndex("").spans == ()
    assert SpanIndex("Too short.").scores([(terms_of("short"), 1.0)]) == {}


def test_hedges():
    assert is_hedged("Some rumours named the baker.")
    assert not is_hedged("The baker did it.")


def test_answer_and_question_together_count_far_more_than_either():
    asked = terms_of("Who stole the silver bell?")
    miller, baker = distinguishing(("The miller", "The baker"), "Who stole the silver bell?")
    both = relevance(terms_of("The miller stole the silver bell."), asked, miller, baker)
    answer = relevance(terms_of("The miller was tired."), asked, miller, baker)
    question = relevance(terms_of("Somebody stole the silver bell."), asked, miller, baker)
    shared = relevance(terms_of("Miller or baker stole the silver bell."), asked, miller, baker)
    assert both > 5 * answer > 0
    assert question == shared == 0


def test_answers_that_differ_in_one_word_are_told_apart_by_it():
    first, second = distinguishing(("the old red mill", "the old red barn"), "Where is it?")
    assert first == {"mill"}
    assert second == {"barn"}
