from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debateqd.agents.models.thinking import Stripped, strip_thinking

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
