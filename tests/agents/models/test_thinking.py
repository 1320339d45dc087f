from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debateqd.agents.models.thinking import Stripped, answer_start, strip_thinking

TAGS = ("<think>", "</think>")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A plain speech. ", Stripped("A plain speech. ", 0, False)),
        ("", Stripped("", 0, False)),
        ("<think>hm</think>\n\nSo.", Stripped("So.", 17, False)),
        ("hm, the template opened this</think>So.", Stripped("So.", 36, False)),
        ("<think>for ever", Stripped("", 15, True)),
        ("So. <think>and then", Stripped("So.", 15, True)),
        ("a<think>1</think>b<think>2</think>c", Stripped("abc", 32, False)),
        ("x</think>a<think>2</think>b", Stripped("ab", 25, False)),
        ("<think></think>", Stripped("", 15, False)),
        ("<think>a</think><think>b", Stripped("", 24, True)),
    ],
)
def test_thinking_is_taken_out(text: str, expected: Stripped) -> None:
    assert strip_thinking(text, TAGS) == expected


CHANNELS = [
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>So.",
    "<|channel|>final<|message|>So.<|return|>",
    "<|channel|>analysis<|message|>A?<|end|><|channel|>final <|constrain|>json<|message|>So.",
    "<|start|>assistant<|channel|>commentary<|message|>x<|channel|>final<|message|>So.",
    "analysisThe user asks. assistant final?assistantfinalSo.",
]


@pytest.mark.parametrize("text", CHANNELS)
@pytest.mark.parametrize("tags", [TAGS, ("", "")])
def test_channels_before_the_final_one_are_thinking(text: str, tags: tuple[str, str]) -> None:
    start = text.index("So.")
    assert strip_thinking(text, tags) == Stripped("So.", start, False)
    assert answer_start(text, tags) == start


@pytest.mark.parametrize(
    "text", ["<|channel|>analysis<|message|>It may be", "analysisThe user", "x<|channel|>fin"]
)
def test_channels_without_a_final_one_are_unfinished(text: str) -> None:
    assert strip_thinking(text, TAGS) == Stripped("", len(text), True)
    assert answer_start(text, TAGS) is None


@pytest.mark.parametrize("text", ["analysis shows it", "An analysisThe", "the final<|end|>"])
def test_words_of_the_channels_are_no_channels(text: str) -> None:
    assert strip_thinking(text, TAGS) == Stripped(text, 0, False)


@pytest.mark.parametrize(
    ("text", "start"),
    [("So.", 0), ("x</think>So.", 9), ("<think>a</think>b</think>So.", 25), (" <think>a", None)],
)
def test_where_an_answer_begins(text: str, start: int | None) -> None:
    assert answer_start(text, TAGS) == start


def test_other_tags() -> None:
    assert strip_thinking("[T]x[/T]y<think>", ("[T]", "[/T]")).text == "y<think>"
    assert strip_thinking("x[/T]y", ("", "[/T]")).text == "y"
    assert strip_thinking("<think>x", ("<think>", "")).text == "<think>x"


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", " ", "\n"]), max_size=12))
def test_no_complete_block_is_left_and_nothing_is_invented(parts: list[str]) -> None:
    text = "".join(parts)
    stripped = strip_thinking(text, TAGS)
    assert "<think>" not in stripped.text
    assert len(stripped.text) + stripped.removed <= len(text)
    assert (stripped.removed == 0) == ("<think>" not in text and "</think>" not in text)
    if not stripped.removed:
        assert stripped.text == text
